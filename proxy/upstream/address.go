package upstream

import (
	"encoding/binary"
	"net/netip"
)

// Class says what an address is for, as far as that matters for whether a proxy may connect to it.
type Class uint8

const (
	Reserved      Class = iota // set aside, deprecated or not allocated; also the class of an invalid Addr
	Public                     // globally reachable unicast, the only class reachable without an exemption
	Unspecified                // 0.0.0.0 and ::, which operating systems treat as this machine
	ThisNetwork                // 0.0.0.0/8
	Loopback                   // 127.0.0.0/8, ::1
	Private                    // RFC 1918
	UniqueLocal                // fc00::/7
	LinkLocal                  // 169.254.0.0/16, fe80::/10
	SiteLocal                  // fec0::/10, deprecated by RFC 3879
	Metadata                   // a cloud's metadata or credential service
	CarrierNAT                 // 100.64.0.0/10, RFC 6598
	Protocol                   // 192.0.0.0/24, 2001::/23: IETF protocol assignments
	Documentation              // RFC 5737, RFC 3849, RFC 9637
	Benchmarking               // RFC 2544, RFC 5180
	Multicast                  // 224.0.0.0/4, ff00::/8
	Broadcast                  // 255.255.255.255
	Discard                    // 100::/64, RFC 6666
	classes                    // how many there are
)

// String returns the class as messages and records spell it.
func (c Class) String() string {
	if c >= classes {
		c = Reserved
	}
	return [classes]string{"reserved", "public", "unspecified", "this-network", "loopback", "private",
		"unique-local", "link-local", "site-local", "metadata", "carrier-grade-nat", "protocol-assignment",
		"documentation", "benchmarking", "multicast", "broadcast", "discard"}[c]
}

type block struct {
	prefix netip.Prefix
	class  Class
}

// metadataServices are addresses that hand out machine credentials, from the providers' documentation.
var metadataServices = [...]netip.Addr{
	netip.MustParseAddr("169.254.169.254"), // Amazon, Google, Azure, Oracle, Hetzner, DigitalOcean, OpenStack, IBM
	netip.MustParseAddr("169.254.170.2"),   // Amazon ECS task credentials
	netip.MustParseAddr("169.254.170.23"),  // Amazon EKS pod identity
	netip.MustParseAddr("169.254.0.23"),    // Tencent Cloud
	netip.MustParseAddr("169.254.42.42"),   // Scaleway
	netip.MustParseAddr("100.100.100.200"), // Alibaba Cloud
	netip.MustParseAddr("192.0.0.192"),     // Oracle Cloud Classic
	netip.MustParseAddr("168.63.129.16"),   // Azure wire server; otherwise a public address
	netip.MustParseAddr("fd00:ec2::254"),   // Amazon
	netip.MustParseAddr("fd00:ec2::23"),    // Amazon EKS pod identity
	netip.MustParseAddr("fd20:ce::254"),    // Google
	netip.MustParseAddr("fd00:42::42"),     // Scaleway
}

// blocks4 are the parts of IPv4 that are not public: the IANA IPv4 Special-Purpose Address Registry (RFC 6890,
// RFC 8190) and multicast (RFC 5771). The first match counts. 192.0.0.9 and 192.0.0.10 are globally reachable
// by the registry, but they reach the nearest port-mapping or TURN server, not an origin.
var blocks4 = [...]block{
	{netip.MustParsePrefix("0.0.0.0/32"), Unspecified},
	{netip.MustParsePrefix("0.0.0.0/8"), ThisNetwork},
	{netip.MustParsePrefix("10.0.0.0/8"), Private},
	{netip.MustParsePrefix("100.64.0.0/10"), CarrierNAT},
	{netip.MustParsePrefix("127.0.0.0/8"), Loopback},
	{netip.MustParsePrefix("169.254.0.0/16"), LinkLocal},
	{netip.MustParsePrefix("172.16.0.0/12"), Private},
	{netip.MustParsePrefix("192.0.0.0/24"), Protocol},
	{netip.MustParsePrefix("192.0.2.0/24"), Documentation},
	{netip.MustParsePrefix("192.88.99.0/24"), Reserved}, // 6to4 relay anycast, RFC 7526
	{netip.MustParsePrefix("192.168.0.0/16"), Private},
	{netip.MustParsePrefix("198.18.0.0/15"), Benchmarking},
	{netip.MustParsePrefix("198.51.100.0/24"), Documentation},
	{netip.MustParsePrefix("203.0.113.0/24"), Documentation},
	{netip.MustParsePrefix("224.0.0.0/4"), Multicast},
	{netip.MustParsePrefix("255.255.255.255/32"), Broadcast},
	{netip.MustParsePrefix("240.0.0.0/4"), Reserved},
}

// blocks6 are the parts of IPv6 with a purpose: the IANA IPv6 Special-Purpose Address Registry and the IPv6
// address space registry (RFC 4291). The first match counts. Of what is left, IANA has allocated unicast
// addresses from 2000::/3 only, so everything else is reserved.
var blocks6 = [...]block{
	{netip.MustParsePrefix("::/128"), Unspecified},
	{netip.MustParsePrefix("::1/128"), Loopback},
	{netip.MustParsePrefix("100::/64"), Discard},
	{netip.MustParsePrefix("2001:2::/48"), Benchmarking},
	{netip.MustParsePrefix("2001::/23"), Protocol},
	{netip.MustParsePrefix("2001:db8::/32"), Documentation},
	{netip.MustParsePrefix("3fff::/20"), Documentation},
	{netip.MustParsePrefix("3ffe::/16"), Reserved}, // 6bone, returned to IANA by RFC 3701
	{netip.MustParsePrefix("2000::/3"), Public},
	{netip.MustParsePrefix("fc00::/7"), UniqueLocal},
	{netip.MustParsePrefix("fe80::/10"), LinkLocal},
	{netip.MustParsePrefix("fec0::/10"), SiteLocal},
	{netip.MustParsePrefix("ff00::/8"), Multicast},
}

// Classify returns the class of an address. An IPv6 address that embeds IPv4 is judged by what it embeds: if
// that is not public, its class is the answer. Zones are ignored. It does not allocate and is safe for
// concurrent use.
func Classify(addr netip.Addr) Class {
	addr = plain(addr)
	if !addr.IsValid() {
		return Reserved
	}
	if addr.Is4() {
		return classifyPlain(addr, blocks4[:])
	}
	inner, transition := embeddedIPv4(addr)
	if transition == noTransition {
		return classifyPlain(addr, blocks6[:])
	}
	class := Public
	for _, ip := range inner {
		if !ip.IsValid() || transition == notRouted && ip.IsUnspecified() { // a prefix length that is not in use
			continue
		}
		c := classifyPlain(ip, blocks4[:])
		if c == Metadata {
			return Metadata
		}
		if class == Public {
			class = c
		}
	}
	if class == Public && transition == notRouted {
		return Reserved
	}
	return class
}

// plain drops what must not change how an address is judged: its zone and an IPv4-mapped form.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

func classifyPlain(addr netip.Addr, blocks []block) Class {
	for _, service := range &metadataServices {
		if addr == service {
			return Metadata
		}
	}
	for i := range blocks {
		if blocks[i].prefix.Contains(addr) {
			return blocks[i].class
		}
	}
	if addr.Is4() {
		return Public
	}
	return Reserved
}

// transition says how an IPv6 address that embeds IPv4 is carried.
type transition uint8

const (
	noTransition transition = iota // embeds nothing
	routed                         // reaches the IPv4 address by some translator, relay or tunnel
	notRouted                      // has no meaning between networks even when the embedded address is public
)

var (
	prefixNAT64      = netip.MustParsePrefix("64:ff9b::/96")   // RFC 6052
	prefixNAT64Local = netip.MustParsePrefix("64:ff9b:1::/48") // RFC 8215
	prefix6to4       = netip.MustParsePrefix("2002::/16")      // RFC 3056
	prefixTeredo     = netip.MustParsePrefix("2001::/32")      // RFC 4380
	prefixTranslated = netip.MustParsePrefix("::ffff:0:0:0/96")
	prefixCompatible = netip.MustParsePrefix("::/96") // RFC 4291 §2.5.5.1, deprecated
)

// embeddedIPv4 returns the IPv4 addresses in an IPv6 address; unused elements are zero. An address under
// 64:ff9b:1::/48 has one for each prefix length of RFC 6052 §2.2 that its network may have chosen.
func embeddedIPv4(addr netip.Addr) ([4]netip.Addr, transition) {
	b := addr.As16()
	last := netip.AddrFrom4([4]byte(b[12:16]))
	switch {
	case prefixNAT64.Contains(addr):
		return [4]netip.Addr{last}, routed
	case prefix6to4.Contains(addr):
		return [4]netip.Addr{netip.AddrFrom4([4]byte(b[2:6]))}, routed
	case prefixTeredo.Contains(addr): // server, then client with its bits inverted
		var client [4]byte
		binary.BigEndian.PutUint32(client[:], ^binary.BigEndian.Uint32(b[12:16]))
		return [4]netip.Addr{netip.AddrFrom4(client), netip.AddrFrom4([4]byte(b[4:8]))}, routed
	case prefixNAT64Local.Contains(addr): // bits 64 to 71 are always zero
		return [4]netip.Addr{
			last,
			netip.AddrFrom4([4]byte{b[6], b[7], b[9], b[10]}),
			netip.AddrFrom4([4]byte{b[7], b[9], b[10], b[11]}),
			netip.AddrFrom4([4]byte{b[9], b[10], b[11], b[12]}),
		}, notRouted
	case prefixTranslated.Contains(addr):
		return [4]netip.Addr{last}, notRouted
	case prefixCompatible.Contains(addr) && binary.BigEndian.Uint32(b[12:16]) > 1: // not :: and ::1
		return [4]netip.Addr{last}, notRouted
	}
	return [4]netip.Addr{}, noTransition
}
