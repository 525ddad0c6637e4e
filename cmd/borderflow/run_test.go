package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	allowAll   = "" // no rule
	blockPOST  = "rules:\n  - {id: no-posts, when: request.method == \"POST\", verdict: block}\n"
	blockHTTP  = "rules:\n  - {id: no-http, when: destination.port == 80, verdict: block, reason: plain HTTP stays inside}\n"
	brokenRule = "rules:\n  - {id: no-http, when: destnation.port == 80, verdict: block}\n"
)

func TestSighupReloadsWhatNoNoticeOfAChangeTells(t *testing.T) {
	// A link to a link: nobody watches the directory of the one in the middle.
	d := prepare(t, allowAll)
	policy := filepath.Join(d.dir, "policies", "policy.yaml")
	d.write("versions/1.yaml", policyOf(allowAll))
	d.write("versions/2.yaml", policyOf(blockHTTP))
	must(t, os.Mkdir(filepath.Join(d.dir, "current"), 0o755))
	middle := filepath.Join(d.dir, "current", "policy.yaml")
	must(t, os.Symlink(filepath.Join(d.dir, "versions", "1.yaml"), middle))
	must(t, os.Remove(policy))
	must(t, os.Symlink(middle, policy))
	d.start()
	if status, _ := d.get("http://web.example/"); status != http.StatusOK {
		t.Fatalf("status %d before", status)
	}

	must(t, os.Remove(middle))
	must(t, os.Symlink(filepath.Join(d.dir, "versions", "2.yaml"), middle))
	d.signal(syscall.SIGHUP)
	d.eventually("the reload", func() bool { return d.metric(`borderflow_policy_reloads_total{result="success"} 1`) })
	if status, body := d.get("http://web.example/"); status != http.StatusForbidden || reason(t, body) != "plain HTTP stays inside" {
		t.Errorf("status %d, %s", status, body)
	}
	d.signal(syscall.SIGTERM)
	if code := d.exitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestSigtermLetsOpenFlowsEnd(t *testing.T) {
	d := prepare(t, allowAll).start()
	tunnel := d.tunnel()
	tunnel.echo("before")
	slow := make(chan string, 1)
	go func() {
		response, err := d.client().Get("http://web.example/slow")
		if err != nil {
			slow <- err.Error()
			return
		}
		_, body := contentOf(t, response)
		slow <- body
	}()
	d.eventually("the tunnel and the response to be on their way", func() bool {
		return d.metric(`borderflow_active_connections{kind="client"} 2`) && d.metric(`borderflow_active_connections{kind="tunnel"} 1`)
	})

	d.signal(syscall.SIGTERM)
	d.logged(regexp.MustCompile(`draining\s+\{"deadline": "30s", .*"tunnels": 1`))
	d.eventually("readiness to go", func() bool {
		status, body := d.asks("/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "draining: not ok: shutting down; 1 tunnels")
	})
	d.eventually("new connections to be refused", func() bool {
		connection, err := net.Dial("tcp", d.address)
		if err == nil {
			connection.Close()
		}
		return err != nil
	})
	tunnel.echo("while draining")
	close(d.slow)
	if body := <-slow; body != "first second" {
		t.Errorf("the slow response is %q", body)
	}
	must(t, tunnel.Close())
	if code := d.exitCode(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, d.said.String())
	}
	ended := map[string]string{}
	for _, record := range d.records() {
		ended[record.Destination.Host] = record.Verdict + " " + string(record.Outcome)
	}
	if ended["echo.example"] != "allow completed" || ended["web.example"] != "allow completed" || len(ended) != 2 {
		t.Errorf("recorded: %v", ended)
	}
}

func TestSecondSigtermEndsAtOnce(t *testing.T) {
	d := prepare(t, allowAll).start()
	d.tunnel().echo("open")
	d.signal(syscall.SIGTERM)
	d.logged(regexp.MustCompile(`draining`))
	began := time.Now()
	d.eventually("the process to end", func() bool {
		d.signal(syscall.SIGTERM)
		select {
		case <-d.done:
			return true
		default:
			return false
		}
	})
	if code := d.exitCode(); code != 1 || time.Since(began) > 10*time.Second {
		t.Errorf("exit code %d after %v", code, time.Since(began))
	}
	d.logged(regexp.MustCompile(`stopped before open flows had drained; their records may be missing`))
}

// timeout(1) and some supervisors signal a process and its group.
func TestSigtermThatArrivesTwiceAtOnceIsOne(t *testing.T) {
	d := prepare(t, allowAll).start()
	tunnel := d.tunnel()
	tunnel.echo("before")
	// One after the other: signals that arrive together are one to begin with.
	for began := time.Now(); time.Since(began) < sameSignal/5; time.Sleep(time.Millisecond) {
		d.signal(syscall.SIGTERM)
	}
	d.logged(regexp.MustCompile(`draining`))
	tunnel.echo("after")
	must(t, tunnel.Close())
	if code := d.exitCode(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, d.said.String())
	}
}

func TestBrokenEditLeavesTheLastGoodPolicyInForce(t *testing.T) {
	d := prepare(t, blockHTTP).start()
	const good, bad = "borderflow_policy_last_reload_successful 1", "borderflow_policy_last_reload_successful 0"
	if !d.metric(good) {
		t.Error("the first load does not count as successful")
	}

	d.writePolicy(brokenRule)
	d.eventually("the metric to say that the edit was refused", func() bool { return d.metric(bad) })
	const mistake = `policy.yaml:9:25: unknown name "destnation" (did you mean "destination"?)`
	status, body := d.asks("/readyz")
	if status != http.StatusOK || !strings.Contains(body, "policy: ok, but the last reload failed and the policy before it stays in force: ") ||
		!strings.Contains(body, mistake) {
		t.Errorf("readyz says %d %s", status, body)
	}
	d.logged(regexp.MustCompile(`policy not reloaded, the last good one stays in force\s.*policy\.yaml:9:25: unknown name`))
	if status, body := d.get("http://web.example/"); status != http.StatusForbidden || reason(t, body) != "plain HTTP stays inside" {
		t.Errorf("under the broken edit: status %d, %s", status, body)
	}

	d.writePolicy(blockPOST)
	d.eventually("the repaired policy", func() bool { return d.metric(good) })
	if status, body := d.get("http://web.example/"); status != http.StatusOK || body != "first second" {
		t.Errorf("under the repaired policy: status %d, %s", status, body)
	}
	if status, body := d.asks("/readyz"); status != http.StatusOK || !strings.Contains(body, "policy: ok\n") {
		t.Errorf("readyz says %d %s", status, body)
	}
}
