package benchmark

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// rule is one rule with what it asks for, in a form that every engine's rules are made from. An empty
// field is not asked for.
type rule struct {
	host, suffix string
	countries    []string
	method       string
	identity     string
	category     string
	counted      string // a category of which there are
	above        int    // more than this many
	port         uint16
}

// byHost returns n rules with six conditions each, of which one is a host of the rule's own.
func byHost(n int) []rule {
	rules := make([]rule, n)
	for i := range rules {
		rules[i] = rule{host: fmt.Sprintf("h%d.example", i), countries: []string{"US"}, method: "POST", identity: "alice",
			category: "financial", counted: "personal", above: i % 50}
	}
	return rules
}

// mixed returns n rules as an organisation has them: some by host, some by domain, some by workload,
// and some for every destination in certain countries.
func mixed(n int) []rule {
	r := rand.New(rand.NewPCG(1, 2))
	countries := []string{"US", "CN", "IN", "BR", "RU", "TR", "ZA", "MX", "VN", "ID", "PH", "EG", "NG", "PK", "BD", "TH"}
	categories := []string{"financial", "health", "personal", "government-id", "credential", "biometric"}
	rules := make([]rule, n)
	for i := range rules {
		one := rule{category: categories[r.IntN(len(categories))], method: []string{"POST", "PUT", ""}[r.IntN(3)]}
		switch kind := i % 20; {
		case kind < 10:
			one.host = fmt.Sprintf("h%d.example", i)
		case kind < 15:
			one.suffix = fmt.Sprintf("d%d.example", i)
		case kind < 19:
			one.identity = fmt.Sprintf("spiffe://example.org/w%d", i)
		default:
			at := r.IntN(len(countries) - 1)
			one.countries, one.port = countries[at:at+2], uint16(10_000+i)
		}
		rules[i] = one
	}
	return rules
}

// flows returns flows that none of byHost's and mixed's rules is about, but that many have something
// in common with.
func flows(n int) []*flow.Flow {
	r := rand.New(rand.NewPCG(3, 4))
	all := make([]*flow.Flow, n)
	for i := range all {
		country := []string{"US", "CN", "IN", "DE"}[r.IntN(4)]
		all[i] = &flow.Flow{
			Source: flow.Source{Address: netip.MustParseAddr("192.0.2.7"), Identity: "alice", IdentityState: flow.Known, CountryState: flow.Absent, WorkloadState: flow.Absent},
			Destination: flow.Destination{Host: fmt.Sprintf("www.api%d.shop.example.org", i), Port: 443, Address: netip.MustParseAddr("198.51.100.9"), AddressState: flow.Known,
				LocationState: flow.Known, Location: flow.Location{Country: country, Confidence: 0.95, Jurisdictions: []flow.Claim{{Country: country, Source: "catalogue", Confidence: 0.95}}}},
			Request:  flow.Request{State: flow.Known, Method: "POST", Scheme: "https", Path: "/orders", Protocol: "h2", Size: 120},
			Declared: flow.Declared{State: flow.Absent},
			Data: flow.Data{State: flow.Known, Coverage: flow.CoverageFull, Categories: []flow.Category{{Name: "financial", Count: 2, Strength: flow.Strong},
				{Name: "personal", Count: 60, Strength: flow.Medium}}},
		}
	}
	return all
}

// hits returns flows that the given rules stop, to see that the engines agree on those as well.
func hits(rules []rule) []*flow.Flow {
	var all []*flow.Flow
	for i := 0; i < len(rules); i += 1 + len(rules)/40 {
		f := flows(1)[0]
		one := rules[i]
		if one.host != "" {
			f.Destination.Host = one.host
		}
		if one.suffix != "" {
			f.Destination.Host = "www." + one.suffix
		}
		if one.identity != "" {
			f.Source.Identity = one.identity
		}
		if one.port != 0 {
			f.Destination.Port = one.port
		}
		if len(one.countries) > 0 {
			f.Destination.Location = flow.Location{Country: one.countries[0]}
		}
		if one.method != "" {
			f.Request.Method = one.method
		}
		f.Data.Categories = append(f.Data.Categories, flow.Category{Name: one.category, Count: 1})
		all = append(all, f)
	}
	return all
}

// condition returns the rule as borderflow's policies write it.
func (r rule) condition() string {
	var parts []string
	add := func(present bool, format string, value any) {
		if present {
			parts = append(parts, fmt.Sprintf(format, value))
		}
	}
	add(r.host != "", "destination.host == %q", r.host)
	add(r.suffix != "", "destination.under(%q)", r.suffix)
	if len(r.countries) == 1 {
		add(true, "destination.country == %q", r.countries[0])
	} else {
		add(len(r.countries) > 1, "destination.country in [%s]", quoted(r.countries))
	}
	add(r.port != 0, "destination.port == %d", r.port)
	add(r.method != "", "request.method == %q", r.method)
	add(r.identity != "", "source.identity == %q", r.identity)
	add(r.category != "", "data.has(%q)", r.category)
	if r.counted != "" {
		parts = append(parts, fmt.Sprintf("data.count(%q) > %d", r.counted, r.above))
	}
	return strings.Join(parts, " && ")
}

func quoted(texts []string) string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = fmt.Sprintf("%q", text)
	}
	return strings.Join(all, ", ")
}

// document returns the rules as a policy file.
func document(rules []rule) []byte {
	var b strings.Builder
	b.WriteString("apiVersion: borderflow/v1\nkind: Policy\nname: measured\ndefault: allow\nrules:\n")
	for i, r := range rules {
		fmt.Fprintf(&b, "  - {id: r%d, when: '%s', verdict: block}\n", i, r.condition())
	}
	return []byte(b.String())
}
