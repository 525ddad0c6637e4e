package proxy

import (
	"errors"
	"io"
	"net/http"

	"github.com/borderflow/borderflow/proxy/answer"
	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/intercept"
	"github.com/borderflow/borderflow/proxy/listen"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/elazarl/goproxy"
)

// RoundTrip forwards an admitted request to the address that was decided on. It always answers with a
// response: trouble with the origin becomes a refusal, never a Go error that goproxy would show.
func (x *exchange) RoundTrip(r *http.Request, _ *goproxy.ProxyCtx) (*http.Response, error) {
	response, err := x.send(r)
	for err != nil && x.stoppedBy() == nil && r.Context().Err() == nil {
		retry, refusal := x.retarget(err)
		if refusal != nil {
			return x.refuse(r, refusal), nil
		}
		if !retry {
			break
		}
		response, err = x.send(r)
	}
	if stopped := x.stoppedBy(); stopped != nil {
		if err == nil {
			_ = response.Body.Close()
		}
		return x.refuse(r, stopped), nil
	}
	if err != nil {
		if r.Context().Err() != nil {
			x.settle(evidence.Aborted, "")
		}
		return x.refuse(r, x.trouble(err)), nil
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		return x.switchProtocols(r, response), nil
	}
	removeHopByHop(response.Header, false)
	response.Header.Del("Te")
	if len(response.Trailer) > 0 && r.ProtoMajor == 1 {
		response.Header.Del("Content-Length") // HTTP/2 may have both; HTTP/1.1 has trailers with chunks only
	}
	response.Body = &responseBody{ReadCloser: response.Body, exchange: x, response: response}
	return response, nil
}

// send tries the pinned address once. The transport closes the body of an attempt that failed; the
// server closes the real one.
func (x *exchange) send(r *http.Request) (*http.Response, error) {
	attempt := *r
	if r.Body != http.NoBody {
		attempt.Body = io.NopCloser(r.Body)
	}
	return x.proxy.pool.RoundTrip(&attempt, x.target, x.class, x.upgrade)
}

// responseBody counts what comes back, and notices when the origin breaks off or a message of the
// request, which is still being sent, may not leave.
type responseBody struct {
	io.ReadCloser
	exchange *exchange
	response *http.Response
	begun    bool
}

func (b *responseBody) Read(p []byte) (int, error) {
	x := b.exchange
	if !b.begun {
		b.begun = true
		if b.response.ContentLength < 0 {
			x.writer.Flush() // the head of a stream does not wait for its first byte
		}
	}
	n, err := b.ReadCloser.Read(p)
	x.received.Add(int64(n))
	if err == nil || err == io.EOF {
		return n, err
	}
	if stopped := x.stoppedBy(); stopped != nil {
		x.refuse(b.response.Request, stopped)
		if answer.IsGRPC(b.response.Request) {
			b.response.Trailer = stopped.Trailer()
			return n, io.EOF
		}
	}
	if b.response.Request.Context().Err() != nil {
		x.settle(evidence.Aborted, "")
	}
	x.settle(evidence.Failed, "http_response_incomplete")
	x.broken.Store(true)
	return n, err
}

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
	}
	socket := intercept.NewWebSocket(&meteredSocket{origin, x}, messages, x.holdMessages,
		int(x.proxy.config.Inspect.BodyLimit.Bytes()))
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
	response.Body = &registeredSocket{socket, remove}
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

type meteredSocket struct {
	io.ReadWriteCloser
	exchange *exchange
}

func (s *meteredSocket) Read(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Read(p)
	s.exchange.received.Add(int64(n))
	return n, err
}

func (s *meteredSocket) Write(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Write(p)
	s.exchange.sent.Add(int64(n))
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
