package proxy

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

const heldChunk = 32 << 10

var heldChunks = sync.Pool{New: func() any { return new([heldChunk]byte) }}

var (
	errOversize   = errors.New("body is larger than the limit")
	errHeldMemory = errors.New("too much memory is held by bodies")
	errReleased   = errors.New("the held body was released")
)

// heldBody keeps a body in pooled chunks until it has been decided, and then is the reader of it.
// Filling belongs to one goroutine; reading and releasing may follow from different ones, as
// net/http's transport does.
type heldBody struct {
	budget *atomic.Int64 // bytes that all held bodies take together
	most   int64         // what the budget may not pass

	mutex    sync.Mutex
	chunks   []*[heldChunk]byte
	length   int
	released bool
}

// fill reads body to its end, or until more than limit bytes are there (errOversize; what was read
// stays held). look sees every byte.
func (h *heldBody) fill(ctx context.Context, body io.Reader, limit int64, look func([]byte)) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if h.length == len(h.chunks)*heldChunk {
			if h.budget.Add(heldChunk) > h.most {
				h.budget.Add(-heldChunk)
				return errHeldMemory
			}
			h.chunks = append(h.chunks, heldChunks.Get().(*[heldChunk]byte))
		}
		room := h.chunks[len(h.chunks)-1][h.length%heldChunk:]
		n, err := body.Read(room)
		look(room[:n])
		h.length += n
		switch {
		case int64(h.length) > limit:
			return errOversize
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// reader reads what is held from its beginning.
func (h *heldBody) reader() io.Reader { return &heldReader{body: h} }

type heldReader struct {
	body     *heldBody
	position int
}

// Read returns what is held, then io.EOF.
func (r *heldReader) Read(p []byte) (int, error) {
	h := r.body
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.released {
		return 0, errReleased
	}
	if r.position == h.length {
		return 0, io.EOF
	}
	chunk := h.chunks[r.position/heldChunk]
	end := min(heldChunk, h.length-r.position/heldChunk*heldChunk)
	n := copy(p, chunk[r.position%heldChunk:end])
	r.position += n
	return n, nil
}

// release gives the memory back. It may be called more than once.
func (h *heldBody) release() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.released {
		return
	}
	h.released = true
	h.budget.Add(-int64(len(h.chunks)) * heldChunk)
	for _, chunk := range h.chunks {
		heldChunks.Put(chunk)
	}
	h.chunks = nil
}
