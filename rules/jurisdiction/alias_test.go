package jurisdiction

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/flow"
)

func TestRegionInTheChainOfAliasesLocatesAHost(t *testing.T) {
	resolver := newResolver(t, Options{Catalogue: []Entry{{Match: "declared.example", Countries: []string{"SE"}}}, DisableEmbedded: true})
	for name, test := range map[string]struct {
		host       string
		aliases    []string
		country    string
		confidence float64
		operator   string
		anycast    bool
		conflicts  int
	}{
		"load balancer":              {"shop.example", []string{"lb.shop.example", "front-1.eu-central-1.elb.amazonaws.com"}, "DE", 0.90, "Amazon Web Services", false, 0},
		"two regions of a country":   {"shop.example", []string{"a.ukwest.cloudapp.azure.com", "b.uksouth.cloudapp.azure.com"}, "GB", 0.90, "Microsoft", false, 0},
		"regions of two countries":   {"shop.example", []string{"a.westeurope.cloudapp.azure.com", "b.uksouth.cloudapp.azure.com"}, "", 0, "Microsoft", false, 1},
		"one of the two chains":      {"www.example", []string{"d111.cloudfront.net", "lb.eu-central-1.elb.amazonaws.com"}, "", 0, "Amazon Web Services", true, 0},
		"chosen by the name servers": {"shop.example", []string{"shop.trafficmanager.net", "b.uksouth.cloudapp.azure.com"}, "GB", 0.90, "Microsoft", false, 0},
		"delivery network":           {"www.example", []string{"d111.cloudfront.net"}, "", 0, "Amazon Web Services", true, 0},
		"behind a delivery network":  {"www.example", []string{"a.uksouth.cloudapp.azure.com", "www.example.edgekey.net", "e1.akamaiedge.net"}, "", 0, "Akamai", true, 0},
		"region of an anycast name":  {"api.example", []string{"europe-west3-aiplatform.googleapis.com"}, "DE", 0.90, "Google", false, 0},
		"declared all the same":      {"declared.example", []string{"front-1.eu-central-1.elb.amazonaws.com"}, "SE", 0.99, "Amazon Web Services", false, 1},
		"the host's own name wins":   {"s3.eu-west-1.amazonaws.com", []string{"s3-r-w.eu-central-1.amazonaws.com"}, "IE", 0.95, "Amazon Web Services", false, 1},
		"nothing in it":              {"shop.example", []string{"lb.shop.example"}, "", 0, "", false, 0},
		"an address has no aliases":  {"203.0.113.1", []string{"front-1.eu-central-1.elb.amazonaws.com"}, "", 0, "", false, 0},
	} {
		location, state := resolver.LocateVia(test.host, test.aliases, netip.Addr{})
		if location.Country != test.country || location.Confidence != test.confidence || (state == flow.Known) != (test.country != "") {
			t.Errorf("%s: %q at %v, %v; claims %+v", name, location.Country, location.Confidence, state, location.Jurisdictions)
		}
		if location.Operator != test.operator || location.Anycast != test.anycast || len(location.Conflicts) != test.conflicts {
			t.Errorf("%s: operator %q, anycast %v, conflicts %q", name, location.Operator, location.Anycast, location.Conflicts)
		}
		explained := resolver.ExplainVia(test.host, test.aliases, netip.Addr{})
		if explained.Country != location.Country || explained.Anycast != location.Anycast {
			t.Errorf("%s: explained %+v", name, explained)
		}
	}
}

func TestOtherAliasesAreNotAnsweredFromTheCache(t *testing.T) {
	resolver := newResolver(t, Options{})
	for range 2 {
		for region, want := range map[string]string{"eu-central-1": "DE", "us-east-1": "US"} {
			location, _ := resolver.LocateVia("shop.example", []string{"lb." + region + ".elb.amazonaws.com"}, netip.Addr{})
			if location.Country != want || location.Region != region {
				t.Errorf("%s: %q in %q", region, location.Country, location.Region)
			}
		}
		if location, _ := resolver.Locate("shop.example", netip.Addr{}); location.Country != "" {
			t.Errorf("without aliases: %q", location.Country)
		}
	}
}

func TestReachIsPlaceAndBothHomes(t *testing.T) {
	resolver := newResolver(t, Options{Catalogue: []Entry{
		{Match: "two.example", Countries: []string{"FR", "DE"}, Operator: "Zwei GmbH", OperatorHome: "AT", ParentHome: "US"},
		{Match: "owned.example", ParentHome: "CN"},
	}, DisableEmbedded: true})
	for host, want := range map[string]struct{ possible, reach, parent string }{
		"s3.eusc-de-east-1.amazonaws.eu":       {"DE", "DE US", "US"},
		"ecs.eu-central-1.aliyuncs.com":        {"DE", "CN DE", "CN"},
		"acme.sos-ch-gva-2.exo.io":             {"CH", "CH MX", "MX"},
		"two.example":                          {"DE FR", "AT DE FR US", "US"},
		"owned.example":                        {"", "CN", "CN"},
		"www.tiktok.com":                       {"", "CN SG", "CN"},
		"1.1.1.1":                              {"", "US", ""},
		"eu-de.concursolutions.com":            {"", "DE US", "DE"},
		"objectstorage.x.oraclecloud.eu":       {"", "US", "US"},
		"www.example.de":                       {"", "", ""},
		"s3.eu-west-1.amazonaws.com":           {"IE", "IE US", "US"},
		"dynamodb.cn-north-1.amazonaws.com.cn": {"CN", "CN", "CN"},
	} {
		location, _ := resolver.Locate(host, netip.Addr{})
		if got := strings.Join(location.Possible, " "); got != want.possible {
			t.Errorf("%s: possible %q, want %q", host, got, want.possible)
		}
		if got := strings.Join(location.Reach, " "); got != want.reach || location.ParentHome != want.parent {
			t.Errorf("%s: reach %q, parent's home %q; want %q, %q", host, got, location.ParentHome, want.reach, want.parent)
		}
	}
}

func TestPossibleIsTheUnionOfADispute(t *testing.T) {
	path := writeDatabase(t, "own.mmdb", countryDatabase(map[string]string{"130.149.0.0/16": "AT"}))
	resolver := newResolver(t, Options{Databases: []string{path}})
	location, state := resolver.Locate("", netip.MustParseAddr("130.149.7.20")) // the embedded table says DE
	if diff := cmp.Diff([]string{"AT", "DE"}, location.Possible); diff != "" || state != flow.Absent {
		t.Errorf("%v, possible (-want +got)\n%s", state, diff)
	}
	if diff := cmp.Diff([]string{"AT", "DE"}, location.Reach); diff != "" {
		t.Errorf("reach (-want +got)\n%s", diff)
	}
}

func certificate(organization, country []string) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{Organization: organization, Country: country},
		NotBefore: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
	}
}

func TestCertificateNamesTheOperatorAndNeverThePlace(t *testing.T) {
	resolver := newResolver(t, Options{})
	before, _ := resolver.Locate("shop.example", netip.MustParseAddr("193.0.6.139"))
	claims := len(before.Jurisdictions)
	after := WithCertificate(before, certificate([]string{"Beispiel GmbH"}, []string{"DE"}))
	if after.Operator != "Beispiel GmbH" || after.OperatorHome != "DE" || after.Country != "NL" || after.Confidence != before.Confidence {
		t.Errorf("%+v", after)
	}
	if diff := cmp.Diff([]string{"DE", "NL"}, after.Reach); diff != "" {
		t.Errorf("reach (-want +got)\n%s", diff)
	}
	last := after.Jurisdictions[len(after.Jurisdictions)-1]
	if last.Source != "certificate" || last.Country != "" || last.Confidence != confidenceCertificate || !strings.Contains(last.Detail, "Beispiel GmbH of DE") {
		t.Errorf("claim %+v", last)
	}
	if again, _ := resolver.Locate("shop.example", netip.MustParseAddr("193.0.6.139")); len(again.Jurisdictions) != claims || again.Operator != "" {
		t.Errorf("the shared answer was changed: %+v", again)
	}
}

func TestCertificateThatTellsNothingChangesNothing(t *testing.T) {
	resolver := newResolver(t, Options{Catalogue: []Entry{{Match: "home.example", OperatorHome: "AT"}}})
	for name, test := range map[string]struct {
		host string
		leaf *x509.Certificate
	}{
		"none":                   {"shop.example", nil},
		"domain validated":       {"shop.example", certificate(nil, nil)},
		"no country":             {"shop.example", certificate([]string{"Beispiel GmbH"}, nil)},
		"two countries":          {"shop.example", certificate([]string{"Beispiel GmbH"}, []string{"DE", "US"})},
		"no ISO code":            {"shop.example", certificate([]string{"Beispiel GmbH"}, []string{"EU"})},
		"nothing printable":      {"shop.example", certificate([]string{"\x1b\u200b\n"}, []string{"DE"})},
		"home declared":          {"home.example", certificate([]string{"Beispiel GmbH"}, []string{"DE"})},
		"operator known already": {"api.openai.com", certificate([]string{"Cloudflare, Inc."}, []string{"US"})},
	} {
		before, _ := resolver.Locate(test.host, netip.Addr{})
		if diff := cmp.Diff(before, WithCertificate(before, test.leaf)); diff != "" {
			t.Errorf("%s: (-before +after)\n%s", name, diff)
		}
	}
}

func FuzzCertificateSubject(f *testing.F) {
	f.Add("Beispiel GmbH", "DE")
	f.Add("株式会社"+strings.Repeat("例", 60), "jp")
	f.Add("\x1b[31m\xff\xfe", "US")
	f.Fuzz(func(t *testing.T, organization, code string) {
		location := WithCertificate(flow.Location{}, certificate([]string{organization}, []string{code}))
		if len(location.Operator) > maxOrganization || !utf8.ValidString(location.Operator) || strings.ContainsAny(location.Operator, "\n\r\x1b") {
			t.Errorf("operator %q", location.Operator)
		}
		if (location.Operator == "") != (location.OperatorHome == "") || location.OperatorHome != "" && !ValidCountry(location.OperatorHome) {
			t.Errorf("operator %q of %q", location.Operator, location.OperatorHome)
		}
	})
}
