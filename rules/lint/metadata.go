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

// exemptions finds exemptions that have ended, or end soon.
func (r *review) exemptions() {
	for _, e := range r.policy.Exemptions() {
		left := e.Until.Sub(r.options.Now)
		k, message := expiredExemption, fmt.Sprintf("exemption %s ended on %s", e.Name, e.Until.UTC().Format(time.DateOnly))
		if left > 0 {
			k, message = expiring, fmt.Sprintf("exemption %s ends in %d days", e.Name, int(left.Hours()/24))
		}
		if left > r.options.ExpiresWithin {
			continue
		}
		f := Finding{Code: k.Code, Name: k.Name, Severity: k.Severity, File: e.File, Line: e.Line, Column: 1, Policy: e.Policy, Rule: e.Rule, Message: message, Fix: k.Fix}
		r.findings = append(r.findings, f)
	}
}
