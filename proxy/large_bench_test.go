package proxy_test

import (
	"fmt"
	"net/http"
	"testing"
)

// BenchmarkLargeUpload sends 32 MiB over plain HTTP: unread, read as it leaves, and kept on disk first.
// The ratio that matters is that of the three.
func BenchmarkLargeUpload(b *testing.B) {
	const size = 32 * mebibyte
	for name, policy := range map[string]string{
		"unread": rulesPolicy("  []\n"), "stream": rulesPolicy(blockCards) + "onLargeBody: stream\n", "hold": rulesPolicy(blockCards) + "onLargeBody: hold\n",
	} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b)
			handler, arrivals := takeUploads()
			w.serve("origin.test", handler)
			w.policy(policy)
			w.start()
			v := w.variants()["plain"]
			b.SetBytes(size)
			for b.Loop() {
				if response := sendUpload(b, v, newUpload(size, -1), true); response.StatusCode != http.StatusOK {
					b.Fatal(response.Status)
				}
				if arrived := <-arrivals; arrived.bytes != size {
					b.Fatal(fmt.Sprint(arrived))
				}
			}
		})
	}
}
