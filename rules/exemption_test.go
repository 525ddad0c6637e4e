package rules

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/flow"
)

const exempted = `rules:
  - {id: watch, when: 'true', verdict: log}
  - {id: no-us, when: 'destination.country == "US"', verdict: block}
  - {id: no-cards, when: 'data.has("financial")', verdict: block}
`

// exemptionText returns an exemption of that rule with some fields replaced or added.
func exemptionText(fields ...string) string {
	set := map[string]string{"apiVersion": "borderflow/v1", "kind": "Exemption", "name": "migration", "rule": "good/no-us", "source": "{address: 192.0.2.7}",
		"destination": "{host: api.shop.example}", "approvedBy": "dpo@example.com", "reason": "move of the shop, ticket 4711", "from": "2026-06-01", "until": "2026-07-31"}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		if set[name] = value; value == "" {
			delete(set, name)
		}
	}
	var b strings.Builder
	b.WriteString("---\n")
	for _, name := range sortedKeys(set) {
		fmt.Fprintf(&b, "%s: %s\n", name, set[name])
	}
	return b.String()
}

func TestAnExemptionLiftsOneRuleForOneSourceAndDestination(t *testing.T) {
	const lifted, stands = "migration:good/no-us", ""
	known := func(change func(*flow.Flow)) *flow.Flow {
		return with(func(f *flow.Flow) {
			f.Data.Categories = nil
			change(f)
		})
	}
	for name, test := range map[string]struct {
		fields []string
		change func(*flow.Flow)
		want   string
	}{
		"as it was approved":             {nil, func(*flow.Flow) {}, lifted},
		"an address in IPv6 clothes":     {nil, func(f *flow.Flow) { f.Source.Address = netip.MustParseAddr("::ffff:192.0.2.7") }, lifted},
		"another source":                 {nil, func(f *flow.Flow) { f.Source.Address = netip.MustParseAddr("192.0.2.8") }, stands},
		"no source":                      {nil, func(f *flow.Flow) { f.Source.Address = netip.Addr{} }, stands},
		"another host":                   {nil, func(f *flow.Flow) { f.Destination.Host = "www.shop.example" }, stands},
		"below the host":                 {nil, func(f *flow.Flow) { f.Destination.Host = "x.api.shop.example" }, stands},
		"a network":                      {[]string{"source: {network: 192.0.2.0/24}"}, func(*flow.Flow) {}, lifted},
		"outside the network":            {[]string{"source: {network: 192.0.3.0/24}"}, func(*flow.Flow) {}, stands},
		"an identity":                    {[]string{"source: {identity: alice}"}, func(*flow.Flow) {}, lifted},
		"another identity":               {[]string{"source: {identity: bob}"}, func(*flow.Flow) {}, stands},
		"an identity that cannot be had": {[]string{"source: {identity: alice}"}, func(f *flow.Flow) { f.Source.IdentityState = flow.Unavailable }, stands},
		"an identity not yet known":      {[]string{"source: {identity: alice}"}, func(f *flow.Flow) { f.Source.IdentityState = flow.Pending }, stands},
		"two facts, one of them wrong":   {[]string{"source: {identity: alice, address: 192.0.2.8}"}, func(*flow.Flow) {}, stands},
		"a suffix":                       {[]string{"destination: {suffix: Shop.example}"}, func(*flow.Flow) {}, lifted},
		"the suffix itself":              {[]string{"destination: {suffix: api.shop.example}"}, func(*flow.Flow) {}, lifted},
		"a suffix within a label":        {[]string{"destination: {suffix: hop.example}"}, func(*flow.Flow) {}, stands},
		"a failed lookup":                {nil, func(f *flow.Flow) { f.Destination.LocationState = flow.Unavailable }, lifted},
		"not of use":                     {nil, func(f *flow.Flow) { f.Destination.Location = flow.Location{Country: "DE"} }, stands},
		"another rule":                   {nil, func(f *flow.Flow) { f.Data.Categories = []flow.Category{{Name: "financial", Count: 1}} }, lifted + " blocked"},
	} {
		t.Run(name, func(t *testing.T) {
			p := parsed(t, map[string]string{"a.yaml": good + exempted, "x.yaml": exemptionText(test.fields...)})
			d := p.DecideAt(known(test.change), flow.Body, decidedAt)
			var used []string
			for _, e := range d.Exemptions {
				used = append(used, e.Exemption.Name+":"+e.Policy+"/"+e.Rule)
			}
			got := strings.Join(used, " ")
			if d.Verdict == flow.Block && got != "" {
				got += " blocked"
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s\n%+v", diff, d)
			}
			if test.want == stands && name != "not of use" && (d.Verdict != flow.Block || d.Rule.ID != "no-us") {
				t.Errorf("%v by %v", d.Verdict, d.Rule)
			}
			if len(d.Logged) != 1 {
				t.Error("the log rule did not mark the flow")
			}
		})
	}
}

func TestAnExemptionEndsToTheSecond(t *testing.T) {
	p := parsed(t, map[string]string{"a.yaml": good + exempted, "x.yaml": exemptionText("from: 2026-06-01T10:00:00Z", "until: 2026-06-02T10:00:00Z")})
	f := with(func(f *flow.Flow) { f.Data.Categories = nil })
	for at, want := range map[string]flow.Verdict{"2026-06-01T09:59:59Z": flow.Block, "2026-06-01T10:00:00Z": flow.Allow, "2026-06-02T09:59:59Z": flow.Allow, "2026-06-02T10:00:00Z": flow.Block} {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if d := p.DecideAt(f, flow.Body, moment); d.Verdict != want {
			t.Errorf("%s: %v", at, d.Verdict)
		}
	}
	if next := p.NextChange(decidedAt); !next.IsZero() {
		t.Errorf("something changes at %v, after everything has ended", next)
	}
}

func TestAnExemptedRuleWaitsForNothing(t *testing.T) {
	p := parsed(t, map[string]string{"a.yaml": good + exempted, "x.yaml": exemptionText("rule: good/no-cards")})
	toGermany := with(func(f *flow.Flow) { f.Data, f.Destination.Location = flow.Data{}, flow.Location{Country: "DE"} })
	d := p.DecideAt(toGermany, flow.Headers, decidedAt)
	if d.Verdict != flow.Allow || len(d.Exemptions) != 1 || d.NeedsData {
		t.Errorf("%+v", d)
	}
}

func TestAnExemptionCanHaveLessInspected(t *testing.T) {
	files := map[string]string{"a.yaml": good + "inspect: [{when: destination.port == 8443, level: sni}]\n" + exempted,
		"x.yaml": exemptionText("rule: ", "inspect: sni", "name: pinned") + exemptionText("inspect: none", "name: blind", "source: {identity: bob}")}
	p := parsed(t, files)
	for name, test := range map[string]struct {
		change func(*flow.Flow)
		at     time.Time
		level  flow.Inspection
		by     string
	}{
		"pinned":                 {func(*flow.Flow) {}, decidedAt, flow.InspectSNI, "pinned"},
		"blind":                  {func(f *flow.Flow) { f.Source.Identity = "bob" }, decidedAt, flow.InspectNone, "blind"},
		"another host":           {func(f *flow.Flow) { f.Destination.Host = "x.example" }, decidedAt, flow.InspectFull, ""},
		"later":                  {func(*flow.Flow) {}, decidedAt.AddDate(0, 2, 0), flow.InspectFull, ""},
		"not inspected any more": {func(f *flow.Flow) { f.Destination.Port = 8443 }, decidedAt, flow.InspectSNI, ""},
	} {
		level, used := p.InspectAt(with(test.change), test.at)
		by := ""
		if used != nil {
			by = used.Name
		}
		if level != test.level || by != test.by {
			t.Errorf("%s: %v by %q, want %v by %q", name, level, by, test.level, test.by)
		}
	}
}

func TestExemptionsAreDescribed(t *testing.T) {
	p := parsed(t, map[string]string{"a.yaml": good + exempted, "x.yaml": exemptionText()})
	want := []*Exemption{{Name: "migration", Policy: "good", Rule: "no-us", SourceAddress: netip.MustParseAddr("192.0.2.7"), Host: "api.shop.example",
		ApprovedBy: "dpo@example.com", Reason: "move of the shop, ticket 4711", From: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC),
		Until: time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC), File: "x.yaml", Line: 7}}
	if diff := cmp.Diff(want, p.Exemptions(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if without := parsed(t, map[string]string{"a.yaml": good + exempted}); without.Hash() == p.Hash() {
		t.Error("the hash overlooks an exemption")
	}
}

func TestEveryMistakeInAnExemptionIsNamed(t *testing.T) {
	_, problems := Parse(asBytes(map[string]string{"a.yaml": good + exempted, "x.yaml": exemptionText("name: a", "rule: godo/no-us") +
		exemptionText("name: a", "rule: good/no-su") + exemptionText("name: b", "rule: good/watch") + exemptionText("name: c", "rule: no-us") +
		exemptionText("name: d", "until: 2027-07-01") + exemptionText("name: e", "until: 2026-05-01") + exemptionText("name: f", "until: ", "approvedBy: ", "reason: \"\"") +
		exemptionText("name: g", "source: ", "destination: {}") + exemptionText("name: h", "source: {network: 0.0.0.0/0}", "destination: {host: a.example, suffix: b.example}") +
		exemptionText("name: i", "source: {address: localhost}", "destination: {host: \"*.example\"}") + exemptionText("name: j", "rule: ", "inspect: full") +
		exemptionText("name: k", "rule: ") + exemptionText("name: K K", "inspect: snii") + exemptionText("name: l", "untill: 2026-07-01")}))
	golden(t, "exemption-mistakes.golden", problems.Error()+"\n")
}

func FuzzExemption(f *testing.F) {
	f.Add(exemptionText())
	f.Add(exemptionText("inspect: none", "source: {network: \"2001:db8::/32\", identity: x}"))
	f.Fuzz(func(t *testing.T, text string) {
		p, problems := Parse(map[string][]byte{"a.yaml": []byte(good + exempted), "x.yaml": []byte(text)})
		if (p == nil) != (len(problems) > 0) {
			t.Fatalf("policy %v with problems %v", p, problems)
		}
		if p == nil {
			return
		}
		for _, e := range p.Exemptions() {
			if e.Until.Sub(e.From) > MaxExemption || e.ApprovedBy == "" || e.Reason == "" {
				t.Fatalf("%+v", e)
			}
		}
		p.DecideAt(known(), flow.Body, decidedAt)
		p.InspectAt(known(), decidedAt)
	})
}
