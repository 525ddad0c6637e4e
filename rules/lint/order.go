package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/formula"
)

// maxCompared bounds how many earlier rules a rule is compared with, and maxConflicts how many
// conflicts of a pair of policies are listed.
const (
	maxCompared  = 2000
	maxConflicts = 20
)

// decides reports whether the rule ends the evaluation of its policy when it matches.
func (s *subject) decides() bool {
	return s.Mode == rules.Enforce && (s.Verdict == flow.Allow || s.Verdict == flow.Block)
}

// outlasts reports whether s is valid whenever other is.
func (s *subject) outlasts(other *subject) bool {
	ends := s.ValidUntil.IsZero() || !other.ValidUntil.IsZero() && !other.ValidUntil.After(s.ValidUntil)
	return !s.ValidFrom.After(other.ValidFrom) && ends
}

// order finds rules that can never decide.
func (r *review) order(s *subject) {
	if _, answer := formula.Satisfy(s.formula); answer == formula.No {
		r.add(s, neverMatches, "when", "the condition can never be true", "")
		return
	}
	if !r.covered(s) {
		r.idle(s)
	}
}

// covered reports whether earlier rules of the policy match whenever s does.
func (r *review) covered(s *subject) bool {
	var related []*subject
	for _, earlier := range s.regime.rules[max(0, s.index-maxCompared):s.index] {
		if earlier.decides() && earlier.outlasts(s) && overlap(earlier, s) {
			related = append(related, earlier)
		}
	}
	open := []*formula.Node{s.formula}
	for _, earlier := range related {
		switch {
		case canonical(earlier.When) == canonical(s.When):
			r.add(s, duplicated, "when", fmt.Sprintf("the condition is that of rule %s on line %d", earlier.ID, earlier.Line), "")
			return true
		case formula.Implies(s.formula, earlier.formula):
			r.add(s, shadowed, "id", fmt.Sprintf("rule %s on line %d matches whenever this one does%s", earlier.ID, earlier.Line, unless(s, earlier)), "")
			return true
		}
		open = append(open, formula.Not(earlier.formula))
	}
	if len(related) < 2 {
		r.leftOpen(s, related)
		return false
	}
	if _, answer := formula.Satisfy(open...); answer == formula.No {
		names := together(s, related)
		r.add(s, shadowed, "id", fmt.Sprintf("the rules %s match, together, whenever this one does", strings.Join(names, ", ")), "")
		return true
	}
	r.leftOpen(s, related)
	return false
}

// together returns the ids of rules that together match whenever s does, and none that is not needed
// for it, where that is soon found out.
func together(s *subject, related []*subject) []string {
	const few = 50
	for i := 0; i < len(related) && len(related) <= few; {
		open := []*formula.Node{s.formula}
		for j, earlier := range related {
			if j != i {
				open = append(open, formula.Not(earlier.formula))
			}
		}
		if possible(open...) {
			i++
		} else {
			related = slices.Delete(slices.Clone(related), i, i+1)
		}
	}
	var names []string
	for _, earlier := range related {
		names = append(names, earlier.ID)
	}
	return names
}

// unless words when a shadowed rule decides all the same.
func unless(s, earlier *subject) string {
	if earlier.OnError == rules.OnErrorSkip && s.OnError == rules.OnErrorMatch && len(s.facts) > 0 {
		return "; it can decide only when a fact is unavailable"
	}
	return ""
}

// canonical is the text of a condition without what is of no meaning at its ends and line breaks.
func canonical(condition string) string { return strings.Join(strings.Fields(condition), " ") }

// overlap reports whether earlier can have a part in what is left for s: it reads nothing, or a fact
// that s reads too, and both may be true of one flow.
func overlap(earlier, s *subject) bool {
	if len(earlier.facts) == 0 {
		return true
	}
	for _, fact := range earlier.facts {
		if slices.Contains(s.facts, fact) {
			return possible(s.formula, earlier.formula)
		}
	}
	return false
}

// leftOpen says that two rules overlap in parts that are not analysed, so that one may shadow the
// other without a proof of it.
func (r *review) leftOpen(s *subject, related []*subject) {
	for _, earlier := range related {
		place, ok := sameUnknown(s.formula, earlier.formula)
		if !ok || !formula.Implies(s.formula, atBest(earlier.formula)) {
			continue
		}
		r.addAt(s, notAnalysable, place, fmt.Sprintf("not analysable: whether rule %s on line %d matches whenever this one does", earlier.ID, earlier.Line), "")
		return
	}
}

// atBest is n with every statement that is not analysed taken for true as it stands.
func atBest(n *formula.Node) *formula.Node {
	return n.Replace(func(a *formula.Atom, _ bool) (truth, known bool) { return true, a.Test == formula.Opaque })
}

// sameUnknown returns an opaque statement of a about facts of which b has another opaque statement.
func sameUnknown(a, b *formula.Node) (place formula.Place, found bool) {
	a.Atoms(func(x *formula.Atom, _ bool) {
		b.Atoms(func(y *formula.Atom, _ bool) {
			if x.Test == formula.Opaque && y.Test == formula.Opaque && x.Fact != y.Fact &&
				slices.ContainsFunc(x.Reads, func(fact string) bool { return slices.Contains(y.Reads, fact) }) {
				place, found = x.Place, true
			}
		})
	})
	return place, found
}

// idle finds allow rules that are an exception to nothing.
func (r *review) idle(s *subject) {
	if !s.decides() || s.Verdict != flow.Allow || s.regime.Default != flow.Allow || s.Redact != nil {
		return
	}
	for _, later := range s.regime.rules[s.index+1:] {
		if later.decides() && later.Verdict == flow.Block && possible(s.formula, later.formula) {
			return
		}
	}
	r.add(s, idleAllow, "verdict", "the policy allows this by default, and no later rule of it blocks it", "")
}

func possible(formulas ...*formula.Node) bool {
	_, answer := formula.Satisfy(formulas...)
	return answer != formula.No
}

// reaching returns formulas that hold of the flows on which s decides.
func (s *subject) reaching() []*formula.Node {
	all := []*formula.Node{s.formula}
	for _, earlier := range s.regime.rules[max(0, s.index-maxCompared):s.index] {
		if earlier.decides() && overlap(earlier, s) {
			all = append(all, formula.Not(earlier.formula))
		}
	}
	return all
}

// conflicts finds what one policy allows by a rule and another blocks by a rule. Each is shown by a
// flow on which both really decide.
func (r *review) conflicts() {
	for _, allowing := range r.regimes {
		for _, blocking := range r.regimes {
			if allowing != blocking && allowing.Mode == rules.Enforce && blocking.Mode == rules.Enforce {
				r.conflictsOf(allowing, blocking)
			}
		}
	}
}

func (r *review) conflictsOf(allowing, blocking *regime) {
	found, tried := 0, 0
	for _, a := range allowing.rules {
		for _, b := range blocking.rules {
			if !a.decides() || !b.decides() || a.Verdict != flow.Allow || b.Verdict != flow.Block {
				continue
			}
			if tried++; tried > maxCompared || found >= maxConflicts {
				return
			}
			model, answer := formula.Satisfy(append(a.reaching(), b.reaching()...)...)
			if answer == formula.No || model == nil {
				continue
			}
			f, now := model.Flow(r.options.Now)
			if !r.decidedBy(f, now, a, b) {
				continue
			}
			found++
			r.add(a, conflicting, "id", fmt.Sprintf("policy %s blocks some of what this rule allows, by its rule %s (%s:%d); the block wins",
				blocking.Name, b.ID, b.File, b.Line), formula.Describe(f))
		}
	}
}

// decidedBy reports whether each of the rules gives the verdict of its policy on f.
func (r *review) decidedBy(f *flow.Flow, now time.Time, expected ...*subject) bool {
	decision := r.policy.DecideAt(f, flow.Body, now)
	for _, s := range expected {
		if !slices.ContainsFunc(decision.Verdicts, func(v rules.PolicyVerdict) bool { return v.Rule == s.Rule && !v.Uninspectable }) {
			return false
		}
	}
	return len(decision.Errors) == 0
}
