package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy"
	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/upstream"
	"github.com/borderflow/borderflow/rules/jurisdiction"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testCA certifies the origins of one test.
type testCA struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	file        string // PEM
}

func newTestCA(t testing.TB) *testCA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test origins"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	certificate, err := x509.ParseCertificate(der)
	must(t, err)
	file := filepath.Join(t.TempDir(), "origins.pem")
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return &testCA{certificate: certificate, key: key, file: file}
}

// pool trusts the CA alone.
func (ca *testCA) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.certificate)
	return pool
}

// leaf certifies names, which may be addresses.
func (ca *testCA) leaf(t testing.TB, names ...string) tls.Certificate {
	t.Helper()
	return ca.leafOf(t, pkix.Name{}, names...)
}

// leafOf certifies names for subject.
func (ca *testCA) leafOf(t testing.TB, subject pkix.Name, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: subject,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.certificate, &key.PublicKey, ca.key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// world is one running proxy with what it needs around it: origins under names of their own, a policy
// directory, and what the proxy logged.
type world struct {
	t      testing.TB
	ca     *testCA
	config proxy.Config
	logs   *observer.ObservedLogs

	proxy  *proxy.Proxy
	stop   context.CancelFunc
	done   chan error
	ended  sync.Once
	runErr error
}

// newWorld prepares a proxy; start runs it. Loopback is exempt, so that origins can be reached.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, ca: newTestCA(t), config: proxy.Defaults()}
	dir := t.TempDir()
	w.config.Listen = []proxy.ListenerConfig{{Address: "127.0.0.1:0"}}
	w.config.Admin.Listen = "127.0.0.1:0"
	w.config.StateDir = filepath.Join(dir, "state")
	w.config.Hosts = upstream.Hosts{}
	w.config.Upstream.Trust = []string{w.ca.file}
	w.config.Upstream.WithoutSystemRoots = true
	w.config.Destination.Exempt = []upstream.Exemption{{Name: "test origins",
		Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Reason: "origins of a test"}}
	w.config.DrainDeadline = 5 * time.Second
	return w
}

// place declares which country host stands in.
func (w *world) place(host, country string) {
	w.config.Jurisdiction.Catalogue = append(w.config.Jurisdiction.Catalogue,
		jurisdiction.Entry{Match: host, Countries: []string{country}})
}

// policy writes one policy file, replacing what stood there.
func (w *world) policy(text string) {
	w.t.Helper()
	if w.config.Policy.Dir == "" {
		w.config.Policy.Dir = w.t.TempDir()
	}
	next := filepath.Join(w.config.Policy.Dir, ".next")
	must(w.t, os.WriteFile(next, []byte(text), 0o600))
	must(w.t, os.Rename(next, filepath.Join(w.config.Policy.Dir, "policy.yaml")))
}

// rulesPolicy is a policy that allows what its rules do not stop.
func rulesPolicy(rules string) string {
	return "apiVersion: borderflow/v1\nkind: Policy\nname: test\ndefault: allow\ncontact: privacy@example.com\nrules:\n" + rules
}

const blockFinancialToUS = `  - id: no-cards-to-us
    description: Payment cards stay out of the United States
    when: destination.country == "US" && data.has("financial")
    verdict: block
`

// serve makes handler the origin behind host: over TLS with HTTP/2 and HTTP/1.1 on port 443, and
// plainly on port 80 for the name "plain." + host.
func (w *world) serve(host string, handler http.Handler) *httptest.Server {
	w.t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{w.ca.leaf(w.t, host)}}
	server.EnableHTTP2 = true
	server.StartTLS()
	w.t.Cleanup(server.Close)
	w.config.Hosts[host] = upstream.HostAddresses{server.Listener.Addr().String()}
	plain := httptest.NewServer(handler)
	w.t.Cleanup(plain.Close)
	w.config.Hosts["plain."+host] = upstream.HostAddresses{plain.Listener.Addr().String()}
	return server
}

// start runs the proxy until the test ends.
func (w *world) start() *world {
	w.t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	w.logs = logs
	if problems := w.config.Validate(nil); len(problems) > 0 {
		w.t.Fatal(problems)
	}
	p, err := proxy.New(w.config, zap.New(core), "test")
	must(w.t, err)
	ctx, stop := context.WithCancel(context.Background())
	w.proxy, w.stop, w.done = p, stop, make(chan error, 1)
	go func() { w.done <- p.Run(ctx) }()
	w.t.Cleanup(func() { must(w.t, w.end()) })
	return w
}

// end drains the proxy and returns Run's error.
func (w *world) end() error {
	w.ended.Do(func() {
		w.stop()
		w.runErr = <-w.done
	})
	return w.runErr
}

func (w *world) address() string { return w.proxy.Addresses()[0].String() }

// client is an HTTP client that goes through the proxy and trusts its CA.
func (w *world) client(adjust ...func(*http.Transport)) *http.Client {
	w.t.Helper()
	transport := &http.Transport{
		Proxy:             http.ProxyURL(&url.URL{Scheme: "http", Host: w.address()}),
		TLSClientConfig:   &tls.Config{RootCAs: w.roots()},
		ForceAttemptHTTP2: true,
	}
	for _, change := range adjust {
		change(transport)
	}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// http1 keeps a client to HTTP/1.1.
func http1(transport *http.Transport) {
	transport.ForceAttemptHTTP2 = false
	transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
}

// roots trusts the proxy's CA alone.
func (w *world) roots() *x509.CertPool {
	w.t.Helper()
	content, err := os.ReadFile(w.proxy.CAFile())
	must(w.t, err)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		w.t.Fatal("the CA's file holds no certificate")
	}
	return pool
}

// dial connects to the proxy itself.
func (w *world) dial() *net.TCPConn {
	w.t.Helper()
	connection, err := net.Dial("tcp", w.address())
	must(w.t, err)
	w.t.Cleanup(func() { connection.Close() })
	must(w.t, connection.SetDeadline(time.Now().Add(20*time.Second)))
	return connection.(*net.TCPConn)
}

// connect opens a tunnel to target on a connection of its own and returns it with the answer.
func (w *world) connect(target string) (net.Conn, *bufio.Reader, *http.Response) {
	w.t.Helper()
	connection := w.dial()
	fmt.Fprintf(connection, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target)
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, &http.Request{Method: http.MethodConnect})
	must(w.t, err)
	return connection, reader, response
}

// raw sends bytes to the proxy and returns the answer's status and body.
func (w *world) raw(sent string) (*http.Response, string) {
	w.t.Helper()
	connection := w.dial()
	_, err := io.WriteString(connection, sent)
	must(w.t, err)
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	must(w.t, err)
	body, _ := io.ReadAll(response.Body)
	return response, string(body)
}

// records returns the outcomes of flows recorded so far, in order.
func (w *world) records() []evidence.Record {
	w.t.Helper()
	return w.recordsOf(evidence.KindFlow)
}

// recordsOf returns the records of that kind, in order.
func (w *world) recordsOf(kind string) []evidence.Record {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(w.config.StateDir, "evidence", "*.jsonl"))
	must(w.t, err)
	var records []evidence.Record
	for _, file := range files {
		content, err := os.ReadFile(file)
		must(w.t, err)
		// A line that is being written has no end yet.
		content = content[:bytes.LastIndexByte(content, '\n')+1]
		for record, err := range evidence.Read(bytes.NewReader(content)) {
			must(w.t, err)
			if record.Kind == kind {
				records = append(records, *record)
			}
		}
	}
	return records
}

// record waits for the one record that satisfies want.
func (w *world) record(want func(evidence.Record) bool) evidence.Record {
	w.t.Helper()
	var found evidence.Record
	w.eventually("a matching record", func() bool {
		for _, record := range w.records() {
			if want(record) {
				found = record
				return true
			}
		}
		return false
	})
	return found
}

// flow waits for the record of the flow with id.
func (w *world) flow(id string) evidence.Record {
	w.t.Helper()
	return w.record(func(r evidence.Record) bool { return r.ID == id })
}

// eventually waits for a condition; it does not say how long that takes.
func (w *world) eventually(what string, condition func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; {
		if condition() {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// problem is the body of a refusal.
type problem struct {
	Status     int      `json:"status"`
	Reason     string   `json:"reason"`
	FlowID     string   `json:"flow_id"`
	Error      string   `json:"error"`
	Rule       string   `json:"rule"`
	LegalBasis string   `json:"legal_basis"`
	Contact    string   `json:"contact"`
	Categories []string `json:"categories"`
}

// refusal reads a refusal and checks that its parts agree.
func refusal(t testing.TB, response *http.Response) problem {
	t.Helper()
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	must(t, err)
	var p problem
	if err := json.Unmarshal(content, &p); err != nil {
		t.Fatalf("status %d, body %q: %v", response.StatusCode, content, err)
	}
	if got := response.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q", got)
	}
	if p.Status != response.StatusCode || p.FlowID != response.Header.Get("Borderflow-Flow") {
		t.Errorf("body says %d %s, head says %d %s", p.Status, p.FlowID, response.StatusCode, response.Header.Get("Borderflow-Flow"))
	}
	if !strings.Contains(response.Header.Get("Proxy-Status"), "error="+p.Error) {
		t.Errorf("Proxy-Status %q does not name %q", response.Header.Get("Proxy-Status"), p.Error)
	}
	return p
}

// post sends body as JSON.
func post(t testing.TB, client *http.Client, url, body string) *http.Response {
	t.Helper()
	response, err := client.Post(url, "application/json", strings.NewReader(body))
	must(t, err)
	t.Cleanup(func() { response.Body.Close() })
	return response
}

// echo answers with the method, the protocol and what it received.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s", r.Method, r.Proto, body)
})

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
