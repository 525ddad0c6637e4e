package proxy

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/borderflow/borderflow/proxy/answer"
	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/identity"
	"github.com/borderflow/borderflow/proxy/listen"
	"github.com/borderflow/borderflow/proxy/upstream"
	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
	"go.uber.org/zap"
)

// exchange is one flow on its way through: what is known of it, what was decided, and what happened.
// It lives from the request's headers to its record.
type exchange struct {
	proxy  *Proxy
	writer *listen.Writer
	tunnel *tunnel // the CONNECT that the request came in; nil for requests to the proxy itself
	policy *rules.Policy
	target upstream.Target
	class  string // identity class of upstream connections

	inspect flow.Inspection  // how far the policy lets a CONNECT be read
	lenient *rules.Exemption // that has less of it read than the policy says; nil without one

	upgrade      bool // the client asks for a WebSocket
	holdMessages bool // the WebSocket's messages wait for their verdict
	rewrites     bool // what has to be redacted can be, in the payload as it is held
	onLargeBody  rules.LargeBody

	body           *clientBody // nil when the request has none
	sent, received atomic.Int64
	broken         atomic.Bool // the response cannot be completed

	// mutex guards what follows: a streamed body and a new policy decide while the handler runs.
	mutex    sync.Mutex
	flow     flow.Flow
	decision rules.Decision
	refusal  *answer.Refusal
	outcome  evidence.Outcome
	failure  string          // RFC 9209 error type; "" when nothing went wrong
	stopped  *answer.Refusal // of a message, while the response may be under way
	cut      bool            // the request's body was stopped when a part of it had left
	payload  *payload
	redacted map[string]int // places in the payload that were redacted, by detector

	certificate *x509.Certificate // the origin's, verified; nil without TLS or before the handshake

	known    bool // the destination is known, so that there is a flow to record
	handed   bool // the connection went on to the server for intercepted connections
	recorded bool
	opened   bool // the opening record was appended

	// Moments of the flow, from its start; 0 when it did not come to that.
	decidedAfter, connectedAfter, answeredAfter time.Duration

	trace string // traceparent of the request, as it came; "" without one
}

type exchangeKey struct{}

// exchangeOf returns the exchange of a request that ServeHTTP let in.
func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// ServeHTTP takes in every request: to the proxy itself and from intercepted connections alike.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn := listen.Of(r.Context())
	writer, forward := listen.NewWriter(w, p.limits.WriteStall)
	x := &exchange{proxy: p, writer: writer, policy: p.store.Current(), outcome: evidence.Completed}
	x.flow.ID, x.flow.Started = newFlowID(), time.Now()
	x.tunnel, _ = conn.Tunnel.(*tunnel)
	p.active.Add(1)
	defer p.active.Done()
	defer x.finish(r)
	defer x.recoverPanic(w)

	x.takeBody(r)
	if conn.NextRequest() {
		w.Header().Set("Connection", "close")
		x.answer(forward, r, badRequest("the request's framing is ambiguous: fold no header line, and send either "+
			"Content-Length or Transfer-Encoding: chunked, not both (RFC 9112 sections 5.2 and 6.1)"))
		return
	}
	if x.tunnel == nil && r.ProtoMajor == 2 && r.Method != http.MethodConnect && !r.URL.IsAbs() {
		// Over HTTP/2 the target of a request to a proxy stands in :authority; net/http drops :scheme.
		// Clients tunnel what is https, so that only http comes like this.
		r.URL.Scheme, r.URL.Host = "http", r.Host
	}
	if x.tunnel != nil {
		x.inherit()
		x.describe(r)
		if refusal := x.tunnel.checkInner(r); refusal != nil {
			x.answer(forward, r, refusal)
			return
		}
	}
	p.core.ServeHTTP(forward, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
	if x.broken.Load() {
		// goproxy ends the response as if it were whole; only a broken connection tells otherwise.
		panic(http.ErrAbortHandler)
	}
}

// newFlowID returns a UUID of version 7 (RFC 9562 section 5.7): unique, and sortable by time.
func newFlowID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the process instead
	milliseconds := time.Now().UnixMilli()
	for i := range 6 {
		id[i] = byte(milliseconds >> (40 - 8*i))
	}
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	text := make([]byte, 36)
	hex.Encode(text[0:8], id[0:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:36], id[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text)
}

// refuse settles that the flow does not go on, and renders why. A refusal by a rule is recorded
// before the client can read it.
func (x *exchange) refuse(r *http.Request, refusal *answer.Refusal) *http.Response {
	refusal.FlowID = x.flow.ID
	x.settle(evidence.Refused, refusal.ProxyError)
	x.mutex.Lock()
	x.refusal = refusal
	x.mutex.Unlock()
	blocked := x.outcomeNow() == evidence.Blocked
	if !blocked {
		x.proxy.metrics.Refused(refusal.ProxyError)
	}
	// While records cannot be written the log keeps this one; waiting for it would help nobody.
	x.record(r.Context(), blocked && x.proxy.evidence.Ready() == nil)
	response := refusal.Response(r)
	if x.body != nil && x.body.closesConnection(r.ContentLength) {
		response.Header.Set("Connection", "close")
	}
	return response
}

// settle keeps how the flow ended; the first cause counts.
func (x *exchange) settle(outcome evidence.Outcome, failure string) {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	if x.outcome == evidence.Completed {
		x.outcome, x.failure = outcome, failure
	}
}

func (x *exchange) outcomeNow() evidence.Outcome {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	return x.outcome
}

// answer refuses outside of goproxy's chain.
func (x *exchange) answer(w http.ResponseWriter, r *http.Request, refusal *answer.Refusal) {
	writeResponse(w, x.refuse(r, refusal))
}

// recoverPanic turns a panic into a failed flow: whatever went wrong, nothing more leaves. What the
// panic says may quote a payload, so that only its place is logged.
func (x *exchange) recoverPanic(w http.ResponseWriter) {
	cause := recover()
	if cause == nil {
		return
	}
	if err, ok := cause.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
		x.settle(evidence.Failed, "proxy_internal_error")
		x.proxy.log.Error("a request panicked", zap.String("flow", x.flow.ID),
			zap.String("type", fmt.Sprintf("%T", cause)), zap.ByteString("stack", debug.Stack()))
		if x.writer.Status == 0 && x.writer.Hijacked == nil {
			x.answer(w, new(http.Request), internalError())
			return
		}
	}
	// The response may be half written: only a broken connection tells the client so.
	x.broken.Store(true)
	x.writer.CloseHijacked()
	defer x.record(context.Background(), false)
	panic(http.ErrAbortHandler)
}

// finish ends the exchange: closes what was taken over and records the outcome.
func (x *exchange) finish(r *http.Request) {
	if x.body != nil {
		x.body.end(x.writer.Hijacked != nil, x.broken.Load())
	}
	if x.handed {
		return // its requests are flows of their own
	}
	if r.Context().Err() != nil && x.writer.Hijacked == nil {
		x.settle(evidence.Aborted, "")
	}
	x.writer.CloseHijacked()
	x.closePayload()
	x.record(context.WithoutCancel(r.Context()), false)
	if x.body != nil && x.body.leavesRest() && x.writer.Hijacked == nil && !x.broken.Load() {
		x.writer.Flush()
		x.body.readRest()
	}
}

// locate resolves the destination, pins its address and finds its jurisdictions.
func (x *exchange) locate(ctx context.Context, authority upstream.Authority) *answer.Refusal {
	x.known = true
	destination := &x.flow.Destination
	destination.Host, destination.Port = authority.Host, authority.Port
	target, err := x.proxy.pinner.Resolve(ctx, authority)
	if err != nil {
		destination.AddressState, destination.LocationState = flow.Unavailable, flow.Unavailable
		return x.trouble(err)
	}
	x.pin(target)
	return nil
}

// pin makes target the one that is decided on and dialled.
func (x *exchange) pin(target upstream.Target) {
	destination := &x.flow.Destination
	x.target = target
	destination.Address, destination.AddressState = target.Address.Addr(), flow.Known
	destination.Exemption = target.Exemption
	destination.Location, destination.LocationState =
		x.proxy.jurisdictions.LocateVia(destination.Host, target.CNAMEs, target.Address.Addr())
}

// identify establishes who sends. Inside a tunnel that was done for its CONNECT.
func (x *exchange) identify(r *http.Request) {
	conn := listen.Of(r.Context())
	x.flow.Source = identity.Of(r.RemoteAddr, conn.TLS())
	x.proxy.origins.place(&x.flow.Source)
	// Connections to origins are shared by those who are known by the same name only.
	x.class = x.flow.Source.Identity
}
