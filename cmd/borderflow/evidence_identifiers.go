package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/borderflow/borderflow/proxy/evidence/pseudonym"
	"github.com/spf13/cobra"
)

// identifierKeys is where a log keeps what it hashes identifiers with.
func identifierKeys(directory string) string { return filepath.Join(directory, "keys") }

func evidenceShredCommand() *cobra.Command {
	var flags logFlags
	var confirmed bool
	command := &cobra.Command{
		Use:   "shred PERIOD --yes",
		Short: "Destroy the key of a period, after which nobody can tell whose its records are",
		Long: `Destroy the key of a period, after which nobody can tell whose its records are.

Addresses and identities of that period are hashed with this key. Without it, the hashes cannot be traced
back by anybody; the records, and the proofs over them, stay as they are. It cannot be undone, and copies of
the key in backups have to be destroyed by whoever made them. While the period lasts, restart the proxy
afterwards: until then it goes on with the key in its memory.`,
		Example: `  borderflow evidence shred 2026-03 --yes`,
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			_, directory, err := flags.open()
			if err != nil {
				return err
			}
			if err := knownPeriod(directory, args[0]); err != nil {
				return badInput(err)
			}
			if !confirmed {
				return badInput(fmt.Errorf("shred: this destroys the key of %s for ever; confirm it with --yes", args[0]))
			}
			switch err := pseudonym.Shred(identifierKeys(directory), args[0]); {
			case errors.Is(err, pseudonym.ErrShredded):
				return writeText(command.OutOrStdout(), fmt.Sprintf("The key of %s was destroyed before.\n", args[0]))
			case err != nil:
				return failed(err)
			}
			return writeText(command.OutOrStdout(), fmt.Sprintf("The key of %s is destroyed.\n", args[0]))
		},
	}
	flags.addLog(command)
	command.Flags().BoolVar(&confirmed, "yes", false, "confirm that the key is to be destroyed")
	return command
}

// knownPeriod says which periods there are when the one asked for is none.
func knownPeriod(directory, period string) error {
	names, err := pseudonym.Names(identifierKeys(directory))
	switch {
	case err != nil:
		return err
	case len(names) == 0:
		return errors.New("the log has no identifier keys: its records keep identifiers in clear")
	case !slices.Contains(names, period):
		return fmt.Errorf("there is no key of the period %q: there are keys of %s", period, strings.Join(names, ", "))
	}
	return nil
}

// pseudonymAnswer is pseudonym's answer; its field names are kept stable.
type pseudonymAnswer struct {
	Field  string   `json:"field"`
	Hashes []string `json:"hashes"`
}

func evidencePseudonymCommand() *cobra.Command {
	var flags logFlags
	var field, period, output string
	command := &cobra.Command{
		Use:   "pseudonym VALUE|- --field address|identity",
		Short: "Print the hashes under which the records keep somebody, to answer whoever asks about their own",
		Long: `Print the hashes under which the records keep somebody, to answer whoever asks about their own.

One hash is printed for each period whose key still exists. "-" reads the value from standard input, which
keeps it out of the shell's history.`,
		Example: `  borderflow evidence pseudonym 192.0.2.7 --field address --period 2026-03
  echo payroll@example.com | borderflow evidence pseudonym - --field identity`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			value := args[0]
			if value == "-" {
				lines := bufio.NewScanner(command.InOrStdin())
				lines.Scan()
				if value = strings.TrimSpace(lines.Text()); lines.Err() != nil {
					return badInput(errors.New("pseudonym: the value on standard input cannot be read"))
				}
			}
			value, err := canonical(pseudonym.Field(field), value)
			if err != nil {
				return badInput(err)
			}
			_, directory, err := flags.open()
			if err != nil {
				return err
			}
			if period != "" {
				if err := knownPeriod(directory, period); err != nil {
					return badInput(err)
				}
			}
			hashes, err := pseudonym.Hashes(identifierKeys(directory), pseudonym.Field(field), value)
			if err != nil {
				return failed(err)
			}
			if period != "" {
				hashes = slices.DeleteFunc(hashes, func(hash string) bool { return !strings.HasPrefix(hash, period+":") })
			}
			if len(hashes) == 0 {
				return failed(errors.New("there is no hash: the keys were destroyed"))
			}
			if output == "json" {
				return writeJSON(command.OutOrStdout(), pseudonymAnswer{field, hashes})
			}
			return writeText(command.OutOrStdout(), strings.Join(hashes, "\n")+"\n")
		},
	}
	flags.addLog(command)
	addOutput(command, &output)
	command.Flags().StringVar(&field, "field", "", "what the value is: address or identity")
	_ = command.RegisterFlagCompletionFunc("field", cobra.FixedCompletions([]string{"address", "identity"}, cobra.ShellCompDirectiveNoFileComp))
	command.Flags().StringVar(&period, "period", "", "print the hash of this period only, e.g. 2026-03")
	return command
}

// canonical returns the value as records hash it. Errors do not repeat it: it is somebody's.
func canonical(field pseudonym.Field, value string) (string, error) {
	switch {
	case field != pseudonym.Address && field != pseudonym.Identity:
		return "", fmt.Errorf("--field: found %q, expected address or identity", string(field))
	case value == "":
		return "", errors.New("pseudonym: the value is empty")
	case field == pseudonym.Identity:
		return value, nil
	}
	address, err := netip.ParseAddr(value)
	if err != nil {
		return "", errors.New("pseudonym: the value is not an IP address")
	}
	return address.Unmap().WithZone("").String(), nil
}
