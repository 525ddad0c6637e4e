package proxy_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/rules/flow"
)

const redactCards = `  - {id: hide-cards, when: 'true', verdict: allow, redact: {categories: [financial]}}
`

// redacting is a world with an origin that says what it received, and a rule that redacts.
func redacting(t *testing.T) *world {
	w := newWorld(t)
	echo := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(r.Body)
		}
		text, err := io.ReadAll(body)
		rw.Header().Set("X-Length", r.Header.Get("Content-Length"))
		rw.Header().Set("X-Digest", r.Header.Get("Content-Digest"))
		if err == nil {
			_, _ = rw.Write(text)
		}
	})
	w.serve("origin.test", echo)
	w.serve("socket.test", echoSocket)
	w.policy(rulesPolicy(redactCards))
	return w.start()
}

func TestValuesAreTakenOutBeforeThePayloadLeaves(t *testing.T) {
	t.Parallel()
	w := redacting(t)
	for _, url := range []string{"http://plain.origin.test/", "https://origin.test/"} {
		request, err := http.NewRequest("POST", url, strings.NewReader(`{"card":"5555555555554444","card2":"5555555555554444","n":1}`))
		must(t, err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Content-Digest", "sha-256=:x:")
		response, err := w.client().Do(request)
		must(t, err)
		text, _ := io.ReadAll(response.Body)
		if strings.Contains(string(text), "4444") || !strings.HasPrefix(string(text), `{"card":"[redacted:`) || !strings.HasSuffix(string(text), `,"n":1}`) {
			t.Errorf("%s: the origin received %s", url, text)
		}
		if response.Header.Get("X-Digest") != "" {
			t.Error("the digest of the original left")
		}
	}
	record := w.record(func(r evidence.Record) bool { return len(r.Redacted) > 0 })
	if record.Verdict != "allow" || record.Outcome != evidence.Completed || record.Redacted[0].Count != 2 {
		t.Errorf("recorded: %s, %s, %v", record.Verdict, record.Outcome, record.Redacted)
	}
}

func TestACompressedPayloadIsRedacted(t *testing.T) {
	t.Parallel()
	w := redacting(t)
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	_, _ = io.WriteString(z, cardMessage)
	must(t, z.Close())
	request, err := http.NewRequest("POST", "https://origin.test/", &body)
	must(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Content-Encoding", "gzip")
	response, err := w.client().Do(request)
	must(t, err)
	if text, _ := io.ReadAll(response.Body); !strings.HasPrefix(string(text), `{"card":"[redacted:`) {
		t.Errorf("the origin received %s", text)
	}
}

func TestWhatCannotBeRedactedIsBlocked(t *testing.T) {
	t.Parallel()
	w := redacting(t)
	for name, c := range map[string]struct{ url, contentType, body string }{
		"malformed JSON":       {"https://origin.test/", "application/json", `{"card":"5555555555554444"`},
		"a value in the query": {"https://origin.test/?card=5555555555554444", "application/json", `{}`},
		"a query without body": {"https://origin.test/?card=5555555555554444", "", ""},
		"XML":                  {"https://origin.test/", "application/xml", `<card>5555555555554444</card>`},
		"an image":             {"https://origin.test/", "image/png", "\x89PNG\r\n\x1a\n"},
		"a large body":         {"https://origin.test/", "text/plain", strings.Repeat("nothing to see\n", 1<<17)},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequest("POST", c.url, strings.NewReader(c.body))
			must(t, err)
			if c.contentType != "" {
				request.Header.Set("Content-Type", c.contentType)
			}
			response, err := w.client().Do(request)
			must(t, err)
			if response.StatusCode != http.StatusForbidden && response.StatusCode != http.StatusRequestEntityTooLarge {
				text, _ := io.ReadAll(response.Body)
				t.Fatalf("status %d: %.100s", response.StatusCode, text)
			}
			if got := refusal(t, response); got.Rule != "hide-cards" || strings.Contains(got.Reason, "4444") {
				t.Errorf("refused by %q: %s", got.Rule, got.Reason)
			}
		})
	}
}

func TestWebSocketMessagesAreRedacted(t *testing.T) {
	t.Parallel()
	w := redacting(t)
	socket := w.socket("wss://socket.test/")
	for _, c := range []struct{ says, hears string }{
		{"hello", "hello"},
		{`{"card":"5555555555554444","n":1}`, `{"card":"[redacted:payment-card-test]","n":1}`},
		{"still there?", "still there?"},
		{strings.Repeat(`{"n":"x"}`, 2_000) + cardMessage, strings.Repeat(`{"n":"x"}`, 2_000) + `{"card":"[redacted:payment-card-test]"}`},
	} {
		got, err := says(t.Context(), socket, c.says)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.hears, strings.ReplaceAll(got, "payment-card]", "payment-card-test]")); diff != "" {
			t.Error(diff[:min(len(diff), 500)])
		}
	}
	must(t, socket.Ping(socket.CloseRead(t.Context())))
	socket.CloseNow()
	record := w.record(func(r evidence.Record) bool { return r.Request.Protocol == "websocket" && len(r.Redacted) > 0 })
	if diff := cmp.Diff(2, sum(record.Redacted)); diff != "" {
		t.Error(diff)
	}
}

func sum(findings []flow.Finding) (n int) {
	for _, f := range findings {
		n += f.Count
	}
	return n
}
