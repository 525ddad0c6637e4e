package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/keep/sealed"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/jurisdiction"
	"github.com/borderflow/borderflow/rules/replay"
	"github.com/spf13/cobra"
)

// replayFlags are replay's own settings.
type replayFlags struct {
	settings
	records, databases []string
	against, output    string
}

// replayAnswer is replay's answer; its field names are kept stable.
type replayAnswer struct {
	Candidate string `json:"candidate"` // hash of the candidate policy
	Against   string `json:"against"`   // hash of the policy compared with; "" for the recorded verdicts
	replay.Report
	Unreadable int `json:"unreadable"` // lines that are not records
}

func replayCommand() *cobra.Command {
	var flags replayFlags
	command := &cobra.Command{
		Use:   "replay --records DIR|FILE --policy CANDIDATE_DIR",
		Short: "Say which recorded flows a candidate policy or database would decide otherwise",
		Long: `Say which recorded flows a candidate policy, or candidate address databases, would decide otherwise,
grouped by rule, destination and source.

The comparison is with the recorded verdicts, or with what the policy in --against says of the same facts.
Records keep no path, query, header or payload: a flow whose verdict depends on one is counted as not
decidable from the record, and not guessed. With --databases, destinations are located again, with the
catalogue of the configuration, as of today; the answer then also counts the flows that have another place
than in the record, and says for the first that change what the new place rests on. Without it, places are
the recorded ones.`,
		Example: `  borderflow replay --records .borderflow/evidence --policy candidate
  borderflow replay --records .borderflow/evidence --policy policies --against policies --databases new.mmdb`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return flags.run(command) },
	}
	addSettings(command, &flags.settings, "config", "policy")
	addOutput(command, &flags.output)
	command.Flags().StringArrayVar(&flags.records, "records", nil, "directory of records (*.jsonl), or one file; may be repeated")
	command.Flags().StringArrayVar(&flags.databases, "databases", nil, "address database (MMDB, or a table of data import) to locate destinations with; may be repeated")
	command.Flags().StringVar(&flags.against, "against", "", "directory of the policy to compare with (default: the recorded verdicts)")
	return command
}

func (flags replayFlags) run(command *cobra.Command) error {
	config, err := flags.load(os.Getenv)
	switch {
	case err != nil:
		return err
	case len(flags.records) == 0:
		return badInput(errors.New("replay: --records names a directory of records or a file"))
	case config.Policy.Dir == "":
		return badInput(errors.New("replay: --policy names the directory of the candidate policy"))
	}
	candidate, _, err := loadPolicy(config.Policy.Dir)
	if err != nil {
		return err
	}
	answer, options := replayAnswer{Candidate: candidate.Hash()}, replay.Options{}
	if flags.against != "" {
		if options.Against, _, err = loadPolicy(flags.against); err != nil {
			return err
		}
		answer.Against = options.Against.Hash()
	}
	if len(flags.databases) > 0 {
		located := config.Jurisdiction.Options()
		located.Databases = flags.databases
		resolver, err := jurisdiction.New(located)
		if err != nil {
			return badInput(err)
		}
		options.Locate = resolver.Locate
	}
	files, err := recordFiles(flags.records)
	if err != nil {
		return badInput(err)
	}
	p := &player{replay: replay.New(candidate, options), notices: command.ErrOrStderr(), progress: isTerminal(command.ErrOrStderr())}
	if err := p.play(command.Context(), files); err != nil {
		return failed(err)
	}
	answer.Report, answer.Unreadable = p.replay.Report(), p.unreadable
	if flags.output == "json" {
		return writeJSON(command.OutOrStdout(), answer)
	}
	return writeText(command.OutOrStdout(), answer.text())
}

// recordFiles lists the files that the arguments stand for, in the order in which they were written.
func recordFiles(arguments []string) ([]string, error) {
	var files []string
	for _, argument := range arguments {
		info, err := os.Stat(argument)
		if err != nil {
			return nil, fmt.Errorf("read records: %w", err)
		}
		if !info.IsDir() {
			files = append(files, argument)
			continue
		}
		entries, err := os.ReadDir(argument)
		if err != nil {
			return nil, fmt.Errorf("read records: %w", err)
		}
		before := len(files)
		for _, entry := range entries {
			if entry.Type()&fs.ModeDir == 0 && isSegment(entry.Name()) {
				files = append(files, filepath.Join(argument, entry.Name()))
			}
		}
		if len(files) == before {
			return nil, fmt.Errorf("read records: no .jsonl file in %s", argument)
		}
		slices.Sort(files[before:])
	}
	return files, nil
}

// isSegment reports whether a file holds records, plain or sealed.
func isSegment(name string) bool {
	return filepath.Ext(strings.TrimSuffix(name, sealed.Suffix)) == ".jsonl"
}

// player feeds a replay from files of records.
type player struct {
	replay     *replay.Replay
	notices    io.Writer
	progress   bool // whether somebody looks at notices
	read       int
	unreadable int
	shown      time.Time
}

// maxUnreadableNamed is how many lines that are no records are named one by one.
const maxUnreadableNamed = 10

func (p *player) play(ctx context.Context, files []string) error {
	for _, name := range files {
		if err := p.playFile(ctx, name); err != nil {
			return err
		}
	}
	if p.progress && !p.shown.IsZero() {
		fmt.Fprintf(p.notices, "\r%d records\n", p.read)
	}
	return nil
}

func (p *player) playFile(ctx context.Context, name string) error {
	file, err := sealed.Open(name)
	if err != nil {
		return fmt.Errorf("read records: %w", err)
	}
	defer file.Close()
	for record, err := range evidence.Read(io.NewSectionReader(file, 0, file.Size())) {
		var line *evidence.LineError
		switch {
		case errors.As(err, &line):
			if p.unreadable++; p.unreadable <= maxUnreadableNamed {
				fmt.Fprintf(p.notices, "%s:%d: %v\n", name, line.Line, line.Err)
			}
			continue
		case err != nil:
			return fmt.Errorf("read records of %s: %w", name, err)
		case ctx.Err() != nil:
			return fmt.Errorf("read records: %w", ctx.Err())
		}
		if record.Kind == evidence.KindFlow {
			p.replay.Add(caseOf(record))
		}
		if p.read++; p.progress && p.read%1000 == 0 && time.Since(p.shown) > time.Second/2 {
			p.shown = time.Now()
			fmt.Fprintf(p.notices, "\r%d records", p.read)
		}
	}
	return nil
}

// caseOf turns a record back into what it keeps of its flow. Workloads and declared labels, which it does
// not keep, are left pending.
func caseOf(r *evidence.Record) replay.Case {
	f := &flow.Flow{
		ID: r.ID, Started: r.Time,
		Source: recordedSource(r),
		Destination: flow.Destination{Host: r.Destination.Host, Port: r.Destination.Port, Address: r.Destination.Address, Exemption: r.Destination.Exemption,
			Location:      r.Destination.Location(),
			AddressState:  recordedState(r, "destination.address", r.Destination.Address.IsValid()),
			LocationState: recordedState(r, "destination.location", r.Destination.Country != "")},
		Request: flow.Request{State: flow.Pending, Method: r.Request.Method, Scheme: r.Request.Scheme, Protocol: r.Request.Protocol, Size: -1},
		Data:    recordedData(r),
	}
	if slices.Contains(r.Unavailable, "request") {
		f.Request.State, f.Declared.State = flow.Unavailable, flow.Unavailable
	}
	return replay.Case{Flow: f, Verdict: r.Verdict, Policy: r.Policy, Rule: r.Rule}
}

func recordedState(r *evidence.Record, group string, present bool) flow.State {
	switch {
	case slices.Contains(r.Unavailable, group):
		return flow.Unavailable
	case present:
		return flow.Known
	}
	return flow.Absent
}

// recordedData returns what is known of the payload. A payload that nobody read is pending, unless
// there was none.
func recordedData(r *evidence.Record) flow.Data {
	d := flow.Data{State: flow.Pending, Categories: r.Data.Categories, Findings: r.Data.Findings, Subjects: r.Data.Subjects,
		Undecodable: r.Data.Undecodable, Bytes: r.Data.Bytes}
	for _, coverage := range []flow.Coverage{flow.CoverageNone, flow.CoveragePartial, flow.CoverageFull} {
		if coverage.String() == r.Data.Inspected {
			d.Coverage = coverage
		}
	}
	switch {
	case slices.Contains(r.Unavailable, "data") || r.Truncated:
		d.State = flow.Unavailable
	case d.Coverage != flow.CoverageNone || d.Undecodable != "":
		d.State = flow.Known
	case r.Outcome == evidence.Completed && r.Bytes.Sent == 0:
		d.State, d.Coverage = flow.Known, flow.CoverageFull
	}
	return d
}

// isTerminal reports whether w is a terminal, or another device that shows text as it comes.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

const mostMoves = 20 // that a text lists

// writeRelocated lists the first flows whose verdict changes with their place, and why that is another one.
func (a replayAnswer) writeRelocated(b *strings.Builder) {
	title := "changed with their place, for example\n"
	for _, e := range a.Examples {
		if e.Why == "" {
			continue
		}
		fmt.Fprintf(b, "%s  %-18s %8s  %s, %s → %s: %s\n", title, e.From+" → "+e.To, e.ID, e.Rule, e.Source, e.Destination, e.Why)
		title = ""
	}
}

func (a replayAnswer) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d unchanged, %d changed, %d not decidable from the record, %d without a verdict",
		counted(a.Flows, "flow"), a.Unchanged, a.Changed, a.Undecidable, a.WithoutVerdict)
	if a.Unreadable > 0 {
		fmt.Fprintf(&b, "; %s could not be read", counted(a.Unreadable, "line"))
	}
	fmt.Fprintln(&b)
	if a.Relocated > 0 {
		fmt.Fprintf(&b, "%s located elsewhere than recorded\n", counted(a.Relocated, "flow"))
		for i, move := range a.Moves {
			if i == mostMoves {
				fmt.Fprintf(&b, "  and %d further moves\n", len(a.Moves)-mostMoves)
				break
			}
			fmt.Fprintf(&b, "  %-18s %8d\n", move.From+" → "+move.To, move.Flows)
		}
	}
	for _, c := range a.Changes {
		fmt.Fprintf(&b, "  %-18s %8d\n", c.From+" → "+c.To, c.Flows)
	}
	for _, part := range []struct {
		title  string
		groups []replay.Group
	}{{"by rule", a.ByRule}, {"by destination", a.ByDestination}, {"by source", a.BySource}} {
		if len(part.groups) > 0 {
			fmt.Fprintf(&b, "%s\n", part.title)
		}
		for _, g := range part.groups {
			fmt.Fprintf(&b, "  %-18s %8d  %s\n", g.From+" → "+g.To, g.Flows, g.Name)
		}
	}
	a.writeRelocated(&b)
	if a.Undecidable > 0 {
		fmt.Fprintf(&b, "not decidable for want of: request %d, payload %d, connection %d\n", a.Missing.Request, a.Missing.Data, a.Missing.Connection)
	}
	return b.String()
}
