package certs

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLeafIsValidForItsHostOnly(t *testing.T) {
	authority := newAuthority(t)
	minter := newMinter(t, authority, Options{})
	for host, shown := range map[string]string{
		"api.example.com":       "api.example.com",
		"API.example.com.":      "api.example.com",
		"xn--bcher-kva.example": "xn--bcher-kva.example",
		"under_score.example":   "under_score.example",
		"192.0.2.7":             "192.0.2.7",
		"2001:db8::7":           "2001:db8::7",
	} {
		leaf, err := minter.Leaf(t.Context(), host)
		if err != nil {
			t.Fatalf("%q: %v", host, err)
		}
		c := leaf.Leaf
		verifyLeaf(t, c, authority, shown)
		if names := len(c.DNSNames) + len(c.IPAddresses); names != 1 || c.VerifyHostname("other.example.com") == nil {
			t.Errorf("%q: certificate for %q and %q, want one name", host, c.DNSNames, c.IPAddresses)
		}
		if c.IsCA || c.KeyUsage != x509.KeyUsageDigitalSignature {
			t.Errorf("%q: CA %t, key usage %b", host, c.IsCA, c.KeyUsage)
		}
		if diff := cmp.Diff([]x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, c.ExtKeyUsage); diff != "" {
			t.Errorf("%q: extended key usage (-want +got):\n%s", host, diff)
		}
		if public, ok := c.PublicKey.(*ecdsa.PublicKey); !ok || public.Curve != elliptic.P256() {
			t.Errorf("%q: public key %s", host, describePublicKey(c.PublicKey))
		}
	}
}

func TestNameTooLongForACommonNameStandsInTheAlternativeNamesAlone(t *testing.T) {
	authority := newAuthority(t)
	host := strings.Repeat("a", 60) + ".example.com"
	leaf, err := newMinter(t, authority, Options{}).Leaf(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	if leaf.Leaf.Subject.CommonName != "" {
		t.Errorf("common name of %d bytes", len(leaf.Leaf.Subject.CommonName))
	}
	verifyLeaf(t, leaf.Leaf, authority, host)
}

func TestSerialNumbersAreRandomAndTheKeyIsShared(t *testing.T) {
	minter := newMinter(t, newAuthority(t), Options{})
	serials := map[string]bool{}
	var public crypto.PublicKey
	for i := range 50 {
		leaf, err := minter.Leaf(t.Context(), fmt.Sprintf("h%d.example.com", i))
		if err != nil {
			t.Fatal(err)
		}
		serial := leaf.Leaf.SerialNumber
		if serial.Sign() <= 0 || serial.BitLen() > 128 || serial.BitLen() < 64 {
			t.Errorf("serial number %x", serial)
		}
		serials[serial.String()] = true
		if public == nil {
			public = leaf.Leaf.PublicKey
		} else if !public.(*ecdsa.PublicKey).Equal(leaf.Leaf.PublicKey) {
			t.Error("leaves of one process have different keys")
		}
	}
	if len(serials) != 50 {
		t.Errorf("%d different serial numbers in 50 certificates", len(serials))
	}
}

func TestSpellingsOfAHostShareACertificate(t *testing.T) {
	minter := newMinter(t, newAuthority(t), Options{})
	for _, host := range []string{"a.example.com", "A.EXAMPLE.com", "a.example.com.", "::FFFF:192.0.2.1", "192.0.2.1"} {
		if _, err := minter.Leaf(t.Context(), host); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(Stats{Minted: 2, Hits: 3, Misses: 2, Cached: 2}, minter.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestMalformedNameIsNeverMinted(t *testing.T) {
	minter := newMinter(t, newAuthority(t), Options{})
	for _, host := range []string{"*", "*.example.com", "a\x00b", "", strings.Repeat("a.", 200)} {
		if _, err := minter.Leaf(t.Context(), host); err == nil {
			t.Errorf("%q was minted", host)
		} else if _, ok := errors.AsType[*HostError](err); !ok {
			t.Errorf("%q: error %v, want a *HostError", host, err)
		}
	}
	if diff := cmp.Diff(Stats{}, minter.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestLeafIsRenewedInTheLastThirdOfItsLife(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	minter := newMinter(t, newAuthority(t), Options{LeafLifetime: 3 * time.Hour, Now: func() time.Time { return now }})
	leafNow := func() *x509.Certificate {
		leaf, err := minter.Leaf(t.Context(), "api.example.com")
		if err != nil {
			t.Fatal(err)
		}
		return leaf.Leaf
	}
	first := leafNow()
	if !first.NotAfter.Equal(now.Add(3 * time.Hour)) {
		t.Errorf("valid until %s, want three hours from %s", first.NotAfter, now)
	}
	if first.NotBefore.After(now.Add(-59 * time.Minute)) {
		t.Errorf("valid from %s, want an hour before %s", first.NotBefore, now)
	}
	now = now.Add(2*time.Hour - time.Second)
	if leafNow() != first {
		t.Error("renewed before the last third")
	}
	now = now.Add(time.Second)
	if leafNow() == first {
		t.Error("not renewed in the last third")
	}
	if got := minter.Stats(); got.Cached != 1 || got.Minted != 2 {
		t.Errorf("stats %+v, want two minted in one place", got)
	}
}

func TestLeafNeverOutlivesTheAuthorityNorTheLimit(t *testing.T) {
	authority := newAuthority(t)
	now := time.Now()
	minter := newMinter(t, authority, Options{LeafLifetime: 100 * 365 * 24 * time.Hour, Now: func() time.Time { return now }})
	leaf, err := minter.Leaf(t.Context(), "api.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if days := leaf.Leaf.NotAfter.Sub(leaf.Leaf.NotBefore).Hours() / 24; days > 398 || days < 397 {
		t.Errorf("valid for %.1f days, want the limit of 398", days)
	}

	now = authority.NotAfter().Add(-time.Minute)
	last, err := minter.Leaf(t.Context(), "late.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if !last.Leaf.NotAfter.Equal(authority.NotAfter()) {
		t.Errorf("leaf ends %s, authority %s", last.Leaf.NotAfter, authority.NotAfter())
	}
	now = authority.NotAfter().Add(-time.Second)
	if again, err := minter.Leaf(t.Context(), "late.example.com"); err != nil || again != last {
		t.Errorf("a leaf that ends with its authority was minted again to no use (error %v)", err)
	}

	for _, outside := range []time.Time{authority.NotAfter().Add(time.Second), authority.Certificate().NotBefore.Add(-time.Second)} {
		now = outside
		if _, err := minter.Leaf(t.Context(), "never.example.com"); !errors.Is(err, ErrAuthorityExpired) {
			t.Errorf("at %s: error %v, want ErrAuthorityExpired", outside, err)
		}
	}
}

func TestLeafDoesNotStartBeforeAYoungAuthority(t *testing.T) {
	young := makeCA(t, "young", nil, nil, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(-time.Minute) })
	authority, err := fromText(t, certPEM(young), keyPEM(t, young.key))
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := newMinter(t, authority, Options{}).Leaf(t.Context(), "api.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if leaf.Leaf.NotBefore.Before(young.certificate.NotBefore) {
		t.Error("the leaf is older than its authority")
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	authority := newAuthority(t)
	for want, options := range map[string]Options{
		"found size -1":       {CacheSize: -1},
		"found lifetime 59m":  {LeafLifetime: 59 * time.Minute},
		"found lifetime -1h0": {LeafLifetime: -time.Hour},
	} {
		_, err := NewMinter(authority, options)
		if err == nil {
			t.Errorf("%+v was accepted", options)
			continue
		}
		mustContain(t, err.Error(), want)
	}
}

func TestCacheIsBoundedAndForgetsTheLeastRecentlyUsed(t *testing.T) {
	minter := newMinter(t, newAuthority(t), Options{CacheSize: 2})
	ask := func(host string) *tls.Certificate {
		leaf, err := minter.Leaf(t.Context(), host)
		if err != nil {
			t.Fatal(err)
		}
		return leaf
	}
	a, b := ask("a.test"), ask("b.test")
	ask("a.test")
	ask("c.test") // b goes
	if ask("a.test") != a {
		t.Error("the one used last was forgotten")
	}
	if ask("b.test") == b {
		t.Error("three are kept where two fit")
	}
	if diff := cmp.Diff(Stats{Minted: 4, Hits: 2, Misses: 4, Evicted: 2, Cached: 2}, minter.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

// gatedSigner counts signatures and, if it has a gate, signs only when that is closed.
type gatedSigner struct {
	crypto.Signer
	gate  chan struct{}
	panic bool

	mu         sync.Mutex
	signatures int
}

func (g *gatedSigner) Sign(random io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	if g.gate != nil {
		<-g.gate
	}
	if g.panic {
		panic("signer broke")
	}
	g.mu.Lock()
	g.signatures++
	g.mu.Unlock()
	return g.Signer.Sign(random, digest, options)
}

// gated returns an authority whose key is behind a gatedSigner.
func gated(t *testing.T, gate chan struct{}, panics bool) (*Authority, *gatedSigner) {
	t.Helper()
	authority := newAuthority(t)
	signer := &gatedSigner{Signer: authority.current.Load().key, gate: gate, panic: panics}
	state := *authority.current.Load()
	state.key = seal(signer)
	authority.current.Store(&state)
	return authority, signer
}

func TestHundredCallersShareOneSignature(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		authority, signer := gated(t, gate, false)
		minter := newMinter(t, authority, Options{Now: func() time.Time { return authority.Certificate().NotBefore.Add(backdate) }})
		leaves := make([]*tls.Certificate, 100)
		var wait sync.WaitGroup
		for i := range leaves {
			wait.Go(func() {
				leaf, err := minter.Leaf(t.Context(), "api.example.com")
				if err != nil {
					t.Error(err)
				}
				leaves[i] = leaf
			})
		}
		synctest.Wait() // one signs, all others wait for it
		close(gate)
		wait.Wait()
		for _, leaf := range leaves {
			if leaf == nil || leaf != leaves[0] {
				t.Fatal("callers received different certificates")
			}
		}
		if signer.signatures != 1 {
			t.Errorf("%d signatures", signer.signatures)
		}
		if diff := cmp.Diff(Stats{Minted: 1, Misses: 100, Cached: 1}, minter.Stats()); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
	})
}

func TestWaitingCallerLeavesWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		authority, _ := gated(t, gate, false)
		minter := newMinter(t, authority, Options{Now: func() time.Time { return authority.Certificate().NotBefore.Add(backdate) }})
		var wait sync.WaitGroup
		wait.Go(func() {
			if _, err := minter.Leaf(t.Context(), "api.example.com"); err != nil {
				t.Errorf("the caller that signs: %v", err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := minter.Leaf(ctx, "api.example.com"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the context's", err)
		}
		if _, err := minter.Leaf(ctx, "other.example.com"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a caller that is gone had a certificate signed: %v", err)
		}
		close(gate)
		wait.Wait()
	})
}

func TestPanicWhileSigningReleasesTheWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		authority, signer := gated(t, gate, true)
		minter := newMinter(t, authority, Options{Now: func() time.Time { return authority.Certificate().NotBefore.Add(backdate) }})
		var wait sync.WaitGroup
		wait.Go(func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic did not reach the caller that signs")
				}
			}()
			minter.Leaf(t.Context(), "api.example.com")
		})
		synctest.Wait()
		wait.Go(func() {
			if _, err := minter.Leaf(t.Context(), "api.example.com"); !errors.Is(err, errMintingPanicked) {
				t.Errorf("error %v of the caller that waited", err)
			}
		})
		synctest.Wait()
		close(gate)
		wait.Wait()
		signer.panic = false
		if _, err := minter.Leaf(t.Context(), "api.example.com"); err != nil {
			t.Errorf("after the panic: %v", err)
		}
	})
}

func TestNoLeafOfAReplacedAuthorityIsKept(t *testing.T) {
	dir := t.TempDir()
	old, renewed := makeCA(t, "old", nil, nil, nil), makeCA(t, "renewed", nil, nil, nil)
	certFile := writeFile(t, filepath.Join(dir, "tls.crt"), certPEM(old), 0o644)
	keyFile := writeFile(t, filepath.Join(dir, "tls.key"), keyPEM(t, old.key), 0o600)
	authority, err := FromFiles(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	minter := newMinter(t, authority, Options{})
	if _, err := minter.Leaf(t.Context(), "before.example.com"); err != nil {
		t.Fatal(err)
	}

	// This one is being signed by the old authority while it is replaced.
	gate := make(chan struct{})
	started := make(chan struct{})
	state := *authority.current.Load()
	state.key = seal(&signalSigner{state.key, started, gate})
	authority.current.Store(&state)
	var wait sync.WaitGroup
	wait.Go(func() {
		leaf, err := minter.Leaf(t.Context(), "during.example.com")
		if err != nil || leaf.Leaf.CheckSignatureFrom(old.certificate) != nil {
			t.Errorf("the caller from before the change (error %v) did not get what it asked for", err)
		}
	})
	<-started
	writeFile(t, certFile, certPEM(renewed), 0o644)
	writeFile(t, keyFile, keyPEM(t, renewed.key), 0o600)
	if changed, err := authority.Reload(); !changed || err != nil {
		t.Fatalf("reload: changed %t, error %v", changed, err)
	}
	// Asking while the old signature is pending must not join it.
	during, err := minter.Leaf(t.Context(), "during.example.com")
	if err != nil {
		t.Fatal(err)
	}
	close(gate)
	wait.Wait()
	for _, host := range []string{"before.example.com", "during.example.com"} {
		leaf, err := minter.Leaf(t.Context(), host)
		if err != nil {
			t.Fatal(err)
		}
		verifyLeaf(t, leaf.Leaf, authority, host)
	}
	if again, _ := minter.Leaf(t.Context(), "during.example.com"); again != during {
		t.Error("the late signature of the old authority replaced the new leaf")
	}
	if got := minter.Stats().Cached; got != 2 {
		t.Errorf("%d leaves kept, want 2", got)
	}
}

// signalSigner says when it is asked to sign and then waits.
type signalSigner struct {
	crypto.Signer
	started, gate chan struct{}
}

func (s *signalSigner) Sign(random io.Reader, digest []byte, options crypto.SignerOpts) ([]byte, error) {
	close(s.started)
	<-s.gate
	return s.Signer.Sign(random, digest, options)
}

func TestMintingWhileReloadingIsSafe(t *testing.T) {
	dir := t.TempDir()
	cas := []*ca{makeCA(t, "one", nil, nil, nil), makeCA(t, "two", nil, nil, nil)}
	authority, err := FromFiles(mountSecret(t, dir, cas[0], 0o600))
	if err != nil {
		t.Fatal(err)
	}
	minter := newMinter(t, authority, Options{CacheSize: 8})
	stop := make(chan struct{})
	var reloading, minting sync.WaitGroup
	reloading.Go(func() {
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
				mountSecret(t, dir, cas[i%2], 0o600)
				if _, err := authority.Reload(); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for range 4 {
		minting.Go(func() {
			for i := range 100 {
				host := fmt.Sprintf("h%d.example.com", i%16)
				leaf, err := minter.Leaf(t.Context(), host)
				if err != nil {
					t.Error(err)
					return
				}
				if leaf.Leaf.CheckSignatureFrom(cas[0].certificate) != nil && leaf.Leaf.CheckSignatureFrom(cas[1].certificate) != nil {
					t.Error("leaf of neither authority")
				}
			}
		})
	}
	minting.Wait()
	close(stop)
	reloading.Wait()
	if got := minter.Stats().Cached; got > 8 {
		t.Errorf("%d leaves kept, want at most 8", got)
	}
}
