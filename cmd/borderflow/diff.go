package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules/diff"
	"github.com/spf13/cobra"
)

func diffCommand() *cobra.Command {
	var output string
	var flows int
	command := &cobra.Command{
		Use:   "diff OLD_DIR NEW_DIR",
		Short: "Say what two policies decide differently, with a flow for each difference",
		Long: `Say what two policies decide differently, with a flow for each difference.

Flows are built from what both policies' conditions mention, and each is decided by both. That no
difference was found among so many flows is not a proof that there is none. Rules that are only worded
otherwise are listed apart. Exit code 1 means that there are differences.`,
		Example: `  borderflow diff policies candidate`,
		Args:    cobra.ExactArgs(2),
		RunE: func(command *cobra.Command, args []string) error {
			if flows < 1 {
				return badInput(fmt.Errorf("--flows: found %d, expected at least 1", flows))
			}
			old, _, err := loadPolicy(args[0])
			if err != nil {
				return err
			}
			new, _, err := loadPolicy(args[1])
			if err != nil {
				return err
			}
			report := diff.Compare(old, new, diff.Options{Flows: flows})
			if output == "json" {
				err = writeJSON(command.OutOrStdout(), report)
			} else {
				err = writeText(command.OutOrStdout(), diffText(report))
			}
			if err == nil && len(report.Differences) > 0 {
				return failed(nil)
			}
			return err
		},
	}
	addOutput(command, &output)
	command.Flags().IntVar(&flows, "flows", 20_000, "how many flows to try at most")
	return command
}

func diffText(report diff.Report) string {
	var b strings.Builder
	for _, c := range report.Rules {
		fmt.Fprintln(&b, c)
	}
	for _, d := range report.Differences {
		fmt.Fprintf(&b, "was %s\nnow %s\n    for example: %s\n", d.Old, d.New, d.Witness)
		if time.Since(d.Time).Abs() > time.Hour {
			fmt.Fprintf(&b, "    at %s\n", d.Time.UTC().Format(time.RFC3339))
		}
	}
	for _, c := range report.Metadata {
		fmt.Fprintf(&b, "wording only: %s\n", c)
	}
	if len(report.Differences) == 0 {
		fmt.Fprintf(&b, "no difference found among %s\n", counted(report.Flows, "flow"))
	} else {
		fmt.Fprintf(&b, "%s found among %s\n", counted(len(report.Differences), "difference"), counted(report.Flows, "flow"))
	}
	return b.String()
}
