package rules

import _ "embed"

//go:embed embedded.yaml
var embeddedPolicy []byte

// Embedded returns the policy that holds when none is configured: it records which categories of
// data leave, and to where, and blocks nothing.
func Embedded() *Policy {
	policy, problems := Parse(map[string][]byte{"embedded.yaml": embeddedPolicy})
	if len(problems) > 0 {
		panic("rules: the embedded policy is part of the program: " + problems.Error())
	}
	return policy
}
