package summary

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/borderflow/borderflow/proxy/evidence"
)

var update = flag.Bool("update", false, "write the reports in testdata anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReportIsAlwaysTheSame(t *testing.T) {
	directory := writeLog(t, 60, 0)
	for _, test := range []struct {
		file  string
		write func(*Report, io.Writer) error
	}{
		{"report.en.html", func(r *Report, w io.Writer) error { return r.WriteHTML(w, English) }},
		{"report.zh.html", func(r *Report, w io.Writer) error { return r.WriteHTML(w, Chinese) }},
		{"report.en.json", func(r *Report, w io.Writer) error { return r.WriteJSON(w, English) }},
		{"register.csv", func(r *Report, w io.Writer) error { return r.WriteCSV(w, r.Table("register")) }},
	} {
		t.Run(test.file, func(t *testing.T) {
			for workers := 1; workers <= 4; workers++ {
				var got bytes.Buffer
				if err := test.write(build(t, directory, Options{Workers: workers}), &got); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join("testdata", test.file)
				if *update {
					if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
					t.Fatalf("with %d workers (-update writes it anew):\n%s", workers, diff)
				}
			}
		})
	}
}

// TestNumbersAreThoseOfTheRecords counts again, with the log's own reader.
func TestNumbersAreThoseOfTheRecords(t *testing.T) {
	directory := writeLog(t, 1500, 40)
	from, until := october.AddDate(0, 0, 3), november.AddDate(0, 0, -5).Add(time.Hour)
	report := build(t, directory, Options{From: from, Until: until})
	want := make(map[string]map[string]*Row)
	flows := int64(0)
	for record := range records(t, directory) {
		if record.Kind != evidence.KindFlow || record.Time.Before(from) || !record.Time.Before(until) {
			continue
		}
		flows++
		count := func(table string, findings int, key ...string) {
			if want[table] == nil {
				want[table] = make(map[string]*Row)
			}
			row := want[table][strings.Join(key, "|")]
			if row == nil {
				row = &Row{First: record.Time}
				want[table][strings.Join(key, "|")] = row
			}
			row.Flows++
			row.Sent += record.Bytes.Sent
			row.PeopleSum += int64(record.Data.Subjects)
			row.PeopleMax = max(row.PeopleMax, int64(record.Data.Subjects))
			row.Findings += int64(findings)
			row.Last = record.Time
			row.Records.Count++
		}
		count("outcomes", 0, string(record.Outcome), record.Verdict, record.Error)
		count("days", 0, record.Time.Format(time.DateOnly), record.Verdict)
		if record.Outcome == evidence.Completed || record.Bytes.Sent > 0 {
			count("recipients", 0, record.Destination.Host, record.Destination.Operator, record.Destination.Country)
			for _, c := range record.Data.Categories {
				count("categories", c.Count, c.Name, "")
			}
			if len(record.Data.Categories) == 0 {
				count("categories", 0, "", record.Data.Inspected)
			}
		}
		for _, exemption := range record.Exemptions {
			count("exemptions", 0, "rule", exemption)
		}
		if record.Destination.Exemption != "" {
			count("exemptions", 0, "address", record.Destination.Exemption)
		}
	}
	if report.Read.Flows != flows || flows == 0 || report.Read.Unreadable != 0 {
		t.Errorf("counted %+v, want %d flows", report.Read, flows)
	}
	for name, rows := range want {
		got := make(map[string]*Row)
		for _, row := range report.Table(name).Rows {
			got[strings.Join(row.Key, "|")] = &Row{Flows: row.Flows, Sent: row.Sent, PeopleSum: row.PeopleSum, PeopleMax: row.PeopleMax,
				Findings: row.Findings, First: row.First, Last: row.Last, Records: Records{Count: row.Records.Count}}
		}
		if diff := cmp.Diff(rows, got); diff != "" {
			t.Errorf("table %s (-records +report):\n%s", name, diff)
		}
	}
}

func records(t testing.TB, directory string) func(func(*evidence.Record) bool) {
	return func(yield func(*evidence.Record) bool) {
		segments, err := evidence.Segments(directory)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range segments {
			text, err := os.ReadFile(s.Path)
			if err != nil {
				t.Fatal(err)
			}
			for record, err := range evidence.Read(bytes.NewReader(text)) {
				if err != nil {
					t.Fatal(err)
				}
				if !yield(record) {
					return
				}
			}
		}
	}
}

func TestEachRowNamesItsRecords(t *testing.T) {
	directory := writeLog(t, 400, 0)
	report := build(t, directory, Options{})
	blocked := make(map[uint64]bool)
	for record := range records(t, directory) {
		if record.Outcome == evidence.Blocked {
			blocked[record.Seq] = true
		}
	}
	named := make(map[uint64]bool)
	for _, row := range report.Table("blocked").Rows {
		n := int64(0)
		for _, s := range row.Records.Ranges {
			for seq := s.From; seq <= s.To; seq++ {
				n++
				named[seq] = true
				if !blocked[seq] || seq < row.Records.First || seq > row.Records.Last {
					t.Errorf("row %q names record %d", row.Key, seq)
				}
			}
		}
		if row.Records.Whole && n != row.Records.Count || !row.Records.Whole && len(row.Records.Ranges) != maxRanges {
			t.Errorf("row %q names %d of its %d records", row.Key, n, row.Records.Count)
		}
	}
	if len(named) == 0 {
		t.Error("no record is named")
	}
}

func TestBrokenLogIsSaidAtTheTop(t *testing.T) {
	directory := writeLog(t, 100, 0)
	segments, err := evidence.Segments(directory)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(segments[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(text, []byte(`"outcome":"blocked"`), []byte(`"outcome":"refused"`), 1)
	if err := os.WriteFile(segments[0].Path, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	report := build(t, directory, Options{})
	if report.Log.OK || len(report.Log.Findings) == 0 {
		t.Fatalf("an edited record goes unnoticed: %+v", report.Log)
	}
	var page bytes.Buffer
	if err := report.WriteHTML(&page, English); err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(page.String(), "</header>")
	if !strings.Contains(header, `class="banner bad"`) || !strings.Contains(header, english["broken"]) {
		t.Error("the head of the page does not say that the log is broken")
	}
	if !strings.Contains(page.String(), "edited: record ") || strings.Contains(page.String(), english["whole"]) {
		t.Error("the page does not say what is wrong")
	}
}

func TestLogWithoutCheckpointIsCountedAndSaidToProveNothing(t *testing.T) {
	directory := writeLog(t, 50, 0)
	if err := os.Remove(filepath.Join(directory, "checkpoint")); err != nil {
		t.Fatal(err)
	}
	report := build(t, directory, Options{})
	if report.Read.Flows != 50 || report.Log.OK || report.Log.proves() || strings.Contains(report.Table("outcomes").Query, "seq") {
		t.Errorf("flows %d, %+v", report.Read.Flows, report.Log)
	}
}

func TestRecordsBehindTheCheckpointAreNotCounted(t *testing.T) {
	directory := writeLog(t, 50, 0)
	verified, err := evidence.Verify(t.Context(), directory, evidence.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	verified.Size -= 10 // as if the rest had been written since
	report, err := Build(t.Context(), directory, verified, Options{From: october, Until: november})
	if err != nil {
		t.Fatal(err)
	}
	if report.Log.NotCounted != 10 || report.Read.Flows+report.Read.Openings+10 != int64(verified.Records) {
		t.Errorf("%+v, not counted %d", report.Read, report.Log.NotCounted)
	}
	for _, table := range report.Tables {
		for _, row := range table.Rows {
			if row.Records.Last > verified.Size {
				t.Errorf("table %s counts record %d", table.Name, row.Records.Last)
			}
		}
	}
}

func TestLinesThatAreNoRecordsAreCounted(t *testing.T) {
	directory := writeLog(t, 20, 0)
	segments, err := evidence.Segments(directory)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(segments[len(segments)-1].Path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(file, "not json\n{}\n\n%s\n%s\n[1", strings.Repeat("x", 3*chunkBytes), strings.Repeat("[", 200_000))
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	if report := build(t, directory, Options{}); report.Read.Flows != 20 || report.Read.Unreadable != 5 {
		t.Errorf("%+v", report.Read)
	}
}

func TestRowsBeyondTheBoundAreSummed(t *testing.T) {
	directory := writeLog(t, 1000, 200)
	all, cut := build(t, directory, Options{}).Table("recipients"), build(t, directory, Options{Rows: 5}).Table("recipients")
	if len(cut.Rows) != 5 || cut.Others == nil || cut.Hidden != len(all.Rows)-5 || cut.Others.Query != "" {
		t.Fatalf("%d rows, others %+v", len(cut.Rows), cut.Others)
	}
	sum := func(table *Table) (flows, sent, people int64) {
		for _, row := range table.all() {
			flows, sent, people = flows+row.Flows, sent+row.Sent, people+row.PeopleSum
		}
		return
	}
	f1, s1, p1 := sum(all)
	if f2, s2, p2 := sum(cut); f1 != f2 || s1 != s2 || p1 != p2 {
		t.Errorf("the sums differ: %d %d %d and %d %d %d", f1, s1, p1, f2, s2, p2)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	c := newCount(&Report{}, DefaultRows)
	var f fact
	f.Outcome = "completed"
	recipients := c.tally[slices.Index(TableNames(), "recipients")]
	for n := range MaxRows + 1000 {
		f.Seq, f.Destination.Host = uint64(n+1), fmt.Sprint(n)
		recipients.flow++
		recipients.plan.count(recipients, &f)
	}
	if len(recipients.rows) != MaxRows || recipients.others.Flows != 1000 || recipients.table.Flows != MaxRows+1000 {
		t.Errorf("%d rows, others %+v", len(recipients.rows), recipients.others)
	}
}

func TestMistakesInOptionsAreErrors(t *testing.T) {
	for _, options := range []Options{{}, {From: november, Until: october}, {From: october, Until: november, Rows: -1}, {From: october, Until: november, Rows: MaxRows + 1}} {
		if _, err := Build(t.Context(), t.TempDir(), new(evidence.Report), options); err == nil {
			t.Errorf("%+v is accepted", options)
		}
	}
}

func TestReportIsWrittenOfAnyPeriod(t *testing.T) {
	directory := writeLog(t, 30, 0)
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		directory   string
		from, until time.Time
		flows       int64
	}{
		"before the first record": {directory, october.AddDate(-1, 0, 0), october, 0},
		"an instant":              {directory, october, october.Add(1), 0},
		"part of a day":           {directory, october.Add(time.Hour), october.Add(30 * time.Hour), 1},
		"all times":               {directory, time.Unix(-1<<40, 0), time.Unix(1<<40, 0), 30},
		"a log without records":   {empty, october, november, 0},
	} {
		t.Run(name, func(t *testing.T) {
			verified := &evidence.Report{}
			if test.directory == directory {
				var err error
				if verified, err = evidence.Verify(t.Context(), directory, evidence.VerifyOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			report, err := Build(t.Context(), test.directory, verified, Options{From: test.from, Until: test.until})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(report.WriteHTML(io.Discard, Chinese), report.WriteCSV(io.Discard, report.Table("days"))); err != nil {
				t.Fatal(err)
			}
			if report.Read.Flows != test.flows {
				t.Errorf("%d flows, want %d", report.Read.Flows, test.flows)
			}
		})
	}
}

func TestCancelledReportEnds(t *testing.T) {
	directory := writeLog(t, 100, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Build(ctx, directory, new(evidence.Report), Options{From: october, Until: november}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestBothLanguagesSayTheSame(t *testing.T) {
	for name, text := range english {
		other, found := chinese[name]
		if !found {
			t.Errorf("no Chinese words for %q", name)
		}
		if strings.Count(text, "{}") != strings.Count(other, "{}") {
			t.Errorf("%q has another number of values in Chinese", name)
		}
		if text == "" || other == "" {
			t.Errorf("%q is empty", name)
		}
	}
	for name := range chinese {
		if _, found := english[name]; !found {
			t.Errorf("no English words for %q", name)
		}
	}
}

// TestNoWordIsMissing looks for names that stand in the page in the place of words.
func TestNoWordIsMissing(t *testing.T) {
	report := build(t, writeLog(t, 300, 0), Options{})
	for _, language := range []Language{English, Chinese} {
		var page bytes.Buffer
		if err := report.WriteHTML(&page, language); err != nil {
			t.Fatal(err)
		}
		for _, prefix := range []string{">table.", ">about.", ">column.", ">law.", ">tile.", ">chart.", ">check.", ">log.", ">answer.", ">behind.", "{}", "%!", "ZgotmplZ"} {
			if at := strings.Index(page.String(), prefix); at >= 0 {
				t.Errorf("%s: %.80s", language, page.String()[at:])
			}
		}
	}
}

func TestPageNeedsNothingElseAndEscapesWhatItShows(t *testing.T) {
	report := build(t, writeLog(t, 300, 0), Options{})
	var page bytes.Buffer
	if err := report.WriteHTML(&page, English); err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{"<script", "src=", "url(", "@import", "<link", "http://", "https://", "<b>Bold", "javascript:"} {
		if strings.Contains(page.String(), forbidden) {
			t.Errorf("the page holds %q", forbidden)
		}
	}
	if !strings.Contains(page.String(), "&lt;b&gt;Bold &amp; &#34;Sons&#34;&lt;/b&gt;") {
		t.Error("the operator with markup in its name is not shown")
	}
}

func TestTextsDoNotBecomeFormulas(t *testing.T) {
	var table bytes.Buffer
	report := build(t, writeLog(t, 500, 0), Options{})
	if err := report.WriteCSV(&table, report.Table("recipients")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(table.String(), "\n'=cmd.example.org,") {
		t.Error("a host that begins with = is written as a formula")
	}
}

func TestJSONIsValid(t *testing.T) {
	var text bytes.Buffer
	if err := build(t, writeLog(t, 100, 0), Options{Rows: 3}).WriteJSON(&text, Chinese); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Schema string
		Tables []struct {
			Name string
			Rows []map[string]any
		}
	}
	if err := json.Unmarshal(text.Bytes(), &answer); err != nil || answer.Schema != Schema || len(answer.Tables) != len(plans) {
		t.Errorf("%v: %+v", err, answer)
	}
}

// BenchmarkBuild is a report over records that are verified already, and the same with Verify.
func BenchmarkBuild(b *testing.B) {
	const flows = 200_000
	directory := writeLog(b, flows, 2000)
	verified, err := evidence.Verify(b.Context(), directory, evidence.VerifyOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		report, err := Build(b.Context(), directory, verified, Options{From: october, Until: november})
		if err != nil || report.Read.Flows != flows {
			b.Fatal(report, err)
		}
	}
	b.ReportMetric(float64(b.N)*flows/b.Elapsed().Seconds(), "records/s")
}
