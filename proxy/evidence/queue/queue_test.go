package queue

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func create(t testing.TB, path string, records, size int) *File {
	t.Helper()
	f, err := Create(path, records, size)
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func texts(lines [][]byte) string { return string(bytes.Join(lines, []byte{'|'})) }

func TestLinesOutliveTheFileThatHeldThem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue")
	f := create(t, path, 100, 1000)
	a, b := f.Areas()
	for i := range 5 {
		if err := a.Append([]byte("line "), fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Append([]byte("other")); err != nil {
		t.Fatal(err)
	}
	if found, err := Read(path); err != nil || found != nil {
		t.Errorf("before Publish: %v, %v", found, err)
	}
	if err := f.Publish(); err != nil {
		t.Fatal(err)
	}
	// Nothing is closed or synced: this is what the next process finds after a kill.
	found, err := Read(path)
	if err != nil || len(found) != 2 || texts(found[0]) != "line 0|line 1|line 2|line 3|line 4" || texts(found[1]) != "other" {
		t.Errorf("found %q, %v", found, err)
	}
	if err := a.Reset(); err != nil {
		t.Fatal(err)
	}
	if err := a.Append([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if found, _ := Read(path); texts(found[0]) != "new" {
		t.Errorf("after Reset found %q", found[0])
	}
}

func TestAreaTakesWhatFitsAndNoMore(t *testing.T) {
	f := create(t, filepath.Join(t.TempDir(), "queue"), 2, 1)
	a, b := f.Areas()
	big := make([]byte, page)
	if !a.Fits(page) || a.Fits(page+1) {
		t.Error("an area of one page has another size")
	}
	if err := a.Append(big, []byte{1}); err == nil {
		t.Error("a line longer than the area was taken")
	}
	if err := a.Append(big); err != nil || a.Fits(1) {
		t.Errorf("the line that fits: %v", err)
	}
	for range 2 {
		if err := b.Append([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if b.Fits(1) {
		t.Error("an area of two lines has room for a third")
	}
}

func TestDamageIsCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue")
	f := create(t, path, 10, 100)
	a, _ := f.Areas()
	for _, line := range []string{"first", "second", "third"} {
		if err := a.Append([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Publish(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Replace(whole, []byte("second"), []byte("sEcond"), 1)
	for name, test := range map[string]struct {
		content []byte
		want    string
	}{
		"a line":    {damaged, "first"},
		"its end":   {whole[:len(whole)-1], ""},
		"all zeros": {make([]byte, len(whole)), ""},
		"empty":     {nil, ""},
	} {
		if err := os.WriteFile(path, test.content, 0o600); err != nil {
			t.Fatal(err)
		}
		found, err := Read(path)
		got := ""
		if len(found) > 0 {
			got = texts(found[0])
		}
		if err != nil || got != test.want {
			t.Errorf("%s: found %q, %v", name, got, err)
		}
	}
}

// TestMemoryThatGoesAwayIsAnError: a file cut short under its mapping answers with SIGBUS, like a
// file system that breaks.
func TestMemoryThatGoesAwayIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue")
	f := create(t, path, 10, 100)
	if err := f.Publish(); err != nil {
		t.Fatal(err)
	}
	a, b := f.Areas()
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if err := a.Append([]byte("line")); err == nil {
		t.Error("a line was taken into memory that is gone")
	}
	if a.Fits(1) {
		t.Error("the broken area takes lines")
	}
	if err := b.Reset(); err == nil {
		t.Error("memory that is gone was reset")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(uint64(10), uint64(4096), []byte("x"))
	f.Fuzz(func(t *testing.T, records, size uint64, tail []byte) {
		path := filepath.Join(t.TempDir(), "queue")
		content := make([]byte, page)
		copy(content, magic)
		for i := range 8 {
			content[8+i], content[16+i] = byte(records>>(8*i)), byte(size>>(8*i))
		}
		g := geometry{int(records % 64), int(size % (1 << 16))}
		content = append(content, bytes.Repeat(append(tail, 1), g.fileSize()/(len(tail)+1)+1)...)
		if err := os.WriteFile(path, content[:max(page, g.fileSize())], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	f := create(b, filepath.Join(b.TempDir(), "queue"), 8192, 8<<20)
	area, _ := f.Areas()
	line := make([]byte, 568)
	b.ReportAllocs()
	for b.Loop() {
		if !area.Fits(len(line)) || area.records > 1000 {
			area.Reset()
		}
		if err := area.Append(line); err != nil {
			b.Fatal(err)
		}
	}
}
