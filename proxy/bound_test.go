package proxy_test

import (
	"crypto/tls"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/upstream"
)

func TestTheRecordNamesWhoTheOriginsCertificateIsOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := w.serve("unheard-of.test", echo)
	server.TLS.Certificates[0] = w.ca.leafOf(t, pkix.Name{Organization: []string{"Example Holding"}, Country: []string{"JP"}}, "unheard-of.test")
	w.policy(rulesPolicy("  - id: none-known\n    description: d\n    when: destination.operator != \"\"\n    verdict: block\n"))
	w.start()
	response, err := w.client().Get("https://unheard-of.test/")
	must(t, err)
	response.Body.Close()
	record := w.record(func(r evidence.Record) bool { return r.Request.Method == "GET" })
	if d := record.Destination; d.Operator != "Example Holding" || d.OperatorHome != "JP" || d.Country != "" || !slices.Equal(d.Reach, []string{"JP"}) {
		t.Errorf("%+v", d)
	}
}

func TestTheRegionBehindAnAliasIsALocation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := w.serve("uploads.test", echo)
	delete(w.config.Hosts, "uploads.test")
	w.config.Resolver.Servers = []string{aliasServer(t, "uploads.test.", "bucket.s3.eu-central-1.amazonaws.com.", [4]byte{127, 0, 0, 1})}
	w.start()
	response, err := w.client().Get(fmt.Sprintf("https://uploads.test:%d/", server.Listener.Addr().(*net.TCPAddr).Port))
	must(t, err)
	response.Body.Close()
	record := w.record(func(r evidence.Record) bool { return r.Request.Method == "GET" })
	if d := record.Destination; d.Country != "DE" || d.Confidence != 0.9 || d.Cloud != "aws" || d.Region != "eu-central-1" {
		t.Errorf("%+v", d)
	}
}

// serveAt makes an origin with HTTP/2 at address that answers with it and is certified for every name.
func (w *world) serveAt(address string, names ...string) int {
	w.t.Helper()
	listener, err := net.Listen("tcp", address)
	must(w.t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		local := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
		fmt.Fprint(out, local.IP)
	}))
	server.Listener.Close()
	server.Listener = listener
	server.TLS = &tls.Config{Certificates: []tls.Certificate{w.ca.leaf(w.t, names...)}}
	server.EnableHTTP2 = true
	server.StartTLS()
	w.t.Cleanup(server.Close)
	return listener.Addr().(*net.TCPAddr).Port
}

func TestHostsThatShareACertificateDoNotShareAConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Destination.Exempt[0].Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	port := w.serveAt("127.0.0.2:0", "*.shared.test")
	w.serveAt(fmt.Sprintf("127.0.0.3:%d", port), "*.shared.test")
	w.config.Hosts["near.shared.test"] = upstream.HostAddresses{"127.0.0.2"}
	w.config.Hosts["far.shared.test"] = upstream.HostAddresses{"127.0.0.3"}
	w.start()
	client := w.client()
	for range 3 {
		for host, address := range map[string]string{"near.shared.test": "127.0.0.2", "far.shared.test": "127.0.0.3"} {
			response, err := client.Get(fmt.Sprintf("https://%s:%d/", host, port))
			must(t, err)
			body, err := io.ReadAll(response.Body)
			must(t, err)
			response.Body.Close()
			if string(body) != address {
				t.Errorf("%s, which is located at %s, was answered by %s", host, address, body)
			}
			w.record(func(r evidence.Record) bool {
				return r.Request.Method == "GET" && r.Destination.Host == host && r.Destination.Address.String() == address
			})
		}
	}
}

func TestAPooledConnectionIsNotUsedForAnotherAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Destination.Exempt[0].Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	port := w.serveAt("127.0.0.2:0", "moving.test")
	w.serveAt(fmt.Sprintf("127.0.0.3:%d", port), "moving.test")
	var moved atomic.Bool
	w.config.Resolver.Servers = []string{nameServer(t, func(string) [][4]byte {
		if moved.Load() {
			return [][4]byte{{127, 0, 0, 3}}
		}
		return [][4]byte{{127, 0, 0, 2}}
	})}
	w.config.Resolver.MinTTL = time.Millisecond
	w.start()
	ask := func() string {
		// Each request in a tunnel of its own, for a tunnel stays where it was decided.
		client := w.client(func(transport *http.Transport) { transport.DisableKeepAlives = true })
		response, err := client.Get(fmt.Sprintf("https://moving.test:%d/", port))
		must(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		must(t, err)
		return string(body)
	}
	if got := ask(); got != "127.0.0.2" {
		t.Fatalf("answered by %s", got)
	}
	moved.Store(true)
	w.eventually("the new address to be used", func() bool { return ask() == "127.0.0.3" })
	for _, record := range w.records() {
		if record.Request.Method == "GET" && record.Destination.Address.String() != "127.0.0.2" && record.Destination.Address.String() != "127.0.0.3" {
			t.Errorf("located at %s", record.Destination.Address)
		}
	}
	if got := ask(); got != "127.0.0.3" {
		t.Errorf("after the name moved, %s answered", got)
	}
}
