package jurisdiction

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/flow"
)

func says(kind kind, country string, confidence float64, family string) statement {
	return statement{kind: kind, family: family, claim: flow.Claim{
		Country: country, Confidence: confidence, Source: family, Detail: family + " data",
	}}
}

func TestCombinationFollowsTheDocumentedOrder(t *testing.T) {
	catalogue := func(country string) statement { return says(declared, country, confidenceDeclared, sourceCatalogue) }
	region := func(country string) statement { return says(named, country, confidenceRegion, "cloud-region") }
	loose := func(country string) statement { return says(named, country, confidenceLooseRegion, "cloud-region") }
	first := func(country string) statement { return says(measured, country, confidenceAlone, "first") }
	second := func(country string) statement { return says(measured, country, confidenceAlone, "second") }
	registered := func(country string) statement {
		s := says(measured, country, confidenceRegistrant, "registered")
		s.registration = true
		return s
	}
	domain := says(hinted, "DE", confidenceDomain, "cctld")
	anycast := statement{kind: spread, claim: flow.Claim{Source: "anycast", Detail: "everywhere"}}
	failure := statement{kind: failed, claim: flow.Claim{Source: "database", Detail: "could not be asked"}}
	elsewhere := statement{kind: declared, claim: flow.Claim{Country: "FR", Confidence: confidenceDeclared, Source: sourceCatalogue, Detail: "network"}}

	for name, test := range map[string]struct {
		statements []statement
		minimum    float64
		country    string
		confidence float64
		state      flow.State
		conflicts  int
	}{
		"nothing":                                {nil, 0.5, "", 0, flow.Absent, 0},
		"domain alone":                           {[]statement{domain}, 0.1, "", 0, flow.Absent, 0},
		"declared beats all":                     {[]statement{catalogue("DE"), region("US"), first("FR")}, 0.5, "DE", 0.99, flow.Known, 2},
		"region beats address":                   {[]statement{region("DE"), first("US")}, 0.5, "DE", 0.95, flow.Known, 1},
		"region and address agree":               {[]statement{region("DE"), first("DE")}, 0.5, "DE", 0.95, flow.Known, 0},
		"loose region beats agreement":           {[]statement{loose("DE"), first("US"), second("US")}, 0.5, "DE", 0.80, flow.Known, 2},
		"one address":                            {[]statement{first("DE")}, 0.5, "DE", 0.55, flow.Known, 0},
		"two addresses agree":                    {[]statement{first("DE"), second("DE")}, 0.5, "DE", 0.75, flow.Known, 0},
		"the same data twice is no agreement":    {[]statement{first("DE"), first("DE")}, 0.5, "DE", 0.55, flow.Known, 0},
		"two addresses disagree":                 {[]statement{first("DE"), second("US")}, 0.5, "", 0, flow.Absent, 1},
		"disagreement above a low minimum":       {[]statement{first("DE"), second("US")}, 0.4, "DE", 0.40, flow.Known, 1},
		"three addresses, one dissents":          {[]statement{first("DE"), second("DE"), says(measured, "US", confidenceAlone, "third")}, 0.5, "", 0, flow.Absent, 1},
		"registration alone":                     {[]statement{registered("US")}, 0.5, "", 0, flow.Absent, 0},
		"registration above a low minimum":       {[]statement{registered("US")}, 0.3, "US", 0.30, flow.Known, 0},
		"registration does not unsettle a place": {[]statement{registered("US"), first("DE")}, 0.5, "DE", 0.55, flow.Known, 1},
		"domain against address":                 {[]statement{first("US"), domain}, 0.5, "US", 0.55, flow.Known, 0},
		"anycast":                                {[]statement{anycast, first("US"), second("US")}, 0.01, "", 0, flow.Absent, 0},
		"anycast, declared all the same":         {[]statement{catalogue("DE"), anycast, first("US")}, 0.5, "DE", 0.99, flow.Known, 0},
		"equals disagree":                        {[]statement{catalogue("DE"), elsewhere}, 0.5, "", 0, flow.Absent, 1},
		"equals agree":                           {[]statement{catalogue("FR"), elsewhere}, 0.5, "FR", 0.99, flow.Known, 0},
		"declared for several countries":         {[]statement{catalogue("DE"), catalogue("FR")}, 0.5, "", 0, flow.Absent, 0},
		"high minimum":                           {[]statement{first("DE"), second("DE")}, 0.8, "", 0, flow.Absent, 0},
		"failure alone":                          {[]statement{failure}, 0.5, "", 0, flow.Unavailable, 0},
		"failure and domain":                     {[]statement{failure, domain}, 0.5, "", 0, flow.Unavailable, 0},
		"failure and another address":            {[]statement{failure, first("DE")}, 0.5, "", 0, flow.Unavailable, 0},
		"failure and region":                     {[]statement{failure, region("DE")}, 0.5, "DE", 0.95, flow.Known, 0},
		"failure and agreement":                  {[]statement{failure, first("DE"), second("DE")}, 0.5, "DE", 0.75, flow.Known, 0},
		"failure and anycast":                    {[]statement{failure, anycast}, 0.5, "", 0, flow.Absent, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := combine(test.statements, test.minimum)
			if got.location.Country != test.country || got.location.Confidence != test.confidence || got.state != test.state {
				t.Errorf("%q at %v, state %v; want %q at %v, state %v",
					got.location.Country, got.location.Confidence, got.state, test.country, test.confidence, test.state)
			}
			if len(got.location.Conflicts) != test.conflicts {
				t.Errorf("conflicts %q, want %d", got.location.Conflicts, test.conflicts)
			}
			if got.reason == "" {
				t.Error("no reason given")
			}
			if len(got.location.Jurisdictions) != len(test.statements) {
				t.Errorf("%d of %d claims are visible", len(got.location.Jurisdictions), len(test.statements))
			}
			for i, claim := range got.location.Jurisdictions {
				if i > 0 && claim.Confidence > got.location.Jurisdictions[i-1].Confidence {
					t.Errorf("claims are not in order: %+v", got.location.Jurisdictions)
				}
			}
		})
	}
}

func TestConflictNamesBothSidesInWords(t *testing.T) {
	resolver := newResolver(t, Options{Catalogue: []Entry{{Match: "s3.eu-central-1.amazonaws.com", Countries: []string{"US"}}}})
	location, _ := resolver.Locate("s3.eu-central-1.amazonaws.com", netip.Addr{})
	want := []string{"catalogue says US (host s3.eu-central-1.amazonaws.com), but " +
		"cloud-region says DE (aws eu-central-1 (Europe (Frankfurt)) in host name below amazonaws.com)"}
	if diff := cmp.Diff(want, location.Conflicts); diff != "" {
		t.Errorf("conflicts (-want +got)\n%s", diff)
	}
}

func TestUserDatabaseComesFirstAndTheEmbeddedOneIsASecondOpinion(t *testing.T) {
	path := writeDatabase(t, "own.mmdb", countryDatabase(map[string]string{
		"193.0.6.0/24": "NL", "130.149.0.0/16": "AT", "198.51.100.0/24": "SE",
	}))
	resolver := newResolver(t, Options{Databases: []string{path}, Now: soonAfter})
	for address, want := range map[string]struct {
		country    string
		confidence float64
	}{
		"193.0.6.139":  {"NL", confidenceAgreed},
		"130.149.7.20": {"", 0}, // the embedded table says DE
		"198.51.100.1": {"SE", confidenceAlone},
		"141.76.1.1":   {"DE", confidenceAlone},
	} {
		location, _ := resolver.Locate("", netip.MustParseAddr(address))
		if location.Country != want.country || location.Confidence != want.confidence {
			t.Errorf("%s: %q at %v, want %q at %v", address, location.Country, location.Confidence, want.country, want.confidence)
		}
	}
	location, _ := resolver.Locate("", netip.MustParseAddr("130.149.7.20"))
	if len(location.Conflicts) != 1 || !strings.Contains(location.Conflicts[0], "database says AT (own), embedded says DE") {
		t.Errorf("conflicts %q", location.Conflicts)
	}
	alone := newResolver(t, Options{Databases: []string{path}, DisableEmbedded: true})
	if location, _ := alone.Locate("", netip.MustParseAddr("141.76.1.1")); location.Country != "" || location.OperatorHome != "" {
		t.Errorf("the embedded tables answer although they are disabled: %+v", location)
	}
}

func TestLoopbackAndPrivateAddressesCarryNoPlaceOfTheirOwn(t *testing.T) {
	path := writeDatabase(t, "own.mmdb", countryDatabase(map[string]string{"127.0.0.0/8": "US", "10.0.0.0/8": "US", "fc00::/7": "US"}))
	resolver := newResolver(t, Options{
		Databases: []string{path},
		Catalogue: []Entry{{Match: "declared.example", Countries: []string{"DE"}}, {Match: "10.9.0.0/16", Countries: []string{"FR"}}},
	})
	for _, test := range []struct{ host, address, country string }{
		{"", "127.0.0.1", ""}, {"", "10.1.2.3", ""}, {"", "fd00::1", ""}, {"", "::ffff:10.1.2.3", ""},
		{"declared.example", "127.0.0.1", "DE"},
		{"s3.eu-west-1.amazonaws.com", "127.0.0.1", "IE"},
		{"", "10.9.1.1", "FR"}, {"10.9.1.1", "", "FR"}, {"", "::ffff:10.9.1.1", "FR"},
	} {
		var address netip.Addr
		if test.address != "" {
			address = netip.MustParseAddr(test.address)
		}
		location, _ := resolver.Locate(test.host, address)
		if location.Country != test.country {
			t.Errorf("%s %s: %q, want %q", test.host, test.address, location.Country, test.country)
		}
		if len(location.Conflicts) > 0 {
			t.Errorf("%s %s: conflicts %q", test.host, test.address, location.Conflicts)
		}
	}
}
