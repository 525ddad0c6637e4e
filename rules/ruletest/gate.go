package ruletest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/borderflow/borderflow/rules"
)

// most failures that a gate names; the log is not the place for all of them.
const mostNamed = 10

// Gate returns a check that the tests in dir pass, for use before a policy comes into force. A
// directory without tests lets every policy pass. The error names cases, rules and verdicts, and no
// value of a flow.
func Gate(dir string) func(*rules.Policy) error {
	return func(policy *rules.Policy) error {
		suite, problems, err := Load(dir)
		if err != nil {
			return fmt.Errorf("test the policy: %w", err)
		}
		if len(problems) > 0 {
			return problems
		}
		if problems = suite.Check(policy); len(problems) > 0 {
			return problems
		}
		report := suite.Run(policy, Options{})
		if report.Passed() {
			return nil
		}
		lines := []string{fmt.Sprintf("the policy does not pass its tests: %d of %d fail", report.Failed(), len(report.Results))}
		for i := range report.Results {
			if r := &report.Results[i]; !r.Passed() && len(lines) <= mostNamed {
				lines = append(lines, r.summary())
			}
		}
		return errors.New(strings.Join(lines, "\n"))
	}
}

// summary says in one line what is wrong with a case.
func (r *Result) summary() string {
	parts := make([]string, len(r.Differences))
	for i, d := range r.Differences {
		parts[i] = fmt.Sprintf("%s: expected %s, came %s", d.Field, orNone(d.Want), orNone(d.Got))
	}
	return fmt.Sprintf("%s:%d: %s: %s", r.Case.File, r.Case.Line, r.Case.Name, strings.Join(parts, "; "))
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
