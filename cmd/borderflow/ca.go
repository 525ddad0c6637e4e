package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/borderflow/borderflow/certs"
	"github.com/borderflow/borderflow/proxy"
	"github.com/spf13/cobra"
)

func caCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "ca",
		Short: "Create the certificate authority, and say how to trust it",
		Args:  noSuchCommand, // without it, cobra shows the help and reports success
		RunE:  func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(caInitCommand(), caExportCommand(), caTrustCommand())
	return command
}

// authority opens the configured CA, creating the one of the state directory when it is missing.
func authority(config proxy.Config) (_ *certs.Authority, created bool, err error) {
	if c := config.Certificates; c.Certificate != "" {
		opened, err := certs.FromFiles(c.Certificate, c.Key)
		return opened, false, err
	}
	return certs.LoadOrCreate(filepath.Join(config.StateDir, "ca"))
}

func caInitCommand() *cobra.Command {
	var flags settings
	command := &cobra.Command{
		Use:   "init",
		Short: "Create the CA of the state directory, unless there is one",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := flags.load(os.Getenv)
			if err != nil {
				return err
			}
			opened, created, err := authority(config)
			if err != nil {
				return failed(err)
			}
			done := "exists already"
			if created {
				done = "was created"
			}
			return writeText(command.OutOrStdout(), fmt.Sprintf("The CA %s.\n  certificate  %s\n  fingerprint  %s (SHA-256)\n  valid until  %s\n",
				done, opened.Files()[0], opened.Fingerprint(), opened.NotAfter().Format("2006-01-02")))
		},
	}
	addSettings(command, &flags, "config", "state-dir")
	return command
}

func caExportCommand() *cobra.Command {
	var flags settings
	command := &cobra.Command{
		Use:   "export",
		Short: "Print the CA's certificate in PEM form, for clients to trust",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := flags.load(os.Getenv)
			if err != nil {
				return err
			}
			opened, _, err := authority(config)
			if err != nil {
				return failed(err)
			}
			return writeText(command.OutOrStdout(), string(opened.PEM()))
		},
	}
	addSettings(command, &flags, "config", "state-dir")
	return command
}

func caTrustCommand() *cobra.Command {
	var flags settings
	var output string
	command := &cobra.Command{
		Use:   "trust",
		Short: "Say how clients are made to trust the CA",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := flags.load(os.Getenv)
			if err != nil {
				return err
			}
			file := config.Certificates.Certificate
			if file == "" {
				file = filepath.Join(config.StateDir, "ca", "ca.pem")
			}
			if output == "json" {
				return writeJSON(command.OutOrStdout(), certs.TrustSteps(file))
			}
			return writeText(command.OutOrStdout(), certs.TrustInstructions(file))
		},
	}
	addSettings(command, &flags, "config", "state-dir")
	addOutput(command, &output)
	return command
}
