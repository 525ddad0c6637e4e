package classify

import (
	"bufio"
	"errors"
	"io"
	"sync"
)

var (
	errAborted    = errors.New("stream aborted")
	errOverBudget = errors.New("over budget")
	errPanicked   = errors.New("decompressor panicked")
)

// inflater undoes one content encoding.
//
// Decompressors read from an io.Reader, but a payload is pushed. The decompressor therefore runs as a
// coroutine (iter.Pull): when it has used up its input its Read yields, and the next write resumes it. It
// runs only while write, close or stop runs, on the caller's time; there is nothing to wait for.
type inflater struct {
	stream *Stream
	name   string
	next   sink

	in     []byte // of the current write, not yet read
	begun  bool   // there was a write
	ended  bool   // no more writes
	ready  bool   // the whole body has been decoded
	failed bool   // no more can be decoded
	yield  func(struct{}) bool
	resume func() (struct{}, bool)
	stop   func()
}

func (s *Stream) inflate(name string, next sink) sink {
	d := &inflater{stream: s, name: encodingNames[name], next: next}
	s.coroutine(d)
	return d
}

func (d *inflater) write(p []byte) {
	if d.ready {
		d.fail("data after the end of " + d.name)
	}
	if d.failed {
		return
	}
	d.in, d.begun = p, true
	d.resume()
	if d.ready && len(d.in) > 0 {
		d.fail("data after the end of " + d.name)
	}
	d.in = nil
}

// pending holds until the whole body has been decoded: only then is nothing left in the window.
func (d *inflater) pending() bool {
	return d.begun && !d.ready && !d.failed || d.next.pending()
}

func (d *inflater) close() {
	d.ended = true
	if !d.failed && !d.ready {
		d.resume()
	}
	d.stream.ended(d)
	d.next.close()
}

// Read gives the decompressor its input.
func (d *inflater) Read(p []byte) (int, error) {
	for len(d.in) == 0 {
		if d.ended {
			return 0, io.EOF
		}
		if !d.yield(struct{}{}) {
			return 0, errAborted
		}
	}
	n := copy(p, d.in)
	d.in = d.in[n:]
	return n, nil
}

func (d *inflater) fail(reason string) {
	if !d.failed {
		d.failed = true
		d.stream.coverage.missed(reason)
	}
}

// run is the coroutine's body.
func (d *inflater) run(yield func(struct{}) bool) {
	d.yield = yield
	pool := d.stream.classifier.decoders[d.name]
	w := pool.Get().(*workshop)
	w.input.Reset(d)
	err := d.decode(w)
	switch {
	case err == io.EOF && w.input.Buffered() > 0:
		d.fail("data after the end of " + d.name)
	case err == io.EOF:
		d.ready = true
	case d.ended && errors.Is(err, io.ErrUnexpectedEOF):
		d.fail("truncated " + d.name)
	case errors.Is(err, errAborted):
		d.failed = true
	default:
		d.fail("invalid " + d.name)
	}
	if !errors.Is(err, errPanicked) {
		w.input.Reset(nil)
		pool.Put(w)
	}
}

// decode passes on what w makes of the input, up to the error that ends it.
func (d *inflater) decode(w *workshop) error {
	n, err := 0, w.start()
	for err == nil {
		n, err = w.read()
		if n == 0 {
			continue
		}
		if over := d.stream.budget.spend(n, d.stream.bytes); over != "" {
			d.stream.coverage.exceeded = true
			d.fail(over)
			return errOverBudget
		}
		d.next.write(w.output[:n])
	}
	return err
}

// workshop is a decompressor with its buffers, kept for the next payload.
type workshop struct {
	input   *bufio.Reader
	output  [8 << 10]byte
	decoder io.Reader
	open    func(w *workshop) error // makes or resets decoder to read from input
}

// read decodes the next bytes into output. A decompressor that panics on hostile input is not to be used
// again.
func (w *workshop) read() (n int, err error) {
	defer func() {
		if recover() != nil {
			n, err = 0, errPanicked
		}
	}()
	return w.decoder.Read(w.output[:])
}

// start begins a body. An empty one is decoded at once: no encoding makes something of nothing.
func (w *workshop) start() (err error) {
	defer func() {
		if recover() != nil {
			err = errPanicked
		}
	}()
	if _, err := w.input.Peek(1); err != nil {
		return err
	}
	return w.open(w)
}

func newPool(open func() func(*workshop) error) *sync.Pool {
	return &sync.Pool{New: func() any {
		return &workshop{input: bufio.NewReaderSize(nil, 4<<10), open: open()}
	}}
}
