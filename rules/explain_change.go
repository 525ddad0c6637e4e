package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// Limits of what is searched for the smallest change. Beyond them an explanation says so.
const (
	maxCombinations = 1 << 16 // of the values of one condition's atoms
	maxChanges      = 8       // sets of the same size that are shown
	maxSteps        = 8       // rules that are turned around one after the other
	maxWorld        = 2000    // rules whose changes are followed to the verdict
)

// atomChange is an atom that is to have another value.
type atomChange struct {
	atom *node
	want truthValue
}

// alternatives are the smallest sets of changes that turn one rule around.
type alternatives struct {
	sets          [][]atomChange
	notAnalysable string
}

// smallest returns the smallest sets of atoms whose value would have to differ for the condition to
// be want. Sets that other atoms of the condition may contradict are left out, because they read the
// same fact in a way that cannot be worked out.
func (t *trace) smallest(now []truthValue, want truthValue) alternatives {
	s := changeSearch{trace: t, now: now, want: want, models: modelGroups(t.atoms), best: len(t.atoms) + 1, values: slices.Clone(now)}
	combinations := 1
	for _, value := range now {
		if value > isTrue {
			combinations *= 3 // true, false, or as it is
		} else {
			combinations *= 2
		}
		if combinations > maxCombinations {
			return alternatives{notAnalysable: "the condition has too many different sub-expressions"}
		}
	}
	s.from(0, nil)
	switch {
	case len(s.found) > 0:
		return alternatives{sets: s.found}
	case s.dropped:
		return alternatives{notAnalysable: "its sub-expressions read the same facts in ways that cannot be told apart"}
	}
	return alternatives{notAnalysable: "no value of its sub-expressions changes the result"}
}

// changeSearch tries every combination of values of a condition's atoms.
type changeSearch struct {
	trace  *trace
	now    []truthValue
	want   truthValue
	models map[string]*modelGroup

	values  []truthValue // of the combination that is being tried
	best    int
	found   [][]atomChange
	dropped bool // a set of the best size is not known to be possible
}

// from tries every value of the atoms from the i-th on.
func (s *changeSearch) from(i int, changes []atomChange) {
	if len(changes) > s.best {
		return
	}
	if i == len(s.now) {
		s.try(changes)
		return
	}
	s.values[i] = s.now[i]
	s.from(i+1, changes)
	atom := s.trace.atoms[i]
	if len(atom.reads) == 0 {
		return // a constant
	}
	for _, value := range [...]truthValue{isFalse, isTrue} {
		if value != s.now[i] {
			s.values[i] = value
			s.from(i+1, append(changes, atomChange{atom, value}))
		}
	}
	s.values[i] = s.now[i]
}

func (s *changeSearch) try(changes []atomChange) {
	if len(changes) == 0 || combine(s.trace.root, func(atom *node) truthValue { return s.values[atom.atom] }) != s.want || !s.possible() {
		return
	}
	if len(changes) < s.best {
		s.best, s.found, s.dropped = len(changes), nil, false
	}
	if entangled(changes, s.trace.atoms) {
		s.dropped = true
	} else if len(s.found) < maxChanges {
		s.found = append(s.found, slices.Clone(changes))
	}
}

// possible reports whether atoms that compare the same fact can have these values together.
func (s *changeSearch) possible() bool {
	for _, group := range s.models {
		var set uint64
		changed, definite := false, true
		for i, at := range group.atoms {
			changed = changed || s.values[at] != s.now[at]
			definite = definite && s.values[at] <= isTrue
			set |= uint64(s.values[at]&1) << i
		}
		if changed && (!definite || !group.possible[set]) {
			return false
		}
	}
	return true
}

// modelGroup is the atoms of one condition that compare the same fact.
type modelGroup struct {
	atoms    []int
	possible map[uint64]bool
}

func modelGroups(atoms []*node) map[string]*modelGroup {
	groups := map[string]*modelGroup{}
	models := map[string][]*model{}
	for i, atom := range atoms {
		if atom.model == nil {
			continue
		}
		fact := atom.model.fact
		if groups[fact] == nil {
			groups[fact] = &modelGroup{}
		}
		groups[fact].atoms = append(groups[fact].atoms, i)
		models[fact] = append(models[fact], atom.model)
	}
	for fact, group := range groups {
		group.possible = combinations(models[fact])
	}
	return groups
}

// entangled reports whether another atom may contradict the changes: it reads a related fact, and is
// not in the same model, where contradictions are excluded already.
func entangled(changes []atomChange, atoms []*node) bool {
	for _, c := range changes {
		for _, other := range atoms {
			if other.text == c.atom.text || c.atom.model != nil && other.model != nil && c.atom.model.fact == other.model.fact {
				continue
			}
			if related(c.atom, other) {
				return true
			}
		}
	}
	return false
}

// changes fills in what would have to differ: for each rule, and for the verdict.
func (x *Explainer) changes(e *Explanation) {
	w := newWorld(e)
	if !w.agrees(e.Decision) {
		e.NotAnalysable = "the verdict does not follow from the results of the rules alone"
	}
	if len(x.policy.Rules()) > maxWorld {
		e.NotAnalysable = fmt.Sprintf("there are more than %d rules", maxWorld)
	}
	for i := range e.Policies {
		for j := range e.Policies[i].Rules {
			r := &e.Policies[i].Rules[j]
			if r.NotAnalysable != "" {
				continue
			}
			found := r.trace.smallest(r.atomsNow(), r.wanted(e.Decision.Verdict))
			r.NotAnalysable = found.notAnalysable
			for _, set := range found.sets {
				r.Changes = append(r.Changes, r.named(set))
				if e.NotAnalysable != "" || r.Rule.Verdict == flow.Log || r.Rule.Mode == Shadow || e.Policies[i].Info.Mode == Shadow {
					continue
				}
				after, exact := w.after(set)
				if after.Verdict == e.Decision.Verdict || after.Verdict == flow.Undecided {
					continue
				}
				e.Changes = append(e.Changes, VerdictChange{Changes: r.named(set), Rules: []*Rule{r.Rule}, Verdict: after.Verdict,
					Policy: after.Policy, By: after.Rule, Alone: !exact})
			}
		}
	}
	e.Changes = leastChanges(e.Changes)
	if len(e.Changes) == 0 && e.NotAnalysable == "" {
		e.Together, e.NotAnalysable = w.together(e)
	}
}

// leastChanges keeps the smallest changes, those first that are exact.
func leastChanges(all []VerdictChange) []VerdictChange {
	slices.SortStableFunc(all, func(a, b VerdictChange) int {
		if a.Alone != b.Alone && len(a.Changes) == len(b.Changes) {
			return map[bool]int{true: 1, false: -1}[a.Alone]
		}
		return len(a.Changes) - len(b.Changes)
	})
	kept := 0
	for kept < len(all) && kept < maxChanges && len(all[kept].Changes) == len(all[0].Changes) {
		kept++
	}
	return all[:kept]
}

// atomsNow returns the values of the rule's atoms.
func (r *RuleExplanation) atomsNow() []truthValue {
	now := make([]truthValue, len(r.trace.atoms))
	for i, atom := range r.trace.atoms {
		now[i] = r.trace.values.truth(atom)
	}
	return now
}

// wanted returns what the condition would have to be for the rule to do the opposite of what it does.
func (r *RuleExplanation) wanted(verdict flow.Verdict) truthValue {
	matches := r.Result == ResultMatched || r.Result == ResultFailed && r.Rule.OnError == OnErrorMatch
	if r.Result == ResultUninspectable || r.Result == ResultPending {
		matches = r.Rule.Verdict == verdict
	}
	if matches {
		return isFalse
	}
	return isTrue
}

func (r *RuleExplanation) named(set []atomChange) []Change {
	changes := make([]Change, len(set))
	for i, c := range set {
		changes[i] = Change{Text: c.atom.text, Now: r.trace.values.rendered(c.atom), Needed: c.want == isTrue}
	}
	return changes
}

// world is every rule's condition with the values of its atoms, so that it can be asked what a change
// of some of them would lead to.
type world struct {
	e     *Explanation
	atoms map[string]*node
	now   map[string]truthValue
}

func newWorld(e *Explanation) *world {
	w := &world{e: e, atoms: map[string]*node{}, now: map[string]truthValue{}}
	for i := range e.Policies {
		for j := range e.Policies[i].Rules {
			r := &e.Policies[i].Rules[j]
			for _, atom := range r.trace.atoms {
				w.atoms[atom.text], w.now[atom.text] = atom, r.trace.values.truth(atom)
			}
		}
	}
	return w
}

// agrees reports whether the verdict that follows from the rules' results is the one that was given.
func (w *world) agrees(d Decision) bool {
	after := w.decide(w.now)
	return after.Verdict == d.Verdict && after.Policy == d.Policy && sameRule(after.Rule, d.Rule)
}

func sameRule(a, b *Rule) bool {
	return a == b || a != nil && b != nil && a.Policy == b.Policy && a.ID == b.ID
}

// after returns the verdict if the atoms were changed and all others stayed. It is not exact if
// another atom could not stay as it is.
func (w *world) after(set []atomChange) (verdict PolicyVerdict, exact bool) {
	changed := maps.Clone(w.now)
	for _, c := range set {
		changed[c.atom.text] = c.want
	}
	return w.decide(changed), w.consistent(set, changed)
}

// consistent reports whether it is known that the changed values are possible beside all others.
func (w *world) consistent(set []atomChange, changed map[string]truthValue) bool {
	for _, c := range set {
		same := []*node{c.atom}
		for _, other := range w.atoms {
			switch {
			case other.text == c.atom.text:
			case c.atom.model != nil && other.model != nil && c.atom.model.fact == other.model.fact:
				same = append(same, other)
			case related(c.atom, other):
				return false
			}
		}
		if len(same) == 1 {
			continue
		}
		if len(same) > 64 {
			return false
		}
		var models []*model
		var assignment uint64
		for i, atom := range same {
			models = append(models, atom.model)
			if changed[atom.text] > isTrue {
				return false
			}
			assignment |= uint64(changed[atom.text]) << i
		}
		if !combinations(models)[assignment] {
			return false
		}
	}
	return true
}

// together turns the deciding rules around one after the other, until the verdict is another one.
func (w *world) together(e *Explanation) (*VerdictChange, string) {
	const noSingle = "no change of a single rule that can be worked out leads to another verdict"
	var set []atomChange
	var rules []*Rule
	values := w.now
	for range maxSteps {
		after := w.decide(values)
		if after.Verdict != e.Decision.Verdict && after.Verdict != flow.Undecided {
			if !w.consistent(set, values) {
				return nil, noSingle
			}
			change := &VerdictChange{Rules: rules, Verdict: after.Verdict, Policy: after.Policy, By: after.Rule}
			for _, c := range set {
				change.Changes = append(change.Changes, Change{Text: c.atom.text, Now: w.e.valueOf(c.atom.text), Needed: c.want == isTrue})
			}
			return change, ""
		}
		if after.Rule == nil {
			return nil, noSingle
		}
		r := w.e.Find(after.Policy, after.Rule.ID)
		current := make([]truthValue, len(r.trace.atoms))
		for i, atom := range r.trace.atoms {
			current[i] = values[atom.text]
		}
		found := r.trace.smallest(current, isFalse)
		if len(found.sets) == 0 {
			return nil, noSingle
		}
		set, rules = append(set, found.sets[0]...), append(rules, after.Rule)
		changed := maps.Clone(values)
		for _, c := range found.sets[0] {
			changed[c.atom.text] = c.want
		}
		values = changed
	}
	return nil, noSingle
}

// valueOf returns how an atom's value is shown.
func (e *Explanation) valueOf(text string) string {
	for i := range e.Policies {
		for j := range e.Policies[i].Rules {
			r := &e.Policies[i].Rules[j]
			for _, atom := range r.trace.atoms {
				if atom.text == text {
					return r.trace.values.rendered(atom)
				}
			}
		}
	}
	return ""
}

// decide is the verdict of all policies together when atoms have these values. It follows the same
// sentence as DecideAt, over results instead of evaluations.
func (w *world) decide(values map[string]truthValue) PolicyVerdict {
	d := Decision{}
	for i := range w.e.Policies {
		policy := &w.e.Policies[i]
		if policy.Info.Mode == Shadow {
			continue
		}
		regime := &legalRegime{name: policy.Info.Name, fallback: policy.Info.Default, blind: policy.Info.OnUninspectable, large: policy.Info.OnLargeBody, info: policy.Info}
		evaluated := evaluation{regime: regime}
		verdict := PolicyVerdict{Policy: regime.name, Verdict: regime.fallback}
		for j := range policy.Rules {
			r := &policy.Rules[j]
			if r.Result == ResultNotInForce || r.Exemption != nil || r.Rule.Verdict == flow.Log || r.Rule.Mode == Shadow {
				continue
			}
			if evaluated.take(r, values) {
				verdict = PolicyVerdict{Policy: regime.name, Verdict: r.Rule.Verdict, Rule: r.Rule}
				break
			}
		}
		d.combine(regime, evaluated.settle(verdict), evaluated.waits)
	}
	d.conclude()
	return PolicyVerdict{Policy: d.Policy, Verdict: d.Verdict, Rule: d.Rule, Uninspectable: d.Uninspectable}
}

// take notes a rule's result, and reports whether the rule decides.
func (e *evaluation) take(r *RuleExplanation, values map[string]truthValue) bool {
	result := isFailed
	if r.trace.root != nil {
		result = combine(r.trace.root, func(atom *node) truthValue { return values[atom.text] })
	}
	switch result {
	case isTrue:
		return true
	case isFailed:
		return r.Rule.OnError == OnErrorMatch
	case isPending, notRecorded:
		e.mayDecide[r.Rule.Verdict] = true
	case isUninspectable:
		if e.needsReading[r.Rule.Verdict] == nil {
			e.needsReading[r.Rule.Verdict] = &compiledRule{Rule: *r.Rule}
		}
	}
	return false
}

// String words a change for people.
func (c Change) String() string {
	if c.Now == "true" || c.Now == "false" {
		return fmt.Sprintf("%s were %t", c.Text, c.Needed)
	}
	return fmt.Sprintf("%s were %t (now: %s)", c.Text, c.Needed, strings.TrimPrefix(c.Now, "error: "))
}
