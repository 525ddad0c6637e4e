package upstream

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/borderflow/borderflow/rules/document"
)

// refusedSpellings are ways to write addresses that are not public; each leads to the class, or to a parse
// error (noAddress), never to a connection.
const noAddress = classes

var refusedSpellings = map[Class][]string{
	Loopback: {
		"127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "127.255.255.254", "2130706433", "2130706433.", "0x7f000001",
		"0X7F000001", "0x7F.0x0.0x0.0x1", "0x7f.1", "0x7f.0.1", "0x7f.0.0x1", "017700000001", "0177.0.0.1", "0177.1",
		"0177.0.0.01", "00000177.0.0.1", "000000000000000000000000177.1", "0x00000000000000007f.1", "127.0x1", "127.00.0x0.1",
		"127.16777215", "0x7f.65535", "127.0.65535", "0177.0x0.0.1", "127.0.0.0x1", "127.0.0.01", "127.0.0.001", "127.000.000.001",
		"１２７.０.０.１", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "①②⑦.⓪.⓪.①", "𝟏𝟐𝟕.𝟎.𝟎.𝟏", "０ｘ７ｆ.1", "２１３０７０６４３３",
		"127.0.0.1。", "127\u00ad.0.0.1",
		"[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::0001]", "[::0.0.0.1]",
		"[::ffff:127.0.0.1]", "[::FFFF:7F00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::ffff:7f00:0001]", "[::127.0.0.1]",
		"[::7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:FF9B:0:0:0:0:7F00:1]", "[64:ff9b:1::127.0.0.1]",
		"[2002:7f00:1::]", "[2002:7f00:0001:0:0:0:0:1]", "[::ffff:0:127.0.0.1]", "[2001:0:7f00:1::f7f7:f7f7]",
		"[2001:0:808:808::80ff:fffe]",
		"localhost", "LOCALHOST.", "foo.localhost", "ｌｏｃａｌｈｏｓｔ",
	},
	Unspecified: {"0", "0.0.0.0", "0x0", "00", "0x", "0.0", "[::]", "[::0]", "[::ffff:0.0.0.0]", "[64:ff9b::]"},
	ThisNetwork: {"1", "0.0.0.1", "0x1", "[64:ff9b::1]"},
	Private: {
		"10.0.0.1", "10.1", "0xa.1", "012.0.0.1", "167772161", "0x0a000001", "[::ffff:10.0.0.1]", "[64:ff9b::10.0.0.1]",
		"192.168.0.1", "192.168.1", "3232235521", "0xc0a80001", "0300.0250.0.1", "0xc0.0xa8.0.1", "[::ffff:c0a8:1]", "[::c0a8:1]",
		"[2002:c0a8:1::]", "172.16.0.1", "172.1048577", "2886729729", "[::ffff:172.31.255.255]",
	},
	Metadata: {
		"169.254.169.254", "169.254.43518", "169.16689662", "2852039166", "0xa9fea9fe", "0xA9.0xFE.0xA9.0xFE",
		"0251.0376.0251.0376", "025177524776", "169.254.0xa9fe", "169。254。169。254", "169.254.169.254.", "①⑥⑨.②⑤④.①⑥⑨.②⑤④",
		"[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::169.254.169.254]", "[64:ff9b::169.254.169.254]",
		"[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "[64:ff9b:1:a9fe:a9:fe00::]", "[fd00:ec2::254]",
		"[FD00:0EC2:0:0:0:0:0:0254]", "100.100.100.200", "1684301000", "192.0.0.192", "168.63.129.16", "0xa83f8110",
	},
	LinkLocal:  {"169.254.0.1", "[fe80::1]", "[FEBF::1]"},
	CarrierNAT: {"100.64.0.1", "1681915905"},
	Multicast:  {"224.0.0.1", "[ff02::1]"},
	Broadcast:  {"255.255.255.255", "4294967295", "0xffffffff", "037777777777"},
	SiteLocal:  {"[fec0::1]"},
	noAddress: {
		"127.0.0.1.1", "256.0.0.1", "127.0.0.256", "4294967296", "0x100000000", "040000000000", "127..1", "127.0.0.1..",
		"0127.0.0.08", "[fe80::1%lo]", "[fe80::1%25lo]", "[::ffff:0x7f.1]", "[127.0.0.1]", "127.0.0.1%00", "%31%32%37.1",
		"127.0.0.1\x00", "127.0.0.1 ", "x.127", "a@127.0.0.1", "0x7g.1",
	},
}

func TestNoSpellingOfAnInnerAddressIsReached(t *testing.T) {
	count := 0
	resolver := newTestResolver(t, ResolverOptions{Servers: []string{"127.0.0.1:1"}})
	pinner := &Pinner{Resolver: resolver, Guard: mustGuard(t, GuardOptions{})}
	for want, spellings := range refusedSpellings {
		for _, spelling := range spellings {
			count++
			authority, err := ParseAuthority(spelling+":80", 0)
			if err != nil {
				if want != noAddress {
					t.Errorf("%q: %v; want the class %s", spelling, err, want)
				}
				continue
			}
			target, err := pinner.Resolve(t.Context(), authority)
			var prohibited *ProhibitedError
			if !errors.As(err, &prohibited) || prohibited.Class != want {
				t.Errorf("%q resolves to %v, %v; want it prohibited as %s", spelling, target.Address, err, want)
			}
			if _, err := (&Dialer{}).Dial(t.Context(), Target{Authority: authority, Address: netip.AddrPortFrom(authority.IP, 80)}); !errors.As(err, &prohibited) {
				t.Errorf("dialling %q: %v; want it prohibited", spelling, err)
			}
		}
	}
	if count < 80 {
		t.Errorf("the table has %d spellings, want at least 80", count)
	}
}

func mustGuard(t testing.TB, options GuardOptions) *Guard {
	t.Helper()
	guard, err := NewGuard(options)
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func TestExemptionsPermitWhatTheySayAndNoMore(t *testing.T) {
	guard := mustGuard(t, GuardOptions{
		Exempt: []Exemption{
			{Name: "by host", Hosts: []string{"Intranet.Example.", ".Corp.example"}},
			{Name: "by network", Networks: prefixes("10.20.0.0/16", "fd12::/16")},
			{Name: "by both", Hosts: []string{"db.example"}, Networks: prefixes("192.168.7.0/24")},
			{Name: "by port", Hosts: []string{"port.example"}, Ports: []uint16{8443, 9443}},
			{Name: "address as host", Hosts: []string{"0x0a.9"}},
			{Name: "metadata", Hosts: []string{"metadata.example"}, Networks: prefixes("169.254.169.254/32")},
			{Name: "all link-local", Networks: prefixes("169.254.0.0/16")},
			{Name: "translated", Networks: prefixes("64:ff9b::/96")},
		},
		Deny: Deny{Hosts: []string{"evil.example", ".evil.example", "bad.corp.example"}, Networks: prefixes("10.20.99.0/24", "203.0.114.0/24")},
	})
	for _, test := range []struct {
		host, addr string
		port       uint16
		want       string // exemption, or "-" when prohibited
	}{
		{"www.example", "93.184.216.34", 443, ""},
		{"www.example", "10.0.0.1", 443, "-"},
		{"intranet.example", "10.0.0.1", 443, "by host"},
		{"intranet.example", "127.0.0.1", 443, "by host"},
		{"intranet.example", "8.8.8.8", 443, ""},
		{"intranet.example", "169.254.169.254", 80, "-"},
		{"xintranet.example", "10.0.0.1", 443, "-"},
		{"x.intranet.example", "10.0.0.1", 443, "-"},
		{"corp.example", "10.0.0.1", 443, "-"},
		{"a.corp.example", "10.0.0.1", 443, "by host"},
		{"a.b.corp.example", "10.0.0.1", 443, "by host"},
		{"acorp.example", "10.0.0.1", 443, "-"},
		{"bad.corp.example", "10.0.0.1", 443, "-"},
		{"www.example", "10.20.3.4", 443, "by network"},
		{"www.example", "10.21.3.4", 443, "-"},
		{"www.example", "::ffff:10.20.3.4", 443, "by network"},
		{"www.example", "fd12::1%eth0", 443, "by network"},
		{"www.example", "10.20.99.4", 443, "-"},
		{"intranet.example", "10.20.99.4", 443, "-"},
		{"www.example", "64:ff9b::10.20.99.4", 443, "-"},
		{"www.example", "64:ff9b::10.20.3.4", 443, "translated"},
		{"www.example", "64:ff9b::169.254.169.254", 443, "-"},
		{"db.example", "192.168.7.9", 5432, "by both"},
		{"db.example", "192.168.8.9", 5432, "-"},
		{"www.example", "192.168.7.9", 5432, "-"},
		{"port.example", "10.0.0.1", 8443, "by port"},
		{"port.example", "10.0.0.1", 443, "-"},
		{"intranet.example", "0.0.0.0", 443, "-"},
		{"intranet.example", "::", 443, "-"},
		{"10.0.0.9", "10.0.0.9", 443, "address as host"},
		{"metadata.example", "169.254.169.254", 80, "metadata"},
		{"metadata.example", "169.254.170.2", 80, "-"},
		{"www.example", "169.254.1.1", 80, "all link-local"},
		{"www.example", "169.254.169.254", 80, "-"},
		{"a.corp.example", "168.63.129.16", 80, "-"},
		{"a.corp.example", "64:ff9b::168.63.129.16", 80, "-"},
		{"evil.example", "93.184.216.34", 443, "-"},
		{"x.evil.example", "93.184.216.34", 443, "-"},
		{"www.example", "203.0.114.9", 443, "-"},
		{"www.example", "64:ff9b::203.0.114.9", 443, "-"},
		{"www.example", "2002:cb00:7209::1", 443, "-"},
	} {
		name, err := guard.Check(test.host, netip.MustParseAddr(test.addr), test.port)
		var prohibited *ProhibitedError
		if err != nil && !errors.As(err, &prohibited) {
			t.Fatalf("Check returns %T, want a *ProhibitedError", err)
		}
		if err != nil {
			name = "-" + name
		}
		if name != test.want {
			t.Errorf("Check(%q, %s, %d) = %q, %v; want %q", test.host, test.addr, test.port, name, err, test.want)
		}
	}
}

func TestNilAndEmptyGuardsPermitPublicAddressesOnly(t *testing.T) {
	for name, guard := range map[string]*Guard{"nil": nil, "zero": {}, "no options": mustGuard(t, GuardOptions{})} {
		for addr, permitted := range map[string]bool{"8.8.8.8": true, "10.0.0.1": false, "::1": false} {
			if _, err := guard.Check("x.example", netip.MustParseAddr(addr), 80); (err == nil) != permitted {
				t.Errorf("%s: Check(%s) = %v", name, addr, err)
			}
		}
		if _, err := guard.Check("x.example", netip.Addr{}, 80); err == nil {
			t.Errorf("%s: no address is permitted", name)
		}
	}
}

func TestProxyNeverConnectsToItself(t *testing.T) {
	everything := []Exemption{{Name: "all", Networks: prefixes("0.0.0.0/0", "::/0")}}
	own := []netip.AddrPort{
		netip.MustParseAddrPort("127.0.0.1:3128"), netip.MustParseAddrPort("0.0.0.0:8080"), netip.MustParseAddrPort("93.184.216.34:9000"),
	}
	guard := mustGuard(t, GuardOptions{Exempt: everything, Own: own})
	guard.localAddrs = func() ([]net.Addr, error) {
		return []net.Addr{&net.IPNet{IP: net.ParseIP("10.0.0.5"), Mask: net.CIDRMask(8, 32)}, &net.IPNet{IP: net.ParseIP("fd00::5"), Mask: net.CIDRMask(64, 128)}}, nil
	}
	for address, refused := range map[string]bool{
		"127.0.0.1:3128": true, "127.0.0.1:3129": false, "127.0.0.2:3128": false, "0.0.0.0:3128": true, "[::]:3128": true,
		"[::ffff:127.0.0.1]:3128": true, "[64:ff9b::127.0.0.1]:3128": true, "127.0.0.7:8080": true, "[::1]:8080": true,
		"10.0.0.5:8080": true, "10.0.0.6:8080": false, "[fd00::5]:8080": true, "[fd00::6]:8080": false,
		"93.184.216.34:9000": true, "93.184.216.34:443": false, "[2002:5db8:d822::1]:9000": true, "[64:ff9b::a00:5]:8080": true,
	} {
		a := netip.MustParseAddrPort(address)
		_, err := guard.Check("x.example", a.Addr(), a.Port())
		var prohibited *ProhibitedError
		if got := errors.As(err, &prohibited) && prohibited.Cause == OwnAddress; got != refused {
			t.Errorf("Check(%s) = %v; refused as own: %v, want %v", address, err, got, refused)
		}
	}
	guard.localAddrs = func() ([]net.Addr, error) { return nil, errors.New("no netlink") }
	if _, err := guard.Check("x.example", netip.MustParseAddr("10.0.0.6"), 8080); err == nil {
		t.Error("an address on the port of a wildcard listener is permitted though the interfaces are not known")
	}
}

func TestEveryMistakeInTheGuardsConfigurationIsNamed(t *testing.T) {
	err := GuardOptions{
		Exempt: []Exemption{
			{Hosts: []string{"a.example"}},
			{Name: "twice", Hosts: []string{"a.example"}},
			{Name: "twice", Hosts: []string{"*.b.example", "b.example:443", ".10.0.0.1", ""}},
			{Name: "nothing"},
			{Name: "ports", Hosts: []string{"c.example"}, Ports: []uint16{0}},
			{Name: "networks", Networks: []netip.Prefix{{}, netip.MustParsePrefix("10.1.2.3/8"), netip.MustParsePrefix("::ffff:10.0.0.0/104")}},
		},
		Deny: Deny{Hosts: []string{"a b"}, Networks: prefixes("192.168.1.1/16")},
		Own:  []netip.AddrPort{{}},
	}.Validate()
	if err == nil {
		t.Fatal("the mistakes are accepted")
	}
	want := strings.Split(strings.TrimSpace(`
exempt[0] "": found no name, expected one for the record
exempt[2] "twice": found the name twice, expected unique names
exempt[2] "twice".hosts[0] "*.b.example": found a wildcard, expected ".b.example" for every name below it
exempt[2] "twice".hosts[1] "b.example:443": found a port or a malformed IPv6 address, expected a host or a suffix such as ".example.com"
exempt[2] "twice".hosts[2] ".10.0.0.1": found a dot before an address, expected a name or the address alone
exempt[2] "twice".hosts[3] "": found an empty host, expected a host or a suffix such as ".example.com"
exempt[3] "nothing": found neither hosts nor networks, expected at least one of them
exempt[4] "ports": found port 0, expected ports from 1 to 65535
exempt[5] "networks".networks[0]: found no network, expected e.g. 10.20.0.0/16
exempt[5] "networks".networks[1]: found 10.1.2.3/8 with bits beyond its length, expected 10.0.0.0/8
exempt[5] "networks".networks[2]: found IPv4-mapped ::ffff:10.0.0.0/104, expected the IPv4 network itself
deny.hosts[0] "a b": found ' ' in the host, expected a host or a suffix such as ".example.com"
deny.networks[0]: found 192.168.1.1/16 with bits beyond its length, expected 192.168.0.0/16
own listener without an address`), "\n")
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("mistakes (-want +got):\n%s", diff)
	}
}

func TestGuardOptionsAreReadFromYAML(t *testing.T) {
	var got GuardOptions
	problems := document.Decode("borderflow.yaml", []byte(`
exempt:
  - name: local origins
    hosts: [api.example.de, .test]
    networks: [127.0.0.0/8, "::1/128"]
    ports: [8443]
    reason: tests
deny:
  hosts: [evil.example]
  networks: [192.0.2.0/24]
`), &got)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := GuardOptions{
		Exempt: []Exemption{{"local origins", []string{"api.example.de", ".test"}, prefixes("127.0.0.0/8", "::1/128"), []uint16{8443}, "tests"}},
		Deny:   Deny{[]string{"evil.example"}, prefixes("192.0.2.0/24")},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
}

func TestProhibitedErrorsTellTheOperatorButNotTheClient(t *testing.T) {
	guard := mustGuard(t, GuardOptions{
		Deny: Deny{Hosts: []string{"evil.example"}, Networks: prefixes("93.184.216.0/24")}, Own: []netip.AddrPort{netip.MustParseAddrPort("192.168.9.9:3128")},
	})
	for _, test := range []struct{ host, addr, operator, errorType string }{
		{"a.example", "192.168.9.9", "192.168.9.9:3128", "proxy_loop_detected"},
		{"a.example", "192.168.9.8", "private", "destination_ip_prohibited"},
		{"a.example", "169.254.169.254", "metadata service needs an exemption", "destination_ip_prohibited"},
		{"a.example", "93.184.216.34", "deny.networks", "destination_ip_prohibited"},
		{"evil.example", "1.1.1.1", "deny.hosts", "http_request_denied"},
	} {
		_, err := guard.Check(test.host, netip.MustParseAddr(test.addr), 3128)
		if err == nil || !strings.Contains(err.Error(), test.operator) {
			t.Errorf("%s: the operator reads %v, want %q in it", test.addr, err, test.operator)
			continue
		}
		message := ClientMessage(err)
		if message == "" || strings.Contains(message, test.addr) || strings.Contains(message, "private") {
			t.Errorf("%s: the client reads %q", test.addr, message)
		}
		if name, status := ProxyErrorType(err); name != test.errorType || status != 403 {
			t.Errorf("%s: ProxyErrorType = %s, %d; want %s, 403", test.addr, name, status, test.errorType)
		}
	}
}

func BenchmarkGuardCheckPublic(b *testing.B) {
	guard := mustGuard(b, GuardOptions{
		Exempt: []Exemption{{Name: "x", Hosts: []string{".internal"}}}, Deny: Deny{Networks: prefixes("192.0.2.0/24")},
		Own: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:3128")},
	})
	addr := netip.MustParseAddr("93.184.216.34")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := guard.Check("api.example.com", addr, 443); err != nil {
			b.Fatal(err)
		}
	}
}
