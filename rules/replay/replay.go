// Package replay decides recorded flows again: which of them would a candidate policy, or candidate
// data on jurisdictions, have decided otherwise?
//
// A record keeps less than the proxy knew: no path, no query, no header, no payload. Facts that it does
// not keep are pending here, never empty, and a verdict that depends on one is counted as "not decidable
// from the record". What is kept of a request (method, scheme, protocol) is used as far as a proof
// goes that the rest does not matter.
//
//	r := replay.New(candidate, replay.Options{})
//	for … { r.Add(replay.Case{Flow: f, Verdict: "allow"}) }
//	report := r.Report()
//
// Memory is constant, whatever the number of flows. Reading records is left to the caller; see
// proxy/evidence.
package replay

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
)

// Case is one recorded flow.
type Case struct {
	// Flow holds what the record keeps. Groups of facts that were known and are not kept, wholly or in
	// part, are Pending; Request then has its method, scheme and protocol nevertheless.
	Flow *flow.Flow
	// Verdict, Policy and Rule are the recorded decision; Verdict is "" when there was none.
	Verdict, Policy, Rule string
}

// Options adjusts a Replay.
type Options struct {
	// Against is the policy to compare with; nil compares with the recorded verdicts.
	Against *rules.Policy
	// Locate, when set, finds the candidate's jurisdiction of a destination.
	Locate func(host string, address netip.Addr) (flow.Location, flow.State)
}

// Limits of a report.
const (
	maxGroups   = 10_000 // names that are counted apart, of each kind; further ones are counted together
	maxListed   = 20     // groups of each kind in a report
	maxExamples = 20
)

// others is the name of the flows that maxGroups leaves no room for.
const others = "(others)"

// Replay compares decisions. It is not safe for concurrent use.
type Replay struct {
	candidate, against *decider
	locate             func(string, netip.Addr) (flow.Location, flow.State)
	report             Report
	changes, moves     map[change]int
	groups             [3]map[group]int // by rule, destination and source
}

type change struct{ from, to string }

type group struct {
	name string
	change
}

// New returns a Replay of flows against candidate.
func New(candidate *rules.Policy, options Options) *Replay {
	r := &Replay{candidate: newDecider(candidate), locate: options.Locate, changes: map[change]int{}, moves: map[change]int{}}
	if options.Against != nil {
		r.against = newDecider(options.Against)
	}
	for i := range r.groups {
		r.groups[i] = map[group]int{}
	}
	return r
}

// Add decides one flow again, at the time at which it was recorded.
func (r *Replay) Add(c Case) {
	before, known := c.Verdict, c.Verdict != "" && c.Verdict != flow.Undecided.String()
	r.report.Flows++
	if r.against != nil {
		decision, missing := r.against.decide(c.Flow)
		if missing != "" {
			r.undecidable(missing)
			return
		}
		before, known = decision.Verdict.String(), true
	}
	if !known {
		r.report.WithoutVerdict++
		return
	}
	f := *c.Flow
	if r.locate != nil {
		f.Destination.Location, f.Destination.LocationState = r.locate(f.Destination.Host, f.Destination.Address)
		if move := (change{place(c.Flow), place(&f)}); move.from != move.to {
			r.report.Relocated++
			r.moves[move]++
		}
	}
	decision, missing := r.candidate.decide(&f)
	if missing != "" {
		r.undecidable(missing)
		return
	}
	after := decision.Verdict.String()
	if before == after {
		r.report.Unchanged++
		return
	}
	r.changed(c.Flow, &f, change{before, after}, decision)
}

func (r *Replay) undecidable(missing string) {
	r.report.Undecidable++
	switch missing {
	case missingRequest:
		r.report.Missing.Request++
	case missingData:
		r.report.Missing.Data++
	default:
		r.report.Missing.Connection++
	}
}

// changed notes a changed verdict of f, which is recorded with another location.
func (r *Replay) changed(recorded, f *flow.Flow, c change, decision rules.Decision) {
	r.report.Changed++
	r.changes[c]++
	rule := decision.Policy + "/(default)"
	if decision.Rule != nil {
		rule = decision.Policy + "/" + decision.Rule.ID
	}
	source := f.Source.Identity
	if source == "" {
		source = f.Source.Pseudonym
	}
	if source == "" {
		source = f.Source.Address.String()
	}
	for i, name := range [...]string{rule, f.Destination.Host, source} {
		key := group{name, c}
		if _, counted := r.groups[i][key]; !counted && len(r.groups[i]) >= maxGroups {
			key.name = others
		}
		r.groups[i][key]++
	}
	if len(r.report.Examples) < maxExamples {
		example := Example{ID: f.ID, From: c.from, To: c.to, Rule: rule, Destination: f.Destination.Host,
			Country: f.Destination.Location.Country, Recorded: recorded.Destination.Location.Country, Source: source}
		if before, now := place(recorded), place(f); before != now {
			example.Why = before + " in the record, " + now + " now: " + grounds(f)
		}
		r.report.Examples = append(r.report.Examples, example)
	}
}

// unknown stands for the place of a flow that has no one country.
const unknown = "unknown"

// place is the country that a flow goes to.
func place(f *flow.Flow) string {
	if f.Destination.LocationState != flow.Known || f.Destination.Location.Country == "" {
		return unknown
	}
	return f.Destination.Location.Country
}

// grounds says what the place of a flow rests on.
func grounds(f *flow.Flow) string {
	location := &f.Destination.Location
	switch {
	case f.Destination.LocationState == flow.Unavailable:
		return "a source could not be asked"
	case place(f) == unknown && len(location.Conflicts) > 0:
		return location.Conflicts[0]
	case len(location.Jurisdictions) == 0:
		return "no source knows it"
	}
	strongest := location.Jurisdictions[0]
	return strongest.Source + ", " + strongest.Detail
}

// Report says what has been found so far.
func (r *Replay) Report() Report {
	report := r.report
	report.Changes, report.Moves = sorted(r.changes), sorted(r.moves)
	report.ByRule, report.ByDestination, report.BySource = listed(r.groups[0]), listed(r.groups[1]), listed(r.groups[2])
	report.Examples = append([]Example{}, report.Examples...)
	return report
}

func sorted(changes map[change]int) []Change {
	all := []Change{}
	for c, n := range changes {
		all = append(all, Change{c.from, c.to, n})
	}
	slices.SortFunc(all, func(a, b Change) int { return bigger(a.Flows, b.Flows, a.From+"→"+a.To, b.From+"→"+b.To) })
	return all
}

func listed(groups map[group]int) []Group {
	all := make([]Group, 0, len(groups))
	for g, n := range groups {
		all = append(all, Group{g.name, g.from, g.to, n})
	}
	slices.SortFunc(all, func(a, b Group) int { return bigger(a.Flows, b.Flows, a.Name+a.From, b.Name+b.From) })
	if len(all) <= maxListed {
		return all
	}
	rest := map[change]int{}
	for _, g := range all[maxListed:] {
		rest[change{g.From, g.To}] += g.Flows
	}
	all = slices.DeleteFunc(all[:maxListed], func(g Group) bool {
		if g.Name == others {
			rest[change{g.From, g.To}] += g.Flows
		}
		return g.Name == others
	})
	for c, n := range rest {
		all = append(all, Group{others, c.from, c.to, n})
	}
	slices.SortStableFunc(all, func(a, b Group) int { return bigger(a.Flows, b.Flows, a.Name+a.From, b.Name+b.From) })
	return all
}

func bigger(a, b int, nameA, nameB string) int {
	if a != b {
		return b - a
	}
	return strings.Compare(nameA, nameB)
}
