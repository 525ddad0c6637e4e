package certs

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	expectedCertificates = "CERTIFICATE blocks in PEM"

	// Real chains have two or three certificates; TLS stacks give up at about ten.
	maxChain = 8

	expiryNotice = 30 * 24 * time.Hour
)

// certificates reads a file of certificates, with every mistake in it.
func certificates(file string, content []byte) ([]*x509.Certificate, error) {
	blocks, mistakes := pemBlocks(file, content)
	if len(blocks) == 0 && len(mistakes) == 0 {
		return nil, notPEM(file, content, expectedCertificates,
			"openssl x509 -inform DER -in "+shellQuote(file)+" -out ca.pem")
	}
	var found []*x509.Certificate
	for _, b := range blocks {
		wrong := &FileError{File: file, Line: b.line, Expected: expectedCertificates + " only"}
		switch b.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(b.Bytes)
			if err == nil {
				found = append(found, c)
				continue
			}
			wrong.Found, wrong.Expected, wrong.Err = "a damaged certificate ("+err.Error()+")", "an X.509 certificate", err
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
			wrong.Found = "a private key"
			wrong.Fix = "move it to its own file with mode 0600, and check that the paths are not exchanged"
		case "TRUSTED CERTIFICATE":
			wrong.Found = "an OpenSSL TRUSTED CERTIFICATE"
			wrong.Fix = "convert it with: openssl x509 -in " + shellQuote(file) + " -out ca.pem"
		default:
			wrong.Found = fmt.Sprintf("a PEM block of type %q", b.Type)
		}
		mistakes = append(mistakes, wrong)
	}
	return found, joinMistakes(file, mistakes)
}

// checkChain finds everything that would make clients refuse what chain[0] signs: it must be a valid
// authority for TLS servers, and each certificate must be signed by the next.
func checkChain(file string, chain []*x509.Certificate, now time.Time) error {
	var mistakes []error
	wrong := func(c *x509.Certificate, found, expected, fix string) {
		mistakes = append(mistakes, &FileError{File: file, Found: found + " (" + subject(c) + ")", Expected: expected, Fix: fix})
	}
	if len(chain) > maxChain {
		wrong(chain[0], fmt.Sprintf("%d certificates", len(chain)), fmt.Sprintf("at most %d", maxChain),
			"give the signing certificate and its parents, not a bundle of roots")
		return errors.Join(mistakes...)
	}
	for i, c := range chain {
		switch {
		case !c.BasicConstraintsValid || !c.IsCA:
			wrong(c, "a certificate that is not an authority", "CA:TRUE in its basic constraints",
				"give the authority's certificate, not a server's")
		case c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0:
			wrong(c, "an authority that may not sign certificates", "keyCertSign in its key usage", "")
		case !servesTLS(c):
			wrong(c, "an authority restricted to other uses", "serverAuth, or no extended key usage", "")
		case c.MaxPathLen >= 0 && c.MaxPathLen < i:
			wrong(c, fmt.Sprintf("path length limit %d", c.MaxPathLen), fmt.Sprintf("at least %d for the authorities below it", i), "")
		}
		if now.Before(c.NotBefore) {
			wrong(c, "a certificate not valid before "+c.NotBefore.UTC().Format(time.RFC3339), "one valid now, "+now.UTC().Format(time.RFC3339),
				"check the clock of this machine")
		}
		if now.After(c.NotAfter) {
			wrong(c, "a certificate that expired on "+c.NotAfter.UTC().Format(time.RFC3339), "one valid now, "+now.UTC().Format(time.RFC3339),
				"renew the authority; to have a new one created, move its certificate and key away")
		}
		if i > 0 && chain[i-1].CheckSignatureFrom(c) != nil {
			wrong(c, fmt.Sprintf("certificate %d", i+1), "the one that signed "+subject(chain[i-1]),
				"order the chain from the signing certificate up to the root")
		}
	}
	return errors.Join(mistakes...)
}

func servesTLS(c *x509.Certificate) bool {
	return len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 ||
		slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// checkPair makes sure that the key is the certificate's.
func checkPair(certFile, keyFile string, certificate *x509.Certificate, key sealedKey) error {
	// Every public key type of the standard library has this method.
	public, ok := certificate.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if ok && public.Equal(key.Public()) {
		return nil
	}
	return &FileError{File: keyFile,
		Found:    "a key (" + describePublicKey(key.Public()) + ") of another certificate",
		Expected: "the key of " + certFile + " (" + subject(certificate) + ", " + describePublicKey(certificate.PublicKey) + ")",
		Fix:      "give the two files that were created together; in a chain file the signing certificate comes first"}
}

// chainWarnings names what works but will trouble some clients, or soon all.
func chainWarnings(file string, chain []*x509.Certificate, now time.Time) (warnings []string) {
	warn := func(format string, arguments ...any) {
		warnings = append(warnings, file+": "+fmt.Sprintf(format, arguments...))
	}
	signer := chain[0]
	if len(signer.SubjectKeyId) == 0 {
		warn("the certificate has no subject key identifier, which strict clients refuse (Python 3.13 and later)")
	}
	if _, isEd25519 := signer.PublicKey.(ed25519.PublicKey); isEd25519 {
		warn("browsers and older TLS libraries do not accept Ed25519 certificates")
	}
	if hasNameConstraints(signer) {
		warn("the certificate carries name constraints: clients will refuse every host outside them")
	}
	if left := earliestExpiry(chain).Sub(now); left < expiryNotice {
		warn("expires in %d days, on %s", int(left.Hours()/24), earliestExpiry(chain).UTC().Format(time.RFC3339))
	}
	return warnings
}

func hasNameConstraints(c *x509.Certificate) bool {
	return len(c.PermittedDNSDomains)+len(c.ExcludedDNSDomains)+len(c.PermittedIPRanges)+len(c.ExcludedIPRanges) > 0
}

func earliestExpiry(chain []*x509.Certificate) time.Time {
	earliest := chain[0].NotAfter
	for _, c := range chain[1:] {
		if c.NotAfter.Before(earliest) {
			earliest = c.NotAfter
		}
	}
	return earliest
}

// selfSigned tells a root: clients have it already or do not trust it, so it is not sent to them.
func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignatureFrom(c) == nil
}

func subject(c *x509.Certificate) string {
	if name := c.Subject.String(); name != "" {
		return fmt.Sprintf("%.200q", name)
	}
	return "serial " + c.SerialNumber.Text(16)
}
