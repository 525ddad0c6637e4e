// Command borderflow is an egress proxy that enforces data-flow policy inline.
//
// Each command is one file. Exit codes: 0 done; 1 the answer is no, or running failed; 2 bad usage
// or bad input.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(execute(ctx, os.Args[1:]))
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	var exit *exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if exit.err != nil {
			fmt.Fprintln(root.ErrOrStderr(), err)
		}
		return exit.code
	default: // unknown commands, flags and arguments
		return misused(command, err)
	}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "borderflow",
		Short: "An egress proxy that enforces data-flow policy inline",
		Long: `borderflow stands where data leaves: it works out who sends what to which jurisdiction, lets
hot-reloaded rules allow, block or log each flow, and keeps a record of it.

Start it with "borderflow run" and send something through it:

    curl -x http://127.0.0.1:3128 --cacert .borderflow/ca/ca.pem https://example.com/`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(nearestFlag)
	root.AddCommand(runCommand(), checkCommand(), testCommand(), explainCommand(), benchCommand(), lintCommand(),
		replayCommand(), diffCommand(), schemaCommand(), locateCommand(), dataCommand(), classifyCommand(), caCommand(),
		evidenceCommand(), referenceCommand(), versionCommand())
	return root
}
