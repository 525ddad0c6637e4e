package jurisdiction

import (
	"encoding/csv"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/borderflow/borderflow/rules/flow"
)

func newResolver(t testing.TB, options Options) *Resolver {
	t.Helper()
	if options.Now == nil { // the embedded tables are dated, and age
		options.Now = func() time.Time { return time.Date(2026, 6, 20, 0, 0, 0, 0, time.UTC) }
	}
	resolver, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return resolver
}

// unstated stands in testdata/destinations.csv where no public source settles a column.
const unstated = "*"

// destination is one row of testdata/destinations.csv: public facts about a host or address.
type destination struct {
	query, country, cloud, region, operator, home, anycast, note, source string
}

// table reads the rows of a file in testdata, without its heading.
func table(t testing.TB, name string) [][]string {
	t.Helper()
	file, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

func destinations(t testing.TB) []destination {
	t.Helper()
	var all []destination
	for _, r := range table(t, "destinations.csv") {
		all = append(all, destination{r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8]})
	}
	return all
}

func TestWellKnownDestinationsStandWherePublicSourcesSay(t *testing.T) {
	all := destinations(t)
	if len(all) < 320 {
		t.Fatalf("%d destinations, want at least 320", len(all))
	}
	// The address data is of June 2026, and becomes less certain with age.
	now := func() time.Time { return time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC) }
	resolver, seen := newResolver(t, Options{Now: now}), map[string]bool{}
	for _, want := range all {
		t.Run(want.query, func(t *testing.T) {
			if seen[want.query] || !strings.HasPrefix(want.source, "https://") {
				t.Errorf("the row stands twice, or its source %q is no public one", want.source)
			}
			seen[want.query] = true
			location, state := resolver.Locate(want.query, netip.Addr{})
			for column, pair := range map[string][2]string{
				"country": {location.Country, want.country}, "cloud": {location.Cloud, want.cloud}, "region": {location.Region, want.region},
				"operator": {location.Operator, want.operator}, "operator's home": {location.OperatorHome, want.home},
				"anycast": {map[bool]string{true: "yes", false: "no"}[location.Anycast], want.anycast},
			} {
				if pair[1] != unstated && pair[0] != pair[1] {
					t.Errorf("%s %q, want %q (%s, %s)", column, pair[0], pair[1], want.note, want.source)
				}
			}
			if known := state == flow.Known; known != (want.country != "") || state == flow.Unavailable || known != (location.Confidence > 0) {
				t.Errorf("state %v with country %q and confidence %v", state, location.Country, location.Confidence)
			}
			if t.Failed() {
				t.Logf("claims %+v", location.Jurisdictions)
			}
		})
	}
}

// TestWhatTheTablesDoNotCoverIsUnknownAndNeverWrong reads testdata/uncharted.csv: facts about providers
// whose host names the tables need not know.
func TestWhatTheTablesDoNotCoverIsUnknownAndNeverWrong(t *testing.T) {
	resolver := newResolver(t, Options{})
	for _, row := range table(t, "uncharted.csv") {
		if location, _ := resolver.Locate(row[0], netip.Addr{}); location.Country != "" && location.Country != row[1] {
			t.Errorf("%s: country %q, it is %q (%s, %s)", row[0], location.Country, row[1], row[2], row[3])
		}
	}
}

func TestEveryHostNameRuleMatchesItsExample(t *testing.T) {
	regions, err := newCloudRegions()
	if err != nil {
		t.Fatal(err)
	}
	err = eachRow(hostnameRulesCSV, "hostname-rules.csv", 7, func(row []string) error {
		suffix, example := row[1], row[5]
		said := regions.statements(nil, query{host: example})
		if len(said) != 1 || !strings.HasSuffix(said[0].claim.Detail, "below "+suffix) {
			t.Errorf("%s: %+v, want one statement of the rule for %s", example, said, suffix)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOperatorsHomeIsKnownWithoutAPlace(t *testing.T) {
	resolver := newResolver(t, Options{})
	for _, test := range []struct{ host, operator, home string }{
		{"api.openai.com", "OpenAI", "US"},
		{"api.mistral.ai", "Mistral AI", "FR"},
		{"dashscope-intl.aliyuncs.com", "Alibaba Cloud (Singapore)", "SG"},
		{"dashscope.aliyuncs.com", "Alibaba Cloud", "CN"},
		{"s3.amazonaws.com", "Amazon Web Services", "US"},
		{"iam.amazonaws.com.cn", "Sinnet and NWCD (AWS China)", "CN"},
		{"1.1.1.1", "Cloudflare", "US"},
		{"193.0.6.139", "", "NL"}, // the network's registrant has a country, but no name
		{"localhost", "", ""},
	} {
		location, _ := resolver.Locate(test.host, netip.Addr{})
		if location.Operator != test.operator || location.OperatorHome != test.home {
			t.Errorf("%s: operator %q of %q, want %q of %q", test.host, location.Operator, location.OperatorHome, test.operator, test.home)
		}
	}
}

func TestRegistrantOfTheNetworkIsNotTheHomeOfANamedOperator(t *testing.T) {
	resolver := newResolver(t, Options{})
	// Leased space: the registrant of the network is Dutch, the operator of the name is not.
	location, _ := resolver.Locate("api.openai.com", netip.MustParseAddr("193.0.6.139"))
	if location.OperatorHome != "US" || location.Country != "NL" {
		t.Errorf("home %q, place %q, want US and NL", location.OperatorHome, location.Country)
	}
	for _, claim := range location.Jurisdictions {
		if claim.Source == "registrant" {
			t.Errorf("the registrant passes for a place: %+v", claim)
		}
	}
}

func TestDomainHintsAreVisibleAndNeverDecide(t *testing.T) {
	resolver := newResolver(t, Options{MinimumConfidence: 0.01})
	for host, want := range map[string]string{
		"www.example.de": "DE", "www.example.co.uk": "GB", "example.xn--p1ai": "RU", "example.xn--j6w193g": "HK",
		"example.tw": "TW", "example.mo": "MO", "example.hk": "HK", "example.cn": "CN",
		"example.io": "", "example.ai": "", "example.ac": "", "example.eu": "", "example.su": "", "example.com": "", "de": "",
	} {
		location, state := resolver.Locate(host, netip.Addr{})
		if location.Country != "" || state != flow.Absent {
			t.Errorf("%s: a domain decided: %q", host, location.Country)
		}
		got := ""
		for _, claim := range location.Jurisdictions {
			if claim.Confidence != confidenceDomain {
				t.Errorf("%s: claim %+v", host, claim)
			}
			got = claim.Country
		}
		if got != want {
			t.Errorf("%s: hint %q, want %q", host, got, want)
		}
	}
}
