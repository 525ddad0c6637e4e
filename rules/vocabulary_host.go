package rules

import (
	"fmt"
	"net/netip"
	"strings"
)

const writeNetwork = `for networks write inNetwork(destination.address, "192.0.2.0/24")`

// canonicalHost admits hosts in the one form that destination.host has: lower-case A-labels without a
// dot at the end, or an address as netip.Addr prints it.
func canonicalHost(text string, _ ownNames) (expected, hint string) {
	if text == "" || hostForm(text) == text {
		return "", ""
	}
	expected = "a host as it is compared, in lower case and without scheme, port, path or final dot"
	if domain, wildcard := strings.CutPrefix(text, "*."); wildcard {
		if meant := hostForm(domain); meant != "" {
			return expected, fmt.Sprintf("for a domain and all below it write destination.under(%q)", meant)
		}
	}
	return expected, hostHint(text)
}

// domainName admits what destination.under takes; it looks past case, international letters and dots at
// the ends.
func domainName(text string, _ ownNames) (expected, hint string) {
	if name := strings.Trim(text, "."); name != "" && hostForm(name) != "" {
		return "", ""
	}
	if digits := strings.Trim(text, "0123456789."); digits == "" && strings.Trim(text, ".") != "" {
		return "a domain", writeNetwork
	}
	return "a domain", hostHint(strings.Trim(strings.TrimPrefix(text, "*"), "."))
}

// hostForm returns the canonical form of a host name or address, "" if text is neither.
func hostForm(text string) string {
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		return address.Unmap().String()
	}
	if plainHost(text) {
		return text
	}
	canonical, problem, _ := canonicalDomain(text)
	if problem != "" {
		return ""
	}
	return canonical
}

// plainHost reports whether text is canonical as it stands. Names with hyphens and underscores in places
// that IDNA does not permit are in use, and arrive as they are.
func plainHost(text string) bool {
	if strings.ContainsFunc(text, unfitForHost) || len(text) > 253 {
		return false
	}
	label := ""
	for label = range strings.SplitSeq(text, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "xn--") {
			return false
		}
	}
	return strings.Trim(label, "0123456789") != ""
}

// hostHint finds the host in what may be a URL, or a host with a port.
func hostHint(text string) string {
	if _, rest, ok := strings.Cut(text, "://"); ok {
		text = rest
	}
	text, _, _ = strings.Cut(strings.TrimSpace(text), "/")
	text = text[strings.LastIndexByte(text, '@')+1:]
	if inside, ok := strings.CutPrefix(text, "["); ok {
		text, _, _ = strings.Cut(inside, "]")
	} else if host, port, ok := strings.Cut(text, ":"); ok && strings.Trim(port, "0123456789") == "" {
		text = host
	}
	if meant := hostForm(strings.TrimRight(text, ".")); meant != "" {
		return didYouMean(meant)
	}
	return `for example "api.example.com"`
}

// canonicalAddress admits addresses as netip.Addr prints them.
func canonicalAddress(text string, _ ownNames) (expected, hint string) {
	if text == "" || isAddress(text) && hostForm(text) == text {
		return "", ""
	}
	if isAddress(hostForm(text)) {
		return "an address as it is compared", didYouMean(hostForm(text))
	}
	if strings.Contains(text, "/") {
		return "an address", writeNetwork
	}
	return "an address", `for example "192.0.2.1"`
}
