package upstream

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Limits of RFC 1035 §2.3.4 in text form: 253 bytes for a name without its trailing dot, 63 for a label.
const (
	maxHostLength  = 253
	maxLabelLength = 63
	// maxAuthorityLength bounds work on hostile input. A name of 253 A-label bytes cannot be
	// longer than this as UTF-8.
	maxAuthorityLength = 2048
)

// Authority is a host and port in canonical form. Two authorities that reach the same origin by the same
// kind of host compare equal with ==.
type Authority struct {
	// Host is a name in lower-case A-labels without a trailing dot, or an address as netip.Addr
	// prints it (IPv6 without brackets, IPv4-mapped IPv6 as IPv4).
	Host string
	Port uint16     // 1 to 65535
	IP   netip.Addr // Host as an address; the zero Addr when Host is a name
}

// String returns the form that ParseAuthority accepts and that HTTP uses: host:port, IPv6 in brackets.
func (a Authority) String() string {
	if a.IP.Is6() {
		return "[" + a.Host + "]:" + strconv.Itoa(int(a.Port))
	}
	return a.Host + ":" + strconv.Itoa(int(a.Port))
}

// AuthorityError reports a destination that cannot be understood. Its text quotes what the client sent,
// shortened, and may go back to that client.
type AuthorityError struct {
	Input    string // as received, at most 80 bytes of it
	Found    string // e.g. "port 65536"
	Expected string // e.g. "a port from 1 to 65535"
}

func (e *AuthorityError) Error() string {
	return fmt.Sprintf("destination %q: found %s, expected %s", e.Input, e.Found, e.Expected)
}

func authorityError(input, found, expected string) *AuthorityError {
	const shown = 80
	if len(input) > shown {
		input = input[:shown]
	}
	return &AuthorityError{Input: input, Found: found, Expected: expected}
}

// ParseAuthority parses the host:port of a CONNECT target, a Host header, an absolute URI or :authority.
// A missing or empty port becomes defaultPort; with defaultPort 0 it is an error, as RFC 9110 §9.3.6 wants
// for CONNECT. User information, IPv6 zones, percent-encoding and control bytes are refused. Errors are
// *AuthorityError. A canonical authority parses to itself, without allocating when the host is a name.
func ParseAuthority(s string, defaultPort uint16) (Authority, error) {
	a, err := parseAuthority(s, defaultPort)
	if err != nil {
		return Authority{}, withoutSecrets(s, err)
	}
	return a, nil
}

func parseAuthority(s string, defaultPort uint16) (Authority, error) {
	if len(s) > maxAuthorityLength {
		return Authority{}, authorityError(s, strconv.Itoa(len(s))+" bytes", "host:port")
	}
	host, port, hasPort, err := splitPort(s)
	if err != nil {
		return Authority{}, err
	}
	a := Authority{Port: defaultPort}
	if hasPort && port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || len(port) > 5 {
			return Authority{}, authorityError(s, fmt.Sprintf("port %.20q", port), "a port from 1 to 65535")
		}
		a.Port = uint16(n)
	}
	if a.Port == 0 {
		return Authority{}, authorityError(s, "no port", "host:port")
	}
	if a.Host, a.IP, err = parseHost(s, host); err != nil {
		return Authority{}, err
	}
	return a, nil
}

// ParseHost brings a host without a port to canonical form, under the rules of ParseAuthority. It is for
// server names of TLS handshakes and for hosts in configuration, so IPv6 may come without brackets.
func ParseHost(s string) (host string, ip netip.Addr, err error) {
	switch {
	case len(s) > maxAuthorityLength:
		err = authorityError(s, strconv.Itoa(len(s))+" bytes", "a host")
	case strings.IndexByte(s, ':') >= 0 && !strings.HasPrefix(s, "["):
		if host, ip, err = parseIPv6(s, s); err != nil && strings.IndexByte(s, '%') < 0 {
			err = authorityError(s, "a port or a malformed IPv6 address", "a host alone")
		}
	default:
		host, ip, err = parseHost(s, s)
	}
	if err != nil {
		return "", netip.Addr{}, withoutSecrets(s, err)
	}
	return host, ip, nil
}

// withoutSecrets replaces the error for an input that may hold a password or a token, because errors are
// logged: neither what stands before "@" nor a path or query is repeated.
func withoutSecrets(s string, err error) error {
	const expected = "only a host and a port"
	if strings.IndexByte(s, '@') >= 0 {
		return authorityError("", `user information before "@"`, expected)
	}
	if i := strings.IndexAny(s, `/\?#`); i >= 0 {
		return authorityError(s[:i], fmt.Sprintf("%q after the host", s[i]), expected)
	}
	return err
}

// splitPort separates host and port; host keeps the brackets of an IPv6 address.
func splitPort(s string) (host, port string, hasPort bool, err error) {
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", "", false, authorityError(s, `"[" without "]"`, "an IPv6 address in brackets")
		}
		host, rest := s[:end+1], s[end+1:]
		if rest == "" {
			return host, "", false, nil
		}
		if rest[0] != ':' {
			return "", "", false, authorityError(s, fmt.Sprintf("%.20q after \"]\"", rest), `":" and a port`)
		}
		return host, rest[1:], true, nil
	}
	host, port, hasPort = strings.Cut(s, ":")
	if strings.IndexByte(port, ':') >= 0 {
		return "", "", false, authorityError(s, `more than one ":"`, "host:port, with IPv6 addresses in brackets")
	}
	return host, port, hasPort, nil
}

// parseHost canonicalises host, a part of input, which errors quote.
func parseHost(input, host string) (string, netip.Addr, error) {
	if strings.HasPrefix(host, "[") {
		if !strings.HasSuffix(host, "]") {
			return "", netip.Addr{}, authorityError(input, `"[" without "]" at the end`, "an IPv6 address in brackets")
		}
		return parseIPv6(input, host[1:len(host)-1])
	}
	name, err := mapToASCII(input, host)
	if err != nil {
		return "", netip.Addr{}, err
	}
	name = strings.TrimSuffix(name, ".")
	if err := checkLabels(input, name); err != nil {
		return "", netip.Addr{}, err
	}
	if !endsInNumber(name) {
		return name, netip.Addr{}, nil
	}
	ip, ok := parseIPv4(name)
	if !ok {
		return "", netip.Addr{}, authorityError(input, "a host that ends in a number and is no IPv4 address", "a name or an IPv4 address")
	}
	if canonical := ip.String(); canonical != name {
		name = canonical
	}
	return name, ip, nil
}

func parseIPv6(input, s string) (string, netip.Addr, error) {
	if strings.IndexByte(s, '%') >= 0 {
		return "", netip.Addr{}, authorityError(input, "an IPv6 zone", "an IPv6 address without a zone")
	}
	ip, err := netip.ParseAddr(s)
	if err != nil || !ip.Is6() {
		return "", netip.Addr{}, authorityError(input, "no IPv6 address in brackets", "e.g. [2001:db8::1]")
	}
	ip = ip.Unmap()
	return ip.String(), ip, nil
}

// lookupProfile is UTS #46 non-transitional processing as the WHATWG URL standard's "domain to ASCII" uses
// it (CheckHyphens and UseSTD3ASCIIRules off: real names have "r3---sn" and "_dmarc" labels). Its output is
// checked for the bytes a host name may have, because mapping can produce others, such as "/" from U+FF0F.
var lookupProfile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false),
	idna.StrictDomainName(false), idna.CheckHyphens(false))

// mapToASCII returns host in lower-case A-labels; only bytes that a host name may have are left in it.
func mapToASCII(input, host string) (string, error) {
	simple, upper, needsIDNA := true, false, false
	for i := 0; i < len(host); i++ {
		switch c := host[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		case 'A' <= c && c <= 'Z':
			upper = true
		case c >= 0x80:
			needsIDNA = true
		default:
			simple = false
		}
	}
	if !simple {
		return "", badByte(input, host)
	}
	if upper && !needsIDNA {
		host = strings.ToLower(host)
	}
	if !needsIDNA && !strings.Contains(host, "xn--") {
		return host, nil
	}
	mapped, err := lookupProfile.ToASCII(host)
	if err != nil || !utf8.ValidString(host) { // idna takes invalid bytes for U+FFFD
		return "", authorityError(input, "an international name that IDNA does not permit", "a name valid under UTS #46")
	}
	for i := 0; i < len(mapped); i++ {
		if !isHostByte(mapped[i]) {
			return "", badByte(input, mapped)
		}
	}
	return mapped, nil
}

func isHostByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_'
}

// badByte names the first byte of host that no host name has.
func badByte(input, host string) error {
	const expected = "letters, digits, hyphens, underscores and dots"
	for i := 0; i < len(host); i++ {
		c := host[i]
		if isHostByte(c) || 'A' <= c && c <= 'Z' || c >= 0x80 {
			continue
		}
		if c == '%' {
			return authorityError(input, "percent-encoding", expected)
		}
		return authorityError(input, fmt.Sprintf("%q in the host", c), expected)
	}
	return authorityError(input, "an invalid byte in the host", expected)
}

func checkLabels(input, name string) error {
	if name == "" {
		return authorityError(input, "an empty host", "host:port")
	}
	if len(name) > maxHostLength {
		return authorityError(input, fmt.Sprintf("a host of %d bytes", len(name)), "at most 253")
	}
	start := 0
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '.' {
			continue
		}
		switch length := i - start; {
		case length == 0:
			return authorityError(input, "an empty label", "labels of 1 to 63 bytes between dots")
		case length > maxLabelLength:
			return authorityError(input, fmt.Sprintf("a label of %d bytes", length), "labels of 1 to 63 bytes between dots")
		}
		start = i + 1
	}
	return nil
}

// endsInNumber tells whether a host must be an IPv4 address, by the WHATWG URL standard's "ends in a number
// checker": resolvers of the C library take such hosts for addresses.
func endsInNumber(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if strings.Trim(last, "0123456789") == "" {
		return true
	}
	_, ok := parseIPv4Number(last)
	return ok
}

// parseIPv4 reads the spellings that inet_aton(3) reads: one to four decimal, octal or hexadecimal numbers,
// of which the last fills the bytes that are left (WHATWG URL standard, "IPv4 parser").
func parseIPv4(name string) (netip.Addr, bool) {
	var value uint64
	for part := 0; ; part++ {
		text, rest, more := strings.Cut(name, ".")
		n, ok := parseIPv4Number(text)
		if !ok || part > 3 {
			return netip.Addr{}, false
		}
		if more {
			if n > 255 {
				return netip.Addr{}, false
			}
			value = value<<8 | n
			name = rest
			continue
		}
		bits := 8 * (4 - part)
		if n >= 1<<bits {
			return netip.Addr{}, false
		}
		v := uint32(value<<bits | n)
		return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), true
	}
}

// parseIPv4Number reads one part: 0x is hexadecimal (and alone means 0), a leading 0 octal. Values beyond
// 32 bits are cut to 2^32, which parseIPv4 refuses.
func parseIPv4Number(s string) (uint64, bool) {
	base := uint64(10)
	switch {
	case s == "":
		return 0, false
	case len(s) >= 2 && s[0] == '0' && s[1] == 'x':
		s, base = s[2:], 16
	case len(s) >= 2 && s[0] == '0':
		s, base = s[1:], 8
	}
	var n uint64
	for i := 0; i < len(s); i++ {
		digit := uint64(99)
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			digit = uint64(c - '0')
		case 'a' <= c && c <= 'f':
			digit = uint64(c-'a') + 10
		}
		if digit >= base {
			return 0, false
		}
		n = min(n*base+digit, 1<<32)
	}
	return n, true
}
