package jurisdiction

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/idna"

	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/jurisdiction/rangetable"
)

func TestExplanationHasTheStableJSONForm(t *testing.T) {
	resolver := newResolver(t, Options{
		Catalogue:       []Entry{{Match: "shop.example", Countries: []string{"DE"}, Operator: "Shop GmbH", OperatorHome: "DE", ParentHome: "US", Document: "DPA 7"}},
		DisableEmbedded: true,
	})
	encoded, err := json.Marshal(resolver.Explain("shop.example", netip.MustParseAddr("198.51.100.1")))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"query":"shop.example","address":"198.51.100.1","state":"known","country":"DE","confidence":0.99,` +
		`"possible":["DE"],"reach":["DE","US"],"jurisdictions":[{"country":"DE","source":"catalogue","confidence":0.99,"detail":"host shop.example, document DPA 7"}],` +
		`"operator":"Shop GmbH","operator_home":"DE","parent_home":"US","cloud":"","region":"","anycast":false,"stale":false,"conflicts":[],"reason":"declared in the catalogue","statements":[` +
		`{"source":"catalogue","about":"place","country":"DE","detail":"host shop.example, document DPA 7"},` +
		`{"source":"catalogue","about":"operator","country":"DE","operator":"Shop GmbH","detail":"host shop.example, document DPA 7"}],` +
		`"data_version":"` + resolver.Version() + `"}`
	if diff := cmp.Diff(want, string(encoded)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	encoded, err = json.Marshal(resolver.Explain("", netip.Addr{}))
	if err != nil || !strings.Contains(string(encoded), `"possible":[],"reach":[],"jurisdictions":[],"operator":"","operator_home":"","parent_home":""`) {
		t.Errorf("empty lists are not lists: %s, %v", encoded, err)
	}
}

func TestExplanationInWordsTellsResultAndReason(t *testing.T) {
	resolver := newResolver(t, Options{Now: soonAfter})
	for destination, want := range map[string][]string{
		"s3.eu-central-1.amazonaws.com":  {"s3.eu-central-1.amazonaws.com: DE Germany, confidence 0.95", "because   the host name names the cloud region", "operator  Amazon Web Services (US)", "cloud     aws eu-central-1", "reach     DE US"},
		"s3.eusc-de-east-1.amazonaws.eu": {"operator  AWS European Sovereign Cloud (DE) owned from US", "reach     DE US"},
		"1.1.1.1":                        {"1.1.1.1: no country (absent)", "because   no place can be concluded: Cloudflare announces 1.1.1.0/24 from many places", "claim     AU 0.00  embedded", "anycast   served from many places"},
		"193.0.6.139":                    {"193.0.6.139: NL Netherlands, confidence 0.55", "operator  (NL)", ", of 2026-06-17"},
		"www.example.de":                 {"because   only a country-code domain is known, which never decides"},
		"example.io":                     {"said      cctld        none     -  .io: sold worldwide"},
	} {
		var text bytes.Buffer
		if err := resolver.Explain(destination, netip.Addr{}).WriteText(&text); err != nil {
			t.Fatal(err)
		}
		for _, line := range want {
			if !strings.Contains(text.String(), line) {
				t.Errorf("%s: no %q in\n%s", destination, line, &text)
			}
		}
	}
}

func TestExplainAndLocateAgree(t *testing.T) {
	resolver := newResolver(t, Options{})
	for _, host := range []string{"s3.eu-west-1.amazonaws.com", "1.1.1.1", "193.0.6.139", "www.example.de", "localhost", ""} {
		location, _ := resolver.Locate(host, netip.Addr{})
		explained := resolver.Explain(host, netip.Addr{})
		if location.Country != explained.Country || len(location.Jurisdictions) != len(explained.Jurisdictions) || location.DataVersion != explained.DataVersion {
			t.Errorf("%s: located %+v, explained %+v", host, location, explained)
		}
	}
}

// brokenSource fails for every address, as a database does whose memory went bad.
type brokenSource struct{}

func (brokenSource) version() string { return "" }
func (brokenSource) statements(to []statement, q query) []statement {
	return append(to, statement{kind: failed, claim: flow.Claim{Source: "database", Detail: "could not be asked"}})
}

func TestFailedDatabaseMakesThePlaceUnavailable(t *testing.T) {
	resolver := newResolver(t, Options{})
	resolver.fixed = append(resolver.fixed, brokenSource{})
	resolver.install(nil, nil)
	location, state := resolver.Locate("", netip.MustParseAddr("193.0.6.139"))
	if state != flow.Unavailable || location.Country != "" || len(location.Jurisdictions) != 2 {
		t.Errorf("%v %+v", state, location)
	}
	if explained := resolver.Explain("", netip.MustParseAddr("193.0.6.139")); explained.State != "unavailable" || explained.Statements[0].About != "failure" {
		t.Errorf("%+v", explained)
	}
	if _, state := resolver.Locate("s3.eu-west-1.amazonaws.com", netip.MustParseAddr("193.0.6.139")); state != flow.Known {
		t.Errorf("a region in the host name is stronger: %v", state)
	}
}

func TestCacheIsBoundedAndForgetsWhatIsNotAskedFor(t *testing.T) {
	c := newCache(10)
	now := time.Now()
	kept := cacheKey{host: "kept"}
	c.put(kept, &cached{state: flow.Known})
	for i := range 1000 {
		c.put(cacheKey{host: strconv.Itoa(i)}, &cached{})
		if _, ok := c.get(kept, nil, now); !ok {
			t.Fatalf("what is asked for all the time is forgotten after %d", i)
		}
		if size := len(c.young) + len(c.old); size > 20 {
			t.Fatalf("%d entries", size)
		}
	}
	if _, ok := c.get(cacheKey{host: "1"}, nil, now); ok {
		t.Error("an old entry is still there")
	}
	c.put(cacheKey{host: strings.Repeat("x", 254)}, &cached{})
	if _, ok := c.get(cacheKey{host: strings.Repeat("x", 254)}, nil, now); ok {
		t.Error("an overlong name is kept")
	}
}

func TestVersionFitsARecord(t *testing.T) {
	if got := joinVersions([]string{"a@2026-06-01#12345678", "b@2026-06-01#12345678"}); got != "a@2026-06-01#12345678 b@2026-06-01#12345678" {
		t.Errorf("short list: %q", got)
	}
	long := joinVersions([]string{strings.Repeat("x", 100), strings.Repeat("y", 100)})
	if other := joinVersions([]string{strings.Repeat("x", 100), strings.Repeat("z", 100)}); len(long) > maxVersion || long == other {
		t.Errorf("long lists: %q and %q", long, other)
	}
}

func TestEmbeddedDataIsSmallDatedAndAttributed(t *testing.T) {
	if size := len(placeTable) + len(operatorTable); size > 2<<20 {
		t.Errorf("%d bytes embedded, at most 2 MiB", size)
	}
	attributions, err := Attributions()
	if err != nil {
		t.Fatal(err)
	}
	for _, attribution := range attributions {
		if attribution.Published.Year() < 2026 || len(attribution.Text) < 10_000 || attribution.Notice == "" || attribution.Source == "" {
			t.Errorf("incomplete: %+v", attribution)
		}
	}
	if len(attributions) != 2 || attributions[0].License != "CC-BY-4.0" || !strings.Contains(attributions[0].Notice, "nro.net") {
		t.Errorf("%d attributions", len(attributions))
	}
}

func TestEveryRowOfTheTablesNamesItsSource(t *testing.T) {
	for name, table := range map[string]struct {
		text    string
		columns int
	}{
		"cloud-regions.csv": {cloudRegionsCSV, 6}, "hostname-rules.csv": {hostnameRulesCSV, 7}, "operators.csv": {operatorsCSV, 7},
		"anycast.csv": {anycastCSV, 4}, "cctld.csv": {countryDomainsCSV, 5},
	} {
		err := eachRow(table.text, name, table.columns, func(row []string) error {
			if source := row[len(row)-1]; len(source) < 10 || strings.Contains(source, "general knowledge") {
				t.Errorf("%s: %q has no source", name, row[0])
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestInternationalDomainsAreTheALabelsOfTheirNames(t *testing.T) {
	err := eachRow(countryDomainsCSV, "cctld.csv", 5, func(row []string) error {
		if row[2] != "idn" {
			return nil
		}
		if got, err := idna.ToASCII(row[3]); err != nil || got != row[0] {
			t.Errorf("%s is %s, not %s (%v)", row[3], got, row[0], err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestCountryTableIsISO(t *testing.T) {
	if len(countryTable) != 249 {
		t.Errorf("%d countries, ISO 3166-1 has 249", len(countryTable))
	}
	for i, row := range countryTable {
		if i > 0 && countryTable[i-1].code >= row.code || !ValidCountry(row.code) || CountryName(row.code) != row.name {
			t.Errorf("%s is out of order", row.code)
		}
	}
	for _, code := range []string{"HK", "MO", "TW", "GB", "AX", "SX"} {
		if !ValidCountry(code) {
			t.Errorf("%s is missing", code)
		}
	}
	for _, code := range []string{"", "D", "de", "UK", "EU", "XK", "AP", "ZZ", "DEU", "AN"} {
		if ValidCountry(code) {
			t.Errorf("%q passes", code)
		}
	}
	for _, alias := range countryAliases {
		if !ValidCountry(alias) {
			t.Errorf("alias for %q", alias)
		}
	}
}

func FuzzLocate(f *testing.F) {
	for _, host := range []string{"s3.eu-central-1.amazonaws.com", "europe-west1-a-b.cloudfunctions.net", "x.io", "..", ".", "a..amazonaws.com", "1.1.1.1", "fe80::1%x", "::ffff:1.1.1.1", "-.-", strings.Repeat("a.", 500)} {
		f.Add(host, "d111.cloudfront.net "+host+" lb.eu-west-1.elb.amazonaws.com", []byte{193, 0, 6, 139})
	}
	resolver := newResolver(f, Options{Catalogue: []Entry{{Match: ".example", Countries: []string{"DE"}}}})
	f.Fuzz(func(t *testing.T, host, chain string, bytes []byte) {
		address, _ := netip.AddrFromSlice(bytes)
		location, state := resolver.LocateVia(host, strings.Fields(chain), address)
		if !slices.IsSorted(location.Possible) || !slices.IsSorted(location.Reach) || location.Country != "" && !slices.Contains(location.Reach, location.Country) {
			t.Errorf("possible %q, reach %q, country %q", location.Possible, location.Reach, location.Country)
		}
		if (state == flow.Known) != (location.Country != "") || location.Country != "" && !ValidCountry(location.Country) {
			t.Errorf("%v %+v", state, location)
		}
		if location.Confidence < 0 || location.Confidence > 1 || state == flow.Pending {
			t.Errorf("%v %+v", state, location)
		}
		again, _ := resolver.LocateVia(host, strings.Fields(chain), address)
		if again.Country != location.Country {
			t.Errorf("%q, then %q from the cache", location.Country, again.Country)
		}
	})
}

func BenchmarkLocateCached(b *testing.B) {
	resolver := newResolver(b, Options{})
	address := netip.MustParseAddr("3.120.0.1")
	b.ReportAllocs()
	for b.Loop() {
		resolver.Locate("bucket.s3.eu-central-1.amazonaws.com", address)
	}
}

func BenchmarkLocateUncached(b *testing.B) {
	path := writeDatabase(b, "own.mmdb", countryDatabase(map[string]string{"3.120.0.0/14": "DE"}))
	resolver := newResolver(b, Options{Databases: []string{path}})
	current, now := resolver.current.Load(), time.Now()
	for name, destination := range map[string]struct{ host, address string }{
		"region": {"bucket.s3.eu-central-1.amazonaws.com", "3.120.0.1"}, "conflict": {"bucket.s3.eu-west-1.amazonaws.com", "3.120.0.1"},
		"plain": {"shop.customer.example.de", "193.0.6.139"}, "ipv6": {"", "2a00:1450:4001:800::200e"},
	} {
		address := netip.MustParseAddr(destination.address)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				resolver.locate(current, newQuery(destination.host, nil, address, now))
			}
		})
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		if _, err := rangetable.Decode(placeTable); err != nil {
			b.Fatal(err)
		}
		if _, err := rangetable.Decode(operatorTable); err != nil {
			b.Fatal(err)
		}
		newResolver(b, Options{})
	}
}
