package upstream

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAuthorityHasOneCanonicalForm(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	longest := strings.Join([]string{label63, label63, label63, strings.Repeat("b", 61)}, ".")
	for _, test := range []struct{ input, want string }{
		{"example.com:443", "example.com:443"},
		{"EXAMPLE.Com:443", "example.com:443"},
		{"example.com.:443", "example.com:443"},
		{"example.com", "example.com:8080"},
		{"example.com:", "example.com:8080"},
		{"example.com:00443", "example.com:443"},
		{"_dmarc.my_host.example:1", "_dmarc.my_host.example:1"},
		{"r3---sn-apo3qvuoxuxbt-j5pe.example:443", "r3---sn-apo3qvuoxuxbt-j5pe.example:443"},
		{"localhost:65535", "localhost:65535"},
		{"bücher.example:443", "xn--bcher-kva.example:443"},
		{"BÜCHER.example:443", "xn--bcher-kva.example:443"},
		{"XN--BCHER-KVA.example:443", "xn--bcher-kva.example:443"},
		{"faß.example:443", "xn--fa-hia.example:443"}, // non-transitional: not fass.example
		{"中国。例子:443", "xn--fiqs8s.xn--fsqu00a:443"},
		{"ｅｘａｍｐｌｅ．ｃｏｍ:443", "example.com:443"},
		{"exa\u00admple.com:443", "example.com:443"},
		{"１２７．０．０．１:443", "127.0.0.1:443"},
		{"127｡0。0．1:443", "127.0.0.1:443"},
		{"①②⑦.0.0.1:443", "127.0.0.1:443"},
		{"0x7F.1:443", "127.0.0.1:443"},
		{"8.8.8.8.:443", "8.8.8.8:443"},
		{"1.2.3.foo:443", "1.2.3.foo:443"},
		{"0xfoo:443", "0xfoo:443"},
		{"[2001:DB8:0:0:0:0:0:1]:443", "[2001:db8::1]:443"},
		{"[::ffff:8.8.8.8]:443", "8.8.8.8:443"},
		{"[::FFFF:0808:0808]:443", "8.8.8.8:443"},
		{"[2001:db8::1]", "[2001:db8::1]:8080"},
		{longest + ":443", longest + ":443"},
		{longest + ".:443", longest + ":443"},
	} {
		got, err := ParseAuthority(test.input, 8080)
		if err != nil {
			t.Errorf("ParseAuthority(%q): %v", test.input, err)
			continue
		}
		if diff := cmp.Diff(test.want, got.String()); diff != "" {
			t.Errorf("ParseAuthority(%q) (-want +got):\n%s", test.input, diff)
		}
		again, err := ParseAuthority(got.String(), 0)
		if err != nil || again != got {
			t.Errorf("ParseAuthority(%q) = %+v, %v; want itself", got, again, err)
		}
	}
}

func TestMalformedConnectTargetsAreRefused(t *testing.T) {
	for _, test := range []struct{ input, found string }{
		{"", "no port"},
		{"example.com", "no port"},
		{"example.com:", "no port"},
		{"[2001:db8::1]", "no port"},
		{"[2001:db8::1]:", "no port"},
		{"example.com:0", `port "0"`},
		{"example.com:65536", `port "65536"`},
		{"example.com:99999999999999999999", `port "99999999999999999999"`},
		{"example.com:000443", `port "000443"`},
		{"example.com:+443", `port "+443"`},
		{"example.com:-1", `port "-1"`},
		{"example.com:0x1bb", `port "0x1bb"`},
		{"example.com:４４３", `port "４４３"`},
		{"example.com: 443", `port " 443"`},
		{"example.com:443 ", `port "443 "`},
		{"example.com:https", `port "https"`},
		{"example.com:443:443", `more than one ":"`},
		{":443", "an empty host"},
		{".:443", "an empty host"},
		{"\u00ad:443", "an empty host"},
		{"..:443", "an empty label"},
		{".example.com:443", "an empty label"},
		{"example..com:443", "an empty label"},
		{"example.com..:443", "an empty label"},
		{"a.\u00ad.com:443", "an empty label"},
		{"user@example.com:443", `user information before "@"`},
		{"user:hunter2@example.com:443", `user information before "@"`},
		{"example.com:443/path", `'/' after the host`},
		{"example.com/path:443", `'/' after the host`},
		{"example.com?q:443", `'?' after the host`},
		{"example.com#f:443", `'#' after the host`},
		{`example.com\:443`, `'\\' after the host`},
		{"http://example.com:443", `'/' after the host`},
		{"exam ple.com:443", `' ' in the host`},
		{" example.com:443", `' ' in the host`},
		{"example.com\x00:443", `'\x00' in the host`},
		{"example.com\r\n:443", `'\r' in the host`},
		{"example\t.com:443", `'\t' in the host`},
		{"example\x7f.com:443", `'\x7f' in the host`},
		{"*.example.com:443", `'*' in the host`},
		{"exa,mple.com:443", `',' in the host`},
		{"example.com%00:443", "percent-encoding"},
		{"%31%32%37.0.0.1:443", "percent-encoding"},
		{"example.com％00:443", "percent-encoding"},  // U+FF05 maps to "%"
		{"example.com／x:443", `'/' in the host`},    // U+FF0F maps to "/"
		{"example.com：80:443", `':' in the host`},   // U+FF1A maps to ":"
		{"user＠example.com:443", `'@' in the host`}, // U+FF20 maps to "@"
		{"[2001:db8::1:443", `"[" without "]"`},
		{"[2001:db8::1]443", `"443" after "]"`},
		{"[2001:db8::1]x:443", `"x:443" after "]"`},
		{"[[2001:db8::1]]:443", `"]:443" after "]"`},
		{"[]:443", "no IPv6 address in brackets"},
		{"[::g]:443", "no IPv6 address in brackets"},
		{"[127.0.0.1]:443", "no IPv6 address in brackets"},
		{"[example.com]:443", "no IPv6 address in brackets"},
		{"[::0x7f.0.0.1]:443", "no IPv6 address in brackets"},
		{"[::ffff:127.1]:443", "no IPv6 address in brackets"},
		{"[v1.x]:443", "no IPv6 address in brackets"},
		{"[fe80::1%eth0]:443", "an IPv6 zone"},
		{"[fe80::1%25eth0]:443", "an IPv6 zone"},
		{"2001:db8::1:443", `more than one ":"`},
		{"::1:443", `more than one ":"`},
		{"exam]ple.com:443", `']' in the host`},
		{"x[::1]:443", `more than one ":"`},
		{strings.Repeat("a", 64) + ".com:443", "a label of 64 bytes"},
		{strings.Repeat("a.", 126) + "aa:443", "a host of 254 bytes"},
		{strings.Repeat("a", 3000) + ":443", "3004 bytes"},
		{"xn--a:443", "an international name that IDNA does not permit"},
		{"xn--ascii-.example:443", "an international name that IDNA does not permit"},
		{"\xff\xfe.example:443", "an international name that IDNA does not permit"},
		{"\ufffd.example:443", "an international name that IDNA does not permit"},
		{"xn--zn7c.example:443", "an international name that IDNA does not permit"}, // U+FFFD
		{"a\u200d.example:443", "an international name that IDNA does not permit"},
		{"1.2.3.4.5:443", "a host that ends in a number and is no IPv4 address"},
		{"256.1.1.1:443", "a host that ends in a number and is no IPv4 address"},
		{"1.1.1.256:443", "a host that ends in a number and is no IPv4 address"},
		{"1.1.65536:443", "a host that ends in a number and is no IPv4 address"},
		{"4294967296:443", "a host that ends in a number and is no IPv4 address"},
		{"99999999999999999999999999:443", "a host that ends in a number and is no IPv4 address"},
		{"0400.0.0.1:443", "a host that ends in a number and is no IPv4 address"},
		{"08.0.0.1:443", "a host that ends in a number and is no IPv4 address"},
		{"127.0.0.08:443", "a host that ends in a number and is no IPv4 address"},
		{"foo.1:443", "a host that ends in a number and is no IPv4 address"},
		{"foo.0x:443", "a host that ends in a number and is no IPv4 address"},
		{"foo.0x7f:443", "a host that ends in a number and is no IPv4 address"},
		{"-1.0.0.1:443", "a host that ends in a number and is no IPv4 address"},
	} {
		got, err := ParseAuthority(test.input, 0)
		var mistake *AuthorityError
		if !errors.As(err, &mistake) {
			t.Errorf("ParseAuthority(%q) = %v, %v; want an *AuthorityError", test.input, got, err)
			continue
		}
		if mistake.Found != test.found || mistake.Expected == "" {
			t.Errorf("ParseAuthority(%q): found %s, expected %s; want found %s", test.input, mistake.Found, mistake.Expected, test.found)
		}
	}
}

func TestErrorsRepeatNoSecretsOfTheTarget(t *testing.T) {
	for _, input := range []string{
		"user:hunter2@example.com:443", "hunter2@[::1]:443", "example.com:443/?token=hunter2", "example.com/hunter2",
		"example.com#hunter2", "http://u:hunter2@h/", "exam ple.com/hunter2",
	} {
		if _, err := ParseAuthority(input, 80); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("ParseAuthority(%q): %v; want an error without the secret", input, err)
		}
	}
	if _, err := ParseAuthority(strings.Repeat("é", 1500), 80); err == nil || len(err.Error()) > 400 {
		t.Errorf("the error for a long host is %v; want a short one", err)
	}
}

func TestParseHostTakesBareIPv6(t *testing.T) {
	for _, test := range []struct {
		input, host string
		ip          netip.Addr
	}{
		{"Example.COM.", "example.com", netip.Addr{}},
		{"::1", "::1", netip.IPv6Loopback()},
		{"[::1]", "::1", netip.IPv6Loopback()},
		{"::ffff:10.0.0.1", "10.0.0.1", netip.MustParseAddr("10.0.0.1")},
		{"0x0a000001", "10.0.0.1", netip.MustParseAddr("10.0.0.1")},
	} {
		host, ip, err := ParseHost(test.input)
		if host != test.host || ip != test.ip || err != nil {
			t.Errorf("ParseHost(%q) = %q, %v, %v; want %q, %v", test.input, host, ip, err, test.host, test.ip)
		}
	}
	for _, input := range []string{"", "example.com:443", "fe80::1%eth0", "[::1", "[::1]:80", "a b"} {
		if host, _, err := ParseHost(input); err == nil {
			t.Errorf("ParseHost(%q) = %q; want an error", input, host)
		}
	}
}

func TestCanonicalAuthorityParsesWithoutAllocating(t *testing.T) {
	allocations := testing.AllocsPerRun(100, func() {
		if _, err := ParseAuthority("api.eu-central-1.example.com:443", 0); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("parsing a canonical name makes %v allocations, want none", allocations)
	}
}

func FuzzParseAuthority(f *testing.F) {
	for _, seed := range []string{
		"example.com:443", "[::1]:443", "[::ffff:127.0.0.1]:1", "0x7f.1:80", "017700000001:80", "１２７。０．０｡１:80",
		"bücher.example.:443", "xn--bcher-kva.example:443", "u@h:1", "a%00:1", "[fe80::1%25e]:1", "a..b:1", "_a.b:65535",
		"xn--a:1", "\u00ad.a:1", "foo.0x:1", "faß.de:443", "a\u200db.de:1", "İ.example:1", "K.example:1", "1.2.3.4.:1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		a, err := ParseAuthority(input, 0)
		if err != nil {
			if !cmp.Equal(a, Authority{}, cmpopts.EquateComparable(netip.Addr{})) {
				t.Fatalf("an error comes with the authority %+v", a)
			}
			return
		}
		again, err := ParseAuthority(a.String(), 0)
		if err != nil || again != a {
			t.Fatalf("%q is parsed as %+v, which is parsed as %+v, %v", input, a, again, err)
		}
		if a.Port == 0 || a.Host == "" || len(a.Host) > maxHostLength {
			t.Fatalf("%q is parsed as %+v", input, a)
		}
		if a.IP.IsValid() && (a.IP.String() != a.Host || a.IP.Is4In6() || a.IP.Zone() != "") {
			t.Fatalf("%q is parsed as the address %+v", input, a)
		}
		for i := 0; i < len(a.Host); i++ {
			if !isHostByte(a.Host[i]) && !(a.IP.Is6() && a.Host[i] == ':') {
				t.Fatalf("%q is parsed as the host %q", input, a.Host)
			}
		}
		if _, err := netip.ParseAddr(a.Host); err == nil && !a.IP.IsValid() {
			t.Fatalf("%q is parsed as the name %q, which is an address", input, a.Host)
		}
	})
}

func BenchmarkParseAuthority(b *testing.B) {
	for _, input := range []string{"api.example.com:443", "API.Example.com:443", "127.0.0.1:443", "[2001:db8::1]:443", "bücher.example:443"} {
		b.Run(input, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseAuthority(input, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
