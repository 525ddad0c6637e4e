package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/borderflow/borderflow/certs"
	"github.com/borderflow/borderflow/proxy"
	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/jurisdiction"
	"github.com/spf13/cobra"
)

// checkAnswer is check's answer; its field names are kept stable.
type checkAnswer struct {
	OK       bool      `json:"ok"`
	Policies int       `json:"policies"`
	Rules    int       `json:"rules"`
	Hash     string    `json:"hash"`
	Problems []mistake `json:"problems"`
}

// mistake is a document.Problem as it is printed.
type mistake struct {
	File    string `json:"file"`
	Line    int    `json:"line"`   // from 1; 0 when it concerns the file as a whole
	Column  int    `json:"column"` // likewise, in characters
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func (a *checkAnswer) add(problems ...document.Problem) {
	for _, problem := range problems {
		a.Problems = append(a.Problems, mistake(problem))
	}
}

func checkCommand() *cobra.Command {
	var flags settings
	var output string
	command := &cobra.Command{
		Use:   "check [POLICY_DIR]",
		Short: "Check the configuration and the policies, without running anything",
		Long: `Check the configuration and the policies, without binding a port or opening a connection.

Every mistake is named in one run, with file, line, column, what was found and the nearest valid
name. Exit code 2 means that there are mistakes.`,
		Example: `  borderflow check --config borderflow.yaml
  borderflow check policies/`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) == 1 {
				flags.policy = args[0]
			}
			answer, err := check(flags)
			if err != nil {
				return err
			}
			return answer.write(command, output)
		},
	}
	addSettings(command, &flags, "config", "policy")
	addOutput(command, &output)
	return command
}

// check gathers the mistakes of the configuration and of the policies it names.
func check(flags settings) (checkAnswer, error) {
	answer := checkAnswer{Problems: []mistake{}}
	config, err := flags.load(os.Getenv)
	var problems document.Problems
	if err != nil && !errors.As(err, &problems) {
		return answer, err
	}
	answer.add(problems...)
	for _, path := range config.Jurisdiction.Databases {
		options := jurisdiction.Options{Databases: []string{path}}
		if _, err := jurisdiction.New(options); err != nil {
			answer.add(document.Problem{File: path, Message: err.Error()})
		}
	}
	answer.add(checkCertificates(config)...)
	policy := rules.Embedded()
	if config.Policy.Dir != "" {
		loaded, problems, err := rules.Load(config.Policy.Dir)
		if err != nil {
			problems = document.Problems{{File: config.Policy.Dir, Message: err.Error()}}
		}
		answer.add(problems...)
		policy = loaded
	}
	answer.OK = len(answer.Problems) == 0
	if policy != nil && answer.OK {
		answer.Policies, answer.Rules, answer.Hash = len(policy.Policies()), len(policy.Rules()), policy.Hash()
	}
	return answer, nil
}

// checkCertificates opens the certificate files that running would open.
func checkCertificates(config proxy.Config) (problems document.Problems) {
	note := func(err error) {
		if err != nil {
			problems = append(problems, document.Problem{Message: err.Error()})
		}
	}
	if c := config.Certificates; c.Certificate != "" && c.Key != "" {
		_, err := certs.FromFiles(c.Certificate, c.Key)
		note(err)
	}
	if len(config.Upstream.Trust) > 0 {
		_, err := certs.UpstreamTrust(config.Upstream.Trust, false)
		note(err)
	}
	for _, listener := range config.Listen {
		if t := listener.TLS; t != nil && t.Certificate != "" && t.Key != "" {
			note(t.Check())
		}
	}
	return problems
}

func (a checkAnswer) write(command *cobra.Command, output string) error {
	if output == "json" {
		if err := writeJSON(command.OutOrStdout(), a); err != nil {
			return err
		}
	} else if err := writeText(command.OutOrStdout(), a.text()); err != nil {
		return err
	}
	if !a.OK {
		return badInput(nil)
	}
	return nil
}

func (a checkAnswer) text() string {
	if a.OK {
		return fmt.Sprintf("ok: %s in %s, hash %.12s\n", counted(a.Rules, "rule"), counted(a.Policies, "policy"), a.Hash)
	}
	var b strings.Builder
	for _, problem := range a.Problems {
		fmt.Fprintln(&b, document.Problem(problem))
	}
	fmt.Fprintf(&b, "%s\n", counted(len(a.Problems), "mistake"))
	return b.String()
}

func counted(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(what, "y"))
	}
	return fmt.Sprintf("%d %ss", n, what)
}
