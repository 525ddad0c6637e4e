package proxy

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// SourceConfig is what is known of where the data comes from: the jurisdiction that it leaves. The first
// of these that says something of a caller counts: its workload's label RegionLabel, the smallest network
// of Networks that holds its address, Country or Region of the whole.
type SourceConfig struct {
	OriginConfig `yaml:",inline"`
	// Networks places callers by their address.
	Networks []SourceNetwork `yaml:"networks"`
	// RegionLabel is the label of workloads that names their region of Cloud.
	// Default topology.kubernetes.io/region.
	RegionLabel string `yaml:"regionLabel"`
}

// OriginConfig is a place that data leaves: a country, or a cloud provider's region, e.g. of the node.
type OriginConfig struct {
	Country string `yaml:"country"` // ISO 3166-1 alpha-2; default unknown
	Cloud   string `yaml:"cloud"`   // provider, e.g. aws; borderflow check prints the names when one is wrong
	Region  string `yaml:"region"`  // that provider's name of the region, e.g. eu-central-1
}

// SourceNetwork is where the callers of a network stand.
type SourceNetwork struct {
	Network      string `yaml:"network"` // e.g. 10.2.0.0/16
	OriginConfig `yaml:",inline"`
}

// country is the place's country; "" when none is given.
func (c OriginConfig) country() string {
	if c.Country != "" {
		return c.Country
	}
	country, _ := jurisdiction.CloudRegionCountry(c.Cloud, c.Region)
	return country
}

// origins tells the jurisdiction that a caller's data leaves. It is immutable.
type origins struct {
	networks []originNetwork // the smallest first
	cloud    string
	label    string
	country  string
}

type originNetwork struct {
	prefix  netip.Prefix
	country string
}

// newOrigins takes a configuration that validates.
func newOrigins(c SourceConfig) origins {
	o := origins{cloud: c.Cloud, label: c.RegionLabel, country: c.country()}
	for _, network := range c.Networks {
		if prefix, err := netip.ParsePrefix(network.Network); err == nil {
			o.networks = append(o.networks, originNetwork{prefix, network.country()})
		}
	}
	slices.SortStableFunc(o.networks, func(a, b originNetwork) int { return b.prefix.Bits() - a.prefix.Bits() })
	return o
}

// place fills in s.Country.
func (o *origins) place(s *flow.Source) {
	s.Country, s.CountryState = o.of(s), flow.Known
	if s.Country == "" {
		s.CountryState = flow.Absent
	}
}

func (o *origins) of(s *flow.Source) string {
	if o.cloud != "" && s.WorkloadState == flow.Known {
		if country, _ := jurisdiction.CloudRegionCountry(o.cloud, s.Labels[o.label]); country != "" {
			return country
		}
	}
	address := s.Address.Unmap()
	for _, network := range o.networks {
		if network.prefix.Contains(address) {
			return network.country
		}
	}
	return o.country
}

// source reports the mistakes in where the data comes from.
func (v *validation) source(c SourceConfig) {
	v.origin("source", c.OriginConfig, c.Cloud != "" && c.Region == "" && c.Country == "")
	seen := map[netip.Prefix]int{}
	for i, network := range c.Networks {
		path := "source.networks[" + strconv.Itoa(i) + "]"
		prefix, err := netip.ParsePrefix(network.Network)
		switch first, twice := seen[prefix]; {
		case err != nil:
			v.check(path+".network", false, fmt.Sprintf("found %q, expected a network", network.Network), "for example 10.2.0.0/16 or fd00:2::/32")
		case prefix != prefix.Masked():
			v.check(path+".network", false, fmt.Sprintf("%s has bits set behind its prefix", prefix), "write "+prefix.Masked().String())
		case twice:
			v.check(path+".network", false, fmt.Sprintf("%s is given twice", prefix), fmt.Sprintf("first in entry %d", first+1))
		default:
			seen[prefix] = i
		}
		v.origin(path, network.OriginConfig, false)
		v.check(path, network.OriginConfig != OriginConfig{}, "names no place", "name a country, or a cloud and its region")
	}
}

// origin reports the mistakes in one place. A cloud may stand alone where labels name the region.
func (v *validation) origin(path string, c OriginConfig, cloudAlone bool) {
	v.country(path+".country", c.Country)
	v.check(path, c.Country == "" || c.Region == "", "names both a country and a region", "name the one or the other")
	if c.Cloud == "" {
		v.check(path+".cloud", c.Region == "", fmt.Sprintf("missing: the region %q means nothing without its provider", c.Region),
			"one of "+strings.Join(jurisdiction.CloudProviders(), ", "))
		return
	}
	regions := jurisdiction.CloudRegions(c.Cloud)
	if regions == nil {
		v.check(path+".cloud", false, fmt.Sprintf("found %q, expected a provider", c.Cloud), "one of "+strings.Join(jurisdiction.CloudProviders(), ", "))
		return
	}
	if c.Region == "" {
		v.check(path+".region", cloudAlone || c.Country != "", "missing", "name a region of "+c.Cloud)
		return
	}
	country, ok := jurisdiction.CloudRegionCountry(c.Cloud, c.Region)
	hint := "one of " + strings.Join(regions, ", ")
	if nearest, found := document.Nearest(c.Region, regions); found {
		hint = "did you mean " + nearest + "?"
	}
	v.check(path+".region", ok, fmt.Sprintf("found %q, expected a region of %s", c.Region, c.Cloud), hint)
	v.check(path+".region", !ok || country != "", fmt.Sprintf("%q spans several countries", c.Region), "name the country instead")
}
