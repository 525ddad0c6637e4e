package lint

import (
	"fmt"
	"time"

	"github.com/borderflow/borderflow/rules"
)

const day = 24 * time.Hour

// exemptions finds exemptions that have ended, end soon, or last long.
func (r *review) exemptions() {
	for _, e := range r.policy.Exemptions() {
		switch left := e.Until.Sub(r.options.Now); {
		case left <= 0:
			r.exemption(e, expiredExemption, fmt.Sprintf("exemption %s ended on %s", e.Name, e.Ends()))
			continue // how long it lasted has ceased to matter
		case left <= r.options.ExpiresWithin:
			r.exemption(e, expiring, fmt.Sprintf("exemption %s ends in %d days", e.Name, int(left/day)))
		}
		if lasts := e.Until.Sub(e.From); lasts > rules.RecommendedExemption {
			r.exemption(e, longExemption, fmt.Sprintf("exemption %s lasts %d days, %d are recommended at most",
				e.Name, int(lasts/day), int(rules.RecommendedExemption/day)))
		}
	}
}

func (r *review) exemption(e *rules.Exemption, k kind, message string) {
	r.findings = append(r.findings, Finding{Code: k.Code, Name: k.Name, Severity: k.Severity, File: e.File, Line: e.Line, Column: 1,
		Policy: e.Policy, Rule: e.Rule, Message: message, Fix: k.Fix})
}

// lists finds lists without effect.
func (r *review) lists() {
	for _, l := range r.policy.Lists() {
		if !r.policy.UsesList(l.Name) {
			r.list(l, unusedList, fmt.Sprintf("no condition names the list %s", l.Name))
		}
		if l.Entries == 0 {
			r.list(l, emptyList, fmt.Sprintf("the list %s has no entries", l.Name))
		}
	}
}

func (r *review) list(l rules.ListInfo, k kind, message string) {
	r.findings = append(r.findings, Finding{Code: k.Code, Name: k.Name, Severity: k.Severity, File: l.File, Line: l.Line, Column: 1,
		Message: message, Fix: k.Fix})
}
