package evidence

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// troubledDisk is the operating system's file system, with faults that a test switches on and off.
type troubledDisk struct {
	OperatingSystem
	mu       sync.Mutex
	space    int // bytes that can still be written; -1 for no limit
	create   error
	write    error
	truncate error
	sync     error
	put      error         // of tiles and checkpoints
	stuck    chan struct{} // writes wait until it is closed; nil when they do not
}

func (d *troubledDisk) set(change func(*troubledDisk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

func (d *troubledDisk) fault(which func(*troubledDisk) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return which(d)
}

func (d *troubledDisk) Create(path string) (File, error) {
	if err := d.fault(func(d *troubledDisk) error { return d.create }); err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	file, err := OperatingSystem{}.Create(path)
	return &troubledFile{file, d}, err
}

func (d *troubledDisk) Open(path string) (File, error) {
	file, err := OperatingSystem{}.Open(path)
	return &troubledFile{file, d}, err
}

func (d *troubledDisk) Put(path string, content []byte) error {
	if err := d.fault(func(d *troubledDisk) error { return d.put }); err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	return d.OperatingSystem.Put(path, content)
}

func (d *troubledDisk) Replace(path string, content []byte, sync bool) error {
	if err := d.fault(func(d *troubledDisk) error { return d.put }); err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	return d.OperatingSystem.Replace(path, content, sync)
}

type troubledFile struct {
	File
	disk *troubledDisk
}

func (f *troubledFile) Write(p []byte) (int, error) {
	f.disk.mu.Lock()
	stuck := f.disk.stuck
	f.disk.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.write != nil {
		return 0, f.disk.write
	}
	if f.disk.space < 0 || f.disk.space >= len(p) {
		if f.disk.space >= 0 {
			f.disk.space -= len(p)
		}
		return f.File.Write(p)
	}
	n, err := f.File.Write(p[:f.disk.space])
	f.disk.space = 0
	return n, errors.Join(err, syscall.ENOSPC)
}

func (f *troubledFile) Truncate(size int64) error {
	if err := f.disk.fault(func(d *troubledDisk) error { return d.truncate }); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *troubledFile) Sync() error {
	if err := f.disk.fault(func(d *troubledDisk) error { return d.sync }); err != nil {
		return err
	}
	return f.File.Sync()
}

func appendAll(t *testing.T, l *Log, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := l.Append(t.Context(), record(id)); err != nil {
			t.Fatalf("append %s: %v", id, err)
		}
	}
}

func notReady(l *Log) func() bool { return func() bool { return l.Ready() != nil } }
func ready(l *Log) func() bool    { return func() bool { return l.Ready() == nil } }

func TestFullDiskDelaysRecordsAndLosesNone(t *testing.T) {
	line := len(encodeLine(t, record("a"), 1))
	for name, space := range map[string]int{
		"nothing fits":            0,
		"in the middle of a line": line / 2,
		"between two lines":       line,
		"in the second line":      line + 1,
	} {
		t.Run(name, func(t *testing.T) {
			directory := t.TempDir()
			disk := &troubledDisk{space: space}
			l, end := start(t, directory, Options{FileSystem: disk, Identifiers: Clear})
			appendAll(t, l, "a", "b", "c")
			eventually(t, "the log is not ready", notReady(l))
			if err := l.Ready(); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("Ready says %v", err)
			}
			if err := l.AppendAndWait(t.Context(), record("d")); !errors.Is(err, ErrNotWritten) || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("AppendAndWait says %v", err)
			}
			segments, err := Segments(directory)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range segments {
				readSegment(t, s.Path) // whole lines only, while the disk is full
			}
			disk.set(func(d *troubledDisk) { d.space = -1 })
			eventually(t, "the log is ready again", ready(l))
			if err := end(); err != nil {
				t.Fatal(err)
			}
			if seen := ids(readAll(t, directory)); len(seen) != 4 || seen["a"] != 1 || seen["d"] != 1 {
				t.Errorf("recorded flows %v", seen)
			}
			if s := l.Stats(); s.Failed == 0 || s.Dropped != 0 || !strings.Contains(s.LastError, "no space left") {
				t.Errorf("stats %+v", s)
			}
		})
	}
}

// TestLogIsNotReadyWhileNoCheckpointCanBeWritten: records that nothing vouches for are not enough.
func TestLogIsNotReadyWhileNoCheckpointCanBeWritten(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "log")
	disk := &troubledDisk{space: -1, put: syscall.ENOSPC}
	l, end := start(t, directory, Options{FileSystem: disk, CheckpointEvery: time.Millisecond})
	for range 600 {
		appendAll(t, l, "a")
	}
	eventually(t, "the log is not ready", notReady(l))
	if err := l.Ready(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Ready says %v", err)
	}
	disk.set(func(d *troubledDisk) { d.put = nil })
	eventually(t, "the log is ready again", ready(l))
	if err := end(); err != nil {
		t.Fatal(err)
	}
	mustVerify(t, directory, 600)
}

// TestCheckpointsSecondPlaceStopsNothing: it protects the log, and is no part of it.
func TestCheckpointsSecondPlaceStopsNothing(t *testing.T) {
	core, logged := observer.New(zap.ErrorLevel)
	directory := filepath.Join(t.TempDir(), "log")
	writeLog(t, directory, 5, Options{CheckpointCopy: filepath.Join(t.TempDir(), "gone", "checkpoint"), Log: zap.New(core)})
	mustVerify(t, directory, 5)
	if logged.FilterMessage("the checkpoint is not kept apart").Len() != 1 {
		t.Errorf("logged %v", logged.All())
	}
}

func TestTornEndThatCannotBeCutOffEndsItsSegment(t *testing.T) {
	directory := t.TempDir()
	line := len(encodeLine(t, record("a"), 1))
	disk := &troubledDisk{space: line + line/2, truncate: syscall.EIO}
	l, end := start(t, directory, Options{FileSystem: disk, Identifiers: Clear})
	appendAll(t, l, "a", "b")
	eventually(t, "the log is not ready", notReady(l))
	disk.set(func(d *troubledDisk) { d.space = -1 })
	eventually(t, "the log is ready again", ready(l))
	if err := end(); err != nil {
		t.Fatal(err)
	}
	segments, err := Segments(directory)
	if err != nil || len(segments) != 2 {
		t.Fatalf("segments %v, %v", segments, err)
	}
	torn, err := os.ReadFile(segments[0].Path)
	if err != nil || len(torn) != line+line/2 {
		t.Errorf("the torn segment has %d bytes (%v)", len(torn), err)
	}
	records := readSegment(t, segments[1].Path)
	if len(records) != 2 || records[0].ID != "b" || records[0].Seq != 2 || records[1].Recovery == nil {
		t.Fatalf("the next segment holds %d records", len(records))
	}
	want := Recovery{
		Segment: filepath.Base(segments[0].Path), Reason: "unfinished line at the end", Offset: int64(line),
		CausedBy: "cut back to the last whole line: input/output error", Abandoned: true,
	}
	if got := *records[1].Recovery; got != want {
		t.Errorf("recovery %+v\nwant %+v", got, want)
	}
}

func TestFailedSyncIsRecordedAndNotTriedAgainOnTheSameFile(t *testing.T) {
	directory := t.TempDir()
	disk := &troubledDisk{space: -1, sync: syscall.EIO}
	l, end := start(t, directory, Options{FileSystem: disk, Durability: Strict})
	if err := l.AppendAndWait(t.Context(), record("a")); !errors.Is(err, ErrNotWritten) || !errors.Is(err, syscall.EIO) {
		t.Errorf("AppendAndWait says %v", err)
	}
	if err := l.Ready(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Ready says %v", err)
	}
	disk.set(func(d *troubledDisk) { d.sync = nil })
	eventually(t, "the log is ready again", ready(l))
	if err := end(); err != nil {
		t.Fatal(err)
	}
	records := readAll(t, directory)
	if records[0].ID != "a" {
		t.Errorf("the first record is of flow %q", records[0].ID)
	}
	if got := records[1].Recovery; got == nil || got.Since != 1 || !got.Abandoned {
		t.Errorf("the failed sync is recorded as %+v", got)
	}
}

func TestSegmentThatSomebodyTookAwayIsNoticed(t *testing.T) {
	directory := t.TempDir()
	l, end := start(t, directory, Options{Durability: Strict})
	if err := l.AppendAndWait(t.Context(), record("a")); err != nil {
		t.Fatal(err)
	}
	segments, err := Segments(directory)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(segments[0].Path); err != nil {
		t.Fatal(err)
	}
	if err := l.AppendAndWait(t.Context(), record("b")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("AppendAndWait says %v", err)
	}
	eventually(t, "the log is ready again", ready(l))
	if err := end(); err != nil {
		t.Fatal(err)
	}
	segments, err = Segments(directory)
	if err != nil || len(segments) != 1 {
		t.Fatalf("segments %v, %v", segments, err)
	}
	if got := readSegment(t, segments[0].Path)[0].Recovery; got == nil || got.Since != 2 {
		t.Errorf("recovery %+v", got)
	}
}

func TestQueueThatIsFullHoldsItsCallersBack(t *testing.T) {
	disk := &troubledDisk{space: -1, stuck: make(chan struct{})}
	directory := t.TempDir()
	l, end := start(t, directory, Options{FileSystem: disk, QueueRecords: 4})
	appendAll(t, l, "a", "b", "c", "d")
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := l.Append(short, record("late")); !errors.Is(err, ErrFull) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Append to a full queue says %v", err)
	}
	waited := make(chan error, 1)
	go func() { waited <- l.Append(t.Context(), record("patient")) }()
	close(disk.stuck)
	if err := <-waited; err != nil {
		t.Errorf("the caller that waited got %v", err)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	seen := ids(readAll(t, directory))
	if seen["late"] != 0 || seen["patient"] != 1 || len(seen) != 5 {
		t.Errorf("recorded flows %v", seen)
	}
	if s := l.Stats(); s.Dropped != 1 {
		t.Errorf("%d dropped", s.Dropped)
	}
}

func TestQueueIsBoundedInBytes(t *testing.T) {
	disk := &troubledDisk{space: -1, stuck: make(chan struct{})}
	line := len(encodeLine(t, record("a"), 1))
	l, _ := start(t, t.TempDir(), Options{FileSystem: disk, QueueBytes: 3 * line, Identifiers: Clear})
	defer close(disk.stuck)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	accepted := 0
	for range 10 {
		if l.Append(ended, record("a")) == nil {
			accepted++
		}
	}
	if accepted < 2 || accepted > 3 {
		t.Errorf("%d records accepted into room for 3", accepted)
	}
}

func TestAllowDropsWithoutWaitingWhileTheDiskFails(t *testing.T) {
	core, logged := observer.New(zap.InfoLevel)
	disk := &troubledDisk{write: syscall.EROFS}
	directory := t.TempDir()
	l, end := start(t, directory, Options{FileSystem: disk, OnFailure: Allow, QueueRecords: 3, Log: zap.New(core)})
	appendAll(t, l, "a")
	eventually(t, "the log is not ready", notReady(l))
	appendAll(t, l, "b", "c")
	for range 5 {
		// A context without a deadline: waiting would hang the test.
		if err := l.Append(context.Background(), record("x")); !errors.Is(err, ErrFull) || !errors.Is(err, syscall.EROFS) {
			t.Errorf("Append says %v", err)
		}
	}
	if s := l.Stats(); s.Dropped != 5 || s.Pending != 3 || s.OldestPending <= 0 || s.OnFailure != Allow {
		t.Errorf("stats %+v", s)
	}
	disk.set(func(d *troubledDisk) { d.write, d.space = nil, -1 })
	eventually(t, "the log is ready again", ready(l))
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if seen := ids(readAll(t, directory)); len(seen) != 3 {
		t.Errorf("recorded flows %v", seen)
	}
	for message, want := range map[string]int{
		"evidence cannot be written": 1, "evidence records are being dropped": 1, "evidence is written again": 1,
	} {
		if got := logged.FilterMessage(message).Len(); got != want {
			t.Errorf("%q was logged %d times", message, got)
		}
	}
}

func TestWaitingCallersOfAllowGoOnWhenTheDiskBeginsToFail(t *testing.T) {
	disk := &troubledDisk{space: -1, stuck: make(chan struct{})}
	l, _ := start(t, t.TempDir(), Options{FileSystem: disk, OnFailure: Allow, QueueRecords: 1})
	appendAll(t, l, "a")
	waited := make(chan error, 1)
	go func() { waited <- l.Append(context.Background(), record("b")) }()
	disk.set(func(d *troubledDisk) { d.write = syscall.EIO })
	close(disk.stuck)
	if err := <-waited; !errors.Is(err, ErrFull) {
		t.Errorf("got %v", err)
	}
	disk.set(func(d *troubledDisk) { d.write = nil })
}

func TestCloseSaysHowManyRecordsItCouldNotWrite(t *testing.T) {
	disk := &troubledDisk{create: syscall.EACCES}
	l, err := Open(t.TempDir(), Options{FileSystem: disk})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- l.Run(context.Background()) }()
	appendAll(t, l, "a", "b")
	eventually(t, "the log is not ready", notReady(l))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = l.Close(ctx)
	if err == nil || !strings.Contains(err.Error(), "2 records not written") || !errors.Is(err, syscall.EACCES) {
		t.Errorf("Close says %v", err)
	}
	if err := <-ran; err == nil {
		t.Error("Run ended without an error")
	}
}

func TestCloseDoesNotHangOnAWriteThatDoes(t *testing.T) {
	for _, running := range []bool{true, false} {
		disk := &troubledDisk{space: -1, stuck: make(chan struct{})}
		l, err := Open(t.TempDir(), Options{FileSystem: disk})
		if err != nil {
			t.Fatal(err)
		}
		ran := make(chan error, 1)
		if running {
			go func() { ran <- l.Run(context.Background()) }()
		}
		appendAll(t, l, "a")
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := l.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close says %v", err)
		}
		close(disk.stuck)
		if !running {
			ran <- l.Run(t.Context())
		}
		if err := <-ran; err != nil {
			t.Errorf("Run says %v after the write came through", err)
		}
	}
}
