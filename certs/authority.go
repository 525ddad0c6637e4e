package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Authority is the certificate authority that signs the certificates shown to clients. It is safe for
// concurrent use. Formatting or logging it shows its subject, fingerprint and expiry.
type Authority struct {
	certFile, keyFile string
	mounted           bool // files from elsewhere: a readable key is a warning, not an error

	reload   sync.Mutex // one Reload at a time
	current  atomic.Pointer[issuer]
	warnings atomic.Pointer[[]string]
}

// issuer is one state of an Authority, never changed once built. A Minter compares its address to see
// that the authority was exchanged.
type issuer struct {
	chain       []*x509.Certificate // the signing certificate first, then its parents
	served      [][]byte            // DER of what is sent behind a leaf
	key         sealedKey
	pem         []byte
	fingerprint string
	notAfter    time.Time
}

// FromFiles loads an authority from files that others provide, such as a mounted Kubernetes secret.
//
// certFile holds the signing certificate, alone or followed by its parents in order. If it is an
// intermediate, clients receive it and all parents but the root behind each leaf. keyFile holds its key
// unencrypted: RSA of 2048 to 8192 bits, ECDSA P-256 or P-384, or Ed25519.
//
// Unlike LoadOrCreate it accepts a key that others may read, since secret volumes mount files as 0644
// or 0440; Warnings then says so. Symbolic links are followed. Errors are *FileError, joined if several.
func FromFiles(certFile, keyFile string) (*Authority, error) {
	a := &Authority{certFile: certFile, keyFile: keyFile, mounted: true}
	if err := a.load(time.Now()); err != nil {
		return nil, fmt.Errorf("load certificate authority: %w", err)
	}
	return a, nil
}

// Reload reads the authority's files again and reports whether certificate or key changed. On error the
// authority stays as it was. A file pair caught in the middle of being replaced is such an error; the
// next Reload finds it whole.
func (a *Authority) Reload() (changed bool, err error) {
	a.reload.Lock()
	defer a.reload.Unlock()
	before := a.current.Load()
	if err := a.load(time.Now()); err != nil {
		return false, fmt.Errorf("reload certificate authority, keeping the previous one: %w", err)
	}
	return a.current.Load() != before, nil
}

// load replaces the current issuer if the files hold another one.
func (a *Authority) load(now time.Time) error {
	certText, _, certErr := readFile(a.certFile, expectedCertificates, maxCertificateBytes)
	keyText, keyMode, keyErr := readFile(a.keyFile, expectedKey, maxKeyBytes)
	if err := errors.Join(certErr, keyErr); err != nil {
		return err
	}
	var warnings []string
	if a.mounted {
		warning, err := mountedKeyMode(a.keyFile, keyMode)
		if err != nil {
			return err
		}
		if warning != "" {
			warnings = append(warnings, warning)
		}
	} else if err := privateKeyMode(a.keyFile, keyMode); err != nil {
		return err
	}
	chain, certErr := certificates(a.certFile, certText)
	key, keyErr := parseKey(a.keyFile, keyText)
	if err := errors.Join(certErr, keyErr); err != nil {
		return err
	}
	if err := errors.Join(checkChain(a.certFile, chain, now), checkPair(a.certFile, a.keyFile, chain[0], key)); err != nil {
		return err
	}
	warnings = append(warnings, chainWarnings(a.certFile, chain, now)...)
	a.warnings.Store(&warnings)
	if before := a.current.Load(); before == nil || !slices.EqualFunc(before.chain, chain, (*x509.Certificate).Equal) {
		a.current.Store(newIssuer(chain, key))
	}
	return nil
}

func newIssuer(chain []*x509.Certificate, key sealedKey) *issuer {
	anchor := chain[len(chain)-1]
	i := &issuer{
		chain:       chain,
		key:         key,
		pem:         pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: anchor.Raw}),
		fingerprint: fingerprint(anchor),
		notAfter:    earliestExpiry(chain),
	}
	for _, c := range chain {
		if !selfSigned(c) {
			i.served = append(i.served, c.Raw)
		}
	}
	return i
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// Certificate returns the certificate whose key signs the leaves. It must not be changed.
func (a *Authority) Certificate() *x509.Certificate { return a.current.Load().chain[0] }

// PEM returns what clients have to trust, and never a key: the authority's certificate or, when it was
// loaded with its parents, the topmost of them.
func (a *Authority) PEM() []byte { return bytes.Clone(a.current.Load().pem) }

// Fingerprint returns the SHA-256 of the certificate that PEM returns, in upper-case hexadecimal with
// colons, as `openssl x509 -fingerprint -sha256` prints it.
func (a *Authority) Fingerprint() string { return a.current.Load().fingerprint }

// NotAfter returns when the first certificate of the chain expires. No leaf outlives it.
func (a *Authority) NotAfter() time.Time { return a.current.Load().notAfter }

// Warnings returns, as of the last load, what does not stop the authority from working but should not
// stay: a key that others may read, an expiry within 30 days, properties that some clients refuse.
func (a *Authority) Warnings() []string { return slices.Clone(*a.warnings.Load()) }

// Files returns the paths that a watcher should watch: certificate and key.
func (a *Authority) Files() []string { return []string{a.certFile, a.keyFile} }

// String describes the authority without its key.
func (a *Authority) String() string {
	i := a.current.Load()
	if i == nil {
		return "certificate authority (not loaded)"
	}
	return fmt.Sprintf("certificate authority %s, SHA-256 %s, valid until %s",
		subject(i.chain[0]), i.fingerprint, i.notAfter.UTC().Format(time.RFC3339))
}

// Format prints String for every verb, so that no verb can reach the key.
func (a *Authority) Format(f fmt.State, _ rune) { io.WriteString(f, a.String()) }

// LogValue logs String.
func (a *Authority) LogValue() slog.Value { return slog.StringValue(a.String()) }
