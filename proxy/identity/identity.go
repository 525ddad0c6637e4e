// Package identity answers who is calling: the name that a client has proved, and how.
//
// One name reaches the policy, with the assurance it was proved with, so that a rule can ask for
// both. A client that proved nothing is known by its address alone; the policy says what that is
// worth. Credentials never travel on: package proxy strips them from what it forwards.
package identity

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"

	"github.com/borderflow/borderflow/rules/flow"
)

// Of returns the source of a request that came from remote (host:port, as net/http gives it) over a
// connection with the given TLS state, nil without TLS.
func Of(remote string, state *tls.ConnectionState) flow.Source {
	// Nothing that knows workloads is asked yet.
	source := flow.Source{IdentityState: flow.Absent, WorkloadState: flow.Absent}
	if address, err := netip.ParseAddrPort(remote); err == nil {
		source.Address, source.Port = address.Addr().Unmap(), address.Port()
	}
	if state != nil && len(state.VerifiedChains) > 0 {
		if name := certificateName(state.VerifiedChains[0][0]); name != "" {
			source.Identity, source.IdentityState, source.Assurance = name, flow.Known, "mtls"
		}
	}
	return source
}

// certificateName is the name a client certificate proves: its URI (SPIFFE X.509-SVID section 2
// allows one only), else its DNS name, else its e-mail address, else its common name.
func certificateName(certificate *x509.Certificate) string {
	switch {
	case len(certificate.URIs) > 0:
		return certificate.URIs[0].String()
	case len(certificate.DNSNames) > 0:
		return certificate.DNSNames[0]
	case len(certificate.EmailAddresses) > 0:
		return certificate.EmailAddresses[0]
	}
	return certificate.Subject.CommonName
}
