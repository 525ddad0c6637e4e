package jurisdiction

import (
	"maps"
	"slices"
	"sync"
)

// CloudRegionCountry returns the country, ISO 3166-1 alpha-2, of a cloud provider's region; "" for one
// that spans several. ok is false when the table of regions has no such provider or region. A region's name
// means nothing without its provider: eu-west-1 is Ireland at AWS and London at Alibaba Cloud.
func CloudRegionCountry(provider, region string) (country string, ok bool) {
	found, ok := regionCountries()[provider][region]
	return found, ok
}

// CloudProviders returns the providers whose regions are known, sorted.
func CloudProviders() []string { return slices.Sorted(maps.Keys(regionCountries())) }

// CloudRegions returns the names of a provider's regions, sorted; nil for one that is not known.
func CloudRegions(provider string) []string {
	return slices.Sorted(maps.Keys(regionCountries()[provider]))
}

// regionCountries reads the embedded table once. The table is part of the program, and a test reads it.
var regionCountries = sync.OnceValue(func() map[string]map[string]string {
	providers, err := readRegions()
	if err != nil {
		panic("jurisdiction: the table of cloud regions is part of the program: " + err.Error())
	}
	countries := make(map[string]map[string]string, len(providers))
	for provider, regions := range providers {
		countries[provider] = make(map[string]string, len(regions))
		for id, region := range regions {
			countries[provider][id] = region.country
		}
	}
	return countries
})
