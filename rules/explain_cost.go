package rules

import (
	"github.com/google/cel-go/common/ast"

	"github.com/borderflow/borderflow/rules/flow"
)

// RuleCost is what one rule costs before any flow is known.
type RuleCost struct {
	Rule *Rule
	// Least and Most are CEL's estimate of one evaluation, in steps; a comparison is about one. Most is
	// math.MaxUint64 when there is no bound.
	Least, Most uint64
	Metered     bool     // it is stopped when it takes too long, and evaluated more slowly for that
	Reads       []string // what it reads of a flow, e.g. "destination.country"
	// HoldsPayload means that flows can be held back until their payload has been read, because the
	// rule's result decides and depends on it.
	HoldsPayload bool
}

// Costs returns the cost of every rule, by policy and in the order of evaluation.
func (p *Policy) Costs() []RuleCost {
	var costs []RuleCost
	for _, regime := range p.policies {
		for _, rule := range regime.rules {
			cost := RuleCost{Rule: &rule.Rule, Metered: rule.condition.metered}
			cost.estimate(rule.condition)
			cost.HoldsPayload = rule.condition.groups[dataGroup] && rule.Verdict != flow.Log && rule.Mode != Shadow && !regime.shadow
			costs = append(costs, cost)
		}
	}
	return costs
}

// estimate fills in what the checked condition tells.
func (c *RuleCost) estimate(condition *condition) {
	env, err := tracingEnvironment()
	if err != nil {
		return
	}
	checked, issues := env.Compile(condition.text)
	if issues.Err() != nil {
		return
	}
	if estimate, err := env.EstimateCost(checked, sizes{}); err == nil {
		c.Least, c.Most = estimate.Min, estimate.Max
	}
	seen := map[string]bool{}
	ast.PostOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if name := factName(e); name != "" && !seen[name] {
			seen[name] = true
			c.Reads = append(c.Reads, name)
		}
	}))
}
