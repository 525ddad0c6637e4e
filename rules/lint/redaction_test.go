package lint_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/lint"
)

func TestRulesThatRedactAreJudgedAsSuch(t *testing.T) {
	const header = "apiVersion: borderflow/v1\nkind: Policy\nname: p\ndefault: allow\nrules:\n"
	for _, c := range []struct{ name, rule, code, message string }{
		{"an allow rule that redacts is not idle", `{id: a, when: 'destination.under("a.example")', verdict: allow, redact: {categories: [financial]}}`, "", ""},
		{"one that does not is", `{id: a, when: 'destination.under("a.example")', verdict: allow}`, "BF105", "allows this by default"},
		{"one for every flow holds every payload back", `{id: a, when: true, verdict: allow, redact: {categories: [financial]}}`, "BF110", "every flow waits"},
		{"a category that nothing finds is not redacted", `{id: a, when: 'destination.under("a.example")', verdict: allow, redact: {categories: [undetected]}}`, "BF121", "nothing of it is redacted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rule := c.rule
			if strings.Contains(rule, "undetected") {
				category := slices.IndexFunc(classify.Categories(), func(c classify.Category) bool { return !c.Detected })
				if category < 0 {
					t.Skip("some detector finds each category")
				}
				rule = strings.Replace(rule, "undetected", classify.Categories()[category].Name, 1)
			}
			files := map[string][]byte{"p.yaml": []byte(header + "  - " + rule + "\n")}
			var codes []string
			for _, f := range lint.Check(parse(t, files), files, lint.Options{Now: june}) {
				codes = append(codes, f.Code)
				if f.Code == c.code && !strings.Contains(f.Message, c.message) {
					t.Errorf("%s says %q", f.Code, f.Message)
				}
			}
			if got := strings.Join(codes, " "); got != c.code {
				t.Errorf("got %q, want %q", got, c.code)
			}
		})
	}
}
