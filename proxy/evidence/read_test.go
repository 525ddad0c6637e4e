package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadNamesTheLineAndColumnOfWhatIsNoRecord(t *testing.T) {
	good := strings.TrimSuffix(encodeLine(t, exampleRecord(), 7), "\n")
	replaced := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the example does not contain %s", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, test := range map[string]struct{ line, want string }{
		"empty":              {"", "line 2: the object has no end"},
		"not JSON":           {"hello", "line 2, column 1: invalid character 'h'"},
		"half a record":      {good[:100], "line 2, column 100: the object has no end"},
		"NUL bytes":          {"\x00\x00\x00", "line 2, column 1"},
		"two records":        {good + good, fmt.Sprintf("line 2, column %d: not as borderflow writes it", len(good)+1)},
		"spaces":             {replaced(`,"seq"`, `, "seq"`), "line 2, column 31: not as borderflow writes it"},
		"unknown field":      {replaced(`"verdict"`, `"verdlct"`), `unknown field "verdlct"`},
		"another case":       {replaced(`"verdict"`, `"Verdict"`), "not as borderflow writes it"},
		"key twice":          {replaced(`"rule":"no-cards-abroad"`, `"rule":"x","rule":"no-cards-abroad"`), "not as borderflow writes it"},
		"category twice":     {replaced(`"financial":`, `"contact":`), `"contact" stands twice`},
		"unknown strength":   {replaced(`"strength":"strong"`, `"strength":"iron"`), `unknown strength "iron"`},
		"another schema":     {replaced(Schema, "borderflow.flow/2"), `schema "borderflow.flow/2" is not "borderflow.flow/1"`},
		"text for a number":  {replaced(`"status":451`, `"status":"451"`), "status: a string where a int belongs"},
		"no sequence number": {replaced(`"seq":7`, `"seq":0`), "the sequence number is missing"},
		"unknown verdict":    {replaced(`"verdict":"block","rule"`, `"verdict":"maybe","rule"`), `unknown verdict "maybe"`},
		"unknown outcome":    {replaced(`"outcome":"blocked"`, `"outcome":"lost"`), `unknown outcome "lost"`},
		"time not in UTC":    {replaced(`11:30:15.123456789Z`, `12:30:15.123456789+01:00`), "not as borderflow writes it"},
		"unknown kind":       {replaced(`"time"`, `"kind":"note","time"`), `unknown kind "note"`},
		"bare recovery":      {replaced(`"time"`, `"kind":"recovery","time"`), "a recovery record without its recovery"},
	} {
		t.Run(name, func(t *testing.T) {
			var failures []error
			records := 0
			for record, err := range Read(strings.NewReader(good + "\n" + test.line + "\n" + good + "\n")) {
				if (record == nil) == (err == nil) {
					t.Fatalf("record %v and error %v", record, err)
				}
				if err != nil {
					failures = append(failures, err)
				} else {
					records++
				}
			}
			if records != 2 || len(failures) != 1 {
				t.Fatalf("%d records and errors %v, want the two good records and one error", records, failures)
			}
			var at *LineError
			if !errors.As(failures[0], &at) || at.Line != 2 {
				t.Fatalf("%v does not name line 2", failures[0])
			}
			if !strings.Contains(failures[0].Error(), test.want) {
				t.Errorf("got  %v\nwant %s", failures[0], test.want)
			}
		})
	}
}

func TestReadTellsATornLineFromADamagedOne(t *testing.T) {
	line := encodeLine(t, exampleRecord(), 1)
	var last error
	for _, err := range Read(strings.NewReader(line + line[:40])) {
		last = err
	}
	if !errors.Is(last, ErrTorn) {
		t.Errorf("got %v, want ErrTorn", last)
	}
}

func TestReadGoesOnBehindALineThatIsTooLong(t *testing.T) {
	line := encodeLine(t, exampleRecord(), 1)
	long := strings.Repeat("x", MaxLine+1) + "\n"
	var records, failures int
	for record, err := range Read(strings.NewReader(line + long + line)) {
		if err != nil {
			failures++
		}
		if record != nil {
			records++
		}
	}
	if records != 2 || failures != 1 {
		t.Errorf("%d records, %d errors", records, failures)
	}
}

func TestReadEndsWithItsReadersError(t *testing.T) {
	broken := errors.New("broken disk")
	in := io.MultiReader(strings.NewReader(encodeLine(t, exampleRecord(), 1)), iotest.ErrReader(broken))
	var seen []error
	for _, err := range Read(in) {
		seen = append(seen, err)
	}
	if len(seen) != 2 || seen[0] != nil || !errors.Is(seen[1], broken) {
		t.Errorf("got %v", seen)
	}
}

// FuzzParse holds Parse to its promise: what it accepts is byte for byte what a Log writes.
func FuzzParse(f *testing.F) {
	f.Add([]byte(encodeLine(f, exampleRecord(), 1)))
	f.Add([]byte(encodeLine(f, &Record{Outcome: Completed, Time: exampleFlow().Started}, 1<<63)))
	f.Add([]byte(encodeLine(f, &Record{Kind: KindRecovery, Time: exampleFlow().Started, Recovery: &Recovery{Segment: "s", Offset: 3, Abandoned: true}}, 2)))
	f.Add([]byte(`{"schema":"borderflow.flow/1","seq":1,"time":"2026-01-01T00:00:00Z","data":{"categories":{"a":{"count":1},"a":{"count":2}}}}`))
	f.Add([]byte(`{"schema":"borderflow.flow/1","seq":1e3,"duration_ms":1e308}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		record, err := Parse(text)
		if err != nil {
			return
		}
		if again := encodeLine(t, record, record.Seq); again != string(bytes.TrimSuffix(text, []byte{'\n'}))+"\n" {
			t.Errorf("accepted %q, which is written as %q", text, again)
		}
	})
}

// FuzzBounded holds every text that a client sends to its bound.
func FuzzBounded(f *testing.F) {
	f.Add("plain", 10)
	f.Add("\xff\xfe€𝄞", 5)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = max(8, min(limit, 1024))
		got := bounded(text, limit)
		if len(got) > limit {
			t.Errorf("%d bytes, more than %d", len(got), limit)
		}
		if again := bounded(got, limit); again != got {
			t.Errorf("%q becomes %q the second time", got, again)
		}
	})
}
