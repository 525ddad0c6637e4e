package upstream

import (
	"net/netip"
	"testing"
)

// The expectations are those of the IANA special-purpose address registries, at both ends of each block.
func TestAddressesAreClassified(t *testing.T) {
	for want, addresses := range map[Class][]string{
		Public: {
			"1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
			"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.31.196.1",
			"192.52.193.1", "192.175.48.1", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0",
			"198.17.255.255", "198.20.0.0", "203.0.112.255", "203.0.114.0", "223.255.255.255", "168.63.129.15",
			"2001:200::", "2001:4860:4860::8888", "2003::1", "2606:4700::1111", "2620:4f:8000::1", "2a00::1", "3ffd::1",
			"64:ff9b::8.8.8.8", "2002:808:808::1", "2001:0:808:808::f7f7:f7f7", "::ffff:8.8.8.8",
		},
		Unspecified: {"0.0.0.0", "::", "::ffff:0.0.0.0", "64:ff9b::0.0.0.0"},
		ThisNetwork: {"0.0.0.1", "0.255.255.255", "64:ff9b::0.1.2.3"},
		Loopback: {
			"127.0.0.0", "127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "::127.0.0.1",
			"2002:7f00:1::", "::ffff:0:127.0.0.1", "2001:0:7f00:1::f7f7:f7f7", "2001:0:808:808::80ff:fffe", "::1%lo",
			"64:ff9b:1::127.0.0.1",
		},
		Private: {
			"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255",
			"64:ff9b::10.0.0.1", "2002:a00:1::1", "2002:c0a8:101::1", "::ffff:192.168.1.1", "64:ff9b:1:a00:0:100::",
		},
		UniqueLocal:   {"fc00::", "fd00::1", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		LinkLocal:     {"169.254.0.0", "169.254.169.253", "169.254.255.255", "fe80::1", "febf::1", "fe80::1%eth0"},
		SiteLocal:     {"fec0::1", "feff::1"},
		CarrierNAT:    {"100.64.0.0", "100.127.255.255", "64:ff9b::100.64.0.1"},
		Protocol:      {"192.0.0.0", "192.0.0.9", "192.0.0.255", "2001:1::1", "2001:4:112::1", "2001:20::1", "2001:1ff:ffff::1"},
		Documentation: {"192.0.2.1", "198.51.100.1", "203.0.113.255", "2001:db8::1", "2001:db8:ffff::1", "3fff::1", "3fff:fff::1"},
		Benchmarking:  {"198.18.0.0", "198.19.255.255", "2001:2::1"},
		Multicast:     {"224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"},
		Broadcast:     {"255.255.255.255", "64:ff9b::255.255.255.255"},
		Discard:       {"100::", "100::ffff:ffff:ffff:ffff"},
		Reserved: {
			"192.88.99.1", "240.0.0.1", "255.255.255.254", "::8.8.8.8", "::ffff:0:8.8.8.8", "100:0:0:1::1", "200::1", "400::1",
			"1fff::1", "3ffe::1", "4000::1", "5f00::1", "e000::1", "fbff::1", "fe00::1", "64:ff9b:2::1", "64:ff9a::1",
		},
		Metadata: {
			"169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "192.0.0.192", "168.63.129.16",
			"fd00:ec2::254", "fd20:ce::254", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::",
			"::169.254.169.254", "::ffff:0:169.254.169.254", "64:ff9b::168.63.129.16", "2001:0:808:808::5601:5601",
			"64:ff9b:1::169.254.169.254", "64:ff9b:1:a9fe:a9:fe00::", "64:ff9b:1:a9:fe:a9fe::", "64:ff9b:1:0:a9:fea9:fe00::",
		},
	} {
		for _, text := range addresses {
			if got := Classify(netip.MustParseAddr(text)); got != want {
				t.Errorf("Classify(%s) = %s, want %s", text, got, want)
			}
		}
	}
	if got := Classify(netip.Addr{}); got != Reserved {
		t.Errorf("Classify of no address = %s, want reserved", got)
	}
}

func TestEveryClassHasAName(t *testing.T) {
	seen := map[string]Class{}
	for c := range classes {
		if other, ok := seen[c.String()]; ok || c.String() == "" {
			t.Errorf("classes %d and %d are both named %q", c, other, c)
		}
		seen[c.String()] = c
	}
	if got := Class(200).String(); got != "reserved" {
		t.Errorf("an unknown class is named %q, want reserved", got)
	}
}

func TestClassifyDoesNotAllocate(t *testing.T) {
	addresses := []netip.Addr{netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("2a00::1"), netip.MustParseAddr("64:ff9b:1::1"), netip.MustParseAddr("fe80::1%eth0")}
	if n := testing.AllocsPerRun(100, func() {
		for _, a := range addresses {
			Classify(a)
		}
	}); n != 0 {
		t.Errorf("Classify makes %v allocations, want none", n)
	}
}

func FuzzClassifySeesThroughEmbedding(f *testing.F) {
	for _, seed := range [][]byte{{127, 0, 0, 1}, {10, 0, 0, 1}, {169, 254, 169, 254}, {8, 8, 8, 8}, {168, 63, 129, 16}, {0, 0, 0, 0}} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, a, b, c, d byte) {
		ip := netip.AddrFrom4([4]byte{a, b, c, d})
		want := Classify(ip)
		for name, addr := range map[string]netip.Addr{
			"IPv4-mapped": netip.AddrFrom16(ip.As16()),
			"NAT64":       netip.AddrFrom16([16]byte{0, 0x64, 0xff, 0x9b, 12: a, b, c, d}),
			"6to4":        netip.AddrFrom16([16]byte{0x20, 0x02, a, b, c, d, 15: 1}),
			"Teredo":      netip.AddrFrom16([16]byte{0x20, 0x01, 4: 8, 8, 8, 8, 12: ^a, ^b, ^c, ^d}),
		} {
			if got := Classify(addr); got != want {
				t.Errorf("Classify(%s), %s of %s, = %s, want %s", addr, name, ip, got, want)
			}
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	for _, text := range []string{"93.184.216.34", "2a00:1450::1", "64:ff9b::8.8.8.8"} {
		addr := netip.MustParseAddr(text)
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Classify(addr)
			}
		})
	}
}
