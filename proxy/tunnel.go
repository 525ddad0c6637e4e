package proxy

import (
	"net/http"

	"github.com/borderflow/borderflow/proxy/answer"
	"github.com/borderflow/borderflow/proxy/upstream"
	"github.com/borderflow/borderflow/rules/flow"
)

// tunnel is what was decided for a CONNECT: its requests are bound to it.
type tunnel struct {
	id          string // of the CONNECT's flow
	scheme      string // "https", or "http" when the client speaks plainly inside
	target      upstream.Target
	source      flow.Source
	destination flow.Destination
	class       string
}

// checkInner refuses requests that name another destination than the one that was decided for their
// tunnel (data-plane row 1), and makes their URL absolute, as goproxy expects it.
func (t *tunnel) checkInner(r *http.Request) *answer.Refusal {
	if r.Method == http.MethodConnect {
		return badRequest("a CONNECT inside a tunnel is not forwarded")
	}
	if r.URL.Scheme != "" && r.URL.Scheme != t.scheme {
		return misdirected("the request's URL names another scheme than its tunnel; connect again for it")
	}
	defaultPort := uint16(443)
	if t.scheme == "http" {
		defaultPort = 80
	}
	for _, name := range []string{r.Host, r.URL.Host} {
		if name == "" {
			continue
		}
		inner, err := upstream.ParseAuthority(name, defaultPort)
		if err != nil {
			return badRequest(err.Error())
		}
		if inner.Host != t.target.Authority.Host || inner.Port != t.target.Authority.Port {
			return misdirected("the request names another host than its tunnel; open a tunnel to that host")
		}
	}
	r.URL.Scheme, r.URL.Host = t.scheme, t.target.Authority.String()
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	return nil
}

// inherit takes over from the tunnel what was established for it.
func (x *exchange) inherit() {
	x.flow.Source, x.flow.Destination = x.tunnel.source, x.tunnel.destination
	x.target, x.class, x.known = x.tunnel.target, x.tunnel.class, true
}
