package proxy_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// Requests follow each other on one connection inside a CONNECT over HTTP/2: net/http's server
// interrupts a read between two of them, which must not end the tunnel.
func TestTunnelOverHTTP2KeepsItsConnectionAlive(t *testing.T) {
	w := newWorld(t)
	w.serve("shop.test", echo)
	w.serveOverTLS()
	w.start()
	through, _ := w.connectHTTP2("shop.test:443")
	inner := tls.Client(through, &tls.Config{RootCAs: w.roots(), ServerName: "shop.test", NextProtos: []string{"http/1.1"}})
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
	w.serveOverTLS()
	w.start()
	through, _ := w.connectHTTP2("mail.test:25")
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
	w.serveOverTLS()
	w.start()
	request, err := http.NewRequest(http.MethodGet, "https://plain.shop.test/orders", nil)
	must(t, err)
	response, err := http2Over(t, w.secure("h2")).RoundTrip(request)
	must(t, err)
	body, err := io.ReadAll(response.Body)
	must(t, err)
	if string(body) != "GET HTTP/1.1 " {
		t.Errorf("%s %q", response.Status, body)
	}
}
