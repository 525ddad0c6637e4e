package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence/query"
	"github.com/spf13/cobra"
)

// queryFlags are query's own settings.
type queryFlags struct {
	logFlags
	from, until    string
	limit          int
	output, fields string
}

var queryOutputs = []string{"table", "json", "csv"}

func evidenceQueryCommand() *cobra.Command {
	var flags queryFlags
	command := &cobra.Command{
		Use:   "query [CONDITION]",
		Short: "Find records by a condition in CEL, the language of the rules",
		Long: `Find records by a condition in CEL, the language of the rules.

Names are the keys of a record (SCHEMA.md); what a record leaves out is "", 0, false or an empty list. Besides
there are data.has(CATEGORY), data.count(CATEGORY), data.found(DETECTOR), destination.under(DOMAIN) and now.
Without a condition, all records of the period are found. What is compared with a literal by == is found
fastest. --output json prints the records as they stand in the log, a line each.`,
		Example: `  borderflow evidence query 'verdict == "block" && destination.country != "DE"' --from 2026-03-01 --until 2026-04-01
  borderflow evidence query 'data.has("financial")' --output csv --fields time,source.identity_hash,destination.host`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return flags.run(command, strings.Join(args, "")) },
	}
	flags.addLog(command)
	addPeriod(command, &flags.from, &flags.until)
	command.Flags().IntVar(&flags.limit, "limit", 0, "most records to find (default: all)")
	command.Flags().StringVarP(&flags.output, "output", "o", "table", "how to print records: table, json or csv")
	_ = command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(queryOutputs, cobra.ShellCompDirectiveNoFileComp))
	command.Flags().StringVar(&flags.fields, "fields", "", "fields to print, with commas between (default: "+query.DefaultColumns+"; with json: all)")
	return command
}

func addPeriod(command *cobra.Command, from, until *string) {
	command.Flags().StringVar(from, "from", "", "records of that time or later, e.g. 2026-03-01 or 2026-03-01T08:00:00Z")
	command.Flags().StringVar(until, "until", "", "records before that time")
}

// parsePeriod reads what addPeriod added.
func parsePeriod(from, until string) (times [2]time.Time, err error) {
	for i, text := range []string{from, until} {
		if text == "" {
			continue
		}
		if times[i], err = time.Parse(time.DateOnly, text); err != nil {
			if times[i], err = time.Parse(time.RFC3339, text); err != nil {
				return times, fmt.Errorf("--%s: found %q, expected a day or a time, e.g. 2026-03-01 or 2026-03-01T08:00:00Z", []string{"from", "until"}[i], text)
			}
		}
	}
	if !times[0].IsZero() && !times[1].IsZero() && !times[0].Before(times[1]) {
		return times, errors.New("--until: the period ends before it begins")
	}
	return times, nil
}

func (flags queryFlags) run(command *cobra.Command, text string) error {
	period, err := parsePeriod(flags.from, flags.until)
	switch {
	case err != nil:
		return badInput(err)
	case !slices.Contains(queryOutputs, flags.output):
		return badInput(fmt.Errorf("--output: found %q, expected table, json or csv", flags.output))
	case flags.limit < 0:
		return badInput(fmt.Errorf("--limit: found %d, expected 0 or more", flags.limit))
	}
	condition, err := query.Compile(text)
	if err != nil {
		return badInput(err)
	}
	var columns query.Columns
	if flags.fields != "" || flags.output != "json" {
		fields := flags.fields
		if fields == "" {
			fields = query.DefaultColumns
		}
		if columns, err = query.ParseColumns(fields); err != nil {
			return badInput(err)
		}
	}
	_, directory, err := flags.open()
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(command.OutOrStdout(), 64<<10)
	printer := newPrinter(out, flags.output, columns)
	options := query.Options{From: period[0], Until: period[1], Limit: flags.limit}
	result, err := query.Run(command.Context(), directory, condition, options, printer.print)
	if err = errors.Join(err, printer.finish(), out.Flush()); err != nil {
		return failed(err)
	}
	if flags.output == "table" {
		fmt.Fprintf(command.ErrOrStderr(), "%s of %d looked at\n", counted(result.Matches, "record"), result.Records)
	}
	if result.Failed > 0 {
		return failed(fmt.Errorf("query: the condition could not be answered for %s; %s", counted(result.Failed, "record"), result.First))
	}
	return nil
}

// printer prints records in one of the forms.
type printer struct {
	columns query.Columns
	out     io.Writer
	table   *tabwriter.Writer
	csv     *csv.Writer
	rows    int
}

// newPrinter returns a printer; columns are empty for whole records.
func newPrinter(out io.Writer, form string, columns query.Columns) *printer {
	p := &printer{columns: columns, out: out}
	switch form {
	case "table":
		p.table = tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
		fmt.Fprintln(p.table, strings.Join(columns.Paths(), "\t"))
	case "csv":
		p.csv = csv.NewWriter(out)
		_ = p.csv.Write(columns.Paths()) // its error comes with Flush
	}
	return p
}

func (p *printer) print(line []byte) error {
	if p.table == nil && p.csv == nil {
		if len(p.columns.Paths()) > 0 {
			var err error
			if line, err = p.columns.JSON(line); err != nil {
				return err
			}
		}
		_, err := p.out.Write(append(line[:len(line):len(line)], '\n'))
		return err
	}
	texts, err := p.columns.Texts(line)
	if err != nil {
		return err
	}
	if p.csv != nil {
		for i := range texts {
			texts[i] = harmless(texts[i])
		}
		return p.csv.Write(texts)
	}
	for i := range texts {
		texts[i] = printable([]byte(texts[i]))
	}
	fmt.Fprintln(p.table, strings.Join(texts, "\t"))
	// A table without end is printed in parts, whose columns may differ in width.
	if p.rows++; p.rows%1000 == 0 {
		return p.table.Flush()
	}
	return nil
}

// harmless keeps a spreadsheet from taking a text for a formula.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

func (p *printer) finish() error {
	switch {
	case p.table != nil:
		return p.table.Flush()
	case p.csv != nil:
		p.csv.Flush()
		return p.csv.Error()
	}
	return nil
}
