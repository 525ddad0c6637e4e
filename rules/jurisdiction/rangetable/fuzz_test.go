package rangetable

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"testing"
)

// FuzzDecode feeds the reader with bodies under a right checksum, so that it gets past it.
func FuzzDecode(f *testing.F) {
	deflated := func(content ...uint64) []byte {
		var raw []byte
		for _, value := range content {
			raw = binary.AppendUvarint(raw, value)
		}
		var out bytes.Buffer
		deflate, _ := flate.NewWriter(&out, 9)
		deflate.Write(raw)
		deflate.Close()
		return out.Bytes()
	}
	header := []byte{1, 4, 't', 'e', 's', 't', 0, 0, 0, 1, 2, 'D', 'E'}
	f.Add(append(header, deflated(1, 10<<24, 1, 1, 0x2001<<48, 1)...))
	f.Add(append(header, deflated(2, 0, 1<<32-1, 1, 0, 0)...))
	f.Add(append(header, deflated(1<<22, 0)...))
	f.Add(append(header, deflated(2, 5, 0, 1, 1, 0)...))
	f.Add(append(header, deflated(1, 5, 9, 0)...))
	f.Add([]byte{1, 0, 0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		encoded := append([]byte(Magic), body...)
		sum := sha256.Sum256(encoded)
		table, err := Decode(append(encoded, sum[:]...))
		if err != nil {
			return
		}
		for _, text := range []string{"0.0.0.0", "10.0.0.1", "255.255.255.255", "::", "2001::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"} {
			if label := table.Label(netip.MustParseAddr(text)); len(label) > MaxLabel || validText(label) != nil {
				t.Errorf("%s is in %q", text, label)
			}
		}
	})
}

func BenchmarkLabel(b *testing.B) {
	table := build(b, row{"10.0.0.0/9", "AA"}, row{"10.128.0.0/24", "BB"}, row{"2001:db8::/48", "CC"})
	address := netip.MustParseAddr("10.128.0.7")
	b.ReportAllocs()
	for b.Loop() {
		table.Label(address)
	}
}
