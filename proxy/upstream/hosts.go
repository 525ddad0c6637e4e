package upstream

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Hosts is the static table of the configuration: names, or suffixes that begin with a dot, to addresses.
//
//	hosts:
//	  api.example.com: 127.0.0.1:8443
//	  .internal.example: [10.0.0.7, "2001:db8::7"]
type Hosts map[string]HostAddresses

// HostAddresses are addresses that a name stands for, in the order of preference. One with a port ("address:port",
// IPv6 in brackets) is dialled on that port whatever port was asked for.
type HostAddresses []string

// UnmarshalText reads a single address, which need not be written as a list.
func (h *HostAddresses) UnmarshalText(text []byte) error {
	*h = HostAddresses{string(text)}
	return nil
}

// Validate reports every mistake in the table.
func (h Hosts) Validate() error {
	_, err := newHostTable(h)
	return err
}

// hostTable answers for names without asking a name server. It is immutable.
type hostTable struct {
	exact    map[string][]netip.AddrPort // port 0: the port that was asked for
	suffixes map[string][]netip.AddrPort // keys begin with a dot
}

func newHostTable(hosts Hosts) (*hostTable, error) {
	t := &hostTable{exact: map[string][]netip.AddrPort{}, suffixes: map[string][]netip.AddrPort{}}
	var mistakes []error
	for _, name := range sortedKeys(hosts) {
		pattern, err := parseHostPattern(name)
		if err == nil && pattern.isAddress {
			err = errors.New("found an address, expected a name")
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("hosts: %q: %w", name, err))
			continue
		}
		table := t.exact
		if pattern.suffix {
			table = t.suffixes
		}
		if table[pattern.text] != nil {
			mistakes = append(mistakes, fmt.Errorf("hosts: %q: is there twice, in two spellings", name))
			continue
		}
		if len(hosts[name]) == 0 {
			mistakes = append(mistakes, fmt.Errorf("hosts: %q: found no address, expected at least one", name))
		}
		for _, text := range hosts[name] {
			address, err := parseHostAddress(text)
			if err != nil {
				mistakes = append(mistakes, fmt.Errorf("hosts: %q: %w", name, err))
				continue
			}
			table[pattern.text] = append(table[pattern.text], address)
		}
	}
	return t, errors.Join(mistakes...)
}

func sortedKeys(hosts Hosts) []string {
	names := make([]string, 0, len(hosts))
	for name := range hosts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func parseHostAddress(text string) (netip.AddrPort, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return netip.AddrPortFrom(addr.Unmap(), 0), nil
	}
	address, err := netip.ParseAddrPort(text)
	if err != nil || address.Addr().Zone() != "" || address.Port() == 0 {
		return netip.AddrPort{}, fmt.Errorf("found %q, expected an address or address:port without a zone", text)
	}
	return netip.AddrPortFrom(address.Addr().Unmap(), address.Port()), nil
}

// lookup returns the addresses of a canonical name: an exact entry, else the longest suffix.
func (t *hostTable) lookup(host string) ([]netip.AddrPort, bool) {
	if addresses, ok := t.exact[host]; ok {
		return addresses, true
	}
	if len(t.suffixes) == 0 {
		return nil, false
	}
	for i := 0; i < len(host); i++ {
		if host[i] != '.' {
			continue
		}
		if addresses, ok := t.suffixes[host[i:]]; ok {
			return addresses, true
		}
	}
	return nil, false
}

// hostPattern is a canonical host, or a suffix with its leading dot. ".example.com" matches every name below
// example.com and not example.com itself.
type hostPattern struct {
	text      string
	suffix    bool
	isAddress bool
}

func parseHostPattern(s string) (hostPattern, error) {
	if rest, ok := strings.CutPrefix(s, "*."); ok {
		return hostPattern{}, fmt.Errorf("found a wildcard, expected %q for every name below it", "."+rest)
	}
	name, suffix := strings.CutPrefix(s, ".")
	host, ip, err := ParseHost(name)
	switch {
	case err != nil:
		var mistake *AuthorityError
		if errors.As(err, &mistake) {
			return hostPattern{}, fmt.Errorf("found %s, expected a host or a suffix such as \".example.com\"", mistake.Found)
		}
		return hostPattern{}, err
	case suffix && ip.IsValid():
		return hostPattern{}, errors.New("found a dot before an address, expected a name or the address alone")
	case suffix:
		host = "." + host
	}
	return hostPattern{text: host, suffix: suffix, isAddress: ip.IsValid()}, nil
}

// matches compares with a canonical host.
func (p hostPattern) matches(host string) bool {
	if p.suffix {
		return len(host) > len(p.text) && strings.HasSuffix(host, p.text)
	}
	return host == p.text
}
