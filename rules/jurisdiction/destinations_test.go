package jurisdiction

import (
	"encoding/csv"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules/flow"
)

func newResolver(t testing.TB, options Options) *Resolver {
	t.Helper()
	resolver, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return resolver
}

// TestWellKnownDestinationsStandWherePublicSourcesSay reads testdata/destinations.csv: public
// facts, each with its source.
func TestWellKnownDestinationsStandWherePublicSourcesSay(t *testing.T) {
	file, err := os.Open("testdata/destinations.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 121 {
		t.Fatalf("%d destinations, want at least 120", len(rows)-1)
	}
	resolver := newResolver(t, Options{})
	for _, row := range rows[1:] {
		destination, want, decidedBy := row[0], row[1], row[2]
		t.Run(destination, func(t *testing.T) {
			location, state := resolver.Locate(destination, netip.Addr{})
			if location.Country != want {
				t.Errorf("country %q, want %q (%s); claims %+v", location.Country, want, row[3], location.Jurisdictions)
			}
			if known := state == flow.Known; known != (want != "") || state == flow.Unavailable {
				t.Errorf("state %v with country %q", state, location.Country)
			}
			if want == "" && location.Confidence != 0 {
				t.Errorf("confidence %v without a country", location.Confidence)
			}
			if want != "" && (len(location.Jurisdictions) == 0 || location.Jurisdictions[0].Source != decidedBy) {
				t.Errorf("claims %+v, want %s strongest", location.Jurisdictions, decidedBy)
			}
		})
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
