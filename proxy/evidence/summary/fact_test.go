package summary

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/proxy/evidence"
)

// FuzzScannerAgreesWithEncodingJSON: what the scanner takes, encoding/json takes too, and reads the same.
func FuzzScannerAgreesWithEncodingJSON(f *testing.F) {
	segments, err := evidence.Segments(writeLog(f, 60, 0))
	if err != nil {
		f.Fatal(err)
	}
	text, err := os.ReadFile(segments[0].Path)
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		f.Add(bytes.TrimSuffix(line, []byte{'\n'}))
	}
	for _, line := range []string{
		`{}`, `[]`, `{"seq":01}`, `{"seq":1.0}`, `{"seq":-1}`, `{"seq":1e3}`, `{"SEQ":7,"seq":1}`, `{"seq":1,"seq":2}`, `{"seq":1}x`,
		`{"time":"2026-02-30T00:00:00Z"}`, `{"time":"2026-02-28T23:59:60Z"}`, `{"time":"0000-01-01T00:00:00Z"}`, `{"time":"2026-01-01T00:00:00.Z"}`,
		`{"time":"2026-01-01T00:00:00,5Z"}`, `{"data":{"categories":{"b":{"count":1},"a":{"count":2}}}}`,
		`{"data":{"categories":{"a":{"count":1},"a":{}}}}`, "{\"rule\":\"\xff\"}", `{"rule":"\u00e9"}`, `{"rule":null}`, `{"x":{"y":[1,[true,{"z":"\n"}]]}}`,
		`{"policies":[{"policy":"a","shadow":true,"shadow":true}]}`, `{"\u0073eq":1}`, `{"x":0.}`, `{"x":00}`, "{\"\u017feq\":9}", "{\"x\":\"\x7f\xff\"}",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		s := &scanner{names: make(names)}
		var scanned fact
		s.line = line
		r := factReader{s, &scanned}
		s.object(r.member)
		if s.odd || s.at != len(line) {
			return
		}
		var decoded fact
		if err := json.Unmarshal(line, &decoded); err != nil {
			t.Fatalf("the scanner takes %q, which is none: %v", line, err)
		}
		if diff := cmp.Diff(decoded, scanned, sameLists()); diff != "" {
			t.Errorf("%q (-encoding/json +scanner):\n%s", line, diff)
		}
	})
}

// sameLists takes an empty list for none.
func sameLists() cmp.Option {
	return cmp.Options{cmp.Transformer("list", func(c categories) []category { return append([]category{}, c...) }),
		cmp.Transformer("opinions", func(o []opinion) map[int]opinion {
			m := make(map[int]opinion)
			for i := range o {
				m[i] = o[i]
			}
			return m
		}),
		cmp.Transformer("texts", func(o []string) map[int]string {
			m := make(map[int]string)
			for i := range o {
				m[i] = o[i]
			}
			return m
		})}
}

// TestScannerTakesWhatTheLogWrites: a line that it leaves to encoding/json costs many times as much.
func TestScannerTakesWhatTheLogWrites(t *testing.T) {
	segments, err := evidence.Segments(writeLog(t, 500, 20))
	if err != nil {
		t.Fatal(err)
	}
	for _, segment := range segments {
		text, err := os.ReadFile(segment.Path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			line = bytes.TrimSuffix(line, []byte{'\n'})
			s := &scanner{names: make(names)}
			var got, want fact
			if !got.read(s, line) {
				t.Fatalf("%s is not read", line)
			}
			if s.odd && !bytes.ContainsRune(line, '\\') {
				t.Fatalf("the scanner does not take byte %d of %s", s.at, line)
			}
			if err := json.Unmarshal(line, &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, sameLists()); diff != "" {
				t.Fatal(diff)
			}
			seq, began, ok := beginning(s, line)
			if !ok || seq != want.Seq || !began.Equal(want.Time) {
				t.Fatalf("the beginning of %s is read as %d %v %v", line, seq, began, ok)
			}
		}
	}
}

// TestScannerIsNotTiedToOneVersionOfTheSchema: keys that are added later are passed over.
func TestScannerIsNotTiedToOneVersionOfTheSchema(t *testing.T) {
	line := `{"schema":"borderflow.flow/1","seq":3,"time":"2026-10-01T00:00:00Z","added":{"later":[1.5,"a\nb",true]},"outcome":"completed"}`
	var f fact
	s := &scanner{names: make(names)}
	if !f.read(s, []byte(line)) || s.odd || f.Seq != 3 || f.Outcome != "completed" {
		t.Errorf("%+v, odd %v at %d", f, s.odd, s.at)
	}
}

func TestLinesThatTheScannerLeavesAreStillRead(t *testing.T) {
	line := `{ "schema": "borderflow.flow\/1", "seq": 3, "time": "2026-10-01T02:00:00+02:00", "outcome": "completed" }`
	var f fact
	if s := (&scanner{names: make(names)}); !f.read(s, []byte(line)) || !s.odd || f.Seq != 3 || !f.Time.Equal(october) {
		t.Errorf("%+v", f)
	}
}

func BenchmarkRead(b *testing.B) {
	segments, err := evidence.Segments(writeLog(b, 1000, 0))
	if err != nil {
		b.Fatal(err)
	}
	text, err := os.ReadFile(segments[0].Path)
	if err != nil {
		b.Fatal(err)
	}
	line, _, _ := bytes.Cut(text, []byte{'\n'})
	s := &scanner{names: make(names)}
	var f fact
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if !f.read(s, line) {
			b.Fatalf("%s is not read", line)
		}
	}
}
