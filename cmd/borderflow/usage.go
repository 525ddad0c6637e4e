package main

import (
	"fmt"
	"regexp"

	"github.com/borderflow/borderflow/rules/document"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// misused says what could not be understood of command's line, and where help is.
func misused(command *cobra.Command, err error) int {
	fmt.Fprintf(command.ErrOrStderr(), "%v\nRun `%s --help` for usage.\n", err, command.CommandPath())
	return 2
}

// noSuchCommand refuses what stands where one of command's own commands belongs.
func noSuchCommand(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, child := range command.Commands() {
		names = append(names, child.Name())
	}
	return fmt.Errorf("unknown command %q for %q%s", args[0], command.CommandPath(), didYouMean(args[0], names))
}

// unknownFlag is how pflag reports a flag that is not defined.
var unknownFlag = regexp.MustCompile(`^unknown flag: --([^=]+)`)

// nearestFlag adds to the error for an unknown flag which one was probably meant.
func nearestFlag(command *cobra.Command, err error) error {
	found := unknownFlag.FindStringSubmatch(err.Error())
	if found == nil {
		return err
	}
	var names []string
	command.Flags().VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	nearest, ok := document.Nearest(found[1], names)
	if !ok {
		return err
	}
	return fmt.Errorf("%w (did you mean --%s?)", err, nearest)
}

func didYouMean(name string, candidates []string) string {
	if nearest, ok := document.Nearest(name, candidates); ok {
		return fmt.Sprintf(" (did you mean %q?)", nearest)
	}
	return ""
}
