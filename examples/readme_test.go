package examples_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy"
	"github.com/borderflow/borderflow/rules/document"
)

// readmeBlock is one fenced block of README.md.
type readmeBlock struct {
	language, text string
	line           int
}

func readmeBlocks(t *testing.T) []readmeBlock {
	t.Helper()
	content, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []readmeBlock
	var open *readmeBlock
	for number, line := range strings.Split(string(content), "\n") {
		switch {
		case open == nil && strings.HasPrefix(line, "```"):
			open = &readmeBlock{language: strings.TrimPrefix(line, "```"), line: number + 1}
		case open != nil && line == "```":
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	return blocks
}

// TestEveryCommandInTheReadmeDoesWhatItSays runs the README's blocks in their order, in a copy of the
// tree, as a newcomer would. example.com is played by a local origin, named by BORDERFLOW_CONFIG.
func TestEveryCommandInTheReadmeDoesWhatItSays(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the whole README; left out by -short")
	}
	for _, tool := range []string{"bash", "curl", "jq", "go"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed, which the README's commands need", tool)
		}
	}
	for _, address := range []string{"127.0.0.1:3128", "127.0.0.1:9128"} {
		probe, err := net.Listen("tcp", address)
		if err != nil {
			t.Skipf("%s, which the README's commands use, is taken", address)
		}
		probe.Close()
	}
	reader := &readmeReader{t: t, dir: t.TempDir()}
	reader.prepare()
	ran := 0
	for _, block := range readmeBlocks(t) {
		if block.language != "sh" {
			continue
		}
		ran++
		t.Run(fmt.Sprintf("line %d", block.line), func(t *testing.T) { reader.follow(t, block.text) })
	}
	reader.stop()
	if ran < 10 {
		t.Errorf("only %d blocks were found", ran)
	}
}

// readmeReader does what the README says.
type readmeReader struct {
	t           *testing.T
	dir         string
	environment []string
	proxy       *exec.Cmd
	proxyLog    *bytes.Buffer
	ended       chan error
}

// prepare copies the tree and starts the origin that plays example.com.
func (r *readmeReader) prepare() {
	for _, name := range []string{"cmd", "proxy", "rules", "certs", "examples", "go.mod", "go.sum", "README.md"} {
		source, target := filepath.Join("..", name), filepath.Join(r.dir, name)
		info, err := os.Stat(source)
		if err != nil {
			r.t.Fatal(err)
		}
		if info.IsDir() {
			err = os.CopyFS(target, os.DirFS(source))
		} else {
			var content []byte
			if content, err = os.ReadFile(source); err == nil {
				err = os.WriteFile(target, content, 0o600)
			}
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
	origin := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		n, _ := io.Copy(io.Discard, q.Body)
		fmt.Fprintf(w, "example.com received %d bytes\n", n)
	}))
	certificate, file := readmeCertificate(r.t, r.dir)
	origin.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	origin.StartTLS()
	r.t.Cleanup(origin.Close)
	config := filepath.Join(r.dir, "readme-world.yaml")
	text := fmt.Sprintf("hosts: {example.com: %q}\nstateDir: .borderflow\nupstream: {trust: [%s], withoutSystemRoots: true}\n"+
		"destination: {exempt: [{name: readme, networks: [127.0.0.1/32], reason: a test}]}\n", origin.Listener.Addr(), file)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.environment = append(os.Environ(), "BORDERFLOW_CONFIG="+config)
	r.t.Cleanup(r.stop)
}

// follow runs one block and checks what the README says of it.
func (r *readmeReader) follow(t *testing.T, block string) {
	switch {
	case strings.HasPrefix(block, "go test"):
		return // this very run
	case strings.HasPrefix(block, "go run ./cmd/borderflow run"):
		r.startProxy(t, block)
		return
	case strings.Contains(block, "quickstart/run.sh"):
		return // TestQuickstart… runs it
	}
	if strings.Contains(block, "evidence/*.jsonl") {
		r.awaitRecord(t) // a reader takes longer to the next command than the log to write
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", block)
	command.Dir, command.Env = r.dir, r.environment
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v\n%s", block, err, out)
	}
	for marker, want := range map[string]string{
		"https://example.com/\n": "example.com received 0 bytes",
		"jq -c":                  `"host":"example.com"`,
		"check policies":         "ok: 1 rule in 1 policy",
		"example.com/orders":     `"rule": "cards-stay-in-the-eu"`,
		"borderflow reference":   "destination.country",
		"borderflow locate":      "DE Germany",
		"borderflow classify --": "financial",
		"classify evaluate":      "all that stand alone",
		"ca trust":               "NODE_EXTRA_CA_CERTS",
		"borderflow explain":     "payment-cards",
	} {
		if strings.Contains(block, marker) && !strings.Contains(string(out), want) {
			t.Errorf("%s\nprinted\n%s\nwithout %q", block, out, want)
		}
	}
}

// awaitRecord waits for the first record.
func (r *readmeReader) awaitRecord(t *testing.T) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		files, _ := filepath.Glob(filepath.Join(r.dir, ".borderflow", "evidence", "*.jsonl"))
		for _, file := range files {
			if info, err := os.Stat(file); err == nil && info.Size() > 0 {
				return
			}
		}
	}
	t.Fatal("no record was written")
}

// startProxy runs a block in the background, in the place of the one before.
func (r *readmeReader) startProxy(t *testing.T, block string) {
	r.stop()
	r.proxy = exec.Command("bash", "-c", "exec "+block)
	r.proxy.Dir, r.proxy.Env = r.dir, r.environment
	r.proxyLog, r.ended = new(bytes.Buffer), make(chan error, 1)
	r.proxy.Stdout, r.proxy.Stderr = r.proxyLog, r.proxyLog
	// `go run` runs the program as its child; both are stopped through their group.
	r.proxy.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	go func(proxy *exec.Cmd, ended chan<- error) { ended <- proxy.Wait() }(r.proxy, r.ended)
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if len(r.ended) > 0 {
			break
		}
		response, err := http.Get("http://127.0.0.1:9128/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
	}
	r.stop()
	t.Fatalf("the proxy did not become ready:\n%s", r.proxyLog.String())
}

func (r *readmeReader) stop() {
	if r.proxy == nil {
		return
	}
	_ = syscall.Kill(-r.proxy.Process.Pid, syscall.SIGTERM)
	<-r.ended
	r.proxy = nil
}

// readmeCertificate certifies example.com by itself and returns the file that is to be trusted.
func readmeCertificate(t *testing.T, dir string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "example.com.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// TestTheReadmesConfigurationIsAccepted keeps the example in step with the fields that there are.
func TestTheReadmesConfigurationIsAccepted(t *testing.T) {
	for _, block := range readmeBlocks(t) {
		if block.language == "yaml" {
			checkReadmeConfiguration(t, block.text)
			return
		}
	}
	t.Error("README.md shows no configuration")
}

func checkReadmeConfiguration(t *testing.T, text string) {
	t.Helper()
	config := proxy.Defaults()
	positions, problems := document.DecodeWithPositions("README.md", []byte(text), &config)
	if problems = append(problems, config.Validate(positions)...); len(problems) > 0 {
		t.Error(problems)
	}
}
