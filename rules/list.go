package rules

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// ListType says what the entries of a list are, and so how a value is looked up in it.
type ListType string

const (
	HostList    ListType = "hosts"    // host names and addresses, each for itself alone
	SuffixList  ListType = "suffixes" // domains, each with everything below it
	NetworkList ListType = "networks" // networks and addresses
	CountryList ListType = "countries"
	WordList    ListType = "words" // texts; case counts
)

var listTypes = []string{string(HostList), string(SuffixList), string(NetworkList), string(CountryList), string(WordList)}

// ListInfo describes one named list of a snapshot.
type ListInfo struct {
	Name        string
	Description string
	Type        ListType
	Entries     int
	Hash        string // SHA-256 of the entries, whatever their order and layout, in hexadecimal digits
	File        string
	Line        int
}

// list is a named list that values are looked up in. It is immutable.
type list struct {
	ListInfo
	words    map[string]struct{} // of every type but networks
	networks []span              // ascending and disjoint
}

// span is a range of addresses, both ends included. IPv4 and IPv6 never share one.
type span struct{ first, last netip.Addr }

// has reports whether value is in the list. A value of another kind than the entries, such as a name
// where networks are listed, is not.
func (l *list) has(value string) bool {
	switch l.Type {
	case HostList:
		_, ok := l.words[canonicalCase(value)]
		return ok
	case SuffixList:
		return l.hasSuffix(canonicalCase(value))
	case NetworkList:
		address, err := netip.ParseAddr(value)
		return err == nil && l.hasAddress(address)
	}
	_, ok := l.words[value]
	return ok
}

// hasSuffix looks host and every domain above it up. No domain of a list ends in digits, so that an
// address is below none.
func (l *list) hasSuffix(host string) bool {
	for {
		if _, ok := l.words[host]; ok {
			return true
		}
		_, above, more := strings.Cut(host, ".")
		if !more {
			return false
		}
		host = above
	}
}

// hasAddress finds the one span that could contain address.
func (l *list) hasAddress(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	i, found := slices.BinarySearchFunc(l.networks, address, func(s span, a netip.Addr) int { return s.first.Compare(a) })
	if found {
		return true
	}
	return i > 0 && address.Compare(l.networks[i-1].last) <= 0
}

// canonicalCase returns the host as lists hold it: lower case, without a trailing dot. Flows' hosts
// are like that already.
func canonicalCase(host string) string {
	host = strings.TrimSuffix(host, ".")
	for i := range len(host) {
		if c := host[i]; c >= 'A' && c <= 'Z' {
			return strings.ToLower(host)
		}
	}
	return host
}

// spansOf returns the addresses of networks as ranges that ascend and do not touch each other.
func spansOf(networks []netip.Prefix) []span {
	spans := make([]span, len(networks))
	for i, network := range networks {
		spans[i] = span{network.Masked().Addr(), lastAddress(network)}
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(a.first.Compare(b.first), a.last.Compare(b.last)) })
	merged := spans[:0]
	for _, s := range spans {
		if n := len(merged); n > 0 && merged[n-1].last.BitLen() == s.first.BitLen() && s.first.Compare(merged[n-1].last) <= 0 {
			if s.last.Compare(merged[n-1].last) > 0 {
				merged[n-1].last = s.last
			}
			continue
		}
		merged = append(merged, s)
	}
	return slices.Clip(merged)
}

func lastAddress(network netip.Prefix) netip.Addr {
	bytes := network.Masked().Addr().AsSlice()
	for bit := network.Bits(); bit < 8*len(bytes); bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}
