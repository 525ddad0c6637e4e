package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/ruletest"
	"github.com/spf13/cobra"
)

// explainFlags are the flags of explain.
type explainFlags struct {
	settings settings
	flow     flowFlags
	record   string
	at       string
	all      bool
	output   string
}

func explainCommand() *cobra.Command {
	var flags explainFlags
	command := &cobra.Command{
		Use:   "explain [FLOW.yaml|-]",
		Short: "Say what the policy decides about a flow, why, and what would have to differ",
		Long: `Say what the policy decides about a flow, and why: every rule, the value of each sub-expression, and the
smallest set of sub-expressions whose value would have to differ.

The flow is described in a file, by flags, or is a recorded one (--record with its id, which refused
clients read). Of a recorded flow, what records do not keep is "not in the record". Nothing is sent,
resolved or located: facts that are not stated are absent. Exit code 1 means that there is no such
record.`,
		Example: `  borderflow explain --policy policies --to api.example.com --country US --data financial=2
  borderflow explain --policy policies flow.yaml
  borderflow explain --policy policies --record 01a2b3c4-… --state-dir .borderflow`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return flags.run(command, args) },
	}
	addSettings(command, &flags.settings, "config", "policy", "state-dir")
	flags.flow.add(command)
	command.Flags().StringVar(&flags.record, "record", "", "id of a recorded flow")
	command.Flags().StringVar(&flags.at, "at", "", "time of the decision, RFC 3339 or a date (default: now, or the record's)")
	command.Flags().BoolVar(&flags.all, "all", false, "show every sub-expression of rules that do not match, too")
	addOutput(command, &flags.output)
	return command
}

func (f *explainFlags) run(command *cobra.Command, args []string) error {
	stated := f.flow.stated(command)
	if given := len(args) + len(stated[:min(1, len(stated))]) + len(f.record[:min(1, len(f.record))]); given != 1 {
		return badInput(fmt.Errorf("explain: name one flow: a file, --record ID, or flags such as --to HOST"))
	}
	config, err := f.settings.load(os.Getenv)
	if err != nil {
		return err
	}
	policy, err := policyOrEmbedded(config.Policy.Dir)
	if err != nil {
		return err
	}
	now, err := f.time()
	if err != nil {
		return err
	}
	var answer explainAnswer
	switch {
	case f.record != "":
		answer, err = explainRecord(policy, config.StateDir, f.record, now)
	case len(args) == 1:
		answer, err = explainFile(policy, args[0], command.InOrStdin(), now)
	default:
		var described ruletest.Flow
		if described, err = f.flow.describe(); err == nil {
			answer = explainFlow(policy, described.Flow(), now)
		}
	}
	if err != nil {
		return err
	}
	if f.output == "json" {
		return writeJSON(command.OutOrStdout(), answer)
	}
	return writeText(command.OutOrStdout(), answer.text(f.all))
}

func (f *explainFlags) time() (time.Time, error) {
	var at ruletest.Moment
	if f.at == "" {
		return time.Time{}, nil
	}
	if err := at.UnmarshalText([]byte(f.at)); err != nil {
		return time.Time{}, badInput(fmt.Errorf("--at: %w", err))
	}
	return at.Time, nil
}

// policyOrEmbedded loads the policy in dir, or takes the embedded one if dir is "".
func policyOrEmbedded(dir string) (*rules.Policy, error) {
	if dir == "" {
		return rules.Embedded(), nil
	}
	policy, problems, err := rules.Load(dir)
	switch {
	case err != nil:
		return nil, badInput(err)
	case len(problems) > 0:
		return nil, badInput(problems)
	}
	return policy, nil
}

// readFlows reads the flows in a file, "-" for standard input.
func readFlows(name string, stdin io.Reader) ([]ruletest.Flow, error) {
	source := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, badInput(fmt.Errorf("read the flow: %w", err))
		}
		defer file.Close()
		source = file
	}
	data, err := io.ReadAll(io.LimitReader(source, document.MaxBytes+1))
	if err != nil {
		return nil, badInput(fmt.Errorf("read the flow: %w", err))
	}
	flows, problems := ruletest.ParseFlows(name, data)
	if len(problems) > 0 {
		return nil, badInput(problems)
	}
	return flows, nil
}

func explainFile(policy *rules.Policy, name string, stdin io.Reader, now time.Time) (explainAnswer, error) {
	flows, err := readFlows(name, stdin)
	if err != nil {
		return explainAnswer{}, err
	}
	if len(flows) > 1 {
		return explainAnswer{}, badInput(fmt.Errorf("%s: %d flows, expected one", name, len(flows)))
	}
	return explainFlow(policy, flows[0].Flow(), now), nil
}

// explainFlow settles the flow as the proxy would, and explains the decision that it ends with.
func explainFlow(policy *rules.Policy, f *flow.Flow, now time.Time) explainAnswer {
	if now.IsZero() {
		now = time.Now()
	}
	f.Started = now
	outcome := ruletest.Settle(policy, f, now)
	answer := newExplainAnswer(policy.Explain(outcome.Seen, outcome.Decision.Phase, now))
	answer.Phase, answer.Inspection, answer.Held = outcome.Phase.String(), outcome.Inspection.String(), outcome.Held
	return answer
}

// text is the answer for people.
func (a *explainAnswer) text(all bool) string {
	var b strings.Builder
	if a.Record != nil {
		fmt.Fprintf(&b, "record %s: %s", a.Record.ID, first(a.Record.Verdict, "no verdict"))
		if a.Record.Rule != "" {
			fmt.Fprintf(&b, ", rule %s of %s", a.Record.Rule, a.Record.Policy)
		}
		fmt.Fprintln(&b)
		if !a.Record.SamePolicy {
			fmt.Fprintln(&b, "it was decided under another policy than the one that explains it here")
		}
		fmt.Fprintf(&b, "not in the record: %s\n", strings.Join(a.Record.Missing, ", "))
	} else {
		fmt.Fprintf(&b, "%s, settled in phase %s: %s\n", a.Verdict, a.Phase, a.reading())
		if a.Rule != "" && a.explanation.Decision.Rule.Reason != "" {
			fmt.Fprintf(&b, "%s\n", a.explanation.Decision.Rule.Reason)
		}
	}
	b.WriteString(a.explanation.Text(all))
	return b.String()
}

// reading says how far the flow is read for the verdict.
func (a *explainAnswer) reading() string {
	switch {
	case a.Held:
		return "the payload is held until it has been read"
	case a.Inspection != flow.InspectFull.String():
		return "the tunnel is not inspected (" + a.Inspection + ")"
	case a.Verdict == flow.Block.String():
		return "the payload is not read"
	case a.explanation.Decision.Phase == flow.Body:
		return "the payload streams by, for rules that only mark flows"
	}
	return "the payload is not read, no rule depends on it"
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
