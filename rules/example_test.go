package rules_test

import (
	"fmt"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
)

const cards = `apiVersion: borderflow/v1
kind: Policy
name: payment-cards
default: allow
contact: privacy@example.com
rules:
  - id: no-cards-to-us
    description: Payment cards stay out of the United States
    when: destination.country == "US" && data.has("financial")
    verdict: block
`

func Example() {
	policy, problems := rules.Parse(map[string][]byte{"cards.yaml": []byte(cards)})
	if len(problems) > 0 {
		fmt.Println(problems)
		return
	}
	f := &flow.Flow{Destination: flow.Destination{Host: "api.example.com", LocationState: flow.Known, Location: flow.Location{Country: "US"}}}

	decision := policy.Decide(f, flow.Headers)
	fmt.Println(decision.Verdict, "needs payload:", decision.NeedsData)

	f.Data = flow.Data{State: flow.Known, Categories: []flow.Category{{Name: "financial", Count: 1, Strength: flow.Strong}}}
	decision = policy.Decide(f, flow.Body)
	fmt.Println(decision.Verdict, decision.Rule.ID, "-", decision.Rule.Reason, "- ask", decision.Contact)
	// Output:
	// undecided needs payload: true
	// block no-cards-to-us - Payment cards stay out of the United States - ask privacy@example.com
}
