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

// groups finds groups of countries without effect, and memberships that end soon.
func (r *review) groups() {
	for _, g := range r.policy.Groups() {
		if !r.policy.UsesGroup(g.Name) {
			r.group(g, unusedGroup, fmt.Sprintf("no condition names the group %s", g.Name))
		}
		if len(g.Group.Members(r.options.Now)) == 0 {
			r.group(g, emptyGroup, fmt.Sprintf("the group %s has no member today", g.Name))
		}
		for _, m := range g.Group.Memberships() {
			left := m.Until.Sub(r.options.Now)
			if !m.Until.IsZero() && !m.From.After(r.options.Now) && left > 0 && left <= r.options.ExpiresWithin {
				r.group(g, endingMembership, fmt.Sprintf("the membership of %s in the group %s ends in %d days", m.Country, g.Name, int(left/day)))
			}
		}
	}
}

func (r *review) group(g rules.GroupInfo, k kind, message string) {
	r.findings = append(r.findings, Finding{Code: k.Code, Name: k.Name, Severity: k.Severity, File: g.File, Line: g.Line, Column: 1,
		Message: message, Fix: k.Fix})
}

func (r *review) list(l rules.ListInfo, k kind, message string) {
	r.findings = append(r.findings, Finding{Code: k.Code, Name: k.Name, Severity: k.Severity, File: l.File, Line: l.Line, Column: 1,
		Message: message, Fix: k.Fix})
}
