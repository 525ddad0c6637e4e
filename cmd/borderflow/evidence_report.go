package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/keep"
	"github.com/borderflow/borderflow/proxy/evidence/summary"
	"github.com/spf13/cobra"
)

// reportFlags are report's own settings.
type reportFlags struct {
	logFlags
	kept                                        []string
	from, until, language, format, table, where string
	rows                                        int
}

func evidenceReportCommand() *cobra.Command {
	var flags reportFlags
	command := &cobra.Command{
		Use:   "report --from TIME --until TIME",
		Short: "Report on the transfers of a period: to whom, where, what, about how many people, on which basis",
		Long: `Report on the transfers of a period: to whom, to which jurisdiction, of which categories, about how many
people, by which mechanism and legal basis; what was blocked, refused and exempted; policy changes; and
whether the log is whole. Every row names its records, the query that lists them, and the checkpoint that
they can be proved against.

A time is a date, which is its beginning in UTC, or as in RFC 3339. The period ends before --until: October
is --from 2026-10-01 --until 2026-11-01. A flow is of the period in which it began.

HTML is one page that needs nothing else, to look at and to print. CSV is one file for each table in the
directory --out, or a single --table. The exit code is 1 when the log is broken: the report is written all
the same, and says so.`,
		Example: `  borderflow evidence report --from 2026-10-01 --until 2026-11-01 --out october.html
  borderflow evidence report --from 2026-10-01 --until 2026-11-01 --language zh --out october.zh.html
  borderflow evidence report --from 2026-10-01 --until 2026-11-01 --format csv --table register`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return flags.run(command) },
	}
	flags.addLog(command)
	flags.addKeys(command, besideLog)
	command.Flags().StringVar(&flags.from, "from", "", "first moment of the period")
	command.Flags().StringVar(&flags.until, "until", "", "moment at which the period is over")
	command.Flags().StringVar(&flags.language, "language", "en", "language of the report: en or zh")
	command.Flags().StringVar(&flags.format, "format", "html", "form of the report: html, json or csv")
	command.Flags().StringVar(&flags.table, "table", "", "the one table to write as CSV, e.g. register")
	command.Flags().IntVar(&flags.rows, "rows", 0, "most rows of a table; the rest is summed in one (default 500 in HTML, 10000 in JSON and CSV)")
	command.Flags().StringVar(&flags.where, "out", "", "file to write to; of CSV, a directory (default: standard output)")
	command.Flags().StringArrayVar(&flags.kept, "checkpoint", nil, "checkpoint that was kept apart from the log; may be repeated")
	for name, values := range map[string][]string{"language": {"en", "zh"}, "format": {"html", "json", "csv"}, "table": summary.TableNames()} {
		_ = command.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	return command
}

// mostRowsOfPage keeps a page one that browsers show at once.
const mostRowsOfPage = 500

// check reads the flags, and names all mistakes in them at once.
func (flags *reportFlags) check() (options summary.Options, language summary.Language, err error) {
	var mistakes []error
	note := func(flag string, err error) {
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("--%s: %w", flag, err))
		}
	}
	options.From, err = readMoment(flags.from)
	note("from", err)
	options.Until, err = readMoment(flags.until)
	note("until", err)
	if len(mistakes) == 0 && !options.From.Before(options.Until) {
		note("until", fmt.Errorf("found %q, expected a time after --from, %q", flags.until, flags.from))
	}
	language, err = summary.ParseLanguage(flags.language)
	note("language", err)
	if options.Rows = flags.rows; flags.rows < 0 || flags.rows > summary.MaxRows {
		note("rows", fmt.Errorf("found %d, expected 1 to %d", flags.rows, summary.MaxRows))
	}
	switch flags.format {
	case "html":
		if flags.rows == 0 {
			options.Rows = mostRowsOfPage
		}
	case "json":
	case "csv":
		if flags.table == "" && flags.where == "" {
			note("out", errors.New("a directory is needed for the tables as CSV, or --table for a single one"))
		}
	default:
		note("format", fmt.Errorf("found %q, expected html, json or csv%s", flags.format, didYouMean(flags.format, []string{"html", "json", "csv"})))
	}
	switch names := summary.TableNames(); {
	case flags.table == "":
	case flags.format != "csv":
		note("table", errors.New("only CSV is written table by table"))
	case !slices.Contains(names, flags.table):
		note("table", fmt.Errorf("there is no table %q%s; there are %s", flags.table, didYouMean(flags.table, names), strings.Join(names, ", ")))
	}
	return options, language, errors.Join(mistakes...)
}

func readMoment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, errors.New("a time is needed, e.g. 2026-10-01")
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("found %q, expected a date as 2026-10-01, or a time as 2026-10-01T08:00:00Z", text)
}

func (flags reportFlags) run(command *cobra.Command) error {
	options, language, err := flags.check()
	if err != nil {
		return badInput(err)
	}
	config, directory, err := flags.open()
	if err != nil {
		return err
	}
	keys, err := flags.keys(directory)
	if err != nil {
		return err
	}
	if own := config.Evidence.CheckpointCopy; own != "" && flags.records == "" && len(flags.kept) == 0 {
		flags.kept = []string{own}
	}
	for _, kept := range flags.kept {
		if _, err := os.Stat(kept); err != nil {
			return badInput(fmt.Errorf("read a checkpoint that was kept apart: %w", err))
		}
	}
	report, err := watched(command, directory, func(ctx context.Context) (*summary.Report, error) {
		verified, err := evidence.Verify(ctx, directory, evidence.VerifyOptions{Keys: keys, Kept: flags.kept})
		if err != nil {
			return nil, err
		}
		_, options.Removed = keep.Account(directory, keys.Log, verified)
		options.Kept = len(flags.kept)
		return summary.Build(ctx, directory, verified, options)
	})
	if err != nil {
		return failed(err)
	}
	if err := flags.write(command, report, language); err != nil {
		return err
	}
	if !report.Log.OK {
		return failed(fmt.Errorf("the log is broken: %s; the report says which", counted(len(report.Log.Findings)+report.Log.More, "finding")))
	}
	return nil
}

func (flags reportFlags) write(command *cobra.Command, report *summary.Report, language summary.Language) error {
	switch {
	case flags.format == "html":
		return flags.writeFile(command, flags.where, func(w io.Writer) error { return report.WriteHTML(w, language) })
	case flags.format == "json":
		return flags.writeFile(command, flags.where, func(w io.Writer) error { return report.WriteJSON(w, language) })
	case flags.table != "":
		return flags.writeFile(command, flags.where, func(w io.Writer) error { return report.WriteCSV(w, report.Table(flags.table)) })
	}
	if err := os.MkdirAll(flags.where, 0o700); err != nil {
		return badInput(fmt.Errorf("make the directory of the tables: %w", err))
	}
	for _, table := range report.Tables {
		path := filepath.Join(flags.where, table.Name+".csv")
		if err := flags.writeFile(command, path, func(w io.Writer) error { return report.WriteCSV(w, table) }); err != nil {
			return err
		}
	}
	return nil
}

func (flags reportFlags) writeFile(command *cobra.Command, path string, write func(io.Writer) error) error {
	var content bytes.Buffer
	if err := write(&content); err != nil {
		return failed(err)
	}
	return writeOut(command, path, content.Bytes())
}
