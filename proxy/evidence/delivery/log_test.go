package delivery

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
)

func TestWhatALogWritesIsDeliveredWhileItIsWritten(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "evidence")
	records, err := evidence.Open(directory, evidence.Options{SegmentBytes: 32 << 10})
	must(t, err)
	ran := make(chan error, 1)
	go func() { ran <- records.Run(context.Background()) }()
	out := filepath.Join(t.TempDir(), "copy.jsonl")
	c := new(collector)
	d := startWith(t, Environment{Directory: directory, StateDir: t.TempDir()}, Sink{Name: "copy", Kind: "file", Path: out}, collecting(t, c))
	for i := range 2000 {
		record := &evidence.Record{Time: time.Now(), ID: fmt.Sprintf("flow-%d", i+1), Verdict: "allow", Outcome: evidence.Completed}
		must(t, records.Append(t.Context(), record))
	}
	must(t, records.Close(t.Context()))
	must(t, <-ran)
	eventually(t, "all records", func() bool { return reached(sequences(t, read(t, out)), 2000) && reached(c.got(t), 2000) })
	d.stop()
	inOrder(t, sequences(t, read(t, out)), 2000)
	inOrder(t, c.got(t), 2000)
	for _, stats := range d.Stats() {
		if stats.Delivered != 2000 || stats.Missing != 0 || stats.Unreadable != 0 {
			t.Errorf("stats: %+v", stats)
		}
	}
}
