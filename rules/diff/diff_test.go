package diff_test

import (
	"strings"
	"testing"
	"time"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/diff"
	"github.com/borderflow/borderflow/rules/flow"
)

var june = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

func policy(t testing.TB, head, rulesText string) *rules.Policy {
	t.Helper()
	p, problems := rules.Parse(map[string][]byte{"p.yaml": []byte(
		"apiVersion: borderflow/v1\nkind: Policy\nname: p\n" + head + "rules:\n" + rulesText)})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return p
}

const open = "default: allow\n"

// TestEachChangeOfMeaningIsShownByAWitness has, for each pair of policies, what the difference must be
// and what the witness must mention.
func TestEachChangeOfMeaningIsShownByAWitness(t *testing.T) {
	for _, test := range []struct{ name, oldHead, old, newHead, new, verdicts, witness string }{
		{"a threshold", open, `  - {id: a, verdict: block, when: 'data.count("personal") > 100'}`,
			open, `  - {id: a, verdict: block, when: 'data.count("personal") >= 100'}`, "allow → block", "100 × personal"},
		{"a country more", open, `  - {id: a, verdict: block, when: 'destination.country in ["NZ"]'}`,
			open, `  - {id: a, verdict: block, when: 'destination.country in ["NZ", "FJ"]'}`, "allow → block", `destination.country "FJ"`},
		{"a country and a category", open, `  - {id: a, verdict: block, when: 'data.has("financial") && !destination.onlyCountries(["DE", "FR"])'}`,
			open, `  - {id: a, verdict: block, when: 'data.has("financial") && !destination.onlyCountries(["DE"])'}`, "allow → block", `"FR", 1 × financial`},
		{"a rule removed", open, `  - {id: a, verdict: block, when: 'destination.port == 25 && request.method == "PUT"'}`,
			open, `  - {id: b, verdict: log, when: 'false'}`, "block → allow", "destination.port 25"},
		{"the order", open, "  - {id: a, verdict: allow, when: 'destination.port == 25'}\n  - {id: b, verdict: block, when: 'request.method == \"PUT\"'}",
			open, "  - {id: b, verdict: block, when: 'request.method == \"PUT\"'}\n  - {id: a, verdict: allow, when: 'destination.port == 25'}", "allow → block", `request.method "PUT"`},
		{"the default", open, `  - {id: a, verdict: block, when: 'destination.port == 25'}`,
			"default: block\n", `  - {id: a, verdict: block, when: 'destination.port == 25'}`, "allow → block", "any flow"},
		{"uninspectable payloads", open, `  - {id: a, verdict: block, when: 'data.has("health")'}`,
			open + "onUninspectable: allow\n", `  - {id: a, verdict: block, when: 'data.has("health")'}`, "block → allow", "unavailable: payload"},
		{"unavailable places", open, `  - {id: a, verdict: block, when: 'destination.country == "NZ"'}`,
			open, `  - {id: a, verdict: block, onError: skip, when: 'destination.country == "NZ"'}`, "block → allow", "unavailable: place"},
		{"validity", open, `  - {id: a, verdict: block, when: 'destination.port == 25', validUntil: 2027-01-01}`,
			open, `  - {id: a, verdict: block, when: 'destination.port == 25', validUntil: 2028-01-01}`, "allow → block", "destination.port 25"},
		{"a condition that is not analysed", open, `  - {id: a, verdict: block, when: 'destination.jurisdictions.exists(j, j.country == "NZ")'}`,
			open, `  - {id: a, verdict: block, when: 'destination.jurisdictions.exists(j, j.country == "FJ")'}`, "allow → block", `FJ`},
		{"a path", open, `  - {id: a, verdict: block, when: 'request.path.startsWith("/upload")'}`,
			open, `  - {id: a, verdict: block, when: 'request.path.startsWith("/upload/raw")'}`, "block → allow", `request.path "/upload`},
		{"a border", open, `  - {id: a, verdict: block, when: 'transfer.crossesBorder'}`,
			open, `  - {id: a, verdict: block, when: 'transfer.domestic'}`, "block → allow", "source.country"},
		{"a mark", open, `  - {id: a, verdict: log, when: 'destination.port == 25'}`,
			open, `  - {id: a, verdict: log, when: 'destination.port == 26'}`, "allow → allow", "destination.port 25"},
	} {
		t.Run(test.name, func(t *testing.T) {
			old, new := policy(t, test.oldHead, test.old), policy(t, test.newHead, test.new)
			report := diff.Compare(old, new, diff.Options{Now: june})
			for _, d := range report.Differences {
				before, after := old.DecideAt(d.Flow, flow.Body, d.Time), new.DecideAt(d.Flow, flow.Body, d.Time)
				if before.Verdict.String() != d.Old.Verdict || after.Verdict.String() != d.New.Verdict {
					t.Errorf("the witness %s does not show %v → %v", d.Witness, d.Old, d.New)
				}
				if d.Old.Verdict+" → "+d.New.Verdict == test.verdicts && strings.Contains(d.Witness, test.witness) {
					return
				}
			}
			t.Errorf("no %s with %s among %d flows: %+v", test.verdicts, test.witness, report.Flows, report.Differences)
		})
	}
}

func TestWitnessesSayNoMoreThanIsNeeded(t *testing.T) {
	old := policy(t, open, `  - {id: a, verdict: block, when: 'data.count("personal") > 10 && destination.country == "NZ"'}`)
	new := policy(t, open, `  - {id: a, verdict: block, when: 'data.count("personal") > 20 && destination.country == "NZ"'}`)
	report := diff.Compare(old, new, diff.Options{Now: june})
	if len(report.Differences) != 1 {
		t.Fatalf("%+v", report.Differences)
	}
	if witness := report.Differences[0].Witness; witness != `destination.country "NZ", 11 × personal` {
		t.Error(witness)
	}
}

func TestOtherWordsAreNoDifference(t *testing.T) {
	old := policy(t, open, `  - {id: a, verdict: block, when: 'destination.port in [25, 26]', description: Mail}`)
	new := policy(t, open, `  - {id: a, verdict: block, when: 'destination.port == 25 || destination.port == 26', description: No mail, owner: post office}`)
	report := diff.Compare(old, new, diff.Options{Now: june})
	if len(report.Differences) != 0 || report.Flows < 10 {
		t.Errorf("%d flows, %+v", report.Flows, report.Differences)
	}
	if len(report.Metadata) != 1 || report.Metadata[0].String() != "changed p/a: description, reason, owner" {
		t.Errorf("%v", report.Metadata)
	}
	if len(report.Rules) != 1 || report.Rules[0].String() != "changed p/a: when" {
		t.Errorf("%v", report.Rules)
	}
}

func TestMovedRulesAreNamed(t *testing.T) {
	a, b, c := "  - {id: a, verdict: log, when: 'true'}\n", "  - {id: b, verdict: log, when: 'true'}\n", "  - {id: c, verdict: log, when: 'true'}\n"
	report := diff.Compare(policy(t, open, a+b+c), policy(t, open, c+a+b), diff.Options{Now: june})
	if len(report.Rules) != 1 || report.Rules[0].String() != "moved p/c" || len(report.Differences) != 0 {
		t.Errorf("%v %v", report.Rules, report.Differences)
	}
}

func TestTheSearchEndsWhereItIsTold(t *testing.T) {
	var many strings.Builder
	for i := range 60 {
		many.WriteString("  - {id: r" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + `, verdict: block, when: 'request.header("H` + string(rune('a'+i/26)) + string(rune('a'+i%26)) + `") == "x" && destination.port == 25'}` + "\n")
	}
	p := policy(t, open, many.String())
	if report := diff.Compare(p, p, diff.Options{Now: june, Flows: 500}); report.Flows > 500 || len(report.Differences) != 0 {
		t.Errorf("%d flows, %v", report.Flows, report.Differences)
	}
}
