package lint

import (
	"fmt"
	"slices"
	"time"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/formula"
	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// principles finds what goes against free, lawful and even-handed data flow.
func (r *review) principles(s *subject) {
	if s.Verdict != flow.Block {
		return
	}
	if s.Purpose == "" {
		r.add(s, noPurpose, "id", "the rule does not say what it is for", "")
	}
	if s.LegalBasis == "" {
		r.add(s, noLegalBasis, "id", "the rule does not say which law or contract asks for it", "")
	}
	if len(s.named()) > 0 && s.ValidUntil.IsZero() {
		r.add(s, noReview, "when", fmt.Sprintf("the rule names %s for all time", listed(s.named())), "")
	}
	if s.decides() && s.regime.Mode == rules.Enforce && s.readsPlace() {
		r.unequal(s)
		r.unknownPlace(s)
	}
}

func (s *subject) readsPlace() bool {
	return slices.ContainsFunc(s.formula.Facts(), func(fact string) bool {
		switch fact {
		case "destination.country", "destination.operator", "destination.operatorHome", "destination.jurisdictions":
			return true
		}
		group := formula.GroupOf(fact)
		return group == "destination" && fact != "destination.host" && fact != "destination.port" && fact != "destination.address"
	})
}

// unequal looks for two flows that differ in their place or operator alone, of which this rule stops
// the one and nothing stops the other.
func (r *review) unequal(s *subject) {
	if s.missingBasis() == "" {
		return
	}
	f, now, ok := r.stopped(s)
	if !ok {
		return
	}
	for _, place := range r.places(s) {
		other := *f
		other.Destination.Location, other.Destination.LocationState = place, flow.Known
		if r.policy.DecideAt(&other, flow.Body, now).Verdict == flow.Allow {
			r.add(s, unequal, "when", fmt.Sprintf("a flow is stopped, and allowed if only its place were %s; the rule gives no %s",
				placeName(place), s.missingBasis()), fmt.Sprintf("stopped: %s; allowed: %s", formula.Describe(f), formula.Describe(&other)))
			return
		}
	}
}

// stopped returns a flow that s is the one to stop.
func (r *review) stopped(s *subject, more ...*formula.Node) (*flow.Flow, time.Time, bool) {
	model, answer := formula.Satisfy(append(s.reaching(), more...)...)
	if answer == formula.No {
		return nil, time.Time{}, false
	}
	f, now := model.Flow(r.options.Now)
	decision := r.policy.DecideAt(f, flow.Body, now)
	return f, now, decision.Verdict == flow.Block && r.decidedBy(f, now, s)
}

// places returns the places that the rule tells apart, and one that it does not name.
func (r *review) places(s *subject) []flow.Location {
	names := s.named()
	for _, other := range []string{"CH", "BR", "KE", "NZ", "SG", "CA", "NP"} {
		if !slices.Contains(names, other) {
			names = append(names, other)
			break
		}
	}
	var places []flow.Location
	for _, name := range names {
		if !jurisdiction.ValidCountry(name) {
			continue
		}
		places = append(places, flow.Location{Country: name, Confidence: 0.9, OperatorHome: name, ParentHome: name, Operator: "Another operator",
			Possible: []string{name}, Reach: []string{name},
			Jurisdictions: []flow.Claim{{Country: name, Source: "witness", Confidence: 0.9}}})
	}
	return places
}

func placeName(l flow.Location) string {
	return fmt.Sprintf("%s (%s)", jurisdiction.CountryName(l.Country), l.Country)
}

// unknownPlace looks for a flow to an unknown place that the rule stops, without stated basis,
// although it would let the same flow pass to a known one.
func (r *review) unknownPlace(s *subject) {
	for _, l := range s.literals {
		if isCountry(l) && l.Text == "" {
			return // the author thought of it
		}
	}
	f, now, ok := r.stopped(s, placeless)
	if !ok || s.missingBasis() == "" || f.Destination.LocationState != flow.Absent {
		return
	}
	for _, place := range r.places(s) {
		other := *f
		other.Destination.Location, other.Destination.LocationState = place, flow.Known
		if matched, err := r.policy.Evaluate(s.Rule, &other, now); err == nil && !matched {
			r.add(s, unknownIsBad, "when", "a destination is stopped because its place is not known", formula.Describe(f))
			return
		}
	}
}
