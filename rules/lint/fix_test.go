package lint_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/lint"
)

func TestFixMendsWhatCanOnlyHaveBeenMeantOtherwise(t *testing.T) {
	files := map[string][]byte{"names.yaml": directory(t, "testdata/bad/names.yaml")["names.yaml"]}
	fixed, applied, err := lint.Fix(files, lint.Check(parse(t, files), files, lint.Options{Now: june}))
	if err != nil {
		t.Fatal(err)
	}
	text := string(fixed["names.yaml"])
	for _, expected := range []string{`(".example.com")   # comments stay`, `(".example.org")'`, `"PURGE"`, `data.has("genetic")`, `"https://example.com"`} {
		if !strings.Contains(text, expected) {
			t.Errorf("%s is not in\n%s", expected, text)
		}
	}
	if applied != 3 {
		t.Errorf("%d edits", applied)
	}
	if again, n, err := lint.Fix(fixed, lint.Check(parse(t, fixed), fixed, lint.Options{Now: june})); n != 0 || err != nil {
		t.Errorf("a second run made %d edits: %v\n%s", n, err, again)
	}
}

func TestReplacingAFileKeepsItsModeAndFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "link.yaml")
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Skip("links cannot be made here")
	}
	if err := lint.WriteFile(link, []byte("old"), []byte("new")); err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(path)
	info, _ := os.Lstat(link)
	target, _ := os.Stat(path)
	if string(data) != "new" || info.Mode()&os.ModeSymlink == 0 || target.Mode().Perm() != 0o640 {
		t.Errorf("%q, link %v, mode %v", data, info.Mode(), target.Mode())
	}
	for name, err := range map[string]error{
		"a file that changed meanwhile": lint.WriteFile(path, []byte("old"), []byte("newer")),
		"nothing to write":              lint.WriteFile(path, []byte("new"), nil),
		"a file that is gone":           lint.WriteFile(filepath.Join(dir, "b.yaml"), nil, []byte("x")),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("%d files are left", len(entries))
	}
}

// FuzzFixChangesLiteralsAlone holds Fix to its promise: the result is a policy with the same rules in
// the same order, whose text differs in what was replaced and nowhere else, and a second run finds
// nothing left to do.
func FuzzFixChangesLiteralsAlone(f *testing.F) {
	for _, data := range directory(f, "testdata/bad/*.yaml") {
		f.Add(data)
		f.Add(bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")))
		f.Add(append([]byte("\xef\xbb\xbf"), data...))
	}
	f.Add([]byte("{apiVersion: borderflow/v1, kind: Policy, name: p, default: allow, rules: [{id: a, verdict: log, when: \"request.method == \\\"purge\\\"\"}]}"))
	f.Add([]byte("apiVersion: borderflow/v1\nkind: Policy\nname: p\ndefault: allow\nrules:\n- id: a\n  verdict: log\n  when: >\n    destination.host.endsWith(\n    'É.example')  || request.method == 'purge'\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<15 {
			return
		}
		files := map[string][]byte{"p.yaml": data}
		policy, problems := rules.Parse(files)
		if len(problems) > 0 || len(policy.Rules()) > 20 {
			return
		}
		findings := lint.Check(policy, files, lint.Options{Now: june, Principles: true})
		fixed, applied, err := lint.Fix(files, findings)
		if err != nil {
			t.Fatal(err)
		}
		if applied == 0 {
			return
		}
		after := parse(t, fixed)
		if len(after.Rules()) != len(policy.Rules()) {
			t.Fatalf("%d rules became %d", len(policy.Rules()), len(after.Rules()))
		}
		for i, rule := range after.Rules() {
			before := *policy.Rules()[i]
			same := *rule
			if before.When, same.When = blank(before.When, findings), blank(same.When, findings); before != same {
				t.Errorf("rule %d was %+v and is %+v", i, before, same)
			}
		}
		if blank(string(data), findings) != blank(string(fixed["p.yaml"]), findings) {
			t.Errorf("more was changed than texts:\n%s\n---\n%s", data, fixed["p.yaml"])
		}
		if _, again, err := lint.Fix(fixed, lint.Check(after, fixed, lint.Options{Now: june, Principles: true})); again > 0 || err != nil {
			t.Errorf("a second run made %d edits: %v", again, err)
		}
	})
}

// blank replaces every text that an edit is about, and what it becomes, by the same word.
func blank(text string, findings []lint.Finding) string {
	for _, f := range findings {
		if f.Edit == nil {
			continue
		}
		for _, quote := range []string{`"`, `'`} {
			text = strings.ReplaceAll(text, quote+f.Edit.Old+quote, "…")
			text = strings.ReplaceAll(text, quote+f.Edit.New+quote, "…")
		}
	}
	return text
}
