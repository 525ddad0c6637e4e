package convert

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/proxy/evidence"
)

var update = flag.Bool("update", false, "write the golden files")

// lines reads testdata/records.jsonl: a blocked flow with every field that a record can have, an
// allowed one, an opening, one of which little is known, a recovery.
func lines(t testing.TB) [][]byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "records.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(bytes.Lines(text))
}

func converter(t testing.TB, format string) *Converter {
	t.Helper()
	c, err := New(format, Producer{Version: "1.2|3", Hostname: "proxy-1"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRecordsOfTheTestAreWhatTheLogWrites(t *testing.T) {
	for i, line := range lines(t) {
		if _, err := evidence.Parse(line); err != nil {
			t.Errorf("record %d: %v", i+1, err)
		}
	}
}

func TestEveryFormatIsAsTheGoldenFileHasIt(t *testing.T) {
	for _, format := range Formats() {
		var got bytes.Buffer
		for i, line := range lines(t) {
			events, err := converter(t, format).Events(line)
			if err != nil {
				t.Fatalf("%s, record %d: %v", format, i+1, err)
			}
			for _, event := range events {
				if json.Valid(event) && format != "native" {
					if err := json.Indent(&got, event, "", " "); err != nil {
						t.Fatal(err)
					}
				} else {
					got.Write(event)
				}
				got.WriteByte('\n')
			}
		}
		golden := filepath.Join("testdata", format+".golden")
		if *update {
			if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s:\n%s", format, diff)
		}
	}
}

func TestNoFieldOfARecordIsLeftOut(t *testing.T) {
	for format, tables := range map[string][][]row{
		"ocsf": {ocsfAny, ocsfFlow, ocsfHTTP, ocsfUnmapped, ocsfBase},
		"ecs":  {ecsAny, ecsFlow, ecsLog},
	} {
		var from []string
		for _, row := range slices.Concat(tables...) {
			from = append(from, row.from)
		}
		for _, line := range lines(t) {
			r, err := decode(line)
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range leaves("", r) {
				if !slices.ContainsFunc(from, func(f string) bool { return f != "" && (path == f || strings.HasPrefix(path, f+".")) }) {
					t.Errorf("%s says nothing of %s", format, path)
				}
			}
		}
	}
}

func TestTablesNameFieldsThatRecordsHave(t *testing.T) {
	var paths []string
	for _, line := range lines(t) {
		r, err := decode(line)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, leaves("", r)...)
	}
	for _, row := range slices.Concat(ocsfAny, ocsfFlow, ocsfHTTP, ocsfUnmapped, ocsfFinding, ocsfBase, ecsAny, ecsFlow, ecsLog, cefFlow, cefLog) {
		if row.from != "" && !slices.ContainsFunc(paths, func(p string) bool { return p == row.from || strings.HasPrefix(p, row.from+".") }) {
			t.Errorf("%q is mapped to %q, but no record has it", row.from, row.to)
		}
	}
}

func leaves(prefix string, v map[string]any) []string {
	var all []string
	for key, value := range v {
		if object, ok := value.(map[string]any); ok {
			all = append(all, leaves(prefix+key+".", object)...)
			continue
		}
		all = append(all, prefix+key)
	}
	return all
}

func TestWhatIsNoRecordIsRefusedWithoutRepeatingIt(t *testing.T) {
	for _, line := range []string{
		"", "secret", "{", `{"a":"secret"}`, `["secret"]`, "null",
		`{"schema":"secret/1","seq":1,"time":"2026-03-01T11:30:15Z"}`,
		`{"schema":"borderflow.flow/1","time":"2026-03-01T11:30:15Z","id":"secret"}`,
		`{"schema":"borderflow.flow/1","seq":1,"time":"secret"}`,
		`{"schema":"borderflow.flow/1","seq":1,"time":"2026-03-01T11:30:15Z"} secret`,
	} {
		for _, format := range Formats() {
			_, err := converter(t, format).Events([]byte(line))
			if err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s, %q: %v", format, line, err)
			}
		}
	}
}

func TestUnknownFormatNamesTheNearest(t *testing.T) {
	if _, err := New("ocfs", Producer{}); err == nil || !strings.Contains(err.Error(), `did you mean "ocsf"?`) {
		t.Errorf("found %v", err)
	}
}

func TestCEFCannotBeBrokenOutOf(t *testing.T) {
	line := strings.Replace(string(lines(t)[1]), `"policy":"eu"`, `"policy":"a=b|c\\d\nCEF:0|x act=allow"`, 1)
	events, err := converter(t, "cef").Events([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(events[0]); !strings.Contains(text, `cs1=a\=b|c\\d\nCEF:0|x act\=allow`) || strings.Contains(text, "\n") || !strings.Contains(text, `|1.2\|3|`) {
		t.Error(text)
	}
}

func FuzzEvents(f *testing.F) {
	for _, line := range lines(f) {
		f.Add(line)
	}
	f.Add([]byte(`{"schema":"borderflow.flow/1","seq":1,"time":"2026-03-01T11:30:15Z","data":{"categories":{"a":1}},"outcome":"blocked","recovery":7}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, format := range Formats() {
			events, err := converter(t, format).Events(line)
			if err != nil {
				return
			}
			if len(events) == 0 {
				t.Fatal("a record became nothing")
			}
			for _, event := range events {
				if format != "native" && bytes.ContainsAny(event, "\n\r") {
					t.Fatalf("%s: more than one line", format)
				}
				if format != "cef" && !json.Valid(event) {
					t.Fatalf("%s: not JSON", format)
				}
			}
		}
	})
}

func BenchmarkEvents(b *testing.B) {
	line := lines(b)[0]
	for _, format := range Formats() {
		c := converter(b, format)
		b.Run(format, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Events(line); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
