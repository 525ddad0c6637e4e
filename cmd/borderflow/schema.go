package main

import (
	"github.com/borderflow/borderflow/proxy"
	"github.com/borderflow/borderflow/rules/schema"
	"github.com/spf13/cobra"
)

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema policy|config",
		Short: "Print a JSON schema of policy files or of the configuration, for editors",
		Long: `Print a JSON schema (draft 2020-12) of policy files or of the configuration.

Editors that speak to a YAML language server use it to complete names and to underline mistakes. Name it in
a file's first line:

    # yaml-language-server: $schema=borderflow-policy.schema.json`,
		Example:   `  borderflow schema policy > borderflow-policy.schema.json`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"policy", "config"},
		RunE: func(command *cobra.Command, args []string) error {
			text, err := schema.Policy()
			if args[0] == "config" {
				text, err = schema.Config(proxy.Defaults())
			}
			if err != nil {
				return failed(err)
			}
			return writeText(command.OutOrStdout(), string(text))
		},
	}
}
