package admin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const certificate = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n"

func always(ready bool, detail string) func(context.Context) (bool, string) {
	return func(context.Context) (bool, string) { return ready, detail }
}

// serve runs a server until the test ends and returns its base URL.
func serve(t *testing.T, options Options) string {
	t.Helper()
	if options.Registry == nil {
		options.Registry = prometheus.NewRegistry()
	}
	server, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve ended with %v", err)
		}
	})
	return "http://" + listener.Addr().String()
}

func ask(t *testing.T, method, url string, header http.Header) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestEndpoints(t *testing.T) {
	base := serve(t, Options{
		Version:     "1.2.3",
		CA:          func() []byte { return []byte(certificate) },
		Reload:      func(context.Context) error { return nil },
		ReloadToken: "let-me-in",
		Checks: []Check{
			{"policy", always(true, "the last reload failed: eu.yaml:14:3: unknown field")},
			{"evidence", always(true, "")},
		},
	})
	bearer := func(token string) http.Header { return http.Header{"Authorization": {token}} }
	for name, test := range map[string]struct {
		method, path string
		header       http.Header
		status       int
		body         string // contained in the body
		allow        string
	}{
		"livez":                       {"GET", "/livez", nil, 200, "ok\n", ""},
		"healthz":                     {"GET", "/healthz", nil, 200, "ok\n", ""},
		"healthz without body":        {"HEAD", "/healthz", nil, 200, "", ""},
		"readyz warns":                {"GET", "/readyz", nil, 200, "policy: ok, but the last reload failed: eu.yaml:14:3: unknown field\nevidence: ok\n", ""},
		"readyz verbose warns":        {"GET", "/readyz?verbose", nil, 200, "policy: ok, but the last reload failed: eu.yaml:14:3: unknown field (", ""},
		"readyz verbose has version":  {"GET", "/readyz?verbose", nil, 200, "version: 1.2.3\n", ""},
		"metrics":                     {"GET", "/metrics", nil, 200, "promhttp_metric_handler_errors_total", ""},
		"CA":                          {"GET", "/ca.pem", nil, 200, certificate, ""},
		"index":                       {"GET", "/", nil, 200, "/readyz", ""},
		"index has the version":       {"GET", "/", nil, 200, "borderflow 1.2.3", ""},
		"unknown path":                {"GET", "/secret", nil, 404, "", ""},
		"reload":                      {"POST", "/-/reload", bearer("Bearer let-me-in"), 200, "reloaded", ""},
		"reload in lower case":        {"POST", "/-/reload", bearer("bearer let-me-in"), 200, "reloaded", ""},
		"reload without token":        {"POST", "/-/reload", nil, 401, "missing or wrong", ""},
		"reload with wrong token":     {"POST", "/-/reload", bearer("Bearer let-me-out"), 401, "missing or wrong", ""},
		"reload with part of it":      {"POST", "/-/reload", bearer("Bearer let-me"), 401, "", ""},
		"reload with another scheme":  {"POST", "/-/reload", bearer("Basic let-me-in"), 401, "", ""},
		"reload by GET":               {"GET", "/-/reload", bearer("Bearer let-me-in"), 405, "", "POST"},
		"writing to livez":            {"POST", "/livez", nil, 405, "", "GET, HEAD"},
		"writing to the metrics":      {"PUT", "/metrics", nil, 405, "", "GET, HEAD"},
		"deleting the CA":             {"DELETE", "/ca.pem", nil, 405, "", "GET, HEAD"},
		"writing to the index":        {"PATCH", "/", nil, 405, "", "GET, HEAD"},
		"posting to readyz with body": {"POST", "/readyz", nil, 405, "", "GET, HEAD"},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := ask(t, test.method, base+test.path, test.header)
			if response.StatusCode != test.status || !strings.Contains(body, test.body) {
				t.Errorf("%d %q, want %d %q", response.StatusCode, body, test.status, test.body)
			}
			if got := response.Header.Get("Allow"); got != test.allow {
				t.Errorf("Allow is %q, want %q", got, test.allow)
			}
			if response.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Error("the content type may be guessed")
			}
		})
	}
}

func TestReadinessFollowsTheChecks(t *testing.T) {
	var draining atomic.Bool
	base := serve(t, Options{Checks: []Check{
		{"policy", always(true, "")},
		{"lifecycle", func(context.Context) (bool, string) {
			if draining.Load() {
				return false, "draining"
			}
			return true, ""
		}},
	}})
	if response, body := ask(t, "GET", base+"/readyz", nil); response.StatusCode != 200 || body != "ready\npolicy: ok\nlifecycle: ok\n" {
		t.Errorf("%d %q", response.StatusCode, body)
	}
	draining.Store(true)
	if response, body := ask(t, "GET", base+"/readyz", nil); response.StatusCode != 503 || body != "not ready\npolicy: ok\nlifecycle: not ok: draining\n" {
		t.Errorf("%d %q", response.StatusCode, body)
	}
	if response, _ := ask(t, "GET", base+"/livez", nil); response.StatusCode != 200 {
		t.Errorf("a proxy that drains counts as dead: %d", response.StatusCode)
	}
}

func TestCheckThatMisbehavesIsNotReady(t *testing.T) {
	for name, test := range map[string]struct {
		probe func(context.Context) (bool, string)
		want  string
	}{
		"panics":        {func(context.Context) (bool, string) { panic("private") }, "not ready\nx: not ok: the check panicked\n"},
		"never answers": {func(ctx context.Context) (bool, string) { <-ctx.Done(); return true, "" }, "not ready\nx: not ok: no answer in time\n"},
		"forges a line": {always(false, "bad\npolicy: ok"), "not ready\nx: not ok: bad policy: ok\n"},
		"says nothing":  {always(false, ""), "not ready\nx: not ok\n"},
		"says too much": {always(false, strings.Repeat("a", 1<<20)), "not ready\nx: not ok: " + strings.Repeat("a", maxDetail) + "…\n"},
	} {
		t.Run(name, func(t *testing.T) {
			base := serve(t, Options{Checks: []Check{{"x", test.probe}}})
			response, body := ask(t, "GET", base+"/readyz", nil)
			if response.StatusCode != 503 || body != test.want {
				t.Errorf("%d %.200q, want 503 %.200q", response.StatusCode, body, test.want)
			}
		})
	}
}

func TestPrivateKeyBesideTheCertificateIsNotServed(t *testing.T) {
	key := "-----BEGIN EC PRIVATE KEY-----\nAQID\n-----END EC PRIVATE KEY-----\n"
	for name, test := range map[string]struct {
		source string
		status int
	}{
		"key first":       {key + certificate, 200},
		"key last":        {certificate + key, 200},
		"key alone":       {key, 404},
		"nothing":         {"", 404},
		"no PEM":          {"hello", 404},
		"text before PEM": {"subject=CN\n" + certificate, 200},
	} {
		t.Run(name, func(t *testing.T) {
			base := serve(t, Options{CA: func() []byte { return []byte(test.source) }})
			response, body := ask(t, "GET", base+"/ca.pem", nil)
			if response.StatusCode != test.status || strings.Contains(body, "KEY") {
				t.Fatalf("%d %q", response.StatusCode, body)
			}
			if test.status == 200 && body != certificate {
				t.Errorf("got %q", body)
			}
		})
	}
}

func TestReloadIsOffWithoutAToken(t *testing.T) {
	base := serve(t, Options{Reload: func(context.Context) error { t.Error("reloaded"); return nil }})
	response, body := ask(t, "POST", base+"/-/reload", http.Header{"Authorization": {"Bearer "}})
	if response.StatusCode != 403 || !strings.Contains(body, "off") {
		t.Errorf("%d %q", response.StatusCode, body)
	}
}

func TestFailedReloadSaysWhyAndThatTheOldPolicyStays(t *testing.T) {
	base := serve(t, Options{ReloadToken: "t", Reload: func(context.Context) error {
		return errors.New("eu.yaml:14:3: unknown field")
	}})
	response, body := ask(t, "POST", base+"/-/reload", http.Header{"Authorization": {"Bearer t"}})
	if response.StatusCode != 500 || !strings.Contains(body, "stay in force: eu.yaml:14:3: unknown field") {
		t.Errorf("%d %q", response.StatusCode, body)
	}
}

func TestReloadsDoNotOverlap(t *testing.T) {
	var running, overlaps, total atomic.Int32
	base := serve(t, Options{ReloadToken: "t", Reload: func(context.Context) error {
		if running.Add(1) > 1 {
			overlaps.Add(1)
		}
		defer running.Add(-1)
		total.Add(1)
		return nil
	}})
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { ask(t, "POST", base+"/-/reload", http.Header{"Authorization": {"Bearer t"}}) })
	}
	group.Wait()
	if overlaps.Load() != 0 || total.Load() != 20 {
		t.Errorf("%d of %d reloads overlapped", overlaps.Load(), total.Load())
	}
}

func TestHeadersThatAreTooLargeAreRefused(t *testing.T) {
	base := serve(t, Options{})
	connection, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "GET /livez HTTP/1.1\r\nHost: x\r\nX-Large: %s", strings.Repeat("a", 16<<10))
	status, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil || !strings.Contains(status, "431") {
		t.Errorf("%q, %v", status, err)
	}
}

func TestRequestInFlightIsAnsweredWhenServeEnds(t *testing.T) {
	reached, release := make(chan struct{}), make(chan struct{})
	server, err := New(Options{Registry: prometheus.NewRegistry(), Checks: []Check{{"slow", func(context.Context) (bool, string) {
		close(reached)
		<-release
		return true, ""
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listener) }()
	status := make(chan int, 1)
	go func() {
		response, _ := ask(t, "GET", "http://"+listener.Addr().String()+"/readyz", nil)
		status <- response.StatusCode
	}()
	<-reached
	cancel()
	select {
	case err := <-ended:
		t.Errorf("Serve ended before its request: %v", err)
	default:
	}
	close(release)
	if got := <-status; got != 200 {
		t.Errorf("status %d", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestServeSaysWhyItsListenerBroke(t *testing.T) {
	server, err := New(Options{Registry: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if err := server.Serve(t.Context(), listener); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	registry := prometheus.NewRegistry()
	probe := always(true, "")
	for name, options := range map[string]Options{
		"no registry":            {},
		"token without reload":   {Registry: registry, ReloadToken: "t"},
		"check without name":     {Registry: registry, Checks: []Check{{"", probe}}},
		"check without probe":    {Registry: registry, Checks: []Check{{"x", nil}}},
		"two checks of one name": {Registry: registry, Checks: []Check{{"x", probe}, {"x", probe}}},
	} {
		if _, err := New(options); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
