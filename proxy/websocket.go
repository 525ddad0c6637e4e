package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/borderflow/borderflow/proxy/answer"
	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/intercept"
	"github.com/borderflow/borderflow/proxy/listen"
	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/flow"
)

// switchProtocols follows a WebSocket that the origin has accepted.
func (x *exchange) switchProtocols(r *http.Request, response *http.Response) *http.Response {
	origin, ok := response.Body.(io.ReadWriteCloser)
	if !ok || !x.upgrade || !isWebSocket(response.Header) {
		_ = response.Body.Close()
		return x.refuse(r, x.trouble(errors.New("origin switched protocols unasked")))
	}
	removeHopByHop(response.Header, true)
	var gate *socketGate
	var messages intercept.MessageGate
	if x.payload != nil {
		gate = &socketGate{exchange: x}
		messages = gate
		x.payload.severalMessages(func() *classify.Stream {
			return x.classifier().NewStream(classify.Meta{Message: true})
		})
		x.payload.endMessage() // of the handshake
	}
	metered := &meteredSocket{ReadWriteCloser: origin, exchange: x}
	socket := intercept.NewWebSocket(metered, messages, x.holdMessages,
		int(x.proxy.config.Inspect.HoldUntilDecided.Bytes()))
	socket.Overdue = x.writer.CloseHijacked // a client that does not take its close frame is let go
	if gate != nil {
		gate.socket = socket
	}
	remove := x.proxy.registry.Add(&listen.Entry{
		Kind:     listen.WebSocket,
		Redecide: func() { x.redecideSocket(socket) },
		End: func() {
			x.settle(evidence.Aborted, "")
			socket.End(intercept.CloseGoingAway, "borderflow is shutting down")
		},
	})
	x.recordOpening(r.Context())
	stopIdle := metered.endIdle(x.proxy.config.Limits.TunnelIdle, func() {
		x.settle(evidence.Aborted, "connection_timeout")
		socket.End(intercept.CloseGoingAway, "no message for a long time")
	})
	response.Body = &registeredSocket{socket, func() { stopIdle(); remove() }}
	return response
}

// redecideSocket asks the policy now in force whether the WebSocket may go on. Where the verdict
// newly depends on messages that nobody held, the client has to connect again.
func (x *exchange) redecideSocket(socket *intercept.WebSocket) {
	policy := x.proxy.store.Current()
	x.mutex.Lock()
	current := x.flow
	x.mutex.Unlock()
	if !x.holdMessages {
		current.Data = flow.Data{}
	}
	decision := policy.Decide(&current, flow.Headers)
	if x.holdMessages {
		decision = policy.Decide(&current, flow.Body)
	}
	switch decision.Verdict {
	case flow.Allow:
		x.adopt(policy, decision)
	case flow.Block:
		x.settle(evidence.Redecided, "http_request_denied")
		x.adopt(policy, decision)
		x.endSocket(socket, decision)
	default:
		x.settle(evidence.Redecided, "")
		socket.End(intercept.CloseServiceRestart, "the policy changed; connect again")
	}
}

// meteredSocket counts what a WebSocket carries, and knows when it last carried something.
type meteredSocket struct {
	io.ReadWriteCloser
	exchange *exchange
	moved    atomic.Int64 // Unix time in nanoseconds
}

// endIdle calls end when nothing has moved for idle. Pings count: a client that wants its WebSocket
// kept sends them.
func (s *meteredSocket) endIdle(idle time.Duration, end func()) (stop func()) {
	s.moved.Store(time.Now().UnixNano())
	var mutex sync.Mutex
	var timer *time.Timer
	stopped := false
	check := func() {
		quiet := time.Since(time.Unix(0, s.moved.Load()))
		mutex.Lock()
		defer mutex.Unlock()
		switch {
		case stopped:
		case quiet >= idle:
			end()
		default:
			timer.Reset(idle - quiet)
		}
	}
	mutex.Lock()
	defer mutex.Unlock()
	timer = time.AfterFunc(idle, check)
	return func() {
		mutex.Lock()
		defer mutex.Unlock()
		stopped = true
		timer.Stop()
	}
}

func (s *meteredSocket) Read(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Read(p)
	s.exchange.received.Add(int64(n))
	s.moved.Store(time.Now().UnixNano())
	return n, err
}

func (s *meteredSocket) Write(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Write(p)
	s.exchange.sent.Add(int64(n))
	s.moved.Store(time.Now().UnixNano())
	return n, err
}

type registeredSocket struct {
	*intercept.WebSocket
	remove func()
}

func (s *registeredSocket) Close() error {
	s.remove()
	return s.WebSocket.Close()
}

// socketGate decides on the messages of a WebSocket's client.
type socketGate struct {
	exchange *exchange
	socket   *intercept.WebSocket
	opaque   string // why the current message cannot be read
	message  []byte // of a policy that redacts: what there is of the current one
}

// Payload shows a part of a message to the classifier.
func (g *socketGate) Payload(p []byte) {
	g.exchange.payload.write(p)
	if g.exchange.holdMessages && g.exchange.mayRedact() {
		g.message = append(g.message, p...)
	}
}

// Opaque keeps why the current message cannot be read.
func (g *socketGate) Opaque(reason string) { g.opaque = reason }

// Control decides on the payload of a control frame. A message may be under way around it, so that it
// is looked at beside that.
func (g *socketGate) Control(payload []byte) bool {
	return g.decide(g.exchange.payload.aside(payload)) && g.spares(payload)
}

// EndMessage decides on the message, where the verdict depends on it, and redacts it.
func (g *socketGate) EndMessage() (redacted []byte, ok bool) {
	message := g.message
	if g.message = message[:0]; cap(message) > heldChunk {
		g.message = nil
	}
	data := g.exchange.payload.endMessage()
	if g.opaque != "" {
		data, g.opaque = partly(data, g.opaque), ""
		data.Oversize = true
	}
	if !g.decide(data) {
		return nil, false
	}
	return g.redact(message)
}

func (g *socketGate) decide(data flow.Data) bool {
	x := g.exchange
	if !x.holdMessages {
		return true
	}
	decision := x.decideData(data)
	if decision.Verdict == flow.Allow {
		return true
	}
	x.endSocket(g.socket, decision)
	return false
}

// endSocket closes a WebSocket for a decision, with the reason in its close frame.
func (x *exchange) endSocket(socket *intercept.WebSocket, decision rules.Decision) {
	refusal := x.blocked(decision)
	x.stop(refusal)
	socket.End(intercept.ClosePolicyViolation, closeReason(refusal))
}

// closeReason begins with what must not be lost: a close frame takes 123 bytes.
func closeReason(refusal *answer.Refusal) string {
	if refusal.Rule == "" {
		return "flow " + refusal.FlowID + ": " + refusal.Reason
	}
	return "flow " + refusal.FlowID + "; rule " + refusal.Rule + ": " + refusal.Reason
}
