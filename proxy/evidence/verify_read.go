package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/borderflow/borderflow/proxy/evidence/keep/sealed"
	"github.com/borderflow/borderflow/proxy/evidence/merkle"
)

// chunk is some lines of a segment on their way from the reader through a worker to the one that
// looks at them in their order.
type chunk struct {
	segment *Segment
	offset  int64       // of its first line in the segment
	text    []byte      // whole lines
	size    int         // of text
	index   *indexCheck // of the segment, with its first chunk
	last    bool        // the segment ends with it, but for an unfinished line

	lines []readLineResult
	done  chan struct{} // closed when lines is filled
}

// readLineResult is what a worker found out about a line.
type readLineResult struct {
	seq      uint64 // 0 when the line is no record
	leaf     merkle.Hash
	offset   int64
	id       uint64 // hash of its id
	recovery *Record
	err      error // with Strict
}

const chunkBytes = 1 << 20

// readSegments reads the log once: one goroutine reads, workers hash, and this one keeps the order.
func (v *verification) readSegments(ctx context.Context, segments []Segment) error {
	v.order = newOrder(v)
	v.report.Segments = len(segments)
	group, ctx := errgroup.WithContext(ctx)
	work := make(chan *chunk, v.options.Workers)
	ordered := make(chan *chunk, 4*v.options.Workers)
	group.Go(func() error {
		defer close(work)
		defer close(ordered)
		for i := range segments {
			if err := readChunks(ctx, &segments[i], work, ordered); err != nil {
				return err
			}
		}
		return nil
	})
	for range v.options.Workers {
		group.Go(func() error {
			hasher := merkle.NewHasher()
			for c := range work {
				c.examine(hasher, v.options.Strict)
				close(c.done)
			}
			return nil
		})
	}
	group.Go(func() error {
		for c := range ordered {
			select {
			case <-c.done:
				v.order.take(c)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		v.order.end()
		return nil
	})
	return group.Wait()
}

// readChunks cuts a segment into chunks of whole lines.
func readChunks(ctx context.Context, s *Segment, work, ordered chan<- *chunk) error {
	// Before the segment: while the log is written, an index never knows more than is there.
	index := openIndexCheck(s.Path)
	file, err := sealed.Open(s.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	in := io.NewSectionReader(file, 0, file.Size())
	var offset int64
	var rest []byte // the beginning of a line that the next chunk ends
	for {
		// One byte more than what is left shows the end without another turn.
		left := max(0, file.Size()-offset-int64(len(rest)))
		text := make([]byte, len(rest)+int(min(chunkBytes, left+1)))
		copy(text, rest)
		n, err := io.ReadFull(in, text[len(rest):])
		if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("read %s: %w", filepath.Base(s.Path), err)
		}
		text = text[:len(rest)+n]
		whole := bytes.LastIndexByte(text, '\n') + 1
		if err == nil && whole == 0 && len(text) <= MaxLine {
			rest = text
			continue
		}
		if err == nil && whole == 0 {
			whole = len(text) // no line is that long: what it is part of will not be a record
		}
		c := &chunk{segment: s, offset: offset, text: text[:whole], size: whole, index: index, last: err != nil, done: make(chan struct{})}
		rest, index = text[whole:], nil
		offset += int64(whole)
		for _, to := range []chan<- *chunk{work, ordered} {
			select {
			case to <- c:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if c.last {
			return nil
		}
	}
}

var recoveryKind = []byte(`"kind":"` + KindRecovery + `"`)

// examine does what needs no order.
func (c *chunk) examine(hasher *merkle.Hasher, strict bool) {
	c.lines = make([]readLineResult, 0, bytes.Count(c.text, []byte{'\n'})+1)
	offset := c.offset
	for rest := c.text; len(rest) > 0; {
		line, behind, _ := bytes.Cut(rest, []byte{'\n'})
		seq, _ := sequenceIn(line)
		result := readLineResult{seq: seq, leaf: hasher.Leaf(line), offset: offset, id: idHash(idOf(line))}
		if bytes.Contains(line[:min(len(line), idReach)], recoveryKind) {
			result.recovery, _ = parse(line)
		}
		if strict {
			_, result.err = parse(line)
		}
		c.lines = append(c.lines, result)
		offset += int64(len(rest) - len(behind))
		rest = behind
	}
	c.text = nil
}
