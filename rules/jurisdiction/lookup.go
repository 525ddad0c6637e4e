package jurisdiction

import (
	"cmp"
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

// prefixTable finds values by the longest network that contains an address. It is filled with add and
// then sealed; only then it answers.
type prefixTable[V any] struct {
	seen    map[netip.Prefix]bool
	entries []prefixEntry[V] // when sealed, by their first address, the wider network first
}

type prefixEntry[V any] struct {
	network netip.Prefix
	value   V
	parent  int // index of the smallest network around this one; -1 for none
}

// add stores value for network and reports whether the network was new.
func (t *prefixTable[V]) add(network netip.Prefix, value V) bool {
	if t.seen == nil {
		t.seen = make(map[netip.Prefix]bool)
	}
	if t.seen[network] {
		return false
	}
	t.seen[network] = true
	t.entries = append(t.entries, prefixEntry[V]{network: network, value: value})
	return true
}

func (t *prefixTable[V]) seal() {
	slices.SortFunc(t.entries, func(a, b prefixEntry[V]) int {
		return cmp.Or(a.network.Addr().Compare(b.network.Addr()), a.network.Bits()-b.network.Bits())
	})
	parent := -1
	for i := range t.entries {
		for parent >= 0 && !t.entries[parent].network.Contains(t.entries[i].network.Addr()) {
			parent = t.entries[parent].parent
		}
		t.entries[i].parent, parent = parent, i
	}
}

// longest looks at the network that begins nearest before address and at those around it: whatever
// contains the address begins before it, and so contains where that network begins.
func (t *prefixTable[V]) longest(address netip.Addr) (network netip.Prefix, value V, ok bool) {
	low, high := 0, len(t.entries)
	for low < high {
		middle := int(uint(low+high) >> 1)
		if t.entries[middle].network.Addr().Compare(address) <= 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	for i := low - 1; i >= 0; i = t.entries[i].parent {
		if entry := &t.entries[i]; entry.network.Contains(address) {
			return entry.network, entry.value, true
		}
	}
	return netip.Prefix{}, value, false
}
