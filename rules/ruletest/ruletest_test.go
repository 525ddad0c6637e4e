package ruletest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/ruletest"
)

const header = "apiVersion: borderflow/v1\nkind: "

func policyOf(t *testing.T, text string) *rules.Policy {
	t.Helper()
	policy, problems := rules.Parse(map[string][]byte{"policy.yaml": []byte(header + "Policy\n" + text)})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return policy
}

func suiteOf(t *testing.T, cases string) *ruletest.Suite {
	t.Helper()
	suite, problems := ruletest.Parse(map[string][]byte{"policy_test.yaml": []byte(header + "PolicyTest\nnow: 2026-07-01\ncases:\n" + cases)})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return suite
}

const cards = `name: cards
default: allow
inspect: [{when: 'destination.under("bank.example")', level: sni}]
rules:
  - {id: mark, when: 'data.subjects > 3', verdict: log}
  - {id: watch, when: 'request.method == "DELETE"', verdict: block, mode: shadow}
  - {id: home, when: 'destination.within("EEA")', verdict: allow}
  - {id: cards, when: 'data.has("financial") && source.country == "DE"', verdict: block}
`

func TestCasesAreDecidedAsTheProxyWould(t *testing.T) {
	for name, test := range map[string]struct {
		flow string
		want string // "" passes
	}{
		"the payload decides":                   {"{destination: {host: a.example, country: US}, source: {country: DE}, data: {categories: {financial: 1}}}", "verdict: block, rule: cards, phase: body, logged: [], shadow: []"},
		"a tunnel that is not inspected":        {"{destination: {host: www.bank.example, country: US}, source: {country: DE}}", "verdict: block, rule: cards, uninspectable: true, inspection: sni, phase: body"},
		"without encryption there is no tunnel": {"{destination: {host: www.bank.example, country: US}, source: {country: DE}, request: {scheme: http}}", `verdict: allow, rule: "", inspection: full, phase: body`},
		"settled on the connection":             {"{destination: {host: a.example, country: FR}, data: {subjects: 4}}", "verdict: allow, rule: cards/home, phase: connect, logged: [cards/mark]"},
		"another origin":                        {"{destination: {host: a.example, country: US}, source: {country: FR}, data: {categories: {financial: 1}}}", "verdict: allow, policy: cards, rule: cards/default, phase: connect"},
		"a failed lookup counts as a match":     {"{destination: {host: a.example, country: US}, unavailable: [source.country], data: {categories: {financial: 1}}}", "verdict: block, errors: [cards]"},
		"an absent origin is none":              {"{destination: {host: a.example, country: US}, absent: [source.country], data: {categories: {financial: 1}}}", "verdict: allow, errors: []"},
		"a payload that cannot be read":         {"{destination: {host: a.example, country: US}, source: {country: DE}, unavailable: [data]}", "verdict: block, uninspectable: true, phase: body"},
		"a part that cannot be read":            {"{destination: {host: a.example, country: US}, source: {country: DE}, data: {undecodable: truncated gzip}}", "verdict: block, uninspectable: true, phase: body"},
		"a shadow rule is noted":                {"{destination: {host: a.example, country: FR}, request: {method: DELETE}}", "verdict: allow, shadow: [watch], policies: {cards: allow}"},
	} {
		suite := suiteOf(t, "  - {name: it, flow: "+test.flow+", expect: {"+test.want+"}}")
		policy := policyOf(t, cards)
		if problems := suite.Check(policy); len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
		}
		if report := suite.Run(policy, ruletest.Options{}); !report.Passed() {
			t.Errorf("%s:\n%s", name, report.Text())
		}
	}
}

func TestEachDifferenceIsNamed(t *testing.T) {
	suite := suiteOf(t, `  - name: everything is wrong
    flow: {destination: {host: a.example, country: US}, source: {country: DE}, data: {categories: {financial: 1}, subjects: 5}}
    expect: {verdict: allow, policy: cards, rule: home, phase: connect, inspection: none, uninspectable: true, logged: [], shadow: [watch], errors: [mark], policies: {cards: allow}}`)
	report := suite.Run(policyOf(t, cards), ruletest.Options{})
	var fields []string
	for _, d := range report.Results[0].Differences {
		fields = append(fields, d.Field+" "+d.Want+"→"+d.Got)
	}
	want := []string{"verdict allow→block", "rule home→cards", "phase connect→body", "inspection none→full", "uninspectable true→false",
		"logged →mark", "shadow watch→", "errors mark→", "policies.cards allow→block"}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Error(diff)
	}
	text := report.Text()
	for _, part := range []string{"policy_test.yaml:5: everything is wrong", `destination.within("EEA") were true`, "cards (block, policy.yaml:", "0 passed, 1 failed"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in:\n%s", part, text)
		}
	}
}

func TestCoverageCountsWhatMadeADifference(t *testing.T) {
	policy := policyOf(t, `name: a
default: allow
rules:
  - {id: always, when: 'true', verdict: log}
  - {id: first, when: 'destination.country == "US" && (data.has("financial") || !data.has("personal"))', verdict: block}
  - {id: later, when: 'destination.country == "DE" ? data.has("personal") : false', verdict: block}`)
	suite := suiteOf(t, `  - {name: one, flow: {destination: {host: a.example, country: US}, data: {categories: {financial: 1}}}, expect: {verdict: block}}
  - {name: two, flow: {destination: {host: a.example, country: FR}}, expect: {verdict: allow}}`)
	coverage := suite.Run(policy, ruletest.Options{Coverage: true}).Coverage
	type seen struct {
		Text        string
		True, False int
	}
	var got []seen
	for _, rule := range coverage.Rules {
		for _, e := range rule.Expressions {
			got = append(got, seen{e.Text, e.True, e.False})
		}
	}
	want := []seen{
		{`destination.country == "US"`, 1, 1}, {`data.has("financial") || !data.has("personal")`, 1, 0},
		{`data.has("financial")`, 1, 0}, {`!data.has("personal")`, 0, 0}, {`data.has("personal")`, 0, 0},
		{`destination.country == "DE"`, 0, 1}, {`data.has("personal")`, 0, 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// always 1 of 1, first 2 of 2, later 1 of 2; sub-expressions 5 of 14.
	if rules, expressions := coverage.RulePercent(), coverage.ExpressionPercent(); rules != 80 || int(expressions*14) != 500 {
		t.Errorf("rules %.2f %%, sub-expressions %.2f %%", rules, expressions)
	}
}

func TestMistakesInTestsAreAllNamed(t *testing.T) {
	_, problems := ruletest.Parse(map[string][]byte{"policy_test.yaml": []byte(`apiVersion: borderflow/v2
kind: PolicyTests
cases:
  - name: same
    flow: {source: {address: 10.0.0}, destination: {host: "https://a"}, unavailable: [source.countri]}
    expect: {verdict: blok, phase: bdy}
  - name: same
    flow: {destination: {host: a, country: US, confidence: 2}, data: {findings: {us-sn: 1}, categories: {financial: -1}}, unavailable: [destination.location]}
    expect: {}
`)})
	text := problems.Error()
	for _, want := range []string{
		`:1:13: apiVersion: expected borderflow/v1`, `:2:7: kind: expected PolicyTest, found "PolicyTests" (did you mean "PolicyTest"?)`,
		`expected an IP address, found "10.0.0"`, "expected a host name or address without scheme", `did you mean "source.country"?`,
		`did you mean "block"?`, `did you mean "body"?`, "two cases have this name (the first is on line 4)", "expected a number from 0 to 1",
		`"us-sn" is no detector that the classifier knows (did you mean "us-ssn"?)`, "a count cannot be negative",
		"destination.location is unavailable, and destination.country is stated", "verdict is required",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestTheGateStopsAPolicyThatFailsItsTests(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	policy := policyOf(t, cards)
	gate := ruletest.Gate(dir)
	if err := gate(policy); err != nil {
		t.Errorf("without tests: %v", err)
	}
	write("cards_test.yaml", header+"PolicyTest\ncases: [{name: home is free, flow: {destination: {host: secret.example, country: FR}}, expect: {verdict: allow}}]\n")
	if err := gate(policy); err != nil {
		t.Errorf("a test that passes: %v", err)
	}
	write("cards_test.yaml", header+"PolicyTest\ncases: [{name: home is closed, flow: {destination: {host: secret.example, country: FR}}, expect: {verdict: block}}]\n")
	err := gate(policy)
	if err == nil || !strings.Contains(err.Error(), "cards_test.yaml:3: home is closed: verdict: expected block, came allow") {
		t.Errorf("a test that fails: %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("the error repeats a value of the flow: %v", err)
	}
	write("cards_test.yaml", "cases: oops")
	if err := gate(policy); err == nil {
		t.Error("a test file that cannot be read lets the policy pass")
	}
	if err := ruletest.Gate(filepath.Join(dir, "gone"))(policy); err == nil {
		t.Error("a directory that is not there lets the policy pass")
	}
}

func TestThePolicyDoesNotReadItsTests(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.yaml": header + "Policy\n" + cards, "a_test.yaml": header + "PolicyTest\ncases: []\n", "b_test.yml": "no yaml: ["} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, problems, err := rules.Load(dir); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", err, problems)
	}
}

func TestWhatAFlowDoesNotStateIsAbsent(t *testing.T) {
	flows, problems := ruletest.ParseFlows("flow.yaml", []byte("destination: {host: MÜLLER.example.}"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	f := flows[0].Flow()
	if f.Destination.Host != "xn--mller-kva.example" || f.Destination.Port != 443 || f.Request.Method != "GET" {
		t.Errorf("%+v", f)
	}
	states := []flow.State{f.Source.IdentityState, f.Source.CountryState, f.Source.WorkloadState, f.Destination.AddressState, f.Destination.LocationState, f.Declared.State}
	for i, state := range states {
		if state != flow.Absent {
			t.Errorf("group %d is %v", i, state)
		}
	}
	if f.Request.State != flow.Known || f.Data.State != flow.Known || f.Data.Coverage != flow.CoverageFull {
		t.Errorf("%+v %+v", f.Request, f.Data)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(header + "PolicyTest\ncases: [{name: a, flow: {destination: {host: a}}, expect: {verdict: allow}}]"))
	f.Add([]byte(header + "PolicyTest\ncases:\n  - flow: {data: {inspected: full, categories: {financial: 1}}, absent: [data]}"))
	policy, problems := rules.Parse(map[string][]byte{"policy.yaml": []byte(header + "Policy\n" + cards)})
	if len(problems) > 0 {
		f.Fatal(problems)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		suite, problems := ruletest.Parse(map[string][]byte{"fuzz_test.yaml": data})
		if (suite == nil) != (len(problems) > 0) {
			t.Fatalf("%v, %v", suite, problems)
		}
		if suite != nil && len(suite.Check(policy)) == 0 {
			report := suite.Run(policy, ruletest.Options{Coverage: true})
			_ = report.Text()
		}
	})
}
