package rules

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/flow"
)

var phases = []flow.Phase{flow.Connect, flow.Headers, flow.Body}

// atom is a condition with its meaning written in Go, over fully known flows.
type atom struct {
	text string
	is   func(*flow.Flow) bool
}

var atoms = []atom{
	{`destination.country == "US"`, func(f *flow.Flow) bool { return f.Destination.Location.Country == "US" }},
	{`destination.country != "DE"`, func(f *flow.Flow) bool { return f.Destination.Location.Country != "DE" }},
	{`destination.under("example.com")`, func(f *flow.Flow) bool {
		return f.Destination.Host == "example.com" || strings.HasSuffix(f.Destination.Host, ".example.com")
	}},
	{`destination.anyCountry(["CN", "US"])`, func(f *flow.Flow) bool {
		return f.Destination.Location.Country == "CN" || f.Destination.Location.Country == "US"
	}},
	{`destination.jurisdictions.exists(j, j.country == "CN")`, func(f *flow.Flow) bool {
		for _, c := range f.Destination.Location.Jurisdictions {
			if c.Country == "CN" {
				return true
			}
		}
		return false
	}},
	{`source.identity == "alice"`, func(f *flow.Flow) bool { return f.Source.Identity == "alice" }},
	{`source.country == "DE"`, func(f *flow.Flow) bool { return f.Source.Country == "DE" }},
	{`destination.address == "198.51.100.1"`, func(f *flow.Flow) bool { return f.Destination.Address == netip.MustParseAddr("198.51.100.1") }},
	{`request.method == "POST"`, func(f *flow.Flow) bool { return f.Request.Method == "POST" }},
	{`request.header("x-tag") == "a"`, func(f *flow.Flow) bool { return f.Request.Header.Get("x-tag") == "a" }},
	{`request.size > 100`, func(f *flow.Flow) bool { return f.Request.Size > 100 }},
	{`data.has("financial")`, func(f *flow.Flow) bool { return categoryCount(&f.Data, "financial") > 0 }},
	{`data.count("personal") > 2`, func(f *flow.Flow) bool { return categoryCount(&f.Data, "personal") > 2 }},
	{`"personal" in data.categories`, func(f *flow.Flow) bool { return categoryCount(&f.Data, "personal") > 0 }},
	{`data.subjects > 1`, func(f *flow.Flow) bool { return f.Data.Subjects > 1 }},
}

// randomCondition returns a condition and what it means.
func randomCondition(r *rand.Rand, depth int) atom {
	if depth == 0 || r.IntN(3) == 0 {
		return atoms[r.IntN(len(atoms))]
	}
	a, b := randomCondition(r, depth-1), randomCondition(r, depth-1)
	switch r.IntN(4) {
	case 0:
		return atom{"(" + a.text + " && " + b.text + ")", func(f *flow.Flow) bool { return a.is(f) && b.is(f) }}
	case 1:
		return atom{"(" + a.text + " || " + b.text + ")", func(f *flow.Flow) bool { return a.is(f) || b.is(f) }}
	case 2:
		return atom{"!(" + a.text + ")", func(f *flow.Flow) bool { return !a.is(f) }}
	}
	c := randomCondition(r, depth-1)
	return atom{"(" + a.text + " ? " + b.text + " : " + c.text + ")", func(f *flow.Flow) bool {
		if a.is(f) {
			return b.is(f)
		}
		return c.is(f)
	}}
}

// plainRule and plainPolicy are a policy as the naive evaluator reads it.
type plainRule struct {
	verdict flow.Verdict
	shadow  bool
	is      func(*flow.Flow) bool
}

type plainPolicy struct {
	fallback flow.Verdict
	shadow   bool
	rules    []plainRule
}

// decide is the whole semantics over known facts, in order and without any cleverness.
func decide(policies []plainPolicy, f *flow.Flow) (verdict flow.Verdict, logged int) {
	verdict = flow.Allow
	for _, p := range policies {
		own := p.fallback
		for _, r := range p.rules {
			if !r.is(f) {
				continue
			}
			if r.shadow {
				continue
			}
			if r.verdict == flow.Log {
				if !p.shadow {
					logged++
				}
				continue
			}
			own = r.verdict
			break
		}
		if !p.shadow && own == flow.Block {
			verdict = flow.Block
		}
	}
	return verdict, logged
}

// randomPolicies returns the same policies for both evaluators.
func randomPolicies(t testing.TB, r *rand.Rand, uninspectable string) (*Policy, []plainPolicy) {
	var documents []string
	var plain []plainPolicy
	for i := range 1 + r.IntN(3) {
		p := plainPolicy{fallback: []flow.Verdict{flow.Allow, flow.Block}[r.IntN(2)], shadow: r.IntN(5) == 0}
		var b strings.Builder
		fmt.Fprintf(&b, "name: p%d\ndefault: %s\nonUninspectable: %s\n", i, p.fallback, uninspectable)
		if p.shadow {
			b.WriteString("mode: shadow\n")
		}
		b.WriteString("rules:\n")
		for j := range r.IntN(6) {
			c := randomCondition(r, 2)
			rule := plainRule{verdict: []flow.Verdict{flow.Allow, flow.Block, flow.Block, flow.Log}[r.IntN(4)], shadow: r.IntN(6) == 0, is: c.is}
			fmt.Fprintf(&b, "  - id: r%d\n    when: '%s'\n    verdict: %s\n", j, c.text, rule.verdict)
			if rule.shadow {
				b.WriteString("    mode: shadow\n")
			}
			p.rules = append(p.rules, rule)
		}
		documents, plain = append(documents, b.String()), append(plain, p)
	}
	return mustParse(t, documents...), plain
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// randomFlow returns a flow of which everything is known or absent.
func randomFlow(r *rand.Rand) *flow.Flow {
	f := &flow.Flow{}
	f.Source.IdentityState, f.Source.CountryState = flow.Absent, flow.Absent
	if r.IntN(2) == 0 {
		f.Source.Identity, f.Source.IdentityState = pick(r, "alice", "bob"), flow.Known
	}
	if r.IntN(2) == 0 {
		f.Source.Country, f.Source.CountryState = pick(r, "DE", "FR"), flow.Known
	}
	f.Destination.Host = pick(r, "example.com", "a.example.com", "example.org", "192.0.2.1")
	f.Destination.Address, f.Destination.AddressState = netip.MustParseAddr(pick(r, "198.51.100.1", "198.51.100.2")), flow.Known
	f.Destination.LocationState = flow.Absent
	if r.IntN(4) > 0 {
		country := pick(r, "US", "CN", "DE")
		f.Destination.LocationState = flow.Known
		f.Destination.Location = flow.Location{Country: country, Jurisdictions: []flow.Claim{{Country: country}}}
	}
	f.Request = flow.Request{State: flow.Known, Method: pick(r, "GET", "POST"), Header: http.Header{"X-Tag": {pick(r, "a", "b")}}, Size: pick[int64](r, -1, 50, 500)}
	f.Data = flow.Data{State: flow.Known, Subjects: r.IntN(4), Coverage: flow.CoverageFull}
	for _, name := range []string{"financial", "personal"} {
		if count := r.IntN(5); count > 0 {
			f.Data.Categories = append(f.Data.Categories, flow.Category{Name: name, Count: count})
		}
	}
	return f
}

func randomFlows(n int) []*flow.Flow {
	r := rand.New(rand.NewPCG(1, 2))
	flows := make([]*flow.Flow, n)
	for i := range flows {
		flows[i] = randomFlow(r)
	}
	return flows
}

// states are the places where a fact's state is kept.
func states(f *flow.Flow) []*flow.State {
	return []*flow.State{&f.Source.IdentityState, &f.Source.CountryState, &f.Destination.AddressState, &f.Destination.LocationState, &f.Request.State, &f.Data.State}
}

// hide returns f with some facts in the given state, and their values gone.
func hide(r *rand.Rand, f *flow.Flow, state flow.State, among ...int) *flow.Flow {
	hidden := *f
	for i, s := range states(&hidden) {
		for _, allowed := range among {
			if i == allowed && r.IntN(2) == 0 {
				*s = state
			}
		}
	}
	erase(&hidden)
	return &hidden
}

func erase(f *flow.Flow) {
	gone := func(s flow.State) bool { return s == flow.Pending || s == flow.Unavailable }
	if gone(f.Source.IdentityState) {
		f.Source.Identity = ""
	}
	if gone(f.Source.CountryState) {
		f.Source.Country = ""
	}
	if gone(f.Destination.AddressState) {
		f.Destination.Address = netip.Addr{}
	}
	if gone(f.Destination.LocationState) {
		f.Destination.Location = flow.Location{}
	}
	if gone(f.Request.State) {
		f.Request = flow.Request{State: f.Request.State}
	}
	if gone(f.Data.State) {
		f.Data = flow.Data{State: f.Data.State}
	}
}

// check holds the promises about one random set of policies.
func check(t *testing.T, seed uint64, onUninspectable string) {
	r := rand.New(rand.NewPCG(seed, 7))
	p, plain := randomPolicies(t, r, onUninspectable)
	for range 20 {
		f := randomFlow(r)
		want, logged := decide(plain, f)
		full := p.DecideAt(f, flow.Body, decidedAt)
		if full.Verdict != want || len(full.Logged) != logged || len(full.Errors) > 0 {
			t.Fatalf("seed %d: decided %v with %d marks, plain evaluation %v with %d\n%+v", seed, full.Verdict, len(full.Logged), want, logged, f)
		}
		if again := p.DecideAt(f, flow.Body, decidedAt); !cmp.Equal(full, again) {
			t.Fatalf("seed %d: two decisions of one flow differ: %s", seed, cmp.Diff(full, again))
		}

		early := p.DecideAt(hide(r, f, flow.Pending, 0, 1, 2, 3, 4, 5), flow.Headers, decidedAt)
		if early.Verdict != flow.Undecided && early.Verdict != want {
			t.Fatalf("seed %d: decided %v before all was known, and %v after\n%+v", seed, early.Verdict, want, f)
		}
		if early.Verdict != flow.Undecided && (early.NeedsData || early.NeedsRequest) {
			t.Fatalf("seed %d: decided and waiting", seed)
		}

		among := []int{0, 1, 2, 3}
		if onUninspectable == "block" {
			among = append(among, 4, 5)
		}
		blind := hide(r, f, flow.Unavailable, among...)
		if d := p.DecideAt(blind, flow.Body, decidedAt); want == flow.Block && d.Verdict != flow.Block {
			t.Fatalf("seed %d: facts that cannot be had turned a block into %v\n%+v\n%+v", seed, d.Verdict, f, blind)
		}
		// An early verdict also holds if what was pending turns out to be unavailable.
		partly := hide(r, blind, flow.Pending, 0, 1, 2, 3, 4, 5)
		before, after := p.DecideAt(partly, flow.Headers, decidedAt), p.DecideAt(blind, flow.Body, decidedAt)
		if before.Verdict == flow.Allow && after.Verdict == flow.Block && missing(partly, blind) {
			t.Fatalf("seed %d: allowed early, blocked later\n%+v\n%+v", seed, partly, blind)
		}
	}
}

// missing reports whether partly only lacks what whole has, with nothing swapped for something else.
func missing(partly, whole *flow.Flow) bool {
	a, b := states(partly), states(whole)
	for i := range a {
		if *a[i] != flow.Pending && *a[i] != *b[i] {
			return false
		}
	}
	return true
}

func TestRandomPoliciesKeepTheirPromises(t *testing.T) {
	for seed := range uint64(30) {
		check(t, seed, "block")
		check(t, seed, "allow")
	}
}

func FuzzDecide(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, strict bool) {
		if strict {
			check(t, seed, "block")
		} else {
			check(t, seed, "allow")
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{good, good + "rules: [{id: a, when: 'true', verdict: log}]", good + "rules:\n- id: b\n  when: |\n    data.has(\"x\") &&\n    destnation == 1\n  verdict: block\n",
		good + "inspect:\n- when: 'data.subjects == 1'\n  level: sni\n", "---\n---\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, problems := Parse(map[string][]byte{"a.yaml": data})
		if (p == nil) != (len(problems) > 0) {
			t.Fatalf("policy %v with problems %v", p, problems)
		}
		if p != nil {
			p.Decide(known(), flow.Body)
		}
	})
}
