package proxy

import (
	"encoding/binary"
	"errors"
	"io"
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
	body     io.ReadCloser
	message  []byte // decided; what is left of it to read
	buffer   []byte
	passing  int64 // bytes left of a message that is too large to be held, and may leave all the same
}

const messagePrefix = 5 // compressed flag and four bytes of length

func (g *messageGate) Read(p []byte) (int, error) {
	if g.passing > 0 && len(g.message) == 0 {
		n, err := g.body.Read(p[:min(int64(len(p)), g.passing)])
		g.exchange.payload.write(p[:n])
		g.passing -= int64(n)
		return n, err
	}
	if len(g.message) == 0 {
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
	if _, err := io.ReadFull(g.body, g.buffer); err != nil {
		return err // io.EOF: the client has sent all its messages
	}
	length := int64(binary.BigEndian.Uint32(g.buffer[1:]))
	if length > x.proxy.config.Inspect.BodyLimit.Bytes() {
		x.payload.oversize = true
		g.passing, g.message = length, g.buffer
		x.payload.write(g.buffer)
		return x.passMessage(partly(x.payload.facts(), "gRPC message is larger than inspect.bodyLimit"))
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

// passMessage decides on what the messages so far have shown. It returns errBlocked, with the
// refusal kept for the response, when the next one may not leave.
func (x *exchange) passMessage(data flow.Data) error {
	if decision := x.decideData(data); decision.Verdict != flow.Allow {
		x.stop(x.blocked(decision))
		return errBlocked
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
