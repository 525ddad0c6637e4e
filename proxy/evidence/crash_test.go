package evidence

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// crashDirectory makes the test binary a process that writes records until it is killed.
const crashDirectory = "BORDERFLOW_TEST_EVIDENCE_CRASH"

// writeUntilKilled says on its standard output which record was accepted last: each one that Append
// took, and not only what it was told is written.
func writeUntilKilled(directory string) {
	l, err := Open(directory, Options{SegmentBytes: 256 << 10, FlushEvery: 2 * time.Millisecond, CheckpointEvery: 3 * time.Millisecond})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	go l.Run(context.Background())
	r := new(Record)
	for i := 0; ; i++ {
		r.Reset()
		r.SetFlow(exampleFlow())
		r.ID, r.Outcome = fmt.Sprintf("%d-%d", os.Getpid(), i), Completed
		if err := l.Append(context.Background(), r); err != nil {
			os.Exit(3)
		}
		fmt.Println(r.ID)
	}
}

// crashRounds is how often a process is killed; the environment can ask for more.
func crashRounds(t *testing.T) int {
	rounds, err := strconv.Atoi(os.Getenv("BORDERFLOW_TEST_CRASHES"))
	if err != nil {
		return 20
	}
	t.Logf("%d crashes", rounds)
	return rounds
}

func TestKilledProcessLosesNoAcceptedRecord(t *testing.T) {
	executable, err := os.Executable()
	if err != nil {
		t.Skip("the test binary cannot be found to run it again:", err)
	}
	directory := filepath.Join(t.TempDir(), "log")
	var confirmed []string
	rounds := crashRounds(t)
	for range rounds {
		child := exec.Command(executable)
		child.Env = append(os.Environ(), crashDirectory+"="+directory)
		child.Stderr = os.Stderr
		output, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(output)
		last := rand.IntN(400)
		for seen := 0; lines.Scan(); seen++ {
			confirmed = append(confirmed, lines.Text())
			if seen == last {
				// SIGKILL; what the child still printed is read to the end and counts.
				child.Process.Kill()
			}
		}
		child.Wait()
		if child.ProcessState.Exited() {
			t.Fatalf("the child ended by itself: %v", child.ProcessState)
		}
	}
	_, end := start(t, directory, Options{})
	if err := end(); err != nil {
		t.Fatal(err)
	}
	seen := ids(readAll(t, directory))
	for _, id := range confirmed {
		if seen[id] != 1 {
			t.Errorf("accepted flow %s is recorded %d times", id, seen[id])
		}
	}
	if report := verify(t, directory, VerifyOptions{}); !report.OK() || report.Behind > 0 {
		t.Errorf("after %d crashes the log does not verify: %v", rounds, report.Findings)
	}
	t.Logf("%d accepted of %d records, %d crashes", len(confirmed), len(seen), rounds)
}

// TestTornTailIsCutAtEveryByte stands for a crash in the middle of a write at every place.
func TestTornTailIsCutAtEveryByte(t *testing.T) {
	whole := encodeLine(t, record("a"), 1) + encodeLine(t, record("b"), 2)
	next := encodeLine(t, record("c"), 3)
	options := Options{KeyFile: filepath.Join(t.TempDir(), "key"), Identifiers: Clear, Durability: Relaxed}
	for length := 0; length < len(next); length += 1 + length/8 {
		directory := t.TempDir()
		path := segmentPath(directory, time.Now(), 1)
		if err := os.WriteFile(path, []byte(whole+next[:length]), 0o600); err != nil {
			t.Fatal(err)
		}
		l, end := start(t, directory, options)
		if err := l.Append(t.Context(), record("d")); err != nil {
			t.Fatal(err)
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		records := readAll(t, directory)
		want := 3
		if length > 0 {
			want = 4
			got := records[2].Recovery
			if got == nil || got.CutBytes != int64(length) || got.Offset != int64(len(whole)) || got.Segment != filepath.Base(path) {
				t.Fatalf("a tail of %d bytes is recorded as %+v", length, got)
			}
		}
		if len(records) != want || records[want-1].ID != "d" {
			t.Fatalf("a tail of %d bytes: %d records, want %d", length, len(records), want)
		}
	}
}

func TestDamagedEndIsLeftForInvestigation(t *testing.T) {
	directory := t.TempDir()
	path := segmentPath(directory, time.Now(), 1)
	damaged := []byte(encodeLine(t, record("a"), 1) + encodeLine(t, record("b"), 2) + encodeLine(t, record("c"), math.MaxUint64))
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	_, end := start(t, directory, Options{})
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, damaged) {
		t.Errorf("the damaged segment was changed (%v)", err)
	}
	segments, err := Segments(directory)
	if err != nil || len(segments) != 2 || segments[1].First != 3 {
		t.Fatalf("segments %+v, %v", segments, err)
	}
	records := readSegment(t, segments[1].Path)
	if len(records) != 1 || records[0].Recovery == nil || !records[0].Recovery.Abandoned {
		t.Errorf("records %+v", records)
	}
}

func TestSegmentThatNeverGotARecordIsGoneOnWith(t *testing.T) {
	for name, content := range map[string]string{"empty": "", "torn": `{"schema":`, "zeros of a power cut": string(make([]byte, 200<<10))} {
		t.Run(name, func(t *testing.T) {
			directory := t.TempDir()
			for path, text := range map[string]string{
				segmentPath(directory, time.Now(), 1): encodeLine(t, record("a"), 1) + encodeLine(t, record("b"), 2),
				segmentPath(directory, time.Now(), 3): content,
			} {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			l, end := start(t, directory, Options{})
			if err := l.Append(t.Context(), record("c")); err != nil {
				t.Fatal(err)
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
			records := readAll(t, directory)
			if got := records[len(records)-1].ID; got != "c" {
				t.Errorf("the last record is of flow %q", got)
			}
		})
	}
}

// TestClockThatWasSetBackKeepsTheOrder: the names of segments begin with a time, which may go back.
func TestClockThatWasSetBackKeepsTheOrder(t *testing.T) {
	directory := t.TempDir()
	for path, text := range map[string]string{
		segmentPath(directory, time.Now().Add(24*time.Hour), 1): encodeLine(t, record("a"), 1),
		segmentPath(directory, time.Now(), 2):                   encodeLine(t, record("b"), 2),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, end := start(t, directory, Options{})
	if err := l.Append(t.Context(), record("c")); err != nil {
		t.Fatal(err)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if records := readAll(t, directory); len(records) != 3 || records[2].ID != "c" {
		t.Errorf("%d records", len(records))
	}
}
