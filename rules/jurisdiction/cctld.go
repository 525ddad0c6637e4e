package jurisdiction

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

//go:embed data/cctld.csv
var countryDomainsCSV string

// countryDomains reads the country-code top-level domain. It is a hint about who is addressed,
// never about where a server stands, and nothing at all for the domains that are sold worldwide.
type countryDomains struct {
	labels map[string]statement
}

func newCountryDomains() (*countryDomains, error) {
	d := &countryDomains{labels: make(map[string]statement, 400)}
	for _, row := range countryTable {
		label := strings.ToLower(row.code)
		d.labels[label] = domainHint(row.code, "."+label)
	}
	delete(d.labels, "um") // withdrawn from the root zone
	err := eachRow(countryDomainsCSV, "cctld.csv", 5, func(row []string) error {
		label, country, note := row[0], row[1], row[3]
		switch {
		case country == "":
			d.labels[label] = statement{kind: silent, claim: flow.Claim{Source: "cctld", Detail: "." + label + ": " + note}}
		case !ValidCountry(country):
			return fmt.Errorf("country %q is not an ISO 3166-1 alpha-2 code", country)
		default:
			d.labels[label] = domainHint(country, "."+label+" ("+note+")")
		}
		return nil
	})
	return d, err
}

func domainHint(country, detail string) statement {
	return statement{kind: hinted, claim: flow.Claim{
		Country: country, Source: "cctld", Confidence: confidenceDomain, Detail: detail,
	}}
}

func (d *countryDomains) version() string { return "" }

func (d *countryDomains) statements(to []statement, q query) []statement {
	if dot := strings.LastIndexByte(q.host, '.'); dot >= 0 {
		if said, ok := d.labels[q.host[dot+1:]]; ok {
			to = append(to, said)
		}
	}
	return to
}
