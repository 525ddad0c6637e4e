package rules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules/flow"
)

// manyRules returns a policy of n rules with six conditions each, of which none matches.
func manyRules(b *testing.B, n int) *Policy {
	var text strings.Builder
	text.WriteString("name: many\ndefault: allow\nrules:\n")
	for i := range n {
		fmt.Fprintf(&text, "  - id: r%d\n    when: destination.host == \"h%d.example\" && destination.country == \"US\" && request.method == \"POST\" && source.identity == \"alice\" && data.has(\"financial\") && data.count(\"personal\") > %d\n    verdict: block\n", i, i, i)
	}
	return mustParse(b, text.String())
}

// BenchmarkDecide compares the index with plain evaluation in order, on the same rules and flow.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{10, 100, 1_000, 10_000} {
		p, f := manyRules(b, n), known()
		decide := func(p *Policy) func(b *testing.B) {
			return func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if p.DecideAt(f, flow.Body, decidedAt).Verdict != flow.Allow {
						b.Fatal("blocked")
					}
				}
			}
		}
		b.Run(fmt.Sprintf("rules=%d/indexed", n), decide(p))
		b.Run(fmt.Sprintf("rules=%d/in-order", n), decide(p.InOrder()))
	}
}

// BenchmarkDecideWithoutIndexableRules is the worst case: no rule has anything the index could go by.
func BenchmarkDecideWithoutIndexableRules(b *testing.B) {
	var text strings.Builder
	text.WriteString("name: many\ndefault: allow\nrules:\n")
	for i := range 100 {
		fmt.Fprintf(&text, "  - {id: r%d, when: 'request.path.startsWith(\"/p%d/\")', verdict: block}\n", i, i)
	}
	p, f := mustParse(b, text.String()), known()
	b.ReportAllocs()
	for b.Loop() {
		p.DecideAt(f, flow.Body, decidedAt)
	}
}

// BenchmarkDecideOnPendingPayloads has every rule led to, because what leads to it is pending, and
// ruled out by its other clauses.
func BenchmarkDecideOnPendingPayloads(b *testing.B) {
	var text strings.Builder
	text.WriteString("name: many\ndefault: allow\nrules:\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "  - {id: r%d, when: 'data.has(\"c%d\") && destination.country in [\"CN\", \"RU\"]', verdict: block}\n", i, i)
	}
	p, f := mustParse(b, text.String()), known()
	f.Data = flow.Data{}
	b.ReportAllocs()
	for b.Loop() {
		if p.DecideAt(f, flow.Headers, decidedAt).Verdict != flow.Allow {
			b.Fatal("waits")
		}
	}
}

func BenchmarkList(b *testing.B) {
	files := map[string]string{"a.yaml": good + "rules: [{id: r, when: 'request.path != \"\" && inList(destination.host, \"partners\")', verdict: block}]\n",
		"l.yaml": "apiVersion: borderflow/v1\nkind: List\nname: partners\ntype: suffixes\nfile: partners.txt\n", "partners.txt": longList(50_000)}
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			parsed(b, files)
		}
	})
	b.Run("ask", func(b *testing.B) {
		p, f := parsed(b, files), known()
		b.ReportAllocs()
		for b.Loop() {
			p.DecideAt(f, flow.Body, decidedAt)
		}
	})
}

func BenchmarkDecideAllConditionsTrue(b *testing.B) {
	p := mustParse(b, `name: p
default: allow
rules:
  - id: r
    when: destination.host == "api.shop.example" && destination.country == "US" && request.method == "POST" && source.identity == "alice" && data.has("financial") && data.count("personal") == 0
    verdict: block
`)
	f := known()
	b.ReportAllocs()
	for b.Loop() {
		if p.DecideAt(f, flow.Body, decidedAt).Verdict != flow.Block {
			b.Fatal("allowed")
		}
	}
}

func BenchmarkDecideChangingFlows(b *testing.B) {
	p, flows, i := manyRules(b, 10), randomFlows(256), 0
	b.ReportAllocs()
	for b.Loop() {
		p.DecideAt(flows[i%len(flows)], flow.Body, decidedAt)
		i++
	}
}

func BenchmarkParse(b *testing.B) {
	p := manyRules(b, 1000)
	var text strings.Builder
	text.WriteString("apiVersion: borderflow/v1\nkind: Policy\nname: many\ndefault: allow\nrules:\n")
	for _, r := range p.Rules() {
		fmt.Fprintf(&text, "  - {id: %s, when: '%s', verdict: block}\n", r.ID, r.When)
	}
	files := map[string][]byte{"a.yaml": []byte(text.String())}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			Parse(files)
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			parse(files, p)
		}
	})
}

func TestADecisionAllocatesNothing(t *testing.T) {
	p := mustParse(t, "name: p\ndefault: allow\nrules: [{id: r, when: destination.country == 'CN' && data.has('health') || request.method == 'GET' || source.address == '203.0.113.9' || destination.port > 500, verdict: block}]")
	f := known()
	if n := testing.AllocsPerRun(1000, func() { p.DecideAt(f, flow.Body, decidedAt) }); n > 0 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
}
