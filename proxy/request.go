package proxy

import (
	"net/http"
	"strings"
	"time"

	"github.com/borderflow/borderflow/proxy/answer"
	"github.com/borderflow/borderflow/proxy/upstream"
	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/elazarl/goproxy"
)

// onRequest is goproxy's request handler: everything between a request's headers and its forwarding.
func (p *Proxy) onRequest(r *http.Request, ctx *goproxy.ProxyCtx) (*http.Request, *http.Response) {
	x := exchangeOf(r.Context())
	if refusal := x.admit(r); refusal != nil {
		return r, x.refuse(r, refusal)
	}
	ctx.RoundTripper = x
	return r, nil
}

// admit takes a request through identification, resolution and decision. A refusal is final.
func (x *exchange) admit(r *http.Request) *answer.Refusal {
	// RFC 6455 section 4.1: a handshake is a GET, and what would follow it as a body belongs to it.
	x.upgrade = r.Method == http.MethodGet && r.ContentLength == 0 && isWebSocket(r.Header)
	removeHopByHop(r.Header, x.upgrade)
	if _, named := r.Header["User-Agent"]; !named {
		r.Header["User-Agent"] = []string{""} // else net/http would name itself
	}
	r.Close = false // whether the client's connection goes on is not the origin's affair
	if r.ContentLength == 0 {
		r.Body = http.NoBody
	} else {
		r.Body = x.body
	}
	if r.Method == "PRI" {
		return badRequest("HTTP/2 without TLS is not spoken here; use TLS, or HTTP/1.1")
	}
	authority, refusal := x.authorityOf(r)
	if refusal != nil {
		return refusal
	}
	x.flow.Inspection = flow.InspectFull
	x.describe(r)
	if x.tunnel == nil {
		x.identify(r)
		if refusal := x.locate(r.Context(), authority); refusal != nil {
			return refusal
		}
	}
	x.flow.Declared = x.proxy.labels.read(r.Header, &x.flow.Source)
	if refusal := x.proxy.closedForNew(x.upgrade); refusal != nil {
		return refusal
	}
	return x.decideRequest(r)
}

// authorityOf finds where the request goes. Inside a tunnel that is its decided target (checkInner).
func (x *exchange) authorityOf(r *http.Request) (upstream.Authority, *answer.Refusal) {
	if x.tunnel != nil {
		return x.tunnel.target.Authority, nil
	}
	defaultPort := uint16(80)
	switch r.URL.Scheme {
	case "http":
	case "https":
		defaultPort = 443
	default:
		return upstream.Authority{}, badRequest("the proxy forwards http:// and https:// only")
	}
	if r.URL.User != nil {
		r.URL.User = nil // credentials in a URL are the client's to turn into a header
	}
	authority, err := upstream.ParseAuthority(r.URL.Host, defaultPort)
	if err != nil {
		return authority, badRequest(err.Error())
	}
	return authority, nil
}

// describe fills in what is asked.
func (x *exchange) describe(r *http.Request) {
	x.flow.Request = flow.Request{
		State: flow.Known, Method: r.Method, Scheme: r.URL.Scheme, Path: r.URL.Path,
		Query: r.URL.RawQuery, Header: r.Header, Size: r.ContentLength, Protocol: "http/1.1",
	}
	if parents := r.Header["Traceparent"]; len(parents) == 1 {
		x.trace = parents[0]
	}
	switch {
	case x.upgrade:
		x.flow.Request.Protocol = "websocket"
	case answer.IsGRPC(r):
		x.flow.Request.Protocol = "grpc"
	case r.ProtoMajor == 2:
		x.flow.Request.Protocol = "h2"
	}
}

// decideRequest asks the policy, reading the payload only when the verdict depends on it.
func (x *exchange) decideRequest(r *http.Request) *answer.Refusal {
	decision := x.decide(flow.Headers)
	switch decision.Verdict {
	case flow.Block:
		return x.blocked(decision)
	case flow.Allow:
		if decision.WantsData {
			x.observePayload(r)
		}
		x.meterBody(r)
		return nil
	}
	x.onLargeBody = decision.OnLargeBody
	return x.decidePayload(r)
}

// decide asks the policy for a verdict in phase and keeps it.
func (x *exchange) decide(phase flow.Phase) rules.Decision {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	x.decision = x.policy.Decide(&x.flow, phase)
	x.decidedAfter = time.Since(x.flow.Started)
	return x.decision
}

// closedForNew is the refusal while the proxy takes no new flow. A drain still serves requests that
// were on their way, but begins nothing that would outlive it.
func (p *Proxy) closedForNew(longLived bool) *answer.Refusal {
	if longLived && p.draining.Load() {
		return unavailable("borderflow is shutting down; connect again")
	}
	if err := p.evidence.Ready(); err != nil && !p.config.Evidence.allowsLoss() {
		return unavailable("borderflow cannot write its records, and is configured to let nothing pass unrecorded (evidence.onFailure: block)")
	}
	if err := p.delivery.Ready(); err != nil {
		return unavailable("borderflow cannot deliver its records, and is configured to let nothing pass until it can (evidence.delivery: required)")
	}
	return nil
}

// hopByHop are the fields of RFC 9110 section 7.6.1 and those that proxies' clients add.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
	"Proxy-Authentication-Info", "Te", "Transfer-Encoding", "Upgrade",
}

// removeHopByHop removes what concerns one connection only. What a WebSocket handshake needs stays,
// and so does "TE: trailers", which gRPC asks for end to end.
func removeHopByHop(header http.Header, upgrade bool) {
	trailers := headerHas(header, "Te", "trailers")
	for _, value := range header["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			if name = http.CanonicalHeaderKey(strings.TrimSpace(name)); name != "Te" {
				header.Del(name)
			}
		}
	}
	for _, name := range hopByHop {
		if upgrade && name == "Upgrade" {
			continue
		}
		delete(header, name)
	}
	if trailers {
		header["Te"] = []string{"trailers"}
	}
	if upgrade {
		header["Connection"] = []string{"Upgrade"}
		header["Upgrade"] = []string{"websocket"}
	}
}

// isWebSocket reports whether header is of a WebSocket handshake (RFC 6455 section 4.1).
func isWebSocket(header http.Header) bool {
	return headerHas(header, "Connection", "upgrade") && headerHas(header, "Upgrade", "websocket")
}

func headerHas(header http.Header, name, token string) bool {
	for _, value := range header[name] {
		for part := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}
