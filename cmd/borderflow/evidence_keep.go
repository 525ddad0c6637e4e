package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/keep"
	"github.com/borderflow/borderflow/proxy/evidence/query"
	"github.com/spf13/cobra"
)

func evidenceKeepCommand() *cobra.Command {
	var flags logFlags
	var options keep.Options
	var classes []string
	var confirmed bool
	var keyFile, output string
	command := &cobra.Command{
		Use:   "keep",
		Short: "Remove segments whose records are all past their retention, and compress complete ones",
		Long: `Remove segments whose records are all past their retention. Without --yes, it only says which.

A segment goes as a whole, once all its records are past the longest retention of their classes and none is
under a legal hold. The tiles of the log stay, so that proofs of other records hold, and a signed note says
what was removed, so that "verify" can tell it from what was taken out.

What the configuration says of classes and holds counts, too. A class is DAYS:CONDITION, in the language of "query"; of the classes of a record, the longest counts. The
file of legal holds is a list "holds" of name, from, until, flows and policies.`,
		Example: `  borderflow evidence keep --days 1096 --class '3653:destination.country in ["CN", "RU"]' --holds holds.yaml
  borderflow evidence keep --days 1096 --yes`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			for _, text := range classes {
				class, err := parseClass(text)
				if err != nil {
					return badInput(err)
				}
				options.Classes = append(options.Classes, class)
			}
			if options.Days < 1 {
				return badInput(fmt.Errorf("--days: found %d, expected 1 or more", options.Days))
			}
			if _, err := keep.ReadHolds(options.Holds); err != nil {
				return badInput(err)
			}
			config, directory, err := flags.open()
			if err != nil {
				return err
			}
			configured, err := config.Keeping()
			if err != nil {
				return badInput(err)
			}
			options.Delivered = configured.Delivered
			options.Classes = append(options.Classes, configured.Classes...)
			if retention := config.Evidence.Retention; retention.Days > 0 && !command.Flags().Changed("days") {
				options.Days = retention.Days
			}
			switch {
			case options.Holds == "":
				options.Holds = configured.Holds
			case configured.Holds != "" && configured.Holds != options.Holds:
				return badInput(fmt.Errorf("--holds: the configuration names %s, whose holds stand; put all of them into one file", configured.Holds))
			}
			options.Directory, options.KeyFile, options.DryRun = directory, keyFile, !confirmed
			keeper, err := keep.New(options)
			if err != nil {
				return badInput(err)
			}
			done, problems := keeper.Tend(command.Context())
			if output == "json" {
				err = writeJSON(command.OutOrStdout(), done)
			} else {
				err = writeText(command.OutOrStdout(), keptText(done, confirmed))
			}
			if problems != nil {
				return failed(problems)
			}
			return err
		},
	}
	flags.addLog(command)
	addOutput(command, &output)
	command.Flags().IntVar(&options.Days, "days", keep.ThreeYears, "retention of records of no class, in days")
	command.Flags().StringArrayVar(&classes, "class", nil, "retention of the records that meet a condition, DAYS:CONDITION; may be repeated")
	command.Flags().StringVar(&options.Holds, "holds", "", "file of legal holds (YAML)")
	command.Flags().BoolVar(&options.Seal, "seal", false, "also compress complete segments (Zstandard, readable with zstdcat)")
	command.Flags().StringVar(&keyFile, "signing-key", "", "file of the key that signs the log (default: the one beside the log)")
	command.Flags().BoolVar(&confirmed, "yes", false, "do it, and do not only say what would be done")
	return command
}

// parseClass reads "DAYS:CONDITION".
func parseClass(text string) (keep.Class, error) {
	days, condition, found := strings.Cut(text, ":")
	n, err := strconv.Atoi(strings.TrimSpace(days))
	if !found || err != nil || n < 1 {
		return keep.Class{}, fmt.Errorf("--class: found %q, expected DAYS:CONDITION, e.g. 3653:verdict == \"block\"", text)
	}
	compiled, err := query.Compile(condition)
	if err != nil {
		return keep.Class{}, fmt.Errorf("--class %q: %w", text, err)
	}
	return keep.Class{Name: text, Days: n, Definition: condition,
		Matches: func(line []byte, _ *evidence.Record) (bool, error) { return compiled.Matches(line) }}, nil
}

func keptText(done keep.Done, confirmed bool) string {
	var b strings.Builder
	verb := "would be removed"
	if confirmed {
		verb = "removed"
	}
	for _, r := range done.Removed {
		fmt.Fprintf(&b, "%s: %s: records %d to %d, past retention since %s\n", verb, r.Segment, r.First, r.Last, r.Expired.Format(time.DateOnly))
	}
	for _, name := range done.Sealed {
		verb := "would be sealed"
		if confirmed {
			verb = "sealed"
		}
		fmt.Fprintf(&b, "%s: %s\n", verb, name)
	}
	for _, h := range done.Held {
		fmt.Fprintf(&b, "held: %s: %s\n", h.Segment, printable([]byte(h.Hold)))
	}
	if len(done.Removed)+len(done.Held) == 0 {
		b.WriteString("No segment is past its retention.\n")
	}
	return b.String()
}
