package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const convertibleRecord = `{"schema":"borderflow.flow/1","seq":1,"time":"2026-03-01T11:30:16Z","id":"01J8Z3W5K9","source":{"address_hash":"2026-03:8f3a"},` +
	`"destination":{"host":"api.example.de","port":443},"request":{"method":"GET"},"data":{},"verdict":"allow","outcome":"completed","status":200,` +
	`"bytes":{"sent":20,"received":7},"duration_ms":7}` + "\n"

func convertRecords(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	command := newEvidenceConvert()
	var out, said bytes.Buffer
	command.SetArgs(args)
	command.SetIn(strings.NewReader(stdin))
	command.SetOut(&out)
	command.SetErr(&said)
	command.SilenceUsage, command.SilenceErrors = true, true
	err := command.Execute()
	var exit *exitError
	if errors.As(err, &exit) {
		code = exit.code
		said.WriteString(err.Error())
	} else {
		must(t, err)
	}
	return out.String(), said.String(), code
}

func TestConvertReadsPlainAndCompressedRecords(t *testing.T) {
	dir := t.TempDir()
	plain, packed := filepath.Join(dir, "a.jsonl"), filepath.Join(dir, "b.jsonl.gz")
	must(t, os.WriteFile(plain, []byte(convertibleRecord), 0o600))
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(convertibleRecord))
	must(t, err)
	must(t, w.Close())
	must(t, os.WriteFile(packed, b.Bytes(), 0o600))
	for format, part := range map[string]string{"ocsf": `"class_uid":4002`, "ecs": `"ecs":{"version":"8.17.0"}`, "cef": "CEF:0|borderflow|"} {
		out, said, code := convertRecords(t, convertibleRecord, "--to", format, plain, packed, "-")
		if code != 0 || said != "" || strings.Count(out, part) != 3 || strings.Count(out, "\n") != 3 {
			t.Errorf("%s: code %d, %s\n%s", format, code, said, out)
		}
	}
}

func TestConvertReportsEachLineThatIsNoRecord(t *testing.T) {
	out, said, code := convertRecords(t, convertibleRecord+"{}\n"+convertibleRecord+"secret", "--to", "ecs", "-")
	if code != 2 || strings.Count(out, "\n") != 2 || !strings.Contains(said, "-: line 2: ") || !strings.Contains(said, "-: line 4, column 1: ") {
		t.Errorf("code %d, %s\n%s", code, said, out)
	}
	if _, said, code := convertRecords(t, "", "--to", "ocfs", "-"); code != 2 || !strings.Contains(said, `did you mean "ocsf"?`) {
		t.Errorf("code %d, %s", code, said)
	}
}
