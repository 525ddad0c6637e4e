package lint

import (
	"errors"
	"time"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/formula"
)

// reading finds conditions that read too much, or more than there may be.
func (r *review) reading(s *subject) {
	r.readsEverything(s)
	s.formula.Atoms(func(a *formula.Atom, _ bool) {
		if a.Test != formula.Opaque {
			return
		}
		if contains(a.Expr, everyElement) {
			r.vacuous(s, a)
		}
		if contains(a.Expr, indexing) {
			r.unguarded(s, a)
		}
	})
}

// readsEverything proves that no flow is settled before its payload has been read.
func (r *review) readsEverything(s *subject) {
	waits := s.Redact != nil || s.formula.Reads("data") && s.makesADifference()
	if !s.decides() || s.regime.Mode != rules.Enforce || !waits || s.someAreSpared() {
		return
	}
	unread := s.formula.Replace(func(a *formula.Atom, _ bool) (truth, known bool) {
		if formula.GroupOf(a.Fact) == "data" && a.Test != formula.Opaque {
			return true, true
		}
		for _, fact := range a.Reads {
			if formula.GroupOf(fact) == "data" {
				return true, true
			}
		}
		return false, false
	})
	if !possible(formula.Not(unread)) {
		r.add(s, readsEverything, "when", "every flow waits here until its payload has been read", "")
	}
}

// makesADifference reports whether the policy could come to another verdict without s.
func (s *subject) makesADifference() bool {
	if s.Verdict != s.regime.Default {
		return true
	}
	for _, later := range s.regime.rules[s.index+1:] {
		if later.decides() && later.Verdict != s.Verdict {
			return true
		}
	}
	return false
}

// someAreSpared reports whether an earlier rule decides flows before their payload, or the policy leaves
// some connections unread.
func (s *subject) someAreSpared() bool {
	for _, earlier := range s.regime.rules[:s.index] {
		if earlier.decides() && !earlier.formula.Reads("data") && possible(earlier.formula) {
			return true
		}
	}
	return s.regime.Positions.Has("inspect[0]")
}

// placeless holds of flows to a destination of which no source knows the place.
var placeless = &formula.Node{Op: formula.Statement, Atom: &formula.Atom{Fact: "destination.country", Test: formula.OneOf, Texts: []string{""}}}

// vacuous tries the condition on a flow for which the list is empty, and on which it depends on the
// statement about the list.
func (r *review) vacuous(s *subject, a *formula.Atom) {
	f, now, ok := r.dependsOn(s, a)
	if !ok {
		return
	}
	if matched, err := r.policy.Evaluate(s.Rule, f, now); err == nil && matched {
		r.addAt(s, vacuous, a.Place, "this is true when the list is empty, as it is for a destination whose place is not known", formula.Describe(f))
	}
}

func (r *review) unguarded(s *subject, a *formula.Atom) {
	f, now, ok := r.dependsOn(s, a)
	if !ok {
		return
	}
	if _, err := r.policy.Evaluate(s.Rule, f, now); err != nil && !errors.Is(err, rules.ErrUndetermined) {
		r.addAt(s, unguarded, a.Place, "this cannot be evaluated when the element is not there: "+err.Error(), formula.Describe(f))
	}
}

// dependsOn returns a flow with empty lists on which the condition is true if a is, and else false.
func (r *review) dependsOn(s *subject, a *formula.Atom) (*flow.Flow, time.Time, bool) {
	given := func(truth bool) *formula.Node {
		return s.formula.Replace(func(other *formula.Atom, negated bool) (bool, bool) {
			return truth != negated, other.Fact == a.Fact
		})
	}
	for _, premise := range [][2]bool{{true, false}, {false, true}} {
		model, answer := formula.Satisfy(given(premise[0]), formula.Not(given(premise[1])), placeless)
		if answer == formula.No || model == nil {
			continue
		}
		f, now := model.Flow(r.options.Now)
		return f, now, true
	}
	return nil, time.Time{}, false
}

// contains reports whether e, or a part of it, is what is looked for.
func contains(e ast.Expr, is func(ast.Expr) bool) bool {
	found := false
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(part ast.Expr) { found = found || is(part) }))
	return found
}

// everyElement recognises list.all(…) over a list that is not written out.
func everyElement(e ast.Expr) bool {
	loop, ok := formula.LoopOf(e)
	return ok && loop.All && loop.Range.Kind() != ast.ListKind
}

// indexing recognises list[…] and map[…].
func indexing(e ast.Expr) bool {
	return e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.Index
}
