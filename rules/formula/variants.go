package formula

import (
	"maps"
	"math"
	"slices"

	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// Variant is one value that conditions tell apart from others.
type Variant struct {
	Fact  string
	value value
}

// Apply gives f, which is changed, the variant's value.
func (v Variant) Apply(f *flow.Flow) { set(f, v.Fact, v.value) }

// Variants returns, for each fact that the conditions read, the values that they mention, the bounds
// of ranges with their neighbours, and a value outside each set. literals are for what the formulas
// leave opaque.
func Variants(formulas []*Node, literals []Literal) []Variant {
	demands, transfer := map[string][]demand{}, false
	for _, n := range formulas {
		n.Atoms(func(a *Atom, _ bool) {
			demands[a.Fact] = append(demands[a.Fact], demand{atom: a})
			transfer = transfer || a.Test == Opaque && slices.Contains(a.Reads, "source.country") && slices.Contains(a.Reads, "destination.country")
			if a.Test == Opaque && len(a.Texts) > 0 { // a group of countries
				member := &Atom{Fact: "destination.country", Test: OneOf, Texts: a.Texts[:1]}
				demands[member.Fact] = append(demands[member.Fact], demand{atom: member})
			}
		})
	}
	for _, l := range literals {
		switch {
		case l.Fact == "destination.jurisdictions[].country":
			l.Fact = "destination.country"
			fallthrough
		case GroupOf(l.Fact) != l.Fact:
			demands[l.Fact] = append(demands[l.Fact], demand{atom: &Atom{Fact: l.Fact, Test: OneOf, Texts: []string{l.Text}}})
		}
	}
	var all []Variant
	for _, fact := range slices.Sorted(maps.Keys(demands)) {
		if fact == "now" {
			continue // the caller chooses the time
		}
		for _, v := range values(fact, demands[fact]) {
			all = append(all, Variant{fact, v})
		}
	}
	if transfer { // two of them together make one within a country, or one across a border
		codes := allCountries()
		all = append(all, Variant{"source.country", value{test: OneOf, text: codes[0]}},
			Variant{"destination.country", value{test: OneOf, text: codes[0]}}, Variant{"destination.country", value{test: OneOf, text: codes[1]}})
	}
	return all
}

func values(fact string, demands []demand) []value {
	switch demands[0].atom.Test {
	case Opaque:
		return nil
	case IsTrue:
		return []value{{test: IsTrue}, {test: IsTrue, truth: true}}
	case Within:
		return numbers(fact, demands)
	}
	if fact == "destination.country" {
		return placesOf(demands)
	}
	_, texts := domain(fact)
	for _, d := range demands {
		texts = append(slices.Clone(texts), d.atom.Texts...)
		texts = append(texts, compose([]demand{d})...)
	}
	var found []value
	seen := map[string]bool{}
	for _, text := range texts {
		if !seen[text] && possible(fact, text) {
			seen[text] = true
			found = append(found, value{test: OneOf, text: text})
		}
	}
	return found
}

func numbers(fact string, demands []demand) []value {
	low, high := bounds(fact)
	step := 1.0
	if isFraction(fact) {
		step = 0.01
	}
	seen := map[float64]bool{}
	var found []value
	for _, d := range demands {
		for _, bound := range [...]float64{0, d.atom.Range.Low, d.atom.Range.High} {
			for _, x := range [...]float64{bound, bound - step, bound + step} {
				if !math.IsInf(x, 0) && x >= low && x <= high && !seen[x] {
					seen[x] = true
					found = append(found, value{test: Within, number: x})
				}
			}
		}
	}
	return found
}

// placesOf resolves each country alone, and with a claim of another.
func placesOf(demands []demand) []value {
	found := []value{{test: OneOf}}
	mentioned := countries(demands)
	for i, code := range mentioned {
		if !jurisdiction.ValidCountry(code) {
			continue
		}
		found = append(found, value{test: OneOf, text: code}, value{test: OneOf, claims: []string{code}},
			value{test: OneOf, text: code, claims: []string{mentioned[(i+1)%len(mentioned)]}})
	}
	return found
}

// Clone returns a copy of f that shares nothing that Variants change.
func Clone(f *flow.Flow) *flow.Flow {
	c := *f
	c.Request.Header = f.Request.Header.Clone()
	c.Destination.Location.Jurisdictions = slices.Clone(f.Destination.Location.Jurisdictions)
	c.Data.Categories, c.Data.Findings = slices.Clone(f.Data.Categories), slices.Clone(f.Data.Findings)
	return &c
}
