package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/borderflow/borderflow/proxy/evidence/bundle"
	"github.com/spf13/cobra"
)

func evidenceExportCommand() *cobra.Command {
	var flags logFlags
	var from, until, out, output string
	command := &cobra.Command{
		Use:   "export --out DIR|FILE.tar.zst",
		Short: "Hand out the records of a period, with all that it takes to check them elsewhere",
		Long: `Hand out the records of a period, with all that it takes to check them elsewhere.

The bundle holds the records, in whole segments, the tiles that lead from them to the newest checkpoint, that
checkpoint, the public key, the notes of what was removed in time, the policies that decided, as far as
they were kept, and a README that says how to check it. Records that no checkpoint commits to are left out.`,
		Example: `  borderflow evidence export --from 2026-01-01 --until 2026-04-01 --out quarter.tar.zst
  go run ./examples/verifier -key "$(cat evidence-key.pub)" quarter`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			period, err := parsePeriod(from, until)
			switch {
			case err != nil:
				return badInput(err)
			case out == "":
				return badInput(errors.New("export: --out names the directory or the .tar.zst file to make"))
			}
			if _, err := os.Lstat(out); err == nil {
				return badInput(fmt.Errorf("export: %s is there already", out))
			}
			config, directory, err := flags.open()
			if err != nil {
				return err
			}
			keys, err := flags.keys(directory)
			if err != nil {
				return err
			}
			contents, err := bundle.Export(command.Context(), bundle.Options{Directory: directory, Key: keys.Log, From: period[0], Until: period[1],
				Policy: keptPolicies(filepath.Join(config.StateDir, "policy"))}, out)
			if err != nil {
				return failed(err)
			}
			if output == "json" {
				return writeJSON(command.OutOrStdout(), contents)
			}
			return writeText(command.OutOrStdout(), exportedText(contents, out))
		},
	}
	flags.addLog(command)
	flags.addKeys(command, besideLog)
	addPeriod(command, &from, &until)
	addOutput(command, &output)
	command.Flags().StringVar(&out, "out", "", "directory, or .tar.zst file, to make")
	return command
}

// keptPolicies finds policies by their hash among the files that the proxy has kept in a directory: each
// that was in force, and the last good one.
func keptPolicies(directory string) func(string) ([]byte, bool) {
	return func(hash string) ([]byte, bool) {
		for _, file := range []string{filepath.Join(directory, "in-force", hash+".json"), filepath.Join(directory, "last-good.json")} {
			text, err := os.ReadFile(file)
			var kept struct {
				Hash string `json:"hash"`
			}
			if err == nil && json.Unmarshal(text, &kept) == nil && kept.Hash == hash {
				return text, true
			}
		}
		return nil, false
	}
}

func exportedText(c bundle.Contents, out string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: records %d to %d in %s, %d of them of the period, with the checkpoint of %d records\n",
		out, c.First, c.Last, counted(len(c.Segments), "segment"), c.Matching, c.Size)
	for _, r := range c.Removed {
		fmt.Fprintf(&b, "removed     records %d to %d were past their retention\n", r.First, r.Last)
	}
	for _, hash := range c.Missing {
		fmt.Fprintf(&b, "not kept    the policy %.12s\n", hash)
	}
	return b.String()
}
