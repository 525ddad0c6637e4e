package proxy_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy"
)

// serveTLS makes the proxy itself reachable over TLS, with a certificate of the origins' CA.
func (w *world) serveTLS() {
	w.t.Helper()
	leaf := w.ca.leaf(w.t, "proxy.test", "127.0.0.1")
	key, err := x509.MarshalECPrivateKey(leaf.PrivateKey.(*ecdsa.PrivateKey))
	must(w.t, err)
	dir := w.t.TempDir()
	config := &proxy.ListenerTLSConfig{Certificate: filepath.Join(dir, "proxy.pem"), Key: filepath.Join(dir, "proxy-key.pem")}
	for file, block := range map[string]*pem.Block{
		config.Certificate: {Type: "CERTIFICATE", Bytes: leaf.Certificate[0]},
		config.Key:         {Type: "EC PRIVATE KEY", Bytes: key},
	} {
		must(w.t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
	w.config.Listen[0].TLS = config
}

// overHTTP2 is a client whose connections, whatever it asks for, are HTTP/2 ones to the proxy itself.
func (w *world) overHTTP2() *http.Transport {
	transport := &http.Transport{ForceAttemptHTTP2: true, DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		dialer := tls.Dialer{Config: &tls.Config{RootCAs: w.ca.pool(), ServerName: "proxy.test", NextProtos: []string{"h2"}}}
		return dialer.DialContext(ctx, "tcp", w.address())
	}}
	w.t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// clientStream is a client's end of a CONNECT over HTTP/2.
type clientStream struct {
	net.Conn // nil: the tests set no deadlines
	up       *io.PipeWriter
	down     io.ReadCloser
}

func (s clientStream) Read(p []byte) (int, error)       { return s.down.Read(p) }
func (s clientStream) Write(p []byte) (int, error)      { return s.up.Write(p) }
func (s clientStream) SetDeadline(time.Time) error      { return nil }
func (s clientStream) SetReadDeadline(time.Time) error  { return nil }
func (s clientStream) SetWriteDeadline(time.Time) error { return nil }
func (s clientStream) Close() error {
	_ = s.up.Close()
	return s.down.Close()
}

// tunnelOverHTTP2 opens a tunnel to target through the proxy's own TLS listener.
func (w *world) tunnelOverHTTP2(target string) net.Conn {
	w.t.Helper()
	reader, writer := io.Pipe()
	response, err := w.overHTTP2().RoundTrip(&http.Request{Method: http.MethodConnect, Host: target,
		URL: &url.URL{Scheme: "https", Host: target}, Header: http.Header{}, Body: reader, ContentLength: -1})
	must(w.t, err)
	if response.StatusCode != http.StatusOK {
		w.t.Fatalf("CONNECT over HTTP/2 answered %s", response.Status)
	}
	stream := clientStream{up: writer, down: response.Body}
	w.t.Cleanup(func() { stream.Close() })
	return stream
}

// Requests follow each other on one connection inside a CONNECT over HTTP/2: net/http's server
// interrupts a read between two of them, which must not end the tunnel.
func TestTunnelOverHTTP2KeepsItsConnectionAlive(t *testing.T) {
	w := newWorld(t)
	w.serve("shop.test", echo)
	w.serveTLS()
	w.start()
	inner := tls.Client(w.tunnelOverHTTP2("shop.test:443"),
		&tls.Config{RootCAs: w.roots(), ServerName: "shop.test", NextProtos: []string{"http/1.1"}})
	must(t, inner.HandshakeContext(t.Context()))
	reader := bufio.NewReader(inner)
	for i := range 3 {
		fmt.Fprintf(inner, "POST /%d HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 2\r\n\r\nhi", i)
		response, err := http.ReadResponse(reader, nil)
		must(t, err)
		body, err := io.ReadAll(response.Body)
		must(t, err)
		if string(body) != "POST HTTP/2.0 hi" {
			t.Errorf("request %d: %q", i, body)
		}
	}
}

// A server that speaks first leaves the client silent; the tunnel must outlive the wait for it.
func TestServerThatSpeaksFirstIsReachedOverHTTP2(t *testing.T) {
	w := newWorld(t)
	w.policy(rulesPolicy(blockFinancialToUS) + "onUninspectable: allow\n")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(connection, "220 ready\r\n")
			line, _ := bufio.NewReader(connection).ReadString('\n')
			_, _ = io.WriteString(connection, "250 "+line)
			_ = connection.Close()
		}
	}()
	w.config.Limits.HandshakeTimeout = 300 * time.Millisecond // how long a silent client is waited for
	w.config.Hosts["mail.test"] = []string{listener.Addr().String()}
	w.serveTLS()
	w.start()
	through := w.tunnelOverHTTP2("mail.test:25")
	reader := bufio.NewReader(through)
	greeting, err := reader.ReadString('\n')
	must(t, err)
	fmt.Fprint(through, "HELO there\r\n")
	answer, err := reader.ReadString('\n')
	must(t, err)
	if greeting != "220 ready\r\n" || answer != "250 HELO there\r\n" {
		t.Errorf("greeting %q, answer %q", greeting, answer)
	}
}

// Browsers send what is plain http to a proxy over TLS as a request of HTTP/2, without CONNECT.
func TestPlainRequestReachesItsOriginThroughAnHTTP2Proxy(t *testing.T) {
	w := newWorld(t)
	w.serve("shop.test", echo)
	w.serveTLS()
	w.start()
	request, err := http.NewRequest(http.MethodGet, "https://plain.shop.test/orders", nil)
	must(t, err)
	response, err := w.overHTTP2().RoundTrip(request)
	must(t, err)
	body, err := io.ReadAll(response.Body)
	must(t, err)
	if string(body) != "GET HTTP/1.1 " {
		t.Errorf("%s %q", response.Status, body)
	}
}
