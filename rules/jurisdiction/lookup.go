package jurisdiction

import (
	"net/netip"
	"slices"
	"strings"
)

// suffixTable finds values by the end of a host name, whole labels at a time.
type suffixTable[V any] map[string]V

// walk yields the values of host itself and of every suffix of it, the most specific first, and
// what stands in front of each ("" for the host itself).
func (t suffixTable[V]) walk(host string, visit func(suffix, front string, value V) (done bool)) {
	for start := 0; ; {
		if value, ok := t[host[start:]]; ok {
			if visit(host[start:], strings.TrimSuffix(host[:start], "."), value) {
				return
			}
		}
		dot := strings.IndexByte(host[start:], '.')
		if dot < 0 {
			return
		}
		start += dot + 1
	}
}

// longest returns the value of the most specific suffix, host itself included.
func (t suffixTable[V]) longest(host string) (suffix string, value V, ok bool) {
	for start := 0; start < len(host); {
		if value, ok = t[host[start:]]; ok {
			return host[start:], value, true
		}
		dot := strings.IndexByte(host[start:], '.')
		if dot < 0 {
			break
		}
		start += dot + 1
	}
	return "", value, false
}

// prefixTable finds values by the longest network that contains an address.
type prefixTable[V any] struct {
	values   map[netip.Prefix]V
	lengths4 []int // distinct prefix lengths, longest first
	lengths6 []int
}

// add stores value for network and reports whether the network was new.
func (t *prefixTable[V]) add(network netip.Prefix, value V) bool {
	if t.values == nil {
		t.values = make(map[netip.Prefix]V)
	}
	if _, ok := t.values[network]; ok {
		return false
	}
	t.values[network] = value
	lengths := &t.lengths6
	if network.Addr().Is4() {
		lengths = &t.lengths4
	}
	if !slices.Contains(*lengths, network.Bits()) {
		*lengths = append(*lengths, network.Bits())
		slices.SortFunc(*lengths, func(a, b int) int { return b - a })
	}
	return true
}

func (t *prefixTable[V]) longest(address netip.Addr) (network netip.Prefix, value V, ok bool) {
	lengths := t.lengths6
	if address.Is4() {
		lengths = t.lengths4
	}
	for _, bits := range lengths {
		network, err := address.Prefix(bits)
		if err != nil {
			continue
		}
		if value, ok = t.values[network]; ok {
			return network, value, true
		}
	}
	return netip.Prefix{}, value, false
}
