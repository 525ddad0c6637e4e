package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// addOutput gives command the flag --output text|json.
func addOutput(command *cobra.Command, output *string) {
	command.Flags().StringVarP(output, "output", "o", "text", "how to print the answer: text or json")
	_ = command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	command.PreRunE = func(*cobra.Command, []string) error {
		if *output != "text" && *output != "json" {
			return badInput(fmt.Errorf("--output: found %q, expected text or json", *output))
		}
		return nil
	}
}

// writeJSON writes value as one line of JSON.
func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return failed(fmt.Errorf("write the answer: %w", err))
	}
	return nil
}

// writeText writes text.
func writeText(w io.Writer, text string) error {
	if _, err := io.WriteString(w, text); err != nil {
		return failed(fmt.Errorf("write the answer: %w", err))
	}
	return nil
}
