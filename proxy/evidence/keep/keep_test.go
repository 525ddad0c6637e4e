package keep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/keep/sealed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// writeLog writes records, in segments of about 40, and returns the directory. The record whose number is
// among blocked was blocked.
func writeLog(t testing.TB, count int, blocked ...int) string {
	t.Helper()
	directory := filepath.Join(t.TempDir(), "log")
	log, err := evidence.Open(directory, evidence.Options{SegmentBytes: 10 << 10, CheckpointEvery: time.Millisecond, Origin: "test.example/log"})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- log.Run(context.Background()) }()
	for i := 1; i <= count; i++ {
		record := &evidence.Record{Time: time.Now(), ID: fmt.Sprint("flow-", i), Policy: fmt.Sprint("policy-", i/100), Verdict: "allow", Outcome: evidence.Completed}
		record.Destination.Host = "www.example"
		for _, b := range blocked {
			if b == i {
				record.Verdict, record.Outcome = "block", evidence.Blocked
			}
		}
		if err := log.AppendAndWait(t.Context(), record); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(log.Close(t.Context()), <-ended); err != nil {
		t.Fatal(err)
	}
	return directory
}

// after returns options for a keeper that lives that many days later.
func after(directory string, days int) Options {
	return Options{Directory: directory, Now: func() time.Time { return time.Now().AddDate(0, 0, days) }}
}

func tend(t testing.TB, options Options) Done {
	t.Helper()
	done, err := mayTend(t, options)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func mayTend(t testing.TB, options Options) (Done, error) {
	t.Helper()
	keeper, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return keeper.Tend(t.Context())
}

func verify(t testing.TB, directory string) (*evidence.Report, uint64) {
	t.Helper()
	report, err := evidence.Verify(t.Context(), directory, evidence.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, gone := Account(directory, "", report)
	return report, gone
}

func segmentsOf(t testing.TB, directory string) []sealed.Segment {
	t.Helper()
	segments, err := sealed.Segments(directory)
	if err != nil {
		t.Fatal(err)
	}
	return segments
}

var blockedForTenYears = Class{Name: "blocked", Days: TenYears, Definition: "blocked",
	Matches: func(_ []byte, r *evidence.Record) (bool, error) { return r.Outcome == evidence.Blocked, nil }}

func TestRecordsPastTheirRetentionGoAndProofsOfOthersStand(t *testing.T) {
	directory := writeLog(t, 400, 150)
	if done := tend(t, after(directory, ThreeYears-1)); len(done.Removed) != 0 {
		t.Fatalf("removed a day too early: %v", done.Removed)
	}
	before := segmentsOf(t, directory)
	options := after(directory, ThreeYears+1)
	options.Classes = []Class{blockedForTenYears}
	done := tend(t, options)
	left := segmentsOf(t, directory)
	// What stays: the segment of the blocked record, and the one that is written to.
	if len(left) != 2 || len(done.Removed) != len(before)-2 || left[0].First > 150 || left[1].First <= 150 {
		t.Fatalf("%d segments before, %d after, %d removed", len(before), len(left), len(done.Removed))
	}
	var count uint64
	for _, removal := range done.Removed {
		count += removal.Count()
	}
	if report, gone := verify(t, directory); !report.OK() || gone != count {
		t.Errorf("%d of %d records accounted for, findings %v", gone, count, report.Findings)
	}
	archive, err := evidence.OpenArchive(directory)
	if err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(directory + "-key.pub")
	if err != nil {
		t.Fatal(err)
	}
	proof, err := archive.ProveFlow("flow-150")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := proof.Verify(evidence.Keys{Log: string(public)}); err != nil {
		t.Error(err)
	}
	options = after(directory, TenYears+1)
	options.Classes = []Class{blockedForTenYears}
	if done := tend(t, options); len(done.Removed) != 1 {
		t.Errorf("after ten years %d segments were removed", len(done.Removed))
	}
}

func TestRecordsTakenOutByOthersAreNotTakenForRemoved(t *testing.T) {
	directory := writeLog(t, 200)
	segments := segmentsOf(t, directory)
	options := after(directory, ThreeYears+1)
	options.Delivered = func() (uint64, error) { return segments[1].First, nil }
	if done := tend(t, options); len(done.Removed) != 1 {
		t.Fatalf("removed %v, and one segment had reached every sink", done.Removed)
	}
	if err := os.Remove(segments[1].Path); err != nil {
		t.Fatal(err)
	}
	report, gone := verify(t, directory)
	if len(report.Findings) != 1 || report.Findings[0].Seq != segments[1].First || report.Findings[0].Until != segments[2].First-1 || gone != segments[1].First-1 {
		t.Errorf("found %v, gone %d", report.Findings, gone)
	}
	// A note by somebody without the key.
	path := filepath.Join(directory, removedDirectory, "1")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	forged := strings.Replace(string(text), fmt.Sprintf("records 1 %d", segments[1].First-1), fmt.Sprintf("records 1 %d", segments[2].First-1), 1)
	if err := os.WriteFile(path, []byte(forged), 0o600); err != nil || forged == string(text) {
		t.Fatal("nothing was forged", err)
	}
	if report, gone := verify(t, directory); gone != 0 || len(report.Findings) != 2 || report.Findings[1].Kind != BadRemoval {
		t.Errorf("found %v, gone %d", report.Findings, gone)
	}
}

func TestNothingUnderLegalHoldIsRemoved(t *testing.T) {
	directory := writeLog(t, 200)
	holds := filepath.Join(t.TempDir(), "holds.yaml")
	today := time.Now().UTC().Format(time.DateOnly)
	for name, test := range map[string]struct {
		hold string
		held int // segments, of all but the last; -1: all
	}{
		"period":         {"from: 2020-01-01\n    until: " + today, -1},
		"everything":     {"", -1},
		"earlier period": {"until: 2020-01-01", 0},
		"flow":           {"flows: [flow-1]", 1},
		"other flow":     {"flows: [flow-1000]", 0},
		"flow, not then": {"until: 2020-01-01\n    flows: [flow-1]", 0},
		"policy":         {"policies: [policy-0]", -2},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(holds, []byte("holds:\n  - name: case 17\n    "+test.hold+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			options := after(directory, ThreeYears+1)
			options.Holds, options.DryRun = holds, true
			complete := len(segmentsOf(t, directory)) - 1
			done := tend(t, options)
			switch {
			case len(done.Held)+len(done.Removed) != complete,
				test.held >= 0 && len(done.Held) != test.held,
				test.held == -1 && len(done.Removed) != 0,
				test.held == -2 && (len(done.Held) == 0 || len(done.Removed) == 0):
				t.Errorf("%d held, %d removed of %d", len(done.Held), len(done.Removed), complete)
			}
		})
	}
	for _, broken := range []string{"holds:\n  - nmae: x\n", "holds:\n  - name: x\n    from: yesterday\n", "holds:\n  - from: 2026-01-02\n    until: 2026-01-01\n"} {
		if err := os.WriteFile(holds, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		options := after(directory, ThreeYears+1)
		options.Holds = holds
		if done, err := mayTend(t, options); err == nil || len(done.Removed) > 0 || !strings.Contains(err.Error(), holds+":") {
			t.Errorf("%q: %v, removed %v", broken, err, done.Removed)
		}
	}
}

func TestWhatWasChangedIsNotRemoved(t *testing.T) {
	directory := writeLog(t, 120)
	path := segmentsOf(t, directory)[0].Path
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte("flow-7\""), []byte("flow-8\""), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	done, err := mayTend(t, after(directory, ThreeYears+1))
	if err == nil || !strings.Contains(err.Error(), "record 7 is not the one that the checkpoint commits to") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(path); err != nil || len(done.Removed) == 0 {
		t.Errorf("%v; others removed: %d", err, len(done.Removed))
	}
}

func TestSummaryOfSomebodyElseRemovesNothing(t *testing.T) {
	directory := writeLog(t, 80)
	tend(t, after(directory, 0))
	path := segmentsOf(t, directory)[0].Path
	s, found := ReadSummary(path)
	if !found || s.First != 1 || s.Records == 0 || s.Until.IsZero() {
		t.Fatalf("summary %+v", s)
	}
	text, err := os.ReadFile(summaryPath(path))
	if err != nil {
		t.Fatal(err)
	}
	year := fmt.Sprint(time.Now().UTC().Year(), "-")
	if err := os.WriteFile(summaryPath(path), bytes.ReplaceAll(text, []byte(year), []byte("1999-")), 0o600); err != nil {
		t.Fatal(err)
	}
	if done := tend(t, after(directory, 1)); len(done.Removed) != 0 {
		t.Errorf("removed %v", done.Removed)
	}
}

func TestNotDeliveredAndDryRunRemoveAndSealNothing(t *testing.T) {
	directory := writeLog(t, 120)
	options := after(directory, ThreeYears+1)
	options.Seal = true
	options.Delivered = func() (uint64, error) { return 1, nil }
	if done := tend(t, options); len(done.Removed)+len(done.Sealed) != 0 {
		t.Errorf("%+v", done)
	}
	options.Delivered = func() (uint64, error) { return 0, errors.New("no cursor") }
	if done, err := mayTend(t, options); err == nil || len(done.Removed)+len(done.Sealed) != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	options.Delivered, options.DryRun = nil, true
	before := len(segmentsOf(t, directory))
	if done := tend(t, options); len(done.Removed) != before-1 || len(segmentsOf(t, directory)) != before {
		t.Errorf("%+v", done)
	}
}

func TestCompleteSegmentsAreSealedAndLaterRemovedToo(t *testing.T) {
	directory := writeLog(t, 200)
	segments := segmentsOf(t, directory)
	options := after(directory, 1)
	options.Seal = true
	if done := tend(t, options); len(done.Sealed) != len(segments)-1 {
		t.Fatalf("sealed %v of %d", done.Sealed, len(segments))
	}
	if again := segmentsOf(t, directory); len(again) != len(segments) || again[0] != segments[0] {
		t.Errorf("segments are now %v", again)
	}
	if done := tend(t, options); len(done.Sealed) != 0 {
		t.Errorf("sealed again: %v", done.Sealed)
	}
	if done := tend(t, after(directory, ThreeYears+1)); len(done.Removed) != len(segments)-1 {
		t.Errorf("removed %d", len(done.Removed))
	}
}

func TestRunTendsUntilItsContextEnds(t *testing.T) {
	directory := writeLog(t, 80)
	keeper, err := New(after(directory, ThreeYears+1))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- keeper.Run(ctx) }()
	for deadline := time.Now().Add(10 * time.Second); len(segmentsOf(t, directory)) > 1; {
		if time.Now().After(deadline) {
			t.Fatal("nothing was removed")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func FuzzRemovalReadsBack(f *testing.F) {
	f.Add(Removal{Segment: "flows-x.jsonl", First: 1, Last: 2}.text())
	f.Add(removalHead + "\nsegment \nrecords 2 1\nroot \nexpired \nremoved \n")
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := parseRemoval(text); err == nil && r.text() != text {
			t.Errorf("%q reads back as %q", text, r.text())
		}
	})
}
