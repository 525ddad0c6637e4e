// Package diff says what two policies decide differently, and shows a flow for each difference.
//
// It searches for flows: for each rule that was added, removed or changed it asks package formula for a
// flow that tells the two versions apart, and from there it varies every fact over the values that the
// conditions of both policies mention, their bounds and one value outside each set. Every flow is decided
// by both policies as the proxy would, so a difference that is reported is one; that nothing was found
// among N flows is no proof that there is nothing, and is not called one.
//
//	report := diff.Compare(old, new, diff.Options{})
//
// Changes of wording, owners and other metadata are listed apart.
package diff

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
)

// Options adjusts the search.
type Options struct {
	// Flows bounds how many flows are tried; 0 stands for 20,000.
	Flows int
	// Now is the time at which flows are decided; zero stands for the present.
	Now time.Time
}

// Report is what was found.
type Report struct {
	Flows       int          `json:"flows"` // how many were decided by both policies
	Differences []Difference `json:"differences"`
	Rules       []Change     `json:"rules"`    // rules and policies that may decide otherwise
	Metadata    []Change     `json:"metadata"` // what is only worded otherwise
}

// Difference is one way in which the policies decide differently.
type Difference struct {
	Old     Outcome    `json:"old"`
	New     Outcome    `json:"new"`
	Witness string     `json:"witness"` // what is remarkable of the flow
	Time    time.Time  `json:"time"`    // at which it is decided
	Flow    *flow.Flow `json:"-"`
}

// Outcome is what one policy makes of the witness.
type Outcome struct {
	Verdict string   `json:"verdict"`
	Policy  string   `json:"policy"`
	Rule    string   `json:"rule"` // "" for the policy's default
	Logged  []string `json:"logged,omitempty"`
}

// String returns "block by eu/no-cards", for people.
func (o Outcome) String() string {
	by := o.Policy + "/" + o.Rule
	if o.Rule == "" {
		by = "the default of " + o.Policy
	}
	text := o.Verdict + " by " + by
	if len(o.Logged) > 0 {
		text += ", logged by " + strings.Join(o.Logged, ", ")
	}
	return text
}

// Change is one rule, or one policy as a whole, that is not as it was.
type Change struct {
	Policy string   `json:"policy"` // or "list …", "group …", "exemption …"
	Rule   string   `json:"rule"`   // "" for the policy as a whole
	What   string   `json:"what"`   // "added", "removed", "moved" or "changed"
	Fields []string `json:"fields,omitempty"`
}

// String returns "changed eu/no-cards: when, verdict", for people.
func (c Change) String() string {
	name := c.Policy
	if c.Rule != "" {
		name += "/" + c.Rule
	}
	if len(c.Fields) == 0 {
		return c.What + " " + name
	}
	return fmt.Sprintf("%s %s: %s", c.What, name, strings.Join(c.Fields, ", "))
}

// Compare looks for what old and new decide differently.
func Compare(old, new *rules.Policy, options Options) Report {
	if options.Flows == 0 {
		options.Flows = 20_000
	}
	if options.Now.IsZero() {
		options.Now = time.Now().UTC()
	}
	report := Report{Differences: []Difference{}, Rules: []Change{}, Metadata: []Change{}}
	listChanges(old, new, &report)
	listOthers(old, new, &report)
	s := newSearch(old, new, options)
	s.run(report.Rules)
	report.Flows, report.Differences = s.tried, append(report.Differences, s.found...)
	return report
}

// outcome decides f to its end.
func outcome(p *rules.Policy, f *flow.Flow, at time.Time) Outcome {
	d := p.DecideAt(f, flow.Body, at)
	o := Outcome{Verdict: d.Verdict.String(), Policy: d.Policy}
	if d.Rule != nil {
		o.Rule = d.Rule.ID
	}
	for _, m := range d.Logged {
		o.Logged = append(o.Logged, m.Policy+"/"+m.Rule.ID)
	}
	slices.Sort(o.Logged)
	return o
}

// differ reports whether two outcomes mean something else for a flow: another verdict, or other marks.
func differ(a, b Outcome) bool { return a.Verdict != b.Verdict || !slices.Equal(a.Logged, b.Logged) }
