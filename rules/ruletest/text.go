package ruletest

import (
	"fmt"
	"strings"

	"github.com/borderflow/borderflow/rules"
)

// Text is the report for people: each failed case with what made the difference, then the coverage if
// it was counted, then a count.
func (r *Report) Text() string {
	var b strings.Builder
	for i := range r.Results {
		if !r.Results[i].Passed() {
			r.Results[i].write(&b)
		}
	}
	if r.Coverage != nil {
		r.Coverage.write(&b)
	}
	fmt.Fprintf(&b, "%d passed, %d failed\n", len(r.Results)-r.Failed(), r.Failed())
	return b.String()
}

func (r *Result) write(b *strings.Builder) {
	fmt.Fprintf(b, "FAIL %s:%d: %s\n", r.Case.File, r.Case.Line, r.Case.Name)
	for _, d := range r.Differences {
		fmt.Fprintf(b, "  %s: expected %s, came %s\n", d.Field, orNone(d.Want), orNone(d.Got))
	}
	for _, explained := range r.concerned() {
		fmt.Fprintf(b, "  why:\n%s", indented(explained.Text(), "    "))
	}
	b.WriteByte('\n')
}

// concerned returns the rules that the difference is about: the one that was expected to decide, the
// one that decided, and those expected or not expected to mark the flow.
func (r *Result) concerned() []*rules.RuleExplanation {
	var found []*rules.RuleExplanation
	seen := map[*rules.Rule]bool{}
	add := func(e *rules.RuleExplanation) {
		if e != nil && !seen[e.Rule] {
			seen[e.Rule] = true
			found = append(found, e)
		}
	}
	byName := func(name string) *rules.RuleExplanation {
		policy, id, full := strings.Cut(name, "/")
		if !full {
			policy, id = "", name
		}
		return r.Explanation.Find(policy, id)
	}
	for _, d := range r.Differences {
		switch d.Field {
		case "rule", "logged", "shadow", "errors":
			for _, name := range strings.Split(d.Want+", "+d.Got, ", ") {
				add(byName(name))
			}
		}
	}
	if decided := r.Explanation.Decision.Rule; decided != nil {
		add(r.Explanation.Find(decided.Policy, decided.ID))
	}
	if len(found) == 0 { // a default decided, and no rule was named: those that could have
		for _, change := range r.Explanation.Changes {
			for _, rule := range change.Rules {
				add(r.Explanation.Find(rule.Policy, rule.ID))
			}
		}
	}
	return found
}

func (c *Coverage) write(b *strings.Builder) {
	for i := range c.Rules {
		rule := &c.Rules[i]
		var missing []string
		if reached, of := rule.Goals(); reached < of {
			switch {
			case rule.Matched == 0 && (rule.Unmatched == 0 || rule.Constant):
				missing = append(missing, "never reached")
			case rule.Matched == 0:
				missing = append(missing, "never matched")
			default:
				missing = append(missing, "matched every time")
			}
		}
		for _, e := range rule.Expressions {
			switch {
			case e.True == 0 && e.False == 0:
				missing = append(missing, "never looked at: "+e.Text)
			case e.True == 0:
				missing = append(missing, "never true: "+e.Text)
			case e.False == 0:
				missing = append(missing, "never false: "+e.Text)
			}
		}
		if len(missing) > 0 {
			fmt.Fprintf(b, "%s:%d: %s/%s\n  %s\n", rule.File, rule.Line, rule.Policy, rule.Rule, strings.Join(missing, "\n  "))
		}
	}
	fmt.Fprintf(b, "coverage: rules %.1f %%, sub-expressions %.1f %%\n", c.RulePercent(), c.ExpressionPercent())
}

func indented(text, by string) string {
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = by + line
		}
	}
	return strings.Join(lines, "")
}
