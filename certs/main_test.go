package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// A test that needs another process runs this binary again with childMode set.
const (
	childMode     = "CERTS_TEST_CHILD"
	childArgument = "CERTS_TEST_ARGUMENT"
)

func TestMain(m *testing.M) {
	switch os.Getenv(childMode) {
	case "create":
		io.ReadFull(os.Stdin, make([]byte, 1)) // the parent lets all children go at once
		authority, created, err := LoadOrCreate(os.Getenv(childArgument))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Printf("%t %s", created, authority.Fingerprint())
		os.Exit(0)
	case "roots":
		_, err := UpstreamTrust(nil, true)
		fmt.Print(err)
		os.Exit(0)
	case "get":
		response, err := http.Get(os.Getenv(childArgument))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		io.Copy(os.Stdout, response.Body)
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func newAuthority(t testing.TB) *Authority {
	t.Helper()
	authority, _, err := LoadOrCreate(filepath.Join(t.TempDir(), "ca"))
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

func newMinter(t testing.TB, authority *Authority, options Options) *Minter {
	t.Helper()
	minter, err := NewMinter(authority, options)
	if err != nil {
		t.Fatal(err)
	}
	return minter
}

// ca is an authority that a test makes itself.
type ca struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// makeCA signs a CA certificate, by itself if parent is nil. change may alter the template.
func makeCA(t testing.TB, name string, key crypto.Signer, parent *ca, change func(*x509.Certificate)) *ca {
	t.Helper()
	if key == nil {
		key = ecKey(t, elliptic.P256())
	}
	serial, err := randomSerial()
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	if change != nil {
		change(template)
	}
	by := &ca{template, key}
	if parent != nil {
		by = parent
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.certificate, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &ca{certificate, key}
}

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func certPEM(certificates ...*ca) string {
	var s strings.Builder
	for _, c := range certificates {
		pem.Encode(&s, &pem.Block{Type: "CERTIFICATE", Bytes: c.certificate.Raw})
	}
	return s.String()
}

func keyPEM(t testing.TB, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func writeFile(t testing.TB, path, content string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// fromText loads an authority from files with the given content.
func fromText(t testing.TB, certificates, key string) (*Authority, error) {
	t.Helper()
	dir := t.TempDir()
	return FromFiles(
		writeFile(t, filepath.Join(dir, "tls.crt"), certificates, 0o644),
		writeFile(t, filepath.Join(dir, "tls.key"), key, 0o600))
}

func mustContain(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not contain %q", text, part)
		}
	}
}
