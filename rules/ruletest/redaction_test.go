package ruletest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/ruletest"
)

const redacting = `name: cards
default: allow
rules:
  - {id: hide, when: 'destination.under("ai.example")', verdict: allow, redact: {categories: [financial], detectors: [us-ssn]}}
`

func TestACaseCanExpectWhatIsRedacted(t *testing.T) {
	policy := policyOf(t, redacting)
	for name, test := range map[string]struct {
		flow, expect string
		want         []ruletest.Difference
	}{
		"what the rule names":            {"{destination: {host: api.ai.example}}", "verdict: allow, redact: [us-ssn, financial], rule: hide, phase: body", nil},
		"nothing":                        {"{destination: {host: b.example}}", "verdict: allow, redact: [], phase: connect", nil},
		"too little":                     {"{destination: {host: api.ai.example}}", "verdict: allow, redact: [us-ssn]", []ruletest.Difference{{Field: "redact", Want: "us-ssn", Got: "financial, us-ssn"}}},
		"what cannot be read is blocked": {"{destination: {host: api.ai.example}, data: {undecodable: truncated gzip}}", "verdict: block, redact: [], uninspectable: true, rule: hide", nil},
	} {
		t.Run(name, func(t *testing.T) {
			suite := suiteOf(t, "  - {name: c, flow: "+test.flow+", expect: {"+test.expect+"}}\n")
			report := suite.Run(policy, ruletest.Options{})
			if diff := cmp.Diff(test.want, report.Results[0].Differences); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnExpectedRedactionMustExist(t *testing.T) {
	suite := suiteOf(t, "  - {name: c, flow: {destination: {host: a.example}}, expect: {verdict: allow, redact: [us-snn]}}\n")
	problems := suite.Check(policyOf(t, redacting)).Error()
	if !strings.Contains(problems, `there is no detector or category "us-snn" (did you mean "us-ssn"?)`) {
		t.Error(problems)
	}
}
