package query

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/borderflow/borderflow/proxy/evidence/keep"
	"github.com/borderflow/borderflow/proxy/evidence/keep/sealed"
)

// Options for Run. The zero value asks for all records.
type Options struct {
	From  time.Time // records of that time or later; zero: from the beginning
	Until time.Time // records before that time; zero: to the end
	Limit int       // most matches; 0: all of them
	// Workers is how many goroutines look at records. Default: one for each processor.
	Workers int
}

// Result is what a run came to.
type Result struct {
	Matches int   `json:"matches"`
	Records int64 `json:"records"` // looked at
	Bytes   int64 `json:"bytes"`   // of them
	Skipped int   `json:"skipped"` // segments that lie outside of the period
	// Failed is how many records the condition could not be evaluated for, or were no records; First says
	// why, of the first of them.
	Failed int    `json:"failed,omitempty"`
	First  string `json:"first_failure,omitempty"`
}

const (
	pieceBytes = 1 << 20
	// maxLine bounds a line; package evidence writes none that is longer.
	maxLine = 4 << 20
	// clockSlack is how far clocks may have been set back between a record and the next segment.
	clockSlack = 24 * time.Hour
)

// errEnough ends a run that has found what it may.
var errEnough = errors.New("as many matches as were asked for")

// Run shows the lines of the log in directory that meet the condition, in the order of the records. A line
// is valid until found returns; an error of found ends the run. The log may be written to meanwhile.
func Run(ctx context.Context, directory string, c *Condition, options Options, found func(line []byte) error) (Result, error) {
	if options.Workers <= 0 {
		options.Workers = runtime.GOMAXPROCS(0)
	}
	segments, err := sealed.Segments(directory)
	if err != nil {
		return Result{}, fmt.Errorf("query records: %w", err)
	}
	r := &run{condition: c, options: options, found: found}
	group, ctx := errgroup.WithContext(ctx)
	work := make(chan *piece, options.Workers)
	ordered := make(chan *piece, 4*options.Workers)
	group.Go(func() error {
		defer close(work)
		defer close(ordered)
		for i := range segments {
			if outside(segments, i, options) {
				r.skipped++
				continue
			}
			if err := readPieces(ctx, segments[i].Path, work, ordered); err != nil {
				return fmt.Errorf("read %s: %w", filepath.Base(segments[i].Path), err)
			}
		}
		return nil
	})
	for range options.Workers {
		group.Go(func() error {
			for p := range work {
				p.search(c, options)
				close(p.done)
			}
			return nil
		})
	}
	group.Go(func() error { return r.collect(ctx, ordered) })
	if err := group.Wait(); err != nil && !errors.Is(err, errEnough) {
		return r.result, fmt.Errorf("query records: %w", err)
	}
	r.result.Skipped = r.skipped
	return r.result, nil
}

// run is one run.
type run struct {
	condition *Condition
	options   Options
	found     func([]byte) error
	result    Result
	skipped   int // belongs to the reader until it has ended
}

// outside reports that a segment has no record of the period. Records have the time at which their flow
// began, which can be long before they are written: only a summary tells the earliest.
func outside(segments []sealed.Segment, i int, options Options) bool {
	if i == len(segments)-1 {
		return false // it is written to
	}
	if s, known := keep.ReadSummary(segments[i].Path); known && s.Records > 0 {
		return !options.From.IsZero() && s.Until.Before(options.From) || !options.Until.IsZero() && !s.From.Before(options.Until)
	}
	return !options.From.IsZero() && segments[i+1].Start.Add(clockSlack).Before(options.From)
}

// piece is some lines on their way from the reader through a worker to the collector.
type piece struct {
	text    []byte // whole lines
	matches [][]byte
	records int64
	failed  int
	first   string
	done    chan struct{} // closed when it was searched
}

func readPieces(ctx context.Context, path string, work, ordered chan<- *piece) error {
	file, err := sealed.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var rest []byte
	for offset := int64(0); offset < file.Size(); {
		text := make([]byte, len(rest)+int(min(pieceBytes, file.Size()-offset)))
		copy(text, rest)
		n, err := file.ReadAt(text[len(rest):], offset)
		if err != nil && err != io.EOF {
			return err
		}
		if n == 0 {
			return nil // somebody has cut the end off
		}
		text = text[:len(rest)+n]
		offset += int64(n)
		whole := bytes.LastIndexByte(text, '\n') + 1
		if whole == 0 && len(text) > maxLine {
			return fmt.Errorf("a line is longer than %d bytes", maxLine)
		}
		rest = text[whole:]
		if whole == 0 {
			continue
		}
		p := &piece{text: text[:whole], done: make(chan struct{})}
		for _, to := range []chan<- *piece{work, ordered} {
			select {
			case to <- p:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// search looks for matches in a piece.
func (p *piece) search(c *Condition, options Options) {
	p.records = int64(bytes.Count(p.text, []byte{'\n'}))
	anchor := c.filter.anchor()
	var r row
	for at := 0; at < len(p.text); {
		if anchor != nil {
			next := bytes.Index(p.text[at:], anchor)
			if next < 0 {
				return
			}
			at += bytes.LastIndexByte(p.text[at:at+next], '\n') + 1
		}
		end := at + bytes.IndexByte(p.text[at:], '\n')
		line := p.text[at:end]
		at = end + 1
		if !c.filter.passes(line) {
			continue
		}
		switch matches, err := meets(&r, line, c, options); {
		case err != nil:
			if p.failed++; p.first == "" {
				p.first = fmt.Sprintf("record %s: %v", cmp.Or(string(r.members[seqField.index]), "without a number"), err)
			}
		case matches:
			p.matches = append(p.matches, line)
		}
	}
}

func meets(r *row, line []byte, c *Condition, options Options) (bool, error) {
	if err := r.read(line); err != nil {
		return false, err
	}
	if !options.From.IsZero() || !options.Until.IsZero() {
		at, err := timeOf(r.members[timeField.index])
		if err != nil {
			return false, err
		}
		if at.Before(options.From) || !options.Until.IsZero() && !at.Before(options.Until) {
			return false, nil
		}
	}
	return c.matches(r)
}

func (r *run) collect(ctx context.Context, ordered <-chan *piece) error {
	for p := range ordered {
		select {
		case <-p.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		r.result.Records += p.records
		r.result.Bytes += int64(len(p.text))
		if r.result.Failed += p.failed; r.result.First == "" {
			r.result.First = p.first
		}
		for _, line := range p.matches {
			if err := r.found(line); err != nil {
				return err
			}
			if r.result.Matches++; r.result.Matches == r.options.Limit {
				return errEnough
			}
		}
	}
	return nil
}
