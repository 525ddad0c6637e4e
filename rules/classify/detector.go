package classify

import (
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// Evidence says what a detector needs beside a valid value.
type Evidence string

const (
	EvidenceNone     Evidence = "none"     // the value's form or checksum suffices
	EvidenceHelps    Evidence = "helps"    // a key raises the strength; a key that names something else discards the value
	EvidenceRequired Evidence = "required" // without a key or a nearby word nothing is reported
)

// Detector describes one kind of value that is looked for.
type Detector struct {
	ID          string        // e.g. "us-ssn"; stable, used in records
	Description string        // what the value is and what makes it valid
	Country     string        // ISO 3166-1 alpha-2 of the issuer; "" if it has none
	Categories  []string      // plain terms that rules use, e.g. "financial"; sorted
	Strength    flow.Strength // of a value on its own; a field key that names it lifts it by one
	Evidence    Evidence
	Source      string // standard or authority that the rules are taken from
}

// Detectors lists every built-in detector, by ID.
func Detectors() []Detector {
	rules := catalogue(Options{}, 0)
	out := make([]Detector, len(rules))
	for i, r := range rules {
		out[i] = r.Detector
	}
	slices.SortFunc(out, func(a, b Detector) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// rule is a detector with what finds and checks its values. Exactly one of digits and text is set.
type rule struct {
	Detector
	index      int
	identifies identity
	words      *vocabulary // nil: the surroundings do not matter
	fixed      bool        // evidence does not lift the strength

	// digits checks groups of digits of one of the shapes: the strength of the value on its own, 0 if it
	// is not valid.
	shapes []shape
	digits func(*token) flow.Strength

	// text checks what stands around the trigger at at. value is scratch for the normalised value.
	trigger trigger
	text    func(view []byte, at int, value []byte) match
}

// trigger is what makes the scanner call a rule's text function.
type trigger uint8

const (
	onDigits trigger = iota // a digit run of an admissible shape
	onAt                    // "@"
	onCode                  // two capital letters with two or more digits; the trigger is the first digit
)

// catalogue is every rule. year is the last one in which somebody can have been born.
func catalogue(options Options, year int) []*rule {
	return slices.Concat(contactRules(), paymentRules(options), accountRules(), chinaRules(year), unitedStatesRules())
}

// table is the catalogue, arranged by what the scanner sees first.
type table struct {
	rules       []*rule
	firstGroups uint64 // bit n: some shape's first group has n digits
	byShape     map[shape][]*rule
	ats, codes  []*rule
}

func newTable(rules []*rule) *table {
	t := &table{rules: rules, byShape: map[shape][]*rule{}}
	for i, r := range rules {
		r.index = i
		switch r.trigger {
		case onAt:
			t.ats = append(t.ats, r)
		case onCode:
			t.codes = append(t.codes, r)
		case onDigits:
			for _, s := range r.shapes {
				t.byShape[s] = append(t.byShape[s], r)
				t.firstGroups |= 1 << s.first()
			}
		}
	}
	return t
}

// first is the length of the first group.
func (s shape) first() int {
	for s >= 32 {
		s >>= 5
	}
	return int(s)
}
