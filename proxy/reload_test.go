package proxy_test

import (
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/borderflow/borderflow/certs"
)

// A mounted secret with the CA is replaced while the proxy runs: the next handshake has a leaf of the
// new CA, and a broken replacement changes nothing.
func TestTheCAIsReplacedWhileTheProxyRuns(t *testing.T) {
	w := newWorld(t)
	w.serve("shop.test", echo)
	mounted := t.TempDir()
	first, second := w.newAuthority("first"), w.newAuthority("second")
	w.config.Certificates.Certificate = filepath.Join(mounted, "ca.pem")
	w.config.Certificates.Key = filepath.Join(mounted, "ca-key.pem")
	mount(t, first, mounted)
	w.start()
	client := w.client(http1, func(transport *http.Transport) {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} // it is the issuer that counts
		transport.DisableKeepAlives = true
	})
	issuer := func() string {
		response, err := client.Get("https://shop.test/")
		must(t, err)
		response.Body.Close()
		return string(response.TLS.PeerCertificates[0].AuthorityKeyId)
	}
	one, other := authorityKey(t, first), authorityKey(t, second)
	if issuer() != one {
		t.Fatal("the leaf is not of the CA that was mounted")
	}
	mount(t, second, mounted)
	w.eventually("a leaf of the new CA", func() bool { return issuer() == other })

	must(t, os.WriteFile(w.config.Certificates.Key, []byte("no key"), 0o600))
	w.eventually("the broken CA to be reported", func() bool {
		return w.logs.FilterMessageSnippet("reload certificates").Len() > 0
	})
	if issuer() != other {
		t.Error("a broken CA replaced the one in use")
	}
}

// newAuthority makes a CA and returns its directory.
func (w *world) newAuthority(name string) string {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), name)
	_, _, err := certs.LoadOrCreate(dir)
	must(w.t, err)
	return dir
}

func authorityKey(t testing.TB, dir string) string {
	t.Helper()
	authority, _, err := certs.LoadOrCreate(dir)
	must(t, err)
	return string(authority.Certificate().SubjectKeyId)
}

// mount replaces the files in dir by those of a CA, each at once.
func mount(t testing.TB, from, dir string) {
	t.Helper()
	for _, name := range []string{"ca-key.pem", "ca.pem"} {
		content, err := os.ReadFile(filepath.Join(from, name))
		must(t, err)
		next := filepath.Join(dir, ".next")
		must(t, os.WriteFile(next, content, 0o600))
		must(t, os.Rename(next, filepath.Join(dir, name)))
	}
}
