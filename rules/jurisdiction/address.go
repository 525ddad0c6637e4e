package jurisdiction

import "net/netip"

// Prefixes that are nowhere in particular and that netip has no predicate for, from the IANA IPv4
// and IPv6 Special-Purpose Address Registries (RFC 6890).
var specialPrefixes = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),     // "this network", RFC 791
	netip.MustParsePrefix("100.64.0.0/10"), // carrier-grade NAT, RFC 6598
	netip.MustParsePrefix("198.18.0.0/15"), // benchmarking, RFC 2544
	netip.MustParsePrefix("240.0.0.0/4"),   // reserved, RFC 1112
	netip.MustParsePrefix("100::/64"),      // discard-only, RFC 6666
}

var (
	translated = netip.MustParsePrefix("64:ff9b::/96") // NAT64, RFC 6052
	sixToFour  = netip.MustParsePrefix("2002::/16")    // 6to4, RFC 3056
)

// publicAddress returns the address that databases may be asked for, or the zero Addr when address
// is loopback, private, link-local, multicast or otherwise belongs to no place. An IPv6 address
// that carries an IPv4 address (NAT64, 6to4) stands where that one does.
func publicAddress(address netip.Addr) netip.Addr {
	if address.Is6() {
		bytes := address.As16()
		switch {
		case translated.Contains(address):
			address = netip.AddrFrom4([4]byte(bytes[12:16]))
		case sixToFour.Contains(address):
			address = netip.AddrFrom4([4]byte(bytes[2:6]))
		}
	}
	if !address.IsGlobalUnicast() || address.IsPrivate() {
		return netip.Addr{}
	}
	for _, prefix := range specialPrefixes {
		if prefix.Contains(address) {
			return netip.Addr{}
		}
	}
	return address
}
