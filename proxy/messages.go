package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/borderflow/borderflow/proxy/answer"
	"github.com/borderflow/borderflow/rules/flow"
)

// errBlocked ends a request body whose next message may not leave.
var errBlocked = errors.New("message blocked by policy")

// messageGate is the body of a gRPC request whose verdict depends on its messages: each is held
// until it has been decided (gRPC over HTTP/2, "Length-Prefixed-Message"). Waiting for the end of
// the body instead would stall every stream on which the two sides take turns.
type messageGate struct {
	exchange *exchange
	request  *http.Request // whose trailer arrives with the end of body
	body     io.ReadCloser
	message  []byte // decided; what is left of it to read
	buffer   []byte
	large    io.Reader // what may leave of a message that is too large to be held in memory; nil without one
	held     *largePayload
	finished error // what the end of the body came to
}

const messagePrefix = 5 // compressed flag and four bytes of length

func (g *messageGate) Read(p []byte) (int, error) {
	for len(g.message) == 0 {
		if g.large != nil {
			n, err := g.large.Read(p)
			if err == io.EOF {
				g.held.release()
				g.large, err = nil, nil
			}
			if n > 0 || err != nil {
				return n, err
			}
		}
		if err := g.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, g.message)
	g.message = g.message[n:]
	return n, nil
}

// next reads one message and decides on it.
func (g *messageGate) next() error {
	x := g.exchange
	g.buffer = append(g.buffer[:0], make([]byte, messagePrefix)...)
	if _, err := io.ReadFull(g.body, g.buffer); err == io.EOF {
		return g.end()
	} else if err != nil {
		return err
	}
	length := int64(binary.BigEndian.Uint32(g.buffer[1:]))
	if length > x.proxy.config.Inspect.HoldUntilDecided.Bytes() {
		return g.admitLarge(length)
	}
	if x.proxy.heldBytes.Add(length) > x.proxy.config.Inspect.Memory.Bytes() {
		x.proxy.heldBytes.Add(-length)
		x.stop(unavailable("borderflow holds as many request bodies as inspect.memory allows; try again"))
		return errBlocked
	}
	defer x.proxy.heldBytes.Add(-length)
	g.buffer = append(g.buffer, make([]byte, length)...)
	late := time.AfterFunc(x.proxy.config.Inspect.Timeout, x.body.late)
	defer late.Stop()
	if _, err := io.ReadFull(g.body, g.buffer[messagePrefix:]); err != nil {
		if x.stoppedBy() == nil {
			x.stop(badRequest("the request ends in the middle of a gRPC message"))
		}
		return io.ErrUnexpectedEOF
	}
	x.payload.write(g.buffer)
	g.message = g.buffer
	return x.passMessage(x.payload.facts())
}

func (g *messageGate) Close() error { return g.body.Close() }

// end is for when the client has sent all its messages, and with their end a trailer perhaps.
func (g *messageGate) end() error {
	x := g.exchange
	if g.finished == nil {
		g.finished = io.EOF
		if len(g.request.Trailer) > 0 {
			x.payload.readTrailer(g.request.Trailer)
			if err := x.passMessage(x.payload.facts()); err != nil {
				g.finished = err
			}
		}
	}
	return g.finished
}

// admitLarge begins a message that is larger than may be held in memory.
func (g *messageGate) admitLarge(length int64) error {
	x := g.exchange
	message := &largePayload{exchange: x, size: length, held: x.newHeld(), whole: x.payload.facts,
		source: io.MultiReader(bytes.NewReader(bytes.Clone(g.buffer)), &promptReader{x, &wholeReader{g.body, length, x}})}
	err := message.held.fill(g.request.Context(), message.source, x.proxy.config.Inspect.HoldUntilDecided.Bytes(), x.payload.write)
	if !errors.Is(err, errOversize) {
		x.stop(x.unreadable(g.request.Context(), err))
		return errBlocked
	}
	leaving, refusal := message.admit(g.request.Context())
	if refusal != nil {
		x.stop(refusal)
		x.noteCut()
		return errBlocked
	}
	g.large, g.held = leaving, message
	return nil
}

// wholeReader reads a message of which the length is known.
type wholeReader struct {
	io.Reader
	left     int64
	exchange *exchange
}

func (r *wholeReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.Reader.Read(p[:min(int64(len(p)), r.left)])
	if r.left -= int64(n); err == io.EOF && r.left > 0 {
		if r.exchange.stoppedBy() == nil {
			r.exchange.stop(badRequest("the request ends in the middle of a gRPC message"))
		}
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

// promptReader ends the request's body when a read takes longer than a held body may take.
type promptReader struct {
	exchange *exchange
	source   io.Reader
}

func (r *promptReader) Read(p []byte) (int, error) {
	late := time.AfterFunc(r.exchange.proxy.config.Inspect.Timeout, r.exchange.body.late)
	defer late.Stop()
	return r.source.Read(p)
}

// passMessage decides on what the messages so far have shown. It returns errBlocked, with the
// refusal kept for the response, when the next one may not leave.
func (x *exchange) passMessage(data flow.Data) error {
	if decision := x.decideData(data); decision.Verdict != flow.Allow {
		return x.cutOff(decision)
	}
	return nil
}

// stop keeps the refusal that the response is to tell of.
func (x *exchange) stop(refusal *answer.Refusal) {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	refusal.FlowID = x.flow.ID
	x.stopped = refusal
}

// stoppedBy returns the refusal of stop, nil when there was none.
func (x *exchange) stoppedBy() *answer.Refusal {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	return x.stopped
}
