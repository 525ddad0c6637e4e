package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"
)

func authority(t testing.TB, s string) Authority {
	t.Helper()
	a, err := ParseAuthority(s, 0)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// countingListener accepts and closes connections, and counts them.
func countingListener(t *testing.T, address string) (port uint16, accepted *atomic.Int32) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	accepted = new(atomic.Int32)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			conn.Write([]byte("."))
			conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return listener.Addr().(*net.TCPAddr).AddrPort().Port(), accepted
}

func TestAddressOfTheDecisionIsDialledThoughTheNameServerChangesItsAnswer(t *testing.T) {
	leavesNothingRunning(t)
	port, wanted := countingListener(t, "127.0.0.1:0")
	_, other := countingListener(t, fmt.Sprintf("127.0.0.2:%d", port))
	server := startNameServer(t, func(q dnsmessage.Question, network string, count int) nameServerReply {
		return answerWith(fmt.Sprintf("127.0.0.%d", min(count, 2)))(q, network, count)
	})
	var now atomic.Int64
	resolver, err := newResolver(ResolverOptions{Servers: []string{server.address}}, func() time.Time { return time.Unix(now.Load(), 0) })
	if err != nil {
		t.Fatal(err)
	}
	defer resolver.Close()
	guard := mustGuard(t, GuardOptions{Exempt: []Exemption{{Name: "first", Networks: prefixes("127.0.0.1/32")}}})
	pinner := &Pinner{Resolver: resolver, Guard: guard}
	target, err := pinner.Resolve(t.Context(), authority(t, fmt.Sprintf("rebind.example:%d", port)))
	if err != nil {
		t.Fatal(err)
	}
	now.Add(3600) // the answer is long out of date when the connection is made
	conn, err := (&Dialer{Guard: guard}).Dial(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	io.ReadAll(conn)
	conn.Close()
	if got := conn.RemoteAddr().String(); got != target.Address.String() || target.Exemption != "first" {
		t.Errorf("connected to %s by exemption %q, want %s by %q", got, target.Exemption, target.Address, "first")
	}
	if diff := cmp.Diff(map[string]int{"udp A": 1, "udp AAAA": 1}, server.asked()); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
	if _, err := pinner.Resolve(t.Context(), target.Authority); err == nil {
		t.Error("the changed answer is not refused")
	}
	if wanted.Load() != 1 || other.Load() != 0 {
		t.Errorf("%d connections to the decided address and %d to the other, want 1 and 0", wanted.Load(), other.Load())
	}
}

func TestOneInnerAddressRefusesTheWholeName(t *testing.T) {
	for name, addresses := range map[string][]string{
		"private alone": {"10.0.0.1"}, "public first": {"93.184.216.34", "10.0.0.1"}, "private first": {"10.0.0.1", "93.184.216.34"},
		"public IPv4, private IPv6": {"93.184.216.34", "fd00::1"}, "metadata": {"93.184.216.34", "169.254.169.254"},
		"mapped": {"93.184.216.34", "::ffff:127.0.0.1"}, "translated": {"93.184.216.34", "64:ff9b::a00:1"},
		"unspecified": {"0.0.0.0"},
	} {
		server := startNameServer(t, answerWith(addresses...))
		pinner := &Pinner{Resolver: newTestResolver(t, ResolverOptions{Servers: []string{server.address}})}
		target, err := pinner.Resolve(t.Context(), authority(t, "mixed.example:443"))
		var prohibited *ProhibitedError
		if !errors.As(err, &prohibited) || target.Address.IsValid() {
			t.Errorf("%s: got %v, %v; want it prohibited", name, target.Address, err)
		}
	}
	server := startNameServer(t, answerWith("93.184.216.34", "10.0.0.1"))
	pinner := &Pinner{
		Resolver: newTestResolver(t, ResolverOptions{Servers: []string{server.address}}),
		Guard:    mustGuard(t, GuardOptions{Exempt: []Exemption{{Name: "ten", Networks: prefixes("10.0.0.0/8")}}}),
	}
	target, err := pinner.Resolve(t.Context(), authority(t, "mixed.example:443"))
	if err != nil || target.Exemption != "" || len(target.Alternatives) != 1 {
		t.Fatalf("with an exemption: %+v, %v", target, err)
	}
	next, ok := pinner.Next(target)
	if !ok || next.Exemption != "ten" || next.Address.String() != "10.0.0.1:443" || len(next.Alternatives) != 0 {
		t.Errorf("the alternative is %+v, %v", next, ok)
	}
	if _, ok := pinner.Next(next); ok {
		t.Error("there is a third address")
	}
	pinner.Guard = nil
	if _, ok := pinner.Next(target); ok {
		t.Error("an alternative that has become prohibited is handed out")
	}
}

func TestDeniedNamesAreNotEvenAskedFor(t *testing.T) {
	server := startNameServer(t, func(q dnsmessage.Question, _ string, _ int) nameServerReply {
		return nameServerReply{records: []dnsmessage.Resource{
			aliasRecord(q.Name.String(), "Tracker.Evil.example.", 60), addressRecord("tracker.evil.example.", "93.184.216.34", 60),
		}}
	})
	pinner := &Pinner{
		Resolver: newTestResolver(t, ResolverOptions{Servers: []string{server.address}}),
		Guard:    mustGuard(t, GuardOptions{Deny: Deny{Hosts: []string{".evil.example"}}}),
	}
	var prohibited *ProhibitedError
	if _, err := pinner.Resolve(t.Context(), authority(t, "x.EVIL.example.:443")); !errors.As(err, &prohibited) || len(server.asked()) != 0 {
		t.Errorf("got %v after the questions %v, want a refusal without any", err, server.asked())
	}
	if _, err := pinner.Resolve(t.Context(), authority(t, "innocent.example:443")); !errors.As(err, &prohibited) || prohibited.Cause != DeniedHost {
		t.Errorf("an alias for a denied name gives %v", err)
	}
}

func TestTableOfHostsIsDialledOnItsOwnPort(t *testing.T) {
	port, accepted := countingListener(t, "127.0.0.1:0")
	server := startNameServer(t, answerWith("93.184.216.34"))
	hosts := Hosts{"api.example.de": {fmt.Sprintf("127.0.0.1:%d", port)}, ".plain.example": {"127.0.0.1", "127.0.0.3"}}
	guard := mustGuard(t, GuardOptions{Exempt: []Exemption{{Name: "local", Hosts: []string{"api.example.de"}, Ports: []uint16{port}}}})
	pinner := &Pinner{Resolver: newTestResolver(t, ResolverOptions{Servers: []string{server.address}, Hosts: hosts}), Guard: guard}
	target, err := pinner.Resolve(t.Context(), authority(t, "API.example.de:443"))
	if err != nil {
		t.Fatal(err)
	}
	if target.Authority.Port != 443 || target.Address.Port() != port || !target.Static || target.Exemption != "local" {
		t.Errorf("the target is %+v", target)
	}
	conn, err := (&Dialer{Guard: guard}).Dial(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	io.ReadAll(conn)
	conn.Close()
	if accepted.Load() != 1 || len(server.asked()) != 0 {
		t.Errorf("%d connections after the questions %v, want one without any", accepted.Load(), server.asked())
	}
	if _, err := pinner.Resolve(t.Context(), authority(t, "x.plain.example:443")); err == nil {
		t.Error("the table of hosts permits an address without an exemption")
	}
	pinner.Guard = mustGuard(t, GuardOptions{Exempt: []Exemption{{Name: "all", Networks: prefixes("127.0.0.0/8")}}})
	target, err = pinner.Resolve(t.Context(), authority(t, "x.plain.example:444"))
	if err != nil || target.Address.String() != "127.0.0.1:444" || len(target.Alternatives) != 1 || target.Alternatives[0].Port() != 444 {
		t.Errorf("without a port of its own the target is %+v, %v", target, err)
	}
}

func TestSocketIsCheckedOnceMore(t *testing.T) {
	port, accepted := countingListener(t, "127.0.0.1:0")
	target := Target{Authority: authority(t, "a.example:443"), Address: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)}
	var prohibited *ProhibitedError
	if conn, err := (&Dialer{}).Dial(t.Context(), target); !errors.As(err, &prohibited) {
		t.Errorf("dialling a prohibited address gives %v, %v", conn, err)
	}
	everything := mustGuard(t, GuardOptions{Exempt: []Exemption{{Name: "all", Networks: prefixes("0.0.0.0/0", "::/0")}}})
	d := &Dialer{Guard: everything}
	if err := d.checkSocket(target, "127.0.0.2:80"); !errors.As(err, &prohibited) {
		t.Errorf("a socket for another address gives %v", err)
	}
	if err := d.checkSocket(target, "nonsense"); !errors.As(err, &prohibited) {
		t.Errorf("a socket for no address gives %v", err)
	}
	for _, address := range []netip.AddrPort{{}, netip.AddrPortFrom(netip.Addr{}, port), netip.MustParseAddrPort("127.0.0.1:0"), netip.AddrPortFrom(netip.IPv4Unspecified(), port)} {
		if _, err := d.Dial(t.Context(), Target{Authority: target.Authority, Address: address}); !errors.As(err, &prohibited) {
			t.Errorf("dialling %v gives %v", address, err)
		}
	}
	if accepted.Load() != 0 {
		t.Errorf("%d connections were made", accepted.Load())
	}
}

func TestDialErrorsHaveTheirProxyErrorType(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := listener.Addr().(*net.TCPAddr).AddrPort()
	listener.Close()
	d := &Dialer{Guard: mustGuard(t, GuardOptions{Exempt: []Exemption{{Name: "all", Networks: prefixes("0.0.0.0/0")}}})}
	target := Target{Authority: authority(t, "secret.example:443"), Address: free}
	expired, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	cancelled, cancelNow := context.WithCancel(t.Context())
	cancelNow()
	for want, ctx := range map[string]context.Context{
		"connection_refused 502": t.Context(), "connection_timeout 504": expired, "connection_terminated 502": cancelled,
	} {
		_, err := d.Dial(ctx, target)
		var dial *DialError
		if !errors.As(err, &dial) || !strings.Contains(err.Error(), free.String()) {
			t.Errorf("got %v, want a *DialError with the address for operators", err)
		}
		name, status := ProxyErrorType(err)
		if got := fmt.Sprint(name, " ", status); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
		if message := ClientMessage(err); message == "" || strings.Contains(message, "127.0.0.1") {
			t.Errorf("the client reads %q", message)
		}
	}
}

// timeoutError is what net.OpError holds when a deadline passes.
func timedOut(operation string) error {
	return &net.OpError{Op: operation, Net: "tcp", Err: os.ErrDeadlineExceeded}
}

func TestFailuresHaveTheirProxyErrorType(t *testing.T) {
	system := func(operation string, errno syscall.Errno) error {
		return &net.OpError{Op: operation, Net: "tcp", Err: os.NewSyscallError("connect", errno)}
	}
	for _, test := range []struct {
		err    error
		name   string
		status int
	}{
		{nil, "", 0},
		{&AuthorityError{}, "http_request_error", 400},
		{&ResolveError{RCode: "NXDOMAIN"}, "dns_error", 502},
		{&ResolveError{Timeout: true}, "dns_timeout", 504},
		{&DialError{Err: &ProhibitedError{}}, "destination_ip_prohibited", 403},
		{&DialError{Err: system("dial", syscall.ENETUNREACH)}, "destination_ip_unroutable", 502},
		{&DialError{Err: system("dial", syscall.EHOSTUNREACH)}, "destination_ip_unroutable", 502},
		{&DialError{Err: system("dial", syscall.EPERM)}, "destination_ip_unroutable", 502},
		{&DialError{Err: system("dial", syscall.ECONNRESET)}, "connection_terminated", 502},
		{&DialError{Err: system("dial", syscall.ETIMEDOUT)}, "connection_timeout", 504},
		{&DialError{Err: timedOut("dial")}, "connection_timeout", 504},
		{&DialError{Err: system("socket", syscall.EMFILE)}, "connection_limit_reached", 503},
		{fmt.Errorf("pool: %w", ErrConnectionLimit), "connection_limit_reached", 503},
		{system("read", syscall.ECONNRESET), "connection_terminated", 502},
		{system("write", syscall.EPIPE), "connection_terminated", 502},
		{timedOut("read"), "connection_read_timeout", 504},
		{timedOut("write"), "connection_write_timeout", 504},
		{context.DeadlineExceeded, "http_response_timeout", 504},
		{errors.New("net/http: TLS handshake timeout"), "proxy_internal_error", 500},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "tls_certificate_error", 502},
		{x509.HostnameError{Certificate: &x509.Certificate{}}, "tls_certificate_error", 502},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, "tls_protocol_error", 502},
		{&net.OpError{Op: "remote error", Err: tls.AlertError(40)}, "tls_alert_received", 502},
		{&net.OpError{Op: "local error", Err: tls.AlertError(70)}, "tls_protocol_error", 502},
		{errors.New("tls: server selected unsupported protocol version 301"), "tls_protocol_error", 502},
		{io.ErrUnexpectedEOF, "http_response_incomplete", 502},
		{io.EOF, "connection_terminated", 502},
		{errors.New("something else"), "proxy_internal_error", 500},
	} {
		if name, status := ProxyErrorType(test.err); name != test.name || status != test.status {
			t.Errorf("ProxyErrorType(%v) = %s, %d; want %s, %d", test.err, name, status, test.name, test.status)
		}
		if got := ClientMessage(test.err); (got == "") != (test.err == nil) {
			t.Errorf("ClientMessage(%v) = %q", test.err, got)
		}
	}
}

// The errors here are those that net/http and crypto/tls really return.
func TestFailuresOfRealOriginsHaveTheirProxyErrorType(t *testing.T) {
	leavesNothingRunning(t)
	origin := httptest.NewUnstartedServer(http.NotFoundHandler())
	origin.Config.ErrorLog = log.New(io.Discard, "", 0)
	origin.StartTLS()
	defer origin.Close()
	client := func(change func(*http.Transport)) error {
		transport := &http.Transport{MaxResponseHeaderBytes: 4096}
		change(transport)
		defer transport.CloseIdleConnections()
		response, err := transport.RoundTrip(httptest.NewRequest("GET", "https://origin.example/", nil).WithContext(t.Context()))
		if err == nil {
			_, err = io.ReadAll(response.Body)
			response.Body.Close()
		}
		return err
	}
	dial := func(address string) func(context.Context, string, string) (net.Conn, error) {
		return func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
	answering := func(answer string) func(context.Context, string, string) (net.Conn, error) {
		return func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				defer far.Close()
				if answer == "silence" {
					io.Copy(io.Discard, far)
					return
				}
				http.ReadRequest(bufio.NewReader(far))
				io.WriteString(far, answer)
			}()
			return near, nil
		}
	}
	plain := func(answer string) func(*http.Transport) {
		return func(tr *http.Transport) { tr.DialTLSContext = answering(answer) }
	}
	address := origin.Listener.Addr().String()
	for name, test := range map[string]struct {
		change func(*http.Transport)
		want   string
	}{
		"unknown authority": {func(tr *http.Transport) { tr.DialContext = dial(address) }, "tls_certificate_error"},
		"version refused": {func(tr *http.Transport) {
			tr.DialContext = dial(address)
			tr.TLSClientConfig = &tls.Config{MaxVersion: tls.VersionTLS10, MinVersion: tls.VersionTLS10}
		}, "tls_alert_received"},
		"no TLS": {func(tr *http.Transport) { tr.DialContext = answering("HTTP/1.1 400 Bad Request\r\n\r\n") }, "tls_protocol_error"},
		"silent in handshake": {func(tr *http.Transport) {
			tr.DialContext, tr.TLSHandshakeTimeout = answering("silence"), 50*time.Millisecond
		}, "connection_timeout"},
		"silent": {func(tr *http.Transport) {
			tr.DialTLSContext, tr.ResponseHeaderTimeout = answering("silence"), 50*time.Millisecond
		}, "http_response_timeout"},
		"closed at once":    {plain(""), "connection_terminated"},
		"cut in the header": {plain("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"), "http_response_incomplete"},
		"cut in the body":   {plain("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), "http_response_incomplete"},
		"no HTTP":           {plain("SSH-2.0-OpenSSH_9.6\r\n\r\n"), "http_protocol_error"},
		"large header":      {plain("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 9000) + "\r\n\r\n"), "http_response_header_section_size"},
		"unknown coding":    {plain("HTTP/1.1 200 OK\r\nTransfer-Encoding: zip\r\n\r\n"), "http_protocol_error"},
	} {
		err := client(test.change)
		if got, _ := ProxyErrorType(err); got != test.want {
			t.Errorf("%s: ProxyErrorType(%v) = %s, want %s", name, err, got, test.want)
		}
	}
}

func BenchmarkResolveCached(b *testing.B) {
	server := startNameServer(b, answerWith("93.184.216.34", "2606:2800:220:1::1"))
	for name, options := range map[string]ResolverOptions{
		"name server": {Servers: []string{server.address}}, "table of hosts": {Servers: []string{server.address}, Hosts: Hosts{"www.example": {"93.184.216.34"}}},
	} {
		b.Run(name, func(b *testing.B) {
			pinner := &Pinner{Resolver: newTestResolver(b, options), Guard: mustGuard(b, GuardOptions{
				Exempt: []Exemption{{Name: "x", Hosts: []string{".internal"}}}, Own: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:3128")},
			})}
			a := authority(b, "www.example:443")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := pinner.Resolve(b.Context(), a); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestZeroAuthorityIsNotResolved(t *testing.T) {
	server := startNameServer(t, answerWith("93.184.216.34"))
	pinner := &Pinner{Resolver: newTestResolver(t, ResolverOptions{Servers: []string{server.address}})}
	for _, a := range []Authority{{}, {Host: "a.example"}, {Port: 443}} {
		var mistake *AuthorityError
		if target, err := pinner.Resolve(t.Context(), a); !errors.As(err, &mistake) || len(server.asked()) != 0 {
			t.Errorf("%+v resolves to %+v, %v", a, target, err)
		}
	}
}
