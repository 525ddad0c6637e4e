package delivery

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/document"
)

func TestOptionsAreReadFromYAML(t *testing.T) {
	var sinks []Sink
	_, problems := document.DecodeWithPositions("test.yaml", []byte(`
- name: siem
  kind: syslog
  address: siem.example:6514
  tls: {ca: ca.pem, certificate: c.pem, key: k.pem}
  format: ocsf
  required: true
  maxLag: {records: 10000, time: 5m}
- name: collector
  kind: otlp
  endpoint: https://collector.example:4318/v1/logs
  headersFile: headers
`), &sinks)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := []Sink{
		{Name: "siem", Kind: "syslog", Address: "siem.example:6514", TLS: TLS{CA: "ca.pem", Certificate: "c.pem", Key: "k.pem"},
			Format: "ocsf", Required: true, MaxLag: MaxLag{10000, 5 * time.Minute}},
		{Name: "collector", Kind: "otlp", Endpoint: "https://collector.example:4318/v1/logs", HeadersFile: "headers"},
	}
	if diff := cmp.Diff(want, sinks); diff != "" {
		t.Error(diff)
	}
	if problems := Validate(sinks); problems != nil {
		t.Error(problems)
	}
}

func TestEveryMistakeIsReportedAtItsField(t *testing.T) {
	got := map[string]string{}
	for _, p := range Validate([]Sink{
		{Name: "../x", Kind: "sislog", Format: "ocfs", Start: "never"},
		{Name: "a", Kind: "otlp", Endpoint: "http://collector:4318/v1/logs", Address: "x:1", Path: "y"},
		{Name: "a", Kind: "otlp", Endpoint: "https://user:pa55@collector/v1/logs?key=s3cret", MaxLag: MaxLag{Records: 1}},
		{Name: "b", Kind: "syslog", Address: "siem", Plaintext: true, TLS: TLS{Certificate: "c.pem"}},
		{Name: "c", Kind: "file", MaxMegabytes: -1, Required: true, MaxLag: MaxLag{Time: -1}},
		{Name: "d", Kind: "stdout", HeadersFile: "h"},
	}) {
		if strings.Contains(p.Message+p.Hint, "s3cret") || strings.Contains(p.Message+p.Hint, "pa55") {
			t.Errorf("%s repeats a secret: %s", p.Field, p.Message)
		}
		got[p.Field] += p.Message + " | " + p.Hint + "\n"
	}
	for field, part := range map[string]string{
		"[0].name": `"../x"`, "[0].kind": `did you mean "syslog"?`, "[0].format": `did you mean "ocsf"?`, "[0].start": "oldest, newest",
		"[1].endpoint": "plaintext: true", "[1].address": "belongs to syslog", "[1].path": "belongs to file",
		"[2].name": "first in entry 2", "[2].endpoint": "headersFile", "[2].maxLag": "not required",
		"[3].address": "host:port", "[3].tls": "only one of certificate and key",
		"[4].path": "no file is named", "[4].maxMegabytes": "-1", "[4].maxLag.time": "more than 0",
		"[5].headersFile": "belongs to otlp",
	} {
		if !strings.Contains(got[field], part) {
			t.Errorf("%s: found %q, expected it to say %q", field, got[field], part)
		}
		delete(got, field)
	}
	if len(got) > 0 {
		t.Errorf("reported as well: %v", got)
	}
}

func TestWhatIsWrongWithFilesIsSaidAtTheStart(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad")
	must(t, os.WriteFile(bad, []byte("Authorization Bearer secret\n"), 0o600))
	_, err := New([]Sink{
		{Name: "a", Kind: "otlp", Endpoint: "https://collector/v1/logs", HeadersFile: bad},
		{Name: "b", Kind: "syslog", Address: "siem:6514", TLS: TLS{CA: bad}},
		{Name: "c", Kind: "syslog", Address: "siem:6514", TLS: TLS{Certificate: bad, Key: bad}},
		{Name: "d", Kind: "syslog", Address: "siem:6514", TLS: TLS{CA: filepath.Join(dir, "none")}},
	}, Environment{Directory: dir, StateDir: dir})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Fatalf("found %v", err)
	}
	for _, part := range []string{`"a": headersFile: `, "line 1: not of the form Name: value", `"b": tls.ca: `, `"c": tls.certificate: `, `"d": tls.ca: open`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not said in:\n%v", part, err)
		}
	}
}

func TestBrokenCursorIsAnErrorAndNotABeginning(t *testing.T) {
	state := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(state, "delivery"), 0o700))
	must(t, os.WriteFile(filepath.Join(state, "delivery", "a.cursor"), []byte("{"), 0o600))
	_, err := New([]Sink{{Name: "a", Kind: "stdout"}}, Environment{Directory: t.TempDir(), StateDir: state})
	if err == nil || !strings.Contains(err.Error(), "a.cursor: not a cursor") {
		t.Errorf("found %v", err)
	}
}

func FuzzCursor(f *testing.F) {
	f.Add([]byte(`{"segment":"","offset":0,"seq":0,"length":0,"sum":""}`))
	f.Add([]byte(`{"segment":"flows-20260301T113015.123Z-00000000000000000001.jsonl","offset":700,"seq":7,"length":100,"sum":"0123456789abcdef"}`))
	f.Add([]byte(`{"segment":"../../etc/passwd","offset":-1}`))
	f.Add([]byte(`{"segment":"flows-20260301T113015.123Z-00000000000000000001.jsonl.gz","offset":7}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		cursor, err := parseCursor(text)
		if err != nil {
			return
		}
		if cursor.Offset < 0 || cursor.Length < 0 || cursor.Length > cursor.Offset || strings.ContainsAny(cursor.Segment, "/\\") {
			t.Fatalf("accepted: %+v", cursor)
		}
		path := filepath.Join(t.TempDir(), "a.cursor")
		must(t, cursor.save(path))
		again, err := loadCursor(path)
		must(t, err)
		if again != cursor {
			t.Fatalf("stored %+v, read %+v", cursor, again)
		}
		directory := t.TempDir()
		must(t, os.WriteFile(filepath.Join(directory, "flows-20260301T113015.123Z-00000000000000000001.jsonl"), []byte(lineOf(1)), 0o600))
		reader := tail{directory: directory, at: cursor, rewound: func() {}}
		if _, err := reader.next(); err != nil {
			t.Fatal(err)
		}
		reader.close()
	})
}
