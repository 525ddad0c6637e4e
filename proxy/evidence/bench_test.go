package evidence

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/borderflow/borderflow/rules/flow"
)

// typicalRecord is that of a request that was allowed: some 600 bytes.
func typicalRecord() *Record {
	f := exampleFlow()
	f.ID = "01996f3e-5c1a-7d2b-9e80-4b1c2d3e4f50"
	f.Data = flow.Data{State: flow.Known, Coverage: flow.CoverageFull, Bytes: 512}
	f.Destination.Location.Jurisdictions = f.Destination.Location.Jurisdictions[:1]
	f.Destination.Location.Conflicts, f.Destination.Exemption = nil, ""
	f.Source.CountryState = flow.Known
	r := new(Record)
	r.SetFlow(f)
	r.Verdict, r.Policy, r.Phase, r.Outcome, r.Status = "allow", "eu", "headers", Completed, 200
	return r
}

// run opens a log for a benchmark. What it returns ends it.
func run(b *testing.B, options Options) (l *Log, end func()) {
	b.Helper()
	l, err := Open(filepath.Join(b.TempDir(), "log"), options)
	if err != nil {
		b.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- l.Run(context.Background()) }()
	return l, func() {
		if err := errors.Join(l.Close(context.Background()), <-ran); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRequestPath is what a flow pays for its record while the log keeps up: taking over the
// flow, hashing identifiers, encoding, and the memory that outlives the process.
func BenchmarkRequestPath(b *testing.B) {
	l, end := run(b, Options{})
	defer end()
	f := exampleFlow()
	f.Data = flow.Data{State: flow.Known, Coverage: flow.CoverageFull, Bytes: 512}
	r := new(Record)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%1024 == 1023 {
			b.StopTimer()
			for l.Stats().Pending > 0 {
				runtime.Gosched()
			}
			b.StartTimer()
		}
		r.Reset()
		r.SetFlow(f)
		r.Verdict, r.Outcome = "allow", Completed
		if err := l.Append(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSustained is records through the whole log, to a signed checkpoint over them and stable
// storage, beside plain JSON lines by zap into a buffered file, and beside the disk's limit: the
// same bytes written and synced with nothing in between. Each sub-benchmark names its rate.
func BenchmarkSustained(b *testing.B) {
	line := encodeLine(b, typicalRecord(), 1_000_000)
	rate := func(b *testing.B) {
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		b.SetBytes(int64(len(line)))
	}
	for _, durability := range []Durability{Batched, Relaxed, Strict} {
		b.Run(durability.String(), func(b *testing.B) {
			l, end := run(b, Options{Durability: durability})
			b.ReportAllocs()
			b.SetParallelism(1)
			if durability == Strict {
				b.SetParallelism(512) // flows that wait at the same time
			}
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				r := typicalRecord()
				for pb.Next() {
					if err := l.Append(context.Background(), r); err != nil {
						b.Error(err)
					}
				}
			})
			end()
			rate(b)
		})
	}
	b.Run("zap", func(b *testing.B) {
		file := bufio.NewWriterSize(create(b), flushBytes)
		log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(file), zap.InfoLevel))
		r := typicalRecord()
		d := &r.Destination
		b.ReportAllocs()
		for b.Loop() {
			log.Info("flow", zap.String("id", r.ID), zap.Time("time", r.Time), zap.Stringer("source", r.Source.Address),
				zap.Uint16("source_port", r.Source.Port), zap.String("identity", r.Source.Identity), zap.String("assurance", r.Source.Assurance),
				zap.String("host", d.Host), zap.Uint16("port", d.Port), zap.Stringer("address", d.Address), zap.String("country", d.Country),
				zap.Float64("confidence", d.Confidence), zap.String("operator", d.Operator), zap.String("data_version", d.DataVersion),
				zap.String("method", r.Request.Method), zap.String("protocol", r.Request.Protocol), zap.String("verdict", r.Verdict),
				zap.String("policy", r.Policy), zap.String("phase", r.Phase), zap.String("outcome", string(r.Outcome)), zap.Int("status", r.Status))
		}
		if err := file.Flush(); err != nil {
			b.Fatal(err)
		}
		rate(b)
	})
	b.Run("disk", func(b *testing.B) {
		file := create(b)
		buffered := bufio.NewWriterSize(file, flushBytes)
		for b.Loop() {
			if _, err := buffered.WriteString(line); err != nil {
				b.Fatal(err)
			}
		}
		if err := errors.Join(buffered.Flush(), file.Sync()); err != nil {
			b.Fatal(err)
		}
		rate(b)
	})
}

func create(b *testing.B) *os.File {
	b.Helper()
	file, err := os.Create(filepath.Join(b.TempDir(), "plain"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { file.Close() })
	return file
}

func BenchmarkAppendAndWait(b *testing.B) {
	l, end := run(b, Options{})
	defer end()
	r := typicalRecord()
	b.ReportAllocs()
	for b.Loop() {
		if err := l.AppendAndWait(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	r := exampleRecord()
	b.ReportAllocs()
	b.SetBytes(int64(len(encodeLine(b, r, 1))))
	for b.Loop() {
		release(encode(r, nil))
	}
}

func BenchmarkParse(b *testing.B) {
	line := []byte(encodeLine(b, exampleRecord(), 1))
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := Parse(line); err != nil {
			b.Fatal(err)
		}
	}
}

// fill writes n typical records.
func fill(tb testing.TB, directory string, n int) {
	tb.Helper()
	l, err := Open(directory, Options{Durability: Relaxed})
	if err != nil {
		tb.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- l.Run(context.Background()) }()
	r := typicalRecord()
	for i := range n {
		r.ID = "01996f3e-5c1a-7d2b-9e80-" + fmt.Sprintf("%012d", i+1)
		if err := l.Append(context.Background(), r); err != nil {
			tb.Fatal(err)
		}
	}
	if err := errors.Join(l.Close(context.Background()), <-ran); err != nil {
		tb.Fatal(err)
	}
}

func BenchmarkVerify(b *testing.B) {
	const records = 200_000
	directory := filepath.Join(b.TempDir(), "log")
	fill(b, directory, records)
	for b.Loop() {
		if report := verify(b, directory, VerifyOptions{}); !report.OK() || report.Records != records {
			b.Fatal(report.Findings)
		}
	}
	b.ReportMetric(float64(b.N)*records/b.Elapsed().Seconds(), "records/s")
}

// TestLargeLog measures what depends on the size of the log, with as many records as the environment
// asks for.
func TestLargeLog(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("BORDERFLOW_TEST_RECORDS"))
	if err != nil {
		t.Skip("BORDERFLOW_TEST_RECORDS does not say how many records to write, e.g. 10000000")
	}
	directory := filepath.Join(t.TempDir(), "log")
	began := time.Now()
	lap := func(what string, times int) time.Duration {
		taken := time.Since(began) / time.Duration(times)
		t.Logf("%-28s %v", what, taken)
		began = time.Now()
		return taken
	}
	fill(t, directory, n)
	written := lap("write", 1)
	t.Logf("%-28s %.0f records/s", "", float64(n)/written.Seconds())
	l, err := Open(directory, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if lap("start", 1) > time.Second {
		t.Error("a start takes more than a second")
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	const proofs = 100
	for i := range proofs {
		a, err := OpenArchive(directory)
		if err != nil {
			t.Fatal(err)
		}
		seq := uint64(i)*uint64(n)/proofs + 1
		proof, err := a.ProveFlow(fmt.Sprintf("01996f3e-5c1a-7d2b-9e80-%012d", seq))
		if err != nil || proof.Index != seq-1 {
			t.Fatal(proof, err)
		}
	}
	if lap("proof of a flow by its id", proofs) > 10*time.Millisecond {
		t.Error("a proof takes more than 10 ms")
	}
	report := verify(t, directory, VerifyOptions{})
	taken := lap("verify", 1)
	t.Logf("%-28s %.0f records/s, %d MB", "", float64(n)/taken.Seconds(), report.Bytes>>20)
	if !report.OK() || report.Records != uint64(n) {
		t.Error(report.Findings)
	}
}
