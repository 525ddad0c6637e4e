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

type row struct{ network, label string }

var header = Header{
	Name: "test", Kind: "place", License: "CC0-1.0", Attribution: "made for a test",
	Published: time.Date(2026, 6, 17, 0, 0, 0, 0, time.UTC),
}

func build(t testing.TB, rows ...row) *Table {
	t.Helper()
	var builder Builder
	for _, row := range rows {
		if err := builder.Add(netip.MustParsePrefix(row.network), row.label); err != nil {
			t.Fatal(err)
		}
	}
	encoded, err := builder.Encode(header)
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
		if got := table.Label(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	if got := table.Label(netip.Addr{}); got != "" {
		t.Errorf("the zero address is in %q", got)
	}
	if table.Header != header || len(table.Checksum) != 64 {
		t.Errorf("header %+v, checksum %q", table.Header, table.Checksum)
	}
}

func TestWholeAddressSpaceFitsOneRange(t *testing.T) {
	table := build(t, row{"0.0.0.0/0", "AA"}, row{"::/0", "BB"})
	if got := table.Label(netip.MustParseAddr("255.1.2.3")) + table.Label(netip.MustParseAddr("ff00::1")); got != "AABB" {
		t.Errorf("%q", got)
	}
	if ipv4, ipv6 := table.Len(); ipv4 != 1 || ipv6 != 1 {
		t.Errorf("%d and %d ranges, want one each", ipv4, ipv6)
	}
}

func TestSharedSixtyFourHasNoLabel(t *testing.T) {
	table := build(t,
		row{"2001:db8::/64", "AA"},
		row{"2001:db8:0:1::/65", "AA"}, row{"2001:db8:0:1:8000::/65", "BB"},
		row{"2001:db8:0:2::/65", "CC"}, row{"2001:db8:0:2:8000::/65", "CC"},
		row{"2001:db8:0:3::/64", "AA"},
	)
	for address, want := range map[string]string{
		"2001:db8::1": "AA", "2001:db8:0:1::1": "", "2001:db8:0:1:8000::1": "", "2001:db8:0:2:8000::": "CC", "2001:db8:0:3::": "AA",
	} {
		if got := table.Label(netip.MustParseAddr(address)); got != want {
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
					return rows[i].label
				}
			}
			return ""
		}
		for _, network := range kept {
			for _, address := range []netip.Addr{network.Addr(), network.Addr().Prev(), network.Addr().Next()} {
				if got, want := table.Label(address), linear(address); got != want {
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
		"overlap 6":  {{"2001:db8::/32", "AA"}, {"2001:db8:1::/48", "BB"}},
		"long label": {{"10.0.0.0/8", strings.Repeat("x", MaxLabel+1)}},
		"unprinted":  {{"10.0.0.0/8", "a\nb"}},
	} {
		t.Run(name, func(t *testing.T) {
			var builder Builder
			var err error
			for _, row := range rows {
				if err = builder.Add(netip.MustParsePrefix(row.network), row.label); err != nil {
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
	sound, err := builder.Encode(header)
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

func TestRangesMayEndAnywhereAndShareASixtyFour(t *testing.T) {
	var builder Builder
	for _, r := range [][3]string{
		{"10.0.0.5", "10.0.0.9", "AA"}, {"10.0.0.10", "10.0.0.10", ""}, {"10.0.0.11", "255.255.255.255", "BB"},
		{"2001:db8::", "2001:db8:0:1::5", "AA"}, {"2001:db8:0:1::6", "2001:db8:0:3:ffff:ffff:ffff:ffff", "BB"},
		{"2001:db8:0:4::", "2001:db8:0:4::7", ""}, {"2001:db8:0:4::8", "2001:db8:0:5::", "CC"},
		{"ffff::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "AA"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "BB"},
	} {
		if err := builder.AddRange(netip.MustParseAddr(r[0]), netip.MustParseAddr(r[1]), r[2]); err != nil {
			t.Fatal(err)
		}
	}
	encoded, err := builder.Encode(header)
	if err != nil {
		t.Fatal(err)
	}
	table, err := Decode(encoded)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"10.0.0.4": "", "10.0.0.5": "AA", "10.0.0.9": "AA", "10.0.0.10": "", "10.0.0.11": "BB", "255.255.255.255": "BB",
		"2001:db8::1": "AA", "2001:db8:0:1::1": "", "2001:db8:0:2::": "BB", "2001:db8:0:3:ffff::": "BB",
		"2001:db8:0:4::1": "", "2001:db8:0:5::": "CC", "2001:db8:0:6::": "",
		"ffff::": "AA", "ffff:ffff:ffff:fffe::": "AA", "ffff:ffff:ffff:ffff::": "",
	} {
		if got := table.Label(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	for _, r := range [][2]string{{"10.0.0.9", "10.0.0.5"}, {"10.0.0.1", "2001:db8::"}, {"fe80::1%a", "fe80::2"}} {
		if err := new(Builder).AddRange(netip.MustParseAddr(r[0]), netip.MustParseAddr(r[1]), "AA"); err == nil {
			t.Errorf("%s-%s is accepted", r[0], r[1])
		}
	}
}

func TestHeaderThatDoesNotFitIsRefused(t *testing.T) {
	for name, header := range map[string]Header{
		"long name":     {Name: strings.Repeat("x", MaxName+1)},
		"control":       {Name: "x", Attribution: "a\x1b[31m"},
		"invalid UTF-8": {License: "\xff"},
		"before 1970":   {Published: time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if _, err := new(Builder).Encode(header); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
