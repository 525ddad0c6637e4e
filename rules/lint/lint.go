// Package lint reads policies as a reviewer would and says what their authors will regret: rules that
// can never decide, texts that no fact has, conditions that are true by accident, restrictions
// without a stated basis.
//
// Two ideas make it work. Conditions are read as logic (package formula), so that "this rule is never
// reached" is a proof and not a guess; where there is no proof either way, the finding says "not
// analysable" or nothing is said. And whatever is claimed of a flow is tried out on the compiled policy
// before it is said: the flow stands in the finding as a witness.
//
// Every finding has a stable code, a position, an explanation and a way out; some have an edit that
// Fix applies. The same findings are made for every country and every legal regime.
//
//	policy, problems, err := rules.Load("policies")
//	findings := lint.Check(policy, files, lint.Options{Now: time.Now()})
//
// It leaves mistakes that keep a policy from being loaded to package rules.
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/formula"
)

// Severity says how much a finding matters.
type Severity uint8

const (
	Note    Severity = iota // worth knowing; often meant that way
	Warning                 // probably not what was meant, or not as it should be
	Error                   // a mistake, or against the principles that were asked for
)

// String returns the severity's name, which is SARIF's level.
func (s Severity) String() string { return [...]string{"note", "warning", "error"}[s] }

// MarshalText writes the name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ParseSeverity returns the severity of that name.
func ParseSeverity(name string) (Severity, bool) {
	for s := Note; s <= Error; s++ {
		if s.String() == name {
			return s, true
		}
	}
	return Note, false
}

// Finding is one thing that a reviewer would point out.
type Finding struct {
	Code     string   `json:"code"` // stable, e.g. "BF102"
	Name     string   `json:"name"` // of the check, e.g. "shadowed-rule"
	Severity Severity `json:"severity"`
	File     string   `json:"file"`
	Line     int      `json:"line"`   // from 1
	Column   int      `json:"column"` // in characters, from 1
	Policy   string   `json:"policy"`
	Rule     string   `json:"rule,omitempty"`
	Message  string   `json:"message"`
	Fix      string   `json:"fix"`               // what to do about it
	Witness  string   `json:"witness,omitempty"` // a flow that shows it
	Edit     *Edit    `json:"edit,omitempty"`    // set when Fix can do it by itself
}

// String returns "file:line:column: severity CODE: message (fix)".
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d:%d: %s %s: %s (%s)", f.File, f.Line, f.Column, f.Severity, f.Code, f.Message, f.Fix)
}

// Coverage tells which rules the policy's own tests reach.
type Coverage interface {
	Reached(policy, rule string) bool
}

// Options adjusts what Check looks for.
type Options struct {
	// Principles adds what the principles of free, lawful and even-handed data flow ask for.
	Principles bool
	// Now is the time against which validity is judged; zero stands for the present.
	Now time.Time
	// Coverage, when set, has rules that no test reaches reported.
	Coverage Coverage
	// ExpiresWithin is how soon a rule must expire to be reported; zero stands for 30 days.
	ExpiresWithin time.Duration
}

// Check reviews a policy. files hold the text that it was loaded from, by the names it was loaded
// under. Findings come by file and position.
func Check(policy *rules.Policy, files map[string][]byte, options Options) []Finding {
	if options.Now.IsZero() {
		options.Now = time.Now()
	}
	if options.ExpiresWithin == 0 {
		options.ExpiresWithin = 30 * 24 * time.Hour
	}
	r := &review{policy: policy, options: options}
	for _, document := range policy.Documents(files) {
		r.regimes = append(r.regimes, r.open(document))
	}
	for _, g := range r.regimes {
		r.reviewRegime(g)
		for _, s := range g.rules {
			r.reviewRule(s)
		}
	}
	r.conflicts()
	r.exemptions()
	r.groups()
	r.lists()
	slices.SortStableFunc(r.findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.Code, b.Code))
	})
	return slices.CompactFunc(r.findings, func(a, b Finding) bool {
		return a.Code == b.Code && a.File == b.File && a.Line == b.Line && a.Column == b.Column && a.Message == b.Message
	})
}

// AtLeast returns the findings of a severity and above.
func AtLeast(findings []Finding, least Severity) []Finding {
	kept := []Finding{}
	for _, f := range findings {
		if f.Severity >= least {
			kept = append(kept, f)
		}
	}
	return kept
}

// review is one run of Check.
type review struct {
	policy   *rules.Policy
	options  Options
	regimes  []*regime
	findings []Finding
}

// regime is one policy document under review.
type regime struct {
	rules.Document
	rules []*subject
}

// subject is one rule under review.
type subject struct {
	*rules.Rule
	regime   *regime
	index    int
	formula  *formula.Node
	facts    []string // that the formula reads
	literals []formula.Literal
}

func (r *review) open(document rules.Document) *regime {
	g := &regime{Document: document}
	for i, rule := range document.Rules {
		s := &subject{Rule: rule, regime: g, index: i, formula: formula.True}
		if tree, err := rules.Tree(rule.When); err == nil {
			s.formula, s.literals = formula.Of(tree), formula.Literals(tree)
		} else {
			r.add(s, notAnalysable, "when", "the condition is not analysable", "")
		}
		s.facts = s.formula.Facts()
		g.rules = append(g.rules, s)
	}
	return g
}

func (r *review) reviewRule(s *subject) {
	r.order(s)
	r.reading(s)
	r.names(s)
	r.adequacy(s)
	r.metadata(s)
	r.targets(s)
	if r.options.Principles {
		r.principles(s)
	}
}

// add reports a finding at a field of a rule.
func (r *review) add(s *subject, k kind, field, message, witness string) *Finding {
	path := fmt.Sprintf("rules[%d]", s.index)
	if s.regime.Positions.Has(path + "." + field) {
		path += "." + field
	}
	line, column := s.regime.Positions.At(path)
	return r.put(s.regime, s.ID, k, line, column, message, witness)
}

// addAt reports a finding at a place within a rule's condition.
func (r *review) addAt(s *subject, k kind, at formula.Place, message, witness string) *Finding {
	line, column := s.regime.Positions.Inside(fmt.Sprintf("rules[%d].when", s.index), at.Line, at.Column)
	return r.put(s.regime, s.ID, k, line, column, message, witness)
}

func (r *review) put(g *regime, rule string, k kind, line, column int, message, witness string) *Finding {
	severity := k.Severity
	if r.options.Principles && k.strict {
		severity = Error
	}
	r.findings = append(r.findings, Finding{
		Code: k.Code, Name: k.Name, Severity: severity, File: g.Positions.File(), Line: line, Column: column,
		Policy: g.Name, Rule: rule, Message: message, Fix: k.Fix, Witness: witness,
	})
	return &r.findings[len(r.findings)-1]
}
