package certs

import (
	"fmt"
	"net/netip"
	"strings"
)

// RFC 1035 section 2.3.4, without the trailing dot.
const maxHostBytes, maxLabelBytes = 253, 63

// HostError is a name for which no certificate is minted.
type HostError struct {
	Host   string // as asked for; untrusted, cut to 80 bytes when printed
	Reason string
}

// Error quotes the name, so that control characters cannot reach a log.
func (e *HostError) Error() string {
	shown := e.Host
	if len(shown) > 80 {
		shown = shown[:80] + "…"
	}
	return fmt.Sprintf("host name %q: %s", shown, e.Reason)
}

// hostName is a checked name in canonical form: lower case and without trailing dot, or an address as
// netip prints it.
type hostName struct {
	text    string
	address netip.Addr // valid if the name is an address
}

// parseHost accepts DNS names in their ASCII form and IP addresses without brackets, port or zone. It
// is stricter than a resolver: a certificate for a name that two parsers could read differently (a
// wildcard, an embedded NUL, an octal address) might be good for more than the decision was about.
func parseHost(host string) (hostName, error) {
	wrong := func(format string, arguments ...any) (hostName, error) {
		return hostName{}, &HostError{Host: host, Reason: fmt.Sprintf(format, arguments...)}
	}
	if strings.Contains(host, ":") {
		address, err := netip.ParseAddr(host)
		if err != nil {
			return wrong("found a colon, expected a DNS name or an IP address without port or brackets")
		}
		if address.Zone() != "" {
			return wrong("found an address with a zone, which certificates cannot name")
		}
		address = address.Unmap() // certificates hold IPv4-mapped addresses as four bytes
		return hostName{address.String(), address}, nil
	}
	if address, err := netip.ParseAddr(host); err == nil {
		return hostName{host, address}, nil
	}
	name := strings.TrimSuffix(host, ".")
	switch {
	case name == "":
		return wrong("found no name, expected a DNS name or an IP address")
	case len(name) > maxHostBytes:
		return wrong("found %d bytes, expected at most %d", len(name), maxHostBytes)
	}
	for i := range len(name) {
		if c := name[i]; !hostByte(c) {
			return wrong("found byte 0x%02x at offset %d, expected letters, digits, '-', '_' and '.' (IDNs as xn--…)", c, i)
		}
	}
	var label string
	for label = range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return wrong("found an empty label")
		case len(label) > maxLabelBytes:
			return wrong("found a label of %d bytes, expected at most %d", len(label), maxLabelBytes)
		}
	}
	if numeric(label) {
		return wrong("found a number as last label, expected a DNS name or an IPv4 address of four decimal parts")
	}
	return hostName{text: strings.ToLower(name)}, nil
}

// hostByte accepts the underscore because such names are in use, though no host name by RFC 952.
func hostByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// numeric tells a last label that makes the URL standard and inet_aton(3) read the whole name as IPv4,
// in decimal, octal or hexadecimal.
func numeric(label string) bool {
	digits := "0123456789"
	if len(label) > 1 && (label[:2] == "0x" || label[:2] == "0X") {
		label, digits = label[2:], "0123456789abcdefABCDEF"
	}
	return strings.Trim(label, digits) == ""
}
