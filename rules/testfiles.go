package rules

import "strings"

// IsTestFile reports whether a file of a policy directory holds the policy's tests (package
// ruletest) instead of a part of it.
func IsTestFile(name string) bool {
	return strings.HasSuffix(name, "_test.yaml") || strings.HasSuffix(name, "_test.yml")
}
