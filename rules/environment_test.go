package rules

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/cel-go/common/types"

	"github.com/borderflow/borderflow/rules/flow"
)

func TestWhatConditionsSay(t *testing.T) {
	for condition, want := range map[string]bool{
		`source.address == "192.0.2.7" && source.port == 4711 && source.identity == "alice" && source.assurance == "mtls" && source.country == "DE"`: true,
		`destination.host == "api.shop.example" && destination.port == 443 && destination.address == "198.51.100.9"`:                                 true,
		`destination.country == "US" && destination.confidence > 0.8 && destination.operator == "Shop Inc" && destination.operatorHome == "US"`:      true,
		`destination.jurisdictions.exists(j, j.country == "IE" && j.source == "database" && j.confidence < 0.5 && j.detail == "")`:                   true,
		`destination.jurisdictions[0].detail.endsWith(".shop.example") && destination.jurisdictions.size() == 2`:                                     true,
		`destination.exempt || destination.exemption != ""`:                                                                                          false,
		`request.method == "POST" && request.scheme == "https" && request.path == "/orders" && request.query == "a=1" && request.protocol == "h2"`:   true,
		`request.size == 120`: true,
		`request.header("content-TYPE") == "application/json" && request.header("x-tag") == "a, b" && request.header("missing") == ""`: true,
		`data.has("financial") && !data.has("health") && data.count("financial") == 2 && data.count("health") == 0`:                    true,
		`data.found("payment-card") == 2 && data.found("iban") == 0 && data.subjects == 1`:                                             true,
		`"financial" in data.categories && data.categories.size() == 1 && data.inspected == "full" && !data.undecodable`:               true,
		`now == timestamp("2026-07-01T12:00:00Z") && now.getFullYear() == 2026`:                                                        true,
		`destination.host.lowerAscii().replace("api.", "") == "shop.example"`:                                                          true,
		`destination.country in ["CN", "US"]`:                                                                                          true,
		`destination.under("shop.example")`:                                                                                            true,
		`destination.under("API.Shop.Example.")`:                                                                                       true,
		`destination.under("op.example")`:                                                                                              false,
		`destination.under("www.api.shop.example")`:                                                                                    false,
		`destination.anyCountry(["IE"])`:                                                                                               true,
		`destination.anyCountry(["DE", "FR"])`:                                                                                         false,
		`destination.onlyCountries(["US"])`:                                                                                            false,
		`destination.onlyCountries(["IE", "US"])`:                                                                                      true,
		`destination.anyCountry([source.country])`:                                                                                     false,
		`transfer.origin == "DE" && transfer.destination == "US" && transfer.crossesBorder && !transfer.domestic`:                      true,
		`data.entropy > 4.4 && data.entropy < 4.6 && data.entropy >= 4.0`:                                                              true,
		`source == source && !(destination.jurisdictions[0] == destination.jurisdictions[1])`:                                          true,
	} {
		c, mistakes := compile(condition, everything, ownNames{})
		if len(mistakes) > 0 {
			t.Errorf("%s: %v", condition, mistakes)
			continue
		}
		s := newScope(nil, nil, nil)
		s.flow, s.now = known(), decidedAt
		result, _, err := c.evaluate(s)
		if err != nil || (result == matched) != want {
			t.Errorf("%s: outcome %v, %v; want %v", condition, result, err, want)
		}
	}
}

// TestATransferIsKnownAsFarAsBothItsCountriesAre goes through the states of the two lookups.
func TestATransferIsKnownAsFarAsBothItsCountriesAre(t *testing.T) {
	const origin, destination, crosses, domestic = "transfer.origin == 'DE'", "transfer.destination == 'DE'", "transfer.crossesBorder", "transfer.domestic"
	for name, test := range map[string]struct {
		from, to         string
		fromState, state flow.State
		want             map[string]outcome
	}{
		"another country":                     {"DE", "US", flow.Known, flow.Known, map[string]outcome{origin: matched, destination: unmatched, crosses: matched, domestic: unmatched}},
		"the same country":                    {"DE", "DE", flow.Known, flow.Known, map[string]outcome{origin: matched, destination: matched, crosses: unmatched, domestic: matched}},
		"no origin":                           {"", "US", flow.Absent, flow.Known, map[string]outcome{origin: unmatched, crosses: unmatched, domestic: unmatched}},
		"an origin that is left over":         {"US", "US", flow.Absent, flow.Known, map[string]outcome{crosses: unmatched, domestic: unmatched}},
		"no place":                            {"DE", "", flow.Known, flow.Absent, map[string]outcome{origin: matched, destination: unmatched, crosses: unmatched, domestic: unmatched}},
		"a place that is left over":           {"DE", "DE", flow.Known, flow.Absent, map[string]outcome{destination: unmatched, crosses: unmatched, domestic: unmatched}},
		"sources that agree on no country":    {"DE", "", flow.Known, flow.Known, map[string]outcome{crosses: unmatched, domestic: unmatched}},
		"neither":                             {"", "", flow.Absent, flow.Absent, map[string]outcome{crosses: unmatched, domestic: unmatched}},
		"a lookup that failed":                {"DE", "DE", flow.Known, flow.Unavailable, map[string]outcome{origin: matched, destination: failed, crosses: failed, domestic: failed}},
		"an origin that failed":               {"DE", "DE", flow.Unavailable, flow.Known, map[string]outcome{origin: failed, destination: matched, crosses: failed, domestic: failed}},
		"no origin, and a lookup that failed": {"", "", flow.Absent, flow.Unavailable, map[string]outcome{crosses: failed, domestic: failed}},
		"a lookup under way":                  {"DE", "DE", flow.Known, flow.Pending, map[string]outcome{origin: matched, crosses: pending, domestic: pending}},
	} {
		for condition, want := range test.want {
			c, mistakes := compile(condition, atConnect, ownNames{})
			if len(mistakes) > 0 {
				t.Fatal(mistakes)
			}
			s := newScope(nil, nil, nil)
			s.flow = with(func(f *flow.Flow) {
				f.Source.Country, f.Source.CountryState = test.from, test.fromState
				f.Destination.Location, f.Destination.LocationState = flow.Location{Country: test.to}, test.state
			})
			if got, _, _ := c.evaluate(s); got != want {
				t.Errorf("%s: %s comes to %v, want %v", name, condition, got, want)
			}
		}
	}
}

func TestEntropyIsKnownAsFarAsThePayloadIs(t *testing.T) {
	c, mistakes := compile("data.entropy > 7.5", everything, ownNames{})
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	for name, test := range map[string]struct {
		data flow.Data
		want outcome
	}{
		"encrypted":         {flow.Data{State: flow.Known, Entropy: 7.99, Undecodable: "encrypted"}, matched},
		"text":              {flow.Data{State: flow.Known, Entropy: 4.5}, unmatched},
		"none":              {flow.Data{State: flow.Absent, Entropy: 7.99}, unmatched},
		"not read yet":      {flow.Data{State: flow.Pending}, pending},
		"cannot be read":    {flow.Data{State: flow.Unavailable, Entropy: 1}, uninspectable},
		"kept by no record": {flow.Data{State: flow.Known, Entropy: -1}, pending},
		"no number":         {flow.Data{State: flow.Known, Entropy: math.NaN()}, pending},
	} {
		s := newScope(nil, nil, nil)
		s.flow = with(func(f *flow.Flow) { f.Data = test.data })
		if got, _, _ := c.evaluate(s); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestDomainsAndAddresses(t *testing.T) {
	for _, test := range []struct {
		host, domain string
		want         bool
	}{
		{"example.com", "example.com", true}, {"a.example.com", "example.com", true}, {"a.example.com", ".example.com", true},
		{"badexample.com", "example.com", false}, {"example.com.evil.test", "example.com", false}, {"com", "example.com", false},
		{"10.0.0.1", "0.1", false}, {"10.0.0.1", "10.0.0.1", true}, {"2001:db8::1", "1", false},
		{"xn--mller-kva.example", "müller.example", true}, {"www.xn--mller-kva.example", "müller.example", true},
	} {
		c, mistakes := compile(`destination.under(source.identity)`, everything, ownNames{})
		if len(mistakes) > 0 {
			t.Fatal(mistakes)
		}
		s := newScope(nil, nil, nil)
		s.flow = with(func(f *flow.Flow) { f.Destination.Host, f.Source.Identity = test.host, test.domain })
		if result, _, err := c.evaluate(s); (result == matched) != test.want || err != nil {
			t.Errorf("%s under %s: %v, %v", test.host, test.domain, result, err)
		}
	}
}

func TestAPooledScopeNeverShowsTheFlowBefore(t *testing.T) {
	c, mistakes := compile(`destination.host == "b" && source.address == "192.0.2.9" && source.port == 1 && request.query.size() == 0 && destination.confidence == 0.5`, everything, ownNames{})
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	s := newScope(nil, nil, nil)
	s.flow = with(func(f *flow.Flow) { f.Request.Query = strings.Repeat("x", 2*longestKept) })
	if result, _, _ := c.evaluate(s); result != unmatched {
		t.Fatal("matched too early")
	}
	s.forget()
	s.flow = with(func(f *flow.Flow) {
		f.Destination.Host, f.Source.Address, f.Source.Port, f.Request.Query = "b", netip.MustParseAddr("192.0.2.9"), 1, ""
		f.Destination.Location.Confidence = 0.5
	})
	if result, _, err := c.evaluate(s); result != matched {
		t.Errorf("outcome %v, %v", result, err)
	}
	s.forget()
	if s.flow != nil {
		t.Error("the scope holds on to a flow")
	}
}

func TestAPooledScopeHoldsNoLongTexts(t *testing.T) {
	c, mistakes := compile(`request.query.size() > 0`, everything, ownNames{})
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	s := newScope(nil, nil, nil)
	s.flow = with(func(f *flow.Flow) { f.Request.Query = strings.Repeat("x", 2*longestKept) })
	if result, _, err := c.evaluate(s); result != matched {
		t.Fatal(result, err)
	}
	s.forget()
	for i, kept := range s.slots {
		if text, ok := kept.value.(types.String); ok && len(text) > longestKept {
			t.Errorf("slot %d holds %d bytes", i, len(text))
		}
	}
}

// TestReferenceIsTheWholeEnvironment compiles each name of the reference, so that a reader can rely
// on it, and counts, so that it leaves nothing out.
func TestReferenceIsTheWholeEnvironment(t *testing.T) {
	entries := Reference()
	if want := len(attributes) + len(claimFields) + len(functions) + len(listFunctions) + 1; len(entries) != want {
		t.Errorf("%d entries, want %d", len(entries), want)
	}
	for _, e := range entries {
		if e.Doc == "" || e.Type == "" || e.Example == "" || e.Cost == "" || strings.ContainsRune(e.Doc, '\n') {
			t.Errorf("%+v", e)
		}
		name := e.Name[strings.LastIndex(strings.SplitN(e.Name, "(", 2)[0], ".")+1:]
		if name, _, _ = strings.Cut(name, "("); !strings.Contains(e.Example, name) {
			t.Errorf("%s: the example shows something else: %s", e.Name, e.Example)
		}
		if _, mistakes := compile(e.Example, everything, ownNames{}); len(mistakes) > 0 {
			t.Errorf("%s: %s: %v", e.Name, e.Example, mistakes)
		}
	}
}

func TestTheWrittenReferenceIsTheEnvironments(t *testing.T) {
	var b strings.Builder
	b.WriteString("# What the conditions of rules can say\n\n" +
		"Made from the environment (`go test ./rules -run Reference -update`), so that it cannot drift. Beyond these names there is\n" +
		"[CEL](https://cel.dev) itself: `&&`, `||`, `!`, `? :`, comparisons, `in`, arithmetic, `exists`, `all`, and functions of texts, lists and times.\n\n" +
		"| name | type | meaning | example | cost |\n|---|---|---|---|---|\n")
	cell := strings.NewReplacer("|", `\|`)
	for _, e := range Reference() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` | %s |\n", e.Name, e.Type, cell.Replace(e.Doc), cell.Replace(e.Example), e.Cost)
	}
	b.WriteString("\nA fact that is pending, or that cannot be had, is never taken for one that is absent. Absent facts are empty.\n\n" +
		"Costs: *constant* is the same for every flow; *lookup* is one search, however long the list; *claims* grows with the sources that\n" +
		"place the destination and the countries given; *findings* with the kinds of data found or declared.\n")
	compareFile(t, "reference.md", b.String())
}

func TestExpensiveConditionsAreMeteredAndEndInAnError(t *testing.T) {
	c, mistakes := compile(`data.categories.all(a, data.categories.all(b, (a + b + request.path).replace("a", "aaaa").replace("a", "aaaa").size() > 0))`, everything, ownNames{})
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	if !c.metered {
		t.Fatal("the condition is not metered")
	}
	s := newScope(nil, nil, nil)
	s.flow = with(func(f *flow.Flow) {
		f.Request.Path = strings.Repeat("a", 4096)
		f.Data.Categories = nil
		for _, name := range "abcdefghijklmnopqrstuvwxyz" {
			f.Data.Categories = append(f.Data.Categories, flow.Category{Name: string(name), Count: 1})
		}
	})
	result, _, err := c.evaluate(s)
	if result != failed || reason(err) != "the condition takes too long" {
		t.Errorf("outcome %v, %v", result, err)
	}
	s.flow = known()
	if result, _, err := c.evaluate(s); result != matched {
		t.Errorf("the meter of one run counted for the next: %v, %v", result, err)
	}
}

func TestOrdinaryConditionsAreNotMetered(t *testing.T) {
	for _, condition := range []string{
		`destination.country == "US" && data.has("financial")`,
		`destination.host.matches("^[a-z]+\\.example$") || request.path.startsWith("/a")`,
		`request.header("content-type").contains("json") && destination.anyCountry(["US", "CN"])`,
		`destination.jurisdictions.exists(j, j.country == "US" && j.confidence > 0.5)`,
		`data.count("financial") > 3 && now < timestamp("2030-01-01T00:00:00Z")`,
	} {
		if c, mistakes := compile(condition, everything, ownNames{}); len(mistakes) > 0 || c.metered {
			t.Errorf("%s: %v, %+v", condition, mistakes, c)
		}
	}
}

func TestSharedErrorsAreNeverWrittenTo(t *testing.T) {
	for i := range attributes {
		if attributes[i].unavailable.NodeID() == 0 {
			t.Errorf("%s: cel-go would label this error during an evaluation", attributes[i].name)
		}
	}
}
