package classify

import (
	"errors"
	"io"
	"iter"
	"slices"
)

var errAborted = errors.New("stream aborted")

// coroutine feeds code that pulls its input, such as a decompressor or an archive's reader, from writes.
//
// When the code has used up what was written its Read yields, and the next write resumes it. It runs only
// while feed, end or stop runs, on the caller's time; there is nothing to wait for.
type coroutine struct {
	in     []byte // of the current write, not yet read
	begun  bool   // there was a write
	ended  bool   // no more writes
	yield  func(struct{}) bool
	resume func() (struct{}, bool)
	stop   func()
}

// coroutine makes one that runs body and ends with the stream at the latest.
func (s *Stream) coroutine(body func(*coroutine)) *coroutine {
	c := &coroutine{}
	c.resume, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		body(c)
	})
	s.running = append(s.running, c)
	return c
}

// ended forgets a coroutine that has run to its end.
func (s *Stream) ended(c *coroutine) {
	c.stop()
	s.running = slices.DeleteFunc(s.running, func(other *coroutine) bool { return other == c })
}

// feed resumes the body with p and returns what it has left of it, which is not empty only if it has
// returned.
func (c *coroutine) feed(p []byte) (rest []byte) {
	c.in, c.begun = p, true
	c.resume()
	rest, c.in = c.in, nil
	return rest
}

// end lets the body run to its end.
func (c *coroutine) end() {
	c.ended = true
	c.resume()
}

// Read gives the body its input.
func (c *coroutine) Read(p []byte) (int, error) {
	for len(c.in) == 0 {
		if c.ended {
			return 0, io.EOF
		}
		if !c.yield(struct{}{}) {
			return 0, errAborted
		}
	}
	n := copy(p, c.in)
	c.in = c.in[n:]
	return n, nil
}
