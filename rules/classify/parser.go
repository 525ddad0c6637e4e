package classify

import (
	"bufio"
	"errors"
	"io"
)

// parser is a stage that pulls its input: a structure is easier to follow where it can be asked for.
type parser struct {
	stream  *Stream
	name    string // e.g. "zip archive"
	input   *coroutine
	in      *bufio.Reader
	parse   func(*parser) error
	between bool // what came so far is complete, and more may follow
	ended   bool // no more can be read: all was, or it failed
	rest    sink // reads what follows a failure as it is; nil if nothing does
}

// unreadable is an error that says why the rest cannot be read.
type unreadable string

func (e unreadable) Error() string { return string(e) }

func (s *Stream) parser(name string, parse func(*parser) error) *parser {
	d := &parser{stream: s, name: name, parse: parse}
	d.input = s.coroutine(d.run)
	return d
}

func (d *parser) run(input *coroutine) {
	d.in = bufio.NewReaderSize(input, 4<<10)
	err := d.guarded()
	if err == nil {
		d.between = true
		if _, err = d.in.Peek(1); err == nil {
			err = unreadable("data after the end of " + d.name)
		}
	}
	d.ended = true
	var why unreadable
	switch {
	case errors.Is(err, errAborted), errors.Is(err, errOverBudget), err == io.EOF && d.between:
		return
	case errors.As(err, &why):
		d.stream.coverage.missed(string(why))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		d.stream.coverage.missed("truncated " + d.name)
	default:
		d.stream.coverage.missed("invalid " + d.name)
	}
	d.rest = d.stream.openLeaf("", recordLines, "")
	left, _ := d.in.Peek(d.in.Buffered())
	d.rest.write(left)
}

// guarded is parse, whose decompressors may panic on hostile input.
func (d *parser) guarded() (err error) {
	defer func() {
		if recover() != nil {
			err = errPanicked
		}
	}()
	return d.parse(d)
}

// more says whether another document follows.
func (d *parser) more() bool {
	d.between = true
	if _, err := d.in.Peek(1); err != nil {
		return false
	}
	d.between = false
	return true
}

func (d *parser) write(p []byte) {
	if !d.ended {
		p = d.input.feed(p)
	}
	if d.rest != nil {
		d.rest.write(p)
	}
}

func (d *parser) pending() bool {
	return d.input.begun && !d.ended && !d.between || d.rest != nil && d.rest.pending()
}

func (d *parser) close() {
	if !d.ended {
		if !d.input.begun {
			d.between = true // nothing at all
		}
		d.input.end()
	}
	d.stream.ended(d.input)
	if d.rest != nil {
		d.rest.close()
	}
}
