package classify

import (
	"bytes"
	"net/netip"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

func addressRules() []*rule {
	return []*rule{{
		Detector: Detector{
			ID: "ip-address", Categories: []string{"personal"}, Strength: flow.Medium, Evidence: EvidenceHelps, Legal: legalNetwork,
			Description: "public IPv4 or IPv6 address under a key or beside a word that speaks of an address or its user, or that begins a line of an access log",
			Source:      "RFC 791; RFC 4291; IANA special-purpose address registries; CJEU C-582/14",
		},
		identifies: identifiesByAddress,
		words:      words(strings.Split(addressTerms, "|"), strings.Split(versionTerms, "|")),
		trigger:    onQuad | onColons,
		text:       addressAround,
	}}
}

const addressTerms = "ip|ips|ipv|ip address|ipaddress|ipaddr|ip addr|client|client ip|clientip|remote|remote addr|remoteaddr|source ip|src|src ip|x forwarded for|" +
	"forwarded|x real ip|real ip|visitor|user ip|userip|login ip|peer|host ip|addr|address|from|login|ip地址|客户端ip|登录ip|アドレス|主机|access log"

const versionTerms = "version|versions|v|ver|release|build|firmware|package|section|oid|dns|nameserver|resolver|gateway|netmask|mask|subnet|cidr|agent|chrome|safari|" +
	"firefox|webkit|edge|mozilla|gecko|rfc|requires|dependency|dependencies|sdk|python|node|kernel|driver|protocol"

// addressAround reads the address whose first digit or first colon is at at.
func addressAround(view []byte, at int, value []byte) match {
	start := at
	if view[at] == ':' {
		for start > 0 && at-start < 4 && isHexDigit(view[start-1]) {
			start--
		}
	}
	end, colons, double := start, 0, false
	for ; end < len(view) && end-start < 45 && (isHexDigit(view[end]) || view[end] == '.' || view[end] == ':'); end++ {
		if view[end] == ':' {
			colons++
			double = double || view[end-min(1, end-start)] == ':' && end > start
		}
	}
	for end > start && (view[end-1] == '.' || view[end-1] == ':') {
		end--
	}
	if !startsAddress(view, start) || endsMidWord(view, end) || end < len(view) && view[end] == '-' {
		return match{}
	}
	if end < len(view)-1 && view[end] == '/' && isDigit(view[end+1]) {
		return match{} // a network
	}
	text := view[start:end]
	var address netip.Addr
	switch colon := bytes.IndexByte(text, ':'); {
	case colon < 0 || colons == 1:
		if colon > 0 {
			text = text[:colon] // a port follows
		}
		quad, ok := quadOf(text)
		if !ok {
			return match{}
		}
		address = netip.AddrFrom4(quad)
	case double && len(text) >= 6 || colons == 7:
		parsed, err := netip.ParseAddr(string(text))
		if err != nil {
			return match{}
		}
		address = parsed
	default:
		return match{}
	}
	if !isPublic(address) {
		return match{}
	}
	end = start + len(text)
	strength := flow.Weak
	if (start == 0 || view[start-1] == '\n') && bytes.HasPrefix(view[end:], []byte(" - ")) {
		strength = flow.Medium // the common log format
	}
	return match{start, end, address.AppendTo(value), strength}
}

// startsAddress says whether what stands before start allows an address to begin: no word, number or
// product ("Chrome/120.0.6099.109").
func startsAddress(view []byte, start int) bool {
	if start == 0 {
		return true
	}
	before := view[start-1]
	if before == '/' {
		return start < 2 || !isAlnum(view[start-2])
	}
	return !isAlnum(before) && !isOneOf(before, "_.-:+")
}

// quadOf reads four decimal numbers up to 255 without leading zeros.
func quadOf(text []byte) (quad [4]byte, ok bool) {
	i := 0
	for n := range quad {
		from, value := i, 0
		for i < len(text) && isDigit(text[i]) && i-from < 4 {
			value = value*10 + int(text[i]-'0')
			i++
		}
		if i == from || value > 255 || i-from > 1 && text[from] == '0' {
			return quad, false
		}
		quad[n] = byte(value)
		if n < 3 {
			if i == len(text) || text[i] != '.' {
				return quad, false
			}
			i++
		}
	}
	return quad, i == len(text)
}

// isPublic says whether an address is routed on the internet. Addresses for documentation count: nothing
// but documentation and tests holds them.
func isPublic(address netip.Addr) bool {
	address = address.Unmap()
	if !address.IsGlobalUnicast() || address.IsPrivate() {
		return false
	}
	if address.Is4() {
		b := address.As4()
		sharedByCarriers, forBenchmarks := b[0] == 100 && b[1]&0xc0 == 64, b[0] == 198 && b[1]&0xfe == 18
		return b[0] != 0 && b[0] < 240 && !sharedByCarriers && !forBenchmarks
	}
	return address.As16()[0]>>5 == 1 // 2000::/3
}
