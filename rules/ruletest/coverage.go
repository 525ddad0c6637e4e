package ruletest

import "github.com/borderflow/borderflow/rules"

// Coverage is how much of a policy a run has reached. A rule counts twice: once when it has matched,
// once when it has not. A sub-expression, which is an operand of &&, ||, ! or ?:, counts likewise for
// having been true and false; an operand that another one has made irrelevant is not counted.
// Constants, of which nothing else could be seen, are left out.
type Coverage struct {
	Rules []RuleCoverage `json:"rules"`

	byRule map[*rules.Rule]*RuleCoverage
}

// RuleCoverage is one rule's.
type RuleCoverage struct {
	Policy      string             `json:"policy"`
	Rule        string             `json:"rule"`
	File        string             `json:"file"`
	Line        int                `json:"line"`
	Matched     int                `json:"matched"`   // cases
	Unmatched   int                `json:"unmatched"` // cases
	Constant    bool               `json:"constant,omitempty"`
	Expressions []ExpressionResult `json:"expressions"`
}

// ExpressionResult is one sub-expression's.
type ExpressionResult struct {
	Text   string `json:"text"`
	Line   int    `json:"line"`   // within the condition
	Column int    `json:"column"` // likewise
	True   int    `json:"true"`   // cases
	False  int    `json:"false"`  // cases
}

func newCoverage(policy *rules.Policy) *Coverage {
	c := &Coverage{byRule: map[*rules.Rule]*RuleCoverage{}}
	all := policy.Rules()
	c.Rules = make([]RuleCoverage, len(all))
	for i, rule := range all {
		c.Rules[i] = RuleCoverage{Policy: rule.Policy, Rule: rule.ID, File: rule.File, Line: rule.Line, Expressions: []ExpressionResult{}}
		c.byRule[rule] = &c.Rules[i]
	}
	return c
}

// add counts one case. Rules that a decision did not come to are not reached.
func (c *Coverage) add(e rules.Explanation) {
	for _, policy := range e.Policies {
		for _, r := range policy.Rules {
			rule := c.byRule[r.Rule]
			if rule == nil {
				continue
			}
			rule.Constant = r.Condition.Kind == rules.KindConstant
			if r.Reached && r.Result == rules.ResultMatched {
				rule.Matched++
			}
			if r.Reached && r.Result == rules.ResultUnmatched {
				rule.Unmatched++
			}
			next := 0
			rule.operands(r.Condition, &next, r.Reached && r.Result != rules.ResultNotInForce)
		}
	}
}

// operands counts the operands below an expression, which come in the same order each time.
func (r *RuleCoverage) operands(e rules.Expression, next *int, reached bool) {
	if e.Kind != rules.KindOperator {
		return
	}
	for _, operand := range e.Operands {
		if operand.Kind != rules.KindConstant {
			if *next == len(r.Expressions) {
				r.Expressions = append(r.Expressions, ExpressionResult{Text: operand.Text, Line: operand.Line, Column: operand.Column})
			}
			if reached && !operand.Skipped {
				switch operand.Value {
				case "true":
					r.Expressions[*next].True++
				case "false":
					r.Expressions[*next].False++
				}
			}
			*next++
		}
		r.operands(operand, next, reached)
	}
}

// Goals returns how many of a rule's goals were reached, of how many.
func (r *RuleCoverage) Goals() (reached, of int) {
	if r.Constant {
		return min(r.Matched+r.Unmatched, 1), 1
	}
	return min(r.Matched, 1) + min(r.Unmatched, 1), 2
}

// RulePercent is how much of the rules was reached, from 0 to 100. A policy without rules is covered.
func (c *Coverage) RulePercent() float64 {
	reached, of := 0, 0
	for i := range c.Rules {
		r, o := c.Rules[i].Goals()
		reached, of = reached+r, of+o
	}
	return percent(reached, of)
}

// ExpressionPercent is how much of the sub-expressions was reached, from 0 to 100.
func (c *Coverage) ExpressionPercent() float64 {
	reached, of := 0, 0
	for i := range c.Rules {
		for _, e := range c.Rules[i].Expressions {
			reached, of = reached+min(e.True, 1)+min(e.False, 1), of+2
		}
	}
	return percent(reached, of)
}

func percent(reached, of int) float64 {
	if of == 0 {
		return 100
	}
	return 100 * float64(reached) / float64(of)
}
