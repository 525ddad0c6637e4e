package delivery

import (
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// collecting starts c over TLS and returns the sink that is configured for it.
func collecting(t testing.TB, c *collector) Sink {
	t.Helper()
	server := httptest.NewTLSServer(c)
	t.Cleanup(server.Close)
	return Sink{Name: "collector", Kind: "otlp", Endpoint: server.URL + "/v1/logs", TLS: TLS{CA: writeCA(t, server)}}
}

func writeCA(t testing.TB, server *httptest.Server) string {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	return ca
}

func TestCollectorGetsLogRecordsOverTLS(t *testing.T) {
	l, c := newLog(t), new(collector)
	line := strings.Replace(lineOf(1), `"status":451`, `"trace":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","status":451`, 1)
	l.rotate()
	l.raw(line)
	l.next = 2
	l.write(999)
	sink := collecting(t, c)
	sink.HeadersFile = filepath.Join(t.TempDir(), "headers")
	must(t, os.WriteFile(sink.HeadersFile, []byte("# for the collector\n\nAuthorization: Bearer a-token\n"), 0o600))
	d := start(t, l, t.TempDir(), sink)
	eventually(t, "all records", func() bool { return reached(c.got(t), 1000) })
	d.stop()
	inOrder(t, c.got(t), 1000)
	if got := c.headers.Get("Authorization"); got != "Bearer a-token" {
		t.Errorf("Authorization: %q", got)
	}
	body := strings.TrimSuffix(line, "\n")
	got := c.records[0]
	got.ObservedTimeUnixNano = ""
	want := logRecord{TimeUnixNano: "1772364615123456789", SeverityNumber: 13, SeverityText: "WARN", EventName: "borderflow.flow",
		Body: anyValue{String: &body}, Flags: 1, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", SpanID: "00f067aa0ba902b7",
		Attributes: []keyValue{text("log.record.uid", "flow-1"), text("borderflow.flow.id", "flow-1"), text("borderflow.outcome", "blocked"),
			text("borderflow.verdict", "block"), text("borderflow.policy", "eu"), text("borderflow.rule", "no-contacts-abroad"),
			text("borderflow.destination.country", "US"), text("server.address", "api.example.com"), text("http.request.method", "POST"),
			number("borderflow.seq", 1), number("server.port", 443), number("http.response.status_code", 451)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCollectorThatIsDownForAWhileMissesNothing(t *testing.T) {
	for _, status := range []int{429, 500, 502, 503, 504, 401, 404} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			l := newLog(t)
			l.write(600)
			c := &collector{answer: func(n int, w http.ResponseWriter, _ int) bool {
				if n%3 != 0 {
					w.WriteHeader(status)
					return false
				}
				return true
			}}
			d := start(t, l, t.TempDir(), collecting(t, c))
			l.write(600)
			eventually(t, "all records", func() bool { return reached(c.got(t), 1200) })
			d.stop()
			inOrder(t, c.got(t), 1200)
			if stats := d.Stats()[0]; stats.Failures == 0 || stats.Rejected != 0 || stats.LastError != "" {
				t.Errorf("stats: %+v", stats)
			}
		})
	}
}

func TestAnswerThatIsLostHasRecordsSentAgain(t *testing.T) {
	l := newLog(t)
	l.write(1200)
	c := new(collector)
	c.answer = func(n int, w http.ResponseWriter, _ int) bool {
		if n == 1 {
			conn, _, err := w.(http.Hijacker).Hijack()
			must(t, err)
			conn.Close() // taken, but the client does not learn it
		}
		return true
	}
	d := start(t, l, t.TempDir(), collecting(t, c))
	eventually(t, "all records", func() bool { return reached(c.got(t), 1200) })
	d.stop()
	inOrder(t, c.got(t), 1200)
}

func TestRetryAfterIsHonoured(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for field, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "Sun, 01 Mar 2026 12:00:30 GMT": 30 * time.Second, "99999999999999": 0,
	} {
		if got := retryAfter(field, now); got != want {
			t.Errorf("%q: %v, want %v", field, got, want)
		}
	}
	l := newLog(t)
	l.write(1)
	var first, second time.Time
	c := &collector{answer: func(n int, w http.ResponseWriter, _ int) bool {
		if n == 1 {
			first = time.Now()
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return false
		}
		second = time.Now()
		return true
	}}
	d := start(t, l, t.TempDir(), collecting(t, c))
	eventually(t, "the record", func() bool { return reached(c.got(t), 1) })
	d.stop()
	if waited := second.Sub(first); waited < time.Second {
		t.Errorf("tried again after %v, the server had asked for 1 s", waited)
	}
}

func TestRecordsThatAreRejectedAreCountedAndNotSentAgain(t *testing.T) {
	l := newLog(t)
	l.write(10)
	c := &collector{answer: func(n int, w http.ResponseWriter, records int) bool {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		fmt.Fprint(w, `{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"quoted secret"}}`)
		return false
	}}
	d := start(t, l, t.TempDir(), collecting(t, c))
	eventually(t, "the answer", func() bool { return d.Stats()[0].Delivered == 10 })
	d.stop()
	stats := d.Stats()[0]
	if stats.Rejected != 3 || c.posts != 1 || !strings.Contains(stats.LastError, "3 of 10") || strings.Contains(stats.LastError, "secret") {
		t.Errorf("%d posts, stats: %+v", c.posts, stats)
	}
}

func TestOneBadRecordDoesNotTakeOthersWithIt(t *testing.T) {
	l := newLog(t)
	l.write(100)
	// The server takes no request of more than 40 records, and never the record with number 77.
	c := new(collector)
	front := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.ServeHTTP(w, r) })
	c.answer = func(n int, w http.ResponseWriter, records int) bool {
		if records > 40 {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return false
		}
		return true
	}
	var hold atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hold.Load() {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		front(w, r)
	}))
	defer server.Close()
	d := start(t, l, t.TempDir(), Sink{Name: "collector", Kind: "otlp", Endpoint: server.URL + "/v1/logs", Plaintext: true})
	eventually(t, "the hundred", func() bool { return d.Stats()[0].Delivered == 100 })
	hold.Store(true)
	l.write(1)
	eventually(t, "the refusal", func() bool { return d.Stats()[0].Rejected == 1 })
	hold.Store(false)
	l.write(1)
	eventually(t, "the one behind it", func() bool { return reached(c.got(t), 102) })
	d.stop()
	inOrder(t, append(c.got(t)[:100:100], 101, 102), 102)
	if reached(c.got(t), 101) {
		t.Error("the refused record was taken")
	}
}

func TestCollectorWithAnotherCertificateGetsNothing(t *testing.T) {
	l, c := newLog(t), new(collector)
	l.write(1)
	sink := collecting(t, c)
	sink.TLS.CA, _, _ = certified(t) // another authority
	d := start(t, l, t.TempDir(), sink)
	eventually(t, "a failure", func() bool { return d.Stats()[0].Failures > 2 })
	d.stop()
	if c.posts != 0 || !strings.Contains(d.Stats()[0].LastError, "certificate") {
		t.Errorf("%d posts, %q", c.posts, d.Stats()[0].LastError)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	l := newLog(t)
	l.write(1)
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	d := start(t, l, t.TempDir(), Sink{Name: "collector", Kind: "otlp", Endpoint: server.URL, Plaintext: true})
	eventually(t, "a failure", func() bool { return d.Stats()[0].Failures > 2 })
	d.stop()
	if elsewhere.Load() != 0 || d.Stats()[0].Delivered != 0 {
		t.Error("the redirect was followed")
	}
}

func TestRequiredSinkThatIsBehindIsNotReady(t *testing.T) {
	l, state := newLog(t), t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := listener.Addr().String()
	listener.Close()
	sinks := []Sink{
		{Name: "must", Kind: "syslog", Address: address, Plaintext: true, Required: true, MaxLag: MaxLag{Records: 5}},
		{Name: "may", Kind: "syslog", Address: address, Plaintext: true},
	}
	l.write(5)
	d := start(t, l, state, sinks...)
	eventually(t, "the lag to be seen", func() bool { return d.Stats()[0].LagRecords == 5 && d.Stats()[0].Failures > 0 })
	if err := d.Ready(); err != nil {
		t.Errorf("within its bound: %v", err)
	}
	l.write(1)
	eventually(t, "the sink to be too far behind", func() bool { return d.Ready() != nil })
	if err := d.Ready(); !strings.Contains(err.Error(), `evidence sink "must" is 6 records and`) || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), `"may"`) {
		t.Errorf("ready says %v", err)
	}
	server := &syslogServer{address: address}
	server.start(t)
	eventually(t, "it to catch up", func() bool { return d.Ready() == nil && d.Stats()[1].LagRecords == 0 })
	d.stop()
}

func TestLagIsOfTheOldestRecordThatWaits(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(1_780_000_000+int64(s), 0) }
	l := lag{since: at(0)}
	l.observe(10, at(100)) // waiting since the process before
	check := func(now int, records uint64, age time.Duration) {
		t.Helper()
		if r, a := l.read(at(now)); r != records || a != age {
			t.Errorf("at %d: %d records, %v; want %d, %v", now, r, a, records, age)
		}
	}
	check(100, 10, 100*time.Second)
	l.arrived(10)
	check(101, 0, 0)
	l.observe(20, at(110))
	l.observe(30, at(120))
	check(130, 20, 20*time.Second)
	l.arrived(15)
	check(130, 15, 20*time.Second)
	l.arrived(20)
	check(130, 10, 10*time.Second)
	for i := range 5 * maxSamples {
		l.observe(uint64(31+i), at(200+i))
	}
	if len(l.samples) > maxSamples {
		t.Errorf("%d samples are kept", len(l.samples))
	}
	check(300, 5*maxSamples+10, 180*time.Second)
	l.observe(5, at(6000)) // the log was set back
	check(6001, 0, 0)
}
