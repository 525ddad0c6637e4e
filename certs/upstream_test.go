package certs

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

func TestExtraRootsAreTrusted(t *testing.T) {
	dir := t.TempDir()
	one, two, three := makeCA(t, "one", nil, nil, nil), makeCA(t, "two", nil, nil, nil), makeCA(t, "three", nil, nil, nil)
	pool, err := UpstreamTrust([]string{
		writeFile(t, filepath.Join(dir, "a.pem"), "# two roots\n"+certPEM(one)+"text between\n"+certPEM(two), 0o644),
		writeFile(t, filepath.Join(dir, "b.pem"), certPEM(three), 0o644),
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	want := x509.NewCertPool()
	for _, c := range []*ca{one, two, three} {
		want.AddCert(c.certificate)
	}
	if !pool.Equal(want) {
		t.Error("the pool is not the three roots")
	}
}

func TestEveryMistakeInEveryRootFileIsNamedWithItsLine(t *testing.T) {
	dir := t.TempDir()
	good := makeCA(t, "good", nil, nil, nil)
	mixed := "# comment\n" +
		"-----BEGIN CERTIFICATE-----\nnot base64 !\n-----END CERTIFICATE-----\n" + // line 2
		certPEM(good) +
		"-----BEGIN TRUSTED CERTIFICATE-----\nMAA=\n-----END TRUSTED CERTIFICATE-----\n" +
		keyPEM(t, good.key) +
		"-----BEGIN CERTIFICATE-----\nMAA=\n"
	goodLines := bytes.Count([]byte(certPEM(good)), []byte("\n"))
	line := func(n int) string { return "mixed.pem: line " + string('0'+rune(n/10)) + string('0'+rune(n%10)) }
	_, err := UpstreamTrust([]string{
		writeFile(t, filepath.Join(dir, "mixed.pem"), mixed, 0o644),
		writeFile(t, filepath.Join(dir, "empty.pem"), "", 0o644),
		writeFile(t, filepath.Join(dir, "page.pem"), "<html>not found</html>", 0o644),
		filepath.Join(dir, "missing.pem"),
		dir,
	}, false)
	if err == nil {
		t.Fatal("no error")
	}
	mustContain(t, err.Error(), "load upstream trust",
		"mixed.pem: line 2: found a PEM block that cannot be decoded",
		line(5+goodLines)+": found an OpenSSL TRUSTED CERTIFICATE",
		line(8+goodLines)+": found a private key",
		line(13+goodLines)+": found a PEM block that cannot be decoded",
		"empty.pem: found an empty file", "page.pem: found no PEM block",
		"missing.pem: found no such file", dir+": found a directory")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("the missing file cannot be told by fs.ErrNotExist")
	}
}

func TestTrustInNothingIsAnError(t *testing.T) {
	if pool, err := UpstreamTrust(nil, false); err == nil || pool != nil {
		t.Errorf("pool %v, error %v", pool, err)
	}
}

func TestSystemWithoutRootsIsAnError(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux takes its roots from files that a test can replace")
	}
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childMode+"=roots", "SSL_CERT_FILE="+filepath.Join(t.TempDir(), "none"), "SSL_CERT_DIR="+t.TempDir())
	output, err := child.CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	mustContain(t, string(output), "system's trusted roots: found none", "ca-certificates")
}

func TestUpstreamRootsFollowTheirFiles(t *testing.T) {
	one, two := makeCA(t, "one", nil, nil, nil), makeCA(t, "two", nil, nil, nil)
	file := writeFile(t, filepath.Join(t.TempDir(), "roots.pem"), certPEM(one), 0o644)
	roots, err := LoadUpstreamRoots([]string{file}, false)
	if err != nil {
		t.Fatal(err)
	}
	first := roots.Pool()
	if changed, err := roots.Reload(); changed || err != nil || roots.Pool() != first {
		t.Errorf("same file: changed %t, error %v", changed, err)
	}
	writeFile(t, file, "broken", 0o644)
	if changed, err := roots.Reload(); changed || err == nil || roots.Pool() != first {
		t.Errorf("broken file: changed %t, error %v", changed, err)
	}
	writeFile(t, file, certPEM(two), 0o644)
	if changed, err := roots.Reload(); !changed || err != nil {
		t.Errorf("new file: changed %t, error %v", changed, err)
	}
	want := x509.NewCertPool()
	want.AddCert(two.certificate)
	if !roots.Pool().Equal(want) {
		t.Error("the pool is not the new root")
	}
}

func TestNamedPipeIsRefusedInsteadOfWaitedFor(t *testing.T) {
	mkfifo, err := exec.LookPath("mkfifo")
	if err != nil {
		t.Skip("mkfifo is not installed")
	}
	pipe := filepath.Join(t.TempDir(), "roots.pem")
	if err := exec.CommandContext(t.Context(), mkfifo, pipe).Run(); err != nil {
		t.Skipf("mkfifo: %v", err)
	}
	_, err = UpstreamTrust([]string{pipe}, false)
	if err == nil {
		t.Fatal("no error")
	}
	mustContain(t, err.Error(), "found a named pipe")
}
