package rules

import (
	"fmt"
	"testing"

	"github.com/borderflow/borderflow/rules/flow"
)

// What was not found in a payload that could be read in part only may be in the rest.
func TestWhatCouldNotBeReadIsNeverTakenForClean(t *testing.T) {
	partly := known()
	partly.Data.Coverage, partly.Data.Undecodable = flow.CoveragePartial, "truncated gzip"
	for when, want := range map[string]struct {
		onUninspectable string
		verdict         flow.Verdict
		uninspectable   bool
	}{
		`data.has("financial")`:                         {"allow", flow.Block, false}, // found in what was read
		`data.has("health")`:                            {"block", flow.Block, true},
		`data.has("health") && true`:                    {"allow", flow.Allow, true},
		`data.count("financial") > 10`:                  {"block", flow.Block, true},
		`data.found("us-ssn") > 0`:                      {"block", flow.Block, true},
		`data.subjects > 100`:                           {"block", flow.Block, true},
		`"health" in data.categories`:                   {"block", flow.Block, true},
		`data.undecodable`:                              {"allow", flow.Block, false},
		`data.inspected == "full"`:                      {"block", flow.Allow, false},
		`data.has("health") && request.method == "GET"`: {"block", flow.Allow, false},
	} {
		t.Run(when, func(t *testing.T) {
			policy, problems := Parse(map[string][]byte{"p.yaml": fmt.Appendf(nil, `apiVersion: borderflow/v1
kind: Policy
name: partial
default: allow
onUninspectable: %s
rules: [{id: r, when: %q, verdict: block}]
`, want.onUninspectable, when)})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			decision := policy.Decide(partly, flow.Body)
			if decision.Verdict != want.verdict || decision.Uninspectable != want.uninspectable {
				t.Errorf("%v (uninspectable %v), want %+v", decision.Verdict, decision.Uninspectable, want)
			}
		})
	}
}
