package summary

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/keep/sealed"
)

const chunkBytes = 1 << 20

// chunk is some whole lines of the log, and what was found in them.
type chunk struct {
	text   []byte
	done   chan struct{} // closed when the fields below are set
	facts  []fact        // flows of the period, in their order
	behind int64         // of the period, and not committed to by the checkpoint
	open   int64         // openings of the period
	odd    int64         // lines that are no record
}

// readLog reads the log once: one goroutine reads, workers scan, and one counts in the order of the log.
func (c *count) readLog(ctx context.Context, directory string, options Options) error {
	segments, err := sealed.Segments(directory)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	work := make(chan *chunk, options.Workers)
	ordered := make(chan *chunk, 2*options.Workers)
	group.Go(func() error {
		defer close(work)
		defer close(ordered)
		for _, s := range segments {
			if err := c.readChunks(ctx, s.Path, work, ordered); err != nil {
				return err
			}
		}
		return nil
	})
	for range options.Workers {
		group.Go(func() error {
			s := &scanner{names: make(names)}
			for chunk := range work {
				chunk.scan(s, c.report)
				close(chunk.done)
			}
			return nil
		})
	}
	group.Go(func() error {
		for chunk := range ordered {
			select {
			case <-chunk.done:
			case <-ctx.Done():
				return ctx.Err()
			}
			c.add(chunk)
			c.chunks.Put(chunk)
		}
		return nil
	})
	return group.Wait()
}

// readChunks cuts a segment into chunks of whole lines. What stands behind the last one is being
// written, or was given up.
func (c *count) readChunks(ctx context.Context, path string, work, ordered chan<- *chunk) error {
	file, err := sealed.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	next := c.newChunk(nil)
	for offset := int64(0); offset < file.Size(); {
		this, begun := next, len(next.text)
		this.text = slices.Grow(this.text, chunkBytes)[:begun+int(min(chunkBytes, file.Size()-offset))]
		n, err := file.ReadAt(this.text[begun:], offset)
		if err != nil && err != io.EOF {
			return fmt.Errorf("read %s: %w", filepath.Base(path), err)
		}
		if n == 0 {
			return nil // the end was cut off meanwhile
		}
		this.text = this.text[:begun+n]
		offset += int64(n)
		whole := bytes.LastIndexByte(this.text, '\n') + 1
		if whole == 0 && len(this.text) <= evidence.MaxLine {
			continue
		}
		if whole == 0 {
			whole = len(this.text) // no line is that long: it is counted as none
		}
		// Before this one is let go: its memory is used again as soon as it is counted.
		next = c.newChunk(this.text[whole:])
		this.text = this.text[:whole]
		for _, to := range []chan<- *chunk{work, ordered} {
			select {
			case to <- this:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// newChunk returns one that begins with text, in memory of one that was counted.
func (c *count) newChunk(text []byte) *chunk {
	next, used := c.chunks.Get().(*chunk)
	if !used {
		next = new(chunk)
	}
	*next = chunk{text: append(next.text[:0], text...), facts: next.facts[:0], done: make(chan struct{})}
	return next
}

// scan finds the flows of the period.
func (c *chunk) scan(s *scanner, r *Report) {
	var f fact
	for rest := c.text; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		if _, began, ok := beginning(s, line); ok && !r.within(began) {
			continue
		}
		switch {
		case !f.read(s, line):
			c.odd++
		case f.Kind == evidence.KindRecovery || !r.within(f.Time):
		case r.Log.proves() && f.Seq > r.Log.Size:
			c.behind++
		case f.Kind == evidence.KindOpening:
			c.open++
		case f.Kind != evidence.KindFlow:
			c.odd++
		default:
			c.facts = append(c.facts, f)
		}
	}
}
