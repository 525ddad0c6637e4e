package keep

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/keep/sealed"
)

// Summary is what is known of a complete segment without reading it. It stands beside it, in a file whose
// name ends in ".keep", and can be made again at any time.
type Summary struct {
	Schema  string    `json:"schema"`
	Records uint64    `json:"records"`
	First   uint64    `json:"first"` // numbers of records
	Last    uint64    `json:"last"`
	From    time.Time `json:"from"` // earliest and latest time of a record
	Until   time.Time `json:"until"`
	// Latest is the time of the last record of each class, of those without one under "".
	Latest map[string]time.Time `json:"latest"`
	// Classes says by which definitions of classes Latest was found.
	Classes string `json:"classes"`
}

const (
	summarySuffix = ".keep"
	summarySchema = "borderflow.segment/1"
	maxSummary    = 1 << 20
)

func summaryPath(segment string) string { return strings.TrimSuffix(segment, ".jsonl") + summarySuffix }

// ReadSummary returns the summary of a segment, false when there is none.
func ReadSummary(segment string) (s Summary, found bool) {
	path := summaryPath(segment)
	if info, err := os.Stat(path); err != nil || info.Size() > maxSummary {
		return s, false
	}
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(text, &s) != nil || s.Schema != summarySchema {
		return Summary{}, false
	}
	return s, true
}

func (c *candidate) writeSummary(s Summary) error {
	if c.options.DryRun {
		return nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return (evidence.OperatingSystem{}).Replace(summaryPath(c.segment.Path), text, false)
}

func (o *Options) definitions() string {
	digest := sha256.New()
	for _, class := range o.Classes {
		fmt.Fprintf(digest, "%q %q\n", class.Name, class.Definition)
	}
	return hex.EncodeToString(digest.Sum(nil))
}

// summary returns that of the segment, and makes it where there is none.
func (c *candidate) summary(ctx context.Context) (Summary, error) {
	if s, found := ReadSummary(c.segment.Path); found && s.Classes == c.options.definitions() {
		return s, nil
	}
	s, err := c.read(ctx, func([]byte, *evidence.Record) {})
	if err != nil {
		return s, err
	}
	return s, c.writeSummary(s)
}

// read reads the segment, and shows each record.
func (c *candidate) read(ctx context.Context, each func([]byte, *evidence.Record)) (Summary, error) {
	s := Summary{Schema: summarySchema, Latest: map[string]time.Time{}, Classes: c.options.definitions(), First: c.segment.First}
	file, err := sealed.Open(c.segment.Path)
	if err != nil {
		return s, err
	}
	defer file.Close()
	for line, err := range file.Lines(evidence.MaxLine) {
		if err != nil {
			return s, err
		}
		if s.Records%1024 == 0 && ctx.Err() != nil {
			return s, ctx.Err()
		}
		record, err := evidence.Parse(line)
		if err != nil {
			return s, fmt.Errorf("record %d: %w", s.First+s.Records, err)
		}
		if record.Seq != s.First+s.Records {
			return s, fmt.Errorf("record %d stands in the place of %d", record.Seq, s.First+s.Records)
		}
		if err := s.add(line, record, c); err != nil {
			return s, fmt.Errorf("class of record %d: %w", record.Seq, err)
		}
		each(line, record)
	}
	s.Last = s.First + s.Records - 1
	return s, nil
}

func (s *Summary) add(line []byte, record *evidence.Record, c *candidate) error {
	s.Records++
	if s.From.IsZero() || record.Time.Before(s.From) {
		s.From = record.Time
	}
	if record.Time.After(s.Until) {
		s.Until = record.Time
	}
	// A clock that was wrong when the record was made must not shorten its time.
	from := record.Time
	if from.Before(c.segment.Start) {
		from = c.segment.Start
	}
	classified := false
	for _, class := range c.options.Classes {
		belongs := class.Matches == nil
		if !belongs {
			var err error
			if belongs, err = class.Matches(line, record); err != nil {
				return err
			}
		}
		if belongs {
			classified = true
			if from.After(s.Latest[class.Name]) {
				s.Latest[class.Name] = from
			}
		}
	}
	if !classified && from.After(s.Latest[""]) {
		s.Latest[""] = from
	}
	return nil
}

// expires returns when the last record is past its retention.
func (s *Summary) expires(o Options) (at time.Time) {
	for _, class := range append([]Class{{Name: "", Days: o.Days}}, o.Classes...) {
		if latest, found := s.Latest[class.Name]; found && retained(latest, class.Days).After(at) {
			at = retained(latest, class.Days)
		}
	}
	return at
}
