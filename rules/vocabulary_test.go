package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/classify"
)

// hostExpected is what is said of a host that no flow has.
const hostExpected = "expected a host as it is compared, in lower case and without scheme, port, path or final dot, found "

func TestNamesThatNothingBearsAreMistakes(t *testing.T) {
	categories := "known here: " + strings.Join(knownCategories(), ", ")
	for condition, want := range map[string][]mistake{
		`data.has("finacial")`:                             {{1, 10, `expected a category of data, found "finacial"`, `did you mean "financial"?`}},
		`data.count("Personal") > 1`:                       {{1, 12, `expected a category of data, found "Personal"`, `did you mean "personal"?`}},
		`"helth" in data.categories`:                       {{1, 1, `expected a category of data, found "helth"`, `did you mean "health"?`}},
		`data.categories == ["helth"]`:                     {{1, 21, `expected a category of data, found "helth"`, `did you mean "health"?`}},
		`data.categories[0] != "helth"`:                    {{1, 23, `expected a category of data, found "helth"`, `did you mean "health"?`}},
		`data.categories.exists(c, c == "finacial")`:       {{1, 32, `expected a category of data, found "finacial"`, `did you mean "financial"?`}},
		`!data.categories.all(c, c in ["x", "health"])`:    {{1, 31, `expected a category of data, found "x"`, categories}},
		`["health", "x"].exists(c, data.has(c))`:           {{1, 12, `expected a category of data, found "x"`, categories}},
		`data.has(source.port == 1 ? "health" : "x")`:      {{1, 40, `expected a category of data, found "x"`, categories}},
		`data.found("creditcard") > 0`:                     {{1, 12, `expected the id of a detector, found "creditcard"`, `did you mean "payment-card"?`}},
		`data.found("us-snn") > 0`:                         {{1, 12, `expected the id of a detector, found "us-snn"`, `did you mean "us-ssn"?`}},
		`destination.country == "UK"`:                      {{1, 24, `expected a country code of ISO 3166-1 alpha-2, found "UK"`, `did you mean "GB", United Kingdom?`}},
		`"de" != source.country`:                           {{1, 1, `expected a country code of ISO 3166-1 alpha-2, found "de"`, `did you mean "DE", Germany?`}},
		`destination.operatorHome in ["US", "GER"]`:        {{1, 36, `expected a country code of ISO 3166-1 alpha-2, found "GER"`, `did you mean "DE", Germany?`}},
		`destination.anyCountry(["QQ"])`:                   {{1, 25, `expected a country code of ISO 3166-1 alpha-2, found "QQ"`, `two capital letters, for example "DE"`}},
		`destination.onlyCountries(["eu"])`:                {{1, 28, `expected a country code of ISO 3166-1 alpha-2, found "eu"`, `for a group of countries write destination.within("EU")`}},
		`transfer.origin == "UK" && transfer.domestic`:     {{1, 20, `expected a country code of ISO 3166-1 alpha-2, found "UK"`, `did you mean "GB", United Kingdom?`}},
		`"UK" in [transfer.destination, "DE"]`:             {{1, 1, `expected a country code of ISO 3166-1 alpha-2, found "UK"`, `did you mean "GB", United Kingdom?`}},
		`destination.jurisdictions[0].country == "UK"`:     {{1, 41, `expected a country code of ISO 3166-1 alpha-2, found "UK"`, `did you mean "GB", United Kingdom?`}},
		`{"UK": true}[destination.country]`:                {{1, 2, `expected a country code of ISO 3166-1 alpha-2, found "UK"`, `did you mean "GB", United Kingdom?`}},
		`(request.size > 1 ? source.country : "") == "UK"`: {{1, 45, `expected a country code of ISO 3166-1 alpha-2, found "UK"`, `did you mean "GB", United Kingdom?`}},
		`destination.jurisdictions.exists(j, source.port == 1 || j.country == "UK")`: {
			{1, 70, `expected a country code of ISO 3166-1 alpha-2, found "UK"`, `did you mean "GB", United Kingdom?`}},
		`["UK"].exists(c, destination.jurisdictions.exists(j, j.country == c))`: {
			{1, 2, `expected a country code of ISO 3166-1 alpha-2, found "UK"`, `did you mean "GB", United Kingdom?`}},
		`request.method == "post"`:                       {{1, 19, `expected a method as it is sent, in capital letters, found "post"`, `did you mean "POST"?`}},
		`request.method in ["GET", "PO ST"]`:             {{1, 27, `expected a method, which is one word, found "PO ST"`, `for example "POST"`}},
		`request.scheme == "HTTP"`:                       {{1, 19, `expected http or https, found "HTTP"`, `did you mean "http"?`}},
		`request.protocol == "HTTP/1.1"`:                 {{1, 21, `expected http/1.1 or h2 or grpc or websocket or connect, found "HTTP/1.1"`, `did you mean "http/1.1"?`}},
		`data.inspected != "ful"`:                        {{1, 19, `expected none or partial or full, found "ful"`, `did you mean "full"?`}},
		`data.inspected == ""`:                           {{1, 19, `expected none or partial or full, found ""`, ""}},
		`source.assurance == "tls"`:                      {{1, 21, `expected mtls or basic, found "tls"`, `did you mean "mtls"?`}},
		`request.header("Content Type") == ""`:           {{1, 16, `expected the name of a header, found "Content Type"`, `did you mean "Content-Type"?`}},
		`request.header("Accept:") == ""`:                {{1, 16, `expected the name of a header, found "Accept:"`, `did you mean "Accept"?`}},
		`request.header("") == ""`:                       {{1, 16, `expected the name of a header, found ""`, `for example "Content-Type"`}},
		`destination.under("")`:                          {{1, 19, `expected a domain, found ""`, `for example "api.example.com"`}},
		`destination.under("*.example.com")`:             {{1, 19, `expected a domain, found "*.example.com"`, `did you mean "example.com"?`}},
		`destination.under("https://Example.com:443/x")`: {{1, 19, `expected a domain, found "https://Example.com:443/x"`, `did you mean "example.com"?`}},
		`destination.under("10.0.0")`:                    {{1, 19, `expected a domain, found "10.0.0"`, `for networks write inNetwork(destination.address, "192.0.2.0/24")`}},
		`destination.host == "API.Example.com"`:          {{1, 21, hostExpected + `"API.Example.com"`, `did you mean "api.example.com"?`}},
		`"example.com." != destination.host`:             {{1, 1, hostExpected + `"example.com."`, `did you mean "example.com"?`}},
		`destination.host in ["a.example", "Müller.example"]`: {
			{1, 35, hostExpected + `"Müller.example"`, `did you mean "xn--mller-kva.example"?`}},
		`destination.host == "[2001:DB8::1]:443"`:         {{1, 21, hostExpected + `"[2001:DB8::1]:443"`, `did you mean "2001:db8::1"?`}},
		`destination.host == "*.example.com"`:             {{1, 21, hostExpected + `"*.example.com"`, `for a domain and all below it write destination.under("example.com")`}},
		`destination.host == "https://u@example.com/a:b"`: {{1, 21, hostExpected + `"https://u@example.com/a:b"`, `did you mean "example.com"?`}},
		`destination.host == "exa mple"`:                  {{1, 21, hostExpected + `"exa mple"`, `for example "api.example.com"`}},
		`destination.address == "10.0.0.0/8"`:             {{1, 24, `expected an address, found "10.0.0.0/8"`, writeNetwork}},
		`source.address in ["2001:DB8::1", "a"]`: {
			{1, 20, `expected an address as it is compared, found "2001:DB8::1"`, `did you mean "2001:db8::1"?`},
			{1, 35, `expected an address, found "a"`, `for example "192.0.2.1"`}},
		"data.has(\"health\") &&\n  data.has(\"helth\")": {{2, 12, `expected a category of data, found "helth"`, `did you mean "health"?`}},
		`source.prt == 1 && data.has("helth")`: {
			{1, 8, `source has no field "prt"`, `did you mean "port"?`},
			{1, 29, `expected a category of data, found "helth"`, `did you mean "health"?`}},
	} {
		c, got := compile(condition, everything, ownNames{})
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(mistake{})); diff != "" || c != nil {
			t.Errorf("%s (-want +got):\n%s", condition, diff)
		}
	}
}

func TestNamesThatAFactCanBeAreNoMistakes(t *testing.T) {
	for _, condition := range []string{
		`destination.country == "" || source.country in ["", "DE"] || destination.jurisdictions.exists(j, j.country != "")`,
		`source.address in ["192.0.2.1", "2001:db8::1"] || destination.address == ""`,
		`data.has("biometric") && data.count("important") > 0`,
		`request.method in ["PURGE", "purge", "M-SEARCH", "PROPFIND", ""]`,
		`request.protocol != "" && request.scheme != "" && source.assurance == ""`,
		`request.header("x-tag") == "UK" && request.path == "UK" && request.query.contains("UK")`,
		`destination.host in ["localhost", "_dmarc.example", "r3---sn.example", "xn--mller-kva.example", "192.0.2.1", "2001:db8::1", "a-_b.c"]`,
		`destination.host.startsWith("API.") || destination.host.endsWith(".") || destination.host.contains("UK")`,
		`destination.under("Müller.example") && destination.under(".Example.com.") && destination.under("de") && destination.under("2001:db8::1")`,
		`destination.country.lowerAscii() == "de" && destination.country.startsWith("U")`,
		`["UK"].exists(data, data == "UK") && ["helth"].exists(c, c == request.path)`,
		`data.categories.exists(c, ["x"].exists(c, c == "x"))`,
		`destination.operator == "UK" && destination.region == "DE" && source.label("x") == "UK" && "UK" in data.labels`,
	} {
		if _, mistakes := compile(condition, everything, ownNames{}); len(mistakes) > 0 {
			t.Errorf("%s: %+v", condition, mistakes)
		}
	}
	for _, d := range classify.Detectors() {
		if _, mistakes := compile(`data.found("`+d.ID+`") > 0`, everything, ownNames{}); len(mistakes) > 0 {
			t.Errorf("%s: %+v", d.ID, mistakes)
		}
	}
}

func TestEveryFactWithAVocabularyExists(t *testing.T) {
	for fact := range factTexts {
		text := strings.ReplaceAll(strings.TrimSuffix(fact, "[]"), "[]", "[0]")
		if _, err := Tree("type(" + text + ") == string || true"); err != nil {
			t.Errorf("%s: %v", fact, err)
		}
	}
	for name := range argumentTexts {
		group, function, _ := strings.Cut(name, ".")
		found := false
		for _, fn := range functions {
			found = found || groupNames[fn.group] == group && fn.name == function
		}
		if !found {
			t.Errorf("there is no function %s", name)
		}
	}
}

func TestMistakesInInspectConditionsAndRulesAreNamedTogether(t *testing.T) {
	_, problems := Parse(map[string][]byte{"b.yaml": []byte(good + `inspect:
  - {when: 'destination.country == "UK"', level: full}
rules:
  - id: r
    when: >-
      destination.country == "US" &&
      data.has("helth")
    verdict: block
`), "a.yaml": []byte(strings.Replace(good, "good", "other", 1) + `rules: [{id: r, when: 'destination.host == "A"', verdict: block}]`)})
	const want = `a.yaml:5:44: ` + hostExpected + `"A" (did you mean "a"?)
b.yaml:6:36: expected a country code of ISO 3166-1 alpha-2, found "UK" (did you mean "GB", United Kingdom?)
b.yaml:11:16: expected a category of data, found "helth" (did you mean "health"?)`
	if diff := cmp.Diff(want, problems.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatOneConditionReportsIsBounded(t *testing.T) {
	_, mistakes := compile(`destination.country in ["x`+strings.Repeat(`", "x`, 5000)+`"]`, everything, ownNames{})
	if len(mistakes) != maxMisnamed {
		t.Errorf("%d mistakes", len(mistakes))
	}
}
