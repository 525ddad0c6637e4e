package evidence

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/borderflow/borderflow/rules/flow"
)

var addresses = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func exampleFlow() *flow.Flow {
	return &flow.Flow{
		ID:      "01J8Z3W5K8",
		Started: time.Date(2026, 3, 1, 12, 30, 15, 123456789, time.FixedZone("CET", 3600)),
		Source: flow.Source{
			Address: netip.MustParseAddr("10.1.2.3"), Port: 51234,
			Identity: "spiffe://shop/checkout", IdentityState: flow.Known, Assurance: "mtls",
			CountryState: flow.Unavailable,
		},
		Destination: flow.Destination{
			Host: "api.example.com", Port: 443,
			Address: netip.MustParseAddr("192.0.2.7"), AddressState: flow.Known,
			Location: flow.Location{
				Country: "US", Confidence: 0.95,
				Jurisdictions: []flow.Claim{
					{Country: "US", Source: "catalogue", Confidence: 0.95, AsOf: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Detail: "suffix .example.com"},
					{Country: "IE", Source: "database", Confidence: 0.55},
				},
				Reach:    []string{"JP", "US"},
				Operator: "Example Inc", OperatorHome: "US", ParentHome: "JP", Cloud: "aws", Region: "us-east-1", Stale: true,
				Conflicts: []string{"database says IE"}, DataVersion: "2026-02",
			},
			LocationState: flow.Known, Exemption: "api.example.com",
		},
		Request: flow.Request{
			State: flow.Known, Method: "POST", Scheme: "https", Protocol: "h2",
			Path: "/secret-path", Query: "token=secret-query",
			Header: http.Header{"Authorization": {"secret-header"}},
		},
		Declared: flow.Declared{State: flow.Known, Labels: []string{"customers"}, Covers: []string{"contact"}},
		Data: flow.Data{
			State: flow.Known,
			Categories: []flow.Category{
				{Name: "contact", Count: 2, Strength: flow.Medium}, {Name: "financial", Count: 1, Strength: flow.Strong},
			},
			Findings: []flow.Finding{{Detector: "email", Count: 2, Strength: flow.Medium}, {Detector: "payment-card", Count: 1, Strength: flow.Strong}},
			Subjects: 2, Coverage: flow.CoveragePartial, Undecodable: "truncated gzip", Bytes: 512,
		},
	}
}

func exampleRecord() *Record {
	r := new(Record)
	r.SetFlow(exampleFlow())
	r.Verdict, r.Rule, r.Policy, r.PolicyHash = "block", "no-cards-abroad", "eu", strings.Repeat("ab", 32)
	r.LegalBasis, r.Phase, r.Uninspectable = "GDPR Art. 44", "body", true
	r.Policies = []PolicyVerdict{{Policy: "eu", Verdict: "block", Rule: "no-cards-abroad"}, {Policy: "cn", Verdict: "allow", Shadow: true}}
	r.Logged = []RuleReference{{"eu", "watch-us"}}
	r.Shadow = []ShadowVerdict{{"eu", "new-rule", "block"}}
	r.Errors = []RuleError{{"eu", "by-country", "source.country is unavailable"}}
	r.Exemptions = []string{"payroll-migration"}
	r.Outcome, r.Error, r.Status = Blocked, "http_request_denied", 451
	r.Bytes, r.Cut = Transferred{Sent: 300, Received: 17}, true
	r.Duration = 12345678 * time.Nanosecond
	r.Parent = "01J8Z3W5K7"
	return r
}

func encodeLine(t testing.TB, r *Record, seq uint64) string {
	t.Helper()
	encoded := encode(r, nil)
	defer release(encoded)
	return string(append(appendHead(nil, seq), (*encoded)[1:]...))
}

func TestLineHasTheNamesOfTheSchema(t *testing.T) {
	want := `{"schema":"borderflow.flow/1","seq":7,"time":"2026-03-01T11:30:15.123456789Z","id":"01J8Z3W5K8",` +
		`"source":{"address":"10.1.2.3","port":51234,"identity":"spiffe://shop/checkout","assurance":"mtls"},` +
		`"destination":{"host":"api.example.com","port":443,"address":"192.0.2.7","country":"US","confidence":0.95,"reach":["JP","US"],` +
		`"jurisdictions":[{"country":"US","source":"catalogue","confidence":0.95,"detail":"suffix .example.com","as_of":"2026-01-01T00:00:00Z"},` +
		`{"country":"IE","source":"database","confidence":0.55}],` +
		`"operator":"Example Inc","operator_home":"US","parent_home":"JP","cloud":"aws","region":"us-east-1","stale":true,"conflicts":["database says IE"],"exemption":"api.example.com","data_version":"2026-02"},` +
		`"request":{"method":"POST","scheme":"https","protocol":"h2"},` +
		`"data":{"categories":{"contact":{"count":2,"strength":"medium"},"financial":{"count":1,"strength":"strong"}},` +
		`"findings":{"email":2,"payment-card":1},"subjects":2,"inspected":"partial","undecodable":"truncated gzip","bytes":512,"mismatch":true},` +
		`"verdict":"block","rule":"no-cards-abroad","policy":"eu","policy_hash":"` + strings.Repeat("ab", 32) + `",` +
		`"legal_basis":"GDPR Art. 44","phase":"body","uninspectable":true,` +
		`"policies":[{"policy":"eu","verdict":"block","rule":"no-cards-abroad"},{"policy":"cn","verdict":"allow","shadow":true}],` +
		`"logged":[{"policy":"eu","rule":"watch-us"}],"shadow":[{"policy":"eu","rule":"new-rule","verdict":"block"}],` +
		`"errors":[{"policy":"eu","rule":"by-country","error":"source.country is unavailable"}],` +
		`"exemptions":["payroll-migration"],` +
		`"inspection":"full","outcome":"blocked","error":"http_request_denied","status":451,"bytes":{"sent":300,"received":17},` +
		`"cut":true,"duration_ms":12.345,"parent":"01J8Z3W5K7","unavailable":["source.country"]}` + "\n"
	if diff := cmp.Diff(want, encodeLine(t, exampleRecord(), 7)); diff != "" {
		t.Error(diff)
	}
}

func TestEmptyFlowLeavesOutWhatIsNotKnown(t *testing.T) {
	r := &Record{Time: time.Unix(0, 0), Outcome: Refused}
	want := `{"schema":"borderflow.flow/1","seq":1,"time":"1970-01-01T00:00:00Z","source":{},"destination":{},"request":{},"data":{},` +
		`"verdict":"","outcome":"refused","bytes":{"sent":0,"received":0},"duration_ms":0}` + "\n"
	if diff := cmp.Diff(want, encodeLine(t, r, 1)); diff != "" {
		t.Error(diff)
	}
}

func TestPathQueryAndHeadersStayOutOfTheRecord(t *testing.T) {
	if line := encodeLine(t, exampleRecord(), 1); strings.Contains(line, "secret") {
		t.Errorf("the record holds what must not leave the flow: %s", line)
	}
}

func TestLineReadsBackAsTheSameRecord(t *testing.T) {
	want := exampleRecord()
	got, err := Parse([]byte(encodeLine(t, want, 7)))
	if err != nil {
		t.Fatal(err)
	}
	want.Seq, want.Duration = 7, want.Duration.Truncate(time.Microsecond)
	want.Data.Findings[0].Strength, want.Data.Findings[1].Strength = 0, 0
	if diff := cmp.Diff(want, got, addresses, cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(0)); diff != "" {
		t.Error(diff)
	}
}

func TestRecordCopiesTheListsOfTheFlow(t *testing.T) {
	f := exampleFlow()
	r := new(Record)
	r.SetFlow(f)
	r.Reset()
	r.SetFlow(&flow.Flow{Destination: flow.Destination{Location: flow.Location{Jurisdictions: []flow.Claim{{Country: "XX"}}}}})
	if got := f.Destination.Location.Jurisdictions[0].Country; got != "US" {
		t.Errorf("reusing the record changed the flow's claim to %q", got)
	}
}

func TestHostileTextIsBoundedAndValid(t *testing.T) {
	for name, text := range map[string]string{
		"long":                    strings.Repeat("a", 1<<20),
		"invalid UTF-8":           strings.Repeat("\xff", 1<<16),
		"alternating invalid":     strings.Repeat("a\xff", 1<<16),
		"control characters":      strings.Repeat("\x00\n\"\\\u2028", 1<<12),
		"cut inside a rune":       strings.Repeat("€", 1000),
		"cut inside a long rune":  strings.Repeat("𝄞", 1000),
		"short invalid":           "\xc3\x28",
		"invalid at its bound":    strings.Repeat("a", maxHost-1) + "\xff",
		"replacement at its edge": strings.Repeat("a", maxHost-4) + "\xf0\x9d\x84\x9e",
	} {
		t.Run(name, func(t *testing.T) {
			r := exampleRecord()
			r.ID, r.Parent, r.Error, r.Rule, r.Policy, r.LegalBasis = text, text, text, text, text, text
			r.Source.Identity, r.Destination.Host, r.Request.Method, r.Request.Protocol = text, text, text, text
			r.Destination.Conflicts, r.Data.Undecodable, r.Data.Categories[0].Name = []string{text}, text, text
			r.Destination.Jurisdictions[0].Detail, r.Errors[0].Error, r.Data.Findings[0].Detector = text, text, text
			line := encodeLine(t, r, 1)
			if !utf8.ValidString(line) || !json.Valid([]byte(line)) || strings.Count(line, "\n") != 1 {
				t.Fatalf("not one line of valid JSON: %.200q", line)
			}
			got, err := Parse([]byte(line))
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Destination.Host) > maxHost || len(got.Source.Identity) > maxName || len(got.Request.Method) > maxToken {
				t.Errorf("texts of %d, %d and %d bytes are beyond their bounds", len(got.Destination.Host), len(got.Source.Identity), len(got.Request.Method))
			}
		})
	}
}

func TestCutTextSaysSo(t *testing.T) {
	for _, length := range []int{maxHost - 1, maxHost, maxHost + 1, 10 * maxHost} {
		got := bounded(strings.Repeat("h", length), maxHost)
		if cut := strings.HasSuffix(got, cutMark); cut != (length > maxHost) || len(got) > maxHost {
			t.Errorf("a text of %d bytes became %d bytes, marked as cut: %v", length, len(got), cut)
		}
	}
}

func TestLargestRecordFitsIntoALine(t *testing.T) {
	worst := strings.Repeat("\x01", 4096) // six bytes of JSON for each
	r := exampleRecord()
	*r = Record{Time: r.Time, Outcome: Completed, ID: worst, Rule: worst, Policy: worst, LegalBasis: worst, Parent: worst, Error: worst}
	for range 1000 {
		r.Destination.Jurisdictions = append(r.Destination.Jurisdictions, flow.Claim{Country: worst, Source: worst, Detail: worst})
		r.Destination.Conflicts = append(r.Destination.Conflicts, worst)
		name := worst[:200] + string(rune('一'+len(r.Data.Findings)))
		r.Data.Categories = append(r.Data.Categories, flow.Category{Name: name, Count: 1, Strength: flow.Weak})
		r.Data.Findings = append(r.Data.Findings, flow.Finding{Detector: name, Count: 1})
		r.Policies = append(r.Policies, PolicyVerdict{worst, worst, worst, true})
		r.Logged = append(r.Logged, RuleReference{worst, worst})
		r.Shadow = append(r.Shadow, ShadowVerdict{worst, worst, worst})
		r.Errors = append(r.Errors, RuleError{worst, worst, worst})
		r.Exemptions = append(r.Exemptions, worst)
	}
	line := encodeLine(t, r, 1)
	if len(line) > MaxLine {
		t.Fatalf("%d bytes, more than %d", len(line), MaxLine)
	}
	got, err := Parse([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	if !got.Truncated {
		t.Error("lists were cut and the record does not say so")
	}
}

func TestEncodingDoesNotAllocate(t *testing.T) {
	r := exampleRecord()
	if n := testing.AllocsPerRun(200, func() { release(encode(r, nil)) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
