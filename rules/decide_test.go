package rules

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/flow"
)

var decidedAt = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// mustParse compiles a policy. "---" begins a further document; the header is filled in.
func mustParse(t testing.TB, documents ...string) *Policy {
	t.Helper()
	for i, text := range documents {
		documents[i] = "apiVersion: borderflow/v1\nkind: Policy\n" + text
	}
	p, problems := Parse(map[string][]byte{"test.yaml": []byte(strings.Join(documents, "\n---\n"))})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return p
}

// known returns a flow of which everything is known: a POST from Germany to the United States with
// one payment card.
func known() *flow.Flow {
	return &flow.Flow{
		Source: flow.Source{Address: netip.MustParseAddr("192.0.2.7"), Port: 4711, Identity: "alice", IdentityState: flow.Known,
			Assurance: "mtls", Country: "DE", CountryState: flow.Known},
		Destination: flow.Destination{Host: "api.shop.example", Port: 443, Address: netip.MustParseAddr("198.51.100.9"), AddressState: flow.Known,
			LocationState: flow.Known, Location: flow.Location{Country: "US", Confidence: 0.9, Operator: "Shop Inc", OperatorHome: "US",
				Jurisdictions: []flow.Claim{{Country: "US", Source: "catalogue", Confidence: 0.9, Detail: "suffix .shop.example"}, {Country: "IE", Source: "database", Confidence: 0.4}}}},
		Request: flow.Request{State: flow.Known, Method: "POST", Scheme: "https", Path: "/orders", Query: "a=1", Protocol: "h2", Size: 120,
			Header: http.Header{"Content-Type": {"application/json"}, "X-Tag": {"a", "b"}}},
		Data: flow.Data{State: flow.Known, Entropy: 4.5, Categories: []flow.Category{{Name: "financial", Count: 2, Strength: flow.Strong}},
			Findings: []flow.Finding{{Detector: "payment-card", Count: 2, Strength: flow.Strong}}, Subjects: 1, Coverage: flow.CoverageFull},
	}
}

// with returns known with a change.
func with(change func(*flow.Flow)) *flow.Flow {
	f := known()
	change(f)
	return f
}

// said is a Decision in a form that tables can hold.
type said struct {
	Verdict       string
	By            string // policy/rule
	Uninspectable bool
	Needs         string
	Wants         bool
	Logged        string
	Shadowed      string
	Errors        string
}

func told(d Decision) said {
	s := said{Verdict: d.Verdict.String(), By: d.Policy, Uninspectable: d.Uninspectable, Wants: d.WantsData}
	if d.Rule != nil {
		s.By += "/" + d.Rule.ID
	}
	if d.NeedsRequest {
		s.Needs += "request "
	}
	if d.NeedsData {
		s.Needs += "data"
	}
	s.Needs = strings.TrimSpace(s.Needs)
	s.Logged, s.Shadowed = matches(d.Logged), matches(d.Shadowed)
	for _, e := range d.Errors {
		s.Errors += e.Policy + "/" + e.Rule + ": " + e.Message + ";"
	}
	return s
}

func matches(all []Match) string {
	var names []string
	for _, m := range all {
		name := m.Policy + "/"
		if m.Rule != nil {
			name += m.Rule.ID
		}
		names = append(names, name+"="+m.Verdict.String())
	}
	return strings.Join(names, " ")
}

func TestTheFirstMatchDecidesAndTheStrictestPolicyWins(t *testing.T) {
	for name, test := range map[string]struct {
		documents []string
		want      said
	}{
		"no rule matches, default allow": {[]string{"name: a\ndefault: allow\nrules: [{id: r, when: destination.country == 'CN', verdict: block}]"}, said{Verdict: "allow", By: "a"}},
		"no rule matches, default block": {[]string{"name: a\ndefault: block\nrules: [{id: r, when: destination.country == 'CN', verdict: allow}]"}, said{Verdict: "block", By: "a"}},
		"no rules at all":                {[]string{"name: a\ndefault: block"}, said{Verdict: "block", By: "a"}},
		"first of two matches": {[]string{"name: a\ndefault: allow\nrules: [{id: r, when: 'true', verdict: allow}, {id: s, when: 'true', verdict: block}]"},
			said{Verdict: "allow", By: "a/r"}},
		"an earlier rule that does not match": {[]string{"name: a\ndefault: allow\nrules: [{id: r, when: 'false', verdict: allow}, {id: s, when: 'true', verdict: block}]"},
			said{Verdict: "block", By: "a/s"}},
		"log marks and goes on": {[]string{"name: a\ndefault: allow\nrules: [{id: l, when: 'true', verdict: log}, {id: s, when: 'true', verdict: block}, {id: m, when: 'true', verdict: log}]"},
			said{Verdict: "block", By: "a/s", Logged: "a/l=log"}},
		"block of the second policy": {[]string{"name: a\ndefault: allow\nrules: [{id: r, when: 'true', verdict: allow}]", "name: b\ndefault: block"},
			said{Verdict: "block", By: "b"}},
		"a rule is named before a default": {[]string{"name: a\ndefault: allow", "name: b\ndefault: block\nrules: [{id: r, when: 'true', verdict: allow}]"},
			said{Verdict: "allow", By: "b/r"}},
		"the first of two blocks": {[]string{"name: b\ndefault: allow\nrules: [{id: s, when: 'true', verdict: block}]", "name: a\ndefault: allow\nrules: [{id: r, when: 'true', verdict: block}]"},
			said{Verdict: "block", By: "a/r"}},
		"a shadow rule decides nothing": {[]string{"name: a\ndefault: allow\nrules: [{id: r, when: 'true', verdict: block, mode: shadow}, {id: s, when: 'true', verdict: allow}]"},
			said{Verdict: "allow", By: "a/s", Shadowed: "a/r=block"}},
		"a shadow policy decides nothing": {[]string{"name: a\ndefault: allow", "name: b\nmode: shadow\ndefault: block"},
			said{Verdict: "allow", By: "a", Shadowed: "b/=block"}},
		"nothing but shadow policies": {[]string{"name: b\nmode: shadow\ndefault: allow\nrules: [{id: l, when: 'true', verdict: log}, {id: r, when: 'true', verdict: block}]"},
			said{Verdict: "allow", Shadowed: "b/l=log b/r=block"}},
		"not valid yet": {[]string{"name: a\ndefault: allow\nrules: [{id: r, when: 'true', verdict: block, validFrom: 2026-07-02}]"}, said{Verdict: "allow", By: "a"}},
		"valid on its last day": {[]string{"name: a\ndefault: allow\nrules: [{id: r, when: 'true', verdict: block, validFrom: 2026-07-01, validUntil: 2026-07-01}]"},
			said{Verdict: "block", By: "a/r"}},
		"valid no longer": {[]string{"name: a\ndefault: allow\nrules: [{id: r, when: 'true', verdict: block, validUntil: '2026-07-01T12:00:00Z'}]"}, said{Verdict: "allow", By: "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := told(mustParse(t, test.documents...).DecideAt(known(), flow.Body, decidedAt))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEachPolicysOwnVerdictIsTold(t *testing.T) {
	p := mustParse(t, "name: a\ndefault: allow\ncontact: a@example.com", "name: b\ndefault: allow\ncontact: b@example.com\nrules: [{id: r, when: 'true', verdict: block}]",
		"name: c\nmode: shadow\ndefault: block")
	d := p.DecideAt(known(), flow.Body, decidedAt)
	want := []PolicyVerdict{{Policy: "a", Verdict: flow.Allow}, {Policy: "b", Verdict: flow.Block, Rule: p.Rules()[0]}, {Policy: "c", Verdict: flow.Block, Shadow: true}}
	if diff := cmp.Diff(want, d.Verdicts); diff != "" {
		t.Error(diff)
	}
	if d.Contact != "b@example.com" {
		t.Errorf("contact %q", d.Contact)
	}
	if diff := cmp.Diff(flow.Allow, p.undisputed[1].Verdict); diff != "" {
		t.Error("a decision changed the policy: " + diff)
	}
}

func TestFactsThatArePendingUnavailableOrWrong(t *testing.T) {
	pendingData := func(f *flow.Flow) { f.Data = flow.Data{} }
	atConnect := func(f *flow.Flow) { f.Data, f.Request = flow.Data{}, flow.Request{} }
	tunnel := func(f *flow.Flow) {
		f.Data, f.Request = flow.Data{State: flow.Unavailable}, flow.Request{State: flow.Unavailable}
	}
	unlocated := func(f *flow.Flow) {
		f.Destination.Location, f.Destination.LocationState = flow.Location{}, flow.Unavailable
	}
	for name, test := range map[string]struct {
		rules  string
		change func(*flow.Flow)
		want   said
	}{
		"a block rule waits for the payload": {"default: allow\nrules: [{id: r, when: data.has('financial'), verdict: block}]", pendingData, said{Verdict: "undecided", Needs: "data"}},
		"a false condition waits for nothing": {"default: allow\nrules: [{id: r, when: destination.country == 'CN' && data.has('financial'), verdict: block}]", pendingData,
			said{Verdict: "allow", By: "p"}},
		"order within && does not count": {"default: allow\nrules: [{id: r, when: data.has('financial') && destination.country == 'CN', verdict: block}]", pendingData,
			said{Verdict: "allow", By: "p"}},
		"a true condition waits for nothing": {"default: allow\nrules: [{id: r, when: data.has('financial') || destination.country == 'US', verdict: block}]", pendingData,
			said{Verdict: "block", By: "p/r"}},
		"a choice waits for its condition": {"default: allow\nrules: [{id: r, when: 'request.method == \"GET\" ? false : true', verdict: block}]", atConnect,
			said{Verdict: "undecided", Needs: "request"}},
		"waits for both": {"default: allow\nrules: [{id: r, when: request.method == 'POST' && data.subjects > 3, verdict: block}]", atConnect,
			said{Verdict: "undecided", Needs: "request data"}},
		"a loop over pending facts waits": {"default: allow\nrules: [{id: r, when: 'data.categories.exists(c, c == \"health\")', verdict: block}]", pendingData,
			said{Verdict: "undecided", Needs: "data"}},
		"nothing outstanding could change an allow": {"default: allow\nrules: [{id: r, when: data.has('health'), verdict: allow}]", pendingData, said{Verdict: "allow", By: "p"}},
		"nothing outstanding could change a block": {"default: allow\nrules: [{id: r, when: data.has('health'), verdict: block}, {id: s, when: 'true', verdict: block}]", pendingData,
			said{Verdict: "block", By: "p/s"}},
		"a pending allow before a block": {"default: allow\nrules: [{id: r, when: data.has('health'), verdict: allow}, {id: s, when: 'true', verdict: block}]", pendingData,
			said{Verdict: "undecided", Needs: "data"}},
		"a pending block after the deciding rule": {"default: block\nrules: [{id: r, when: 'true', verdict: allow}, {id: s, when: data.has('health'), verdict: block}]", pendingData,
			said{Verdict: "allow", By: "p/r"}},
		"log rules never delay": {"default: allow\nrules: [{id: r, when: data.has('health'), verdict: log}]", pendingData, said{Verdict: "allow", By: "p", Wants: true}},
		"shadow rules never delay": {"default: allow\nrules: [{id: r, when: data.has('health'), verdict: block, mode: shadow}]", pendingData,
			said{Verdict: "allow", By: "p", Wants: true}},
		"shadow policies never delay": {"default: allow\nmode: shadow\nrules: [{id: r, when: data.has('health'), verdict: block}]", pendingData, said{Verdict: "allow", Wants: true}},
		"a pending identity": {"default: allow\nrules: [{id: r, when: source.identity == '', verdict: block}]",
			func(f *flow.Flow) { f.Source.IdentityState = flow.Pending }, said{Verdict: "undecided"}},

		"a tunnel that cannot be read": {"default: allow\nrules: [{id: r, when: data.has('health'), verdict: block}]", tunnel, said{Verdict: "block", By: "p/r", Uninspectable: true}},
		"a tunnel that may pass unread": {"default: allow\nonUninspectable: allow\nrules: [{id: r, when: data.has('health'), verdict: block}]", tunnel,
			said{Verdict: "allow", By: "p/r", Uninspectable: true}},
		"a tunnel nobody needs to read":     {"default: allow\nrules: [{id: r, when: destination.country == 'CN' && data.has('health'), verdict: block}]", tunnel, said{Verdict: "allow", By: "p"}},
		"an allow rule that cannot be read": {"default: block\nrules: [{id: r, when: '!data.has(\"health\")', verdict: allow}]", tunnel, said{Verdict: "block", By: "p/r", Uninspectable: true}},
		"an allow rule that may pass unread": {"default: block\nonUninspectable: allow\nrules: [{id: r, when: '!data.has(\"health\")', verdict: allow}]", tunnel,
			said{Verdict: "allow", By: "p/r", Uninspectable: true}},
		"unread, but blocked whatever is in it": {"default: block\nonUninspectable: allow\nrules: [{id: r, when: data.has('health'), verdict: block}]", tunnel, said{Verdict: "block", By: "p"}},
		"a block rule on known facts stands": {"default: allow\nonUninspectable: allow\nrules: [{id: r, when: '!data.has(\"health\")', verdict: allow}, {id: s, when: destination.country == 'US', verdict: block}]", tunnel,
			said{Verdict: "block", By: "p/s"}},
		"unread allows and blocks": {"default: allow\nonUninspectable: allow\nrules: [{id: r, when: data.has('health'), verdict: block}, {id: s, when: destination.country == 'US', verdict: block}]", tunnel,
			said{Verdict: "block", By: "p/s"}},
		"a header that cannot be read": {"default: allow\nrules: [{id: r, when: request.header('x') == 'y', verdict: block}]", tunnel, said{Verdict: "block", By: "p/r", Uninspectable: true}},
		"what is pending may still save a tunnel": {"default: allow\nrules: [{id: r, when: request.method == 'GET' && data.has('health'), verdict: block}]",
			func(f *flow.Flow) { f.Request, f.Data = flow.Request{}, flow.Data{State: flow.Unavailable} }, said{Verdict: "undecided", Needs: "request"}},
		"unread log rules do nothing": {"default: allow\nrules: [{id: r, when: data.has('health'), verdict: log}]", tunnel, said{Verdict: "allow", By: "p"}},

		"a failed lookup is no other country": {"default: allow\nrules: [{id: r, when: destination.country == 'CN', verdict: block}]", unlocated,
			said{Verdict: "block", By: "p/r", Errors: "p/r: destination.country is unavailable;"}},
		"a failed lookup is no safe country": {"default: block\nrules: [{id: r, when: destination.country != 'CN', verdict: allow}]", unlocated,
			said{Verdict: "block", By: "p", Errors: "p/r: destination.country is unavailable;"}},
		"a failed lookup in a function": {"default: allow\nrules: [{id: r, when: 'destination.anyCountry([\"CN\"])', verdict: block}]", unlocated,
			said{Verdict: "block", By: "p/r", Errors: "p/r: destination.anyCountry is unavailable;"}},
		"a failed lookup behind a loop": {"default: allow\nrules: [{id: r, when: 'destination.jurisdictions.exists(j, j.country == \"CN\")', verdict: block}]", unlocated,
			said{Verdict: "block", By: "p/r", Errors: "p/r: destination.jurisdictions is unavailable;"}},
		"a failed lookup of one element": {"default: allow\nrules: [{id: r, when: 'destination.jurisdictions[0].country == \"CN\"', verdict: block}]", unlocated,
			said{Verdict: "block", By: "p/r", Errors: "p/r: destination.jurisdictions is unavailable;"}},
		"a failed lookup that does not matter": {"default: allow\nrules: [{id: r, when: destination.country == 'CN' && request.method == 'GET', verdict: block}]", unlocated,
			said{Verdict: "allow", By: "p"}},
		"a failed lookup may be skipped": {"default: allow\nrules: [{id: r, when: destination.country == 'CN', verdict: block, onError: skip}]", unlocated,
			said{Verdict: "allow", By: "p", Errors: "p/r: destination.country is unavailable;"}},
		"a failed lookup may match": {"default: block\nrules: [{id: r, when: destination.country == 'DE', verdict: allow, onError: match}]", unlocated,
			said{Verdict: "allow", By: "p/r", Errors: "p/r: destination.country is unavailable;"}},
		"a failed lookup marks": {"default: allow\nrules: [{id: r, when: destination.country == 'DE', verdict: log}]", unlocated,
			said{Verdict: "allow", By: "p", Logged: "p/r=log", Errors: "p/r: destination.country is unavailable;"}},
		"an unknown place is empty": {"default: allow\nrules: [{id: r, when: 'destination.country == \"\" && destination.jurisdictions.size() == 0 && !destination.onlyCountries([\"US\"])', verdict: block}]",
			func(f *flow.Flow) {
				f.Destination.LocationState, f.Destination.Location = flow.Absent, flow.Location{}
			}, said{Verdict: "block", By: "p/r"}},
		"where sources place a destination counts when they agree on no one country": {"default: allow\nrules: [{id: r, when: 'destination.country == \"\" && destination.anyCountry([\"IE\"]) && !destination.onlyCountries([\"US\", \"IE\"]) && destination.operatorHome == \"US\"', verdict: block}]",
			func(f *flow.Flow) { f.Destination.LocationState = flow.Absent }, said{Verdict: "block", By: "p/r"}},
		"division by zero": {"default: allow\nrules: [{id: r, when: 10 / data.count('health') > 1, verdict: block}]", func(*flow.Flow) {},
			said{Verdict: "block", By: "p/r", Errors: "p/r: division by zero;"}},
		"an index out of bounds": {"default: allow\nrules: [{id: r, when: 'data.categories[7] == \"health\"', verdict: block}]", func(*flow.Flow) {},
			said{Verdict: "block", By: "p/r", Errors: "p/r: an index is out of bounds;"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := with(test.change)
			got := told(mustParse(t, "name: p\n"+test.rules).DecideAt(f, flow.Headers, decidedAt))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnotherPolicysBlockIsNotWaitedFor(t *testing.T) {
	p := mustParse(t, "name: a\ndefault: allow\nrules: [{id: r, when: data.has('health'), verdict: block}]", "name: b\ndefault: allow\nrules: [{id: s, when: destination.country == 'US', verdict: block}]")
	got := told(p.DecideAt(with(func(f *flow.Flow) { f.Data = flow.Data{} }), flow.Headers, decidedAt))
	if diff := cmp.Diff(said{Verdict: "block", By: "b/s"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheLastPhaseAlwaysDecides(t *testing.T) {
	p := mustParse(t, "name: p\ndefault: allow\nrules: [{id: r, when: data.has('health') && source.identity == 'alice', verdict: block}]")
	got := told(p.DecideAt(&flow.Flow{}, flow.Body, decidedAt))
	if diff := cmp.Diff(said{Verdict: "block", By: "p/r", Uninspectable: true}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAPanicInAnEvaluationIsAnError(t *testing.T) {
	p := mustParse(t, "name: p\ndefault: allow\nrules: [{id: a, when: source.port == 1, verdict: allow}, {id: r, when: source.port == 1, verdict: block}]")
	got := told(p.DecideAt(nil, flow.Body, decidedAt))
	const message = "the condition could not be evaluated;"
	if diff := cmp.Diff(said{Verdict: "block", By: "p/r", Errors: "p/a: " + message + "p/r: " + message}, got); diff != "" {
		t.Error(diff)
	}
}

func TestErrorsNeverRepeatValues(t *testing.T) {
	p := mustParse(t, "name: p\ndefault: allow\nrules: [{id: r, when: 'int(request.query) > 3', verdict: block}, {id: s, when: '{\"a\": 1}[request.path] == 1', verdict: log}]")
	d := p.DecideAt(with(func(f *flow.Flow) { f.Request.Query = "secret=hunter2" }), flow.Body, decidedAt)
	if len(d.Errors) != 1 || strings.Contains(d.Errors[0].Message, "hunter2") {
		t.Errorf("%+v", d.Errors)
	}
}

func TestInspectTakesTheStrictestAnswer(t *testing.T) {
	const bank = "default: allow\ninspect: [{when: destination.under('bank.example'), level: sni}, {when: source.country == 'DE', level: none}]"
	toBank := with(func(f *flow.Flow) { f.Destination.Host = "www.bank.example" })
	for name, test := range map[string]struct {
		documents []string
		flow      *flow.Flow
		want      flow.Inspection
	}{
		"the first entry":            {[]string{"name: a\n" + bank}, toBank, flow.InspectSNI},
		"the second entry":           {[]string{"name: a\n" + bank}, known(), flow.InspectNone},
		"no entry":                   {[]string{"name: a\ndefault: allow"}, known(), flow.InspectFull},
		"no entry matches":           {[]string{"name: a\n" + bank}, with(func(f *flow.Flow) { f.Source.Country = "FR" }), flow.InspectFull},
		"two policies":               {[]string{"name: a\n" + bank, "name: b\ndefault: allow\ninspect: [{when: 'true', level: sni}]"}, known(), flow.InspectSNI},
		"a policy that says nothing": {[]string{"name: a\n" + bank, "name: b\ndefault: allow"}, known(), flow.InspectFull},
		"shadow policies":            {[]string{"name: a\n" + bank, "name: b\nmode: shadow\ndefault: allow"}, known(), flow.InspectNone},
		"a failed lookup":            {[]string{"name: a\n" + bank}, with(func(f *flow.Flow) { f.Source.CountryState = flow.Unavailable }), flow.InspectFull},
	} {
		t.Run(name, func(t *testing.T) {
			if got := mustParse(t, test.documents...).Inspect(test.flow); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
