package main

import "github.com/borderflow/borderflow/rules"

// explainAnswer is explain's answer; its field names are kept stable.
type explainAnswer struct {
	Verdict       string            `json:"verdict"`
	Policy        string            `json:"policy"`
	Rule          string            `json:"rule"` // "" when a default decides
	Uninspectable bool              `json:"uninspectable"`
	Phase         string            `json:"phase"`      // in which the verdict falls
	Inspection    string            `json:"inspection"` // how far the connection is read
	Held          bool              `json:"held"`       // the payload is read before the verdict
	Policies      []explainedPolicy `json:"policies"`
	Changes       []explainedChange `json:"changes"`
	Together      *explainedChange  `json:"together,omitempty"`
	NotAnalysable string            `json:"not_analysable,omitempty"`
	Record        *explainedRecord  `json:"record,omitempty"`

	explanation rules.Explanation
}

type explainedPolicy struct {
	Policy  string          `json:"policy"`
	Verdict string          `json:"verdict"`
	Rule    string          `json:"rule"`
	Shadow  bool            `json:"shadow"`
	Rules   []explainedRule `json:"rules"`
}

type explainedRule struct {
	Rule          string           `json:"rule"`
	File          string           `json:"file"`
	Line          int              `json:"line"`
	Verdict       string           `json:"verdict"`
	Mode          string           `json:"mode"`
	Result        string           `json:"result"`
	Exemption     string           `json:"exemption,omitempty"`      // that keeps the rule from matching
	ExemptedUntil string           `json:"exempted_until,omitempty"` // its last day, or the time at which it ends
	Error         string           `json:"error,omitempty"`
	Decides       bool             `json:"decides"`
	Reached       bool             `json:"reached"`
	Condition     rules.Expression `json:"condition"`
	Changes       [][]rules.Change `json:"changes,omitempty"`
	NotAnalysable string           `json:"not_analysable,omitempty"`
}

type explainedChange struct {
	Changes []rules.Change `json:"changes"`
	Verdict string         `json:"verdict"`
	Policy  string         `json:"policy"`
	Rule    string         `json:"rule"`
	Alone   bool           `json:"alone,omitempty"` // it follows if the results of other rules do not change with it
}

// explainedRecord is what the record itself says.
type explainedRecord struct {
	ID         string   `json:"id"`
	Verdict    string   `json:"verdict"`
	Policy     string   `json:"policy"`
	Rule       string   `json:"rule"`
	SamePolicy bool     `json:"same_policy"` // it was decided under the policy that explains it
	Missing    []string `json:"missing"`     // facts that the record does not keep
}

func newExplainAnswer(e rules.Explanation) explainAnswer {
	d := &e.Decision
	answer := explainAnswer{Verdict: d.Verdict.String(), Policy: d.Policy, Rule: ruleID(d.Rule), Uninspectable: d.Uninspectable,
		Changes: []explainedChange{}, NotAnalysable: e.NotAnalysable, explanation: e}
	for _, policy := range e.Policies {
		p := explainedPolicy{Policy: policy.Info.Name, Verdict: policy.Verdict.Verdict.String(), Rule: ruleID(policy.Verdict.Rule), Shadow: policy.Verdict.Shadow,
			Rules: []explainedRule{}}
		for _, r := range policy.Rules {
			explained := explainedRule{Rule: r.Rule.ID, File: r.Rule.File, Line: r.Rule.Line, Verdict: r.Rule.Verdict.String(),
				Mode: string(r.Rule.Mode), Result: string(r.Result), Error: r.Error, Decides: r.Decides, Reached: r.Reached,
				Condition: r.Condition, Changes: r.Changes, NotAnalysable: r.NotAnalysable}
			if r.Result == rules.ResultExempted {
				explained.Exemption, explained.ExemptedUntil = r.Exemption.Name, r.Exemption.Ends()
			}
			p.Rules = append(p.Rules, explained)
		}
		answer.Policies = append(answer.Policies, p)
	}
	for i := range e.Changes {
		answer.Changes = append(answer.Changes, newExplainedChange(&e.Changes[i]))
	}
	if e.Together != nil {
		together := newExplainedChange(e.Together)
		answer.Together = &together
	}
	return answer
}

func newExplainedChange(c *rules.VerdictChange) explainedChange {
	return explainedChange{Changes: c.Changes, Verdict: c.Verdict.String(), Policy: c.Policy, Rule: ruleID(c.By), Alone: c.Alone}
}

func ruleID(rule *rules.Rule) string {
	if rule == nil {
		return ""
	}
	return rule.ID
}
