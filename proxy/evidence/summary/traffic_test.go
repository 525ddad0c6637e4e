package summary

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/rules/flow"
)

var (
	october  = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	november = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
)

// traffic makes the flows of a month, the same for the same seed.
type traffic struct {
	*rand.Rand
	total int // flows of the month
	hosts int // how many recipients there are
}

type recipient struct{ host, country, operator, home string }

var wellKnown = []recipient{
	{"s3.eu-central-1.amazonaws.com", "DE", "Amazon Web Services", "US"},
	{"storage.googleapis.com", "US", "Google", "US"},
	{"api.openai.com", "US", "OpenAI", "US"},
	{"oss-cn-shanghai.aliyuncs.com", "CN", "Alibaba Cloud", "CN"},
	{"api.example.de", "DE", "Example GmbH", "DE"},
	{"billing.example.fr", "FR", "Example SAS", "FR"},
	{"crm.example.co.jp", "JP", "Example K.K.", "JP"},
	{"telemetry.example.net", "", "", ""},
	{"files.example.ie", "IE", "Example Ltd", "US"},
	{"=cmd.example.org", "NL", "<b>Bold & \"Sons\"</b>", "NL"},
	{"支付.example.cn", "CN", "示例支付有限公司", "CN"},
}

func (t *traffic) pick(n int) int { return int(float64(n) * t.Float64() * t.Float64()) }

// record fills r with the flow of the given place in the month.
func (t *traffic) record(r *evidence.Record, n int) {
	r.Reset()
	r.ID = fmt.Sprintf("01996f3e-5c1a-7d2b-9e80-%012d", n)
	r.Time = october.Add(time.Duration(n) * (november.Sub(october) / time.Duration(t.total))).Add(time.Duration(t.IntN(999)) * time.Microsecond)
	r.Source = evidence.Source{Address: netip.AddrFrom4([4]byte{10, 0, 0, byte(t.IntN(250))}), Port: 40000, Country: [...]string{"DE", "DE", "FR", "CN"}[t.IntN(4)]}
	to := recipient{fmt.Sprintf("r%05d.example.com", t.pick(max(1, t.hosts))), "US", "Example Inc.", "US"}
	if t.hosts == 0 || t.IntN(3) > 0 {
		to = wellKnown[t.pick(len(wellKnown))]
	}
	r.Destination = evidence.Destination{Host: to.host, Port: 443, Country: to.country, Operator: to.operator, OperatorHome: to.home, DataVersion: "2026-09-30"}
	if to.country != "" {
		r.Destination.Confidence = 0.85
		r.Destination.Jurisdictions = append(r.Destination.Jurisdictions, flow.Claim{Country: to.country, Source: "catalogue", Confidence: 0.85, Detail: "suffix of " + to.host})
	}
	r.Request = evidence.Request{Method: "POST", Scheme: "https", Protocol: [...]string{"h2", "http/1.1", "websocket", "grpc"}[t.pick(4)]}
	r.Data = evidence.Data{Inspected: "full", Bytes: int64(t.IntN(50_000))}
	r.Inspection = "full"
	t.payload(r)
	t.decide(r, n)
}

func (t *traffic) payload(r *evidence.Record) {
	switch t.IntN(10) {
	case 0, 1, 2:
		people := 1 + t.pick(400)
		r.Data.Subjects = people
		r.Data.Categories = append(r.Data.Categories, flow.Category{Name: "personal", Count: people * 2, Strength: flow.Strong})
	case 3:
		r.Data.Subjects = 1
		r.Data.Categories = append(r.Data.Categories, flow.Category{Name: "financial", Count: 1, Strength: flow.Strong}, flow.Category{Name: "personal", Count: 3, Strength: flow.Medium})
		r.Data.Findings = append(r.Data.Findings, flow.Finding{Detector: "iban", Count: 1})
	case 4:
		r.Data.Inspected, r.Data.Undecodable = "partial", "truncated gzip"
	case 5:
		r.Inspection, r.Data.Inspected, r.Uninspectable = "sni", "none", true
		r.Request = evidence.Request{Protocol: "connect"}
	}
}

func (t *traffic) decide(r *evidence.Record, n int) {
	r.PolicyHash = fmt.Sprintf("%064x", 0xa0+n*3/max(1, t.total))
	r.Policy, r.Phase, r.Verdict = "eu", "body", "allow"
	r.Policies = append(r.Policies, evidence.PolicyVerdict{Policy: "eu", Verdict: "allow"})
	r.Bytes = evidence.Transferred{Sent: r.Data.Bytes, Received: int64(t.IntN(4000))}
	r.Outcome, r.Status, r.Duration = evidence.Completed, 200, 12345*time.Microsecond
	switch {
	case len(r.Data.Categories) > 0 && r.Destination.Country == "CN":
		r.Verdict, r.Rule, r.LegalBasis = "block", "personal-data-abroad", "GDPR Art. 44"
		r.Outcome, r.Status, r.Bytes = evidence.Blocked, 451, evidence.Transferred{}
	case r.Destination.Country == "US":
		r.Rule, r.LegalBasis, r.Mechanism = "adequate", "GDPR Art. 45", "EU-US DPF"
	case r.Destination.Country == "":
		r.Verdict, r.Outcome, r.Error, r.Status, r.Bytes = "", evidence.Refused, "dns_error", 502, evidence.Transferred{}
	}
	switch t.IntN(40) {
	case 0:
		r.Exemptions = append(r.Exemptions, "payroll-until-december")
	case 1:
		r.Shadow = append(r.Shadow, evidence.ShadowVerdict{Policy: "next", Rule: "no-telemetry", Verdict: "block"})
	case 2:
		r.Errors = append(r.Errors, evidence.RuleError{Policy: "eu", Rule: "broken", Error: "no such key"})
	case 3:
		r.Policies = append(r.Policies, evidence.PolicyVerdict{Policy: "trial", Verdict: "block", Rule: "all", Shadow: true})
	case 4:
		r.Destination.Exemption = "10.0.0.0/8"
	case 5:
		r.Outcome, r.Error, r.Status = evidence.Failed, "connection_terminated", 502
	}
}

// writeLog writes a month of traffic through the log itself.
func writeLog(t testing.TB, flows, hosts int) (directory string) {
	t.Helper()
	directory = filepath.Join(t.TempDir(), "evidence")
	log, err := evidence.Open(directory, evidence.Options{
		Durability: evidence.Relaxed, Identifiers: evidence.Clear, Origin: "proxy.example/records", SegmentBytes: max(100_000, int64(flows)*100)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- log.Run(context.Background()) }()
	month := &traffic{rand.New(rand.NewPCG(1, 2)), flows, hosts}
	r := new(evidence.Record)
	for n := range flows {
		month.record(r, n)
		if n%50 == 7 { // a long flow was recorded at its beginning too
			opening := *r
			opening.Kind, opening.Outcome = evidence.KindOpening, ""
			if err := log.Append(t.Context(), &opening); err != nil {
				t.Fatal(err)
			}
		}
		if err := log.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(log.Close(context.Background()), <-ended); err != nil {
		t.Fatal(err)
	}
	return directory
}

func build(t testing.TB, directory string, options Options) *Report {
	t.Helper()
	if options.From.IsZero() {
		options.From = october
	}
	if options.Until.IsZero() {
		options.Until = november
	}
	verified, err := evidence.Verify(context.Background(), directory, evidence.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := Build(context.Background(), directory, verified, options)
	if err != nil {
		t.Fatal(err)
	}
	return report
}
