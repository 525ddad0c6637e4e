package summary

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/keep/sealed"
	"github.com/borderflow/borderflow/proxy/evidence/query"
)

func TestQueryOfEachRowListsExactlyItsRecords(t *testing.T) {
	directory := writeLog(t, 400, 3)
	report := build(t, directory, Options{From: october.AddDate(0, 0, 2)})
	matches := func(text string) (n int64, first, last uint64) {
		condition, err := query.Compile(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		s := &scanner{names: make(names)}
		result, err := query.Run(t.Context(), directory, condition, query.Options{}, func(line []byte) error {
			seq, _, _ := beginning(s, line)
			if last = seq; first == 0 {
				first = seq
			}
			return nil
		})
		if err != nil || result.Failed > 0 {
			t.Fatalf("%s: %v, %d failed: %s", text, err, result.Failed, result.First)
		}
		return int64(result.Matches), first, last
	}
	for _, table := range report.Tables {
		if len(table.Rows) == 0 {
			t.Errorf("table %s is empty", table.Name)
		}
		if n, _, _ := matches(table.Query); n != table.Flows {
			t.Errorf("table %s counts %d flows, its query lists %d: %s", table.Name, table.Flows, n, table.Query)
		}
		for i, row := range table.Rows {
			if i >= 12 {
				break
			}
			if n, first, last := matches(row.Query); n != row.Records.Count || first != row.Records.First || last != row.Records.Last {
				t.Errorf("table %s, row %q: %+v, its query lists %d from %d to %d: %s", table.Name, row.Key, row.Records, n, first, last, row.Query)
			}
		}
	}
}

func TestSealedSegmentsAreReadLikePlainOnes(t *testing.T) {
	directory := writeLog(t, 400, 3)
	verified, err := evidence.Verify(t.Context(), directory, evidence.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	segments, err := sealed.Segments(directory)
	if err != nil || len(segments) < 2 {
		t.Fatal(segments, err)
	}
	period := Options{From: october, Until: november}
	plain, err := Build(t.Context(), directory, verified, period)
	if err != nil {
		t.Fatal(err)
	}
	if err := sealed.Seal(segments[0].Path); err != nil {
		t.Fatal(err)
	}
	packed, err := Build(t.Context(), directory, verified, period)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plain, packed, cmpopts.IgnoreUnexported(Table{})); diff != "" {
		t.Error(diff)
	}
}
