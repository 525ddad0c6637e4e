package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The value that may not leave stands near the upload's end: at byte 900,000,000 of the 1 GiB that
// BORDERFLOW_TEST_UPLOAD=1073741824 asks for, at 28 MiB of 32 without it.
func TestLargeUploadThroughTheProcessIsCutInBoundedMemory(t *testing.T) {
	size, at := int64(32<<20), int64(28<<20)
	if text := os.Getenv("BORDERFLOW_TEST_UPLOAD"); text != "" {
		var err error
		size, err = strconv.ParseInt(text, 10, 64)
		must(t, err)
		at = min(900_000_000, size-4<<20)
	}
	d := prepare(t, `onLargeBody: stream
rules: [{id: cards, description: cards stay here, when: 'data.has("financial")', verdict: block}]
`).start()
	before := d.peak()
	body := io.MultiReader(io.LimitReader(&repeated{text: "nothing to see here, move along\n"}, at), strings.NewReader("\n{\"card\": \"5555 5555 5555 4444\"}\n"),
		io.LimitReader(&repeated{text: "and so on\n"}, size-at))
	client := d.client()
	client.Timeout = 5 * time.Minute
	response, err := client.Post("http://web.example/", "text/plain", body)
	must(t, err)
	status, content := contentOf(t, response)
	var refusal struct {
		FlowID string `json:"flow_id"`
		Rule   string `json:"rule"`
	}
	must(t, json.Unmarshal([]byte(content), &refusal))
	if status != http.StatusForbidden || refusal.Rule != "cards" || strings.Contains(content, "5555") {
		t.Errorf("%d %s", status, content)
	}
	grown := d.peak() - before
	if grown > 48<<20 {
		t.Errorf("the process grew by %d KiB", grown>>10)
	}
	d.signal(syscall.SIGTERM)
	d.exitCode()
	for _, r := range d.records() {
		if r.ID == refusal.FlowID {
			if !r.Cut || r.Verdict != "block" || r.Bytes.Sent > at-1<<20+256<<10 || r.Bytes.Sent < at-2<<20 {
				t.Errorf("record %+v", r)
			}
			t.Logf("%d of %d bytes left, the value stood at %d; the process grew by %d KiB", r.Bytes.Sent, size, at, grown>>10)
			return
		}
	}
	t.Error("there is no record")
}

// repeated is a text without end.
type repeated struct {
	text string
	at   int
}

func (r *repeated) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		k := copy(p[n:], r.text[r.at:])
		n, r.at = n+k, (r.at+k)%len(r.text)
	}
	return len(p), nil
}

// peak is the most memory that the process has had, in bytes.
func (d *daemon) peak() int64 {
	d.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.command.Process.Pid))
	must(d.t, err)
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kibibytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			must(d.t, err)
			return kibibytes << 10
		}
	}
	d.t.Fatal("the kernel does not say how much memory the process takes")
	return 0
}
