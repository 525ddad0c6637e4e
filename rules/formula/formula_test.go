package formula_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/formula"
)

func of(t testing.TB, condition string) *formula.Node {
	t.Helper()
	tree, err := rules.Tree(condition)
	if err != nil {
		t.Fatalf("%s: %v", condition, err)
	}
	return formula.Of(tree)
}

// TestConditionsThatCanBeTrueAreToldFromThoseThatCannot has, for each condition, what is proved.
func TestConditionsThatCanBeTrueAreToldFromThoseThatCannot(t *testing.T) {
	for condition, expected := range map[string]formula.Answer{
		`true`:  formula.Yes,
		`false`: formula.No,
		`destination.country == "DE" && destination.country == "FR"`:                                           formula.No,
		`destination.country in ["DE", "FR"] && destination.country != "DE"`:                                   formula.Yes,
		`destination.country in ["DE", "FR"] && !(destination.country in ["FR", "DE", "IT"])`:                  formula.No,
		`destination.country == "UK"`:                                                                          formula.No,
		`destination.country == ""`:                                                                            formula.Yes,
		`destination.country.startsWith("D") && destination.country.endsWith("E")`:                             formula.Yes,
		`destination.onlyCountries(["DE"]) && destination.anyCountry(["US"])`:                                  formula.No,
		`destination.onlyCountries(["DE", "FR"]) && destination.anyCountry(["FR"])`:                            formula.Yes,
		`destination.onlyCountries(["DE"]) && destination.country != "DE"`:                                     formula.No,
		`!destination.onlyCountries(["DE"]) && destination.country == "DE"`:                                    formula.Yes,
		`!destination.onlyCountries(["DE"]) && destination.country == "DE" && !destination.anyCountry(["US"])`: formula.Yes,
		`destination.country == "DE" && !destination.anyCountry(["DE", "FR"])`:                                 formula.No,
		`data.count("health") > 10 && data.count("health") < 12`:                                               formula.Yes,
		`data.count("health") > 10 && data.count("health") < 11`:                                               formula.No,
		`data.has("health") && data.count("health") == 0`:                                                      formula.No,
		`"health" in data.categories && !data.has("health")`:                                                   formula.No,
		`destination.port == 443 && destination.port > 1024`:                                                   formula.No,
		`transfer.origin == "DE" && source.country == "FR"`:                                                    formula.No,
		`transfer.destination == "DE" && !destination.anyCountry(["DE"])`:                                      formula.No,
		`transfer.crossesBorder && !transfer.crossesBorder`:                                                    formula.No,
		`transfer.crossesBorder`:                                                                               formula.Maybe,
		`data.entropy > 7.5 && data.entropy < 7.6`:                                                             formula.Yes,
		`data.entropy > 8.0`:       formula.No,
		`destination.port > 65535`: formula.No,
		`destination.confidence > 0.5 && destination.confidence < 0.6`:                                                                     formula.Yes,
		`destination.confidence > 1.0`:                                                                                                     formula.No,
		`destination.under("a.example.com") && !destination.under("example.com")`:                                                          formula.No,
		`destination.under("example.com") && !destination.under("a.example.com")`:                                                          formula.Yes,
		`destination.host.endsWith(".example.com") && !destination.under("example.com")`:                                                   formula.No,
		`destination.host == "API.example.com"`:                                                                                            formula.No,
		`destination.host.startsWith("api.") && destination.host.startsWith("www.")`:                                                       formula.No,
		`destination.host.startsWith("api.") && destination.host.endsWith(".example")`:                                                     formula.Yes,
		`request.path.matches("^/v[0-9]+/upload$")`:                                                                                        formula.Yes,
		`request.path.matches("^/a") && !request.path.matches("^/a")`:                                                                      formula.No,
		`request.scheme == "ftp"`:                                                                                                          formula.No,
		`data.undecodable && !data.undecodable`:                                                                                            formula.No,
		`data.undecodable == false && data.undecodable`:                                                                                    formula.No,
		`["a.example", "b.example"].exists(d, destination.under(d)) && !destination.under("a.example") && !destination.under("b.example")`: formula.No,
		`request.header("X-Label") == "a" && request.header("x-label") == "b"`:                                                             formula.No,
		`now > timestamp("2027-01-01T00:00:00Z") && now < timestamp("2026-01-01T00:00:00Z")`:                                               formula.No,
		`(data.has("health") ? destination.country == "DE" : true) && data.has("health") && destination.country == "FR"`:                   formula.No,
		`destination.jurisdictions.exists(j, j.country == "US") && !destination.jurisdictions.exists(j, j.country == "US")`:                formula.No,
		`destination.jurisdictions.exists(j, j.country == "US")`:                                                                           formula.Maybe,
		`"internal" in data.labels && !("internal" in data.labels)`:                                                                        formula.No,
		`10 < data.subjects && data.subjects <= 10`:                                                                                        formula.No,
		`destination.port in [80, 443] && destination.port == 8080`:                                                                        formula.No,
	} {
		if _, answer := formula.Satisfy(of(t, condition)); answer != expected {
			t.Errorf("%s: answer %d, expected %d", condition, answer, expected)
		}
	}
}

// conditions are combined by the tests below.
var conditions = strings.Split(strings.TrimSpace(`
destination.country == "DE"
destination.country in ["DE", "FR"]
destination.country != "US"
destination.anyCountry(["US", "CN"])
destination.onlyCountries(["DE", "FR", "IT"])
destination.operatorHome == "US"
destination.under("example.com")
destination.under("api.example.com")
destination.host.endsWith(".example.com")
destination.host == "api.example.com"
destination.host.startsWith("api.")
destination.port > 1024
destination.port == 443
destination.confidence >= 0.8
request.method in ["POST", "PUT"]
request.method == "POST"
request.path.startsWith("/v1/")
request.path.contains("upload")
request.path.matches("^/v[0-9]/upload")
request.header("X-Label") == "internal"
request.size > 1000
data.has("personal")
data.count("personal") > 10
data.count("personal") >= 11
"personal" in data.categories
data.found("us-ssn") > 0
data.subjects >= 100
data.undecodable
source.country == "DE"
source.identity == "billing"
source.identity.startsWith("spiffe://")
size(data.categories) > 1
"internal" in data.labels
source.label("app") == "payroll"
source.namespace == "billing"
destination.cloud == "aws"
destination.within("EEA")
destination.jurisdictions.exists(j, j.country == "US")
destination.jurisdictions.all(j, j.country == "DE")
["a.example", "b.example"].exists(d, destination.under(d))
`), "\n")

// TestWhatIsProvedOrShownIsSoInTheRealEvaluation evaluates every model on the compiled conditions, and
// holds every proof against all the models that were found.
func TestWhatIsProvedOrShownIsSoInTheRealEvaluation(t *testing.T) {
	var policy strings.Builder
	policy.WriteString("apiVersion: borderflow/v1\nkind: Policy\nname: all\ndefault: allow\nrules:\n")
	for i, c := range conditions {
		policy.WriteString("  - id: r" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "\n    verdict: log\n    when: |\n      " + c + "\n")
	}
	p, problems := rules.Parse(map[string][]byte{"all.yaml": []byte(policy.String())})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	all := p.Rules()
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	evaluate := func(i int, m *formula.Model) bool {
		f, at := m.Flow(now)
		truth, err := p.Evaluate(all[i], f, at)
		if err != nil && !errors.Is(err, rules.ErrUndetermined) {
			t.Fatalf("%s on %s: %v", conditions[i], formula.Describe(f), err)
		}
		return truth && err == nil
	}
	var models []*formula.Model
	shown, proved := 0, [][2]int{}
	for i := range conditions {
		for j := range conditions {
			model, answer := formula.Satisfy(of(t, conditions[i]), formula.Not(of(t, conditions[j])))
			switch {
			case answer == formula.No:
				proved = append(proved, [2]int{i, j})
			case answer == formula.Yes:
				shown++
				models = append(models, model)
				f, _ := model.Flow(now)
				if f.Data.Undecodable == "" && (!evaluate(i, model) || evaluate(j, model)) {
					t.Errorf("%s and not %s: the model %s does not do", conditions[i], conditions[j], formula.Describe(f))
				}
			}
		}
	}
	for _, pair := range proved {
		for _, model := range models {
			if f, _ := model.Flow(now); f.Data.Undecodable == "" && evaluate(pair[0], model) && !evaluate(pair[1], model) {
				t.Errorf("%s was proved to imply %s; %s shows otherwise", conditions[pair[0]], conditions[pair[1]], formula.Describe(f))
			}
		}
	}
	if shown < 500 || len(proved) < len(conditions)+5 {
		t.Errorf("%d shown and %d proved: the conditions do not exercise both", shown, len(proved))
	}
}

func TestAQuestionThatIsTooLargeIsLeftOpen(t *testing.T) {
	var parts []string
	for i := range 40 {
		n := string(rune('a'+i%26)) + string(rune('a'+i/26))
		parts = append(parts, `(data.has("`+n+`x") || data.has("`+n+`y"))`, `(!data.has("`+n+`x") || !data.has("`+n+`y"))`)
	}
	big := of(t, strings.Join(parts, " && ")+` && (data.undecodable || destination.port == 1) && (data.undecodable || destination.port == 2) && !data.undecodable`)
	began := time.Now()
	if _, answer := formula.Satisfy(big); answer == formula.Yes {
		t.Error("a contradiction was said to hold")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func FuzzFormulasNeverPanic(f *testing.F) {
	for _, c := range conditions {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, condition string) {
		tree, err := rules.Tree(condition)
		if err != nil {
			return
		}
		node := formula.Of(tree)
		formula.Literals(tree)
		if model, answer := formula.Satisfy(node); answer != formula.No {
			model.Flow(time.Unix(0, 0))
		}
		if _, a := formula.Satisfy(node, formula.Not(node)); a == formula.Yes {
			t.Errorf("%q and its opposite are both true", condition)
		}
	})
}
