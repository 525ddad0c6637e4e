package proxy

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/borderflow/borderflow/proxy/answer"
)

// isEventStream reports whether r's body is a stream of events (WHATWG HTML, "server-sent events",
// here sent by a client) of which nobody knows the end.
func isEventStream(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && media == "text/event-stream" && r.ContentLength < 0 && len(r.Header["Content-Encoding"]) == 0 && r.Body != http.NoBody
}

// eventGate is the body of a stream of events whose verdict depends on them: each is held until its
// blank line has come and it has been decided. To wait for more would wait for ever, when the client
// waits for an answer to what it has sent.
type eventGate struct {
	exchange *exchange
	body     io.ReadCloser
	request  *http.Request

	pending []byte // whole events that may leave, then the beginning of the next
	ready   int    // the length of the former
	end     error
}

// holdEvents makes r's body one that leaves event by event.
func (x *exchange) holdEvents(r *http.Request) *answer.Refusal {
	if refusal := x.decideSoFar(); refusal != nil {
		return refusal
	}
	place := &reservation{budget: &x.proxy.heldBytes, size: x.proxy.config.Inspect.HoldUntilDecided.Bytes() + 2*heldChunk}
	x.payload.keep(place)
	if !place.take(x.proxy.config.Inspect.Memory.Bytes()) {
		return x.unreadable(r.Context(), errHeldMemory)
	}
	x.body.waitLong()
	r.Body = &eventGate{exchange: x, body: r.Body, request: r}
	return nil
}

// reservation is memory that is counted before it is used.
type reservation struct {
	budget   *atomic.Int64
	size     int64
	taken    bool
	released sync.Once
}

// take reports whether there is room.
func (r *reservation) take(most int64) bool {
	r.taken = r.budget.Add(r.size) <= most
	if !r.taken {
		r.budget.Add(-r.size)
	}
	return r.taken
}

func (r *reservation) release() {
	r.released.Do(func() {
		if r.taken {
			r.budget.Add(-r.size)
		}
	})
}

// Read returns events that may leave.
func (g *eventGate) Read(p []byte) (int, error) {
	for g.ready == 0 && g.end == nil {
		g.end = g.advance()
	}
	if g.ready == 0 || g.end != nil && g.end != io.EOF {
		return 0, g.end
	}
	n := copy(p, g.pending[:g.ready])
	g.pending = append(g.pending[:0], g.pending[n:]...)
	g.ready -= n
	return n, nil
}

// Close ends the stream of events.
func (g *eventGate) Close() error { return g.body.Close() }

// advance reads on, and decides on the events that have come to their end.
func (g *eventGate) advance() error {
	x := g.exchange
	err := g.receive()
	if err != nil && err != io.EOF {
		return err
	}
	whole := lastEvent(g.pending)
	oversize := whole == 0 && int64(len(g.pending)) > x.proxy.config.Inspect.HoldUntilDecided.Bytes()
	switch {
	case err == io.EOF || oversize:
		whole = len(g.pending)
	case whole == 0:
		return nil
	}
	x.payload.write(g.pending[:whole])
	if err == io.EOF {
		x.payload.readTrailer(g.request.Trailer)
	}
	data := x.payload.facts()
	if oversize {
		x.payload.oversize = true
		data = partly(data, "event is larger than inspect.holdUntilDecided")
		data.Oversize = true
	}
	if blocked := x.passMessage(data); blocked != nil {
		return blocked
	}
	g.ready = whole
	return err
}

// receive adds what one Read of the body returns. An event that has begun must arrive in time.
func (g *eventGate) receive() error {
	if len(g.pending) > 0 {
		late := time.AfterFunc(g.exchange.proxy.config.Inspect.Timeout, g.exchange.body.late)
		defer late.Stop()
	}
	g.pending = slices.Grow(g.pending, heldChunk)
	room := g.pending[len(g.pending) : len(g.pending)+heldChunk]
	n, err := g.body.Read(room)
	g.pending = g.pending[:len(g.pending)+n]
	return err
}

// lastEvent returns the end of the last whole event in p: behind a blank line.
func lastEvent(p []byte) int {
	end := 0
	for _, blank := range []string{"\n\n", "\n\r\n", "\r\r"} {
		if at := bytes.LastIndex(p, []byte(blank)); at >= 0 {
			end = max(end, at+len(blank))
		}
	}
	return end
}
