package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/redact"
)

// redacting is a policy with one rule that redacts.
func redacting(name, when, redact string) string {
	return "apiVersion: borderflow/v1\nkind: Policy\nname: " + name + "\ndefault: allow\nrules:\n  - id: redacts\n    when: " + when +
		"\n    verdict: allow\n    redact: " + redact + "\n"
}

func together(t *testing.T, documents ...string) *Policy {
	t.Helper()
	p, problems := Parse(map[string][]byte{"p.yaml": []byte(strings.Join(documents, "---\n"))})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return p
}

func TestARedactionNeedsThePayload(t *testing.T) {
	p := together(t, redacting("a", "true", "{categories: [financial]}"))
	read := flow.Data{State: flow.Known, Coverage: flow.CoverageFull}
	for _, c := range []struct {
		name  string
		phase flow.Phase
		data  flow.Data
		want  flow.Verdict
	}{
		{"the connection alone decides nothing", flow.Connect, flow.Data{}, flow.Undecided},
		{"nor do the headers", flow.Headers, flow.Data{}, flow.Undecided},
		{"nor a payload that goes on", flow.Body, flow.Data{State: flow.Known, Open: true}, flow.Undecided},
		{"a payload that was read passes redacted", flow.Body, read, flow.Allow},
		{"a request without a payload passes", flow.Body, flow.Data{State: flow.Absent}, flow.Allow},
		{"a tunnel that is not read is blocked", flow.Body, flow.Data{State: flow.Unavailable}, flow.Block},
		{"a payload that nobody read is blocked", flow.Body, flow.Data{}, flow.Block},
		{"one that was read in part is blocked", flow.Body, flow.Data{State: flow.Known, Undecodable: "truncated gzip"}, flow.Block},
		{"one that is too large is blocked", flow.Body, flow.Data{State: flow.Known, Oversize: true}, flow.Block},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := p.Decide(&flow.Flow{Data: c.data}, c.phase)
			if d.Verdict != c.want {
				t.Fatalf("got %s, want %s", d.Verdict, c.want)
			}
			if (d.Redact != nil) != (c.want == flow.Allow) {
				t.Errorf("redacts %v", d.Redact)
			}
			if c.want == flow.Undecided && (!d.NeedsData || d.OnLargeBody != LargeBlock) {
				t.Errorf("waits for data: %t, large bodies: %q", d.NeedsData, d.OnLargeBody)
			}
			if c.want == flow.Block && (d.Rule == nil || d.Rule.ID != "redacts" || !d.Uninspectable) {
				t.Errorf("blocked by %v, uninspectable: %t", d.Rule, d.Uninspectable)
			}
		})
	}
}

func TestWhatSeveralPoliciesRedactAddsUp(t *testing.T) {
	p := together(t,
		redacting("a", "true", "{categories: [financial]}"),
		redacting("b", "true", "{detectors: [us-ssn], with: mask, keepLast: 4}"),
		redacting("c", "false", "{detectors: [email]}"),
		redacting("d", "true", "{detectors: [email]}")+"mode: shadow\n",
		"apiVersion: borderflow/v1\nkind: Policy\nname: e\ndefault: allow\n")
	d := p.Decide(&flow.Flow{Data: flow.Data{State: flow.Known}}, flow.Body)
	want := redact.Selection{{Categories: []string{"financial"}, With: redact.Placeholder},
		{Detectors: []string{"us-ssn"}, With: redact.Mask, KeepLast: 4}}
	if diff := cmp.Diff(want, d.Redact); diff != "" {
		t.Error(diff)
	}
	if d.Verdict != flow.Allow {
		t.Error("verdict:", d.Verdict)
	}
}

func TestABlockElsewhereRedactsNothing(t *testing.T) {
	p := together(t, redacting("a", "true", "{categories: [financial]}"),
		"apiVersion: borderflow/v1\nkind: Policy\nname: z\ndefault: block\n")
	if d := p.Decide(&flow.Flow{}, flow.Headers); d.Verdict != flow.Block || d.Redact != nil {
		t.Errorf("%s, redacts %v", d.Verdict, d.Redact)
	}
}

func TestAPolicyThatMayRedactHoldsLargePayloadsBack(t *testing.T) {
	p := together(t, redacting("a", `data.has("financial")`, "{categories: [financial]}")+
		"  - id: stops\n    when: data.has(\"health\")\n    verdict: block\n", strings.Replace(
		redacting("b", `data.has("health")`, ""), "verdict: allow\n    redact: \n", "verdict: block\nonLargeBody: stream\n", 1))
	if d := p.Decide(&flow.Flow{Request: flow.Request{State: flow.Known}}, flow.Headers); d.Verdict != flow.Undecided || d.OnLargeBody != LargeBlock {
		t.Errorf("%s, large bodies: %q", d.Verdict, d.OnLargeBody)
	}
}

func TestMistakesInRedactionAreReportedTogether(t *testing.T) {
	text := redacting("a", "true", "{categories: [finacial], detectors: [us-snn], with: maks, keepLast: 9}") +
		"  - {id: b, when: 'true', verdict: block, redact: {categories: [financial]}}\n" +
		"  - {id: c, when: 'true', verdict: allow, redact: {}}\n" +
		"  - {id: d, when: 'true', verdict: allow, redact: {detectors: [us-ssn], keepLast: 4}}\n" +
		"onLargeBody: stream\n"
	_, problems := Parse(map[string][]byte{"p.yaml": []byte(text)})
	want := []string{
		`p.yaml:9:27: expected a category of data, found "finacial" (did you mean "financial"?)`,
		`p.yaml:9:50: expected the id of a detector, found "us-snn" (did you mean "us-ssn"?)`,
		`p.yaml:9:65: rules[0].redact.with: expected mask or placeholder, found "maks" (did you mean "mask"?)`,
		`p.yaml:9:81: expected a number from 0 to 8, found 9`,
		`p.yaml:10:51: a rule with verdict block lets nothing pass that could be redacted; redact belongs to allow rules`,
		`p.yaml:11:51: redact names no detectors and no categories (categories: [government-id], or detectors: [us-ssn])`,
		`p.yaml:12:83: a placeholder keeps nothing of a value (with: mask)`,
		`p.yaml:13:14: a rule of this policy redacts, which can only be done to a payload that is held in memory, and onLargeBody is stream (onLargeBody: block)`,
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), document.Problems(problems).Error()); diff != "" {
		t.Error(diff)
	}
}

func TestARedactionIsPartOfThePolicysHashAndExplanation(t *testing.T) {
	plain := together(t, redacting("a", "true", "{categories: [financial]}"))
	masked := together(t, redacting("a", "true", "{categories: [financial], with: mask}"))
	if plain.Hash() == masked.Hash() {
		t.Error("two policies that redact differently have the same hash")
	}
	explanation := NewExplainer(masked).Explain(&flow.Flow{Data: flow.Data{State: flow.Known}}, flow.Body, decidedAt)
	for _, want := range []string{"allow with redaction of financial (mask)", "allowed with redaction of financial (mask)"} {
		if text := explanation.Text(true); !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}
