package identity

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/netip"
	"net/url"
	"testing"

	"github.com/borderflow/borderflow/rules/flow"
	"github.com/google/go-cmp/cmp"
)

func verified(certificate *x509.Certificate) *tls.ConnectionState {
	return &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{certificate}}}
}

func TestSourceIsWhatTheClientHasProved(t *testing.T) {
	spiffe := &url.URL{Scheme: "spiffe", Host: "example.org", Path: "/ns/shop/sa/cart"}
	for name, test := range map[string]struct {
		state    *tls.ConnectionState
		identity string
	}{
		"without TLS there is no name": {nil, ""},
		"a certificate that was not verified proves nothing": {
			&tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Subject: pkix.Name{CommonName: "mallory"}}}}, ""},
		"a URI comes before all other names": {
			verified(&x509.Certificate{URIs: []*url.URL{spiffe}, DNSNames: []string{"cart.example.org"}}), spiffe.String()},
		"a DNS name comes before the subject": {
			verified(&x509.Certificate{DNSNames: []string{"cart.example.org"}, Subject: pkix.Name{CommonName: "cart"}}), "cart.example.org"},
		"the common name is the last resort": {
			verified(&x509.Certificate{Subject: pkix.Name{CommonName: "cart"}}), "cart"},
		"a certificate without any name proves nothing": {verified(&x509.Certificate{}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			want := flow.Source{Address: netip.MustParseAddr("192.0.2.7"), Port: 4711, IdentityState: flow.Absent, WorkloadState: flow.Absent}
			if test.identity != "" {
				want.Identity, want.IdentityState, want.Assurance = test.identity, flow.Known, "mtls"
			}
			got := Of("[::ffff:192.0.2.7]:4711", test.state)
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Error(diff)
			}
		})
	}
}
