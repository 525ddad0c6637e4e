package ruletest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/redact"
)

// Options says how a suite is run.
type Options struct {
	Only     *regexp.Regexp // names of the cases to run; nil: all
	Coverage bool           // count what the cases reach; some ten times slower
}

// Report is what came of a run.
type Report struct {
	Results  []Result
	Coverage *Coverage // nil unless it was asked for
}

// Result is one case's.
type Result struct {
	Case        *Case
	Differences []Difference // none: it passed
	Outcome     Outcome
	Explanation *rules.Explanation // nil when it passed
}

// Difference is one thing that came out other than expected.
type Difference struct {
	Field string `json:"field"`
	Want  string `json:"want"`
	Got   string `json:"got"`
}

// Passed reports whether the case came out as expected.
func (r *Result) Passed() bool { return len(r.Differences) == 0 }

// Passed reports whether every case came out as expected.
func (r *Report) Passed() bool { return r.Failed() == 0 }

// Failed counts the cases that did not.
func (r *Report) Failed() int {
	failed := 0
	for i := range r.Results {
		if !r.Results[i].Passed() {
			failed++
		}
	}
	return failed
}

// Check reports expectations that name a policy or rule that does not exist, and findings of detectors that
// the policy directory does not define.
func (s *Suite) Check(policy *rules.Policy) document.Problems {
	policies, names := []string(nil), []string(nil)
	for _, info := range policy.Policies() {
		policies = append(policies, info.Name)
		names = append(names, info.Name+"/default")
	}
	for _, rule := range policy.Rules() {
		names = append(names, rule.ID, rule.Policy+"/"+rule.ID)
	}
	redactable := redact.Names()
	var own []string
	for _, detector := range policy.Detectors() {
		own = append(own, detector.ID)
	}
	var problems document.Problems
	for i := range s.Cases {
		c := &s.Cases[i]
		expect := func(field, what, name string, known []string) {
			if !slices.Contains(known, name) {
				problems = append(problems, s.positions[c.document].Problem(c.path+".expect."+field, fmt.Sprintf("there is no %s %q", what, name), nearest(name, known)))
			}
		}
		for _, name := range sortedKeys(c.Flow.Data.Findings) {
			if strings.HasPrefix(name, rules.DetectorPrefix) && !slices.Contains(own, name) {
				problems = append(problems, s.positions[c.document].Problem(c.path+".flow.data.findings."+name, fmt.Sprintf("there is no detector %q", name), nearest(name, own)))
			}
		}
		if c.Expect.Policy != nil {
			expect("policy", "policy", *c.Expect.Policy, policies)
		}
		if c.Expect.Rule != nil && *c.Expect.Rule != "" {
			expect("rule", "rule", *c.Expect.Rule, names)
		}
		for j, name := range c.Expect.Redact {
			expect(fmt.Sprintf("redact[%d]", j), "detector or category", name, redactable)
		}
		for name := range c.Expect.Policies {
			expect("policies."+name, "policy", name, policies)
		}
		for field, list := range map[string][]string{"logged": c.Expect.Logged, "shadow": c.Expect.Shadow, "errors": c.Expect.Errors} {
			for j, name := range list {
				expect(fmt.Sprintf("%s[%d]", field, j), "rule", name, names)
			}
		}
	}
	return problems.Sort()
}

// Run decides every case and compares.
func (s *Suite) Run(policy *rules.Policy, options Options) Report {
	report, started := Report{}, time.Now()
	explainer := rules.NewExplainer(policy)
	if options.Coverage {
		report.Coverage = newCoverage(policy)
	}
	for i := range s.Cases {
		c := &s.Cases[i]
		if options.Only != nil && !options.Only.MatchString(c.Name) {
			continue
		}
		now := c.Now.Time
		if now.IsZero() {
			now = started
		}
		f := c.Flow.Flow()
		f.Started = now
		outcome := Settle(policy, f, now)
		result := Result{Case: c, Outcome: outcome, Differences: c.Expect.compare(&outcome)}
		if !result.Passed() {
			explanation := explainer.Explain(outcome.Seen, phaseOf(&outcome), now)
			result.Explanation = &explanation
		}
		if report.Coverage != nil {
			report.Coverage.add(explainer.Trace(outcome.Seen, phaseOf(&outcome), now))
		}
		report.Results = append(report.Results, result)
	}
	return report
}

// phaseOf is the phase that the last decision was made in.
func phaseOf(o *Outcome) flow.Phase { return o.Decision.Phase }

// compare returns what is not as expected.
func (e *Expectation) compare(o *Outcome) []Difference {
	var differences []Difference
	d := &o.Decision
	add := func(field, want, got string) {
		if want != got {
			differences = append(differences, Difference{field, want, got})
		}
	}
	add("verdict", e.Verdict.String(), d.Verdict.String())
	if e.Policy != nil {
		add("policy", *e.Policy, d.Policy)
	}
	if e.Rule != nil {
		add("rule", *e.Rule, ruleName(*e.Rule, d.Policy, d.Rule))
	}
	if e.Phase != "" {
		add("phase", string(e.Phase), o.Phase.String())
	}
	if e.Inspection != "" {
		add("inspection", string(e.Inspection), o.Inspection.String())
	}
	if e.Uninspectable != nil {
		add("uninspectable", fmt.Sprint(*e.Uninspectable), fmt.Sprint(d.Uninspectable))
	}
	var failed []rules.Match
	for _, err := range d.Errors {
		failed = append(failed, rules.Match{Policy: err.Policy, Rule: &rules.Rule{ID: err.Rule}})
	}
	for _, list := range []struct {
		field string
		want  []string
		got   []rules.Match
	}{{"logged", e.Logged, d.Logged}, {"shadow", e.Shadow, d.Shadowed}, {"errors", e.Errors, failed}} {
		if list.want != nil {
			add(list.field, strings.Join(slices.Sorted(slices.Values(list.want)), ", "), matched(list.want, list.got))
		}
	}
	if e.Redact != nil {
		add("redact", strings.Join(slices.Sorted(slices.Values(e.Redact)), ", "), strings.Join(d.Redact.Names(), ", "))
	}
	for _, verdict := range d.Verdicts {
		if want, stated := e.Policies[verdict.Policy]; stated {
			add("policies."+verdict.Policy, want.String(), verdict.Verdict.String())
		}
	}
	return differences
}

// ruleName names a rule in the way that the expectation does.
func ruleName(want, policy string, rule *rules.Rule) string {
	switch {
	case rule == nil && want == policy+"/default":
		return want
	case rule == nil:
		return ""
	case want == policy+"/"+rule.ID:
		return want
	}
	return rule.ID
}

// matched names the rules that matched, each in the way that the expectation does where it names it.
func matched(want []string, got []rules.Match) string {
	var names []string
	for _, match := range got {
		if match.Rule == nil {
			if match.Verdict != flow.Allow {
				names = append(names, match.Policy+"/default")
			}
			continue
		}
		if full := match.Policy + "/" + match.Rule.ID; slices.Contains(want, full) {
			names = append(names, full)
		} else {
			names = append(names, match.Rule.ID)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
