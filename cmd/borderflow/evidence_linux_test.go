package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// mountSmall mounts a file system of 64 KiB, where the records go.
func mountSmall(t *testing.T, directory string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	must(t, os.MkdirAll(directory, 0o700))
	if err := syscall.Mount("tmpfs", directory, "tmpfs", 0, "size=64k,mode=0700"); err != nil {
		t.Skip("a tmpfs cannot be mounted here:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(directory, syscall.MNT_DETACH); err != nil {
			t.Error("unmount:", err)
		}
	})
}

// fill takes all the room that is left, and returns the file to remove.
func fill(t *testing.T, directory string) string {
	t.Helper()
	name := filepath.Join(directory, "fill")
	file, err := os.Create(name)
	must(t, err)
	defer file.Close()
	for _, size := range []int{4096, 1} {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
	}
	return name
}

func TestNothingPassesWhileRecordsCannotBeWritten(t *testing.T) {
	d := prepare(t, allowAll)
	records := filepath.Join(d.dir, "state", "evidence")
	mountSmall(t, records)
	d.start()
	if status, _ := d.get("http://web.example/"); status != http.StatusOK {
		t.Fatalf("status %d before", status)
	}

	filling := fill(t, records)
	passed := 1 // until the first record has failed
	var refused string
	d.eventually("requests to be refused", func() bool {
		status, body := d.get("http://web.example/")
		switch refused = body; status {
		case http.StatusOK:
			passed++
			return false
		case http.StatusServiceUnavailable:
			return true
		}
		t.Fatalf("status %d: %s", status, body)
		return false
	})
	if !strings.Contains(reason(t, refused), "evidence.onFailure: block") {
		t.Errorf("the refusal says %s", refused)
	}
	if status, body := d.asks("/readyz"); status != http.StatusServiceUnavailable ||
		!strings.HasPrefix(body, "not ready\n") || !strings.Contains(body, "evidence: not ok: ") || !strings.Contains(body, "no space left") {
		t.Errorf("readyz says %d %s", status, body)
	}
	if !d.metric("borderflow_evidence_writable 0") {
		t.Error("the metric says that records can be written")
	}

	must(t, os.Remove(filling))
	d.eventually("requests to pass again", func() bool {
		status, _ := d.get("http://web.example/")
		return status == http.StatusOK
	})
	passed++
	d.signal(syscall.SIGTERM)
	if code := d.exitCode(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, d.said.String())
	}
	completed := 0
	for _, record := range d.records() {
		if record.Outcome == "completed" {
			completed++
		}
	}
	if completed != passed {
		t.Errorf("%d flows are recorded as completed, %d were", completed, passed)
	}
}

func TestFlowsPassUnrecordedOnlyWhereThatIsConfigured(t *testing.T) {
	d := prepare(t, allowAll)
	records := filepath.Join(d.dir, "state", "evidence")
	mountSmall(t, records)
	d.extra = "evidence:\n  onFailure: allow\n"
	d.start()
	fill(t, records)
	d.eventually("the metric to say that records cannot be written", func() bool {
		if status, body := d.get("http://web.example/"); status != http.StatusOK {
			t.Fatalf("status %d: %s", status, body)
		}
		return d.metric("borderflow_evidence_writable 0")
	})
	if status, body := d.get("http://web.example/"); status != http.StatusOK || body != "first second" {
		t.Errorf("status %d: %s", status, body)
	}
	status, body := d.asks("/readyz")
	if status != http.StatusOK || !strings.Contains(body, "evidence: ok, but records cannot be written, and evidence.onFailure: allow") {
		t.Errorf("readyz says %d %s", status, body)
	}
}
