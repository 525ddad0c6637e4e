package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/checkpoint"
	"github.com/spf13/cobra"
)

// checkpointAnswer is checkpoint's answer; its field names are kept stable.
type checkpointAnswer struct {
	Origin     string   `json:"origin"`
	Size       uint64   `json:"size"`
	Root       string   `json:"root"`
	Key        string   `json:"key"`
	Witnesses  []string `json:"witnesses,omitempty"`
	Checkpoint string   `json:"checkpoint"`
}

func evidenceCheckpointCommand() *cobra.Command {
	var flags logFlags
	var output string
	command := &cobra.Command{
		Use:   "checkpoint",
		Short: "Print the newest signed checkpoint, to be kept apart from the log",
		Long: `Print the newest signed checkpoint, to be kept apart from the log.

Standard output is the checkpoint and nothing else, with the cosignatures that were kept; the public key of
the log is printed to standard error.`,
		Example: `  borderflow evidence checkpoint > /mnt/other/checkpoint`,
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			_, archive, keys, err := flags.archive()
			if err != nil {
				return err
			}
			signed := archive.Checkpoint()
			if signed == nil {
				return failed(errors.New("the log has no checkpoint yet"))
			}
			c, witnesses, err := keys.Open(signed)
			if err != nil {
				return failed(err)
			}
			if output == "json" {
				return writeJSON(command.OutOrStdout(), checkpointAnswer{c.Origin, c.Size, c.Root.String(), keys.Log, witnesses, string(signed)})
			}
			fmt.Fprintf(command.ErrOrStderr(), "public key: %s\n", keys.Log)
			return writeText(command.OutOrStdout(), string(signed))
		},
	}
	flags.addLog(command)
	flags.addKeys(command, besideLog)
	addOutput(command, &output)
	return command
}

func evidenceCosignCommand() *cobra.Command {
	var flags logFlags
	command := &cobra.Command{
		Use:   "cosign FILE",
		Short: "Keep a checkpoint that witnesses have cosigned",
		Long: `Keep a checkpoint that witnesses have cosigned.

A witness is somebody else who signs a checkpoint only if it continues the last one that they saw. Their
cosignatures are checked, go into proofs made from that checkpoint, and "verify" holds the log to them.
"-" reads the checkpoint from standard input.`,
		Example: `  borderflow evidence cosign cosigned-checkpoint --witness witness.pub`,
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if len(flags.witnesses) == 0 {
				return badInput(errors.New("cosign: --witness gives the public key of the witness"))
			}
			_, directory, err := flags.open()
			if err != nil {
				return err
			}
			keys, err := flags.keys(directory)
			if err != nil {
				return err
			}
			signed, err := readInput(args[0], command.InOrStdin(), checkpoint.MaxBytes)
			if err == nil {
				_, err = checkpoint.Unsigned(signed)
			}
			if err != nil {
				return badInput(fmt.Errorf("read the checkpoint %s: %w", args[0], err))
			}
			witnesses, err := evidence.KeepCosignatures(directory, signed, keys)
			if err != nil {
				return failed(err)
			}
			return writeText(command.OutOrStdout(), fmt.Sprintf("Kept the cosignatures of %s.\n", strings.Join(witnesses, ", ")))
		},
	}
	flags.addLog(command)
	flags.addKeys(command, besideLog)
	return command
}
