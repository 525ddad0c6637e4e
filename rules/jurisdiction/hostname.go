package jurisdiction

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

//go:embed data/cloud-regions.csv
var cloudRegionsCSV string

//go:embed data/hostname-rules.csv
var hostnameRulesCSV string

// cloudRegions reads the region out of the host names of cloud services.
//
// A name is matched from its right end, label by label, because only the provider decides what
// stands there: a bucket called "eu-central-1" must not move its data to Germany. And a region
// counts only within its provider: eu-west-1 is Ireland at AWS and London at Alibaba Cloud.
type cloudRegions struct {
	rules     suffixTable[[]hostRule]
	providers map[string]map[string]region // by provider and the provider's name of the region
}

// region is one region of one provider.
type region struct {
	id       string // "" for a provider's partition that lies in one country as a whole
	country  string // "" for a multi-region: several countries
	location string
	certain  bool
}

type hostRule struct {
	template hostTemplate
	regions  map[string]region // of the rule's provider
	provider string
	certain  bool
	fixed    *region // answers whatever the template matches
}

// readRegions returns the regions of each provider by their names.
func readRegions() (map[string]map[string]region, error) {
	providers := map[string]map[string]region{}
	err := eachRow(cloudRegionsCSV, "cloud-regions.csv", 6, func(row []string) error {
		provider, id, country := row[0], row[1], row[2]
		if country != "" && !ValidCountry(country) {
			return fmt.Errorf("country %q is not an ISO 3166-1 alpha-2 code", country)
		}
		if providers[provider] == nil {
			providers[provider] = map[string]region{}
		}
		if _, ok := providers[provider][id]; ok {
			return fmt.Errorf("region %s of %s is listed twice", id, provider)
		}
		providers[provider][id] = region{id: id, country: country, location: row[3], certain: row[4] == "high"}
		return nil
	})
	return providers, err
}

func newCloudRegions() (*cloudRegions, error) {
	providers, err := readRegions()
	if err != nil {
		return nil, err
	}
	c := &cloudRegions{rules: suffixTable[[]hostRule]{}, providers: providers}
	err = eachRow(hostnameRulesCSV, "hostname-rules.csv", 7, func(row []string) error {
		regions, ok := providers[row[0]]
		if !ok {
			return fmt.Errorf("provider %q has no regions", row[0])
		}
		rule := hostRule{provider: row[0], regions: regions, certain: row[4] == "high"}
		if rule.template, err = parseHostTemplate(row[2]); err != nil {
			return err
		}
		if rule.fixed, err = fixedRegion(row[3], regions); err != nil {
			return err
		}
		c.rules[row[1]] = append(c.rules[row[1]], rule)
		return nil
	})
	return c, err
}

// fixedRegion understands the region column of a rule: empty, a region's name, or "country:CN" for
// a partition of a provider that lies in one country as a whole.
func fixedRegion(text string, regions map[string]region) (*region, error) {
	if text == "" {
		return nil, nil
	}
	if code, ok := strings.CutPrefix(text, "country:"); ok {
		if !ValidCountry(code) {
			return nil, fmt.Errorf("country %q is not an ISO 3166-1 alpha-2 code", code)
		}
		return &region{country: code, location: CountryName(code)}, nil
	}
	if found, ok := regions[text]; ok {
		return &found, nil
	}
	return nil, fmt.Errorf("region %q is not in cloud-regions.csv", text)
}

func (c *cloudRegions) version() string { return "" }

func (c *cloudRegions) statements(to []statement, q query) []statement {
	if q.host == "" {
		return to
	}
	if said, ok := c.read(q.host, "host name"); ok {
		to = append(to, said)
	}
	return to
}

// read finds the region in name, which is described as where in the statement.
func (c *cloudRegions) read(name, where string) (said statement, ok bool) {
	c.rules.walk(name, func(suffix, front string, rules []hostRule) bool {
		for i := range rules {
			found, matches := rules[i].match(front)
			if matches {
				said, ok = rules[i].statement(found, where, suffix), true
				return true
			}
		}
		return false
	})
	return said, ok
}

func (r *hostRule) match(front string) (region, bool) {
	if r.fixed != nil {
		return *r.fixed, true
	}
	return r.template.find(front, r.regions)
}

func (r *hostRule) statement(found region, where, suffix string) statement {
	id := found.id
	if id == "" {
		id = "the whole partition"
	}
	detail := r.provider + " " + id + " (" + found.location + ") in " + where + " below " + suffix
	if found.country == "" {
		return statement{kind: spread, cloud: r.provider, region: found.id, claim: flow.Claim{Source: "cloud-region", Detail: detail}}
	}
	confidence := confidenceRegion
	if !r.certain || !found.certain {
		confidence = confidenceLooseRegion
	}
	return statement{kind: named, cloud: r.provider, region: found.id, claim: flow.Claim{
		Country: found.country, Source: "cloud-region", Confidence: confidence, Detail: detail,
	}}
}
