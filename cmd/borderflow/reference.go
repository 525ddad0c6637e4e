package main

import (
	"fmt"
	"strings"

	"github.com/borderflow/borderflow/rules"
	"github.com/spf13/cobra"
)

// referenceEntry is a rules.Entry as it is printed.
type referenceEntry struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Doc     string `json:"doc"`
	Example string `json:"example,omitempty"`
	Cost    string `json:"cost"`
}

func referenceCommand() *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "reference",
		Short: "Print what the conditions of rules can say",
		Long: `Print what the conditions of rules can say: every attribute and function beyond CEL's own, with its
type and an example. It is made from the tables that evaluation runs on.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if output == "json" {
				var entries []referenceEntry
				for _, entry := range rules.Reference() {
					entries = append(entries, referenceEntry(entry))
				}
				return writeJSON(command.OutOrStdout(), entries)
			}
			var b strings.Builder
			for _, entry := range rules.Reference() {
				fmt.Fprintf(&b, "%-40s %-14s %s\n", entry.Name, entry.Type, entry.Doc)
				if entry.Example != "" {
					fmt.Fprintf(&b, "%-40s   %s\n", "", entry.Example)
				}
			}
			return writeText(command.OutOrStdout(), b.String())
		},
	}
	addOutput(command, &output)
	return command
}
