package benchmark

import (
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// byHand is what a programmer would write for one fixed set of rules: comparisons in Go, behind maps
// by host, domain and identity. It knows no unknown facts, phases or records.
type byHand struct {
	hosts, suffixes, identities map[string][]rule
	rest                        []rule
}

func newByHand(rules []rule) *byHand {
	h := &byHand{hosts: map[string][]rule{}, suffixes: map[string][]rule{}, identities: map[string][]rule{}}
	for _, r := range rules {
		switch {
		case r.host != "":
			h.hosts[r.host] = append(h.hosts[r.host], r)
		case r.suffix != "":
			h.suffixes[r.suffix] = append(h.suffixes[r.suffix], r)
		case r.identity != "":
			h.identities[r.identity] = append(h.identities[r.identity], r)
		default:
			h.rest = append(h.rest, r)
		}
	}
	return h
}

func (h *byHand) blocks(f *flow.Flow) bool {
	if anyMatches(h.hosts[f.Destination.Host], f) || anyMatches(h.identities[f.Source.Identity], f) || anyMatches(h.rest, f) {
		return true
	}
	for host, more := f.Destination.Host, true; more; _, host, more = strings.Cut(host, ".") {
		if anyMatches(h.suffixes[host], f) {
			return true
		}
	}
	return false
}

func anyMatches(rules []rule, f *flow.Flow) bool {
	for i := range rules {
		if rules[i].matches(f) {
			return true
		}
	}
	return false
}

func (r *rule) matches(f *flow.Flow) bool {
	host := f.Destination.Host
	return (r.host == "" || host == r.host) &&
		(r.suffix == "" || host == r.suffix || strings.HasSuffix(host, "."+r.suffix)) &&
		(len(r.countries) == 0 || slices.Contains(r.countries, f.Destination.Location.Country)) &&
		(r.port == 0 || f.Destination.Port == r.port) && (r.method == "" || f.Request.Method == r.method) &&
		(r.identity == "" || f.Source.Identity == r.identity) && (r.category == "" || count(f, r.category) > 0) &&
		(r.counted == "" || count(f, r.counted) > r.above)
}

func count(f *flow.Flow, category string) int {
	total := 0
	for i := range f.Data.Categories {
		if f.Data.Categories[i].Name == category {
			total += f.Data.Categories[i].Count
		}
	}
	return total
}
