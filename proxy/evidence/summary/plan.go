package summary

import (
	"strconv"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
)

// plan says what a table counts, and how its rows are found again.
type plan struct {
	name     string
	by       []string
	measures []Measure
	order    []Measure
	counted  string // which records of the period, as a query; "" for all of them
	count    func(*tally, *fact)
	query    func(key) string // of a row, beyond counted
	whole    bool             // all rows are listed: charts and sums need them, and they are few by nature
}

// left is a flow that reached its destination. One that was refused, blocked or failed before a byte
// of its payload left did not.
const left = `(outcome == "completed" || bytes.sent > 0)`

func (f *fact) left() bool { return f.Outcome == string(evidence.Completed) || f.Bytes.Sent > 0 }

const stopped = `(outcome == "blocked" || verdict == "block")`

func (f *fact) stopped() bool { return f.Outcome == string(evidence.Blocked) || f.Verdict == "block" }

var (
	transferred = []Measure{Flows, PeopleSum, PeopleMax, Sent, Received, First, Last}
	spanned     = []Measure{Flows, First, Last}
	byFlows     = []Measure{Flows}
	byTime      = []Measure{First}
)

// plans are the tables of the report, in its order.
var plans = []plan{
	{
		name: "outcomes", by: []string{"outcome", "verdict", "error"}, measures: []Measure{Flows, Share, Sent, Received}, order: byFlows,
		count: func(t *tally, f *fact) { t.add(key{f.Outcome, f.Verdict, f.Error}, f, 0) },
		query: fields("outcome", "verdict", "error"),
	},
	{
		name: "register", by: []string{"source_country", "host", "operator", "country", "category", "read", "mechanism", "legal_basis"},
		measures: transferred, order: byFlows, counted: left,
		count: func(t *tally, f *fact) {
			if f.left() {
				d := &f.Destination
				t.eachCategory(f, key{f.Source.Country, d.Host, d.Operator, d.Country, "", "", f.Mechanism, f.LegalBasis}, 4)
			}
		},
		query: func(k key) string {
			return is("source.country", k[0]) + and(is("destination.host", k[1])) + and(is("destination.operator", k[2])) +
				and(is("destination.country", k[3])) + and(ofCategory(k[4], k[5])) + and(is("mechanism", k[6])) + and(is("legal_basis", k[7]))
		},
	},
	{
		name: "recipients", by: []string{"host", "operator", "country"}, measures: transferred, order: byFlows, counted: left,
		count: func(t *tally, f *fact) {
			if f.left() {
				t.add(key{f.Destination.Host, f.Destination.Operator, f.Destination.Country}, f, 0)
			}
		},
		query: fields("destination.host", "destination.operator", "destination.country"),
	},
	{
		name: "jurisdictions", whole: true, by: []string{"source_country", "country", "operator_home"}, measures: transferred, order: []Measure{Sent, Flows}, counted: left,
		count: func(t *tally, f *fact) {
			if f.left() {
				t.add(key{f.Source.Country, f.Destination.Country, f.Destination.OperatorHome}, f, 0)
			}
		},
		query: fields("source.country", "destination.country", "destination.operator_home"),
	},
	{
		name: "categories", by: []string{"category", "read"}, measures: []Measure{Flows, Findings, PeopleSum, PeopleMax, Sent, First, Last}, order: byFlows, counted: left,
		count: func(t *tally, f *fact) {
			if f.left() {
				t.eachCategory(f, key{}, 0)
			}
		},
		query: func(k key) string { return ofCategory(k[0], k[1]) },
	},
	{
		name: "mechanisms", by: []string{"mechanism", "legal_basis"}, measures: transferred, order: byFlows, counted: left,
		count: func(t *tally, f *fact) {
			if f.left() {
				t.add(key{f.Mechanism, f.LegalBasis}, f, 0)
			}
		},
		query: fields("mechanism", "legal_basis"),
	},
	{
		name: "methods", by: []string{"scheme", "protocol"}, measures: transferred, order: byFlows, counted: left,
		count: func(t *tally, f *fact) {
			if f.left() {
				t.add(key{f.Request.Scheme, f.Request.Protocol}, f, 0)
			}
		},
		query: fields("request.scheme", "request.protocol"),
	},
	{
		name: "blocked", by: []string{"policy", "rule", "legal_basis", "host", "country", "category", "read"},
		measures: []Measure{Flows, PeopleSum, PeopleMax, Payload, Sent, First, Last}, order: byFlows, counted: stopped,
		count: func(t *tally, f *fact) {
			if f.stopped() {
				t.eachCategory(f, key{f.Policy, f.Rule, f.LegalBasis, f.Destination.Host, f.Destination.Country}, 5)
			}
		},
		query: func(k key) string {
			return is("policy", k[0]) + and(is("rule", k[1])) + and(is("legal_basis", k[2])) + and(is("destination.host", k[3])) +
				and(is("destination.country", k[4])) + and(ofCategory(k[5], k[6]))
		},
	},
	{
		name: "refused", by: []string{"error", "status", "host", "country"}, measures: spanned, order: byFlows, counted: `outcome == "refused"`,
		count: func(t *tally, f *fact) {
			if f.Outcome == string(evidence.Refused) {
				t.add(key{f.Error, number(f.Status), f.Destination.Host, f.Destination.Country}, f, 0)
			}
		},
		query: func(k key) string {
			return is("error", k[0]) + and("status == "+zeroFor(k[1])) + and(is("destination.host", k[2])) + and(is("destination.country", k[3]))
		},
	},
	{
		name: "exemptions", by: []string{"exempted", "exemption"}, measures: []Measure{Flows, PeopleSum, Sent, First, Last}, order: byFlows,
		counted: `(size(exemptions) > 0 || destination.exemption != "")`,
		count: func(t *tally, f *fact) {
			for _, name := range f.Exemptions {
				t.add(key{"rule", name}, f, 0)
			}
			if name := f.Destination.Exemption; name != "" {
				t.add(key{"address", name}, f, 0)
			}
		},
		query: func(k key) string {
			if k[0] == "address" {
				return is("destination.exemption", k[1])
			}
			return quote(k[1]) + " in exemptions"
		},
	},
	{
		name: "policies", by: []string{"policy_hash"}, measures: spanned, order: byTime,
		count: func(t *tally, f *fact) { t.add(key{f.PolicyHash}, f, 0) },
		query: fields("policy_hash"),
	},
	{
		name: "decisions", by: []string{"policy", "rule", "verdict", "legal_basis", "mechanism"}, measures: []Measure{Flows, Share, Sent, First, Last}, order: byFlows,
		count: func(t *tally, f *fact) { t.add(key{f.Policy, f.Rule, f.Verdict, f.LegalBasis, f.Mechanism}, f, 0) },
		query: fields("policy", "rule", "verdict", "legal_basis", "mechanism"),
	},
	{
		name: "shadow", by: []string{"shadowed", "policy", "rule", "verdict"}, measures: spanned, order: byFlows,
		counted: `(size(shadow) > 0 || policies.exists(p, p.shadow))`,
		count: func(t *tally, f *fact) {
			for _, o := range f.Shadow {
				t.add(key{"rule", o.Policy, o.Rule, o.Verdict}, f, 0)
			}
			for _, o := range f.Policies {
				if o.Shadow {
					t.add(key{"policy", o.Policy, o.Rule, o.Verdict}, f, 0)
				}
			}
		},
		query: func(k key) string {
			said := is("s.policy", k[1]) + and(is("s.rule", k[2])) + and(is("s.verdict", k[3]))
			if k[0] == "policy" {
				return "policies.exists(s, s.shadow" + and(said) + ")"
			}
			return "shadow.exists(s, " + said + ")"
		},
	},
	{
		name: "rule_errors", by: []string{"policy", "rule"}, measures: spanned, order: byFlows, counted: "size(errors) > 0",
		count: func(t *tally, f *fact) {
			for _, o := range f.Errors {
				t.add(key{o.Policy, o.Rule}, f, 0)
			}
		},
		query: func(k key) string { return "errors.exists(e, " + is("e.policy", k[0]) + and(is("e.rule", k[1])) + ")" },
	},
	{
		name: "inspection", by: []string{"inspection", "inspected", "uninspectable"}, measures: []Measure{Flows, Share, Payload, Sent}, order: byFlows,
		count: func(t *tally, f *fact) {
			t.add(key{f.Inspection, f.Data.Inspected, strconv.FormatBool(f.Uninspectable)}, f, 0)
		},
		query: func(k key) string {
			return is("inspection", k[0]) + and(is("data.inspected", k[1])) + and("uninspectable == "+k[2])
		},
	},
	{
		name: "undecodable", by: []string{"undecodable"}, measures: []Measure{Flows, Share, Payload, Sent}, order: byFlows, counted: `data.undecodable != ""`,
		count: func(t *tally, f *fact) {
			if f.Data.Undecodable != "" {
				t.add(key{f.Data.Undecodable}, f, 0)
			}
		},
		query: fields("data.undecodable"),
	},
	{
		name: "days", whole: true, by: []string{"day", "verdict"}, measures: []Measure{Flows, Sent, PeopleSum}, // in the order of their key
		count: func(t *tally, f *fact) { t.add(key{t.dayOf(f.Time), f.Verdict}, f, 0) },
		query: func(k key) string { return during(k[0]) + and(is("verdict", k[1])) },
	},
}

// eachCategory counts a flow once for each category that was found in it; without any, for how much of
// it was read. The two stand in k at i and behind it.
func (t *tally) eachCategory(f *fact, k key, i int) {
	for _, c := range f.Data.Categories {
		k[i] = c.Name
		t.add(k, f, c.Count)
	}
	if len(f.Data.Categories) == 0 {
		k[i+1] = f.Data.Inspected
		t.add(k, f, 0)
	}
}

// dayOf returns the day as 2006-01-02, UTC.
func (t *tally) dayOf(moment time.Time) string {
	if day := moment.Unix() / (24 * 60 * 60); t.day == "" || day != t.dayNumber {
		t.day, t.dayNumber = moment.UTC().Format(time.DateOnly), day
	}
	return t.day
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func zeroFor(digits string) string {
	if digits == "" {
		return "0"
	}
	return digits
}
