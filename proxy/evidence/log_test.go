package evidence

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if directory := os.Getenv(crashDirectory); directory != "" {
		writeUntilKilled(directory)
	}
	goleak.VerifyTestMain(m)
}

// start opens a log and runs it until the test ends or close is called.
func start(t *testing.T, directory string, options Options) (l *Log, close func() error) {
	t.Helper()
	l, err := Open(directory, options)
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- l.Run(context.Background()) }()
	close = sync.OnceValue(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err := l.Close(ctx)
		<-ran
		return err
	})
	t.Cleanup(func() { close() })
	return l, close
}

func record(id string) *Record {
	r := new(Record)
	r.SetFlow(exampleFlow())
	r.ID, r.Verdict, r.Outcome = id, "allow", Completed
	return r
}

// readAll reads the whole log and fails the test for anything but whole, gap-free records.
func readAll(t *testing.T, directory string) []*Record {
	t.Helper()
	segments, err := Segments(directory)
	if err != nil {
		t.Fatal(err)
	}
	var records []*Record
	for _, s := range segments {
		for i, r := range readSegment(t, s.Path) {
			if i == 0 && r.Seq != s.First {
				t.Errorf("%s begins with record %d", filepath.Base(s.Path), r.Seq)
			}
			records = append(records, r)
		}
	}
	for i, r := range records {
		if r.Seq != uint64(i+1) {
			t.Fatalf("record %d of the log has sequence number %d", i+1, r.Seq)
		}
	}
	return records
}

func readSegment(t *testing.T, path string) []*Record {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var records []*Record
	for r, err := range Read(file) {
		if err != nil {
			t.Fatalf("%s: %v", filepath.Base(path), err)
		}
		records = append(records, r)
	}
	return records
}

func ids(records []*Record) map[string]int {
	seen := make(map[string]int)
	for _, r := range records {
		if r.Kind == KindFlow {
			seen[r.ID]++
		}
	}
	return seen
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestEachFlowOfManyClientsIsRecordedOnce(t *testing.T) {
	directory := t.TempDir()
	l, end := start(t, directory, Options{QueueRecords: 64, SegmentBytes: 64 << 10})
	const clients, flows = 16, 100
	var group sync.WaitGroup
	for client := range clients {
		group.Go(func() {
			r := new(Record)
			for i := range flows {
				r.Reset()
				r.SetFlow(exampleFlow())
				r.ID, r.Outcome = fmt.Sprintf("%d-%d", client, i), Completed
				add := l.Append
				if i%10 == 0 {
					add = l.AppendAndWait
				}
				if err := add(t.Context(), r); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if err := end(); err != nil {
		t.Fatal(err)
	}
	seen := ids(readAll(t, directory))
	if len(seen) != clients*flows {
		t.Errorf("%d flows recorded, want %d", len(seen), clients*flows)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("flow %s is recorded %d times", id, n)
		}
	}
	if s := l.Stats(); s.Written != clients*flows || s.Pending != 0 || s.Dropped != 0 || s.NextSeq != clients*flows+1 {
		t.Errorf("stats %+v", s)
	}
	segments, _ := Segments(directory)
	if len(segments) < 2 {
		t.Error("the log was not rotated")
	}
	for _, s := range segments {
		if info, err := os.Stat(s.Path); err != nil || info.Size() > 64<<10 {
			t.Errorf("segment of %d bytes is longer than configured (%v)", info.Size(), err)
		}
	}
}

func TestWaitedForRecordIsInTheFile(t *testing.T) {
	for _, options := range []Options{{FlushEvery: time.Second}, {FlushEvery: time.Second, Durability: Strict}} {
		directory := t.TempDir()
		l, _ := start(t, directory, options)
		began := time.Now()
		if err := l.AppendAndWait(t.Context(), record("a")); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited >= time.Second {
			t.Errorf("waited %v, the whole flush interval", waited)
		}
		if got := len(readAll(t, directory)); got != 1 {
			t.Errorf("%d records in the file", got)
		}
	}
}

func TestRecordNobodyWaitsForIsWrittenSoon(t *testing.T) {
	directory := t.TempDir()
	l, _ := start(t, directory, Options{})
	if err := l.Append(t.Context(), record("a")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the record is written", func() bool { return l.Stats().Written == 1 })
	if got := len(readAll(t, directory)); got != 1 {
		t.Errorf("%d records in the file", got)
	}
}

func TestSequenceGoesOnOverRestarts(t *testing.T) {
	directory := t.TempDir()
	for i := range 4 {
		options := Options{}
		if i == 2 {
			options.SegmentBytes = 1 // each record a segment of its own
		}
		l, end := start(t, directory, options)
		for range 3 {
			if err := l.Append(t.Context(), record("a")); err != nil {
				t.Fatal(err)
			}
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(readAll(t, directory)); got != 12 {
		t.Errorf("%d records, want 12", got)
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "state", "evidence")
	l, _ := start(t, directory, Options{})
	if err := l.AppendAndWait(t.Context(), record("a")); err != nil {
		t.Fatal(err)
	}
	segments, err := Segments(directory)
	if err != nil || len(segments) != 1 {
		t.Fatalf("segments %v, %v", segments, err)
	}
	for path, want := range map[string]os.FileMode{
		directory: 0o700, segments[0].Path: 0o600, filepath.Join(directory, "lock"): 0o600,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v (%v)", filepath.Base(path), info.Mode().Perm(), want, err)
		}
	}
}

func TestTwoLogsCannotShareADirectory(t *testing.T) {
	directory := t.TempDir()
	_, end := start(t, directory, Options{})
	if _, err := Open(directory, Options{}); !errors.Is(err, ErrInUse) {
		t.Fatalf("got %v, want ErrInUse", err)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	_, end = start(t, directory, Options{})
	if err := end(); err != nil {
		t.Error(err)
	}
}

func TestCloseWritesWhatWasAcceptedBeforeRun(t *testing.T) {
	directory := t.TempDir()
	l, err := Open(directory, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(t.Context(), record("a")); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(readAll(t, directory)); got != 1 {
		t.Errorf("%d records", got)
	}
	if err := l.Append(t.Context(), record("b")); !errors.Is(err, ErrClosed) {
		t.Errorf("Append after Close: %v", err)
	}
	if err := l.Ready(); !errors.Is(err, ErrClosed) {
		t.Errorf("Ready after Close: %v", err)
	}
	if err := l.Run(t.Context()); err != nil {
		t.Errorf("Run after Close: %v", err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestEndOfRunsContextWritesWhatWasAccepted(t *testing.T) {
	directory := t.TempDir()
	l, err := Open(directory, Options{FlushEvery: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- l.Run(ctx) }()
	for range 5 {
		if err := l.Append(ctx, record("a")); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	if got := len(readAll(t, directory)); got != 5 {
		t.Errorf("%d records, want 5", got)
	}
}

func TestLogRunsOnce(t *testing.T) {
	l, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Run(ended); err != nil {
		t.Error(err)
	}
	if err := l.Run(ended); err == nil {
		t.Error("the second Run has no error")
	}
}

func TestRecordOfAClientThatWentAwayIsKept(t *testing.T) {
	directory := t.TempDir()
	l, end := start(t, directory, Options{})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Append(gone, record("a")); err != nil {
		t.Fatal(err)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if got := len(readAll(t, directory)); got != 1 {
		t.Errorf("%d records", got)
	}
}

func TestOpenRefusesOptionsThatMakeNoSense(t *testing.T) {
	for _, options := range []Options{
		{OnFailure: 7}, {QueueRecords: -1}, {QueueBytes: -1}, {SegmentBytes: -1},
		{FlushEvery: -time.Second}, {FlushEvery: time.Minute},
	} {
		if l, err := Open(t.TempDir(), options); err == nil {
			l.Close(t.Context())
			t.Errorf("%+v was accepted", options)
		}
	}
}

func TestOpenSaysWhyADirectoryCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, Options{}); err == nil {
		t.Error("a file was accepted as directory")
	}
}
