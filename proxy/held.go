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

// heldBody keeps a body, or the part of it that may not leave yet, in pooled chunks. Filling and
// taking belong to one goroutine; reading and releasing may come from others, as net/http's transport
// reads in goroutines of its own that can outlive the exchange.
type heldBody struct {
	budget *atomic.Int64 // bytes that all held bodies take together
	most   int64         // what the budget may not pass

	mutex    sync.Mutex
	chunks   []*[heldChunk]byte
	length   int  // from the beginning of the first chunk to the end of what is held
	taken    int  // of the first chunk: bytes that have left
	filling  bool // a chunk is being read into
	released bool
}

// fill reads body to its end, or until more than limit bytes are there (errOversize; what was read
// stays held). look sees every byte.
func (h *heldBody) fill(ctx context.Context, body io.Reader, limit int64, look func([]byte)) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := h.read(body, look)
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

// read holds what one Read of source returns, at most a chunk. look sees it.
func (h *heldBody) read(source io.Reader, look func([]byte)) (int, error) {
	room, err := h.beginFilling()
	if err != nil {
		return 0, err
	}
	n, err := source.Read(room)
	look(room[:n])
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.filling = false
	h.length += n
	if h.released {
		h.free()
		return n, errReleased
	}
	return n, err
}

// beginFilling returns where there is room behind what is held. The chunk is not given back meanwhile.
func (h *heldBody) beginFilling() ([]byte, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.released {
		return nil, errReleased
	}
	if h.length == len(h.chunks)*heldChunk {
		if h.budget.Add(heldChunk) > h.most {
			h.budget.Add(-heldChunk)
			return nil, errHeldMemory
		}
		h.chunks = append(h.chunks, heldChunks.Get().(*[heldChunk]byte))
	}
	h.filling = true
	last := h.length / heldChunk
	return h.chunks[last][h.length%heldChunk:], nil
}

// take moves what is held, but for the last keep bytes, to p. The chunks that become empty are held
// into again.
func (h *heldBody) take(p []byte, keep int) (int, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.released {
		return 0, errReleased
	}
	n := 0
	for n < len(p) {
		ready := min(len(p)-n, h.length-h.taken-keep, heldChunk-h.taken)
		if ready <= 0 {
			break
		}
		n += copy(p[n:n+ready], h.chunks[0][h.taken:])
		if h.taken += ready; h.taken == heldChunk {
			empty := h.chunks[0]
			copy(h.chunks, h.chunks[1:])
			h.chunks[len(h.chunks)-1] = empty
			h.taken, h.length = 0, h.length-heldChunk
		}
	}
	return n, nil
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
	if !h.filling {
		h.free()
	}
}

// free is for those who hold mutex.
func (h *heldBody) free() {
	h.budget.Add(-int64(len(h.chunks)) * heldChunk)
	for _, chunk := range h.chunks {
		heldChunks.Put(chunk)
	}
	h.chunks = nil
}
