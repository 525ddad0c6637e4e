package replay_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/formula"
	"github.com/borderflow/borderflow/rules/replay"
)

func policy(t testing.TB, rulesText string) *rules.Policy {
	t.Helper()
	p, problems := rules.Parse(map[string][]byte{"p.yaml": []byte(
		"apiVersion: borderflow/v1\nkind: Policy\nname: p\ndefault: allow\nrules:\n" + rulesText)})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return p
}

// recorded returns a flow as a record keeps it: without path, query and headers.
func recorded(change func(*flow.Flow)) *flow.Flow {
	f := formula.Neutral()
	f.Started = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	f.Request = flow.Request{State: flow.Pending, Method: "GET", Scheme: "https", Protocol: "http/1.1"}
	change(f)
	return f
}

func TestVerdictsThatNeedWhatIsNotRecordedAreNotGuessed(t *testing.T) {
	known := func(*flow.Flow) {}
	post := func(f *flow.Flow) { f.Request.Method = "POST" }
	unread := func(f *flow.Flow) { f.Data = flow.Data{State: flow.Pending} }
	tunnel := func(f *flow.Flow) {
		f.Request = flow.Request{State: flow.Unavailable, Method: "CONNECT", Protocol: "connect"}
		f.Data = flow.Data{State: flow.Unavailable}
	}
	crossing := func(f *flow.Flow) {
		f.Source.Country, f.Source.CountryState = "DE", flow.Known
		f.Destination.Location, f.Destination.LocationState = flow.Location{Country: "US"}, flow.Known
	}
	for _, test := range []struct {
		name, when string
		flow       func(*flow.Flow)
		expected   string
	}{
		{"the method is kept", `request.method == "POST"`, post, "changed"},
		{"another method", `request.method == "POST"`, known, "unchanged"},
		{"the path is not kept", `request.path.startsWith("/upload")`, known, "request"},
		{"an empty path is not assumed", `request.path == ""`, known, "request"},
		{"nor a missing header", `request.header("X-Label") == ""`, known, "request"},
		{"nor a query", `!request.query.contains("x")`, known, "request"},
		{"nor a size", `request.size == 0`, known, "request"},
		{"the method alone excludes the rule", `request.method == "POST" && request.path.startsWith("/upload")`, known, "unchanged"},
		{"the method alone suffices for the rule", `request.method == "POST" || request.path.startsWith("/upload")`, post, "changed"},
		{"the method leaves it open", `request.method == "POST" && request.path.startsWith("/upload")`, post, "request"},
		{"the destination excludes the rule", `destination.port == 1 && request.path == "/"`, known, "unchanged"},
		{"a payload that was not read", `data.has("personal")`, unread, "data"},
		{"a payload that was read", `data.has("personal")`, known, "unchanged"},
		{"a payload that does not matter", `data.has("personal") && destination.port == 1`, unread, "unchanged"},
		{"entropy is not kept", `data.entropy > 7.5`, func(f *flow.Flow) { f.Data.Bytes = 100 }, "data"},
		{"nor that of a payload that could not be read", `data.entropy < 7.5`, func(f *flow.Flow) { f.Data.Coverage = flow.CoveragePartial }, "data"},
		{"an empty payload has none", `data.entropy > 7.5`, known, "unchanged"},
		{"both countries are kept", `transfer.crossesBorder`, crossing, "changed"},
		{"and so is that there is none", `transfer.crossesBorder`, known, "unchanged"},
		{"an identity that is not kept", `source.identity == "a"`, func(f *flow.Flow) { f.Source.IdentityState = flow.Pending }, "connection"},
		{"a tunnel is as uninspectable as it was", `request.path == "/x"`, tunnel, "changed"},
		{"functions of the method count as well", `request.method.lowerAscii() == "get"`, known, "changed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := replay.New(policy(t, "  - id: a\n    verdict: block\n    when: |\n      "+test.when+"\n"), replay.Options{})
			r.Add(replay.Case{Flow: recorded(test.flow), Verdict: "allow"})
			report := r.Report()
			got := map[bool]string{report.Unchanged == 1: "unchanged", report.Changed == 1: "changed", report.Missing.Request == 1: "request",
				report.Missing.Data == 1: "data", report.Missing.Connection == 1: "connection"}[true]
			if got != test.expected {
				t.Errorf("%s, expected %s: %+v", got, test.expected, report)
			}
		})
	}
}

// TestAReplayNeverContradictsTheDecisionOnTheWholeFlow compares verdicts on records with the verdicts
// on the flows that they are records of.
func TestAReplayNeverContradictsTheDecisionOnTheWholeFlow(t *testing.T) {
	p := policy(t, `
  - {id: a, verdict: allow, when: 'request.method == "PUT" && request.path.startsWith("/public")'}
  - {id: b, verdict: block, when: 'request.method in ["PUT", "POST"] && request.header("X-Label") != "ok"'}
  - {id: c, verdict: block, when: 'destination.port == 8080 || request.path.contains("secret")'}
  - {id: d, verdict: allow, when: 'request.scheme == "http" ? request.path == "/" : request.method == "GET"'}
  - {id: e, verdict: block, when: 'request.size > 10 && request.protocol == "grpc"'}
`)
	decided := 0
	for i := range 4 * 3 * 2 * 2 * 3 * 2 * 2 {
		pick := func(n int) int { v := i % n; i /= n; return v }
		whole := formula.Neutral()
		whole.Started = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
		whole.Request.Method = []string{"GET", "PUT", "POST", "DELETE"}[pick(4)]
		whole.Request.Path = []string{"/", "/public/x", "/secret"}[pick(3)]
		whole.Request.Scheme = []string{"https", "http"}[pick(2)]
		whole.Destination.Port = []uint16{443, 8080}[pick(2)]
		whole.Request.Protocol = []string{"http/1.1", "h2", "grpc"}[pick(3)]
		whole.Request.Size = []int64{-1, 100}[pick(2)]
		whole.Request.Header = http.Header{"X-Label": {[]string{"", "ok"}[pick(2)]}}
		kept := *whole
		kept.Request = flow.Request{State: flow.Pending, Method: whole.Request.Method, Scheme: whole.Request.Scheme, Protocol: whole.Request.Protocol}
		r := replay.New(p, replay.Options{})
		r.Add(replay.Case{Flow: &kept, Verdict: p.DecideAt(whole, flow.Body, whole.Started).Verdict.String()})
		report := r.Report()
		if report.Changed > 0 {
			t.Errorf("%s: the record says otherwise", formula.Describe(whole))
		}
		decided += report.Unchanged
	}
	if decided == 0 || decided == 576 {
		t.Errorf("%d of 576 were decided", decided)
	}
}

func TestTheReportGroupsChangesByRuleDestinationAndSource(t *testing.T) {
	before := policy(t, "  - {id: old, verdict: block, when: 'destination.port == 25'}\n")
	after := policy(t, "  - {id: new, verdict: block, when: 'destination.country == \"NZ\"'}\n")
	r := replay.New(after, replay.Options{Against: before, Locate: func(host string, _ netip.Addr) (flow.Location, flow.State) {
		if host == "moved.example" {
			return flow.Location{Country: "NZ", Jurisdictions: []flow.Claim{{Country: "NZ", Source: "database", Detail: "new.mmdb"}}}, flow.Known
		}
		return flow.Location{}, flow.Absent
	}})
	for i := range 5 {
		r.Add(replay.Case{Flow: recorded(func(f *flow.Flow) { f.ID = fmt.Sprint(i); f.Destination.Host = "moved.example" })})
	}
	r.Add(replay.Case{Flow: recorded(func(f *flow.Flow) {
		f.ID, f.Destination.Port, f.Source.Identity, f.Source.IdentityState = "mail", 25, "billing", flow.Known
	})})
	r.Add(replay.Case{Flow: recorded(func(f *flow.Flow) {})})
	report := r.Report()
	expected := []replay.Group{{Name: "p/new", From: "allow", To: "block", Flows: 5}, {Name: "p/(default)", From: "block", To: "allow", Flows: 1}}
	if diff := cmp.Diff(expected, report.ByRule); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]replay.Change{{From: "unknown", To: "NZ", Flows: 5}}, report.Moves); diff != "" || report.Relocated != 5 {
		t.Errorf("%d flows moved: %s", report.Relocated, diff)
	}
	if first, mail := report.Examples[0], report.Examples[5]; first.Why != "unknown in the record, NZ now: database, new.mmdb" || mail.Why != "" {
		t.Errorf("the first is another place for: %q, one that stayed for: %q", first.Why, mail.Why)
	}
	if report.ByDestination[0].Name != "moved.example" || report.BySource[1].Name != "billing" || report.Unchanged != 1 || len(report.Examples) != 6 {
		t.Errorf("%+v", report)
	}
}

func TestMemoryDoesNotGrowWithTheFlows(t *testing.T) {
	r := replay.New(policy(t, "  - {id: a, verdict: block, when: 'destination.port == 443'}\n"), replay.Options{})
	add := func(from, to int) uint64 {
		for i := from; i < to; i++ {
			f := recorded(func(f *flow.Flow) {
				f.Destination.Host, f.Source.Identity = fmt.Sprintf("h%d.example", i), fmt.Sprint(i)
			})
			r.Add(replay.Case{Flow: f, Verdict: "allow"})
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	first := add(0, 20_000)
	if second := add(20_000, 100_000); second > first+2<<20 {
		t.Errorf("%d bytes after 20,000 flows, %d after 100,000", first, second)
	}
	report := r.Report()
	if report.Changed != 100_000 || len(report.ByDestination) > 21 || report.ByDestination[0].Name != "(others)" {
		t.Errorf("%d changed, %d groups, first %+v", report.Changed, len(report.ByDestination), report.ByDestination[0])
	}
}
