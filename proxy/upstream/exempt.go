package upstream

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// Exemption permits destinations that are refused by default because their address is not public.
//
// With Hosts alone it permits any such address, except metadata services, for these hosts; with Networks
// alone, these networks for any host; with both, both must match. A metadata service is permitted only by a
// network of that one address (/32 or /128). The unspecified addresses 0.0.0.0 and :: are not permitted by
// any: systems connect them to whatever listens on this machine, so they evade what is said of loopback.
type Exemption struct {
	Name     string         `yaml:"name"`     // unique; stands in the record of each flow that needed it
	Hosts    []string       `yaml:"hosts"`    // "host", "address", or ".suffix" for every name below it
	Networks []netip.Prefix `yaml:"networks"` // e.g. 10.20.0.0/16
	Ports    []uint16       `yaml:"ports"`    // ports that are dialled; empty: every port
	Reason   string         `yaml:"reason"`   // why, for those who review it
}

// Deny refuses destinations whatever exemption there is, public ones too. Hosts are compared with the name
// asked for and with the aliases (CNAME) that its answer passes through.
type Deny struct {
	Hosts    []string       `yaml:"hosts"`
	Networks []netip.Prefix `yaml:"networks"`
}

// GuardOptions is what a Guard is built from.
type GuardOptions struct {
	Exempt []Exemption `yaml:"exempt"`
	Deny   Deny        `yaml:"deny"`
	// Own are the addresses that the proxy itself listens on. They are refused always, as a proxy that
	// calls itself runs out of connections; an unspecified address stands for every local one.
	Own []netip.AddrPort `yaml:"-"`
}

// Validate reports every mistake in the options.
func (o GuardOptions) Validate() error {
	_, err := NewGuard(o)
	return err
}

// Guard decides which addresses may be connected to. It is immutable and safe for concurrent use. A nil
// Guard permits public addresses and nothing else.
type Guard struct {
	exemptions   []exemption
	denyHosts    []hostPattern
	denyNetworks []netip.Prefix
	own          []netip.AddrPort
	localAddrs   func() ([]net.Addr, error)
}

type exemption struct {
	name     string
	hosts    []hostPattern
	networks []netip.Prefix
	ports    []uint16
}

// NewGuard builds a Guard; its error names every mistake in the options, each on a line.
func NewGuard(options GuardOptions) (*Guard, error) {
	g := &Guard{localAddrs: net.InterfaceAddrs}
	var mistakes []error
	names := map[string]bool{}
	for i, e := range options.Exempt {
		at := fmt.Sprintf("exempt[%d] %q", i, e.Name)
		if e.Name == "" {
			mistakes = append(mistakes, fmt.Errorf("%s: found no name, expected one for the record", at))
		} else if names[e.Name] {
			mistakes = append(mistakes, fmt.Errorf("%s: found the name twice, expected unique names", at))
		}
		names[e.Name] = true
		if len(e.Hosts) == 0 && len(e.Networks) == 0 {
			mistakes = append(mistakes, fmt.Errorf("%s: found neither hosts nor networks, expected at least one of them", at))
		}
		if slices.Contains(e.Ports, 0) {
			mistakes = append(mistakes, fmt.Errorf("%s: found port 0, expected ports from 1 to 65535", at))
		}
		hosts, hostMistakes := parseHostPatterns(at+".hosts", e.Hosts)
		networks, networkMistakes := checkNetworks(at+".networks", e.Networks)
		mistakes = append(append(mistakes, hostMistakes...), networkMistakes...)
		g.exemptions = append(g.exemptions, exemption{e.Name, hosts, networks, slices.Clone(e.Ports)})
	}
	var hostMistakes, networkMistakes []error
	g.denyHosts, hostMistakes = parseHostPatterns("deny.hosts", options.Deny.Hosts)
	g.denyNetworks, networkMistakes = checkNetworks("deny.networks", options.Deny.Networks)
	mistakes = append(append(mistakes, hostMistakes...), networkMistakes...)
	for _, own := range options.Own {
		if !own.IsValid() {
			mistakes = append(mistakes, errors.New("own listener without an address"))
			continue
		}
		g.own = append(g.own, netip.AddrPortFrom(plain(own.Addr()), own.Port()))
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	return g, nil
}

func parseHostPatterns(at string, texts []string) (patterns []hostPattern, mistakes []error) {
	for i, text := range texts {
		pattern, err := parseHostPattern(text)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s[%d] %q: %w", at, i, text, err))
			continue
		}
		patterns = append(patterns, pattern)
	}
	return patterns, mistakes
}

func checkNetworks(at string, networks []netip.Prefix) (checked []netip.Prefix, mistakes []error) {
	for i, network := range networks {
		switch {
		case !network.IsValid():
			mistakes = append(mistakes, fmt.Errorf("%s[%d]: found no network, expected e.g. 10.20.0.0/16", at, i))
		case network.Addr().Is4In6():
			mistakes = append(mistakes, fmt.Errorf("%s[%d]: found IPv4-mapped %s, expected the IPv4 network itself", at, i, network))
		case network != network.Masked():
			mistakes = append(mistakes, fmt.Errorf("%s[%d]: found %s with bits beyond its length, expected %s", at, i, network, network.Masked()))
		default:
			checked = append(checked, network)
		}
	}
	return checked, mistakes
}

// Cause is why a destination is prohibited.
type Cause uint8

const (
	NotPublic  Cause = iota // its address is not public and no exemption permits it
	DeniedHost              // deny.hosts
	DeniedAddr              // deny.networks
	OwnAddress              // the proxy listens there
)

// ProhibitedError says that a destination may not be connected to. Its text is for operators: it holds the
// address, which may tell an outsider about a private network. Clients get ClientMessage.
type ProhibitedError struct {
	Host    string         // canonical host that was asked for
	Address netip.AddrPort // zero when the host was refused before it was resolved
	Class   Class          // of Address
	Cause   Cause
}

func (e *ProhibitedError) Error() string {
	switch e.Cause {
	case DeniedHost:
		return fmt.Sprintf("destination %q is refused by deny.hosts", e.Host)
	case DeniedAddr:
		return fmt.Sprintf("destination %q at %s is refused by deny.networks", e.Host, e.Address)
	case OwnAddress:
		return fmt.Sprintf("destination %q at %s is this proxy itself", e.Host, e.Address)
	}
	text := fmt.Sprintf("destination %q at %s is refused: the address is %s and no exemption permits it", e.Host, e.Address, e.Class)
	if e.Class == Metadata {
		text += " (a metadata service needs an exemption with a network of this one address)"
	}
	return text
}

// CheckHost refuses a canonical host that is denied by name. It is asked before a name is resolved, so that
// no query is made for a denied one.
func (g *Guard) CheckHost(host string) error {
	if g != nil && slices.ContainsFunc(g.denyHosts, func(p hostPattern) bool { return p.matches(host) }) {
		return &ProhibitedError{Host: host, Cause: DeniedHost}
	}
	return nil
}

// Check decides whether host (canonical) may be reached at addr and port, the address and port that are
// dialled. It returns the name of the exemption that permits an address that is not public, "" if none was
// needed, or a *ProhibitedError.
func (g *Guard) Check(host string, addr netip.Addr, port uint16) (exemptionName string, err error) {
	addr = plain(addr)
	class := Classify(addr)
	prohibited := func(cause Cause) error {
		return &ProhibitedError{Host: host, Address: netip.AddrPortFrom(addr, port), Class: class, Cause: cause}
	}
	if g == nil {
		if class == Public {
			return "", nil
		}
		return "", prohibited(NotPublic)
	}
	if err := g.CheckHost(host); err != nil {
		return "", err
	}
	if g.isOwn(addr, port) {
		return "", prohibited(OwnAddress)
	}
	if g.isDenied(addr) {
		return "", prohibited(DeniedAddr)
	}
	if class == Public {
		return "", nil
	}
	if addr.IsValid() {
		for i := range g.exemptions {
			if g.exemptions[i].permits(host, addr, port, class) {
				return g.exemptions[i].name, nil
			}
		}
	}
	return "", prohibited(NotPublic)
}

func (e *exemption) permits(host string, addr netip.Addr, port uint16, class Class) bool {
	if class == Unspecified {
		return false
	}
	if len(e.ports) > 0 && !slices.Contains(e.ports, port) {
		return false
	}
	if len(e.hosts) > 0 && !slices.ContainsFunc(e.hosts, func(p hostPattern) bool { return p.matches(host) }) {
		return false
	}
	if len(e.networks) == 0 {
		return class != Metadata
	}
	return slices.ContainsFunc(e.networks, func(network netip.Prefix) bool {
		return network.Contains(addr) && (class != Metadata || network.IsSingleIP())
	})
}

// forms returns addr and the IPv4 addresses inside it, so that a translator is no way around a refusal; unused
// elements are zero.
func forms(addr netip.Addr) (all [5]netip.Addr) {
	all[0] = addr
	if addr.Is6() {
		inner, _ := embeddedIPv4(addr)
		copy(all[1:], inner[:])
	}
	return all
}

func (g *Guard) isDenied(addr netip.Addr) bool {
	if len(g.denyNetworks) == 0 {
		return false
	}
	for _, form := range forms(addr) {
		for _, network := range g.denyNetworks {
			if network.Contains(form) {
				return true
			}
		}
	}
	return false
}

// isOwn tells whether a connection to addr and port would arrive at one of the proxy's listeners. A connection
// to an unspecified address arrives at this machine.
func (g *Guard) isOwn(addr netip.Addr, port uint16) bool {
	for _, own := range g.own {
		if own.Port() != port {
			continue
		}
		for _, form := range forms(addr) {
			if form.IsValid() && (form == own.Addr() || form.IsUnspecified() || own.Addr().IsUnspecified() && g.isLocal(form)) {
				return true
			}
		}
	}
	return false
}

// isLocal tells whether addr belongs to this machine. The interfaces are read each time, as addresses come
// and go; it is only asked when the port is one of our own.
func (g *Guard) isLocal(addr netip.Addr) bool {
	if addr.IsLoopback() {
		return true
	}
	addrs, err := g.localAddrs()
	if err != nil {
		return true
	}
	return slices.ContainsFunc(addrs, func(a net.Addr) bool {
		network, ok := a.(*net.IPNet)
		if !ok {
			return false
		}
		local, ok := netip.AddrFromSlice(network.IP)
		return ok && plain(local) == addr
	})
}
