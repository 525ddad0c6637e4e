package listen

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is when a test gives up waiting.
const soon = 10 * time.Second

// eventually waits for condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline, ticks := time.Now().Add(soon), time.NewTicker(2*time.Millisecond)
	defer ticks.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
		<-ticks.C
	}
}

// received returns what channel yields, soon.
func received[T any](t *testing.T, what string, channel <-chan T) T {
	t.Helper()
	select {
	case value := <-channel:
		return value
	case <-time.After(soon):
		t.Fatalf("never came: %s", what)
		panic("unreachable")
	}
}

// served is a server that accepts on the loopback interface.
type served struct {
	*Server
	address  string
	accepted chan error // Accept's result
}

func serve(t *testing.T, handler http.HandlerFunc, limits Limits, config *tls.Config) *served {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, listener, handler, limits, config)
}

func serveOn(t *testing.T, listener net.Listener, handler http.HandlerFunc, limits Limits, config *tls.Config) *served {
	t.Helper()
	s := &served{NewServer(handler, limits, zap.NewNop()), listener.Addr().String(), make(chan error, 1)}
	ran := make(chan error, 1)
	go func() { ran <- s.Run() }()
	go func() { s.accepted <- s.Accept(context.Background(), listener, config) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := received(t, "the end of Run", ran); err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := received(t, "the end of Accept", s.accepted); err != nil {
			t.Errorf("Accept: %v", err)
		}
		eventually(t, "no connection is counted", func() bool { return s.Open() == 0 })
	})
	return s
}

func (s *served) dial(t *testing.T) *net.TCPConn {
	t.Helper()
	connection, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	_ = connection.SetDeadline(time.Now().Add(soon))
	return connection.(*net.TCPConn)
}

// tlsConfigs returns a server's and its clients' configurations.
func tlsConfigs(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	source := httptest.NewTLSServer(nil)
	defer source.Close()
	roots := x509.NewCertPool()
	roots.AddCert(source.Certificate())
	return &tls.Config{Certificates: source.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}},
		&tls.Config{RootCAs: roots, ServerName: "example.com"}
}

// httpClient returns a client that keeps connections of its own, over HTTP/2 if that is wanted.
func httpClient(t *testing.T, config *tls.Config, http2 bool) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config.Clone(), ForceAttemptHTTP2: http2,
		HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10, MaxReceiveBufferPerConnection: 128 << 10}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: soon}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// raw sends request and returns all that comes back until the connection ends.
func raw(t *testing.T, connection net.Conn, request string) string {
	t.Helper()
	if _, err := io.WriteString(connection, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(connection)
	if isTimeout(err) {
		t.Fatalf("the connection stays open; answered so far: %q", answer)
	}
	return string(answer)
}
