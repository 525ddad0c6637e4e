package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/jurisdiction/ranges"
	"github.com/borderflow/borderflow/rules/jurisdiction/rangetable"
	"github.com/spf13/cobra"
)

// maxTable bounds a file that is shown, in bytes; the largest known is a hundredth of it.
const maxTable = 256 << 20

func dataCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "data",
		Short: "Convert and show the data that says where addresses are",
		Long: `Convert and show the data that says where addresses are.

The compact tables that "data import" writes are named under jurisdiction.databases, like MMDB files, and are
taken up without a restart.`,
		Args: noSuchCommand,
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(dataImportCommand(), dataShowCommand())
	return command
}

// importFlags are the settings of "data import".
type importFlags struct {
	from, in, out                    string
	date, licence, name, attribution string
	registrant                       bool
	output                           string
}

func dataImportCommand() *cobra.Command {
	var flags importFlags
	command := &cobra.Command{
		Use:   "import --from FORMAT --in FILE|- --out FILE",
		Short: "Convert a published list of address ranges into a compact table",
		Long: `Convert a published list of address ranges into a compact table.

Nothing is fetched: this command opens no connection. Fetch the list yourself, under its publisher's terms:

  aws     curl -fsSLO https://ip-ranges.amazonaws.com/ip-ranges.json
  google  curl -fsSLO https://www.gstatic.com/ipranges/cloud.json
  azure   the current link is on https://www.microsoft.com/download/details.aspx?id=56519, then
          curl -fsSLO https://download.microsoft.com/download/…/ServiceTags_Public_YYYYMMDD.json
  oracle  curl -fsSLO https://docs.oracle.com/iaas/tools/public_ip_ranges.json
  csv     rows of "start,end,country" or "network,country", among them geofeeds (RFC 8805)

A list with any mistake is not converted; each is named with its line. The table is written in one step, so
that whoever reads FILE finds the table before or the one after. The same input makes the same bytes.`,
		Example: `  borderflow data import --from aws --in ip-ranges.json --out aws.table
  borderflow data import --from azure --in ServiceTags_Public_20260706.json --date 2026-07-06 --out azure.table
  borderflow data import --from csv --name our-sites --date 2026-07-01 --licence internal --in sites.csv --out sites.table`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return flags.run(command) },
	}
	addOutput(command, &flags.output)
	for _, flag := range []struct {
		value       *string
		name, usage string
	}{
		{&flags.from, "from", "format of the list: " + formatNames()},
		{&flags.in, "in", "the list, - for standard input"},
		{&flags.out, "out", "the table to write"},
		{&flags.date, "date", "day on which the list was published, YYYY-MM-DD (default: what the list says)"},
		{&flags.licence, "licence", "terms of the data, an SPDX identifier or an address (default: the provider's terms)"},
		{&flags.name, "name", "name of the data in records and answers (default: the provider's; csv needs one)"},
		{&flags.attribution, "attribution", "what is to be shown wherever the data is passed on (default: names the provider)"},
	} {
		command.Flags().StringVar(flag.value, flag.name, "", flag.usage)
	}
	command.Flags().BoolVar(&flags.registrant, "registrant", false, "the countries of a csv are those of the networks' registrants, not places")
	return command
}

func formatNames() string {
	var names []string
	for _, format := range ranges.Formats() {
		names = append(names, string(format))
	}
	return strings.Join(names, ", ")
}

func (flags importFlags) run(command *cobra.Command) error {
	options, err := flags.check()
	if err != nil {
		return badInput(err)
	}
	in, label := command.InOrStdin(), "standard input"
	if flags.in != "-" {
		file, err := os.Open(flags.in)
		if err != nil {
			return badInput(fmt.Errorf("read the list: %w", err))
		}
		defer file.Close()
		in, label = file, flags.in
	}
	var table bytes.Buffer
	summary, err := ranges.Import(command.Context(), ranges.Format(flags.from), in, &table, options)
	var problems ranges.Problems
	switch {
	case errors.As(err, &problems):
		return badInput(inFile(label, problems))
	case err != nil:
		return badInput(fmt.Errorf("%s: %w", label, err))
	}
	if err := writeWhole(flags.out, table.Bytes()); err != nil {
		return failed(fmt.Errorf("write the table: %w", err))
	}
	if flags.output == "json" {
		return writeJSON(command.OutOrStdout(), summary)
	}
	return writeText(command.ErrOrStderr(), summaryText(flags.out, summary))
}

// check reads what the flags say, and names everything that is wrong with them.
func (flags importFlags) check() (ranges.Options, error) {
	options := ranges.Options{Name: flags.name, License: flags.licence, Attribution: flags.attribution, Registrant: flags.registrant}
	var problems []error
	if !slices.Contains(ranges.Formats(), ranges.Format(flags.from)) {
		hint := ""
		if nearest, ok := document.Nearest(flags.from, strings.Split(formatNames(), ", ")); ok {
			hint = fmt.Sprintf(" (did you mean %q?)", nearest)
		}
		problems = append(problems, fmt.Errorf("--from: found %q, expected one of %s%s", flags.from, formatNames(), hint))
	}
	if flags.in == "" {
		problems = append(problems, errors.New("--in names the list to read, - for standard input"))
	}
	if flags.out == "" || flags.out == "-" { // a table is replaced in one step, which only a file can be
		problems = append(problems, errors.New("--out names the table to write, a file"))
	}
	if flags.date != "" {
		var err error
		if options.Published, err = time.Parse(time.DateOnly, flags.date); err != nil {
			problems = append(problems, fmt.Errorf("--date: found %q, expected a day, for example 2026-07-31", flags.date))
		} else if options.Published.After(time.Now().Add(24 * time.Hour)) { // somewhere it may be tomorrow already
			problems = append(problems, fmt.Errorf("--date: %s lies in the future", flags.date))
		}
	}
	return options, errors.Join(problems...)
}

// inFile puts the name of the file in front of each problem, as compilers do.
func inFile(name string, problems ranges.Problems) error {
	var all []error
	for _, p := range problems {
		place := name
		if p.Line > 0 {
			place = fmt.Sprintf("%s:%d", name, p.Line)
		}
		all = append(all, fmt.Errorf("%s: %s", place, p.Message))
	}
	return errors.Join(all...)
}

// writeWhole replaces the file in one step, and only once all of it is on the disk: a proxy may be watching.
func writeWhole(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // in vain once it has been renamed
	_, err = file.Write(content)
	err = cmp.Or(err, file.Chmod(0o644), file.Sync())
	if err = cmp.Or(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

const mostLabels = 10 // that a summary lists

func summaryText(path string, s ranges.Summary) string {
	var b strings.Builder
	fmt.Fprintf(&b, "wrote %s: %s, %s, of %s\n", path, s.Name, s.Kind, s.Published.UTC().Format(time.DateOnly))
	fmt.Fprintf(&b, "  rows      %d read, %d skipped that say no place\n", s.Rows, s.Skipped)
	fmt.Fprintf(&b, "  ranges    %d in %d bytes\n", s.Ranges, s.Bytes)
	fmt.Fprintf(&b, "  sha256    %s\n", s.Checksum)
	labels := slices.SortedFunc(maps.Keys(s.Labels), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.Labels[b], s.Labels[a]), strings.Compare(a, b))
	})
	for i, label := range labels {
		if i == mostLabels {
			fmt.Fprintf(&b, "  and       %d more\n", len(labels)-mostLabels)
			break
		}
		fmt.Fprintf(&b, "  %-9s %s\n", counted(s.Labels[label], "row"), label)
	}
	return b.String()
}

// shownTable is the header of a compact table; its field names are kept stable.
type shownTable struct {
	File        string    `json:"file"`
	Name        string    `json:"name"`
	Kind        string    `json:"kind"`
	Published   time.Time `json:"published"`
	Licence     string    `json:"licence"`
	Attribution string    `json:"attribution"`
	IPv4        int       `json:"ipv4_ranges"`
	IPv6        int       `json:"ipv6_ranges"`
	Labels      []string  `json:"labels"` // countries, or regions with their provider
	Checksum    string    `json:"sha256"` // of the file, as `data import` and sha256sum print it
}

func dataShowCommand() *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "show FILE",
		Short: "Print what a compact table says of itself",
		Long: `Print what a compact table says of itself: its name, date, licence, size and checksum. The checksum is
verified first.`,
		Example: "  borderflow data show aws.table",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			shown, err := readTable(args[0])
			if err != nil {
				return badInput(err)
			}
			if output == "json" {
				return writeJSON(command.OutOrStdout(), shown)
			}
			return writeText(command.OutOrStdout(), shown.text())
		},
	}
	addOutput(command, &output)
	return command
}

func readTable(path string) (shownTable, error) {
	file, err := os.Open(path)
	if err != nil {
		return shownTable{}, fmt.Errorf("read the table: %w", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxTable+1))
	switch {
	case err != nil:
		return shownTable{}, fmt.Errorf("read the table: %w", err)
	case len(content) > maxTable:
		return shownTable{}, fmt.Errorf("read the table: %s has more than %d MiB", path, maxTable>>20)
	}
	table, err := rangetable.Decode(content)
	if err != nil {
		return shownTable{}, fmt.Errorf("%s: %w", path, err)
	}
	checksum := sha256.Sum256(content)
	ipv4, ipv6 := table.Len()
	labels := slices.Sorted(slices.Values(table.Labels()))
	labels = slices.DeleteFunc(labels, func(label string) bool { return label == "" })
	return shownTable{path, table.Name, table.Kind, table.Published, table.License, table.Attribution, ipv4, ipv6, labels,
		hex.EncodeToString(checksum[:])}, nil
}

func (s shownTable) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", s.File)
	for _, line := range [][2]string{
		{"name", s.Name}, {"kind", s.Kind}, {"published", s.Published.UTC().Format(time.DateOnly)}, {"licence", s.Licence},
		{"attribution", s.Attribution}, {"ranges", fmt.Sprintf("%d IPv4, %d IPv6", s.IPv4, s.IPv6)},
		{"labels", fmt.Sprintf("%d: %s", len(s.Labels), strings.Join(s.Labels[:min(len(s.Labels), mostLabels)], ", "))}, {"sha256", s.Checksum},
	} {
		if line[1] != "" {
			fmt.Fprintf(&b, "  %-12s %s\n", line[0], line[1])
		}
	}
	return b.String()
}
