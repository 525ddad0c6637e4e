package certs

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestStepsNameTheCertificateByItsAbsolutePath(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(here, "my ca", "it's.pem")
	seen := map[string]bool{}
	for _, step := range TrustSteps("my ca/it's.pem") {
		if step.Client == "" || step.Command == "" || seen[step.Client] {
			t.Errorf("step %+v is empty or a repetition", step)
		}
		seen[step.Client] = true
		switch {
		case strings.Contains(step.Command, shellQuote(path)), strings.Contains(step.Command, `"`+path+`"`), strings.Contains(step.Command, bundle):
		default:
			t.Errorf("%s: %q names neither the certificate nor the bundle", step.Client, step.Command)
		}
	}
	for _, client := range []string{"Debian, Ubuntu", "RHEL, Fedora", "macOS", "Windows", "curl", "Node.js", "Python (requests)", "pip", "Java", "Go", "git", "AWS CLI", "Deno"} {
		if !seen[client] {
			t.Errorf("no step for %s", client)
		}
	}
	if _, err := json.Marshal(TrustSteps(path)); err != nil {
		t.Error(err)
	}
}

func TestInstructionsPrintEveryStep(t *testing.T) {
	text := TrustInstructions("/var/lib/borderflow/ca/ca.pem")
	for _, step := range TrustSteps("/var/lib/borderflow/ca/ca.pem") {
		mustContain(t, text, "\n"+step.Client, "\n  "+step.Command+"\n", step.Note)
	}
}

func TestStepsAreValidShell(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("sh is not installed")
	}
	for _, step := range TrustSteps("/some where/it's $HOME;`rm`.pem") {
		if step.Client == "Windows" {
			continue
		}
		if output, err := exec.CommandContext(t.Context(), shell, "-n", "-c", step.Command).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", step.Client, err, output)
		}
	}
}

const (
	pythonGet = `import sys, urllib.request as u
print(u.build_opener(u.ProxyHandler({})).open(sys.argv[1]).read().decode())`
	requestsGet = `import sys, requests
print(requests.get(sys.argv[1]).text)`
	nodeGet = `require("https").get(process.argv[1], r => r.on("data", d => process.stdout.write(d)))
	.on("error", e => { console.error(e.message); process.exit(1) })`
	javaGet = `public class Get {
	public static void main(String[] a) throws Exception {
		System.out.write(new java.net.URL(a[0]).openStream().readAllBytes());
		System.out.flush();
	}
}`
)

// TestClientsTrustTheAuthorityAfterTheirStep runs the steps as printed, in a home directory of their own,
// and then the client against a server with a minted certificate. Steps that change the whole system are
// not run.
func TestClientsTrustTheAuthorityAfterTheirStep(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the steps differ between systems; this runs those for Linux")
	}
	authority := newAuthority(t)
	url := serveHTTPS(t, ServerConfig(newMinter(t, authority, Options{}), "h2", "http/1.1"))
	java := writeFile(t, filepath.Join(t.TempDir(), "Get.java"), javaGet, 0o600)
	cases := []struct {
		step    string
		program string // what has to be installed
		get     string // prints the answer to $URL
	}{
		{"curl", "curl", `curl -sS --noproxy '*' "$URL"`},
		{"Node.js", "node", `node -e '` + nodeGet + `' "$URL"`},
		{"Python (ssl, urllib, httpx)", "python3", `python3 -c '` + pythonGet + `' "$URL"`},
		{"Python (requests)", "python3", `python3 -c '` + requestsGet + `' "$URL"`},
		{"Go", os.Args[0], `"$SELF"`},
		{"Java, without changing the JDK", "keytool", `java ` + java + ` "$URL"`},
	}
	for _, c := range cases {
		t.Run(c.step, func(t *testing.T) {
			t.Parallel()
			requireClient(t, c.program, c.step)
			home := t.TempDir()
			steps := map[string]string{}
			for _, step := range TrustSteps(authority.Files()[0]) {
				steps[step.Client] = step.Command
			}
			script := steps[c.step] + "\n" + c.get
			if strings.Contains(script, bundle) {
				script = steps["Bundle"] + "\n" + script
			}
			run := func(script string) (string, error) {
				command := exec.CommandContext(t.Context(), "sh", "-e", "-c", script)
				command.Env = clientEnvironment(home, url)
				output, err := command.CombinedOutput()
				return string(output), err
			}
			if output, err := run(c.get); err == nil {
				t.Fatalf("the client trusts the authority without being told:\n%s", output)
			}
			output, err := run(script)
			if err != nil || !strings.Contains(output, "trusted connection") {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}

// requireClient skips the test, and says why, where the client cannot run.
func requireClient(t *testing.T, program, step string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not installed", program)
	}
	if _, err := os.Stat("/etc/ssl/certs/ca-certificates.crt"); err != nil {
		t.Skip("this system has no bundle of public roots where Debian has it")
	}
	switch {
	case strings.Contains(step, "requests"):
		if exec.CommandContext(t.Context(), program, "-c", "import requests").Run() != nil {
			t.Skip("the Python package requests is not installed")
		}
	case strings.HasPrefix(step, "Java"):
		if testing.Short() {
			t.Skip("starting Java takes seconds; not in short mode")
		}
		if _, err := os.Stat(filepath.Join(javaHome(), "lib/security/cacerts")); err != nil {
			t.Skip("no JDK with a store of roots")
		}
		if exec.CommandContext(t.Context(), "java", "--list-modules").Run() != nil {
			t.Skip("java does not run or is older than 9")
		}
	}
}

func javaHome() string {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		return home
	}
	keytool, err := exec.LookPath("keytool")
	if err != nil {
		return ""
	}
	if keytool, err = filepath.EvalSymlinks(keytool); err != nil {
		return ""
	}
	return filepath.Dir(filepath.Dir(keytool))
}

// clientEnvironment has nothing in it that makes a client use a proxy or other roots.
func clientEnvironment(home, url string) []string {
	environment := []string{"HOME=" + home, "URL=" + url, "SELF=" + os.Args[0], "NO_PROXY=*", "JAVA_HOME=" + javaHome(),
		childMode + "=get", childArgument + "=" + url}
	for _, name := range []string{"PATH", "PYENV_ROOT", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			environment = append(environment, name+"="+value)
		}
	}
	return environment
}

// serveHTTPS answers every request at https://localhost:port.
func serveHTTPS(t *testing.T, config *tls.Config) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "trusted connection")
		}),
		TLSConfig: config,
		// Java sends no SNI for a name without a dot.
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context { return WithFallbackHost(ctx, "localhost") },
		ReadTimeout: 30 * time.Second,
		ErrorLog:    log.New(io.Discard, "", 0), // the clients that do not trust yet
	}
	done := make(chan struct{})
	go func() { defer close(done); server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() { server.Close(); <-done })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return "https://localhost:" + port + "/"
}
