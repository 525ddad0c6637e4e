package evidence

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence/pseudonym"
	"github.com/borderflow/borderflow/proxy/evidence/queue"
)

// TestAppendWaitsWhereTheQueueWouldEndWithTheProcess: without memory that outlives the process, an
// accepted record must stand in its segment.
func TestAppendWaitsWhereTheQueueWouldEndWithTheProcess(t *testing.T) {
	directory := t.TempDir()
	// A directory in the place of the queue's file: it cannot be made.
	if err := os.MkdirAll(filepath.Join(directory, queueFile+".new", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	disk := &troubledDisk{space: -1}
	l, end := start(t, directory, Options{FileSystem: disk, FlushEvery: time.Second})
	for n := range 5 {
		if err := l.Append(t.Context(), record("a")); err != nil {
			t.Fatal(err)
		}
		if got := len(readAll(t, directory)); got != n+1 {
			t.Fatalf("Append has returned, and %d records of %d are in the segment", got, n+1)
		}
	}
	disk.set(func(d *troubledDisk) { d.write = syscall.EIO })
	if err := l.Append(t.Context(), record("b")); !errors.Is(err, ErrNotWritten) || !errors.Is(err, syscall.EIO) {
		t.Errorf("Append says %v", err)
	}
	disk.set(func(d *troubledDisk) { d.write = nil })
	eventually(t, "the log is ready again", ready(l))
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if seen := ids(readAll(t, directory)); seen["a"] != 5 || seen["b"] != 1 {
		t.Errorf("recorded %v", seen)
	}
}

func TestMemoryOfTheQueueThatBreaksLosesNoRecord(t *testing.T) {
	directory := t.TempDir()
	stuck := make(chan struct{})
	disk := &troubledDisk{space: -1, stuck: stuck}
	l, end := start(t, directory, Options{FileSystem: disk})
	if l.memory == nil {
		t.Skip("there is no such memory here")
	}
	appendAll(t, l, "a")
	eventually(t, "the writer has taken the record", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return l.writing != nil })
	disk.set(func(d *troubledDisk) { d.stuck = nil })
	// The area that the next records go to is cut away under the process; the other is being written.
	info, err := os.Stat(filepath.Join(directory, queueFile))
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	first, _ := l.memory.Areas()
	cut := info.Size() / 2
	if l.queue.area == first {
		cut = 4096
	}
	l.mu.Unlock()
	if cut != info.Size()/2 {
		close(stuck)
		eventually(t, "the record is written", func() bool { return l.Stats().Written == 1 })
	}
	if err := os.Truncate(filepath.Join(directory, queueFile), cut); err != nil {
		t.Fatal(err)
	}
	if cut == info.Size()/2 {
		close(stuck)
	}
	for range 20 {
		if err := l.AppendAndWait(t.Context(), record("b")); err != nil {
			t.Fatal(err)
		}
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if seen := ids(readAll(t, directory)); seen["a"] != 1 || seen["b"] != 20 {
		t.Errorf("recorded %v", seen)
	}
}

// TestQueueOfAProcessThatEndedIsWrittenByTheNext leaves a queue as a kill would: two areas, of which
// the older one's first record is in the segment already.
func TestQueueOfAProcessThatEndedIsWrittenByTheNext(t *testing.T) {
	directory := t.TempDir()
	if err := os.WriteFile(segmentPath(directory, time.Now(), 1), []byte(encodeLine(t, record("a"), 1)+encodeLine(t, record("b"), 2)), 0o600); err != nil {
		t.Fatal(err)
	}
	memory, err := queue.Create(filepath.Join(directory, queueFile), 10, 64<<10)
	if errors.Is(err, queue.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	older, newer := memory.Areas()
	for seq, id := range map[uint64]string{2: "b", 3: "c", 4: "d", 5: "e", 7: "behind a gap"} {
		area := older
		if seq > 3 {
			area = newer
		}
		if err := area.Append([]byte(encodeLine(t, record(id), seq))); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(memory.Publish(), memory.Close()); err != nil {
		t.Fatal(err)
	}
	l, end := start(t, directory, Options{Identifiers: Clear})
	appendAll(t, l, "f")
	if err := end(); err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, r := range readAll(t, directory) {
		got += r.ID
	}
	if got != "abcdef" {
		t.Errorf("recorded %s", got)
	}
}

func TestIdentifiersAreKeptAsHashesOrInClear(t *testing.T) {
	for _, identifiers := range []Identifiers{Hashed, Clear} {
		directory := t.TempDir()
		writeLog(t, directory, 2, Options{Identifiers: identifiers})
		segments, err := Segments(directory)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(segments[0].Path)
		if err != nil {
			t.Fatal(err)
		}
		inClear := bytes.Contains(text, []byte("10.1.2.3")) || bytes.Contains(text, []byte("spiffe://shop/checkout"))
		if inClear != (identifiers == Clear) {
			t.Errorf("%d: the records hold address or identity in clear: %v", identifiers, inClear)
		}
		r := readAll(t, directory)[1]
		if identifiers == Clear {
			if r.Source.AddressHash != "" || r.Source.IdentityHash != "" || r.Source.Identity != "spiffe://shop/checkout" {
				t.Errorf("in clear: %+v", r.Source)
			}
			continue
		}
		keys := filepath.Join(directory, keysDirectory)
		for field, want := range map[pseudonym.Field][2]string{
			pseudonym.Address:  {"10.1.2.3", r.Source.AddressHash},
			pseudonym.Identity: {"spiffe://shop/checkout", r.Source.IdentityHash},
		} {
			if hashes, err := pseudonym.Hashes(keys, field, want[0]); err != nil || len(hashes) != 1 || hashes[0] != want[1] {
				t.Errorf("%s: the record has %q, the key gives %v (%v)", field, want[1], hashes, err)
			}
		}
		name, _, _ := strings.Cut(r.Source.AddressHash, ":")
		if err := pseudonym.Shred(keys, name); err != nil {
			t.Fatal(err)
		}
		// The hashes mean nothing any more, and the proofs stand.
		if hashes, err := pseudonym.Hashes(keys, pseudonym.Address, "10.1.2.3"); err != nil || len(hashes) != 0 {
			t.Errorf("after the key was destroyed: %v (%v)", hashes, err)
		}
		if report := verify(t, directory, VerifyOptions{Strict: true}); !report.OK() {
			t.Errorf("found %v", report.Findings)
		}
	}
}

func TestTraceThatIsNoneStaysOutOfTheRecord(t *testing.T) {
	good := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for trace, kept := range map[string]bool{
		good: true, "": false, strings.ToUpper(good): false, good + "x": false,
		"secret": false, strings.Replace(good, "-", "x", 1): false, good[:54] + "\n": false,
	} {
		r := record("a")
		r.Trace = trace
		if line := encodeLine(t, r, 1); strings.Contains(line, `"trace"`) != kept {
			t.Errorf("%q: %s", trace, line)
		}
	}
}

func TestTimingsReadBack(t *testing.T) {
	want := Timings{Decided: 1500 * time.Microsecond, Connected: time.Second, Answered: 1234567 * time.Microsecond}
	r := record("a")
	r.Timings = want
	got, err := Parse([]byte(encodeLine(t, r, 1)))
	if err != nil || got.Timings != want {
		t.Errorf("got %+v, %v", got, err)
	}
}
