package query

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/keep/sealed"
	"github.com/borderflow/borderflow/rules/flow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var started = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// writeLog writes count records, in segments of some 40 KiB: every fifth is blocked, with financial data
// of five people, every third goes to the United States.
func writeLog(t testing.TB, count int, segment int64) string {
	t.Helper()
	directory := filepath.Join(t.TempDir(), "log")
	log, err := evidence.Open(directory, evidence.Options{SegmentBytes: segment, Origin: "test.example/log", Durability: evidence.Relaxed})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- log.Run(context.Background()) }()
	record := new(evidence.Record)
	for i := range count {
		fill(record, i)
		if err := log.Append(t.Context(), record); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(log.Close(context.Background()), <-ended); err != nil {
		t.Fatal(err)
	}
	return directory
}

func fill(record *evidence.Record, i int) {
	record.Reset()
	record.Time, record.ID = started.Add(time.Duration(i)*time.Second), fmt.Sprintf("01900000-0000-7000-8000-%012d", i+1)
	record.Source.Identity = "person@example.com"
	record.Destination.Host, record.Destination.Port = fmt.Sprintf("h%d.api.example.com", i%7), 443
	record.Destination.Country, record.Destination.Confidence = []string{"US", "DE", "CN"}[i%3], 0.9
	record.Destination.Jurisdictions = []flow.Claim{{Country: "US", Source: "catalogue", Confidence: 0.9, Detail: `quote " and ü`}}
	record.Request = evidence.Request{Method: "POST", Scheme: "https", Protocol: "h2"}
	record.Verdict, record.Policy, record.Phase, record.Outcome = "allow", "cards", "body", evidence.Completed
	record.PolicyHash = strings.Repeat("ab", 32)
	record.Policies = []evidence.PolicyVerdict{{Policy: "cards", Verdict: "allow"}}
	record.Bytes.Sent = int64(i)
	record.Duration = 1500 * time.Microsecond
	if i%5 == 4 {
		record.Verdict, record.Rule, record.Outcome = "block", "upload", evidence.Blocked
		record.Data.Categories = evidence.Categories{{Name: "financial", Count: 3, Strength: flow.Strong}}
		record.Data.Findings = evidence.Findings{{Detector: "us-ssn", Count: 2}}
		record.Data.Subjects = 5
	}
}

func compile(t testing.TB, text string) *Condition {
	t.Helper()
	c, err := Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// matching returns the numbers of the records that a run finds.
func matching(t testing.TB, directory, text string, options Options) ([]int, Result) {
	t.Helper()
	var seqs []int
	result, err := Run(t.Context(), directory, compile(t, text), options, func(line []byte) error {
		var r struct{ Seq int }
		seqs = append(seqs, 0)
		err := json.Unmarshal(line, &r)
		seqs[len(seqs)-1] = r.Seq
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return seqs, result
}

func TestConditionsFindTheRecordsThatTheyMean(t *testing.T) {
	directory := writeLog(t, 300, 40<<10)
	blocked := func(i int) bool { return i%5 == 4 }
	for text, want := range map[string]func(i int) bool{
		"":                                 func(int) bool { return true },
		`verdict == "block"`:               blocked,
		`"block" == verdict && rule != ""`: blocked,
		`verdict == "allow" && rule == ""`: func(i int) bool { return !blocked(i) },
		`verdict == "block" || destination.country == "US"`:            func(i int) bool { return blocked(i) || i%3 == 0 },
		`verdict in ["block", "other"] && destination.country == "US"`: func(i int) bool { return blocked(i) && i%3 == 0 },
		`!(verdict == "block")`:                                        func(i int) bool { return !blocked(i) },
		`bytes.sent == 0`:                                              func(i int) bool { return i == 0 },
		`bytes.sent == 17`:                                             func(i int) bool { return i == 17 },
		`bytes.sent > 250 && seq <= 280`:                               func(i int) bool { return i > 250 && i < 280 },
		`data.has("financial")`:                                        blocked,
		`data.count("financial") == 3 && data.found("us-ssn") == 2`:    blocked,
		`data.count("health") > 0 || data.found("iban") > 0`:           func(int) bool { return false },
		`data.subjects >= 5`:                                           blocked,
		`"financial" in data.categories && data.categories["financial"].strength == "strong"`: blocked,
		`data.findings.exists(d, d.startsWith("us-"))`:                                        blocked,
		`destination.under("API.example.com.") && destination.host.startsWith("h3")`:          func(i int) bool { return i%7 == 3 },
		`destination.under("pi.example.com")`:                                                 func(int) bool { return false },
		`destination.jurisdictions.exists(j, j.detail == "quote \" and ü")`:                   func(int) bool { return true },
		`policies.exists(p, p.policy == "cards" && p.rule == "")`:                             func(int) bool { return true },
		`destination.confidence < 0.95 && duration_ms == 1.5`:                                 func(int) bool { return true },
		`time >= timestamp("2026-07-01T12:04:00Z") && time < now`:                             func(i int) bool { return i >= 240 },
		`time.getHours() == 12 && kind == "" && !truncated`:                                   func(int) bool { return true },
		`recovery.reason != "" || size(logged) > 0 || uninspectable`:                          func(int) bool { return false },
		`source.identity_hash.contains(":") && source.identity == ""`:                         func(int) bool { return true },
		`request.method == "POST" && status == 0 && timings.decided_ms == 0.0`:                func(int) bool { return true },
	} {
		var expected []int
		for i := range 300 {
			if want(i) {
				expected = append(expected, i+1)
			}
		}
		got, result := matching(t, directory, text, Options{})
		if diff := cmp.Diff(expected, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		if result.Records != 300 || result.Failed != 0 {
			t.Errorf("%s: %+v", text, result)
		}
	}
}

func TestMistakesNameThePlaceAndTheNearestName(t *testing.T) {
	for text, want := range map[string]string{
		`verdikt == "block"`:                         `query:1:1: unknown name "verdikt" (did you mean "verdict"?)`,
		`destination.contry == "US"`:                 `query:1:12: destination has no field "contry" (did you mean "country"?)`,
		"verdict == \"block\" &&\n  bytes.sendt > 1": `query:2:8: bytes has no field "sendt" (did you mean "sent"?)`,
		`data.hass("x")`:                             `query:1:10: unknown name "hass" (did you mean "has"?)`,
		`bytes.sent`:                                 `query:1:1: the condition is int, expected true or false (bool)`,
		`status == "200"`:                            `query:1:8: found no matching overload for '_==_' applied to '(int, string)'`,
		`verdict ==`:                                 `query:1:11: Syntax error`,
		`id.matches("(")`:                            `query:1:12: invalid matches argument`,
		`a == 1 && b == 2`:                           "query:1:1: unknown name \"a\"",
	} {
		_, err := Compile(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if _, err := Compile(`a == 1 && b == 2`); strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("not all mistakes at once: %v", err)
	}
}

func TestPeriodAndLimitBoundWhatIsFound(t *testing.T) {
	directory := writeLog(t, 300, 20<<10)
	got, result := matching(t, directory, `verdict == "block"`, Options{From: started.Add(10 * time.Second), Until: started.Add(24 * time.Second)})
	if diff := cmp.Diff([]int{15, 20}, got); diff != "" || result.Matches != 2 {
		t.Errorf("%s %+v", diff, result)
	}
	if got, _ := matching(t, directory, "", Options{Limit: 3, From: started.Add(time.Minute)}); !cmp.Equal(got, []int{61, 62, 63}) {
		t.Errorf("found %v", got)
	}
	wanted := errors.New("enough")
	if _, err := Run(t.Context(), directory, compile(t, ""), Options{}, func([]byte) error { return wanted }); !errors.Is(err, wanted) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, directory, compile(t, ""), Options{}, func([]byte) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestSealedSegmentsAreFoundLikePlainOnes(t *testing.T) {
	directory := writeLog(t, 300, 20<<10)
	before, _ := matching(t, directory, `destination.country == "CN"`, Options{})
	segments, err := sealed.Segments(directory)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range segments[:len(segments)-1] {
		if err := sealed.Seal(s.Path); err != nil {
			t.Fatal(err)
		}
	}
	after, _ := matching(t, directory, `destination.country == "CN"`, Options{})
	if len(before) != 100 || !cmp.Equal(before, after) {
		t.Errorf("%d before, %d after", len(before), len(after))
	}
}

func TestWhatIsNoRecordIsCountedAndSaid(t *testing.T) {
	directory := writeLog(t, 20, 1<<20)
	segments, err := sealed.Segments(directory)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(segments[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	text = append([]byte("no record\n{\"seq\":1,\"bytes\":{\"sent\":\"x\"}}\n"), text...)
	if err := os.WriteFile(segments[0].Path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, result := matching(t, directory, `bytes.sent > 1`, Options{})
	if result.Failed != 2 || !strings.Contains(result.First, "without a number: not a record") {
		t.Errorf("%+v", result)
	}
}

func TestColumnsShowWhatIsAskedFor(t *testing.T) {
	columns, err := ParseColumns("seq, destination.host,rule,data.categories")
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(`{"seq":7,"destination":{"host":"a\"b"},"data":{"categories":{"x":{"count":1}}}}`)
	texts, err := columns.Texts(line)
	if diff := cmp.Diff([]string{"7", `a"b`, "", `{"x":{"count":1}}`}, texts); diff != "" || err != nil {
		t.Error(diff, err)
	}
	object, err := columns.JSON(line)
	if want := `{"seq":7,"destination.host":"a\"b","data.categories":{"x":{"count":1}}}`; string(object) != want || err != nil {
		t.Errorf("%s, %v", object, err)
	}
	if _, err := ParseColumns("sequ,destination.hots,policies.policy"); err == nil || !strings.Contains(err.Error(), `did you mean "seq"`) ||
		!strings.Contains(err.Error(), `did you mean "host"`) || !strings.Contains(err.Error(), `"policies.policy"`) {
		t.Errorf("error %v", err)
	}
	if _, err := ParseColumns(DefaultColumns); err != nil {
		t.Error(err)
	}
}

// FuzzFilterKeepsNoMatchOut compares each condition with the same one behind a filter that lets all through.
func FuzzFilterKeepsNoMatchOut(f *testing.F) {
	for _, text := range []string{`verdict == "block" || id == "x"`, `destination.country in ["US", "DE"] && !truncated`, `bytes.sent == 5 || (rule == "upload" && data.has("financial"))`} {
		f.Add(text, `{"schema":"borderflow.flow/1","seq":5,"verdict":"block","destination":{"country":"US"},"bytes":{"sent":5}}`)
	}
	f.Fuzz(func(t *testing.T, text, line string) {
		c, err := Compile(text)
		if err != nil || !json.Valid([]byte(line)) {
			return
		}
		matches, err := c.Matches([]byte(line))
		// Only what borderflow writes is spelled in one way.
		var spelled any
		decoded := json.Unmarshal([]byte(line), &spelled) == nil
		again, _ := json.Marshal(spelled)
		if err == nil && matches && decoded && len(again) == len(line) && !c.filter.passes([]byte(line)) {
			t.Errorf("%s keeps out %s", text, line)
		}
	})
}

func FuzzMembers(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[{"c":"\""}],"d":{}}`))
	f.Add([]byte(`{"a"`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got := map[string]json.RawMessage{}
		err := members(text, func(key, value []byte) { got[string(key)] = value })
		var want map[string]json.RawMessage
		if json.Unmarshal(text, &want) == nil && want != nil && !strings.ContainsAny(string(text), " \t\r\n\\") && json.Valid(text) {
			if err != nil || len(got) != len(want) {
				t.Errorf("%q: %d members, want %d (%v)", text, len(got), len(want), err)
			}
		}
	})
}

func BenchmarkQuery(b *testing.B) {
	const records = 200_000
	directory := writeLog(b, records, 64<<20)
	for name, text := range map[string]string{
		"literal, rare":       `id == "01900000-0000-7000-8000-000000012345"`,
		"literal, one of 5":   `verdict == "block" && destination.country == "US"`,
		"no literal, 1 path":  `bytes.sent > 199990`,
		"no literal, 3 paths": `destination.host.endsWith(".org") || data.subjects > 100 || bytes.sent > 199990`,
	} {
		b.Run(name, func(b *testing.B) {
			c := compile(b, text)
			for b.Loop() {
				if _, err := Run(b.Context(), directory, c, Options{}, func([]byte) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
