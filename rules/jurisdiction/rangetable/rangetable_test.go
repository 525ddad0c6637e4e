package rangetable

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

type row struct {
	network string
	country string
}

var published = time.Date(2026, 6, 17, 0, 0, 0, 0, time.UTC)

func build(t testing.TB, rows ...row) *Table {
	t.Helper()
	var builder Builder
	for _, row := range rows {
		if err := builder.Add(netip.MustParsePrefix(row.network), row.country); err != nil {
			t.Fatal(err)
		}
	}
	encoded, err := builder.Encode("test", published)
	if err != nil {
		t.Fatal(err)
	}
	table, err := Decode(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestTableAnswersAtTheEdgesOfEachRange(t *testing.T) {
	table := build(t,
		row{"0.0.0.0/8", "AA"}, row{"10.0.0.0/9", "BB"}, row{"10.128.0.0/24", "BB"}, row{"10.128.1.0/32", "CC"},
		row{"10.128.1.1/32", ""}, row{"10.128.1.2/32", "DD"}, row{"255.255.255.255/32", "EE"},
		row{"::/16", "AA"}, row{"2001:db8::/48", "BB"}, row{"2001:db8:1::/64", "CC"},
		row{"ffff:ffff:ffff:ffff::/64", "EE"},
	)
	for address, want := range map[string]string{
		"0.0.0.0": "AA", "0.255.255.255": "AA", "1.0.0.0": "", "9.255.255.255": "", "10.0.0.0": "BB",
		"10.128.0.255": "BB", "10.128.1.0": "CC", "10.128.1.1": "", "10.128.1.2": "DD", "10.128.1.3": "",
		"255.255.255.254": "", "255.255.255.255": "EE", "::ffff:10.0.0.1": "BB",
		"::1": "AA", "0:ffff::": "AA", "1::": "", "2001:db7:ffff:ffff::1": "", "2001:db8::": "BB",
		"2001:db8:0:ffff:ffff::": "BB", "2001:db8:1::1": "CC", "2001:db8:1:1::": "", "ffff:ffff:ffff:fffe::": "",
		"ffff:ffff:ffff:ffff:ffff::1": "EE",
	} {
		if got := table.Country(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	if got := table.Country(netip.Addr{}); got != "" {
		t.Errorf("the zero address is in %q", got)
	}
	if table.Name != "test" || !table.Published.Equal(published) || len(table.Checksum) != 64 {
		t.Errorf("header %q %v %q", table.Name, table.Published, table.Checksum)
	}
}

func TestWholeAddressSpaceFitsOneRange(t *testing.T) {
	table := build(t, row{"0.0.0.0/0", "AA"}, row{"::/0", "BB"})
	if got := table.Country(netip.MustParseAddr("255.1.2.3")) + table.Country(netip.MustParseAddr("ff00::1")); got != "AABB" {
		t.Errorf("%q", got)
	}
	if ipv4, ipv6 := table.Len(); ipv4 != 1 || ipv6 != 1 {
		t.Errorf("%d and %d ranges, want one each", ipv4, ipv6)
	}
}

func TestSharedSixtyFourHasNoCountry(t *testing.T) {
	table := build(t,
		row{"2001:db8::/64", "AA"},
		row{"2001:db8:0:1::/65", "AA"}, row{"2001:db8:0:1:8000::/65", "BB"},
		row{"2001:db8:0:2::/65", "CC"}, row{"2001:db8:0:2:8000::/65", "CC"},
		row{"2001:db8:0:3::/64", "AA"},
	)
	for address, want := range map[string]string{
		"2001:db8::1": "AA", "2001:db8:0:1::1": "", "2001:db8:0:1:8000::1": "", "2001:db8:0:2:8000::": "CC", "2001:db8:0:3::": "AA",
	} {
		if got := table.Country(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

// TestTableAgreesWithALinearSearch compares random tables with the plainest possible look-up.
func TestTableAgreesWithALinearSearch(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var networks []netip.Prefix
		for range 400 {
			var bytes [16]byte
			for i := range bytes {
				bytes[i] = byte(random.Uint32())
			}
			bytes[0], bytes[1] = 0x20, byte(random.IntN(3)) // close together, so that index cells are crowded
			if random.IntN(2) == 0 {
				networks = append(networks, netip.PrefixFrom(netip.AddrFrom16(bytes), 12+random.IntN(53)).Masked())
			} else {
				networks = append(networks, netip.PrefixFrom(netip.AddrFrom4([4]byte(bytes[:4])), 9+random.IntN(24)).Masked())
			}
		}
		slices.SortFunc(networks, func(a, b netip.Prefix) int {
			return cmp.Or(a.Addr().Compare(b.Addr()), a.Bits()-b.Bits())
		})
		var rows []row
		var kept []netip.Prefix
		for _, network := range networks {
			if len(kept) > 0 && kept[len(kept)-1].Overlaps(network) {
				continue
			}
			kept = append(kept, network)
			rows = append(rows, row{network.String(), string([]byte{'A' + byte(random.IntN(3)), 'A'})})
		}
		table := build(t, rows...)
		linear := func(address netip.Addr) string {
			for i, network := range kept {
				if network.Contains(address) {
					return rows[i].country
				}
			}
			return ""
		}
		for _, network := range kept {
			for _, address := range []netip.Addr{network.Addr(), network.Addr().Prev(), network.Addr().Next()} {
				if got, want := table.Country(address), linear(address); got != want {
					t.Fatalf("%s: %q, want %q", address, got, want)
				}
			}
		}
	}
}

func TestBuilderRefusesWhatATableCannotHold(t *testing.T) {
	for name, rows := range map[string][]row{
		"descending": {{"10.0.0.0/8", "AA"}, {"9.0.0.0/8", "AA"}},
		"overlap":    {{"10.0.0.0/8", "AA"}, {"10.1.0.0/16", "BB"}},
		"after end":  {{"255.0.0.0/8", "AA"}, {"255.0.0.0/9", "BB"}},
		"bits set":   {{"10.0.0.1/8", "AA"}},
		"mapped":     {{"::ffff:10.0.0.0/104", "AA"}},
		"lower case": {{"10.0.0.0/8", "aa"}},
		"three":      {{"10.0.0.0/8", "AAA"}},
	} {
		t.Run(name, func(t *testing.T) {
			var builder Builder
			var err error
			for _, row := range rows {
				if err = builder.Add(netip.MustParsePrefix(row.network), row.country); err != nil {
					return
				}
			}
			t.Error("accepted")
		})
	}
}

func TestDamagedTableIsRefused(t *testing.T) {
	var builder Builder
	if err := builder.Add(netip.MustParsePrefix("10.0.0.0/8"), "DE"); err != nil {
		t.Fatal(err)
	}
	sound, err := builder.Encode("test", published)
	if err != nil {
		t.Fatal(err)
	}
	for i := range sound {
		damaged := bytes.Clone(sound)
		damaged[i] ^= 0x40
		if _, err := Decode(damaged); err == nil {
			t.Errorf("byte %d changed: accepted", i)
		}
		if _, err := Decode(sound[:i]); err == nil {
			t.Errorf("cut to %d bytes: accepted", i)
		}
	}
	if _, err := Decode([]byte(strings.Repeat("x", 100))); err == nil || !strings.Contains(err.Error(), "not a range table") {
		t.Errorf("another format: %v", err)
	}
}
