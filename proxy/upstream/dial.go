package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// Target is a destination pinned to one address: what the policy decides on and what is dialled.
type Target struct {
	Authority Authority // what was asked for; its port is the one that policy sees
	// Address is exactly what is dialled. Its port differs from Authority's only if the table of hosts
	// says so.
	Address netip.AddrPort
	// Alternatives are further addresses of the same name, all permitted, in order of preference. They
	// may lie in another jurisdiction: use Pinner.Next and decide again.
	Alternatives []netip.AddrPort
	Exemption    string   // the exemption that permits Address; "" when none was needed
	CNAMEs       []string // canonical names that the answer passed through; nil if not known
	Static       bool     // from the table of hosts
}

// Pinner turns an authority into a target. It is safe for concurrent use if its fields are not changed; when
// the configuration changes, make a new one.
type Pinner struct {
	Resolver *Resolver // must not be nil
	Guard    *Guard    // nil permits public addresses only
}

// Resolve resolves the authority once, checks every address of the answer and pins the first. One prohibited
// address refuses the whole name: an answer that mixes public and private addresses is how rebinding starts.
// Errors are *ProhibitedError or *ResolveError, and *AuthorityError for the zero Authority.
func (p *Pinner) Resolve(ctx context.Context, a Authority) (Target, error) {
	if a.Host == "" || a.Port == 0 {
		return Target{}, authorityError(a.String(), "no host or no port", "host:port")
	}
	if err := p.Guard.CheckHost(a.Host); err != nil {
		return Target{}, err
	}
	target := Target{Authority: a}
	if a.IP.IsValid() {
		target.Address = netip.AddrPortFrom(a.IP, a.Port)
		return p.check(target)
	}
	if addresses, ok := p.Resolver.hosts.lookup(a.Host); ok {
		target.Static = true
		return p.check(target.with(len(addresses), func(i int) netip.AddrPort {
			if addresses[i].Port() == 0 {
				return netip.AddrPortFrom(addresses[i].Addr(), a.Port)
			}
			return addresses[i]
		}))
	}
	answer, err := p.Resolver.Lookup(ctx, a.Host)
	if err != nil {
		return Target{}, err
	}
	for _, alias := range answer.CNAMEs {
		if p.Guard.CheckHost(alias) != nil {
			return Target{}, &ProhibitedError{Host: a.Host, Cause: DeniedHost}
		}
	}
	target.CNAMEs = answer.CNAMEs
	return p.check(target.with(len(answer.Addresses), func(i int) netip.AddrPort {
		return netip.AddrPortFrom(answer.Addresses[i], a.Port)
	}))
}

func (t Target) with(count int, address func(i int) netip.AddrPort) Target {
	t.Address = address(0)
	if count > 1 {
		t.Alternatives = make([]netip.AddrPort, count-1)
		for i := range t.Alternatives {
			t.Alternatives[i] = address(i + 1)
		}
	}
	return t
}

func (p *Pinner) check(t Target) (Target, error) {
	var err error
	if t.Exemption, err = p.Guard.Check(t.Authority.Host, t.Address.Addr(), t.Address.Port()); err != nil {
		return Target{}, err
	}
	for _, address := range t.Alternatives {
		if _, err := p.Guard.Check(t.Authority.Host, address.Addr(), address.Port()); err != nil {
			return Target{}, err
		}
	}
	return t, nil
}

// Next returns the target pinned to its first alternative, for when its address could not be reached, and false
// when there is none. The new target is another decision: ask the policy before dialling it.
func (p *Pinner) Next(t Target) (Target, bool) {
	if len(t.Alternatives) == 0 {
		return Target{}, false
	}
	t.Address, t.Alternatives = t.Alternatives[0], t.Alternatives[1:]
	next, err := p.check(t)
	return next, err == nil
}

// DefaultDialTimeout is how long a Dialer waits for a connection unless told otherwise.
const DefaultDialTimeout = 10 * time.Second

// Dialer opens TCP connections to targets. A nil Guard permits public addresses only. It is safe for
// concurrent use if its fields are not changed.
type Dialer struct {
	Guard     *Guard
	Timeout   time.Duration // for one connection, default 10 s
	KeepAlive time.Duration // between TCP keep-alive probes; 0: 15 s; negative: none
}

// Dial connects to t.Address and nothing else, with TCP_NODELAY. The address of the socket is compared with the
// target and checked against the Guard once more before the first packet leaves. Errors are *DialError, which
// holds a *ProhibitedError if the address is refused.
func (d *Dialer) Dial(ctx context.Context, t Target) (*net.TCPConn, error) {
	if !t.Address.IsValid() || t.Address.Port() == 0 {
		return nil, &DialError{Target: t, Err: &ProhibitedError{Host: t.Authority.Host, Address: t.Address}}
	}
	dialer := net.Dialer{Timeout: d.Timeout, KeepAlive: d.KeepAlive}
	if d.Timeout <= 0 {
		dialer.Timeout = DefaultDialTimeout
	}
	dialer.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
		return d.checkSocket(t, address)
	}
	// Not DialTCP: its local address, even a zero one, is bound, which spends a port that no other
	// destination can use meanwhile.
	conn, err := dialer.DialContext(ctx, "tcp", t.Address.String())
	if err != nil {
		return nil, &DialError{Target: t, Err: err}
	}
	return conn.(*net.TCPConn), nil
}

func (d *Dialer) checkSocket(t Target, address string) error {
	actual, err := netip.ParseAddrPort(address)
	if err != nil || actual != t.Address {
		return &ProhibitedError{Host: t.Authority.Host, Address: actual, Class: Classify(actual.Addr())}
	}
	_, err = d.Guard.Check(t.Authority.Host, actual.Addr(), actual.Port())
	return err
}

// DialError says that a target could not be connected to. Its text is for operators, as it holds the address.
type DialError struct {
	Target Target
	Err    error
}

func (e *DialError) Error() string {
	return fmt.Sprintf("connect to %q at %s: %v", e.Target.Authority.String(), e.Target.Address, e.Err)
}

func (e *DialError) Unwrap() error { return e.Err }

// ErrConnectionLimit is for those who limit connections to an origin: wrap it to have the failure reported as
// connection_limit_reached.
var ErrConnectionLimit = errors.New("too many connections to the destination")

// proxyError is a proxy error type of RFC 9209 §2.3 with the status and the sentence that clients get.
type proxyError struct {
	name    string
	status  int
	message string
}

var (
	typeDNSTimeout         = proxyError{"dns_timeout", http.StatusGatewayTimeout, "The name of the destination could not be resolved in time."}
	typeDNSError           = proxyError{"dns_error", http.StatusBadGateway, "The name of the destination could not be resolved."}
	typeIPProhibited       = proxyError{"destination_ip_prohibited", http.StatusForbidden, "The destination has an address that this proxy does not connect to."}
	typeRequestDenied      = proxyError{"http_request_denied", http.StatusForbidden, "This proxy is configured to refuse the destination."}
	typeLoopDetected       = proxyError{"proxy_loop_detected", http.StatusForbidden, "The destination is this proxy itself."}
	typeBadRequest         = proxyError{"http_request_error", http.StatusBadRequest, "The destination in the request cannot be understood."}
	typeUnroutable         = proxyError{"destination_ip_unroutable", http.StatusBadGateway, "There is no route to the destination."}
	typeRefused            = proxyError{"connection_refused", http.StatusBadGateway, "The destination refused the connection."}
	typeTerminated         = proxyError{"connection_terminated", http.StatusBadGateway, "The connection to the destination ended early."}
	typeConnectTimeout     = proxyError{"connection_timeout", http.StatusGatewayTimeout, "The destination did not accept a connection in time."}
	typeReadTimeout        = proxyError{"connection_read_timeout", http.StatusGatewayTimeout, "The destination sent nothing in time."}
	typeWriteTimeout       = proxyError{"connection_write_timeout", http.StatusGatewayTimeout, "The destination did not take the request in time."}
	typeResponseTimeout    = proxyError{"http_response_timeout", http.StatusGatewayTimeout, "The destination did not answer in time."}
	typeLimitReached       = proxyError{"connection_limit_reached", http.StatusServiceUnavailable, "There are too many connections to the destination."}
	typeTLSCertificate     = proxyError{"tls_certificate_error", http.StatusBadGateway, "The certificate of the destination could not be verified."}
	typeTLSAlert           = proxyError{"tls_alert_received", http.StatusBadGateway, "The destination ended the TLS handshake."}
	typeTLSProtocol        = proxyError{"tls_protocol_error", http.StatusBadGateway, "No TLS connection to the destination could be set up."}
	typeResponseIncomplete = proxyError{"http_response_incomplete", http.StatusBadGateway, "The destination's answer is incomplete."}
	typeResponseHeaderSize = proxyError{"http_response_header_section_size", http.StatusBadGateway, "The destination's answer has too large a header."}
	typeProtocolError      = proxyError{"http_protocol_error", http.StatusBadGateway, "The destination's answer is not valid HTTP."}
	typeInternalError      = proxyError{"proxy_internal_error", http.StatusInternalServerError, "The proxy could not carry out the request."}
)

// ProxyErrorType names a failure to reach or use an origin as the error parameter of Proxy-Status does
// (RFC 9209 §2.3), with the HTTP status for the client. It knows the errors of this package, of net, crypto/tls
// and net/http. For nil it returns "", 0; what it does not know is proxy_internal_error, 500.
func ProxyErrorType(err error) (name string, status int) {
	if err == nil {
		return "", 0
	}
	e := classifyError(err)
	return e.name, e.status
}

// ClientMessage describes a failure in a sentence that may go to the client: it holds no address, no name of
// the inner network and no text of the error.
func ClientMessage(err error) string {
	if err == nil {
		return ""
	}
	return classifyError(err).message
}

func classifyError(err error) proxyError {
	if prohibited, ok := errors.AsType[*ProhibitedError](err); ok {
		switch prohibited.Cause {
		case DeniedHost:
			return typeRequestDenied
		case OwnAddress:
			return typeLoopDetected
		}
		return typeIPProhibited
	}
	if _, ok := errors.AsType[*AuthorityError](err); ok {
		return typeBadRequest
	}
	if resolve, ok := errors.AsType[*ResolveError](err); ok {
		if resolve.Timeout {
			return typeDNSTimeout
		}
		return typeDNSError
	}
	if e, ok := classifyTLS(err); ok {
		return e
	}
	if e, ok := classifySystem(err); ok {
		return e
	}
	_, dialling := errors.AsType[*DialError](err)
	_, handshaking := errors.AsType[*HandshakeError](err)
	return classifyHTTP(err, dialling || handshaking)
}

func classifySystem(err error) (proxyError, bool) {
	for _, known := range []struct {
		err   error
		means proxyError
	}{
		{ErrConnectionLimit, typeLimitReached},
		{syscall.EMFILE, typeLimitReached},
		{syscall.ENFILE, typeLimitReached},
		{syscall.ENOBUFS, typeLimitReached},
		{syscall.EADDRNOTAVAIL, typeLimitReached}, // no local port is left
		{syscall.ECONNREFUSED, typeRefused},
		{syscall.ENETUNREACH, typeUnroutable},
		{syscall.EHOSTUNREACH, typeUnroutable},
		{syscall.ENETDOWN, typeUnroutable},
		{syscall.EHOSTDOWN, typeUnroutable},
		{syscall.EAFNOSUPPORT, typeUnroutable}, // no IPv6 on this machine
		{syscall.EACCES, typeUnroutable},       // a packet filter
		{syscall.EPERM, typeUnroutable},
		{syscall.ETIMEDOUT, typeConnectTimeout},
		{syscall.ECONNRESET, typeTerminated},
		{syscall.ECONNABORTED, typeTerminated},
		{syscall.EPIPE, typeTerminated},
		{net.ErrClosed, typeTerminated},
		{context.Canceled, typeTerminated},
	} {
		if errors.Is(err, known.err) {
			return known.means, true
		}
	}
	return proxyError{}, false
}

// classifyTLS needs texts where crypto/tls has no types: only certificate errors and broken records have one.
func classifyTLS(err error) (proxyError, bool) {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
		record       tls.RecordHeaderError
		operation    *net.OpError
	)
	switch {
	case errors.As(err, &verification), errors.As(err, &authority), errors.As(err, &hostname), errors.As(err, &invalid):
		return typeTLSCertificate, true
	case errors.As(err, &record):
		return typeTLSProtocol, true
	case errors.As(err, &operation) && operation.Op == "remote error":
		return typeTLSAlert, true
	case errors.As(err, &operation) && operation.Op == "local error":
		return typeTLSProtocol, true
	case strings.Contains(err.Error(), "tls: "):
		return typeTLSProtocol, true
	}
	return proxyError{}, false
}

func classifyHTTP(err error, dialling bool) proxyError {
	var netError net.Error
	if errors.As(err, &netError) && netError.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		operation, ok := errors.AsType[*net.OpError](err)
		switch {
		case dialling, strings.Contains(err.Error(), "handshake timeout"), ok && operation.Op == "dial":
			return typeConnectTimeout
		case ok && operation.Op == "read":
			return typeReadTimeout
		case ok && operation.Op == "write":
			return typeWriteTimeout
		}
		return typeResponseTimeout
	}
	text := err.Error()
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return typeResponseIncomplete
	case errors.Is(err, io.EOF), strings.Contains(text, "server closed idle connection"):
		return typeTerminated
	case strings.Contains(text, "server response headers exceeded"):
		return typeResponseHeaderSize
	case strings.Contains(text, "malformed"), strings.Contains(text, "http2: "), strings.Contains(text, "stream error"),
		strings.Contains(text, "unsupported transfer encoding"):
		return typeProtocolError
	}
	return typeInternalError
}
