package certs

import (
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEveryKeyTypeAndEncodingSigns(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, p384 := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P384())
	sec1, err := x509.MarshalECPrivateKey(p384)
	if err != nil {
		t.Fatal(err)
	}
	block := func(blockType string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der}))
	}
	// What openssl ecparam -genkey writes in front of the key: the object identifier of P-384.
	parameters := block("EC PARAMETERS", []byte{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22})
	cases := []struct {
		name string
		ca   *ca
		key  string
	}{
		{"RSA in PKCS#8", makeCA(t, "rsa", rsaKey, nil, nil), keyPEM(t, rsaKey)},
		{"RSA in PKCS#1", makeCA(t, "rsa", rsaKey, nil, nil), block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey))},
		{"P-256 in PKCS#8", makeCA(t, "p256", p256, nil, nil), keyPEM(t, p256)},
		{"P-384 in SEC 1", makeCA(t, "p384", p384, nil, nil), block("EC PRIVATE KEY", sec1)},
		{"P-384 behind its parameters", makeCA(t, "p384", p384, nil, nil), parameters + block("EC PRIVATE KEY", sec1)},
		{"Ed25519", makeCA(t, "ed25519", edKey, nil, nil), keyPEM(t, edKey)},
		{"with Windows line ends and a byte order mark", makeCA(t, "p256", p256, nil, nil), "\ufeff" + strings.ReplaceAll(keyPEM(t, p256), "\n", "\r\n")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			authority, err := fromText(t, certPEM(c.ca), c.key)
			if err != nil {
				t.Fatal(err)
			}
			leaf, err := newMinter(t, authority, Options{}).Leaf(t.Context(), "api.example.com")
			if err != nil {
				t.Fatal(err)
			}
			verifyLeaf(t, leaf.Leaf, authority, "api.example.com")
		})
	}
}

func TestBadAuthorityFilesAreExplained(t *testing.T) {
	good, other := makeCA(t, "good", nil, nil, nil), makeCA(t, "other", nil, nil, nil)
	root := makeCA(t, "root", nil, nil, nil)
	p521 := makeCA(t, "p521", ecKey(t, elliptic.P521()), nil, nil)
	goodCert, goodKey := certPEM(good), keyPEM(t, good.key)
	with := func(change func(*x509.Certificate)) string {
		return certPEM(makeCA(t, "changed", good.key, nil, change))
	}
	encrypted := string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{0x30, 0}}))
	legacyEncrypted := string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte{0x30, 0},
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}}))
	cases := []struct {
		name      string
		cert, key string
		want      []string
	}{
		{"key of another certificate", goodCert, keyPEM(t, other.key), []string{"tls.key", "of another certificate", "tls.crt", `"CN=good"`}},
		{"server certificate", with(func(c *x509.Certificate) { c.IsCA = false; c.KeyUsage = 0 }), goodKey, []string{"tls.crt", "not an authority", "CA:TRUE"}},
		{"authority that may not sign", with(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }), goodKey, []string{"tls.crt", "keyCertSign"}},
		{"authority for mail", with(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }), goodKey, []string{"tls.crt", "serverAuth"}},
		{"expired", with(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), goodKey, []string{"tls.crt", "expired on", "renew"}},
		{"not yet valid", with(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }), goodKey, []string{"tls.crt", "not valid before", "clock"}},
		{"P-521", certPEM(p521), keyPEM(t, p521.key), []string{"tls.key", "ECDSA P-521", "P-256 or P-384"}},
		{"encrypted key", goodCert, encrypted, []string{"tls.key: line 1", "encrypted", "openssl pkey -in"}},
		{"key encrypted the old way", goodCert, legacyEncrypted, []string{"tls.key: line 1", "encrypted", "openssl pkey -in"}},
		{"paths exchanged", goodKey, goodCert, []string{"tls.crt: line 1: found a private key", "tls.key: line 1: found a certificate", "exchanged"}},
		{"two keys", goodCert, goodKey + goodKey, []string{"tls.key: line 6: found 2 PEM blocks"}},
		{"public key", goodCert, "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n", []string{"tls.key", `type "PUBLIC KEY"`, "PKCS#8"}},
		{"damaged key", goodCert, "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", []string{"tls.key: line 1", "damaged PRIVATE KEY"}},
		{"cut short", strings.TrimSpace(goodCert)[:200], goodKey, []string{"tls.crt: line 1", "cannot be decoded", "cut short"}},
		{"indented", strings.ReplaceAll("\n"+goodCert, "\n", "\n  "), goodKey, []string{"tls.crt: line 2", "not indented"}},
		{"damaged certificate on line 3", "# comment\n\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", goodKey, []string{"tls.crt: line 3", "damaged certificate"}},
		{"empty files", "", "", []string{"tls.crt: found an empty file", "tls.key: found an empty file"}},
		{"text", "hello", "hello", []string{"tls.crt: found no PEM block", "tls.key: found no PEM block"}},
		{"DER", string(good.certificate.Raw), "\x30\x00", []string{"tls.crt: found binary data", "openssl x509 -inform DER", "tls.key: found binary data"}},
		{"chain with a stranger", certPEM(good, other), goodKey, []string{"tls.crt", "found certificate 2", `signed "CN=good"`, "order the chain"}},
		{"key of endless size", goodCert, strings.Repeat("#", maxKeyBytes+1), []string{"tls.key", "more than 65536 bytes"}},
		{"endless mistakes", strings.Repeat("-----BEGIN A-----\n", 100), goodKey, []string{"tls.crt: line 20:", "and 80 mistakes more"}},
		{"whole bundle", strings.Repeat(goodCert, maxChain+1), goodKey, []string{"found 9 certificates", "at most 8"}},
		{"root that allows no authority below", certPEM(
			makeCA(t, "below", good.key, root, nil),
			makeCA(t, "root", root.key, nil, func(c *x509.Certificate) { c.MaxPathLenZero = true })), goodKey,
			[]string{"path length limit 0", "at least 1"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := fromText(t, c.cert, c.key)
			if err == nil {
				t.Fatal("no error")
			}
			mustContain(t, err.Error(), c.want...)
			if _, ok := errors.AsType[*FileError](err); !ok {
				t.Errorf("error %T is no *FileError", err)
			}
			for line := range strings.Lines(c.key) {
				if line = strings.TrimSpace(line); len(line) > 16 && !strings.HasPrefix(line, "-----") && strings.Contains(err.Error(), line) {
					t.Error("the error quotes the key")
				}
			}
		})
	}
}

func TestRSAKeyThatClientsWouldRefuseIsRefused(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skipf("this Go makes no short keys: %v", err)
	}
	_, err = fromText(t, certPEM(makeCA(t, "good", nil, nil, nil)), keyPEM(t, key))
	if err == nil {
		t.Fatal("no error")
	}
	mustContain(t, err.Error(), "RSA 1024 bits", "2048 to 8192")
}

func TestMissingFilesAreBothNamed(t *testing.T) {
	dir := t.TempDir()
	_, err := FromFiles(filepath.Join(dir, "a.crt"), filepath.Join(dir, "b.key"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("error %v, want fs.ErrNotExist", err)
	}
	mustContain(t, err.Error(), "a.crt: found no such file", "b.key: found no such file")
}

func TestMountedSecretIsAcceptedWithAWarning(t *testing.T) {
	good := makeCA(t, "good", nil, nil, nil)
	for mode, warned := range map[fs.FileMode]bool{0o400: false, 0o600: false, 0o440: true, 0o644: true} {
		certFile, keyFile := mountSecret(t, t.TempDir(), good, mode)
		authority, err := FromFiles(certFile, keyFile)
		if err != nil {
			t.Fatalf("mode %04o: %v", mode, err)
		}
		if got := len(authority.Warnings()) > 0; got != warned {
			t.Errorf("mode %04o: warnings %q, want some: %t", mode, authority.Warnings(), warned)
		}
	}
	certFile, keyFile := mountSecret(t, t.TempDir(), good, 0o660)
	_, err := FromFiles(certFile, keyFile)
	if err == nil {
		t.Fatal("a key that others may write was accepted")
	}
	mustContain(t, err.Error(), "found mode 0660, which others may write")
}

// mountSecret lays files out as the kubelet does: names are links into ..data, itself a link.
func mountSecret(t *testing.T, dir string, c *ca, mode fs.FileMode) (certFile, keyFile string) {
	t.Helper()
	version, err := os.MkdirTemp(dir, "..2026_")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(version, "tls.crt"), certPEM(c), 0o644)
	writeFile(t, filepath.Join(version, "tls.key"), keyPEM(t, c.key), mode)
	next, data := filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")
	if err := os.Symlink(filepath.Base(version), next); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, data); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tls.crt", "tls.key"} {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
}

func TestReloadFollowsAMountedSecret(t *testing.T) {
	dir := t.TempDir()
	old, renewed := makeCA(t, "old", nil, nil, nil), makeCA(t, "renewed", nil, nil, nil)
	authority, err := FromFiles(mountSecret(t, dir, old, 0o440))
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := authority.Reload(); changed || err != nil {
		t.Fatalf("reload of the same files: changed %t, error %v", changed, err)
	}
	mountSecret(t, dir, renewed, 0o400)
	changed, err := authority.Reload()
	if !changed || err != nil {
		t.Fatalf("reload of new files: changed %t, error %v", changed, err)
	}
	if !authority.Certificate().Equal(renewed.certificate) {
		t.Error("the old certificate is still in force")
	}
	if got := authority.Warnings(); len(got) != 0 {
		t.Errorf("warnings of the old files stayed: %q", got)
	}
}

func TestReloadKeepsTheAuthorityWhenFilesAreBad(t *testing.T) {
	dir := t.TempDir()
	good, other := makeCA(t, "good", nil, nil, nil), makeCA(t, "other", nil, nil, nil)
	certFile := writeFile(t, filepath.Join(dir, "tls.crt"), certPEM(good), 0o644)
	keyFile := writeFile(t, filepath.Join(dir, "tls.key"), keyPEM(t, good.key), 0o600)
	authority, err := FromFiles(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	minter := newMinter(t, authority, Options{})
	before, err := minter.Leaf(t.Context(), "api.example.com")
	if err != nil {
		t.Fatal(err)
	}
	// In the middle of being replaced: the new certificate is there, its key is not.
	writeFile(t, certFile, certPEM(other), 0o644)
	changed, err := authority.Reload()
	if changed || err == nil {
		t.Fatalf("changed %t, error %v, want an error", changed, err)
	}
	mustContain(t, err.Error(), "keeping the previous one", "of another certificate")
	after, err := minter.Leaf(t.Context(), "api.example.com")
	if err != nil || after != before {
		t.Errorf("the cached leaf was lost for a failed reload: %v", err)
	}
	writeFile(t, keyFile, keyPEM(t, other.key), 0o600)
	if changed, err := authority.Reload(); !changed || err != nil {
		t.Errorf("once both files are there: changed %t, error %v", changed, err)
	}
}

func TestReloadKeepsRefusingAReadableKeyOfItsOwn(t *testing.T) {
	dir := privateDir(t)
	authority, _, err := LoadOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	chmod(caKeyFile, 0o644)(t, dir)
	if _, err := authority.Reload(); err == nil {
		t.Error("reload accepted a key that others may read")
	}
}

func TestChainFileIsServedWithoutItsRoot(t *testing.T) {
	root := makeCA(t, "root", nil, nil, nil)
	middle := makeCA(t, "middle", nil, root, nil)
	signer := makeCA(t, "signer", nil, middle, func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(2, 0, 0) })
	authority, err := fromText(t, certPEM(signer, middle, root), keyPEM(t, signer.key))
	if err != nil {
		t.Fatal(err)
	}
	if !authority.Certificate().Equal(signer.certificate) {
		t.Error("Certificate is not the signing certificate")
	}
	if string(authority.PEM()) != certPEM(root) {
		t.Error("PEM is not what clients have to trust: the root")
	}
	if !authority.NotAfter().Equal(middle.certificate.NotAfter) {
		t.Error("NotAfter is not that of the first certificate to expire")
	}
	leaf, err := newMinter(t, authority, Options{}).Leaf(t.Context(), "api.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if len(leaf.Certificate) != 3 {
		t.Fatalf("%d certificates are served, want leaf and two intermediates", len(leaf.Certificate))
	}
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(root.certificate)
	for _, der := range leaf.Certificate[1:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		intermediates.AddCert(c)
	}
	if _, err := leaf.Leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, DNSName: "api.example.com"}); err != nil {
		t.Error(err)
	}
}

func TestWarningsNameWhatClientsWillRefuse(t *testing.T) {
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := makeCA(t, "odd", edKey, nil, func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "odd"}
		c.NotAfter = time.Now().Add(50 * time.Hour)
		c.PermittedDNSDomains = []string{"example.com"}
	})
	authority, err := fromText(t, certPEM(c), keyPEM(t, edKey))
	if err != nil {
		t.Fatal(err)
	}
	mustContain(t, strings.Join(authority.Warnings(), "\n"), "Ed25519", "name constraints", "expires in 2 days")
}

func TestFingerprintIsWhatOpenSSLPrints(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	authority := newAuthority(t)
	command := exec.CommandContext(t.Context(), openssl, "x509", "-noout", "-fingerprint", "-sha256", "-in", authority.Files()[0])
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, printed, _ := strings.Cut(strings.TrimSpace(string(output)), "="); printed != authority.Fingerprint() {
		t.Errorf("fingerprint %s, openssl prints %s", authority.Fingerprint(), printed)
	}
}

func verifyLeaf(t *testing.T, leaf *x509.Certificate, authority *Authority, host string) {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority.PEM()) {
		t.Fatal("PEM holds no certificate")
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host}); err != nil {
		t.Errorf("verify %s: %v", host, err)
	}
}
