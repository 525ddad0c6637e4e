package rules

import (
	"fmt"
	"slices"

	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/redact"
)

// redaction checks what a rule takes out of payloads.
func (d *documentReader) redaction(at string, entry *ruleEntry) *redact.Redaction {
	r := entry.Redact
	if entry.Verdict.Verdict != flow.Allow && entry.Verdict.Verdict != flow.Undecided {
		d.problem(at+".redact", "", "a rule with verdict %s lets nothing pass that could be redacted; redact belongs to allow rules", entry.Verdict.String())
	}
	if len(r.Detectors)+len(r.Categories) == 0 {
		d.problem(at+".redact", "categories: [government-id], or detectors: [us-ssn]", "redact names no detectors and no categories")
	}
	for i, id := range r.Detectors {
		if expected, hint := detectorID(id, ownNames{}); expected != "" {
			d.problem(fmt.Sprintf("%s.redact.detectors[%d]", at, i), hint, "expected %s, found %.40q", expected, id)
		}
	}
	for i, name := range r.Categories {
		if expected, hint := categoryName(name, ownNames{}); expected != "" {
			d.problem(fmt.Sprintf("%s.redact.categories[%d]", at, i), hint, "expected %s, found %.40q", expected, name)
		}
	}
	if r.With == "" {
		r.With = redact.Placeholder
	}
	switch {
	case r.KeepLast < 0 || r.KeepLast > redact.MaxKeepLast:
		d.problem(at+".redact.keepLast", "", "expected a number from 0 to %d, found %d", redact.MaxKeepLast, r.KeepLast)
	case r.KeepLast > 0 && r.With == redact.Placeholder:
		d.problem(at+".redact.keepLast", "with: mask", "a placeholder keeps nothing of a value")
	}
	return &redact.Redaction{Detectors: r.Detectors, Categories: r.Categories, With: r.With, KeepLast: r.KeepLast}
}

// redacts reports whether a rule of the document redacts.
func (d *documentReader) redacts() bool {
	return d.file.Mode == Enforce && slices.ContainsFunc(d.file.Rules, func(r ruleEntry) bool { return r.Redact != nil && r.Mode != Shadow })
}

// largeWithRedaction is what happens to large payloads under a policy that redacts: only what is held in
// memory as a whole can be rewritten.
func (d *documentReader) largeWithRedaction() LargeBody {
	if chosen := d.file.OnLargeBody; chosen != "" && chosen != LargeBlock {
		d.problem("onLargeBody", "onLargeBody: block", "a rule of this policy redacts, which can only be done to a payload that is held in memory, and onLargeBody is %s", chosen)
	}
	return LargeBlock
}

// settleRedaction makes sure that nothing is allowed which has to be redacted and cannot be: it waits for
// a payload that is still to be read, and blocks one that is not read whole.
func (d *Decision) settleRedaction(f *flow.Flow, final bool) {
	if d.Verdict == flow.Block {
		return
	}
	for _, v := range d.Verdicts {
		if v.redacts() {
			d.Redact = append(d.Redact, *v.Rule.Redact)
		}
	}
	if len(d.Redact) == 0 {
		return
	}
	data := &f.Data
	unread := data.Open || data.State == flow.Pending && !final
	switch {
	case d.Verdict == flow.Undecided, unread:
		d.Verdict, d.Redact = flow.Undecided, nil
		d.NeedsData, d.OnLargeBody = d.NeedsData || unread, LargeBlock
		d.Policy, d.Rule, d.Contact, d.Uninspectable = "", nil, "", false
	case data.State != flow.Known && data.State != flow.Absent, data.Undecodable != "", data.Oversize:
		*d = d.WithoutRedaction()
	}
}

// redacts reports whether the verdict lets a payload pass on condition that it is redacted.
func (v *PolicyVerdict) redacts() bool {
	return v.Verdict == flow.Allow && !v.Shadow && !v.Uninspectable && v.Rule != nil && v.Rule.Redact != nil
}

// WithoutRedaction is what becomes of a decision to allow a payload redacted when that cannot be done: a
// block, by the first rule that asks for it.
func (d Decision) WithoutRedaction() Decision {
	for i := range d.Verdicts {
		if v := &d.Verdicts[i]; v.redacts() {
			d.Verdict, d.Redact = flow.Block, nil
			d.Policy, d.Rule, d.Contact, d.Uninspectable = v.Policy, v.Rule, v.Rule.Contact, true
			return d
		}
	}
	return d
}

// Redacts reports whether any rule in force may ask for redaction.
func (p *Policy) Redacts() bool {
	return slices.ContainsFunc(p.policies, func(regime *legalRegime) bool {
		return !regime.shadow && slices.ContainsFunc(regime.rules, func(r *compiledRule) bool { return r.Redact != nil && r.Mode == Enforce })
	})
}
