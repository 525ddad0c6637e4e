package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFirstRunCreatesAnAuthorityThatTheNextRunLoads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "ca")
	first, created, err := LoadOrCreate(dir)
	if err != nil || !created {
		t.Fatalf("first run: created %t, error %v", created, err)
	}
	second, created, err := LoadOrCreate(dir)
	if err != nil || created {
		t.Fatalf("second run: created %t, error %v", created, err)
	}
	if first.Fingerprint() != second.Fingerprint() {
		t.Error("second run loaded another authority")
	}
	if got := first.Warnings(); len(got) != 0 {
		t.Errorf("warnings about a new authority: %q", got)
	}
	for name, want := range map[string]fs.FileMode{".": 0o700, caFile: 0o644, caKeyFile: 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %s: %04o, want %04o", name, got, want)
		}
	}
	assertFiles(t, dir, caKeyFile, caFile)
	onDisk, err := os.ReadFile(filepath.Join(dir, caFile))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.PEM(), onDisk) {
		t.Error("PEM differs from ca.pem")
	}
}

func TestCreatedAuthorityMaySignLeavesOnly(t *testing.T) {
	c := newAuthority(t).Certificate()
	public, ok := c.PublicKey.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		t.Errorf("public key: %s, want ECDSA P-256", describePublicKey(c.PublicKey))
	}
	if !c.IsCA || !c.BasicConstraintsValid || c.MaxPathLen != 0 || !c.MaxPathLenZero {
		t.Errorf("basic constraints: CA %t, path length %d, want CA with path length 0", c.IsCA, c.MaxPathLen)
	}
	if want := x509.KeyUsageCertSign | x509.KeyUsageCRLSign; c.KeyUsage != want {
		t.Errorf("key usage: %b, want %b", c.KeyUsage, want)
	}
	if !regexp.MustCompile(`^CN=borderflow CA [0-9a-f]{8}$`).MatchString(c.Subject.String()) {
		t.Errorf("subject: %q", c.Subject)
	}
	if len(c.SubjectKeyId) == 0 {
		t.Error("no subject key identifier")
	}
	if bits := c.SerialNumber.BitLen(); bits < 64 || bits > 128 {
		t.Errorf("serial number of %d bits, want up to 128 random ones", bits)
	}
	if age := time.Since(c.NotBefore); age < backdate || age > backdate+time.Minute {
		t.Errorf("valid since %s, want an hour", age)
	}
	if want := time.Now().AddDate(10, 0, 0); c.NotAfter.After(want) || c.NotAfter.Before(want.Add(-time.Minute)) {
		t.Errorf("valid until %s, want %s", c.NotAfter, want)
	}
}

// errCrash stands for the process dying at this point.
var errCrash = errors.New("crash")

func TestCrashNeverLeavesACertificateWithoutItsKey(t *testing.T) {
	for step, name := range []string{"before the key", "after the key", "before the certificate", "after the certificate"} {
		t.Run(name, func(t *testing.T) {
			dir := privateDir(t)
			var published []string
			_, err := createIfMissing(dir, func(dir, name string, content []byte, mode fs.FileMode) (bool, error) {
				published = append(published, name)
				if step == 2*(len(published)-1) {
					return false, errCrash
				}
				won, err := publish(dir, name, content, mode)
				if step == 2*(len(published)-1)+1 {
					return false, errCrash
				}
				return won, err
			})
			if !errors.Is(err, errCrash) {
				t.Fatalf("error %v, want the crash", err)
			}
			if diff := cmp.Diff([]string{caKeyFile, caFile}[:len(published)], published); diff != "" {
				t.Errorf("order of files (-want +got):\n%s", diff)
			}
			keyBefore, keyErr := os.ReadFile(filepath.Join(dir, caKeyFile))
			if hasCert, _ := exists(filepath.Join(dir, caFile)); hasCert && keyErr != nil {
				t.Fatal("the crash left a certificate without its key")
			}
			authority, created, err := LoadOrCreate(dir)
			if err != nil {
				t.Fatalf("start after the crash: %v", err)
			}
			if want := name != "after the certificate"; created != want {
				t.Errorf("created %t, want %t", created, want)
			}
			keyAfter, err := os.ReadFile(filepath.Join(dir, caKeyFile))
			if err != nil {
				t.Fatal(err)
			}
			if keyErr == nil && !bytes.Equal(keyBefore, keyAfter) {
				t.Error("the key that the crash left was replaced")
			}
			newMinter(t, authority, Options{})
		})
	}
}

func TestLostCertificateIsMadeAgainAsTheSameTrustAnchor(t *testing.T) {
	dir := privateDir(t)
	before, _, err := LoadOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, caFile)); err != nil {
		t.Fatal(err)
	}
	after, created, err := LoadOrCreate(dir)
	if err != nil || !created {
		t.Fatalf("created %t, error %v", created, err)
	}
	leaf, err := newMinter(t, after, Options{}).Leaf(t.Context(), "api.example.com")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(before.Certificate())
	if _, err := leaf.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "api.example.com"}); err != nil {
		t.Errorf("a client that trusts the lost certificate: %v", err)
	}
}

func TestProcessesThatStartTogetherShareOneAuthority(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	const processes = 6
	var outputs [processes]bytes.Buffer
	var children []*exec.Cmd
	var gates []*os.File
	for i := range processes {
		gate, release, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childMode+"=create", childArgument+"="+dir)
		child.Stdin, child.Stdout, child.Stderr = gate, &outputs[i], os.Stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		gate.Close()
		children, gates = append(children, child), append(gates, release)
	}
	for _, gate := range gates {
		gate.Close()
	}
	for _, child := range children {
		if err := child.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	creators, fingerprints := 0, map[string]bool{}
	for i := range outputs {
		created, fingerprint, _ := strings.Cut(outputs[i].String(), " ")
		if created == "true" {
			creators++
		}
		fingerprints[fingerprint] = true
	}
	if creators != 1 || len(fingerprints) != 1 {
		t.Errorf("%d creators of %d authorities, want one of each", creators, len(fingerprints))
	}
	assertFiles(t, dir, caKeyFile, caFile)
}

func TestCallersThatCreateTogetherShareOneAuthority(t *testing.T) {
	dir := privateDir(t)
	var wait sync.WaitGroup
	fingerprints := make([]string, 16)
	for i := range fingerprints {
		wait.Go(func() {
			authority, _, err := LoadOrCreate(dir)
			if err != nil {
				t.Error(err)
				return
			}
			fingerprints[i] = authority.Fingerprint()
		})
	}
	wait.Wait()
	for _, f := range fingerprints {
		if f != fingerprints[0] {
			t.Fatal("callers hold different authorities")
		}
	}
	assertFiles(t, dir, caKeyFile, caFile)
}

func TestTemporaryFilesOfACrashAreRemoved(t *testing.T) {
	dir := privateDir(t)
	old := writeFile(t, filepath.Join(dir, ".ca-key.pem.123.tmp"), "left by a crash", 0o600)
	young := writeFile(t, filepath.Join(dir, ".ca.pem.456.tmp"), "another process writes this now", 0o600)
	foreign := writeFile(t, filepath.Join(dir, "notes.tmp"), "not ours", 0o600)
	past := time.Now().Add(-2 * staleTemporary)
	for _, file := range []string{old, foreign} {
		if err := os.Chtimes(file, past, past); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := LoadOrCreate(dir); err != nil {
		t.Fatal(err)
	}
	assertFiles(t, dir, filepath.Base(young), caKeyFile, caFile, filepath.Base(foreign))
}

func TestStorageThatIsNotSafeIsRefused(t *testing.T) {
	cases := []struct {
		name    string
		prepare func(t *testing.T, dir string)
		want    []string
	}{
		{"key readable by the group", chmod(caKeyFile, 0o640), []string{caKeyFile, "found mode 0640", "expected 0600", "chmod 600 "}},
		{"key readable by all", chmod(caKeyFile, 0o644), []string{caKeyFile, "found mode 0644", "expected 0600", "chmod 600 "}},
		{"directory writable by the group", chmod(".", 0o770), []string{"found mode 0770", "expected 0700", "chmod 700 "}},
		{"certificate without key", remove(caKeyFile), []string{caKeyFile, "no such file", "the key of ", "restore the key"}},
		{"key is a directory", func(t *testing.T, dir string) {
			remove(caKeyFile)(t, dir)
			if err := os.Mkdir(filepath.Join(dir, caKeyFile), 0o700); err != nil {
				t.Fatal(err)
			}
		}, []string{caKeyFile, "found a directory"}},
		{"key left by a crash, then opened to others", func(t *testing.T, dir string) {
			remove(caFile)(t, dir)
			chmod(caKeyFile, 0o604)(t, dir)
		}, []string{"found mode 0604", "expected 0600"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := privateDir(t)
			if _, _, err := LoadOrCreate(dir); err != nil {
				t.Fatal(err)
			}
			c.prepare(t, dir)
			_, created, err := LoadOrCreate(dir)
			if err == nil || created {
				t.Fatalf("created %t, error %v, want a refusal", created, err)
			}
			mustContain(t, err.Error(), c.want...)
			if _, ok := errors.AsType[*FileError](err); !ok {
				t.Errorf("error %T is no *FileError", err)
			}
		})
	}
}

func TestStateDirectoryThatIsAFileIsExplained(t *testing.T) {
	file := writeFile(t, filepath.Join(t.TempDir(), "ca"), "", 0o600)
	_, _, err := LoadOrCreate(file)
	if err == nil {
		t.Fatal("no error")
	}
	mustContain(t, err.Error(), file, "found a file, expected a directory")
}

// privateDir returns an empty directory with mode 0700. Those of t.TempDir are writable by the group
// where the umask is 002, and rightly refused.
func privateDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "private")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func chmod(name string, mode fs.FileMode) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func assertFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
