package proxy

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/flow"
)

func TestTheDataLeavesWhereItsSenderStands(t *testing.T) {
	config := decodeSource(t, `
country: DE
networks:
  - {network: 10.2.0.0/16, country: US}
  - {network: 10.2.3.0/24, cloud: aws, region: ap-southeast-1}
  - {network: "fd00:2::/32", cloud: alibaba, region: eu-west-1}
`)
	labelled := decodeSource(t, `{cloud: aws, networks: [{network: 10.0.0.0/8, country: FR}]}`)
	region := decodeSource(t, `{cloud: azure, region: switzerlandnorth}`)
	for _, test := range []struct {
		name    string
		config  SourceConfig
		source  flow.Source
		country string
	}{
		{"an address outside every network has the configured country", config, flow.Source{Address: netip.MustParseAddr("192.0.2.1")}, "DE"},
		{"an address in a network has its country", config, flow.Source{Address: netip.MustParseAddr("10.2.9.9")}, "US"},
		{"the smallest network counts", config, flow.Source{Address: netip.MustParseAddr("10.2.3.4")}, "SG"},
		{"an IPv4 address in its IPv6 form is the same address", config, flow.Source{Address: netip.MustParseAddr("::ffff:10.2.3.4")}, "SG"},
		{"a region is read with its provider", config, flow.Source{Address: netip.MustParseAddr("fd00:2::1")}, "GB"},
		{"a workload's label wins over its address", labelled, flow.Source{Address: netip.MustParseAddr("10.1.1.1"), WorkloadState: flow.Known,
			Labels: map[string]string{"topology.kubernetes.io/region": "eu-central-1"}}, "DE"},
		{"a label that names no region says nothing", labelled, flow.Source{Address: netip.MustParseAddr("10.1.1.1"), WorkloadState: flow.Known,
			Labels: map[string]string{"topology.kubernetes.io/region": "moon-1"}}, "FR"},
		{"labels that are not established say nothing", labelled, flow.Source{Address: netip.MustParseAddr("10.1.1.1"), WorkloadState: flow.Unavailable,
			Labels: map[string]string{"topology.kubernetes.io/region": "eu-central-1"}}, "FR"},
		{"nothing configured is nothing known", labelled, flow.Source{Address: netip.MustParseAddr("192.0.2.1")}, ""},
		{"the node's region is the origin of all", region, flow.Source{Address: netip.MustParseAddr("192.0.2.1")}, "CH"},
	} {
		t.Run(test.name, func(t *testing.T) {
			origins := newOrigins(test.config)
			origins.place(&test.source)
			if test.source.Country != test.country {
				t.Errorf("country %q, want %q", test.source.Country, test.country)
			}
			if known := test.source.CountryState == flow.Known; known != (test.country != "") {
				t.Errorf("state %v for country %q", test.source.CountryState, test.source.Country)
			}
		})
	}
}

func TestMistakesInTheOriginAreReportedTogether(t *testing.T) {
	config := Defaults()
	text := `source:
  country: Germany
  region: eu-central-1
  networks:
    - {network: 10.2.3.4/16, country: DE}
    - {network: tenth, country: DE}
    - {network: 10.3.0.0/16}
    - {network: 10.4.0.0/16, cloud: aws, region: eu-centre-1}
    - {network: 10.5.0.0/16, cloud: amazon, region: eu-central-1}
    - {network: 10.4.0.0/16, cloud: gcp}
`
	positions, problems := document.DecodeWithPositions("borderflow.yaml", []byte(text), &config)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var got []string
	for _, problem := range config.Validate(positions) {
		got = append(got, strings.TrimPrefix(problem.Message, "source."))
	}
	want := []string{
		"source: names both a country and a region",
		`country: found "Germany", expected a country code`,
		`cloud: missing: the region "eu-central-1" means nothing without its provider`,
		"networks[0].network: 10.2.3.4/16 has bits set behind its prefix",
		`networks[1].network: found "tenth", expected a network`,
		"networks[2]: names no place",
		`networks[3].region: found "eu-centre-1", expected a region of aws`,
		`networks[4].cloud: found "amazon", expected a provider`,
		"networks[5].network: 10.4.0.0/16 is given twice",
		"networks[5].region: missing",
	}
	sorted := cmp.Transformer("sorted", func(list []string) map[string]bool {
		set := map[string]bool{}
		for _, entry := range list {
			set[entry] = true
		}
		return set
	})
	if diff := cmp.Diff(want, got, sorted); diff != "" {
		t.Error(diff)
	}
}

func decodeSource(t *testing.T, text string) SourceConfig {
	t.Helper()
	config := Defaults().Source
	if _, problems := document.DecodeWithPositions("source.yaml", []byte(text), &config); len(problems) > 0 {
		t.Fatal(problems)
	}
	v := validation{}
	v.source(config)
	if len(v.problems) > 0 {
		t.Fatal(v.problems)
	}
	return config
}
