package main

import (
	"fmt"
	"os"
	"regexp"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/ruletest"
	"github.com/spf13/cobra"
)

// testAnswer is test's answer; its field names are kept stable.
type testAnswer struct {
	OK       bool          `json:"ok"`
	Passed   int           `json:"passed"`
	Failed   int           `json:"failed"`
	Cases    []testedCase  `json:"cases"`
	Coverage *testCoverage `json:"coverage,omitempty"`
}

type testedCase struct {
	Name        string                `json:"name"`
	File        string                `json:"file"`
	Line        int                   `json:"line"`
	Passed      bool                  `json:"passed"`
	Verdict     string                `json:"verdict"`
	Phase       string                `json:"phase"`
	Differences []ruletest.Difference `json:"differences,omitempty"`
}

type testCoverage struct {
	RulePercent       float64                 `json:"rule_percent"`
	ExpressionPercent float64                 `json:"expression_percent"`
	Rules             []ruletest.RuleCoverage `json:"rules"`
}

// testFlags are the flags of test.
type testFlags struct {
	policy, output, only string
	coverage             bool
	minimum              float64
}

func testCommand() *cobra.Command {
	var flags testFlags
	command := &cobra.Command{
		Use:   "test [POLICY_DIR]",
		Short: "Run a policy's own tests",
		Long: `Run a policy's own tests: the cases in its files *_test.yaml, each a flow and what is to become of it.

A case that fails is shown with the sub-expressions that made the difference. --coverage counts, for
each rule, whether it has matched and has not matched, and for each operand of &&, ||, ! and ?:
whether it has been true and false; --minimum-coverage is about rules. Exit code 1 means that a case
fails or the coverage is below the minimum, 2 that a file cannot be worked with.`,
		Example: `  borderflow test policies/
  borderflow test policies/ --minimum-coverage 100
  borderflow test policies/ --run 'United States'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) == 1 {
				flags.policy = args[0]
			}
			return flags.run(command)
		},
	}
	command.Flags().StringVar(&flags.policy, "policy", "", "directory of policy files (default: POLICY_DIR) [$BORDERFLOW_POLICY]")
	command.Flags().BoolVar(&flags.coverage, "coverage", false, "say what the cases do not reach")
	command.Flags().Float64Var(&flags.minimum, "minimum-coverage", 0, "least share of the rules to be reached, in percent")
	command.Flags().StringVar(&flags.only, "run", "", "run only the cases whose name matches this regular expression (RE2)")
	addOutput(command, &flags.output)
	return command
}

func (f testFlags) run(command *cobra.Command) error {
	if f.policy == "" {
		f.policy = os.Getenv("BORDERFLOW_POLICY")
	}
	if f.policy == "" {
		return badInput(fmt.Errorf("test: name the directory of the policy"))
	}
	if f.minimum < 0 || f.minimum > 100 {
		return badInput(fmt.Errorf("--minimum-coverage: found %v, expected a percentage from 0 to 100", f.minimum))
	}
	options := ruletest.Options{Coverage: f.coverage || f.minimum > 0}
	if f.only != "" {
		only, err := regexp.Compile(f.only)
		if err != nil {
			return badInput(fmt.Errorf("--run: %w", err))
		}
		options.Only = only
	}
	policy, suite, err := loadTested(f.policy)
	if err != nil {
		return err
	}
	report := suite.Run(policy, options)
	if len(report.Results) == 0 {
		return badInput(fmt.Errorf("test: %s holds no case to run; cases stand in files *_test.yaml", f.policy))
	}
	return f.write(command, &report)
}

// loadTested loads a policy and its tests, with every mistake of both.
func loadTested(dir string) (*rules.Policy, *ruletest.Suite, error) {
	policy, problems, err := rules.Load(dir)
	if err != nil {
		return nil, nil, badInput(err)
	}
	suite, more, err := ruletest.Load(dir)
	if err != nil {
		return nil, nil, badInput(err)
	}
	problems = append(problems, more...)
	if policy != nil && suite != nil {
		problems = append(problems, suite.Check(policy)...)
	}
	if len(problems) > 0 {
		return nil, nil, badInput(problems.Sort())
	}
	return policy, suite, nil
}

func (f testFlags) write(command *cobra.Command, report *ruletest.Report) error {
	covered := report.Coverage == nil || report.Coverage.RulePercent() >= f.minimum
	if f.output == "json" {
		if err := writeJSON(command.OutOrStdout(), newTestAnswer(report, covered)); err != nil {
			return err
		}
	} else {
		shown := *report
		if covered && !f.coverage {
			shown.Coverage = nil
		}
		if err := writeText(command.OutOrStdout(), shown.Text()); err != nil {
			return err
		}
	}
	switch {
	case !report.Passed():
		return failed(nil)
	case !covered:
		return failed(fmt.Errorf("the tests reach %.1f %% of the rules, less than %v %%", report.Coverage.RulePercent(), f.minimum))
	}
	return nil
}

func newTestAnswer(report *ruletest.Report, covered bool) testAnswer {
	answer := testAnswer{OK: report.Passed() && covered, Failed: report.Failed(), Cases: []testedCase{}}
	answer.Passed = len(report.Results) - answer.Failed
	for i := range report.Results {
		r := &report.Results[i]
		answer.Cases = append(answer.Cases, testedCase{Name: r.Case.Name, File: r.Case.File, Line: r.Case.Line, Passed: r.Passed(),
			Verdict: r.Outcome.Decision.Verdict.String(), Phase: r.Outcome.Phase.String(), Differences: r.Differences})
	}
	if c := report.Coverage; c != nil {
		answer.Coverage = &testCoverage{RulePercent: c.RulePercent(), ExpressionPercent: c.ExpressionPercent(), Rules: c.Rules}
	}
	return answer
}
