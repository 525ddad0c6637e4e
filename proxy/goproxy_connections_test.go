package proxy_test

// The rows of goproxy_test.go that are about connections and certificates.

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/upstream"
	"github.com/elazarl/goproxy"
)

// tcpOrigin is an origin that speaks no HTTP: it hands out all that each connection sent.
type tcpOrigin struct {
	address  string
	accepted atomic.Int64
	received chan string
}

// newTCPOrigin listens behind host, or behind no name when w is nil.
func newTCPOrigin(t testing.TB, w *world, host string) *tcpOrigin {
	t.Helper()
	origin := &tcpOrigin{received: make(chan string, 100)}
	origin.address = listen(t, func(connection net.Conn) {
		origin.accepted.Add(1)
		content, _ := io.ReadAll(connection)
		origin.received <- string(content)
	})
	if w != nil {
		w.config.Hosts[host] = upstream.HostAddresses{origin.address}
	}
	return origin
}

// listen serves connections with handle until the test ends, and closes each when handle returns.
func listen(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var serving sync.WaitGroup
	var mutex sync.Mutex
	var open []net.Conn
	serving.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			mutex.Lock()
			open = append(open, connection)
			mutex.Unlock()
			serving.Go(func() {
				defer connection.Close()
				handle(connection)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		mutex.Lock()
		for _, connection := range open {
			connection.Close()
		}
		mutex.Unlock()
		serving.Wait()
	})
	return listener.Addr().String()
}

// countingOrigin is a plain HTTP origin that counts its connections.
type countingOrigin struct{ accepted atomic.Int64 }

func (o *countingOrigin) connections() int64 { return o.accepted.Load() }

func newCountingOrigin(t testing.TB, w *world, host string, handler http.Handler) *countingOrigin {
	t.Helper()
	origin := &countingOrigin{}
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			origin.accepted.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	w.config.Hosts[host] = upstream.HostAddresses{server.Listener.Addr().String()}
	return origin
}

// recorded matches records of requests with an outcome.
func recorded(outcome evidence.Outcome) func(evidence.Record) bool {
	return func(r evidence.Record) bool { return r.Outcome == outcome }
}

// rsaAuthority writes a CA with an RSA key, as many organisations have one.
func rsaAuthority(t *testing.T) (certFile, keyFile string, pair tls.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Example RSA CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca-key.pem")
	must(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), 0o600))
	return certFile, keyFile, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Rows 2 and 14.
func TestLeavesAreOurOwnAndMadeOnceForAHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("one.test", echo)
	w.serve("two.test", echo)
	var pair tls.Certificate
	w.config.Certificates.Certificate, w.config.Certificates.Key, pair = rsaAuthority(t)
	w.start()
	leaf := func(p peer, host string) *x509.Certificate {
		inner, _ := p.inside(host)
		return inner.ConnectionState().PeerCertificates[0]
	}
	first, second, other := leaf(w.peer(), "one.test"), leaf(w.peer(), "one.test"), leaf(w.peer(), "two.test")
	for _, certificate := range []*x509.Certificate{first, other} {
		key, ok := certificate.PublicKey.(*ecdsa.PublicKey)
		if !ok || key.Curve != elliptic.P256() || certificate.Issuer.CommonName != "Example RSA CA" {
			t.Errorf("the leaf has a %T and the issuer %s", certificate.PublicKey, certificate.Issuer)
		}
	}
	if !first.Equal(second) || first.Equal(other) {
		t.Error("the leaf of a host is not minted once")
	}
	bare := w.bareGoproxy(false, func(core *goproxy.ProxyHttpServer) {
		action := &goproxy.ConnectAction{Action: goproxy.ConnectMitm, TLSConfig: goproxy.TLSConfigFromCA(&pair)}
		core.OnRequest().HandleConnectFunc(func(host string, _ *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
			return action, host
		})
	})
	bare.roots = w.roots()
	first, second = leaf(bare, "one.test"), leaf(bare, "one.test")
	_, isRSA := first.PublicKey.(*rsa.PublicKey)
	stillBad(t, isRSA && !first.Equal(second), "makes an RSA key for each connection", first.Subject)
}

// Row 7.
func TestWebSocketThatTheOriginClosesIsClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Hosts["socket.test"] = upstream.HostAddresses{listen(t, func(connection net.Conn) {
		request, err := http.ReadRequest(bufio.NewReader(connection))
		if err != nil {
			return
		}
		sum := sha1.Sum([]byte(request.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		fmt.Fprintf(connection, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
	})} // and closes
	w.start()
	open := func(p peer) *net.TCPConn {
		connection := p.dial()
		fmt.Fprint(connection, "GET http://socket.test/ HTTP/1.1\r\nHost: socket.test\r\nConnection: Upgrade\r\n"+
			"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
		for end := make([]byte, 0, 1024); len(end) < 4 || string(end[len(end)-4:]) != "\r\n\r\n"; {
			one := make([]byte, 1)
			_, err := connection.Read(one)
			must(t, err)
			end = append(end, one...)
		}
		return connection
	}
	if _, err := io.ReadAll(open(w.peer())); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the client is left with a dead WebSocket")
	}
	stillBad(t, staysOpen(t, open(w.bareGoproxy(false))), "keeps a WebSocket whose origin has closed")
}

// Row 13.
func TestTLSSessionsResumeOnBothSides(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var resumed atomic.Int64
	w.serve("origin.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.TLS != nil && r.TLS.DidResume {
			resumed.Add(1)
		}
		rw.Header().Set("Connection", "close") // each request takes a connection of its own
	}))
	w.start()
	twice := func(p peer) (client bool) {
		sessions := tls.NewLRUClientSessionCache(4)
		for range 2 {
			inner, reader := p.inside("origin.test", func(c *tls.Config) { c.ClientSessionCache = sessions })
			fmt.Fprint(inner, "GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
			readAnswer(t, reader)
			client = inner.ConnectionState().DidResume
			must(t, inner.Close())
		}
		return client
	}
	if !twice(w.peer()) {
		t.Error("the client's second connection did not resume")
	}
	if resumed.Load() == 0 {
		t.Error("the second connection to the origin did not resume")
	}
	resumed.Store(0)
	client := twice(w.bareGoproxy(true))
	stillBad(t, !client && resumed.Load() == 0, "starts every TLS session anew", client, resumed.Load())
}

// Row 16.
func TestOriginIsSpokenToInHTTP2(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", echo)
	w.start()
	ask := func(p peer) string {
		inner, reader := p.inside("origin.test")
		fmt.Fprint(inner, "GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
		_, body := readAnswer(t, reader)
		return body
	}
	if got := ask(w.peer()); got != "GET HTTP/2.0 " {
		t.Errorf("the origin saw %q", got)
	}
	got := ask(w.bareGoproxy(true))
	stillBad(t, got == "GET HTTP/1.1 ", "speaks HTTP/1.1 to an origin with HTTP/2", got)
}

// Row 16.
func TestManyIdleConnectionsToAnOriginAreKept(t *testing.T) {
	t.Parallel()
	const together = 6
	w := newWorld(t)
	var round sync.WaitGroup
	origin := newCountingOrigin(t, w, "origin.test", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		round.Done()
		round.Wait() // so that each needs a connection
		rw.WriteHeader(http.StatusNoContent)
	}))
	w.start()
	twoRounds := func(p peer) (opened int64) {
		before := origin.connections()
		client := p.client(func(tr *http.Transport) { tr.MaxIdleConnsPerHost = together })
		for range 2 {
			round.Add(together)
			var asking sync.WaitGroup
			for range together {
				asking.Go(func() {
					if response, err := client.Get("http://origin.test/"); err != nil {
						t.Error(err)
					} else {
						response.Body.Close()
					}
				})
			}
			asking.Wait()
		}
		return origin.connections() - before
	}
	if opened := twoRounds(w.peer()); opened != together {
		t.Errorf("two rounds of %d requests opened %d connections", together, opened)
	}
	opened := twoRounds(w.bareGoproxy(false))
	stillBad(t, opened > together, "keeps two idle connections only", opened)
}

// Row 17.
func TestDrainEndsTunnels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Hosts["echo.test"] = upstream.HostAddresses{listen(t, func(connection net.Conn) { _, _ = io.Copy(connection, connection) })}
	w.config.DrainDeadline = soon
	w.policy(rulesPolicy("  []\ninspect:\n  - when: \"true\"\n    level: none\n"))
	w.start()
	says := func(connection net.Conn, text string) error {
		if _, err := io.WriteString(connection, text); err != nil {
			return err
		}
		_, err := io.ReadFull(connection, make([]byte, len(text)))
		return err
	}
	finishing, _ := w.peer().tunnel("echo.test:443")
	lasting, _ := w.peer().tunnel("echo.test:443")
	must(t, says(finishing, "before"))
	must(t, says(lasting, "before"))
	w.stop()
	w.eventually("the proxy to take no more connections", func() bool {
		connection, err := net.Dial("tcp", w.address())
		if err == nil {
			connection.Close()
		}
		return err != nil
	})
	must(t, says(finishing, "while it drains"))
	must(t, finishing.CloseWrite())
	w.record(recorded(evidence.Completed))
	must(t, w.end())
	if err := says(lasting, "after"); err == nil {
		t.Error("a tunnel outlived the drain")
	}
	w.record(recorded(evidence.Aborted))

	// http.Server, which is all that a goproxy has around it, knows of no tunnel.
	server := &http.Server{Handler: goproxy.NewProxyHttpServer()}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	bare := peer{t: t, name: "bare goproxy", address: listener.Addr().String()}
	tunnel, _ := bare.tunnel(w.config.Hosts["echo.test"][0])
	must(t, says(tunnel, "before"))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	must(t, server.Shutdown(ctx))
	must(t, server.Close())
	<-served
	err = says(tunnel, "after")
	stillBad(t, err == nil, "forgets its tunnels when it ends", err)
}

// Row 17.
func TestDrainTellsHTTP2ClientsToGoAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	w.serve("origin.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		close(asked)
		<-answer
		_, _ = io.WriteString(rw, r.Proto)
	}))
	w.start()
	got := make(chan string, 1)
	client := w.client()
	go func() {
		response, err := client.Get("https://origin.test/")
		if err != nil {
			got <- err.Error()
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		got <- response.Proto + " " + string(body)
	}()
	<-asked
	w.stop()
	w.eventually("the drain", func() bool { return w.logs.FilterMessage("draining").Len() == 1 })
	close(answer)
	if text := <-got; text != "HTTP/2.0 HTTP/2.0" {
		t.Errorf("a request under way ended with %q", text)
	}
	began := time.Now()
	must(t, w.end())
	if waited := time.Since(began); waited >= w.config.DrainDeadline {
		t.Errorf("an idle HTTP/2 connection held the drain up for %v", waited)
	}
	if n := w.logs.FilterMessage("the drain deadline has passed: closing what is left").Len(); n != 0 {
		t.Error("the drain deadline passed with nothing left to wait for")
	}
}

// withCancel is a context that the story ends, or else the test.
func withCancel(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}
