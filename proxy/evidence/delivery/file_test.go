package delivery

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

func read(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return text
}

func TestFileGetsEveryLineAsItStandsInTheLog(t *testing.T) {
	l := newLog(t)
	l.write(700)
	l.rotate()
	l.write(300)
	out := filepath.Join(t.TempDir(), "copy.jsonl")
	d := start(t, l, t.TempDir(), Sink{Name: "copy", Kind: "file", Path: out})
	eventually(t, "1000 records", func() bool { return reached(sequences(t, read(t, out)), 1000) })
	l.write(5)
	eventually(t, "those that come while it runs", func() bool { return reached(sequences(t, read(t, out)), 1005) })
	d.stop()
	inOrder(t, sequences(t, read(t, out)), 1005)
	if got := d.Stats()[0]; got.Delivered != 1005 || got.LagRecords != 0 || got.Lag != 0 || got.Missing != 0 {
		t.Errorf("stats: %+v", got)
	}
	if info, err := os.Stat(out); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: %v %v", info.Mode(), err)
	}
}

func TestRestartGoesOnWhereItStopped(t *testing.T) {
	l, state := newLog(t), t.TempDir()
	out := filepath.Join(t.TempDir(), "copy.jsonl")
	sink := Sink{Name: "copy", Kind: "file", Path: out}
	for round := range 5 {
		l.write(100)
		if round == 2 {
			l.rotate()
		}
		d := start(t, l, state, sink)
		eventually(t, "the records", func() bool { return reached(sequences(t, read(t, out)), l.next-1) })
		d.stop()
	}
	if got := sequences(t, read(t, out)); len(got) != 500 {
		t.Errorf("%d lines, want 500: a clean stop sends nothing twice", len(got))
	}
}

func TestCompressedSegmentsAreRead(t *testing.T) {
	compress := map[string]func(io.Writer) io.WriteCloser{
		".gz":  func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		".zst": func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z },
	}
	for ending, writer := range compress {
		t.Run(ending, func(t *testing.T) {
			l, state := newLog(t), t.TempDir()
			out := filepath.Join(t.TempDir(), "copy.jsonl")
			sink := Sink{Name: "copy", Kind: "file", Path: out}
			l.write(100)
			d := start(t, l, state, sink)
			eventually(t, "100 records", func() bool { return reached(sequences(t, read(t, out)), 100) })
			d.stop()
			l.write(1100)
			path := l.rotate()
			var packed bytes.Buffer
			w := writer(&packed)
			_, err := w.Write(read(t, path))
			must(t, err)
			must(t, w.Close())
			must(t, os.WriteFile(path+ending, packed.Bytes(), 0o600))
			must(t, os.Remove(path))
			l.write(10)
			d = start(t, l, state, sink)
			eventually(t, "all records", func() bool { return reached(sequences(t, read(t, out)), 1210) })
			d.stop()
			if got := sequences(t, read(t, out)); len(got) != 1210 {
				t.Errorf("%d lines, want 1210", len(got))
			}
			inOrder(t, sequences(t, read(t, out)), 1210)
		})
	}
}

func TestHalfALineIsNotDelivered(t *testing.T) {
	l := newLog(t)
	l.write(3)
	line := lineOf(4)
	l.raw(line[:100])
	out := filepath.Join(t.TempDir(), "copy.jsonl")
	d := start(t, l, t.TempDir(), Sink{Name: "copy", Kind: "file", Path: out})
	eventually(t, "three records", func() bool { return reached(sequences(t, read(t, out)), 3) })
	// The log cuts the half off and writes another line there.
	info, err := l.file.Stat()
	must(t, err)
	must(t, l.file.Truncate(info.Size()-100))
	l.next = 4
	l.write(2)
	eventually(t, "the next records", func() bool { return reached(sequences(t, read(t, out)), 5) })
	d.stop()
	inOrder(t, sequences(t, read(t, out)), 5)
}

func TestFileIsOpenedAgainAfterItWasMovedAway(t *testing.T) {
	l := newLog(t)
	l.write(10)
	out := filepath.Join(t.TempDir(), "copy.jsonl")
	d := start(t, l, t.TempDir(), Sink{Name: "copy", Kind: "file", Path: out})
	eventually(t, "the first records", func() bool { return reached(sequences(t, read(t, out)), 10) })
	must(t, os.Rename(out, out+".1"))
	l.write(10)
	eventually(t, "the next in a new file", func() bool { return reached(sequences(t, read(t, out)), 20) })
	must(t, os.Truncate(out, 0))
	l.write(1)
	eventually(t, "the next behind the cut", func() bool { return reached(sequences(t, read(t, out)), 21) })
	d.stop()
	if text := read(t, out); text[0] != '{' {
		t.Errorf("the emptied file begins with %q", text[:1])
	}
}

func TestFullFileIsMovedAside(t *testing.T) {
	l, dir := newLog(t), t.TempDir()
	out := filepath.Join(dir, "copy.jsonl")
	d := start(t, l, t.TempDir(), Sink{Name: "copy", Kind: "file", Path: out, MaxMegabytes: 1})
	l.write(4000) // about 2.4 MB
	var got []uint64
	eventually(t, "all records", func() bool {
		files, err := filepath.Glob(out + "*")
		must(t, err)
		got = nil
		for _, file := range append(files[min(1, len(files)):], out) {
			got = append(got, sequences(t, read(t, file))...)
		}
		return reached(got, 4000) && len(files) > 1
	})
	d.stop()
	inOrder(t, got, 4000)
}

func TestUnfinishedLineOfACrashIsEnded(t *testing.T) {
	l := newLog(t)
	l.write(1)
	out := filepath.Join(t.TempDir(), "copy.jsonl")
	must(t, os.WriteFile(out, []byte(`{"schema":"bord`), 0o600))
	d := start(t, l, t.TempDir(), Sink{Name: "copy", Kind: "file", Path: out})
	eventually(t, "the record", func() bool { return strings.HasSuffix(string(read(t, out)), lineOf(1)) })
	d.stop()
	if diff := cmp.Diff(`{"schema":"bord`+"\n"+lineOf(1), string(read(t, out))); diff != "" {
		t.Error(diff)
	}
}

func TestLineThatIsNoRecordIsReportedInItsPlace(t *testing.T) {
	for _, format := range []string{"native", "ocsf", "ecs", "cef"} {
		t.Run(format, func(t *testing.T) {
			l := newLog(t)
			l.write(1)
			l.raw("damaged secret\n")
			l.next = 3
			l.write(1)
			out := filepath.Join(t.TempDir(), "copy")
			d := start(t, l, t.TempDir(), Sink{Name: "copy", Kind: "file", Path: out, Format: format})
			eventually(t, "the records", func() bool { return d.Stats()[0].Delivered == 2 })
			d.stop()
			text := string(read(t, out))
			if strings.Contains(text, "secret") || !strings.Contains(text, "unreadable") {
				t.Errorf("delivered:\n%s", text)
			}
			if stats := d.Stats()[0]; stats.Unreadable != 1 || stats.Missing != 0 {
				t.Errorf("stats: %+v", stats)
			}
		})
	}
}

func TestLineTooLongForARecordIsPassedOver(t *testing.T) {
	l := newLog(t)
	l.write(1)
	l.raw(strings.Repeat("x", 9<<20) + "\n")
	l.next = 3
	l.write(1)
	out := filepath.Join(t.TempDir(), "copy")
	d := start(t, l, t.TempDir(), Sink{Name: "copy", Kind: "file", Path: out})
	eventually(t, "the records", func() bool { return d.Stats()[0].Delivered == 2 })
	d.stop()
	if size := len(read(t, out)); size > 4<<10 {
		t.Errorf("%d bytes were delivered", size)
	}
}

func TestLogThatWasSetBackIsDeliveredAnew(t *testing.T) {
	l, state := newLog(t), t.TempDir()
	out := filepath.Join(t.TempDir(), "copy.jsonl")
	sink := Sink{Name: "copy", Kind: "file", Path: out}
	l.write(10)
	d := start(t, l, state, sink)
	eventually(t, "ten records", func() bool { return reached(sequences(t, read(t, out)), 10) })
	d.stop()
	// A power cut took the last two; others have their numbers now.
	must(t, l.file.Truncate(int64(len(lineOf(1))*8)))
	l.raw(strings.ReplaceAll(lineOf(9), "flow-9", "flow-A") + strings.ReplaceAll(lineOf(10), "flow-10", "flow-BB") + lineOf(11))
	d = start(t, l, state, sink)
	eventually(t, "the new records", func() bool { return reached(sequences(t, read(t, out)), 11) })
	d.stop()
	text := string(read(t, out))
	if !strings.Contains(text, "flow-A") || !strings.Contains(text, "flow-BB") {
		t.Error("records that took the place of lost ones are not delivered")
	}
	if d.Stats()[0].Rewinds != 1 {
		t.Errorf("stats: %+v", d.Stats()[0])
	}
}

func TestRecordsDeletedBeforeTheyWereDeliveredAreCounted(t *testing.T) {
	l, state := newLog(t), t.TempDir()
	out := filepath.Join(t.TempDir(), "copy.jsonl")
	sink := Sink{Name: "copy", Kind: "file", Path: out}
	l.write(10)
	d := start(t, l, state, sink)
	eventually(t, "ten records", func() bool { return reached(sequences(t, read(t, out)), 10) })
	d.stop()
	first := l.rotate()
	l.write(10)
	second := l.rotate()
	l.write(10)
	must(t, os.Remove(first))
	must(t, os.Remove(second))
	d = start(t, l, state, sink)
	eventually(t, "the last records", func() bool { return reached(sequences(t, read(t, out)), 30) })
	d.stop()
	if got := d.Stats()[0].Missing; got != 10 {
		t.Errorf("%d records are missing, want 10", got)
	}
}

func TestNewSinkMayBeginWithWhatComes(t *testing.T) {
	l := newLog(t)
	l.write(10)
	out := filepath.Join(t.TempDir(), "copy.jsonl")
	d := start(t, l, t.TempDir(), Sink{Name: "copy", Kind: "file", Path: out, Start: "newest"})
	l.write(1)
	eventually(t, "the new record", func() bool { return reached(sequences(t, read(t, out)), 11) })
	d.stop()
	if got := sequences(t, read(t, out)); len(got) != 1 {
		t.Errorf("%d records, want 1", len(got))
	}
}

func TestCursorsSayWhatIsStillNeeded(t *testing.T) {
	l, state := newLog(t), t.TempDir()
	l.write(20)
	out := filepath.Join(t.TempDir(), "copy.jsonl")
	d := start(t, l, state, Sink{Name: "copy", Kind: "file", Path: out},
		Sink{Name: "down", Kind: "syslog", Address: "127.0.0.1:1", Plaintext: true})
	eventually(t, "the cursor", func() bool {
		cursors, err := Cursors(state)
		must(t, err)
		return cursors["copy"].Seq == 20
	})
	d.stop()
	cursors, err := Cursors(state)
	must(t, err)
	if down, ok := cursors["down"]; !ok || down.Seq != 0 {
		t.Errorf("the sink that is down has %+v", down)
	}
	info, err := os.Stat(filepath.Join(state, "delivery", "copy.cursor"))
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if none, err := Cursors(t.TempDir()); err != nil || len(none) != 0 {
		t.Errorf("without delivery: %v %v", none, err)
	}
}

func TestBlockedStandardOutputHoldsUpNothingElse(t *testing.T) {
	l := newLog(t)
	l.write(600)
	reader, writer := io.Pipe()
	out := filepath.Join(t.TempDir(), "copy.jsonl")
	d := startWith(t, Environment{Directory: l.directory, StateDir: t.TempDir(), Stdout: writer, Drain: time.Millisecond},
		Sink{Name: "console", Kind: "stdout"}, Sink{Name: "copy", Kind: "file", Path: out})
	eventually(t, "the other sink", func() bool { return reached(sequences(t, read(t, out)), 600) })
	d.stop()
	reader.Close()
	if stats := d.Stats(); stats[0].Delivered != 0 || stats[1].Delivered != 600 {
		t.Errorf("stats: %+v", stats)
	}
}

func TestStandardOutputGetsEveryRecord(t *testing.T) {
	l := newLog(t)
	l.write(1000)
	var out bytes.Buffer
	d := startWith(t, Environment{Directory: l.directory, StateDir: t.TempDir(), Stdout: &out}, Sink{Name: "console", Kind: "stdout"})
	eventually(t, "all records", func() bool { return d.Stats()[0].Delivered == 1000 })
	d.stop()
	inOrder(t, sequences(t, out.Bytes()), 1000)
}
