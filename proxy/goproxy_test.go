package proxy_test

// What bare goproxy v1.9.2 does and borderflow must not. Each test tells one story twice: through
// borderflow, where it has to end well, and through a goproxy that nobody closed the gap in, where it
// has to end badly. The second half proves that the test can fail; when goproxy mends the gap, it
// says so.

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"context"

	"github.com/elazarl/goproxy"
)

// soon is how long a test waits for something that must not happen.
const soon = 400 * time.Millisecond

// peer is a proxy as its clients see it: borderflow, or a goproxy as it comes.
type peer struct {
	t       testing.TB
	name    string
	address string
	roots   *x509.CertPool
}

// peer is the running borderflow.
func (w *world) peer() peer {
	return peer{t: w.t, name: "borderflow", address: w.address(), roots: w.roots()}
}

// bareGoproxy runs a goproxy as its documentation shows it, which finds the origins of w under their
// names. With intercept it terminates TLS with an authority of its own.
func (w *world) bareGoproxy(intercept bool, adjust ...func(*goproxy.ProxyHttpServer)) peer {
	w.t.Helper()
	core := goproxy.NewProxyHttpServer()
	core.Logger = log.New(io.Discard, "", 0)
	origins := x509.NewCertPool()
	origins.AddCert(w.ca.certificate)
	core.Tr.TLSClientConfig = &tls.Config{RootCAs: origins}
	core.Tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		if known := w.config.Hosts[host]; len(known) > 0 {
			address = known[0]
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	ca := newTestCA(w.t)
	if intercept {
		pair := tls.Certificate{Certificate: [][]byte{ca.certificate.Raw}, PrivateKey: ca.key}
		action := &goproxy.ConnectAction{Action: goproxy.ConnectMitm, TLSConfig: goproxy.TLSConfigFromCA(&pair)}
		core.OnRequest().HandleConnectFunc(func(host string, _ *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
			return action, host
		})
	}
	for _, change := range adjust {
		change(core)
	}
	server := httptest.NewServer(core)
	w.t.Cleanup(func() {
		server.Close()
		core.Tr.CloseIdleConnections()
	})
	roots := x509.NewCertPool()
	roots.AddCert(ca.certificate)
	return peer{t: w.t, name: "bare goproxy", address: server.Listener.Addr().String(), roots: roots}
}

// dial connects to the proxy itself.
func (p peer) dial() *net.TCPConn {
	p.t.Helper()
	connection, err := net.Dial("tcp", p.address)
	must(p.t, err)
	p.t.Cleanup(func() { connection.Close() })
	must(p.t, connection.SetDeadline(time.Now().Add(20*time.Second)))
	return connection.(*net.TCPConn)
}

// tunnel opens a tunnel to target.
func (p peer) tunnel(target string) (*net.TCPConn, *bufio.Reader) {
	p.t.Helper()
	connection := p.dial()
	fmt.Fprintf(connection, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target)
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, &http.Request{Method: http.MethodConnect})
	must(p.t, err)
	if response.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: CONNECT %s: status %d", p.name, target, response.StatusCode)
	}
	return connection, reader
}

// inside opens a tunnel to host, port 443, and speaks HTTP/1.1 over TLS in it.
func (p peer) inside(host string, adjust ...func(*tls.Config)) (*tls.Conn, *bufio.Reader) {
	p.t.Helper()
	connection, _ := p.tunnel(host + ":443")
	config := &tls.Config{RootCAs: p.roots, ServerName: host, NextProtos: []string{"http/1.1"}}
	for _, change := range adjust {
		change(config)
	}
	secured := tls.Client(connection, config)
	must(p.t, secured.Handshake())
	return secured, bufio.NewReader(secured)
}

// client is an HTTP client that goes through the proxy.
func (p peer) client(adjust ...func(*http.Transport)) *http.Client {
	transport := &http.Transport{
		Proxy:           http.ProxyURL(&url.URL{Scheme: "http", Host: p.address}),
		TLSClientConfig: &tls.Config{RootCAs: p.roots},
	}
	for _, change := range adjust {
		change(transport)
	}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// stillBad fails when a story ends well through bare goproxy: either goproxy has mended the gap, or
// the test proves nothing.
func stillBad(t *testing.T, ok bool, what string, got ...any) {
	t.Helper()
	if !ok {
		t.Errorf("bare goproxy no longer %s: got %v", what, fmt.Sprint(got...))
	}
}

// staysOpen reports whether nothing arrives on connection, its end included, for a while.
func staysOpen(t testing.TB, connection net.Conn) bool {
	t.Helper()
	must(t, connection.SetReadDeadline(time.Now().Add(soon)))
	_, err := connection.Read(make([]byte, 1))
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// readAnswer reads a response and its body.
func readAnswer(t testing.TB, reader *bufio.Reader) (*http.Response, string) {
	t.Helper()
	response, err := http.ReadResponse(reader, nil)
	must(t, err)
	body, err := io.ReadAll(response.Body)
	must(t, err)
	return response, string(body)
}

// Row 1.
func TestInnerHostCannotLeaveTheTunnel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reached := make(chan string, 10)
	w.serve("decided.test", echo)
	w.serve("other.test", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached <- r.Host }))
	w.start()
	forms := map[string]string{
		"in the Host field":     "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n",
		"in an absolute URI":    "GET https://other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n",
		"in the URI alone":      "GET https://other.test/ HTTP/1.1\r\nHost: decided.test\r\n\r\n",
		"with the port changed": "GET / HTTP/1.1\r\nHost: decided.test:8443\r\n\r\n",
		"with a trailing dot":   "GET / HTTP/1.1\r\nHost: other.test.\r\n\r\n",
	}
	for name, request := range forms {
		inner, reader := w.peer().inside("decided.test")
		_, err := io.WriteString(inner, request)
		must(t, err)
		response, err := http.ReadResponse(reader, nil)
		must(t, err)
		if p := cleanRefusal(t, response); p.Status != http.StatusMisdirectedRequest {
			t.Errorf("%s: status %d", name, p.Status)
		} else if record := w.flow(p.FlowID); record.Outcome != "refused" || record.Destination.Host != "decided.test" ||
			record.Parent == "" || record.Bytes.Sent != 0 {
			t.Errorf("%s: record %+v", name, record)
		}
	}
	// The same name in another spelling is the same destination.
	inner, reader := w.peer().inside("decided.test")
	_, err := io.WriteString(inner, "GET / HTTP/1.1\r\nHost: DECIDED.test.:443\r\n\r\n")
	must(t, err)
	if response, _ := readAnswer(t, reader); response.StatusCode != 200 {
		t.Errorf("the tunnel's own name in another spelling: status %d", response.StatusCode)
	}
	if len(reached) > 0 {
		t.Errorf("borderflow let a request out to %s", <-reached)
	}

	inner, reader = w.bareGoproxy(true).inside("decided.test")
	_, err = io.WriteString(inner, forms["in the Host field"])
	must(t, err)
	readAnswer(t, reader)
	stillBad(t, len(reached) == 1, "lets the inner Host choose the destination", len(reached))
}

// Row 3.
func TestInterceptedConnectionHasDeadlines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", echo)
	w.config.Limits.HeaderTimeout = soon / 2
	w.start()
	halfARequest := func(p peer) *tls.Conn {
		inner, _ := p.inside("origin.test")
		_, err := io.WriteString(inner, "GET / HTTP/1.1\r\nHost: orig")
		must(t, err)
		return inner
	}
	inner := halfARequest(w.peer())
	if _, err := io.ReadAll(inner); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("half a request is waited for without end")
	}
	stillBad(t, staysOpen(t, halfARequest(w.bareGoproxy(true))), "waits without end for the rest of a request")
}

// Row 4.
func TestCONNECTThatNobodyDecidedOnIsRefused(t *testing.T) {
	w := newWorld(t)
	origin := newTCPOrigin(t, w, "origin.test")
	w.policy("apiVersion: borderflow/v1\nkind: Policy\nname: closed\ndefault: block\nrules: []\n")
	w.start()
	_, _, response := w.connect("origin.test:443")
	if p := cleanRefusal(t, response); p.Status != http.StatusForbidden {
		t.Errorf("status %d", p.Status)
	}
	if origin.accepted.Load() != 0 {
		t.Error("the origin was connected to")
	}
	// A handler that has no opinion on this host.
	bare := w.bareGoproxy(false, func(core *goproxy.ProxyHttpServer) {
		core.OnRequest(goproxy.DstHostIs("elsewhere.test")).HandleConnect(goproxy.AlwaysReject)
	})
	bare.tunnel("origin.test:443")
	w.eventually("goproxy's connection to the origin", func() bool { return origin.accepted.Load() == 1 })
}

// Row 4.
func TestProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	decoy := newTCPOrigin(t, nil, "")
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://"+decoy.address)
	}
	t.Setenv("NO_PROXY", "")
	w := newWorld(t)
	origin := newTCPOrigin(t, w, "origin.test")
	w.serve("web.test", echo)
	w.policy(rulesPolicy("  []\ninspect:\n  - when: destination.host == \"origin.test\"\n    level: none\n"))
	w.start()
	w.peer().tunnel("origin.test:443")
	w.eventually("the connection to the origin", func() bool { return origin.accepted.Load() == 1 })
	for _, url := range []string{"https://web.test/", "http://plain.web.test/"} {
		if response, err := w.client().Get(url); err != nil || response.StatusCode != 200 {
			t.Errorf("%s: %v %v", url, response, err)
		} else {
			response.Body.Close()
		}
	}
	if n := decoy.accepted.Load(); n != 0 {
		t.Errorf("the environment's proxy was connected to %d times", n)
	}
	connection := w.bareGoproxy(false).dial()
	fmt.Fprint(connection, "CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n\r\n")
	w.eventually("goproxy's connection to the environment's proxy", func() bool { return decoy.accepted.Load() == 1 })
}

// Row 5.
func TestBytesBehindTheCONNECTAreNotLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	origin := newTCPOrigin(t, w, "origin.test")
	w.serve("web.test", echo)
	w.policy(rulesPolicy("  []\ninspect:\n  - when: destination.host == \"origin.test\"\n    level: none\n"))
	w.start()
	arrives := func(p peer) string {
		connection := p.dial()
		fmt.Fprint(connection, "CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n\r\nahead ")
		response, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: http.MethodConnect})
		must(t, err)
		if response.StatusCode != 200 {
			t.Fatalf("status %d", response.StatusCode)
		}
		_, err = io.WriteString(connection, "and later")
		must(t, err)
		must(t, connection.CloseWrite())
		return <-origin.received
	}
	if got := arrives(w.peer()); got != "ahead and later" {
		t.Errorf("the origin received %q", got)
	}
	got := arrives(w.bareGoproxy(false))
	stillBad(t, got == "and later", "loses the bytes behind the CONNECT", got)

	// The same where the tunnel is read: the whole request comes with the CONNECT.
	connection := w.dial()
	fmt.Fprint(connection, "CONNECT plain.web.test:80 HTTP/1.1\r\nHost: plain.web.test:80\r\n\r\n"+
		"POST / HTTP/1.1\r\nHost: plain.web.test\r\nContent-Length: 5\r\n\r\nhello")
	reader := bufio.NewReader(connection)
	_, err := http.ReadResponse(reader, &http.Request{Method: http.MethodConnect})
	must(t, err)
	if response, body := readAnswer(t, reader); response.StatusCode != 200 || !strings.HasSuffix(body, "hello") {
		t.Errorf("inside: %d %q", response.StatusCode, body)
	}
}

// Row 6.
func TestClosingClientsShareTheConnectionToTheOrigin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	origin := newCountingOrigin(t, w, "origin.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Length", "0")
		if r.Close {
			rw.Header().Set("Saw", "close")
		}
	}))
	w.start()
	requests := func(p peer) (sawClose bool) {
		for range 3 {
			connection := p.dial()
			fmt.Fprint(connection, "GET http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\nConnection: close\r\n\r\n")
			response, _ := readAnswer(t, bufio.NewReader(connection))
			if response.StatusCode != 200 {
				t.Errorf("%s: status %d", p.name, response.StatusCode)
			}
			sawClose = sawClose || response.Header.Get("Saw") != ""
		}
		return sawClose
	}
	if requests(w.peer()) || origin.connections() != 1 {
		t.Errorf("3 requests took %d connections to the origin", origin.connections())
	}
	requests(w.bareGoproxy(false))
	stillBad(t, origin.connections() == 4, "opens a connection for each closing client", origin.connections()-1)
}

// Row 8.
func TestStreamsArriveAsTheyAreSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	end := make(chan struct{})
	w.serve("origin.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/x-ndjson")
		_, _ = io.WriteString(rw, "first\n")
		rw.(http.Flusher).Flush()
		<-end
	}))
	t.Cleanup(func() { close(end) })
	w.start()
	ask := func(p peer) (*net.TCPConn, *bufio.Reader) {
		connection := p.dial()
		fmt.Fprint(connection, "GET http://plain.origin.test/ HTTP/1.1\r\nHost: plain.origin.test\r\n\r\n")
		return connection, bufio.NewReader(connection)
	}
	_, reader := ask(w.peer())
	response, err := http.ReadResponse(reader, nil)
	must(t, err)
	if line, err := bufio.NewReader(response.Body).ReadString('\n'); line != "first\n" {
		t.Errorf("the first line arrived as %q, %v", line, err)
	}
	connection, _ := ask(w.bareGoproxy(false))
	stillBad(t, staysOpen(t, connection), "holds a stream back")
}

// Row 9.
func TestTroubleWithTheOriginIsExplained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	closed := closedAddress(t)
	w.config.Hosts["down.test"] = []string{closed}
	w.start()
	const request = "GET / HTTP/1.1\r\nHost: down.test\r\n\r\n"
	check := func(name string, response *http.Response) {
		p := cleanRefusal(t, response)
		if p.Status != http.StatusBadGateway || p.Error != "connection_refused" {
			t.Errorf("%s: %+v", name, p)
		}
		if record := w.flow(p.FlowID); record.Outcome != "failed" || record.Error != "connection_refused" || record.Verdict != "allow" {
			t.Errorf("%s: record %+v", name, record)
		}
	}
	plain, err := w.client().Get("http://down.test/")
	must(t, err)
	check("plain", plain)
	inner, reader := w.peer().inside("down.test")
	_, err = io.WriteString(inner, request)
	must(t, err)
	response, err := http.ReadResponse(reader, nil)
	must(t, err)
	check("intercepted", response)

	bare := w.bareGoproxy(true)
	inner, reader = bare.inside("down.test")
	_, err = io.WriteString(inner, request)
	must(t, err)
	_, err = http.ReadResponse(reader, nil)
	stillBad(t, err != nil, "says nothing in an intercepted connection", err)
	plain, err = bare.client().Get("http://down.test/")
	must(t, err)
	defer plain.Body.Close()
	body, _ := io.ReadAll(plain.Body)
	stillBad(t, plain.StatusCode == 500 && strings.Contains(string(body), closed), "shows the raw error", string(body))
}

// closedAddress is a loopback address that nobody listens on.
func closedAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// Row 10.
func TestInterceptedClientIsToldToContinue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", echo)
	w.start()
	expect := func(p peer) (*tls.Conn, *bufio.Reader) {
		inner, reader := p.inside("origin.test")
		_, err := io.WriteString(inner, "POST / HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
		must(t, err)
		return inner, reader
	}
	inner, reader := expect(w.peer())
	if line, err := reader.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Errorf("got %q, %v", line, err)
	}
	_, err := reader.ReadString('\n')
	must(t, err)
	_, err = io.WriteString(inner, "hello")
	must(t, err)
	if response, body := readAnswer(t, reader); response.StatusCode != 200 || !strings.HasSuffix(body, "hello") {
		t.Errorf("then %d %q", response.StatusCode, body)
	}
	inner, _ = expect(w.bareGoproxy(true))
	stillBad(t, staysOpen(t, inner), "leaves Expect: 100-continue without answer")
}

// Row 10.
func TestClientThatLeavesIsNoticed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked, left, end := make(chan struct{}), make(chan struct{}, 1), make(chan struct{})
	w.serve("origin.test", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-r.Context().Done():
			left <- struct{}{}
		case <-end:
		}
	}))
	t.Cleanup(func() { close(end) })
	w.start()
	leave := func(p peer) {
		inner, _ := p.inside("origin.test")
		_, err := io.WriteString(inner, "GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
		must(t, err)
		<-asked
		must(t, inner.Close())
	}
	leave(w.peer())
	<-left
	w.record(recorded("aborted"))
	leave(w.bareGoproxy(true))
	select {
	case <-left:
		stillBad(t, false, "fails to notice that the client has left")
	case <-time.After(soon):
	}
}

// Row 11.
func TestHopByHopFieldsStopHere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seen := make(chan http.Header, 1)
	w.serve("origin.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Clone()
		if r.ProtoMajor == 1 {
			rw.Header().Set("Connection", "X-Between-Origin-And-Proxy")
			rw.Header().Set("X-Between-Origin-And-Proxy", "1")
		}
		rw.Header().Set("Keep-Alive", "timeout=5")
		rw.Header().Set("Proxy-Authenticate", "Basic")
		rw.Header().Set("Upgrade", "h2c")
		rw.Header().Set("X-End-To-End", "1")
	}))
	w.start()
	const fields = "Connection: keep-alive, X-Between-Client-And-Proxy\r\nX-Between-Client-And-Proxy: 1\r\nKeep-Alive: timeout=5\r\n" +
		"Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic c2VjcmV0\r\nTE: gzip\r\nUpgrade: h2c\r\nX-End-To-End: 1\r\n\r\n"
	hops := []string{"Connection", "X-Between-Client-And-Proxy", "X-Between-Origin-And-Proxy", "Keep-Alive", "Proxy-Connection",
		"Proxy-Authenticate", "Proxy-Authorization", "Te", "Upgrade"}
	// To the intercepted origin it is HTTP/2, which has no Connection field that could name another.
	leaked := func(header http.Header) (names []string) {
		for _, name := range hops {
			if header.Get(name) != "" {
				names = append(names, name)
			}
		}
		return names
	}
	ask := func(p peer, intercepted bool) (up, down []string) {
		var connection io.Writer
		var reader *bufio.Reader
		if intercepted {
			connection, reader = p.inside("origin.test")
			fmt.Fprint(connection, "GET / HTTP/1.1\r\nHost: origin.test\r\n"+fields)
		} else {
			direct := p.dial()
			connection, reader = direct, bufio.NewReader(direct)
			fmt.Fprint(connection, "GET http://plain.origin.test/ HTTP/1.1\r\nHost: plain.origin.test\r\n"+fields)
		}
		response, _ := readAnswer(t, reader)
		request := <-seen
		if request.Get("X-End-To-End") == "" || response.Header.Get("X-End-To-End") == "" {
			t.Errorf("%s: an end-to-end field was lost", p.name)
		}
		return leaked(request), leaked(response.Header)
	}
	for _, intercepted := range []bool{false, true} {
		up, down := ask(w.peer(), intercepted)
		if len(up) > 0 || len(down) > 0 {
			t.Errorf("intercepted %v: the origin read %v, the client %v", intercepted, up, down)
		}
	}
	up, down := ask(w.bareGoproxy(false), false)
	stillBad(t, len(up) > 0 && len(down) > 0, "passes hop-by-hop fields on", up, down)
}

// Row 12.
func TestRequestWithTwoLengthsIsRejected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", echo)
	w.start()
	const request = "POST http://plain.origin.test/ HTTP/1.1\r\nHost: plain.origin.test\r\nContent-Length: 4\r\n" +
		"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	ask := func(p peer) int {
		connection := p.dial()
		_, err := io.WriteString(connection, request)
		must(t, err)
		response, _ := readAnswer(t, bufio.NewReader(connection))
		return response.StatusCode
	}
	if status := ask(w.peer()); status != http.StatusBadRequest {
		t.Errorf("status %d", status)
	}
	status := ask(w.bareGoproxy(false))
	stillBad(t, status == 200, "accepts Content-Length beside Transfer-Encoding", status)
}
