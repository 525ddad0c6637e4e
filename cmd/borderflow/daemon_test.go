package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"go.uber.org/goleak"
)

// patience bounds every wait of these tests.
const patience = 20 * time.Second

// daemon is "borderflow run" in a process of its own. Two hosts stand in Germany and are played by this
// machine: web.example, an HTTP origin on port 80, and echo.example, which sends back what it gets.
type daemon struct {
	t     testing.TB
	dir   string // working directory, with borderflow.yaml, policies/ and state/
	slow  chan struct{}
	extra string // further lines of borderflow.yaml

	command *exec.Cmd
	said    lockedBuffer
	done    chan struct{} // closed when the process has ended
	address string        // that clients connect to
	admin   string
}

// prepare makes a directory with a configuration and policy, without starting anything.
func prepare(t *testing.T, policy string) *daemon {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) }) // first registered, last to run
	d := &daemon{t: t, dir: t.TempDir(), slow: make(chan struct{}), done: make(chan struct{})}
	d.writePolicy(policy)
	return d
}

// start runs the process until the test ends, with files that stand for what its policy is about.
func (d *daemon) start() *daemon {
	d.t.Helper()
	d.write("borderflow.yaml", fmt.Sprintf(`listen:
  - address: 127.0.0.1:0
admin:
  listen: 127.0.0.1:0
stateDir: state
policy:
  dir: policies
hosts:
  web.example: %s
  echo.example: %s
jurisdiction:
  catalogue:
    - match: .example
      countries: [DE]
destination:
  exempt:
    - name: this-machine
      hosts: [.example]
      networks: [127.0.0.1/32]
      reason: origins of a test
`, d.webOrigin(), d.echoOrigin())+d.extra)
	d.command = exec.Command("borderflow", "run", "--config", "borderflow.yaml")
	d.command.Dir = d.dir
	d.command.Stdout, d.command.Stderr = &d.said, &d.said
	must(d.t, d.command.Start())
	go func() {
		defer close(d.done)
		_ = d.command.Wait()
	}()
	d.t.Cleanup(func() {
		_ = d.command.Process.Kill()
		<-d.done
	})
	ready := d.logged(regexp.MustCompile(`borderflow is ready\s+\{"listen": \["(\S+)"\], "admin": "(\S+)"`))
	d.address, d.admin = ready[1], ready[2]
	return d
}

// webOrigin answers when it has the request, and on /slow in two parts with d.slow between them.
func (d *daemon) webOrigin() string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, "first ")
		if r.URL.Path == "/slow" {
			_ = http.NewResponseController(w).Flush()
			<-d.slow
		}
		fmt.Fprint(w, "second")
	}))
	d.t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// echoOrigin sends back what it gets.
func (d *daemon) echoOrigin() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(d.t, err)
	var open sync.WaitGroup
	open.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer connection.Close()
				_, _ = io.Copy(connection, connection)
			})
		}
	})
	d.t.Cleanup(func() {
		listener.Close()
		open.Wait()
	})
	return listener.Addr().String()
}

// signal sends sig to the process.
func (d *daemon) signal(sig os.Signal) {
	d.t.Helper()
	if err := d.command.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		d.t.Fatal(err)
	}
}

// exitCode waits for the process to end by itself.
func (d *daemon) exitCode() int {
	d.t.Helper()
	select {
	case <-d.done:
	case <-time.After(patience):
		d.t.Fatalf("the process does not end:\n%s", d.said.String())
	}
	return d.command.ProcessState.ExitCode()
}

// logged waits until the process has printed what sign matches.
func (d *daemon) logged(sign *regexp.Regexp) (found []string) {
	d.t.Helper()
	d.eventually("the log to say "+sign.String(), func() bool {
		found = sign.FindStringSubmatch(d.said.String())
		return found != nil
	})
	return found
}

// eventually waits for a condition.
func (d *daemon) eventually(what string, condition func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.t.Fatalf("waited in vain for %s:\n%s", what, d.said.String())
		}
	}
}

// client goes through the proxy, on a connection of its own for each request.
func (d *daemon) client() *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: d.address}), DisableKeepAlives: true,
	}}
}

// get fetches url through the proxy.
func (d *daemon) get(url string) (int, string) {
	d.t.Helper()
	response, err := d.client().Get(url)
	must(d.t, err)
	return contentOf(d.t, response)
}

// asks fetches path from the admin listener.
func (d *daemon) asks(path string) (int, string) {
	d.t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + d.admin + path)
	must(d.t, err)
	return contentOf(d.t, response)
}

func contentOf(t testing.TB, response *http.Response) (int, string) {
	t.Helper()
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	must(t, err)
	return response.StatusCode, string(content)
}

// metric reports whether /metrics has this line.
func (d *daemon) metric(line string) bool {
	d.t.Helper()
	_, metrics := d.asks("/metrics")
	return strings.Contains(metrics, "\n"+line+"\n")
}

// tunnel opens a tunnel to echo.example.
func (d *daemon) tunnel() *tunnel {
	d.t.Helper()
	connection, err := net.Dial("tcp", d.address)
	must(d.t, err)
	d.t.Cleanup(func() { connection.Close() })
	must(d.t, connection.SetDeadline(time.Now().Add(patience)))
	fmt.Fprint(connection, "CONNECT echo.example:443 HTTP/1.1\r\nHost: echo.example:443\r\n\r\n")
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, &http.Request{Method: http.MethodConnect})
	must(d.t, err)
	if response.StatusCode != http.StatusOK {
		d.t.Fatalf("CONNECT is answered with %s", response.Status)
	}
	return &tunnel{d.t, connection, reader}
}

type tunnel struct {
	t testing.TB
	net.Conn
	reader *bufio.Reader
}

// echo sends a line and expects it back.
func (t *tunnel) echo(line string) {
	t.t.Helper()
	_, err := io.WriteString(t.Conn, line+"\n")
	must(t.t, err)
	got, err := t.reader.ReadString('\n')
	must(t.t, err)
	if got != line+"\n" {
		t.t.Errorf("the tunnel brought %q, want %q", got, line)
	}
}

// records are the flows recorded; the process has ended.
func (d *daemon) records() []evidence.Record {
	d.t.Helper()
	files, err := filepath.Glob(filepath.Join(d.dir, "state", "evidence", "*.jsonl"))
	must(d.t, err)
	var records []evidence.Record
	for _, file := range files {
		content, err := os.ReadFile(file)
		must(d.t, err)
		for record, err := range evidence.Read(bytes.NewReader(content)) {
			must(d.t, err)
			records = append(records, *record)
		}
	}
	return records
}

func (d *daemon) write(name, content string) {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	must(d.t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(d.t, os.WriteFile(path, []byte(content), 0o600))
}

// writePolicy moves a policy of these rules into place.
func (d *daemon) writePolicy(rules string) {
	d.t.Helper()
	d.write("next.yaml", policyOf(rules))
	must(d.t, os.MkdirAll(filepath.Join(d.dir, "policies"), 0o755))
	must(d.t, os.Rename(filepath.Join(d.dir, "next.yaml"), filepath.Join(d.dir, "policies", "policy.yaml")))
}

// policyOf is a policy that allows what its rules do not stop, and looks into nothing.
func policyOf(rules string) string {
	return `apiVersion: borderflow/v1
kind: Policy
name: test
default: allow
inspect:
  - when: "true"
    level: none
` + rules
}

// reason is that of a problem (RFC 9457).
func reason(t testing.TB, body string) string {
	t.Helper()
	var p struct{ Reason string }
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("%q is no problem: %v", body, err)
	}
	return p.Reason
}

// lockedBuffer is a buffer that a process writes while a test reads.
type lockedBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
