package classify

import (
	"bufio"
	"errors"
	"io"
	"sync"
)

var (
	errOverBudget = errors.New("over budget")
	errPanicked   = errors.New("decompressor panicked")
)

// inflater undoes one content encoding.
type inflater struct {
	stream *Stream
	name   string
	next   sink
	input  *coroutine
	ready  bool // the whole body has been decoded
	failed bool // no more can be decoded
}

func (s *Stream) inflate(name string, next sink) sink {
	d := &inflater{stream: s, name: encodingNames[name], next: next}
	d.input = s.coroutine(d.run)
	return d
}

func (d *inflater) write(p []byte) {
	if d.ready {
		d.fail("data after the end of " + d.name)
	}
	if d.failed {
		return
	}
	if rest := d.input.feed(p); d.ready && len(rest) > 0 {
		d.fail("data after the end of " + d.name)
	}
}

// pending holds until the whole body has been decoded: only then is nothing left in the window.
func (d *inflater) pending() bool {
	return d.input.begun && !d.ready && !d.failed || d.next.pending()
}

func (d *inflater) close() {
	d.input.end()
	d.stream.ended(d.input)
	d.next.close()
}

func (d *inflater) fail(reason string) {
	if !d.failed {
		d.failed = true
		d.stream.coverage.missed(reason)
	}
}

// run is the coroutine's body.
func (d *inflater) run(input *coroutine) {
	pool := d.stream.classifier.decoders[d.name]
	w := pool.Get().(*workshop)
	w.input.Reset(input)
	err := d.decode(w)
	switch {
	case err == io.EOF && w.input.Buffered() > 0:
		d.fail("data after the end of " + d.name)
	case err == io.EOF:
		d.ready = true
	case input.ended && errors.Is(err, io.ErrUnexpectedEOF):
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
		if over := d.stream.spend(n); over != "" {
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
