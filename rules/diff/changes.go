package diff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules"
)

// field is one field of a rule or policy, as text.
type field struct{ name, value string }

func meaning(r *rules.Rule) []field {
	return []field{{"when", r.When}, {"verdict", r.Verdict.String()}, {"mode", string(r.Mode)}, {"onError", string(r.OnError)},
		{"validFrom", fmt.Sprint(r.ValidFrom)}, {"validUntil", fmt.Sprint(r.ValidUntil)}, {"redact", redaction(r)}}
}

func redaction(r *rules.Rule) string {
	if r.Redact == nil {
		return ""
	}
	return r.Redact.String()
}

func wording(r *rules.Rule) []field {
	return []field{{"description", r.Description}, {"reason", r.Reason}, {"legalBasis", r.LegalBasis}, {"purpose", r.Purpose},
		{"evidence", r.Evidence}, {"owner", r.Owner}, {"contact", r.Contact}}
}

func meaningOf(i rules.Info) []field {
	return []field{{"default", i.Default.String()}, {"onUninspectable", i.OnUninspectable.String()},
		{"onLargeBody", string(i.OnLargeBody)}, {"mode", string(i.Mode)}}
}

func wordingOf(i rules.Info) []field {
	return []field{{"description", i.Description}, {"contact", i.Contact}}
}

func changed(old, new []field) []string {
	var names []string
	for i := range old {
		if old[i] != new[i] {
			names = append(names, old[i].name)
		}
	}
	return names
}

// listChanges compares the policies by name and their rules by id.
func listChanges(old, new *rules.Policy, report *Report) {
	before, after := policies(old), policies(new)
	for _, info := range new.Policies() {
		earlier, ok := before[info.Name]
		if !ok {
			report.Rules = append(report.Rules, Change{Policy: info.Name, What: "added"})
			continue
		}
		report.note(info.Name, "", changed(meaningOf(earlier.info), meaningOf(info)), changed(wordingOf(earlier.info), wordingOf(info)))
		compareRules(earlier, after[info.Name], report)
	}
	for _, info := range old.Policies() {
		if _, ok := after[info.Name]; !ok {
			report.Rules = append(report.Rules, Change{Policy: info.Name, What: "removed"})
		}
	}
}

// listOthers compares lists, groups and exemptions by name.
func listOthers(old, new *rules.Policy, report *Report) {
	before, after := map[string]string{}, map[string]string{}
	for i, p := range []*rules.Policy{old, new} {
		into := []map[string]string{before, after}[i]
		for _, l := range p.Lists() {
			into["list "+l.Name] = l.Hash
		}
		for _, g := range p.Groups() {
			into["group "+g.Name] = fmt.Sprint(g.Description, g.Group.Memberships())
		}
		for _, e := range p.Exemptions() {
			plain := *e
			plain.File, plain.Line = "", 0
			into["exemption "+e.Name] = fmt.Sprintf("%+v", plain)
		}
	}
	for name, value := range after {
		if earlier, ok := before[name]; !ok {
			report.Rules = append(report.Rules, Change{Policy: name, What: "added"})
		} else if earlier != value {
			report.Rules = append(report.Rules, Change{Policy: name, What: "changed"})
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			report.Rules = append(report.Rules, Change{Policy: name, What: "removed"})
		}
	}
	slices.SortStableFunc(report.Rules, func(a, b Change) int { return strings.Compare(a.Policy, b.Policy) })
}

func (r *Report) note(policy, rule string, meaning, wording []string) {
	if len(meaning) > 0 {
		r.Rules = append(r.Rules, Change{policy, rule, "changed", meaning})
	}
	if len(wording) > 0 {
		r.Metadata = append(r.Metadata, Change{policy, rule, "changed", wording})
	}
}

// contents is one policy document.
type contents struct {
	info  rules.Info
	rules []*rules.Rule
}

func policies(p *rules.Policy) map[string]contents {
	all := map[string]contents{}
	for _, info := range p.Policies() {
		all[info.Name] = contents{info: info}
	}
	for _, rule := range p.Rules() {
		c := all[rule.Policy]
		c.rules = append(c.rules, rule)
		all[rule.Policy] = c
	}
	return all
}

func compareRules(before, after contents, report *Report) {
	earlier := map[string]*rules.Rule{}
	var oldOrder, newOrder []string
	for _, rule := range before.rules {
		earlier[rule.ID] = rule
	}
	for _, rule := range after.rules {
		old, ok := earlier[rule.ID]
		if !ok {
			report.Rules = append(report.Rules, Change{Policy: rule.Policy, Rule: rule.ID, What: "added"})
			continue
		}
		newOrder = append(newOrder, rule.ID)
		report.note(rule.Policy, rule.ID, changed(meaning(old), meaning(rule)), changed(wording(old), wording(rule)))
	}
	for _, rule := range before.rules {
		if slices.Contains(newOrder, rule.ID) {
			oldOrder = append(oldOrder, rule.ID)
		} else {
			report.Rules = append(report.Rules, Change{Policy: rule.Policy, Rule: rule.ID, What: "removed"})
		}
	}
	for len(oldOrder) > 0 { // whatever is not next in the new order was moved
		if oldOrder[0] == newOrder[0] {
			oldOrder, newOrder = oldOrder[1:], newOrder[1:]
			continue
		}
		moved := newOrder[0]
		report.Rules = append(report.Rules, Change{Policy: after.info.Name, Rule: moved, What: "moved"})
		newOrder = newOrder[1:]
		oldOrder = slices.DeleteFunc(slices.Clone(oldOrder), func(id string) bool { return id == moved })
	}
}
