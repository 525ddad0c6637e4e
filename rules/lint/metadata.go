package lint

import (
	"fmt"
	"time"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
)

// reviewRegime finds what concerns a policy as a whole.
func (r *review) reviewRegime(g *regime) {
	if g.Default == flow.Block {
		line, column := g.Positions.At("default")
		r.put(g, "", blocksByDefault, line, column, "this policy blocks every flow that none of its rules allows", "")
	}
}

// metadata finds what a rule does not say of itself.
func (r *review) metadata(s *subject) {
	switch left := s.ValidUntil.Sub(r.options.Now); {
	case s.ValidUntil.IsZero():
	case left <= 0:
		r.add(s, expired, "validUntil", fmt.Sprintf("the rule has not been valid since %s", s.ValidUntil.UTC().Format(time.DateOnly)), "")
	case left <= r.options.ExpiresWithin:
		r.add(s, expiring, "validUntil", fmt.Sprintf("the rule is valid for %d more days", int(left.Hours()/24)), "")
	}
	if s.Verdict == flow.Block {
		if s.Reason == "" {
			r.add(s, noReason, "id", "whoever is blocked by this rule is not told why", "")
		}
		if s.Contact == "" {
			r.add(s, noContact, "id", "whoever is blocked by this rule is not told whom to ask", "")
		}
	}
	if c := r.options.Coverage; c != nil && !c.Reached(s.Policy, s.ID) && s.Mode == rules.Enforce {
		r.add(s, untested, "id", "no test of the policy reaches this rule", "")
	}
}
