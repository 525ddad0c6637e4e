package rules

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules/flow"
)

// cautious is a random set of policies that leave every choice to its safe default.
func cautious(r *rand.Rand, change func(when string) string) string {
	var b strings.Builder
	b.WriteString(fuzzedLists)
	for i := range 1 + r.IntN(3) {
		fmt.Fprintf(&b, "---\napiVersion: borderflow/v1\nkind: Policy\nname: p%d\ndefault: %s\nrules:\n", i, pick(r, "allow", "block"))
		for j := range 1 + r.IntN(8) {
			fmt.Fprintf(&b, "  - {id: r%d, when: '%s', verdict: %s}\n", j, change(randomExpression(r, 2)), pick(r, "allow", "block", "log"))
		}
	}
	return b.String()
}

func as(t *testing.T, seed uint64, change func(*rand.Rand, string) string) *Policy {
	r, spoiled := rand.New(rand.NewPCG(seed, 13)), rand.New(rand.NewPCG(seed, 17))
	return parsed(t, map[string]string{"a.yaml": cautious(r, func(when string) string { return change(spoiled, when) })})
}

func untouched(_ *rand.Rand, when string) string { return when }

// everythingKnown is a flow without a fact missing.
func everythingKnown(r *rand.Rand) *flow.Flow {
	f := anyFlow(r)
	complete := randomFlow(r)
	complete.Destination.Port, complete.Request.Protocol = f.Destination.Port, f.Request.Protocol
	complete.Source.WorkloadState, complete.Source.Namespace, complete.Source.Labels = flow.Known, f.Source.Namespace, f.Source.Labels
	complete.Declared = flow.Declared{State: flow.Known, Labels: f.Declared.Labels}
	complete.Data.Findings = f.Data.Findings
	return complete
}

// lose takes some facts away, as failed lookups, tunnels and payloads that cannot be read do.
func lose(r *rand.Rand, f *flow.Flow) *flow.Flow {
	lost := *f
	lost.Destination.Location.Jurisdictions = append([]flow.Claim(nil), f.Destination.Location.Jurisdictions...)
	all := append(states(&lost), &lost.Source.WorkloadState, &lost.Declared.State)
	for _, state := range all {
		if r.IntN(3) == 0 {
			*state = pick(r, flow.Unavailable, flow.Pending)
		}
	}
	if r.IntN(3) == 0 && lost.Data.State == flow.Known {
		lost.Data.Undecodable, lost.Data.Coverage = "truncated gzip", flow.CoveragePartial
		lost.Data.Categories = lost.Data.Categories[:r.IntN(len(lost.Data.Categories)+1)]
		lost.Data.Findings, lost.Data.Subjects = nil, 0
	}
	if lost.Source.WorkloadState == flow.Unavailable || lost.Source.WorkloadState == flow.Pending {
		lost.Source.Namespace, lost.Source.Labels = "", nil
	}
	erase(&lost)
	return &lost
}

// failing makes some conditions fail when they are evaluated.
func failing(r *rand.Rand, when string) string {
	switch r.IntN(6) {
	case 0:
		return `10 / data.count("genetic") > 3`
	case 1:
		return `{"a": true}[request.method] || ` + when
	case 2:
		return `(` + when + `) && 1 / (source.port - source.port) == 1`
	}
	return when
}

// neverLoosened holds that nothing missing or failing lets a flow pass that would have been stopped.
// What of a payload could be read, and log rules, have a say of their own about inspected and
// undecodable; those two conditions ask for just what is taken away here.
func neverLoosened(t *testing.T, seed uint64) (blocks int) {
	p, broken := as(t, seed, untouched), as(t, seed, failing)
	r := rand.New(rand.NewPCG(seed, 19))
	for range 25 {
		f := everythingKnown(r)
		before := p.DecideAt(f, flow.Body, decidedAt)
		if len(before.Errors) == 0 && before.Verdict == flow.Block {
			blocks++
			if d := broken.DecideAt(f, flow.Body, decidedAt); d.Verdict == flow.Allow && !loosens(p, broken) {
				t.Fatalf("seed %d: an evaluation error turned a block into an allow\n%+v\n%+v", seed, f, d)
			}
			lost := lose(r, f)
			for _, phase := range phases {
				if d := p.DecideAt(lost, phase, decidedAt); d.Verdict == flow.Allow && !asksForGaps(p) {
					t.Fatalf("seed %d, phase %v: missing facts turned a block into an allow\n%+v\n%+v\n%+v", seed, phase, f, lost, d)
				}
			}
		}
	}
	return blocks
}

// loosens reports whether a spoiled condition is one that could be true where the whole one was not:
// it then is another policy, and no error.
func loosens(p, broken *Policy) bool {
	for i, rule := range p.Rules() {
		if other := broken.Rules()[i]; other.When != rule.When && strings.Contains(other.When, "[request.method] ||") && other.Verdict == flow.Allow {
			return true
		}
	}
	return false
}

func asksForGaps(p *Policy) bool {
	for _, rule := range p.Rules() {
		if strings.Contains(rule.When, "data.undecodable") {
			return true
		}
	}
	return false
}

func TestNothingMissingOrFailingTurnsABlockIntoAnAllow(t *testing.T) {
	blocks := 0
	for seed := range uint64(150) {
		blocks += neverLoosened(t, seed)
	}
	if blocks < 300 {
		t.Errorf("only %d flows were blocked: too few to show anything", blocks)
	}
}

func FuzzFailClosed(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { neverLoosened(t, seed) })
}

// A reload either brings another whole policy into force or changes nothing.
func TestABrokenReloadNeverTurnsABlockIntoAnAllow(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "p.yaml")
	text := good + "rules:\n  - id: a\n    when: destination.country == 'US'\n    verdict: block\n  - id: b\n    when: inList(destination.host, \"shops\")\n    verdict: block\n" +
		listText("shops", "hosts", "api.shop.example")
	write(t, path, text)
	s, err := NewStore(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 23))
	failures := 0
	for range 300 {
		edit := []byte(text)
		switch r.IntN(3) {
		case 0:
			edit[r.IntN(len(edit))] = byte(r.IntN(256))
		case 1:
			at := r.IntN(len(edit))
			edit = append(edit[:at:at], edit[min(len(edit), at+r.IntN(20)):]...)
		case 2:
			at := r.IntN(len(edit))
			edit = append(append(edit[:at:at], pick(r, "- ", ": ", "'", "\n", "[", "\t")...), edit[at:]...)
		}
		write(t, path, string(edit))
		before := s.Current()
		if err := s.Reload(t.Context()); err != nil {
			failures++
			if s.Current() != before {
				t.Fatalf("a broken edit changed the policy: %v\n%s", err, edit)
			}
			continue
		}
		if want := parsed(t, map[string]string{path: string(edit)}); want.Hash() != s.Current().Hash() {
			t.Fatalf("the policy in force is not the one in the file:\n%s", edit)
		}
	}
	if failures < 100 {
		t.Errorf("only %d edits were broken", failures)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	before := s.Current()
	if err := s.Reload(t.Context()); err == nil || s.Current() != before {
		t.Error(err)
	}
}
