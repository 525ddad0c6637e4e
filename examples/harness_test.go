package examples_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// shop is the quickstart, running: the built origins and the built proxy on ports of their own, with
// the configuration and the policy of examples/quickstart.
type shop struct {
	t       testing.TB
	dir     string // holds the programs, borderflow.yaml, policies/ and state/
	ca      string
	proxy   *process
	address string // of the proxy
	admin   string
}

// lookAtSource has go test know that a test depends on all of the source, which it builds: a cached
// result is then not taken for one of other source.
func lookAtSource(t testing.TB) {
	t.Helper()
	for _, directory := range []string{"cmd", "proxy", "rules", "certs", "examples/quickstart"} {
		must(t, filepath.WalkDir(filepath.Join("..", directory), func(_ string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Name() == "node_modules" {
				return fs.SkipDir
			}
			return err
		}))
	}
}

// openShop builds everything and starts it.
func openShop(t testing.TB) *shop {
	t.Helper()
	lookAtSource(t)
	s := &shop{t: t, dir: t.TempDir()}
	s.ca = filepath.Join(s.dir, "state", "ca", "ca.pem")
	build := exec.Command("go", "build", "-o", s.dir+string(filepath.Separator), "./cmd/borderflow",
		"./examples/quickstart/origins", "./examples/quickstart/client")
	build.Dir = ".."
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the programs: %v\n%s", err, said)
	}

	origins := s.start("origins", "-listen", "127.0.0.1:0", "-ca", filepath.Join(s.dir, "origins.pem"),
		"api.shop.de.example", "api.shop.us.example", "api.shop.unknown.example")
	at := origins.waitFor(regexp.MustCompile(`origins listen on (\S+)`))[1]
	configuration := read(t, "quickstart/borderflow.yaml")
	write(t, filepath.Join(s.dir, "borderflow.yaml"), strings.ReplaceAll(configuration, "127.0.0.1:28443", at))
	must(t, os.Mkdir(filepath.Join(s.dir, "policies"), 0o755))
	write(t, s.policyFile(), read(t, "quickstart/policies/cross-border.yaml"))

	s.proxy = s.start("borderflow", "run", "--config", filepath.Join(s.dir, "borderflow.yaml"),
		"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	ready := s.proxy.waitFor(regexp.MustCompile(`borderflow is ready\s+.*"listen": \["(\S+)"\], "admin": "(\S+)"`))
	s.address, s.admin = ready[1], ready[2]
	return s
}

func (s *shop) policyFile() string { return filepath.Join(s.dir, "policies", "cross-border.yaml") }

// policyHash is what check says of the policy as it stands.
func (s *shop) policyHash() string {
	s.t.Helper()
	said, err := s.command("borderflow", "check", "--config", filepath.Join(s.dir, "borderflow.yaml"), "--output", "json").Output()
	must(s.t, err)
	var answer struct {
		OK   bool
		Hash string
	}
	must(s.t, json.Unmarshal(said, &answer))
	if !answer.OK || answer.Hash == "" {
		s.t.Fatalf("check says %s", said)
	}
	return answer.Hash
}

// allowCardsToUS edits the policy as run.sh does: the rule marks from now on, and a new file takes
// the old one's place.
func (s *shop) allowCardsToUS() {
	s.t.Helper()
	before := read(s.t, s.policyFile())
	rule := strings.Index(before, "id: cards-to-us-need-a-mechanism")
	after := before[:rule] + strings.Replace(before[rule:], "verdict: block", "verdict: log", 1)
	edited := filepath.Join(s.dir, "edited.yaml")
	write(s.t, edited, after)
	must(s.t, os.Rename(edited, s.policyFile()))
}

// client is an HTTP client that goes through the proxy and trusts its CA.
func (s *shop) client() *http.Client {
	s.t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(read(s.t, s.ca))) {
		s.t.Fatal("the CA's file holds no certificate")
	}
	transport := &http.Transport{
		Proxy:             http.ProxyURL(&url.URL{Scheme: "http", Host: s.address}),
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: true,
	}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// command prepares a client program with the environment that run.sh gives its clients.
func (s *shop) command(name string, args ...string) *exec.Cmd {
	if built := filepath.Join(s.dir, name); exists(built) {
		name = built
	}
	command := exec.Command(name, args...)
	command.Env = append(cleanEnvironment(), "HTTPS_PROXY=http://"+s.address, "https_proxy=http://"+s.address,
		"CURL_CA_BUNDLE="+s.ca, "NODE_EXTRA_CA_CERTS="+s.ca, "NODE_USE_ENV_PROXY=1")
	return command
}

// run runs a client program to its end and returns what it printed.
func (s *shop) run(t testing.TB, name string, args ...string) string {
	t.Helper()
	command := s.command(name, args...)
	said, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, said)
	}
	return string(said)
}

// records are the outcomes of flows recorded; the proxy has ended.
func (s *shop) records() []evidence.Record {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "state", "evidence", "*.jsonl"))
	must(s.t, err)
	var records []evidence.Record
	for _, file := range files {
		for record, err := range evidence.Read(strings.NewReader(read(s.t, file))) {
			must(s.t, err)
			if record.Kind == evidence.KindFlow { // and no opening
				records = append(records, *record)
			}
		}
	}
	return records
}

// process is a program that a test has started.
type process struct {
	t       testing.TB
	command *exec.Cmd
	said    lockedBuffer
	done    chan struct{} // closed when it has ended
	err     error         // of its end
}

// start runs one of the built programs until the test ends.
func (s *shop) start(name string, args ...string) *process {
	s.t.Helper()
	p := &process{t: s.t, command: exec.Command(filepath.Join(s.dir, name), args...), done: make(chan struct{})}
	p.command.Env = cleanEnvironment()
	p.command.Stdout, p.command.Stderr = &p.said, &p.said
	must(s.t, p.command.Start())
	go func() {
		defer close(p.done)
		p.err = p.command.Wait()
	}()
	s.t.Cleanup(func() { _ = p.end() })
	return p
}

// end asks the process to end, and returns how it did.
func (p *process) end() error {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.command.Process.Kill()
		<-p.done
	}
	return p.err
}

// waitFor waits until the process has printed what sign matches.
func (p *process) waitFor(sign *regexp.Regexp) []string {
	p.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if found := sign.FindStringSubmatch(p.said.String()); found != nil {
			return found
		}
		select {
		case <-p.done:
			p.t.Fatalf("%s ended: %v\n%s", p.command.Path, p.err, p.said.String())
		default:
		}
	}
	p.t.Fatalf("%s did not print %s:\n%s", p.command.Path, sign, p.said.String())
	return nil
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

// cleanEnvironment is this process's, without what would turn clients or the proxy another way.
func cleanEnvironment() []string {
	var clean []string
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(strings.ToUpper(variable), "=")
		if !strings.HasPrefix(name, "BORDERFLOW_") && !strings.HasPrefix(name, "QUICKSTART_") && !strings.HasSuffix(name, "_PROXY") {
			clean = append(clean, variable)
		}
	}
	return clean
}

// problem is what a test reads of a refusal (RFC 9457).
type problem struct {
	Status     int      `json:"status"`
	Reason     string   `json:"reason"`
	FlowID     string   `json:"flow_id"`
	Rule       string   `json:"rule"`
	PolicyHash string   `json:"policy_hash"`
	LegalBasis string   `json:"legal_basis"`
	Contact    string   `json:"contact"`
	Country    string   `json:"destination_country"`
	Categories []string `json:"categories"`
}

// post sends body as JSON and returns the status, and the problem if it was refused.
func post(client *http.Client, url string, body io.Reader) (int, problem, error) {
	response, err := client.Post(url, "application/json", body)
	if err != nil {
		return 0, problem{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, problem{}, err
	}
	var p problem
	if err := json.Unmarshal(content, &p); err != nil {
		return 0, p, fmt.Errorf("status %d: %w", response.StatusCode, err)
	}
	if refused := response.Header.Get("Content-Type") == "application/problem+json"; refused != (response.StatusCode != http.StatusOK) {
		return 0, p, fmt.Errorf("status %d with content type %q", response.StatusCode, response.Header.Get("Content-Type"))
	}
	return response.StatusCode, p, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func read(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	return string(content)
}

func write(t testing.TB, path, content string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
