package rules

import (
	"fmt"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// Text is the explanation for people. Rules that do not match are shown in one line, unless all is
// asked for.
func (e *Explanation) Text(all bool) string {
	var b strings.Builder
	for i := range e.Policies {
		policy := &e.Policies[i]
		shadow := ""
		if policy.Info.Mode == Shadow {
			shadow = ", in shadow mode: recorded, not enforced"
		}
		fmt.Fprintf(&b, "policy %s: %s by %s%s\n", policy.Info.Name, policy.Verdict.Verdict, decider(policy.Verdict), shadow)
		for j := range policy.Rules {
			policy.Rules[j].write(&b, "  ", all)
		}
	}
	if len(e.Decision.Redact) > 0 {
		fmt.Fprintf(&b, "allowed with redaction of %s\n", e.Decision.Redact)
	}
	e.writeChanges(&b)
	return b.String()
}

func decider(v PolicyVerdict) string {
	switch {
	case v.Rule == nil && v.Verdict == flow.Undecided:
		return "nothing yet"
	case v.Rule == nil:
		return "default"
	case v.Uninspectable:
		return "onUninspectable, because of rule " + v.Rule.ID
	}
	return "rule " + v.Rule.ID
}

func (e *Explanation) writeChanges(b *strings.Builder) {
	if len(e.Changes) > 0 {
		fmt.Fprintf(b, "the verdict would be another one if\n")
	}
	for i := range e.Changes {
		e.Changes[i].write(b)
	}
	if e.Together != nil {
		fmt.Fprintf(b, "no single rule makes the difference; the verdict would be another one if\n")
		e.Together.write(b)
	}
	if e.NotAnalysable != "" {
		fmt.Fprintf(b, "what would change the verdict is not analysable: %s\n", e.NotAnalysable)
	}
}

func (c *VerdictChange) write(b *strings.Builder) {
	parts := make([]string, len(c.Changes))
	for i, change := range c.Changes {
		parts[i] = change.String()
	}
	by := c.Policy + "'s default"
	if c.By != nil {
		by = "rule " + c.By.ID + " of " + c.Policy
	}
	alone := ""
	if c.Alone {
		alone = ", if nothing else changes with it"
	}
	fmt.Fprintf(b, "  %s: then %s, by %s%s\n", strings.Join(parts, " and "), c.Verdict, by, alone)
}

// Text is the explanation of one rule, with every sub-expression.
func (r *RuleExplanation) Text() string {
	var b strings.Builder
	r.write(&b, "", true)
	return b.String()
}

func (r *RuleExplanation) write(b *strings.Builder, indent string, all bool) {
	state := string(r.Result)
	if r.Error != "" {
		state += " (" + r.Error + ", onError: " + string(r.Rule.OnError) + ")"
	}
	if r.Result == ResultExempted {
		state += " by " + r.Exemption.Name + " until " + r.Exemption.Ends()
	}
	switch {
	case r.Decides:
		state += ", decides"
	case !r.Reached:
		state += ", a rule before it has decided"
	}
	if r.Rule.Mode == Shadow {
		state += ", in shadow mode"
	}
	verdict := r.Rule.Verdict.String()
	if r.Rule.Redact != nil {
		verdict += " with redaction of " + r.Rule.Redact.String()
	}
	fmt.Fprintf(b, "%s%s (%s, %s:%d): %s\n", indent, r.Rule.ID, verdict, r.Rule.File, r.Rule.Line, state)
	if !all && !r.Decides && r.Result == ResultUnmatched {
		for _, part := range reasonsFor(r.Condition) {
			fmt.Fprintf(b, "%s  because %s\n", indent, part)
		}
		return
	}
	writeExpression(b, r.Condition, indent+"  ")
	r.writeTurn(b, indent+"  ")
}

// reasonsFor returns the sub-expressions that make a condition false.
func reasonsFor(e Expression) []string {
	if e.Operator == "&&" {
		for _, operand := range e.Operands {
			if operand.Value == "false" {
				return reasonsFor(operand)
			}
		}
	}
	reason := e.Text + " is " + e.Value
	for _, fact := range e.Operands {
		if e.Kind == KindAtom && fact.Kind == KindFact {
			reason += ", " + fact.Text + " is " + fact.Value
		}
	}
	return []string{reason}
}

// writeExpression writes one line for each sub-expression.
func writeExpression(b *strings.Builder, e Expression, indent string) {
	skipped := ""
	if e.Skipped {
		skipped = "  (makes no difference)"
	}
	fmt.Fprintf(b, "%s%-5s  %s%s\n", indent, e.Value, e.Text, skipped)
	for _, operand := range e.Operands {
		writeExpression(b, operand, indent+"  ")
	}
}

func (r *RuleExplanation) writeTurn(b *strings.Builder, indent string) {
	if r.NotAnalysable != "" {
		fmt.Fprintf(b, "%swhat would change it is not analysable: %s\n", indent, r.NotAnalysable)
		return
	}
	if len(r.Changes) == 0 {
		return
	}
	turn := "would match if"
	if r.Result == ResultMatched || r.Result == ResultFailed && r.Rule.OnError == OnErrorMatch {
		turn = "would not match if"
	} else if r.Result != ResultUnmatched && r.Result != ResultFailed {
		turn = "would come out the other way if"
	}
	var sets []string
	for _, set := range r.Changes {
		parts := make([]string, len(set))
		for i, change := range set {
			parts[i] = change.String()
		}
		sets = append(sets, strings.Join(parts, " and "))
	}
	fmt.Fprintf(b, "%s%s %s\n", indent, turn, strings.Join(sets, ", or "))
}
