package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy"
	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/google/go-cmp/cmp"
)

// serveOverTLS has w's proxy reached over TLS under the name "proxy.test".
func (w *world) serveOverTLS() {
	w.t.Helper()
	certificate := w.ca.leaf(w.t, "proxy.test")
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	must(w.t, err)
	dir := w.t.TempDir()
	files := &proxy.ListenerTLSConfig{Certificate: filepath.Join(dir, "proxy.pem"), Key: filepath.Join(dir, "proxy-key.pem")}
	for file, block := range map[string]*pem.Block{
		files.Certificate: {Type: "CERTIFICATE", Bytes: certificate.Certificate[0]},
		files.Key:         {Type: "PRIVATE KEY", Bytes: key},
	} {
		must(w.t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
	w.config.Listen = []proxy.ListenerConfig{{Address: "127.0.0.1:0", TLS: files}}
}

// secure connects to the proxy's TLS listener.
func (w *world) secure(protocol string) *tls.Conn {
	w.t.Helper()
	connection := tls.Client(w.dial(), &tls.Config{RootCAs: w.ca.pool(), ServerName: "proxy.test", NextProtos: []string{protocol}})
	must(w.t, connection.Handshake())
	return connection
}

// streamTunnel is a CONNECT over HTTP/2 as a connection. Its deadlines are the test's.
type streamTunnel struct {
	net.Conn // of the whole HTTP/2 connection, for its addresses
	io.Reader
	up *io.PipeWriter
}

func (s streamTunnel) Read(p []byte) (int, error)  { return s.Reader.Read(p) }
func (s streamTunnel) Write(p []byte) (int, error) { return s.up.Write(p) }
func (s streamTunnel) Close() error                { return s.up.Close() }
func (streamTunnel) SetDeadline(time.Time) error   { return nil }

// http2Over speaks HTTP/2 on connection, whatever host is asked for.
func http2Over(t testing.TB, connection *tls.Conn) *http.Transport {
	transport := &http.Transport{ForceAttemptHTTP2: true,
		DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return connection, nil }}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// connectHTTP2 opens a tunnel over an HTTP/2 stream.
func (w *world) connectHTTP2(target string) (net.Conn, *http.Response) {
	w.t.Helper()
	secured := w.secure("h2")
	down, up := io.Pipe()
	response, err := http2Over(w.t, secured).RoundTrip(&http.Request{Method: http.MethodConnect,
		URL: &url.URL{Scheme: "https", Host: w.address()}, Host: target, Header: http.Header{}, Body: down, ContentLength: -1})
	must(w.t, err)
	w.t.Cleanup(func() {
		up.Close()
		response.Body.Close()
	})
	return streamTunnel{secured, response.Body, up}, response
}

const tunnelled = "  []\ninspect:\n  - when: destination.host == \"echo.test\"\n    level: none\n"

func TestProxyIsReachedOverTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serveOverTLS()
	w.serve("origin.test", echo)
	w.config.Hosts["echo.test"] = []string{listen(t, func(c net.Conn) { _, _ = io.Copy(c, c) })}
	w.policy(rulesPolicy(tunnelled + "  - when: destination.host == \"never.test\"\n    level: none\n"))
	w.start()
	ask := func(inner net.Conn) string {
		secured := tls.Client(inner, &tls.Config{RootCAs: w.roots(), ServerName: "origin.test", NextProtos: []string{"http/1.1"}})
		must(t, secured.Handshake())
		write(t, secured, "POST / HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 5\r\n\r\nhello")
		_, body := readAnswer(t, bufio.NewReader(secured))
		return body
	}
	echoes := func(connection net.Conn) {
		write(t, connection, "hello")
		if got := make([]byte, 5); fmt.Sprint(io.ReadFull(connection, got)) != "5 <nil>" || string(got) != "hello" {
			t.Errorf("the tunnel gave %q back", got)
		}
	}
	connectHTTP1 := func(target string) net.Conn {
		connection := w.secure("http/1.1")
		fmt.Fprintf(connection, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target)
		response, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: http.MethodConnect})
		must(t, err)
		if response.StatusCode != http.StatusOK {
			t.Fatalf("status %d", response.StatusCode)
		}
		return connection
	}
	t.Run("HTTP/1.1 requests", func(t *testing.T) {
		client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "https", Host: w.address()}),
			TLSClientConfig: &tls.Config{RootCAs: w.ca.pool(), ServerName: "proxy.test"}, DisableKeepAlives: true}}
		response, err := client.Get("http://plain.origin.test/")
		must(t, err)
		defer response.Body.Close()
		if response.StatusCode != 200 {
			t.Errorf("status %d", response.StatusCode)
		}
	})
	t.Run("HTTP/1.1 CONNECT", func(t *testing.T) {
		if got := ask(connectHTTP1("origin.test:443")); got != "POST HTTP/2.0 hello" {
			t.Errorf("intercepted: %q", got)
		}
		echoes(connectHTTP1("echo.test:7"))
	})
	t.Run("HTTP/2 CONNECT", func(t *testing.T) {
		tunnel, response := w.connectHTTP2("origin.test:443")
		if response.StatusCode != 200 {
			t.Fatalf("status %d", response.StatusCode)
		}
		if got := ask(tunnel); got != "POST HTTP/2.0 hello" {
			t.Errorf("intercepted: %q", got)
		}
		tunnel, _ = w.connectHTTP2("echo.test:7")
		echoes(tunnel)
		must(t, tunnel.Close())
		if rest, err := io.ReadAll(tunnel); len(rest) > 0 || err != nil {
			t.Errorf("after the end: %q, %v", rest, err)
		}
		w.record(func(r evidence.Record) bool {
			return r.Destination.Host == "echo.test" && r.Outcome == evidence.Completed && r.Bytes.Sent == 5 && r.Bytes.Received == 5
		})
	})
	t.Run("HTTP/2 inside an HTTP/2 CONNECT", func(t *testing.T) {
		tunnel, _ := w.connectHTTP2("origin.test:443")
		secured := tls.Client(tunnel, &tls.Config{RootCAs: w.roots(), ServerName: "origin.test", NextProtos: []string{"h2"}})
		must(t, secured.Handshake())
		connection := http2Over(t, secured)
		request, err := http.NewRequest("POST", "https://origin.test/", strings.NewReader("hello"))
		must(t, err)
		response, err := connection.RoundTrip(request)
		must(t, err)
		defer response.Body.Close()
		if body, err := io.ReadAll(response.Body); string(body) != "POST HTTP/2.0 hello" || err != nil {
			t.Errorf("%q, %v", body, err)
		}
	})
	t.Run("a refused HTTP/2 CONNECT", func(t *testing.T) {
		_, response := w.connectHTTP2("10.0.0.1:443")
		if p := cleanRefusal(t, response); p.Status != http.StatusForbidden || p.Error != "destination_ip_prohibited" {
			t.Errorf("%+v", p)
		}
		_, response = w.connectHTTP2("nonsense")
		if p := cleanRefusal(t, response, "nonsense"); p.Status != http.StatusBadRequest {
			t.Errorf("%+v", p)
		}
	})
	t.Run("a quiet HTTP/2 CONNECT", func(t *testing.T) {
		tunnel, _ := w.connectHTTP2("echo.test:7")
		echoes(tunnel)
		<-time.After(soon)
		echoes(tunnel)
	})
}

func TestPlainHTTPInATunnelIsInspected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", echo)
	w.place("plain.origin.test", "US")
	w.policy(rulesPolicy(blockFinancialToUS))
	w.start()
	tunnel, reader := w.peer().tunnel("plain.origin.test:80")
	post := func(body string) *http.Response {
		fmt.Fprintf(tunnel, "POST /orders HTTP/1.1\r\nHost: plain.origin.test\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		response, err := http.ReadResponse(reader, nil)
		must(t, err)
		return response
	}
	response := post(`{"order":7}`)
	if body, _ := io.ReadAll(response.Body); response.StatusCode != 200 || string(body) != `POST HTTP/1.1 {"order":7}` {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	p := cleanRefusal(t, post(cardOrder))
	if r := w.flow(p.FlowID); p.Status != 403 || r.Request.Scheme != "http" || r.Inspection != "full" || r.Destination.Port != 80 || r.Parent == "" {
		t.Errorf("%+v, record %+v", p, r)
	}
}

func TestOtherProtocolsInATunnelAreUninspectable(t *testing.T) {
	t.Parallel()
	greet := func(c net.Conn) {
		_, _ = io.WriteString(c, "220 ready\r\n")
		_, _ = io.Copy(c, c)
	}
	opens := map[string]string{"the server speaks first": "", "the client speaks binary": "\x00\x01\x02\x03\x04\x05\x06\x07"}
	for _, onUninspectable := range []string{"block", "allow"} {
		w := newWorld(t)
		w.config.Hosts["mail.test"] = []string{listen(t, greet)}
		w.config.Limits.HandshakeTimeout = soon // which is how long a client may be silent
		w.policy(rulesPolicy(blockCards) + "onUninspectable: " + onUninspectable + "\n")
		w.start()
		for name, first := range opens {
			t.Run(onUninspectable+", "+name, func(t *testing.T) {
				t.Parallel()
				tunnel, reader := w.peer().tunnel("mail.test:25")
				port := tunnel.LocalAddr().(*net.TCPAddr).Port
				mine := func(r evidence.Record) bool { return int(r.Source.Port) == port }
				write(t, tunnel, first)
				if onUninspectable == "block" {
					if got, err := io.ReadAll(reader); len(got) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("read %q, %v", got, err)
					}
					if r := w.record(mine); r.Outcome != evidence.Blocked || !r.Uninspectable || r.Inspection != "none" || r.Bytes.Sent != 0 {
						t.Errorf("record %+v", r)
					}
					return
				}
				if line, err := reader.ReadString('\n'); line != "220 ready\r\n" || err != nil {
					t.Fatalf("read %q, %v", line, err)
				}
				must(t, tunnel.CloseWrite())
				if rest, err := io.ReadAll(reader); string(rest) != first || err != nil {
					t.Errorf("read %q, %v", rest, err)
				}
				if r := w.record(mine); r.Outcome != evidence.Completed || !r.Uninspectable || r.Inspection != "none" ||
					r.Bytes.Sent != int64(len(first)) || r.Bytes.Received != int64(len(first)+len("220 ready\r\n")) {
					t.Errorf("record %+v", r)
				}
			})
		}
	}
}

func TestPolicySaysHowFarATunnelIsInspected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, host := range []string{"full.test", "sni.test", "none.test"} {
		w.serve(host, echo)
	}
	w.policy(rulesPolicy(`  []
inspect:
  - when: destination.host == "sni.test"
    level: sni
  - when: destination.host == "none.test"
    level: none
`))
	w.start()
	both := w.roots()
	both.AddCert(w.ca.certificate)
	issuers := map[string]string{}
	for _, host := range []string{"full.test", "sni.test", "none.test"} {
		client := w.client(func(tr *http.Transport) { tr.TLSClientConfig.RootCAs = both })
		response, err := client.Get("https://" + host + "/")
		must(t, err)
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		client.CloseIdleConnections()
		issuers[host] = response.TLS.PeerCertificates[0].Issuer.CommonName
	}
	must(t, w.end()) // so that the tunnels are recorded
	if issuers["full.test"] == "test origins" || issuers["sni.test"] != "test origins" || issuers["none.test"] != "test origins" {
		t.Errorf("the client saw certificates of %v", issuers)
	}
	got := map[string]string{}
	for _, r := range w.records() {
		got[r.Destination.Host] = r.Inspection + " " + r.Request.Protocol + " " + r.Verdict
		if r.Request.Protocol == "connect" && (r.Bytes.Sent == 0 || r.Bytes.Received == 0) {
			t.Errorf("bytes of %s: %+v", r.Destination.Host, r.Bytes)
		}
	}
	want := map[string]string{"full.test": "full h2 allow", "sni.test": "sni connect allow", "none.test": "none connect allow"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inspection, protocol and verdict (-want +got):\n%s", diff)
	}
}

func TestServerNameThatContradictsTheTunnelIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, host := range []string{"full.test", "sni.test"} {
		w.config.Hosts[host] = []string{listen(t, func(c net.Conn) {
			if n, _ := c.Read(make([]byte, 1)); n > 0 {
				t.Errorf("a byte reached %s", host)
			}
		})}
	}
	w.policy(rulesPolicy("  []\ninspect:\n  - when: destination.host == \"sni.test\"\n    level: sni\n"))
	w.start()
	for _, host := range []string{"full.test", "sni.test"} {
		tunnel, _ := w.peer().tunnel(host + ":443")
		err := tls.Client(tunnel, &tls.Config{ServerName: "other.test", InsecureSkipVerify: true}).Handshake()
		if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
			t.Errorf("%s: the handshake ended with %v", host, err)
		}
		r := w.record(func(r evidence.Record) bool { return r.Destination.Host == host })
		if r.Outcome != evidence.Refused || r.Error == "" || r.Bytes.Sent != 0 {
			t.Errorf("%s: record %+v", host, r)
		}
	}
}

func TestClientThatDoesNotTrustTheCAIsExplainedInTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", echo)
	w.start()
	tunnel, _ := w.peer().tunnel("origin.test:443")
	if err := tls.Client(tunnel, &tls.Config{RootCAs: w.ca.pool(), ServerName: "origin.test"}).Handshake(); err == nil {
		t.Fatal("the client trusts what it must not")
	}
	r := w.record(recorded(evidence.Aborted))
	if r.Error != "tls_alert_received" || r.Destination.Host != "origin.test" {
		t.Errorf("record %+v", r)
	}
	w.eventually("the log's advice", func() bool { return w.logs.FilterMessageSnippet("trust the CA").Len() == 1 })
}

func TestRefusedConnectSaysWhyWhereClientsLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Hosts["closed.test"] = []string{listen(t, func(net.Conn) { t.Error("the origin was connected to") })}
	w.policy(rulesPolicy("  - id: closed\n    description: Closed for a test\n    legalBasis: Article 1\n    when: destination.host == \"closed.test\"\n    verdict: block\n"))
	w.start()
	_, _, response := w.connect("closed.test:443")
	p := cleanRefusal(t, response)
	// curl and Chromium hide the body of a refused CONNECT.
	if p.Status != http.StatusUnavailableForLegalReasons || !strings.Contains(response.Status, "closed") || !strings.Contains(response.Status, p.FlowID) ||
		response.Header.Get("Borderflow-Rule") != "closed" {
		t.Errorf("%q, %v", response.Status, response.Header)
	}
	if r := w.flow(p.FlowID); r.Outcome != evidence.Blocked || r.Phase != "connect" || r.LegalBasis != "Article 1" {
		t.Errorf("record %+v", r)
	}
}

func TestPolicyChangeEndsTunnelsThatItForbids(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Hosts["echo.test"] = []string{listen(t, func(c net.Conn) { _, _ = io.Copy(c, c) })}
	w.policy(rulesPolicy(tunnelled))
	w.start()
	tunnel, reader := w.peer().tunnel("echo.test:7")
	write(t, tunnel, "hello")
	_, err := io.ReadFull(reader, make([]byte, 5))
	must(t, err)
	w.policy(rulesPolicy("  - id: closed\n    description: closed\n    when: destination.host == \"echo.test\"\n    verdict: block\n"))
	if rest, err := io.ReadAll(reader); len(rest) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the tunnel goes on: %q, %v", rest, err)
	}
	r := w.record(recorded(evidence.Redecided))
	if r.Rule != "closed" || r.Verdict != "block" || r.Bytes.Sent != 5 {
		t.Errorf("record %+v", r)
	}
}
