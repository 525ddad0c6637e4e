package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/lint"
	"github.com/borderflow/borderflow/rules/ruletest"
	"github.com/spf13/cobra"
)

// lintFlags are lint's own settings.
type lintFlags struct {
	policy, output, minimum string
	principles, fix         bool
}

// lintAnswer is lint's answer; its field names are kept stable.
type lintAnswer struct {
	Findings []lint.Finding `json:"findings"`
	Fixed    int            `json:"fixed"`
}

func lintCommand() *cobra.Command {
	var flags lintFlags
	command := &cobra.Command{
		Use:   "lint [POLICY_DIR]",
		Short: "Say what the authors of a policy will regret",
		Long: `Say what the authors of a policy will regret: rules that can never decide, texts that no fact has,
conditions that are true by accident, restrictions without a stated basis.

Whatever is said to be impossible is proved, and whatever is said of a flow was tried on the policy.
--principles adds what the principles of free, lawful and even-handed data flow ask for, the same for
every country. --fix corrects texts that can only have been meant as another and leaves everything else,
comments too, as it is. Notes, which are
worth knowing and often meant that way, are left out unless asked for with --minimum-severity note.
Exit code 1 means that findings are shown; 2 that the policy has mistakes.`,
		Example: `  borderflow lint policies
  borderflow lint policies --principles
  borderflow lint policies --output sarif > lint.sarif`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			dir := slices.Concat(args, []string{flags.policy, os.Getenv("BORDERFLOW_POLICY")})
			dir = slices.DeleteFunc(dir, func(s string) bool { return s == "" })
			if len(dir) == 0 {
				return badInput(errors.New("lint: name a directory of policy files"))
			}
			return flags.run(command, dir[0])
		},
	}
	command.Flags().StringVar(&flags.policy, "policy", "", "directory of policy files [$BORDERFLOW_POLICY]")
	command.Flags().StringVarP(&flags.output, "output", "o", "text", "how to print the findings: text, json or sarif")
	command.Flags().StringVar(&flags.minimum, "minimum-severity", "warning", "leave out what matters less: note, warning or error")
	command.Flags().BoolVar(&flags.principles, "principles", false, "also hold the policy to the principles of free, lawful and even-handed data flow")
	command.Flags().BoolVar(&flags.fix, "fix", false, "correct what can be corrected safely, and report the rest")
	return command
}

func (flags lintFlags) run(command *cobra.Command, dir string) error {
	least, ok := lint.ParseSeverity(flags.minimum)
	switch {
	case !ok:
		return badInput(fmt.Errorf("--minimum-severity: found %q, expected note, warning or error", flags.minimum))
	case !slices.Contains([]string{"text", "json", "sarif"}, flags.output):
		return badInput(fmt.Errorf("--output: found %q, expected text, json or sarif", flags.output))
	}
	findings, files, err := flags.findings(dir)
	if err != nil {
		return err
	}
	fixed := 0
	if flags.fix {
		changed, n, err := lint.Fix(files, findings)
		if err != nil {
			return failed(err)
		}
		for name, data := range changed {
			if err := lint.WriteFile(name, files[name], data); err != nil {
				return failed(err)
			}
		}
		if fixed = n; n > 0 {
			if findings, _, err = flags.findings(dir); err != nil {
				return err
			}
		}
	}
	findings = lint.AtLeast(findings, least)
	if err := flags.write(command, lintAnswer{findings, fixed}); err != nil {
		return err
	}
	if len(findings) > 0 {
		return failed(nil)
	}
	return nil
}

// findings loads the policy in dir and reviews it.
func (flags lintFlags) findings(dir string) ([]lint.Finding, map[string][]byte, error) {
	policy, files, err := loadPolicy(dir)
	if err != nil {
		return nil, nil, err
	}
	coverage, err := coverageOf(policy, dir)
	if err != nil {
		return nil, nil, err
	}
	return lint.Check(policy, files, lint.Options{Principles: flags.principles, Coverage: coverage}), files, nil
}

// reachedRules are the rules, as policy/rule, that the policy's own tests have match.
type reachedRules map[string]bool

// Reached makes reachedRules a lint.Coverage.
func (r reachedRules) Reached(policy, rule string) bool { return r[policy+"/"+rule] }

// coverageOf runs the tests that stand beside a policy; nil when there are none.
func coverageOf(policy *rules.Policy, dir string) (lint.Coverage, error) {
	suite, problems, err := ruletest.Load(dir)
	if err != nil {
		return nil, badInput(err)
	}
	if len(problems) == 0 {
		problems = suite.Check(policy)
	}
	if len(problems) > 0 {
		return nil, badInput(problems)
	}
	report := suite.Run(policy, ruletest.Options{Coverage: true})
	if len(report.Results) == 0 {
		return nil, nil
	}
	reached := reachedRules{}
	for _, rule := range report.Coverage.Rules {
		reached[rule.Policy+"/"+rule.Rule] = rule.Matched > 0
	}
	return reached, nil
}

// loadPolicy loads the policy in dir, and the text of its files.
func loadPolicy(dir string) (*rules.Policy, map[string][]byte, error) {
	files, problems, err := rules.Files(dir)
	if err != nil {
		return nil, nil, badInput(err)
	}
	if len(files) == 0 && len(problems) == 0 {
		return nil, nil, badInput(fmt.Errorf("%s: there is no policy in this directory", dir))
	}
	policy, more := rules.Parse(files)
	if problems = append(problems, more...).Sort(); len(problems) > 0 {
		return nil, nil, badInput(problems)
	}
	return policy, files, nil
}

func (flags lintFlags) write(command *cobra.Command, answer lintAnswer) error {
	out := command.OutOrStdout()
	switch flags.output {
	case "json":
		return writeJSON(out, answer)
	case "sarif":
		if err := lint.WriteSARIF(out, answer.Findings, buildVersion()); err != nil {
			return failed(err)
		}
		return nil
	}
	var b strings.Builder
	for _, f := range answer.Findings {
		fmt.Fprintln(&b, f)
		if f.Witness != "" {
			fmt.Fprintf(&b, "    for example: %s\n", f.Witness)
		}
	}
	if answer.Fixed > 0 {
		fmt.Fprintf(&b, "%s corrected\n", counted(answer.Fixed, "text"))
	}
	if len(answer.Findings) == 0 {
		fmt.Fprintf(&b, "ok: nothing found\n")
	} else {
		fmt.Fprintf(&b, "%s\n", counted(len(answer.Findings), "finding"))
	}
	return writeText(out, b.String())
}
