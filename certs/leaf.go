package certs

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"time"
)

// ErrAuthorityExpired is returned when nothing can be minted because the authority is not valid now.
var ErrAuthorityExpired = errors.New("certificate authority is not valid now")

// RFC 5280 appendix A.1, ub-common-name.
const maxCommonName = 64

// leaf is a certificate ready to be served.
type leaf struct {
	certificate tls.Certificate
	renewAt     time.Time
}

// newLeaf signs a certificate for one host, parsed once here so that no handshake has to.
func newLeaf(by *issuer, key sealedKey, name hostName, now time.Time, lifetime time.Duration) (*leaf, error) {
	signer := by.chain[0]
	if now.After(by.notAfter) || now.Before(signer.NotBefore) {
		return nil, fmt.Errorf("mint certificate for %q: %w: %s is valid from %s to %s", name.text, ErrAuthorityExpired,
			subject(signer), signer.NotBefore.UTC().Format(time.RFC3339), by.notAfter.UTC().Format(time.RFC3339))
	}
	template, err := leafTemplate(by, name, now, lifetime)
	if err != nil {
		return nil, fmt.Errorf("mint certificate for %q: %w", name.text, err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, key.Public(), by.key)
	if err != nil {
		return nil, fmt.Errorf("mint certificate for %q: %w", name.text, err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("mint certificate for %q: %w", name.text, err)
	}
	renewAt := parsed.NotAfter.Add(-parsed.NotAfter.Sub(now) / 3)
	if parsed.NotAfter.Equal(by.notAfter) {
		renewAt = by.notAfter // a new one could not last longer
	}
	return &leaf{
		certificate: tls.Certificate{
			Certificate: append([][]byte{der}, by.served...),
			PrivateKey:  key,
			Leaf:        parsed,
		},
		renewAt: renewAt,
	}, nil
}

func leafTemplate(by *issuer, name hostName, now time.Time, lifetime time.Duration) (*x509.Certificate, error) {
	serial, err := randomSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(lifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if signer := by.chain[0]; template.NotBefore.Before(signer.NotBefore) {
		template.NotBefore = signer.NotBefore
	}
	if template.NotAfter.After(by.notAfter) {
		template.NotAfter = by.notAfter
	}
	if len(name.text) <= maxCommonName {
		template.Subject = pkix.Name{CommonName: name.text}
	}
	if name.address.IsValid() {
		template.IPAddresses = []net.IP{name.address.AsSlice()}
	} else {
		template.DNSNames = []string{name.text}
	}
	return template, nil
}
