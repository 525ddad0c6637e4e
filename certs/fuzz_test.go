package certs

import (
	"crypto/x509"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// FuzzHostName holds parseHost to what callers rely on: canonical forms are stable, and what is accepted
// makes a certificate that is valid for exactly that name.
func FuzzHostName(f *testing.F) {
	for _, seed := range []string{"example.com", "EXAMPLE.com.", "192.0.2.1", "::ffff:192.0.2.1", "fe80::1%1", "*.example.com",
		"xn--bcher-kva.example", "a\x00b", "0x7f.1", "a_b.c", "-.-", "example.com:443", "[::1]", ""} {
		f.Add(seed)
	}
	authority := newAuthority(f)
	minter := newMinter(f, authority, Options{CacheSize: 16})
	f.Fuzz(func(t *testing.T, host string) {
		name, err := parseHost(host)
		if err != nil {
			hostError, ok := errors.AsType[*HostError](err)
			if !ok || hostError.Reason == "" || strings.ContainsAny(err.Error(), "\x00\r\n\x1b") {
				t.Fatalf("error %q", err)
			}
			return
		}
		if again, err := parseHost(name.text); err != nil || again != name {
			t.Fatalf("%q became %q, which became %q (%v)", host, name.text, again.text, err)
		}
		if address, err := netip.ParseAddr(name.text); (err == nil) != name.address.IsValid() || name.address != address {
			t.Fatalf("%q is an address: %t", name.text, err == nil)
		}
		leaf, err := minter.Leaf(t.Context(), host)
		if err != nil {
			t.Fatal(err)
		}
		c := leaf.Leaf
		if err := c.VerifyHostname(name.text); err != nil {
			t.Fatal(err)
		}
		if len(c.DNSNames)+len(c.IPAddresses) != 1 || strings.Contains(strings.Join(c.DNSNames, ""), "*") {
			t.Fatalf("names %q %q", c.DNSNames, c.IPAddresses)
		}
	})
}

// FuzzPEM feeds the same bytes to all three readers: none may panic, accept nothing as something, or
// quote the input at length.
func FuzzPEM(f *testing.F) {
	good := makeCA(f, "seed", nil, nil, nil)
	for _, seed := range []string{"", "hello", certPEM(good), keyPEM(f, good.key), certPEM(good) + keyPEM(f, good.key),
		"-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
		"-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n", "\ufeff \t-----BEGIN A-----\n-----END A-----",
		"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMAA=\n-----END RSA PRIVATE KEY-----\n",
		"\x30\x82\x01\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		found, err := certificates("fuzz.pem", content)
		if err == nil && len(found) == 0 {
			t.Fatal("no certificate and no error")
		}
		checkErrorSize(t, err, content)
		if len(found) > 0 {
			checkErrorSize(t, checkChain("fuzz.pem", found, time.Now()), content)
			chainWarnings("fuzz.pem", found, time.Now())
		}
		key, err := parseKey("fuzz.pem", content)
		if err == nil {
			if _, err := x509.MarshalPKIXPublicKey(key.Public()); err != nil {
				t.Fatal(err)
			}
		}
		checkErrorSize(t, err, content)
	})
}

func checkErrorSize(t *testing.T, err error, content []byte) {
	t.Helper()
	if err == nil {
		return
	}
	for mistake := range strings.SplitSeq(err.Error(), "\nfuzz.pem") {
		if len(mistake) > 1200 {
			t.Fatalf("a mistake of %d bytes about an input of %d: %.300q", len(mistake), len(content), mistake)
		}
	}
}
