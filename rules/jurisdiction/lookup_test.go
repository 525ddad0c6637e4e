package jurisdiction

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// TestLongestNetworkIsFound compares random nested networks with the plainest possible look-up.
func TestLongestNetworkIsFound(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		var table prefixTable[netip.Prefix]
		plain := map[netip.Prefix]bool{}
		for range 100 {
			var bytes [16]byte
			for i := range bytes {
				bytes[i] = byte(random.IntN(3)) << 6
			}
			network := netip.PrefixFrom(netip.AddrFrom4([4]byte(bytes[:4])), random.IntN(33)).Masked()
			if random.IntN(2) == 0 {
				network = netip.PrefixFrom(netip.AddrFrom16(bytes), random.IntN(129)).Masked()
			}
			if added := table.add(network, network); added == plain[network] {
				t.Fatalf("%s: added %v, known before %v", network, added, plain[network])
			}
			plain[network] = true
		}
		table.seal()
		for network := range plain {
			for _, address := range []netip.Addr{network.Addr(), network.Addr().Prev(), network.Addr().Next()} {
				if !address.IsValid() {
					continue
				}
				var want netip.Prefix
				for bits := address.BitLen(); bits >= 0 && !want.IsValid(); bits-- {
					if around, _ := address.Prefix(bits); plain[around] {
						want = around
					}
				}
				if got, value, ok := table.longest(address); got != want || value != want || ok != want.IsValid() {
					t.Fatalf("%s: %s, want %s", address, got, want)
				}
			}
		}
	}
	if _, _, ok := new(prefixTable[int]).longest(netip.MustParseAddr("10.0.0.1")); ok {
		t.Error("an empty table answers")
	}
}
