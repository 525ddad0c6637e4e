package ruletest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/ruletest"
)

const (
	open   = header + "Policy\nname: p\ndefault: allow\nrules: []\n"
	closed = header + "Policy\nname: p\ndefault: allow\nrules: [{id: all, when: 'true', verdict: block}]\n"
	isOpen = header + "PolicyTest\ncases: [{name: mail leaves, flow: {destination: {host: mail.example}}, expect: {verdict: allow}}]\n"
)

// write replaces files of a policy directory in one step each, as editors do.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		temporary := filepath.Join(dir, "."+name)
		if err := os.WriteFile(temporary, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(temporary, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

const failingTest = "the policy does not pass its tests: 1 of 1 fail\n"

func TestAPolicyThatFailsItsTestsIsNoStart(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"p.yaml": closed, "p_test.yaml": isOpen})
	store, err := rules.NewStore(dir, nil, rules.Gated(ruletest.Gate(dir)))
	if store != nil || err == nil {
		t.Fatalf("started with %v, %v", store, err)
	}
	want := failingTest + filepath.Join(dir, "p_test.yaml") + ":3: mail leaves: verdict: expected allow, came block"
	if err.Error() != want {
		t.Errorf("the refusal reads\n%v\nwant\n%s", err, want)
	}
}

func TestAPolicyThatFailsItsTestsLeavesTheOneBeforeInForce(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"p.yaml": open, "p_test.yaml": isOpen})
	store, err := rules.NewStore(dir, nil, rules.Gated(ruletest.Gate(dir)))
	if err != nil {
		t.Fatal(err)
	}
	before := store.Current()
	told := 0
	defer store.OnChange(func(*rules.Policy) { told++ })()

	write(t, dir, map[string]string{"p.yaml": closed})
	for range 2 {
		if err := store.Reload(t.Context()); err == nil || !strings.HasPrefix(err.Error(), failingTest) {
			t.Fatalf("reload: %v", err)
		}
	}
	status := store.Status()
	if store.Current() != before || told != 0 || status.Hash != before.Hash() || status.FailedReloads != 2 ||
		status.LastError == nil || !strings.HasPrefix(status.LastError.Error(), failingTest) {
		t.Errorf("in force %s, before %s, told %d times, %+v", store.Current().ShortHash(), before.ShortHash(), told, status)
	}

	// Tests that cannot be read, or that speak of rules that are not there, are no tests that pass.
	for name, text := range map[string]string{
		"no test":        "cases: oops",
		"no such rule":   strings.Replace(isOpen, "verdict: allow", "verdict: allow, rule: gone", 1),
		"a second fails": isOpen + "---\n" + strings.Replace(isOpen, "expect: {verdict: allow}", "expect: {verdict: block}", 1),
	} {
		write(t, dir, map[string]string{"p.yaml": open + "# edited\n", "p_test.yaml": text})
		if err := store.Reload(t.Context()); err == nil || store.Current() != before {
			t.Errorf("%s: %v", name, err)
		}
	}

	// Once policy and tests agree, the policy comes into force.
	write(t, dir, map[string]string{"p.yaml": closed, "p_test.yaml": strings.Replace(isOpen, "expect: {verdict: allow}", "expect: {verdict: block}", 1)})
	if err := store.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status := store.Status(); store.Current() == before || told != 1 || status.LastError != nil {
		t.Errorf("told %d times, %+v", told, status)
	}
}

func TestCasesStateEntropyAndTheCountriesOfATransfer(t *testing.T) {
	policy := policyOf(t, `name: p
default: allow
rules:
  - {id: bulk, when: 'data.entropy > 7.5 && request.size > 1000000', verdict: block}
  - {id: abroad, when: 'transfer.crossesBorder && request.method == "PUT"', verdict: block}
  - {id: elsewhere, when: '!transfer.domestic && request.method == "POST"', verdict: block}
`)
	report := suiteOf(t, `
  - {name: encrypted bulk, flow: {destination: {host: a.example}, request: {size: 2000000}, data: {entropy: 7.99}}, expect: {verdict: block, rule: bulk, phase: body}}
  - {name: text in bulk, flow: {destination: {host: a.example}, request: {size: 2000000}, data: {entropy: 4.5}}, expect: {verdict: allow}}
  - {name: a small payload is not read, flow: {destination: {host: a.example}, request: {size: 10}, data: {entropy: 7.99}}, expect: {verdict: allow, phase: headers}}
  - {name: abroad, flow: {source: {country: DE}, destination: {host: a.example, country: US}, request: {method: PUT}}, expect: {verdict: block, rule: abroad, phase: headers}}
  - {name: at home, flow: {source: {country: DE}, destination: {host: a.example, country: DE}, request: {method: POST}}, expect: {verdict: allow}}
  - {name: nowhere known, flow: {source: {country: DE}, destination: {host: a.example}, request: {method: PUT}}, expect: {verdict: allow}}
  - {name: nowhere known is not home, flow: {source: {country: DE}, destination: {host: a.example}, request: {method: POST}}, expect: {verdict: block, rule: elsewhere}}
  - {name: a failed lookup, flow: {source: {country: DE}, destination: {host: a.example}, request: {method: PUT}, unavailable: [destination.location]}, expect: {verdict: block, rule: abroad, errors: [abroad]}}
`).Run(policy, ruletest.Options{})
	for i := range report.Results {
		if r := &report.Results[i]; !r.Passed() {
			t.Errorf("%s: %+v", r.Case.Name, r.Differences)
		}
	}
	for _, entropy := range []string{"-0.1", "8.1", ".nan", "high"} {
		text := strings.Replace(isOpen, "mail.example}", "mail.example}, data: {entropy: "+entropy+"}", 1)
		if _, problems := ruletest.Parse(map[string][]byte{"p_test.yaml": []byte(text)}); len(problems) != 1 {
			t.Errorf("entropy: %s: %v", entropy, problems)
		}
	}
}
