package rules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/flow"
)

// open is a flow whose payload is still being read.
func open(change ...func(*flow.Data)) *flow.Flow {
	f := known()
	f.Data = flow.Data{State: flow.Known, Open: true, Bytes: 1 << 20, Coverage: flow.CoverageFull, Entropy: 4, Subjects: 3,
		Categories: []flow.Category{{Name: "financial", Count: 2, Strength: flow.Strong}},
		Findings:   []flow.Finding{{Detector: "us-ssn", Count: 2, Strength: flow.Strong}}}
	for _, c := range change {
		c(&f.Data)
	}
	return f
}

func lost(d *flow.Data) { d.Undecodable, d.Coverage = "encrypted", flow.CoveragePartial }

func policyText(name, more, when, verdict string) string {
	return fmt.Sprintf("apiVersion: borderflow/v1\nkind: Policy\nname: %s\ndefault: %s\n%s\nrules: [{id: r, when: %q, verdict: %s}]\n",
		name, map[string]string{"block": "allow", "allow": "block"}[verdict], more, when, verdict)
}

func TestAnOpenPayloadIsDecidedAsSoonAsNothingCanChangeTheVerdict(t *testing.T) {
	const undecided, allow, block = flow.Undecided, flow.Allow, flow.Block
	for when, want := range map[string]flow.Verdict{
		`data.has("financial")`:                                       block,
		`data.has("health")`:                                          undecided,
		`!data.has("financial")`:                                      allow,
		`!data.has("health")`:                                         undecided,
		`data.count("financial") > 1`:                                 block,
		`data.count("financial") > 2`:                                 undecided,
		`data.count("financial") >= 2`:                                block,
		`data.count("financial") < 2`:                                 allow,
		`data.count("financial") <= 2`:                                undecided,
		`data.count("financial") == 2`:                                undecided,
		`data.count("financial") == 1`:                                allow,
		`data.count("financial") != 1`:                                block,
		`data.count("health") != 0`:                                   undecided,
		`1 < data.count("financial")`:                                 block,
		`3 <= data.count("financial")`:                                undecided,
		`data.found("us-ssn") > 0`:                                    block,
		`data.found("iban") > 0`:                                      undecided,
		`data.subjects >= 3`:                                          block,
		`data.subjects > 3`:                                           undecided,
		`"financial" in data.categories`:                              block,
		`"health" in data.categories`:                                 undecided,
		`size(data.categories) > 0`:                                   undecided,
		`data.undecodable`:                                            undecided,
		`data.inspected == "full"`:                                    undecided,
		`data.entropy > 3.0`:                                          block,
		`data.entropy > 5.0`:                                          allow,
		`data.has("health") || request.method == "POST"`:              block,
		`data.has("health") && request.method == "GET"`:               allow,
		`data.count("financial") + 1 > 2`:                             undecided, // no lower bound is planned for it
		`destination.country == "US" && data.count("financial") >= 2`: block,
	} {
		p, problems := Parse(map[string][]byte{"p.yaml": []byte(policyText("p", "", when, "block"))})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		f := open()
		f.Destination.Location.Country = "US"
		f.Request.Method = "POST"
		if got := p.Decide(f, flow.Body); got.Verdict != want || got.Uninspectable {
			t.Errorf("%s: %v, want %v", when, got.Verdict, want)
		}
		if got := p.InOrder().Decide(f, flow.Body); got.Verdict != want {
			t.Errorf("%s in order: %v, want %v", when, got.Verdict, want)
		}
	}
}

func TestAnOpenPayloadThatCannotBeReadIsBlockedAtOnceIfItWouldBeAtItsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		when, verdict, blind string
		want                 flow.Verdict
	}{
		"a block rule waits for what cannot be read":         {`data.has("health")`, "block", "block", flow.Block},
		"a block rule may still match":                       {`data.has("health")`, "block", "allow", flow.Undecided},
		"a count can no longer be told":                      {`data.count("health") > 3`, "block", "block", flow.Block},
		"an allow rule may still match":                      {`data.has("health")`, "allow", "block", flow.Undecided},
		"what is found later makes the condition false":      {`!data.has("health")`, "block", "block", flow.Undecided},
		"what is found later makes a choice":                 {`data.has("health") ? false : true`, "block", "block", flow.Undecided},
		"what has been found stands":                         {`data.has("financial")`, "block", "allow", flow.Block},
		"both of two categories":                             {`data.has("health") && data.has("genetic")`, "block", "block", flow.Block},
		"undecodable is a fact that stays":                   {`data.undecodable`, "block", "allow", flow.Block},
		"how much was read is not":                           {`data.inspected == "none"`, "block", "block", flow.Undecided},
		"another fact decides against the rule all the same": {`data.has("health") && request.method == "PUT"`, "block", "block", flow.Allow},
	} {
		t.Run(name, func(t *testing.T) {
			p, problems := Parse(map[string][]byte{"p.yaml": []byte(policyText("p", "onUninspectable: "+c.blind, c.when, c.verdict))})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			f := open(lost)
			f.Request.Method = "POST"
			if got := p.Decide(f, flow.Body); got.Verdict != c.want {
				t.Errorf("%v, want %v", got.Verdict, c.want)
			}
		})
	}
}

// What is decided on an open payload is what is decided at its end, whatever the rest brings.
func TestCertainVerdictsStand(t *testing.T) {
	conditions := []string{`data.has("health")`, `data.has("financial")`, `!data.has("health")`, `data.count("health") > 1`,
		`data.count("financial") <= 2`, `data.subjects == 3`, `"genetic" in data.categories`, `data.undecodable`, `data.mismatch`,
		`data.inspected == "full"`, `data.has("health") && !data.has("genetic")`, `data.has("genetic") || data.subjects > 5`,
		`size(data.undeclared) == 0`, `data.entropy > 3.0 && data.has("health")`}
	brings := []func(*flow.Data){
		func(*flow.Data) {},
		lost,
		func(d *flow.Data) { d.Subjects = 9 },
		func(d *flow.Data) {
			d.Categories = append(d.Categories, flow.Category{Name: "genetic", Count: 1})
		},
		func(d *flow.Data) {
			d.Categories = append(d.Categories, flow.Category{Name: "health", Count: 4})
		},
		func(d *flow.Data) { d.Categories = []flow.Category{{Name: "financial", Count: 7}} },
	}
	certain := 0
	for _, first := range conditions {
		for _, second := range conditions {
			for _, blind := range []string{"allow", "block"} {
				for _, verdicts := range [][2]string{{"block", "allow"}, {"allow", "block"}, {"block", "block"}} {
					p, problems := Parse(map[string][]byte{"p.yaml": fmt.Appendf(nil,
						"apiVersion: borderflow/v1\nkind: Policy\nname: p\ndefault: allow\nonUninspectable: %s\nrules: [{id: a, when: %q, verdict: %s}, {id: b, when: %q, verdict: %s}]\n",
						blind, first, verdicts[0], second, verdicts[1])})
					if len(problems) > 0 {
						t.Fatal(problems)
					}
					for _, before := range []func(*flow.Data){func(*flow.Data) {}, lost} {
						early := p.Decide(open(before), flow.Body)
						if early.Verdict == flow.Undecided {
							continue
						}
						certain++
						for i, after := range brings {
							whole := open(before, after)
							whole.Data.Open = false
							if late := p.Decide(whole, flow.Body); late.Verdict != early.Verdict {
								t.Errorf("%s %s, %s %s, onUninspectable %s: %v while open, %v at the end (%d)", first, verdicts[0], second, verdicts[1],
									blind, early.Verdict, late.Verdict, i)
							}
						}
					}
				}
			}
		}
	}
	if certain < 200 {
		t.Errorf("only %d verdicts were certain early", certain)
	}
}

func TestTheStrictestChoiceForLargeBodiesWins(t *testing.T) {
	const waits, idle = `data.has("health")`, `source.port == 0 && data.has("health")`
	for name, c := range map[string]struct {
		policies []string
		want     LargeBody
	}{
		"one that says nothing":                         {[]string{policyText("a", "", waits, "block")}, LargeBlock},
		"one that lets pass what it cannot read":        {[]string{policyText("a", "onUninspectable: allow", waits, "block")}, LargeStream},
		"one that says so although it lets pass":        {[]string{policyText("a", "onUninspectable: allow\nonLargeBody: hold", waits, "block")}, LargeHold},
		"hold and stream":                               {[]string{policyText("a", "onLargeBody: stream", waits, "block"), policyText("b", "onLargeBody: hold", waits, "block")}, LargeHold},
		"block and stream":                              {[]string{policyText("a", "onLargeBody: stream", waits, "block"), policyText("b", "", waits, "block")}, LargeBlock},
		"one that does not wait for the payload":        {[]string{policyText("a", "onLargeBody: stream", waits, "block"), policyText("b", "", idle, "block")}, LargeStream},
		"a shadow policy":                               {[]string{policyText("a", "onLargeBody: stream", waits, "block"), policyText("b", "mode: shadow", waits, "block")}, LargeStream},
		"none waits":                                    {[]string{policyText("a", "", idle, "block")}, ""},
		"a policy that would wait, and another decides": {[]string{policyText("a", "", waits, "block"), policyText("b", "", "true", "block")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, problems := Parse(map[string][]byte{"p.yaml": []byte(strings.Join(c.policies, "---\n"))})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			f := known()
			f.Data = flow.Data{}
			if got := p.Decide(f, flow.Headers).OnLargeBody; got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestABodyThatIsTooLargeIsBlockedUnlessItMayStream(t *testing.T) {
	for more, want := range map[string]flow.Verdict{
		"": flow.Block, "onUninspectable: allow": flow.Allow, "onUninspectable: allow\nonLargeBody: hold": flow.Block,
		"onUninspectable: allow\nonLargeBody: block": flow.Block, "onLargeBody: stream": flow.Block,
	} {
		p, problems := Parse(map[string][]byte{"p.yaml": []byte(policyText("p", more, `data.has("health")`, "block"))})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		f := open(lost)
		f.Data.Open, f.Data.Oversize = false, true
		if got := p.Decide(f, flow.Body); got.Verdict != want || !got.Uninspectable {
			t.Errorf("%q: %v (uninspectable %v), want %v", more, got.Verdict, got.Uninspectable, want)
		}
	}
}

func TestWhatIsFoundIsHeldAgainstWhatIsDeclared(t *testing.T) {
	covered := flow.Declared{State: flow.Known, Labels: []string{"payment"}, Covers: []string{"financial", "personal"}}
	wrong := flow.Declared{State: flow.Known, Labels: []string{"public"}}
	none := flow.Declared{State: flow.Absent}
	for name, c := range map[string]struct {
		declared flow.Declared
		data     func(*flow.Data)
		want     []string // of the conditions below, those that hold; "?" stands for a decision that waits
	}{
		"covered":                           {covered, func(d *flow.Data) { d.Open = false }, []string{"none undeclared"}},
		"something else":                    {wrong, func(d *flow.Data) { d.Open = false }, []string{"mismatch", "undeclared"}},
		"nothing declared":                  {none, func(d *flow.Data) { d.Open = false }, []string{"undeclared"}},
		"declared by who is not trusted":    {flow.Declared{State: flow.Absent, Ignored: true}, func(d *flow.Data) { d.Open = false }, []string{"ignored", "undeclared"}},
		"something else, still being read":  {wrong, func(*flow.Data) {}, []string{"mismatch", "?undeclared", "?none undeclared"}},
		"covered, still being read":         {covered, func(*flow.Data) {}, []string{"?mismatch", "?undeclared", "?none undeclared"}},
		"nothing declared, not read at all": {none, func(d *flow.Data) { *d = flow.Data{} }, []string{"?undeclared", "?none undeclared"}},
		"declared, not read at all":         {wrong, func(d *flow.Data) { *d = flow.Data{} }, []string{"?mismatch", "?undeclared", "?none undeclared"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(c.data)
			f.Declared = c.declared
			var got []string
			for _, asked := range []struct{ name, when string }{
				{"mismatch", `data.mismatch`}, {"ignored", `data.labelsIgnored`},
				{"undeclared", `"financial" in data.undeclared`}, {"none undeclared", `size(data.undeclared) == 0`},
			} {
				p, problems := Parse(map[string][]byte{"p.yaml": []byte(policyText("p", "", asked.when, "block"))})
				if len(problems) > 0 {
					t.Fatal(problems)
				}
				switch decision := p.Decide(f, flow.Headers); decision.Verdict {
				case flow.Block:
					got = append(got, asked.name)
				case flow.Undecided:
					got = append(got, "?"+asked.name)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
