package evidence

import (
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkAppend is the cost on a request's path: encoding, the queue, and waiting for the
// writer when it is behind.
func BenchmarkAppend(b *testing.B) {
	l, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- l.Run(b.Context()) }()
	b.Run("one client", func(b *testing.B) {
		r := exampleRecord()
		b.ReportAllocs()
		for b.Loop() {
			if err := l.Append(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("many clients", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			r := exampleRecord()
			for pb.Next() {
				if err := l.Append(b.Context(), r); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("from flow, typical", func(b *testing.B) {
		r, f := new(Record), exampleFlow()
		f.Data.Categories, f.Data.Findings = nil, nil
		f.Destination.Location.Jurisdictions = f.Destination.Location.Jurisdictions[:1]
		b.ReportAllocs()
		for b.Loop() {
			r.Reset()
			r.SetFlow(f)
			r.Verdict, r.Outcome = "allow", Completed
			if err := l.Append(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("and wait", func(b *testing.B) {
		r := exampleRecord()
		b.ReportAllocs()
		for b.Loop() {
			if err := l.AppendAndWait(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
	})
	if err := l.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	<-ran
}

func BenchmarkEncode(b *testing.B) {
	r := exampleRecord()
	b.ReportAllocs()
	b.SetBytes(int64(len(encodeLine(b, r, 1))))
	for b.Loop() {
		encoded, err := encode(r)
		if err != nil {
			b.Fatal(err)
		}
		encoded.Free()
	}
}

// BenchmarkFileWrite is the floor for Append: the same line straight into a file, one call each.
func BenchmarkFileWrite(b *testing.B) {
	file, err := os.Create(filepath.Join(b.TempDir(), "plain"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	line := []byte(encodeLine(b, exampleRecord(), 1))
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := file.Write(line); err != nil {
			b.Fatal(err)
		}
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
