package jurisdiction

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/flow"
)

func TestMostSpecificCatalogueEntryCounts(t *testing.T) {
	resolver := newResolver(t, Options{Catalogue: []Entry{
		{Match: ".example.de", Countries: []string{"DE"}, Operator: "Example GmbH", OperatorHome: "DE"},
		{Match: "*.eu.example.de", Countries: []string{"FR"}},
		{Match: "us.example.de", Countries: []string{"US"}},
		{Match: "Münster.Example.", Countries: []string{"CH"}},
		{Match: "192.0.2.0/24", Countries: []string{"SE"}},
		{Match: "192.0.2.7", Countries: []string{"NO"}},
		{Match: "2001:db8::/32", Countries: []string{"FI"}},
		{Match: "api.openai.com", OperatorHome: "IE"},
		{Match: "api.mistral.ai", Operator: "A reseller"},
		{Match: "operator.example", Operator: "Somebody", OperatorHome: "JP"},
	}})
	for _, test := range []struct{ host, address, country, operator string }{
		{"example.de", "", "", ""},
		{"a.example.de", "", "DE", "Example GmbH"},
		{"a.b.example.de", "", "DE", "Example GmbH"},
		{"us.example.de", "", "US", ""},
		{"x.us.example.de", "", "DE", "Example GmbH"},
		{"eu.example.de", "", "DE", "Example GmbH"},
		{"x.eu.example.de", "", "FR", ""},
		{"badexample.de", "", "", ""},
		{"xn--mnster-3ya.example", "", "CH", ""},
		{"", "192.0.2.1", "SE", ""},
		{"192.0.2.1", "", "SE", ""},
		{"", "192.0.2.7", "NO", ""},
		{"unlisted.example", "192.0.2.7", "NO", ""},
		{"", "2001:db8::1", "FI", ""},
		{"operator.example", "", "", "Somebody"},
	} {
		var address netip.Addr
		if test.address != "" {
			address = netip.MustParseAddr(test.address)
		}
		location, _ := resolver.Locate(test.host, address)
		if location.Country != test.country || location.Operator != test.operator {
			t.Errorf("%s %s: %q by %q, want %q by %q", test.host, test.address, location.Country, location.Operator, test.country, test.operator)
		}
	}
	for host, want := range map[string]string{
		"api.openai.com": "OpenAI of IE", "api.mistral.ai": "A reseller of ", "operator.example": "Somebody of JP", "x.eu.example.de": " of NL",
	} {
		location, _ := resolver.Locate(host, netip.MustParseAddr("193.0.6.139"))
		if got := location.Operator + " of " + location.OperatorHome; got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
	location, state := resolver.Locate("a.example.de", netip.MustParseAddr("192.0.2.1"))
	if location.Country != "" || state != flow.Absent || len(location.Conflicts) != 1 {
		t.Errorf("name and address are declared differently: %+v", location)
	}
}

func TestEntryExpiresWhileTheResolverRuns(t *testing.T) {
	now := time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
	resolver := newResolver(t, Options{
		Catalogue: []Entry{
			{Match: "shop.example", Countries: []string{"DE"}, ValidUntil: "2026-12-31", Document: "DPA 7"},
			{Match: ".example", Countries: []string{"US"}},
		},
		Now: func() time.Time { return now },
	})
	for range 2 { // the second time from the cache
		if location, _ := resolver.Locate("shop.example", netip.Addr{}); location.Country != "DE" {
			t.Fatalf("on the last day: %q", location.Country)
		}
	}
	now = now.Add(time.Second)
	location, state := resolver.Locate("shop.example", netip.Addr{})
	if location.Country != "" || state != flow.Absent {
		t.Errorf("after the last day: %q, %v; a wider entry must not take over", location.Country, state)
	}
	explanation := resolver.Explain("shop.example", netip.Addr{})
	if len(explanation.Statements) != 1 || explanation.Statements[0].Detail != "expired: host shop.example, document DPA 7, valid until 2026-12-31" {
		t.Errorf("statements %+v", explanation.Statements)
	}
}

func TestSeveralDeclaredCountriesLeaveTheOneCountryOpen(t *testing.T) {
	resolver := newResolver(t, Options{Catalogue: []Entry{{Match: "shop.example", Countries: []string{"DE", "US"}}}})
	location, state := resolver.Locate("shop.example", netip.MustParseAddr("193.0.6.139"))
	if location.Country != "" || state != flow.Absent || len(location.Jurisdictions) != 3 {
		t.Errorf("%v %+v", state, location)
	}
}

func TestEveryMistakeInTheCatalogueIsNamedAtOnce(t *testing.T) {
	got := ValidateCatalogue([]Entry{
		{Match: "a.example", Countries: []string{"UK", "de", "Germany", "EU", "QQ", "ED", "DE", "DE"}},
		{Match: "", Countries: []string{"DE"}},
		{Match: "b.example"},
		{Match: "a..example", Countries: []string{"DE"}},
		{Match: "api.*.example", Countries: []string{"DE"}},
		{Match: "https://c.example/x", Countries: []string{"DE"}},
		{Match: "c.example:443", Countries: []string{"DE"}},
		{Match: "10.0.0.1/8", Countries: []string{"DE"}},
		{Match: "10.0.0.0/99", Countries: []string{"DE"}},
		{Match: "fe80::1%eth0", Countries: []string{"DE"}},
		{Match: "A.EXAMPLE.", Countries: []string{"DE"}},
		{Match: "*.d.example", Countries: []string{"DE"}, OperatorHome: "England", ValidUntil: "31.12.2026"},
		{Match: ".d.example", Countries: []string{"DE"}, Document: strings.Repeat("x", 201)},
		{Match: "::ffff:10.0.0.0/104", Countries: []string{"DE"}},
	})
	want := []string{
		`catalogue[0].countries[0]: "UK" is not an ISO 3166-1 alpha-2 code (did you mean "GB", United Kingdom?)`,
		`catalogue[0].countries[1]: "de" is not an ISO 3166-1 alpha-2 code (did you mean "DE", Germany?)`,
		`catalogue[0].countries[2]: "Germany" is not an ISO 3166-1 alpha-2 code (did you mean "DE", Germany?)`,
		`catalogue[0].countries[3]: "EU" is a group, not a country; list the countries of processing`,
		`catalogue[0].countries[4]: "QQ" is not an ISO 3166-1 alpha-2 code`,
		`catalogue[0].countries[5]: "ED" is not an ISO 3166-1 alpha-2 code (did you mean "DE", Germany?)`,
		`catalogue[0].countries[7]: "DE" is listed twice`,
		`catalogue[1].match: missing; expected a host name, ".suffix", address or network`,
		`catalogue[2].countries: missing; an entry names a country, an operator, an operatorHome or a parentHome`,
		`catalogue[3].match: "a..example": empty label between two dots`,
		`catalogue[4].match: "api.*.example": "*" may stand only for everything below a name, as in "*.example.de"`,
		`catalogue[5].match: "https://c.example/x" is a URL; expected the host name alone`,
		`catalogue[6].match: "c.example:443": a port or a malformed address; expected the host name alone`,
		`catalogue[7].match: "10.0.0.1/8" has bits set behind its prefix (did you mean "10.0.0.0/8"?)`,
		`catalogue[8].match: "10.0.0.0/99" is not a network such as 192.0.2.0/24`,
		`catalogue[9].match: "fe80::1%eth0": an address with a zone names a different host on every machine`,
		`catalogue[10].match: "A.EXAMPLE." is already declared by catalogue[0]`,
		`catalogue[11].operatorHome: "England" is not an ISO 3166-1 alpha-2 code (did you mean "GB", United Kingdom?)`,
		`catalogue[11].validUntil: "31.12.2026" is not a day such as 2026-12-31 or an RFC 3339 time`,
		`catalogue[12].document: 201 bytes long, at most 200 fit into a record`,
		`catalogue[12].match: ".d.example" is already declared by catalogue[11]`,
		`catalogue[13].match: "::ffff:10.0.0.0/104" is IPv4 written as IPv6; write the IPv4 network`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got)\n%s", diff)
	}
	if _, err := New(Options{Catalogue: []Entry{{Match: "a.example"}}, MinimumConfidence: 1.5}); err == nil ||
		!strings.Contains(err.Error(), "minimum confidence 1.5") || !strings.Contains(err.Error(), "catalogue[0].countries") {
		t.Errorf("New: %v, want both mistakes", err)
	}
}

func FuzzMatch(f *testing.F) {
	for _, seed := range []string{"example.de", ".example.de", "*.example.de", "10.0.0.0/8", "::1", "münchen.example", "*", ".", "a..b", "x:1", "*.*.a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, match string) {
		entry := Entry{Match: match, Countries: []string{"DE"}}
		if len(entry.Validate()) > 0 {
			return
		}
		c := newCatalogue([]Entry{entry})
		parsed, _ := parsePattern(match)
		q := query{host: parsed.host}
		if parsed.below {
			q.host = "x." + parsed.host
		}
		if parsed.network.IsValid() {
			q = query{dialled: parsed.network.Addr()}
		}
		if said := c.statements(nil, q); len(said) != 1 || said[0].claim.Country != "DE" {
			t.Errorf("%q is valid, but does not match its own destination: %+v", match, said)
		}
	})
}
