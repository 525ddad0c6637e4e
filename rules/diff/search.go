package diff

import (
	"slices"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/formula"
)

// maxDifferences bounds a report.
const maxDifferences = 200

// start is a flow that the search varies.
type start struct {
	flow *flow.Flow
	at   time.Time
}

// search looks for flows that two policies decide differently.
type search struct {
	old, new *rules.Policy
	options  Options
	formulas map[*rules.Rule]*formula.Node
	variants []formula.Variant
	tried    int
	seen     map[string]bool // differences, by what both policies make of them
	found    []Difference
}

func newSearch(old, new *rules.Policy, options Options) *search {
	s := &search{old: old, new: new, options: options, formulas: map[*rules.Rule]*formula.Node{}, seen: map[string]bool{}}
	var nodes []*formula.Node
	var literals []formula.Literal
	for _, rule := range append(old.Rules(), new.Rules()...) {
		s.formulas[rule] = formula.True
		if tree, err := rules.Tree(rule.When); err == nil {
			s.formulas[rule] = formula.Of(tree)
			literals = append(literals, formula.Literals(tree)...)
		}
		nodes = append(nodes, s.formulas[rule])
	}
	s.variants = formula.Variants(nodes, literals)
	return s
}

// run tries the flows that changed rules suggest, then those, and neutral ones, with one fact varied,
// and with two.
func (s *search) run(changes []Change) {
	starts := s.suggested(changes)
	starts = append(starts, s.states()...)
	for _, b := range starts {
		s.try(b)
	}
	starts = slices.CompactFunc(starts, func(a, b start) bool { return a.at.Equal(b.at) && formula.Describe(a.flow) == formula.Describe(b.flow) })
	for _, b := range starts {
		for _, v := range s.variants {
			s.try(b.with(v))
		}
	}
	for _, b := range starts {
		for i, first := range s.variants {
			for _, second := range s.variants[i+1:] {
				if s.spent() {
					return
				}
				if first.Fact != second.Fact {
					s.try(b.with(first).with(second))
				}
			}
		}
	}
}

func (s *search) spent() bool { return s.tried >= s.options.Flows || len(s.found) >= maxDifferences }

func (b start) with(v formula.Variant) start {
	f := formula.Clone(b.flow)
	v.Apply(f)
	return start{f, b.at}
}

// states returns neutral flows, of which groups of facts cannot be had.
func (s *search) states() []start {
	all := []start{{formula.Neutral(), s.options.Now}}
	for _, change := range []func(*flow.Flow){
		func(f *flow.Flow) { f.Destination.LocationState = flow.Unavailable },
		func(f *flow.Flow) { f.Data = flow.Data{State: flow.Unavailable} },
		func(f *flow.Flow) {
			f.Request = flow.Request{State: flow.Unavailable, Method: "CONNECT", Protocol: "connect", Size: -1}
			f.Data = flow.Data{State: flow.Unavailable}
		},
		func(f *flow.Flow) { f.Data.Undecodable, f.Data.Coverage = "truncated gzip", flow.CoveragePartial },
		func(f *flow.Flow) { f.Source.IdentityState, f.Source.CountryState = flow.Unavailable, flow.Unavailable },
		func(f *flow.Flow) { f.Source.WorkloadState, f.Declared.State = flow.Unavailable, flow.Unavailable },
	} {
		f := formula.Neutral()
		change(f)
		all = append(all, start{f, s.options.Now})
	}
	return all
}

// suggested returns flows that tell the versions of changed rules apart.
func (s *search) suggested(changes []Change) []start {
	var starts []start
	for _, change := range changes {
		old, new := ruleOf(s.old, change), ruleOf(s.new, change)
		for i := range max(len(old), len(new)) {
			starts = append(starts, s.apart(at(old, i), at(new, i))...)
		}
	}
	return starts
}

// ruleOf returns the rule that a change is about, or all of the policy's.
func ruleOf(p *rules.Policy, change Change) []*rules.Rule {
	var found []*rules.Rule
	for _, rule := range p.Rules() {
		if rule.Policy == change.Policy && (change.Rule == "" || rule.ID == change.Rule) {
			found = append(found, rule)
		}
	}
	return found
}

func at(all []*rules.Rule, i int) *rules.Rule {
	if i < len(all) {
		return all[i]
	}
	return nil
}

// apart returns flows on which the old or the new rule decides, above all those on which only one of
// them does. Either may be nil.
func (s *search) apart(old, new *rules.Rule) []start {
	never := formula.Not(formula.True)
	before, after := never, never
	var reachOld, reachNew []*formula.Node
	times := []time.Time{s.options.Now}
	if old != nil {
		before, reachOld = s.formulas[old], s.reaching(s.old, old)
		times = append(times, boundaries(old)...)
	}
	if new != nil {
		after, reachNew = s.formulas[new], s.reaching(s.new, new)
		times = append(times, boundaries(new)...)
	}
	var starts []start
	for _, question := range [][]*formula.Node{
		append([]*formula.Node{after, formula.Not(before)}, reachNew...),
		append([]*formula.Node{before, formula.Not(after)}, reachOld...),
		append([]*formula.Node{after}, reachNew...),
		append([]*formula.Node{before}, reachOld...),
		{before, after},
	} {
		model, answer := formula.Satisfy(question...)
		if answer == formula.No || model == nil {
			continue
		}
		for _, now := range times {
			f, when := model.Flow(now)
			starts = append(starts, start{f, when})
			for _, change := range s.states()[1:] {
				unavailable := formula.Clone(f)
				unavailable.Data.State = max(unavailable.Data.State, change.flow.Data.State)
				unavailable.Request.State = max(unavailable.Request.State, change.flow.Request.State)
				unavailable.Destination.LocationState = max(unavailable.Destination.LocationState, change.flow.Destination.LocationState)
				starts = append(starts, start{unavailable, when})
			}
		}
	}
	return starts
}

// boundaries are the moments around which a rule begins and ends to be valid.
func boundaries(rule *rules.Rule) []time.Time {
	var times []time.Time
	for _, t := range []time.Time{rule.ValidFrom, rule.ValidUntil} {
		if !t.IsZero() {
			times = append(times, t.Add(-time.Second), t)
		}
	}
	return times
}

// reaching says that no earlier rule of the policy decides.
func (s *search) reaching(p *rules.Policy, rule *rules.Rule) []*formula.Node {
	var nodes []*formula.Node
	for _, earlier := range p.Rules() {
		if earlier == rule {
			break
		}
		if earlier.Policy == rule.Policy && earlier.Mode == rules.Enforce && earlier.Verdict != flow.Log {
			nodes = append(nodes, formula.Not(s.formulas[earlier]))
		}
	}
	return nodes
}

// try decides one flow by both policies.
func (s *search) try(b start) {
	if s.spent() {
		return
	}
	s.tried++
	old, new := outcome(s.old, b.flow, b.at), outcome(s.new, b.flow, b.at)
	if key := key(old, new); differ(old, new) && !s.seen[key] {
		s.seen[key] = true
		least := s.minimise(b, key)
		s.found = append(s.found, Difference{Old: old, New: new, Witness: formula.Describe(least.flow) + unavailable(least.flow), Time: least.at, Flow: least.flow})
	}
}

func key(old, new Outcome) string { return old.String() + " → " + new.String() }

// unavailable words what of a witness cannot be had.
func unavailable(f *flow.Flow) string {
	var names []string
	for _, group := range []struct {
		name  string
		state flow.State
	}{{"identity", f.Source.IdentityState}, {"place", f.Destination.LocationState}, {"request", f.Request.State}, {"payload", f.Data.State}} {
		if group.state == flow.Unavailable {
			names = append(names, group.name)
		}
	}
	if names == nil {
		return ""
	}
	return "; unavailable: " + strings.Join(names, ", ")
}

// minimise takes back whatever is remarkable of a witness and not needed for the difference.
func (s *search) minimise(b start, wanted string) start {
	n := formula.Neutral()
	for _, reset := range []func(*flow.Flow){
		func(f *flow.Flow) { f.Source = n.Source },
		func(f *flow.Flow) { f.Destination = n.Destination },
		func(f *flow.Flow) { f.Request = n.Request },
		func(f *flow.Flow) { f.Data = n.Data },
		func(f *flow.Flow) { f.Source.Address, f.Source.Port = n.Source.Address, n.Source.Port },
		func(f *flow.Flow) {
			f.Source.Identity, f.Source.Assurance, f.Source.IdentityState = "", "", flow.Absent
		},
		func(f *flow.Flow) { f.Source.Country, f.Source.CountryState = "", flow.Absent },
		func(f *flow.Flow) { f.Destination.Host = n.Destination.Host },
		func(f *flow.Flow) { f.Destination.Port = n.Destination.Port },
		func(f *flow.Flow) {
			f.Destination.Address, f.Destination.AddressState = n.Destination.Address, flow.Known
		},
		func(f *flow.Flow) { f.Destination.Location, f.Destination.LocationState = flow.Location{}, flow.Absent },
		func(f *flow.Flow) { f.Destination.Location.Operator, f.Destination.Location.OperatorHome = "", "" },
		func(f *flow.Flow) { f.Destination.Location.ParentHome = "" },
		func(f *flow.Flow) { f.Destination.Location.Anycast, f.Destination.Location.Stale = false, false },
		func(f *flow.Flow) { f.Destination.Exemption = "" },
		func(f *flow.Flow) { f.Request.Method = n.Request.Method },
		func(f *flow.Flow) { f.Request.Scheme = n.Request.Scheme },
		func(f *flow.Flow) { f.Request.Path = n.Request.Path },
		func(f *flow.Flow) { f.Request.Query = n.Request.Query },
		func(f *flow.Flow) { f.Request.Header = n.Request.Header },
		func(f *flow.Flow) { f.Request.Protocol = n.Request.Protocol },
		func(f *flow.Flow) { f.Request.Size = n.Request.Size },
		func(f *flow.Flow) { f.Declared = n.Declared },
		func(f *flow.Flow) { f.Data.Subjects = 0 },
		func(f *flow.Flow) { f.Data.Findings = nil },
	} {
		b = s.keepIf(b, wanted, reset)
	}
	for i := len(b.flow.Data.Categories) - 1; i >= 0; i-- {
		b = s.keepIf(b, wanted, func(f *flow.Flow) { f.Data.Categories = slices.Delete(f.Data.Categories, i, i+1) })
	}
	for i := len(b.flow.Destination.Location.Jurisdictions) - 1; i >= 0; i-- {
		b = s.keepIf(b, wanted, func(f *flow.Flow) {
			f.Destination.Location.Jurisdictions = slices.Delete(f.Destination.Location.Jurisdictions, i, i+1)
		})
	}
	if !b.at.Equal(s.options.Now) {
		if now := (start{b.flow, s.options.Now}); s.shows(now, wanted) {
			b = now
		}
	}
	return b
}

func (s *search) keepIf(b start, wanted string, change func(*flow.Flow)) start {
	plainer := start{formula.Clone(b.flow), b.at}
	if change(plainer.flow); s.shows(plainer, wanted) {
		return plainer
	}
	return b
}

func (s *search) shows(b start, wanted string) bool {
	return key(outcome(s.old, b.flow, b.at), outcome(s.new, b.flow, b.at)) == wanted
}
