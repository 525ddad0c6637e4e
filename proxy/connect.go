package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/borderflow/borderflow/certs"
	"github.com/borderflow/borderflow/proxy/answer"
	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/intercept"
	"github.com/borderflow/borderflow/proxy/listen"
	"github.com/borderflow/borderflow/proxy/upstream"
	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/elazarl/goproxy"
	"go.uber.org/zap"
)

// openingWait is how long a client has to begin speaking inside its tunnel, or limits.handshakeTimeout
// if that is shorter. A client that waits for the server to speak first is let through after it, if
// the policy lets pass what cannot be read.
const openingWait = 5 * time.Second

// onConnect is goproxy's only CONNECT handler. It answers every CONNECT, because goproxy tunnels
// what no handler answers (data-plane row 4).
func (p *Proxy) onConnect(host string, ctx *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
	x := exchangeOf(ctx.Req.Context())
	if refusal := x.admitConnect(ctx.Req); refusal != nil {
		ctx.Resp = x.refuse(ctx.Req, refusal)
		return &goproxy.ConnectAction{Action: goproxy.ConnectReject}, host
	}
	return &goproxy.ConnectAction{Action: goproxy.ConnectHijack, Hijack: x.serveConnect}, host
}

// admitConnect decides what is known before the tunnel exists: source, host, address, jurisdiction.
func (x *exchange) admitConnect(r *http.Request) *answer.Refusal {
	// Not r.URL.Host: net/http drops user information and a path from it in silence.
	authority, err := upstream.ParseAuthority(r.RequestURI, 0)
	if err != nil {
		return badRequest(err.Error())
	}
	x.flow.Inspection = flow.InspectNone
	x.flow.Request = flow.Request{Method: http.MethodConnect, Protocol: "connect", Size: -1}
	x.identify(r)
	if refusal := x.locate(r.Context(), authority); refusal != nil {
		return refusal
	}
	if refusal := x.proxy.closedForNew(true); refusal != nil {
		return refusal
	}
	if decision := x.decide(flow.Connect); decision.Verdict == flow.Block {
		return x.blocked(decision)
	}
	x.inspect, x.lenient = x.policy.InspectAt(&x.flow, time.Now())
	if x.inspect != flow.InspectFull {
		return x.decideUninspected()
	}
	return nil
}

// decideUninspected decides a tunnel whose requests and payloads nobody will read. The outcome of
// rules that depend on them is the policy's onUninspectable.
func (x *exchange) decideUninspected() *answer.Refusal {
	x.mutex.Lock()
	x.flow.Request = flow.Request{State: flow.Unavailable, Protocol: "connect", Method: http.MethodConnect, Size: -1}
	x.flow.Data, x.flow.Declared.State = flow.Data{State: flow.Unavailable}, flow.Unavailable
	x.mutex.Unlock()
	if decision := x.decide(flow.Body); decision.Verdict != flow.Allow {
		return x.blocked(decision)
	}
	return nil
}

// serveConnect carries an admitted CONNECT out on the client's connection, which goproxy has taken
// over. It returns when the tunnel has ended, or when the server has taken the connection.
func (x *exchange) serveConnect(r *http.Request, client net.Conn, _ *goproxy.ProxyCtx) {
	client = overStream(client)
	if x.inspect == flow.InspectFull {
		x.serveIntercepted(r, client)
		return
	}
	origin, refusal := x.dial(r.Context())
	if refusal != nil {
		sendConnectRefusal(client, x.refuse(r, refusal))
		return
	}
	if err := confirmConnect(client); err != nil {
		x.settle(evidence.Aborted, "")
		_ = origin.Close()
		return
	}
	var ahead []byte
	if x.inspect == flow.InspectSNI {
		var err error
		if ahead, err = x.readServerName(client); err != nil {
			x.settle(evidence.Refused, "http_request_denied")
			_ = origin.Close()
			return
		}
	}
	x.relay(client, origin, ahead)
}

// readServerName peeks at the ClientHello of a tunnel that is inspected that far. A name that is not
// the tunnel's own would take the flow to another host than the one that was decided.
func (x *exchange) readServerName(client net.Conn) ([]byte, error) {
	opening, ahead, serverName, err := intercept.Peek(client, min(openingWait, x.proxy.limits.HandshakeTimeout))
	if err != nil {
		return nil, err
	}
	if opening == intercept.OpeningTLS {
		x.flow.Inspection = flow.InspectSNI
	}
	if !x.ownName(serverName) {
		_, _ = client.Write(unrecognizedName)
		return nil, errors.New("server name is not the tunnel's host")
	}
	return ahead, nil
}

// unrecognizedName is the TLS alert of RFC 6066 section 3: fatal, code 112.
var unrecognizedName = []byte{21, 3, 3, 0, 2, 2, 112}

// ownName reports whether a ClientHello's server name fits the tunnel. A tunnel to an address has no
// name of its own, so that any name is the client's affair.
func (x *exchange) ownName(serverName string) bool {
	authority := x.target.Authority
	if serverName == "" || authority.IP.IsValid() {
		return true
	}
	host, _, err := upstream.ParseHost(serverName)
	return err == nil && host == authority.Host
}

// dial connects to the decided address, or to the next one of the same name that the policy allows.
func (x *exchange) dial(ctx context.Context) (*net.TCPConn, *answer.Refusal) {
	for {
		origin, err := x.proxy.dialer.Dial(ctx, x.target)
		if err == nil {
			return origin, nil
		}
		retry, refusal := x.retarget(err)
		if refusal != nil {
			return nil, refusal
		}
		if !retry {
			return nil, x.trouble(err)
		}
	}
}

// retarget moves on to the target's next address after it could not be connected to, and decides
// again: the next one may stand under another law.
func (x *exchange) retarget(err error) (retry bool, refusal *answer.Refusal) {
	var dialError *upstream.DialError
	if !errors.As(err, &dialError) {
		return false, nil
	}
	next, ok := x.proxy.pinner.Next(x.target)
	if !ok {
		return false, nil
	}
	x.mutex.Lock()
	failed, allowed := x.target, x.decision
	x.pin(next)
	phase := flow.Headers
	if x.flow.Data.State != flow.Pending {
		phase = flow.Body
	}
	x.mutex.Unlock()
	switch decision := x.decide(phase); decision.Verdict {
	case flow.Allow:
		if decision.Redact.String() == allowed.Redact.String() {
			return true, nil
		} // what was redacted is not what the next address asks for
	case flow.Block:
		return false, x.blocked(decision)
	default:
		if x.onLargeBody == rules.LargeStream && decision.OnLargeBody == rules.LargeStream {
			return true, nil // the body is decided on as it leaves
		}
	}
	x.mutex.Lock()
	defer x.mutex.Unlock()
	x.pin(failed) // the next one would depend on a payload that has not been held
	x.decision = allowed
	return false, nil
}

// confirmConnect tells the client that its tunnel stands.
func confirmConnect(client net.Conn) error {
	if stream, ok := client.(interface{ ResponseWriter() http.ResponseWriter }); ok { // HTTP/2
		w := stream.ResponseWriter()
		w.WriteHeader(http.StatusOK)
		return http.NewResponseController(w).Flush()
	}
	_, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	return err
}

// sendConnectRefusal answers a CONNECT that was taken over before it failed.
func sendConnectRefusal(client net.Conn, response *http.Response) {
	if stream, ok := client.(interface{ ResponseWriter() http.ResponseWriter }); ok {
		writeResponse(stream.ResponseWriter(), response)
		return
	}
	response.Close = true
	_ = client.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_ = response.Write(client)
}

// relay copies between client and origin until either ends, on their bare sockets.
func (x *exchange) relay(client net.Conn, origin *net.TCPConn, ahead []byte) {
	if replayed, ok := client.(*listen.Replayed); ok {
		first, bare := replayed.TakeAhead()
		ahead, client = append(ahead, first...), bare
	}
	relay := &intercept.Relay{Client: client, Origin: origin, Idle: x.proxy.config.Limits.TunnelIdle}
	remove := x.proxy.registry.Add(&listen.Entry{
		Kind:     listen.Tunnel,
		Redecide: func() { x.redecideTunnel(relay) },
		End: func() {
			x.settle(evidence.Aborted, "")
			relay.End()
		},
	})
	defer remove()
	x.mutex.Lock()
	x.connectedAfter = time.Since(x.flow.Started)
	x.mutex.Unlock()
	x.recordOpening(context.Background()) // the tunnel outlives its request
	if len(ahead) > 0 {
		n, err := origin.Write(ahead)
		x.sent.Add(int64(n))
		if err != nil {
			x.settle(evidence.Failed, "connection_terminated")
			_ = origin.Close()
			return
		}
	}
	err := relay.Run()
	x.sent.Add(relay.Sent())
	x.received.Add(relay.Received())
	switch {
	case err == nil:
	case errors.Is(err, intercept.ErrRelayEnded):
		x.settle(evidence.Aborted, "connection_timeout")
	default:
		x.settle(evidence.Aborted, "connection_terminated")
	}
}

// redecideTunnel ends the tunnel when the policy now in force would not have opened it like this.
func (x *exchange) redecideTunnel(relay *intercept.Relay) {
	policy := x.proxy.store.Current()
	x.mutex.Lock()
	current := x.flow
	x.mutex.Unlock()
	decision := policy.Decide(&current, flow.Body)
	if decision.Verdict == flow.Allow && policy.Inspect(&current) >= x.inspect {
		x.adopt(policy, decision)
		return
	}
	x.settle(evidence.Redecided, "http_request_denied")
	x.adopt(policy, decision)
	relay.End()
}

// serveIntercepted finds out what the client speaks inside its tunnel and has its requests served,
// each a flow of its own.
func (x *exchange) serveIntercepted(r *http.Request, client net.Conn) {
	if confirmConnect(client) != nil {
		x.settle(evidence.Aborted, "")
		return
	}
	opening, ahead, serverName, err := intercept.Peek(client, min(openingWait, x.proxy.limits.HandshakeTimeout))
	switch {
	case err != nil && len(ahead) == 0:
		x.settle(evidence.Aborted, "")
	case err != nil:
		x.settle(evidence.Failed, "tls_protocol_error")
	case opening == intercept.OpeningTLS && !x.ownName(serverName):
		_, _ = client.Write(unrecognizedName)
		x.settle(evidence.Refused, "http_request_denied")
	case opening == intercept.OpeningTLS:
		x.serveInner(r, client, ahead, "https")
	case opening == intercept.OpeningHTTP:
		x.serveInner(r, client, ahead, "http")
	default:
		x.tunnelUnreadable(r, client, ahead)
	}
}

// tunnelUnreadable carries a protocol that cannot be inspected, if the policy lets such flows pass.
func (x *exchange) tunnelUnreadable(r *http.Request, client net.Conn, ahead []byte) {
	if refusal := x.decideUninspected(); refusal != nil {
		x.refuse(r, refusal)
		return
	}
	origin, refusal := x.dial(r.Context())
	if refusal != nil {
		x.refuse(r, refusal)
		return
	}
	x.relay(client, origin, ahead)
}

// serveInner hands the client's connection to the server, bound to this CONNECT's target.
func (x *exchange) serveInner(r *http.Request, client net.Conn, ahead []byte, scheme string) {
	inner := &tunnel{id: x.flow.ID, scheme: scheme, target: x.target, class: x.class,
		source: x.flow.Source, destination: x.flow.Destination}
	overHTTP2 := r.ProtoMajor == 2
	owner := x.writer.Release()
	done := make(chan struct{})
	conn := listen.NewConn(listen.NewReplayed(client, ahead), inner, nil)
	remove := x.proxy.registry.Add(&listen.Entry{Kind: listen.Intercept, End: func() { _ = conn.Close() }})
	conn.OnClose(func() {
		remove()
		if owner != nil {
			_ = owner.Close()
		}
		close(done)
	})
	x.handed = true
	err := x.submit(r.Context(), conn, inner)
	if err != nil {
		x.handed = false
		x.handshakeFailed(err)
		_ = conn.Close()
	}
	if overHTTP2 {
		<-done // an HTTP/2 stream lives only as long as its handler
	}
}

func (x *exchange) submit(ctx context.Context, conn *listen.Conn, inner *tunnel) error {
	// The CONNECT's own context ends with its handler, and its requests go on.
	ctx = certs.WithFallbackHost(context.WithoutCancel(ctx), inner.target.Authority.Host)
	if inner.scheme == "http" {
		return x.proxy.server.Submit(ctx, conn)
	}
	config := x.proxy.innerTLS
	if x.proxy.pool.SpeaksOnlyHTTP1(inner.target, inner.class) {
		config = x.proxy.innerTLS1
	}
	return x.proxy.server.SubmitTLS(ctx, conn, config)
}

// handshakeFailed records a TLS handshake with the client that did not succeed. A client that
// answers with an alert does not trust the CA, or pins the origin's certificate.
func (x *exchange) handshakeFailed(err error) {
	if alert, ok := strings.CutPrefix(err.Error(), "remote error: tls: "); ok {
		x.settle(evidence.Aborted, "tls_alert_received")
		x.proxy.metrics.ClientRejectedTLS()
		x.proxy.log.Warn("a client rejected the certificate made for it: have it trust the CA, or, if it pins the origin's "+
			"certificate, approve the exemption",
			zap.String("host", x.target.Authority.Host), zap.Stringer("client", x.flow.Source.Address),
			zap.String("alert", alert), zap.String("flow", x.flow.ID),
			zap.String("exemption", proposeExemption(&x.flow, time.Now())))
		return
	}
	x.settle(evidence.Aborted, "tls_protocol_error")
}
