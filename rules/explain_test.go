package rules

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/flow"
)

// turned writes the smallest changes of a rule as a table can hold them.
func turned(sets [][]Change) []string {
	var lines []string
	for _, set := range sets {
		var parts []string
		for _, c := range set {
			parts = append(parts, fmt.Sprintf("%s=%t", c.Text, c.Needed))
		}
		lines = append(lines, strings.Join(parts, " & "))
	}
	return lines
}

func explained(t *testing.T, when string, f *flow.Flow) RuleExplanation {
	t.Helper()
	p := mustParse(t, fmt.Sprintf("name: a\ndefault: allow\nrules: [{id: r, when: %q, verdict: block}]", when))
	e := p.Explain(f, flow.Body, decidedAt)
	return e.Policies[0].Rules[0]
}

func TestTheSmallestChangeTurnsTheRuleAround(t *testing.T) {
	for when, want := range map[string][]string{
		`destination.country == "US" && data.has("financial")`:                               {`data.has("financial")=false`, `destination.country == "US"=false`},
		`destination.country == "CN" && data.has("financial")`:                               {`destination.country == "CN"=true`},
		`destination.country == "CN" && data.has("health")`:                                  {`destination.country == "CN"=true & data.has("health")=true`},
		`destination.country == "US" || data.has("financial")`:                               {`destination.country == "US"=false & data.has("financial")=false`},
		`!(destination.country == "US")`:                                                     {`destination.country == "US"=false`},
		`request.method == "POST" ? data.has("health") : true`:                               {`data.has("health")=true`, `request.method == "POST"=false`},
		`data.has("financial") && (data.has("health") || destination.country == "US")`:       {`data.has("financial")=false`, `destination.country == "US"=false`},
		`destination.country == "US" && destination.country != "DE"`:                         {`destination.country == "US"=false`},
		`destination.country == "CN" || destination.country == "DE"`:                         {`destination.country == "CN"=true`, `destination.country == "DE"=true`},
		`destination.country in ["US", "CN"] && destination.country != "CN"`:                 {`destination.country in ["US", "CN"]=false`, `destination.country != "CN"=false`},
		`data.count("financial") > 1 && data.has("financial") && request.path != ""`:         {`data.count("financial") > 1=false`, `request.path != ""=false`},
		`data.count("financial") > 5 && data.count("financial") > 3`:                         {`data.count("financial") > 5=true & data.count("financial") > 3=true`},
		`request.method == "POST" && destination.jurisdictions.exists(j, j.country == "IE")`: {`request.method == "POST"=false`, `destination.jurisdictions.exists(j, j.country == "IE")=false`},
	} {
		r := explained(t, when, known())
		got, expected := map[string]bool{}, map[string]bool{}
		for _, line := range turned(r.Changes) {
			got[line] = true
		}
		for _, line := range want {
			expected[line] = true
		}
		if diff := cmp.Diff(expected, got); diff != "" || r.NotAnalysable != "" {
			t.Errorf("%s (%s): %s\n%s", when, r.Result, r.NotAnalysable, diff)
		}
	}
}

func TestWhatCannotBeWorkedOutIsSaidToBeNotAnalysable(t *testing.T) {
	for _, when := range []string{
		`destination.country == "US" && destination.anyCountry(["US"])`, // the first false makes the second doubtful
		`destination.host.startsWith("a") && destination.host.endsWith("e")`,
		`data.has("financial") && "financial" in data.categories`,
		`data.subjects >= 0 && data.subjects < 0`, // never true
		`true`,
	} {
		r := explained(t, when, known())
		if r.NotAnalysable == "" || len(r.Changes) > 0 {
			t.Errorf("%s: %q, %v", when, r.NotAnalysable, turned(r.Changes))
		}
	}
}

func TestUnrelatedSubExpressionsStayAnalysableBesideDoubtfulOnes(t *testing.T) {
	r := explained(t, `request.method == "POST" && destination.country == "US" && destination.anyCountry(["US"])`, known())
	if diff := cmp.Diff([]string{`request.method == "POST"=false`}, turned(r.Changes)); diff != "" {
		t.Error(diff)
	}
}

func TestEverySubExpressionHasItsValue(t *testing.T) {
	f := with(func(f *flow.Flow) { f.Source.CountryState, f.Data.State = flow.Unavailable, flow.Unavailable })
	for when, want := range map[string]string{
		`destination.country == "US"`:                            "matched true [US]",
		`source.country == "DE"`:                                 "failed error: source.country is unavailable [error: source.country is unavailable]",
		`data.has("health")`:                                     "uninspectable the payload cannot be read []",
		`destination.country == "DE" && data.has("health")`:      "not matched false []",
		`destination.jurisdictions.exists(j, j.country == "IE")`: "matched true [[US by catalogue, IE by database]]",
		`request.size + 1 > 120`:                                 "matched true [120]",
	} {
		r := explained(t, when, f)
		var facts []string
		for _, operand := range r.Condition.Operands {
			if operand.Kind == KindFact {
				facts = append(facts, strings.Trim(operand.Value, `"`))
			}
		}
		if got := fmt.Sprintf("%s %s %v", r.Result, r.Condition.Value, facts); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
}

func TestAnErrorOfASkippedOperandDoesNotCount(t *testing.T) {
	r := explained(t, `destination.jurisdictions.size() > 5 && destination.jurisdictions[5].country == "US"`, known())
	if r.Result != ResultUnmatched || !r.Condition.Operands[1].Skipped {
		t.Errorf("%+v", r)
	}
}

func TestWhatTheRecordDoesNotKeepIsNeitherTrueNorFalse(t *testing.T) {
	p := mustParse(t, `name: a
default: allow
rules:
  - {id: path, when: request.path == "/orders", verdict: block}
  - {id: settled, when: request.path == "/orders" && destination.country == "CN", verdict: block}
  - {id: header, when: request.header("x") == "" || destination.country == "US", verdict: block}`)
	x := NewExplainer(p)
	x.Without("request.path", "request.header")
	var got []string
	e := x.Explain(known(), flow.Body, decidedAt)
	for _, r := range e.Policies[0].Rules {
		got = append(got, fmt.Sprintf("%s: %s", r.Rule.ID, r.Result))
	}
	if diff := cmp.Diff([]string{"path: not in the record", "settled: not matched", "header: matched"}, got); diff != "" {
		t.Error(diff)
	}
	if value := e.Policies[0].Rules[0].Condition.Operands[0].Value; value != "not in the record" {
		t.Errorf("the path is shown as %s", value)
	}
}

func TestVerdictChangesNameTheVerdictThatWouldFollow(t *testing.T) {
	p := mustParse(t, `name: cards
default: allow
rules:
  - {id: partner, when: 'destination.host == "partner.example"', verdict: allow}
  - {id: cards, when: 'destination.country == "US" && data.has("financial")', verdict: block}`)
	e := p.Explain(known(), flow.Body, decidedAt)
	var got []string
	for _, c := range e.Changes {
		by := ""
		if c.By != nil {
			by = c.By.ID
		}
		got = append(got, fmt.Sprintf("%s → %s %s", turned([][]Change{c.Changes})[0], c.Verdict, by))
	}
	want := []string{`destination.host == "partner.example"=true → allow partner`,
		`data.has("financial")=false → allow `, `destination.country == "US"=false → allow `}
	if diff := cmp.Diff(map[string]bool{want[0]: true, want[1]: true, want[2]: true}, set(got)); diff != "" {
		t.Error(diff)
	}
}

func set(lines []string) map[string]bool {
	all := map[string]bool{}
	for _, line := range lines {
		all[line] = true
	}
	return all
}

func TestTwoBlockingPoliciesMustBothComeOutOtherwise(t *testing.T) {
	p := mustParse(t, "name: a\ndefault: allow\nrules: [{id: r, when: 'destination.country == \"US\"', verdict: block}]",
		"name: b\ndefault: allow\nrules: [{id: s, when: 'data.has(\"financial\")', verdict: block}]")
	e := p.Explain(known(), flow.Body, decidedAt)
	if len(e.Changes) > 0 || e.Together == nil || len(e.Together.Changes) != 2 || e.Together.Verdict != flow.Allow {
		t.Fatalf("%+v, %+v", e.Changes, e.Together)
	}
}

// Any value of an atom that an explanation asks for must turn the rule around for a flow that has it.
func TestAFlowWithTheChangeComesOutTheOtherWay(t *testing.T) {
	for when, change := range map[string]func(*flow.Flow){
		`destination.country == "US" && data.has("financial")`: func(f *flow.Flow) { f.Destination.Location.Country = "DE" },
		`data.count("financial") > 5`:                          func(f *flow.Flow) { f.Data.Categories[0].Count = 6 },
	} {
		before, after := explained(t, when, known()), explained(t, when, with(change))
		if (before.Result == ResultMatched) == (after.Result == ResultMatched) {
			t.Errorf("%s: %s, then %s", when, before.Result, after.Result)
		}
	}
}

// The explanation evaluates conditions in another way than decisions do, and puts verdicts together a
// second time. Over random policies and flows in every state both must agree.
func TestExplanationsAgreeWithDecisions(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	for range 150 {
		p, _ := randomPolicies(t, r, []string{"allow", "block"}[r.IntN(2)])
		x := NewExplainer(p)
		for range 8 {
			f, phase := randomFlow(r), phases[r.IntN(3)]
			for _, state := range []*flow.State{&f.Source.CountryState, &f.Source.IdentityState, &f.Destination.LocationState, &f.Request.State, &f.Data.State} {
				if r.IntN(4) == 0 {
					*state = flow.State(r.IntN(4))
				}
			}
			e := x.Trace(f, phase, decidedAt)
			for _, policy := range e.Policies {
				for _, rule := range policy.Rules {
					if rule.NotAnalysable != "" {
						t.Fatalf("%s: %s; %s", rule.Rule.When, rule.NotAnalysable, rule.Condition.Value)
					}
				}
			}
			if w := newWorld(&e); !w.agrees(e.Decision) {
				t.Fatalf("decided %v by %s, put together %+v", e.Decision.Verdict, e.Decision.Policy, w.decide(w.now))
			}
		}
	}
}

func BenchmarkExplain(b *testing.B) {
	p := mustParse(b, "name: a\ndefault: allow\nrules: [{id: r, when: 'destination.country == \"US\" && data.has(\"financial\") && request.method == \"POST\"', verdict: block}]")
	x, f := NewExplainer(p), known()
	b.ReportAllocs()
	for b.Loop() {
		x.Explain(f, flow.Body, decidedAt)
	}
}

func TestAnExemptedRuleIsSaidToBeExempted(t *testing.T) {
	p, problems := Parse(map[string][]byte{"a.yaml": []byte(`apiVersion: borderflow/v1
kind: Policy
name: a
default: allow
rules: [{id: r, when: 'destination.country == "US"', verdict: block}]
---
apiVersion: borderflow/v1
kind: Exemption
name: migration
rule: a/r
source: {identity: alice}
destination: {host: api.shop.example}
approvedBy: dpo@example.com
reason: the data moves to Europe in August
from: 2026-06-01
until: 2026-08-31
`)})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	e := p.Explain(known(), flow.Body, decidedAt)
	if r := e.Policies[0].Rules[0]; e.Decision.Verdict != flow.Allow || r.Result != ResultExempted || r.Exemption.Name != "migration" || e.Changes != nil {
		t.Errorf("%v %+v %v", e.Decision.Verdict, r, e.Changes)
	}
	if text := e.Text(false); !strings.Contains(text, "exempted by migration until 2026-08-31") {
		t.Error(text)
	}
}
