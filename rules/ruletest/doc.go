// Package ruletest runs the tests that stand beside a policy, and says how much of it they reach.
//
// A test is a flow and what the policy is to say about it. It stands in a file named *_test.yaml in
// the policy directory, which the policy itself does not read:
//
//	apiVersion: borderflow/v1
//	kind: PolicyTest
//	cases:
//	  - name: a card number does not go to the United States
//	    flow:
//	      destination: {host: api.example.com, country: US}
//	      data: {categories: {financial: 1}}
//	    expect: {verdict: block, rule: no-cards-to-us, phase: body}
//
// Two ideas make it work. A case is decided as the proxy would, phase by phase, so that it also shows
// what had to be read for the verdict. And a case that fails is explained by the values of the
// sub-expressions that made the difference, rather than by two verdicts that are not the same.
//
//	suite, problems, err := ruletest.Load("policies")
//	report := suite.Run(policy, ruletest.Options{})
//	if !report.Passed() { … report.Results … }
//
// Gate makes a reload wait for the tests. What a flow can state is the type Flow; commands that take
// a flow from their user read the same document. It leaves deciding to package rules.
package ruletest
