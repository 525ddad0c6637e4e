package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// writeLog writes n records, with the given options, and closes the log.
func writeLog(t testing.TB, directory string, n int, options Options) {
	t.Helper()
	l, err := Open(directory, options)
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- l.Run(context.Background()) }()
	next := l.Stats().NextSeq
	r := record("")
	for i := range n {
		r.ID = fmt.Sprintf("flow-%d", next+uint64(i))
		if err := l.Append(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := errors.Join(l.Close(ctx), <-ran); err != nil {
		t.Fatal(err)
	}
}

func verify(t testing.TB, directory string, options VerifyOptions) *Report {
	t.Helper()
	report, err := Verify(context.Background(), directory, options)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func mustVerify(t testing.TB, directory string, records uint64) *Report {
	t.Helper()
	report := verify(t, directory, VerifyOptions{Strict: true})
	if !report.OK() || report.Records != records || report.Size != records || report.Behind != 0 {
		t.Fatalf("%d records, %d under the checkpoint, want %d: %v", report.Records, report.Size, records, report.Findings)
	}
	return report
}

// segmentLines returns a segment and its lines, each with its newline.
func segmentLines(t testing.TB, directory string, n int) (path string, lines [][]byte) {
	t.Helper()
	segments, err := Segments(directory)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(segments[n].Path)
	if err != nil {
		t.Fatal(err)
	}
	return segments[n].Path, slices.Collect(bytes.Lines(text))
}

func rewrite(t testing.TB, path string, lines [][]byte) {
	t.Helper()
	if err := os.WriteFile(path, bytes.Join(lines, nil), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWholeLogVerifies(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "log")
	total := uint64(0)
	for _, n := range []int{1, 254, 1, 300, 0, 1000} {
		writeLog(t, directory, n, Options{SegmentBytes: 200 << 10})
		total += uint64(n)
		report := mustVerify(t, directory, total)
		if report.First != 1 || report.Last != total {
			t.Errorf("records %d to %d of %d", report.First, report.Last, total)
		}
	}
}

// TestVerifyNamesTheRecordAndWhatHappened changes the third segment's lines in ways that somebody
// might hope to get away with.
func TestVerifyNamesTheRecordAndWhatHappened(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "log")
	writeLog(t, whole, 1000, Options{SegmentBytes: 200 << 10})
	_, lines := segmentLines(t, whole, 2)
	first, _ := sequenceIn(lines[0])
	at := func(n int) uint64 { return first + uint64(n) }
	for name, test := range map[string]struct {
		change func([][]byte) [][]byte
		want   []Finding // kinds, numbers and lines
	}{
		"a byte of a value": {
			func(l [][]byte) [][]byte { l[5] = bytes.Replace(l[5], []byte(`"US"`), []byte(`"DE"`), 1); return l },
			[]Finding{{Kind: Edited, Seq: at(5), Line: 6}}},
		"a number": {
			func(l [][]byte) [][]byte {
				l[5] = bytes.Replace(l[5], fmt.Appendf(nil, `"seq":%d`, at(5)), []byte(`"seq":9`), 1)
				return l
			},
			[]Finding{{Kind: Edited, Seq: at(5), Line: 6}}},
		"a line taken out": {
			func(l [][]byte) [][]byte { return slices.Delete(l, 5, 6) },
			[]Finding{{Kind: Missing, Seq: at(5), Until: at(5), Line: 6}}},
		"ten lines taken out": {
			func(l [][]byte) [][]byte { return slices.Delete(l, 5, 15) },
			[]Finding{{Kind: Missing, Seq: at(5), Until: at(14), Line: 6}}},
		"two lines exchanged": {
			func(l [][]byte) [][]byte { l[5], l[6] = l[6], l[5]; return l },
			[]Finding{{Kind: Reordered, Seq: at(6), Line: 6}}},
		"a line twice": {
			func(l [][]byte) [][]byte { return slices.Insert(l, 6, l[5]) },
			[]Finding{{Kind: Reordered, Seq: at(5), Line: 7}}},
		"a line that is none": {
			func(l [][]byte) [][]byte { return slices.Insert(l, 6, []byte("hello\n")) },
			[]Finding{{Kind: Foreign, Line: 7}}},
		"a line overwritten": {
			func(l [][]byte) [][]byte { l[6] = []byte("hello\n"); return l },
			[]Finding{{Kind: Foreign, Seq: at(6), Line: 7}}},
		"the segment emptied": {
			func(l [][]byte) [][]byte { return nil },
			[]Finding{{Kind: Missing, Seq: at(0), Until: at(len(lines) - 1), Line: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			directory := filepath.Join(t.TempDir(), "log")
			copyLog(t, whole, directory)
			path, lines := segmentLines(t, directory, 2)
			rewrite(t, path, test.change(lines))
			var got []Finding
			for _, f := range verify(t, directory, VerifyOptions{}).Findings {
				if f.Kind != BadIndex && f.Kind != BadSegment {
					got = append(got, Finding{Kind: f.Kind, Seq: f.Seq, Until: f.Until, Line: f.Line})
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v\nwant %v", got, test.want)
			}
		})
	}
}

func copyLog(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(from + "-key.pub")
	if err != nil {
		t.Fatal(err)
	}
	private, err := os.ReadFile(from + "-key")
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string][]byte{to + "-key.pub": public, to + "-key": private} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func kinds(report *Report) []FindingKind {
	var kinds []FindingKind
	for _, f := range report.Findings {
		kinds = append(kinds, f.Kind)
	}
	return kinds
}

func TestEndThatWasCutOffIsNoticed(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "log")
	writeLog(t, directory, 700, Options{})
	path, lines := segmentLines(t, directory, 0)
	rewrite(t, path, lines[:650])
	report := verify(t, directory, VerifyOptions{})
	if !slices.ContainsFunc(report.Findings, func(f Finding) bool {
		return f.Kind == Truncated && f.Seq == 651 && f.Until == 700
	}) {
		t.Errorf("found %v", report.Findings)
	}
	// The log goes on, keeps the numbers of what is missing taken, and says so for good.
	writeLog(t, directory, 10, Options{})
	report = verify(t, directory, VerifyOptions{})
	if !slices.Equal(kinds(report), []FindingKind{Missing}) || report.Findings[0].Seq != 651 || report.Findings[0].Until != 700 {
		t.Errorf("found %v", report.Findings)
	}
	if len(report.Recoveries) != 1 || report.Recoveries[0].Recovery.Since != 651 || report.Recoveries[0].Recovery.Until != 700 {
		t.Errorf("recorded %+v", report.Recoveries)
	}
}

func TestLogThatWasSetBackIsFoundByWhatWasKeptApart(t *testing.T) {
	directory, older := filepath.Join(t.TempDir(), "log"), filepath.Join(t.TempDir(), "log")
	kept := filepath.Join(t.TempDir(), "checkpoint")
	writeLog(t, directory, 300, Options{CheckpointCopy: kept})
	copyLog(t, directory, older)
	writeLog(t, directory, 300, Options{CheckpointCopy: kept})
	if report := verify(t, directory, VerifyOptions{Kept: []string{kept}}); !report.OK() {
		t.Errorf("found %v", report.Findings)
	}
	if report := verify(t, older, VerifyOptions{}); !report.OK() {
		t.Errorf("the older log is whole in itself: %v", report.Findings)
	}
	report := verify(t, older, VerifyOptions{Kept: []string{kept}})
	if !slices.Equal(kinds(report), []FindingKind{RolledBack}) || report.Findings[0].Seq != 301 || report.Findings[0].Until != 600 {
		t.Errorf("found %v", report.Findings)
	}
	// The older log goes on with other records: the start says so and leaves what tells it as it was, and
	// Verify tells the two apart.
	writeLog(t, older, 400, Options{CheckpointCopy: kept})
	aside, _ := filepath.Glob(kept + ".until-*")
	if len(aside) != 1 {
		t.Fatalf("kept aside: %v", aside)
	}
	report = verify(t, older, VerifyOptions{Kept: append(aside, kept)})
	if !slices.Equal(kinds(report), []FindingKind{Rewritten}) {
		t.Errorf("found %v", report.Findings)
	}
	if len(report.Recoveries) != 1 || !strings.Contains(report.Recoveries[0].Recovery.Reason, "kept apart") {
		t.Errorf("recorded %+v", report.Recoveries)
	}
}

// TestEveryFlippedBitIsNoticed flips one bit in each byte of each file that makes up a log.
func TestEveryFlippedBitIsNoticed(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "log")
	l, end := start(t, directory, Options{SegmentBytes: 700})
	for i := range 4 {
		if err := l.Append(t.Context(), &Record{ID: fmt.Sprint("flow-", i), Time: time.Unix(int64(i), 0), Outcome: Refused}); err != nil {
			t.Fatal(err)
		}
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	mustVerify(t, directory, 4)
	flipped, sorted := 0, 0
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && entry.Name() == keysDirectory {
			return errors.Join(err, fs.SkipDir)
		}
		if entry.IsDir() || entry.Name() == queueFile || entry.Name() == "lock" {
			return nil
		}
		if strings.HasSuffix(path, sortedSuffix) {
			sorted++
		}
		whole, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer file.Close()
		for i := range whole {
			if i > 0 {
				_, err = file.WriteAt(whole[i-1:i], int64(i-1))
			}
			if _, flip := file.WriteAt([]byte{whole[i] ^ 1<<(i%8)}, int64(i)); err != nil || flip != nil {
				return errors.Join(err, flip)
			}
			flipped++
			if report := verify(t, directory, VerifyOptions{}); report.OK() {
				t.Errorf("%s: byte %d of %d was changed and nothing noticed", filepath.Base(path), i, len(whole))
			}
		}
		return os.WriteFile(path, whole, 0o600)
	})
	if err != nil && !errors.Is(err, fs.SkipDir) {
		t.Fatal(err)
	}
	if flipped < 1000 || sorted == 0 {
		t.Errorf("%d bits flipped, in %d sorted indexes", flipped, sorted)
	}
	mustVerify(t, directory, 4)
}

func TestDamagedTilesAreToldFromDamagedRecordsAndMadeAgain(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "log")
	writeLog(t, directory, 600, Options{})
	tile := filepath.Join(directory, "tile", "0", "001")
	if err := os.WriteFile(tile, make([]byte, 8192), 0o600); err != nil {
		t.Fatal(err)
	}
	report := verify(t, directory, VerifyOptions{})
	if !slices.Contains(kinds(report), BadTile) || slices.Contains(kinds(report), Edited) || slices.Contains(kinds(report), WrongRoot) {
		t.Errorf("found %v", report.Findings)
	}
	writeLog(t, directory, 1, Options{})
	mustVerify(t, directory, 601)
}

func TestLogIsVerifiedWhileItIsWritten(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "log")
	kept := filepath.Join(t.TempDir(), "checkpoint")
	l, end := start(t, directory, Options{CheckpointEvery: time.Millisecond, SegmentBytes: 100 << 10, CheckpointCopy: kept})
	var group sync.WaitGroup
	stop := make(chan struct{})
	group.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if err := l.Append(context.Background(), record("c")); err != nil {
					t.Error(err)
				}
			}
		}
	})
	eventually(t, "there is a checkpoint", func() bool { return l.Stats().Checkpoint > 0 })
	for i := range 10 {
		before := l.Stats().Checkpoint
		if report := verify(t, directory, VerifyOptions{Kept: []string{kept}}); !report.OK() || report.Size < before {
			t.Errorf("round %d: %d records: %v", i, report.Size, report.Findings)
		}
	}
	close(stop)
	group.Wait()
	if err := end(); err != nil {
		t.Fatal(err)
	}
	mustVerify(t, directory, l.Stats().Written)
}

func TestRecordsThatWereRemovedInTimeAreNoFinding(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "log")
	writeLog(t, directory, 1000, Options{SegmentBytes: 200 << 10})
	path, lines := segmentLines(t, directory, 0)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	gone := uint64(len(lines))
	if report := verify(t, directory, VerifyOptions{RemovedBefore: gone + 1}); !report.OK() || report.First != gone+1 {
		t.Errorf("from %d: %v", report.First, report.Findings)
	}
	report := verify(t, directory, VerifyOptions{})
	if !slices.Equal(kinds(report), []FindingKind{Missing}) || report.Findings[0].Until != gone {
		t.Errorf("found %v", report.Findings)
	}
}
