package delivery

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logOf is a log that a test writes by hand.
type logOf struct {
	t         testing.TB
	directory string
	next      uint64
	file      *os.File
}

func newLog(t testing.TB) *logOf {
	l := &logOf{t: t, directory: t.TempDir(), next: 1}
	t.Cleanup(func() {
		if l.file != nil {
			l.file.Close()
		}
	})
	return l
}

func (l *logOf) segmentName() string {
	return fmt.Sprintf("flows-%s-%020d.jsonl", time.Unix(1_780_000_000+int64(l.next), 0).UTC().Format("20060102T150405.000Z"), l.next)
}

// rotate begins a new segment and returns the path of the one before.
func (l *logOf) rotate() string {
	l.t.Helper()
	path := ""
	if l.file != nil {
		path = l.file.Name()
		l.file.Close()
	}
	file, err := os.OpenFile(filepath.Join(l.directory, l.segmentName()), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	must(l.t, err)
	l.file = file
	return path
}

func lineOf(seq uint64) string {
	return fmt.Sprintf(`{"schema":"borderflow.flow/1","seq":%d,"time":"2026-03-01T11:30:15.123456789Z","id":"flow-%d",`+
		`"source":{"address_hash":"2026-03:8f3a","port":51234,"identity_hash":"2026-03:77aa"},`+
		`"destination":{"host":"api.example.com","port":443,"address":"192.0.2.7","country":"US","confidence":0.95},`+
		`"request":{"method":"POST","scheme":"https","protocol":"h2"},"data":{"categories":{"contact":{"count":2,"strength":"medium"}},"subjects":2},`+
		`"verdict":"block","rule":"no-contacts-abroad","policy":"eu","outcome":"blocked","status":451,"bytes":{"sent":0,"received":17},"duration_ms":12.345}`+"\n", seq, seq)
}

// write appends n records in one write.
func (l *logOf) write(n int) {
	l.t.Helper()
	if l.file == nil {
		l.rotate()
	}
	var lines strings.Builder
	for range n {
		lines.WriteString(lineOf(l.next))
		l.next++
	}
	l.raw(lines.String())
}

func (l *logOf) raw(text string) {
	l.t.Helper()
	_, err := l.file.WriteString(text)
	must(l.t, err)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// running is a Delivery under test.
type running struct {
	*Delivery
	stop func()
}

func start(t testing.TB, l *logOf, state string, sinks ...Sink) *running {
	t.Helper()
	return startWith(t, Environment{Directory: l.directory, StateDir: state}, sinks...)
}

func startWith(t testing.TB, env Environment, sinks ...Sink) *running {
	t.Helper()
	env.Poll, env.Version = 2*time.Millisecond, "test"
	env.settle, env.firstTry = 300*time.Millisecond, 2*time.Millisecond
	d, err := New(sinks, env)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	stopped := false
	r := &running{d, func() {
		if !stopped {
			stopped = true
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}}
	t.Cleanup(r.stop)
	return r
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	pause := time.Millisecond
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if holds() {
			return
		}
		time.Sleep(pause) // between two looks at the condition, which may be dear
		pause = min(2*pause, 50*time.Millisecond)
	}
	t.Fatalf("%s: not within 30 s", what)
}

// inOrder fails unless got has every number from 1 to last, each for the first time behind the one
// before it.
func inOrder(t testing.TB, got []uint64, last uint64) {
	t.Helper()
	next := uint64(1)
	for i, seq := range got {
		if seq > next {
			t.Fatalf("at %d: record %d came before %d", i, seq, next)
		}
		if seq == next {
			next++
		}
	}
	if next != last+1 {
		t.Fatalf("records up to %d of %d arrived", next-1, last)
	}
}

func sequences(t testing.TB, text []byte) []uint64 {
	t.Helper()
	var all []uint64
	for line := range bytes.Lines(text) {
		if line[len(line)-1] != '\n' {
			break
		}
		seq, err := sequenceOf(line)
		must(t, err)
		all = append(all, seq)
	}
	return all
}

func reached(all []uint64, seq uint64) bool {
	for _, s := range all {
		if s == seq {
			return true
		}
	}
	return false
}
