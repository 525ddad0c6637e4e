// Package summary makes the report of a period from the evidence log: the register of transfers, what
// was blocked and refused, exemptions, policy versions, how much was read, and whether the log is whole.
//
// Three ideas make it work. First, the report counts what the log's checkpoint commits to and nothing
// else, and every row carries the way back: the numbers of its records, and the query that lists exactly
// these. Second, it reads no more of a record than it counts, by a scanner that knows how records are
// written and leaves every line that looks otherwise to encoding/json. Third, segments are read and
// scanned in parallel, and counted in the order of the log: the same log gives the same report, byte by
// byte, on any machine.
//
// It leaves judging the log to evidence.Verify, listing records to the query command, and the words of
// the report to a table for each language (words_en.go, words_zh.go).
//
//	verified, err := evidence.Verify(ctx, directory, evidence.VerifyOptions{})
//	report, err := summary.Build(ctx, directory, verified, summary.Options{From: from, Until: until})
//	err = report.WriteHTML(out, summary.Chinese)
package summary

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
)

// Schema names the format of the report as JSON.
const Schema = "borderflow.report/1"

// DefaultRows is how many rows of a table are listed unless Options.Rows says otherwise.
const DefaultRows = 10_000

// MaxRows is the most rows of a table that can be listed: what a table keeps apart while it counts, in
// some 50 MB. What comes first in the log keeps its row and later rows are summed, so that every row that
// is listed is exact.
const MaxRows = 50_000

// Options for Build.
type Options struct {
	// From and Until bound the beginning of flows: From is part of the period, Until is not.
	From, Until time.Time
	// Kept is how many checkpoints that were kept apart Verify compared the log with.
	Kept int
	// Removed is how many records are gone because their time was over.
	Removed uint64
	// Rows bounds the rows of each table; what is beyond is summed in one row. Default DefaultRows, at
	// most MaxRows.
	Rows int
	// Workers is how many goroutines scan. Default: one for each processor.
	Workers int
}

// Report is what the log says about a period.
type Report struct {
	From, Until time.Time
	Log         Integrity
	Read        Reading
	Tables      []*Table
}

// Integrity is whether the log is whole, and what the report's numbers can be proved against.
type Integrity struct {
	OK         bool                `json:"ok"`
	Origin     string              `json:"origin"`      // of the checkpoint; "" when none can be trusted
	Size       uint64              `json:"size"`        // records that the checkpoint commits to
	Root       string              `json:"root"`        // its tree hash, base64
	Records    uint64              `json:"records"`     // in the whole log
	First      uint64              `json:"first"`       // number of the first of them
	Last       uint64              `json:"last"`        // and of the last
	Segments   int                 `json:"segments"`    // files
	Bytes      int64               `json:"bytes"`       // of records
	Kept       int                 `json:"kept"`        // checkpoints kept apart that were compared
	Removed    uint64              `json:"removed"`     // records that are gone because their time was over
	Cosigned   []evidence.Cosigned `json:"cosigned"`    // by whom, and over how many records
	Recoveries []Recovery          `json:"recoveries"`  // what the log itself had to mend, at any time
	Findings   []evidence.Finding  `json:"findings"`    // what is wrong
	More       int                 `json:"more"`        // findings beyond those listed
	Behind     uint64              `json:"behind"`      // records that no checkpoint commits to yet; not in the report
	NotCounted uint64              `json:"not_counted"` // of them, flows of the period
}

// Recovery is a record of what the log had to mend.
type Recovery struct {
	Seq    uint64    `json:"seq"`
	Time   time.Time `json:"time"`
	Reason string    `json:"reason"`
	Since  uint64    `json:"since"` // first record that may be missing; 0 when none can be
	Until  uint64    `json:"until"` // last record that is missing; 0 when that is not known
}

// Reading is what was read for the report.
type Reading struct {
	Flows      int64 `json:"flows"`      // outcomes of flows of the period: what the tables count
	Openings   int64 `json:"openings"`   // of long flows that began in the period; their outcomes are counted
	Unreadable int64 `json:"unreadable"` // lines of the whole log that are no record of a flow
	Truncated  int64 `json:"truncated"`  // flows whose record had to leave out part of a list
}

// Build reads the log in directory and makes the report of the period. verified is what evidence.Verify
// found: the report counts the records that its checkpoint commits to; where there is none to be trusted,
// all that there are. Build changes nothing and may run while the log is written.
//
// A log that is broken is no error: Report.Log says what is wrong. An error means that the log could not
// be read.
func Build(ctx context.Context, directory string, verified *evidence.Report, options Options) (*Report, error) {
	switch {
	case !options.From.Before(options.Until):
		return nil, errors.New("report: the period ends before it begins")
	case options.Rows < 0 || options.Rows > MaxRows:
		return nil, fmt.Errorf("report: %d rows: must be between 1 and %d", options.Rows, MaxRows)
	}
	if options.Rows == 0 {
		options.Rows = DefaultRows
	}
	if options.Workers <= 0 {
		options.Workers = runtime.GOMAXPROCS(0)
	}
	r := &Report{From: options.From.UTC(), Until: options.Until.UTC(), Log: integrity(verified)}
	r.Log.Kept, r.Log.Removed = options.Kept, options.Removed
	c := newCount(r, options.Rows)
	if err := c.readLog(ctx, directory, options); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	c.finish()
	return r, nil
}

func integrity(v *evidence.Report) Integrity {
	i := Integrity{
		OK: v.OK(), Origin: v.Origin, Size: v.Size, Records: v.Records, First: v.First, Last: v.Last,
		Segments: v.Segments, Bytes: v.Bytes, Cosigned: append([]evidence.Cosigned{}, v.Cosigned...), Findings: append([]evidence.Finding{}, v.Findings...),
		Recoveries: []Recovery{}, More: v.More, Behind: v.Behind,
	}
	if v.Origin != "" {
		i.Root = base64.StdEncoding.EncodeToString(v.Root[:])
	}
	for _, record := range v.Recoveries {
		if mended := record.Recovery; mended != nil {
			i.Recoveries = append(i.Recoveries, Recovery{record.Seq, record.Time.UTC(), mended.Reason, mended.Since, mended.Until})
		}
	}
	return i
}

// proves reports whether there is a checkpoint that records can be proved against.
func (i *Integrity) proves() bool { return i.Origin != "" }

// TableNames are the names of all tables, in the order of the report.
func TableNames() (names []string) {
	for i := range plans {
		names = append(names, plans[i].name)
	}
	return names
}

// Table returns the table of the given name, nil when there is none.
func (r *Report) Table(name string) *Table {
	for _, t := range r.Tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// within reports whether a flow that began then is of the period.
func (r *Report) within(began time.Time) bool {
	return !began.Before(r.From) && began.Before(r.Until)
}
