package rules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/cel-go/common/ast"

	"github.com/borderflow/borderflow/rules/flow"
)

// clausesOf returns what is necessary for a condition, in words.
func clausesOf(t *testing.T, condition string) string {
	t.Helper()
	c, mistakes := compile(condition, everything, ownNames{})
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	var clauses []string
	for _, c := range c.clauses {
		var keys []string
		for _, k := range c {
			keys = append(keys, k.String())
		}
		clauses = append(clauses, "("+strings.Join(keys, " or ")+")")
	}
	return strings.Join(clauses, " and ")
}

// String names the key for tests and for whoever debugs.
func (k key) String() string {
	name := map[dimension]string{domainDimension: "under", claimDimension: "claimed", categoryDimension: "category", detectorDimension: "detector"}[k.dimension]
	switch {
	case k.ofList():
		name = attributes[firstList-k.dimension].name + " in list"
	case k.dimension >= 0:
		name = attributes[k.dimension].name
		if attributes[k.dimension].number != nil {
			return fmt.Sprintf("%s %d", name, k.number)
		}
	}
	return name + " " + k.text
}

func TestWhatIsNecessaryForACondition(t *testing.T) {
	for condition, want := range map[string]string{
		`destination.host == "a"`:                                                           "(host a)",
		`"a" == destination.host && request.method == "POST"`:                               "(host a) and (method POST)",
		`destination.host == "a" || destination.under("B.example.")`:                        "(host a or under b.example)",
		`(destination.port == 1 || destination.port in [2, 3]) && true`:                     "(port 1 or port 2 or port 3)",
		`destination.host == "a" || request.path == ""`:                                     "(host a or path )",
		`destination.host == "a" || request.path != ""`:                                     "",
		`!(destination.host == "a")`:                                                        "",
		`destination.host != "a"`:                                                           "",
		`source.port == 1 ? destination.host == "a" : destination.host == "a"`:              "",
		`destination.anyCountry(["US", "CN"])`:                                              "(claimed US or claimed CN)",
		`destination.onlyCountries(["DE"])`:                                                 "(country DE)",
		`!destination.onlyCountries(["DE"])`:                                                "",
		`destination.within("FiveEyes")`:                                                    "(country AU or country CA or country GB or country NZ or country US)",
		`data.has("health") && "contact" in data.categories`:                                "(category health) and (category contact)",
		`data.count("health") > 0 && 3 <= data.found("iban") && data.count("contact") == 2`: "(category health) and (detector iban) and (category contact)",
		`data.count("health") >= 0 || data.count("health") < 5`:                             "",
		`data.count("health") > -1`:                                                         "",
		`data.count("health") == 0`:                                                         "",
		`destination.host in [source.identity, "a"]`:                                        "",
		`destination.under(source.identity)`:                                                "",
		`inList(destination.host, "partners") && request.protocol == "h2"`:                  "(host in list partners) and (protocol h2)",
		`inList(request.path + "x", "partners")`:                                            "",
		`false`:                                                                             "()",
		`1 == 2 && destination.host == "a"`:                                                 "()",
		`true`:                                                                              "",
		`["a"].exists(x, destination.host == x)`:                                            "",
		`source.identity == "a" && (destination.country == "US" && data.has("health") || destination.country == "CN" && data.has("contact"))`: "(identity a) and (country US or country CN) and (country US or category contact) and (category health or country CN) and (category health or category contact)",
	} {
		if got := clausesOf(t, condition); got != want {
			t.Errorf("%s:\n got %s\nwant %s", condition, got, want)
		}
	}
}

func TestAnInvalidDomainIsAnErrorAndNoKey(t *testing.T) {
	if _, mistakes := compile(`source.port == 1 && destination.under("..")`, everything, ownNames{}); len(mistakes) != 1 || mistakes[0] != (mistake{1, 39, `expected a domain, found ".."`, `for example "api.example.com"`}) {
		t.Errorf("%+v", mistakes)
	}
	tree, err := Tree(`destination.under("...")`)
	if err != nil {
		t.Fatal(err)
	}
	if c := necessary(tree.Expr()); c != nil || tree.Expr().Kind() != ast.CallKind {
		t.Errorf("%v", c)
	}
}

// candidates returns the ids of the rules that would be evaluated for f.
func candidates(p *Policy, f *flow.Flow) string {
	s := p.scopes.Get().(*scope)
	defer p.scopes.Put(s)
	s.flow, s.now = f, decidedAt
	p.index.find(s)
	var ids []string
	for _, regime := range p.policies {
		for position := regime.first; ; position++ {
			var rule *compiledRule
			if rule, position = p.index.next(s, position, regime.last); rule == nil {
				break
			}
			ids = append(ids, rule.ID)
		}
	}
	return strings.Join(ids, " ")
}

func TestOnlyRulesThatCanMatchAreEvaluated(t *testing.T) {
	var rules strings.Builder
	for i, when := range []string{
		`destination.host == "a.example"`, `destination.host == "b.example"`, `destination.under("example")`, `destination.country == "US"`,
		`destination.anyCountry(["IE", "CN"])`, `data.has("financial")`, `data.has("health")`, `request.method == "GET"`, `request.protocol == "h2"`,
		`destination.port == 443`, `destination.port == 80`, `source.identity == "alice"`, `source.identity == "bob"`, `data.found("payment-card") > 1`,
		`request.path != "/"`, `destination.host == "a.example" && request.method == "GET"`, `destination.host == "a.example" && data.has("financial")`,
	} {
		fmt.Fprintf(&rules, "\n  - {id: r%d, when: '%s', verdict: log}", i, when)
	}
	p := mustParse(t, "name: p\ndefault: allow\nrules:"+rules.String())
	toA := func(change func(*flow.Flow)) *flow.Flow {
		return with(func(f *flow.Flow) {
			f.Destination.Host = "a.example"
			change(f)
		})
	}
	for name, test := range map[string]struct {
		flow *flow.Flow
		want string
	}{
		"everything known":                      {toA(func(*flow.Flow) {}), "r0 r2 r3 r4 r5 r8 r9 r11 r13 r14 r16"},
		"nothing known":                         {&flow.Flow{}, "r3 r4 r5 r6 r7 r8 r11 r12 r13 r14"},
		"no payload yet":                        {toA(func(f *flow.Flow) { f.Data = flow.Data{} }), "r0 r2 r3 r4 r5 r6 r8 r9 r11 r13 r14 r16"},
		"part of the payload could not be read": {toA(func(f *flow.Flow) { f.Data.Undecodable = "truncated gzip" }), "r0 r2 r3 r4 r5 r6 r8 r9 r11 r13 r14 r16"},
		"a tunnel": {toA(func(f *flow.Flow) {
			f.Request, f.Data = flow.Request{State: flow.Unavailable}, flow.Data{State: flow.Unavailable}
		}), "r0 r2 r3 r4 r5 r6 r7 r8 r9 r11 r13 r14 r15 r16"},
		"a failed lookup": {toA(func(f *flow.Flow) {
			f.Destination.LocationState, f.Destination.Location = flow.Unavailable, flow.Location{}
		}), "r0 r2 r3 r4 r5 r8 r9 r11 r13 r14 r16"},
		"a failed identity":                {toA(func(f *flow.Flow) { f.Source.IdentityState = flow.Unavailable }), "r0 r2 r3 r4 r5 r8 r9 r11 r12 r13 r14 r16"},
		"no identity":                      {toA(func(f *flow.Flow) { f.Source.IdentityState = flow.Absent }), "r0 r2 r3 r4 r5 r8 r9 r13 r14 r16"},
		"a host that is not in lower case": {toA(func(f *flow.Flow) { f.Destination.Host = "A.Example" }), "r2 r3 r4 r5 r8 r9 r11 r13 r14"},
		"no flow":                          {nil, "r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r12 r13 r14 r15 r16"},
	} {
		if got := candidates(p, test.flow); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, test.want)
		}
	}
}
