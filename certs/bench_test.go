package certs

import (
	"crypto/elliptic"
	"crypto/tls"
	"fmt"
	"runtime"
	"testing"
	"time"
)

func BenchmarkMint(b *testing.B) {
	authority := newAuthority(b)
	key := seal(ecKey(b, elliptic.P256()))
	name := hostName{text: "api.example.com"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := newLeaf(authority.current.Load(), key, name, time.Now(), defaultLeafLifetime); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/mint")
}

func BenchmarkCachedLeaf(b *testing.B) {
	minter := newMinter(b, newAuthority(b), Options{})
	hello := &tls.ClientHelloInfo{ServerName: "api.example.com"}
	if _, err := minter.GetCertificate(hello); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := minter.GetCertificate(hello); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFullCache(b *testing.B) {
	authority := newAuthority(b)
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		minter := newMinter(b, authority, Options{})
		for i := range defaultCacheSize {
			if _, err := minter.Leaf(b.Context(), fmt.Sprintf("host-%d.example.com", i)); err != nil {
				b.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/defaultCacheSize, "B/leaf")
		runtime.KeepAlive(minter)
	}
}

func TestCachedLeafAllocatesNothing(t *testing.T) {
	minter := newMinter(t, newAuthority(t), Options{})
	for _, host := range []string{"api.example.com", "2001:db8::7"} {
		hello := &tls.ClientHelloInfo{ServerName: host}
		allocations := testing.AllocsPerRun(100, func() {
			if _, err := minter.GetCertificate(hello); err != nil {
				t.Fatal(err)
			}
		})
		if allocations != 0 {
			t.Errorf("%s: %.0f allocations", host, allocations)
		}
	}
}
