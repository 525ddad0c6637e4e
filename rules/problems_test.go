package rules

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/flow"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestEveryMistakeIsNamedWithItsPlace(t *testing.T) {
	text, err := os.ReadFile("testdata/mistakes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, problems := Parse(map[string][]byte{"mistakes.yaml": text})
	if p != nil {
		t.Error("a broken policy was compiled")
	}
	golden(t, "mistakes.golden", problems.Error()+"\n")
}

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	compareFile(t, filepath.Join("testdata", name), got)
}

func compareFile(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

const good = "apiVersion: borderflow/v1\nkind: Policy\nname: good\ndefault: allow\n"

func TestAConditionNeedsNoQuotesAroundTrue(t *testing.T) {
	p, problems := Parse(map[string][]byte{"a.yaml": []byte(good + "rules: [{id: r, when: true, verdict: block}]")})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if d := p.Decide(known(), flow.Body); d.Verdict != flow.Block {
		t.Error(d)
	}
}

func TestMistakesAcrossFiles(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string][]byte
		want  string
	}{
		"no files":   {nil, "there is no policy (a policy file ends in .yaml or .yml)"},
		"empty file": {map[string][]byte{"a.yaml": []byte(good), "b.yaml": nil}, "b.yaml: the file holds no policy (remove it if that is meant)"},
		"same name": {map[string][]byte{"a.yaml": []byte(good), "b.yaml": []byte(good)},
			`b.yaml:3:7: policy name "good" is taken (first at a.yaml:3:7)`},
		"both broken": {map[string][]byte{"a.yaml": []byte("a: [\n"), "b.yaml": []byte(good + "rules: 1\n")},
			"a.yaml:1:4: sequence end token ']' not found\nb.yaml:5:8: rules must be a list, found a number (write each entry on a line of its own, after \"- \")"},
	} {
		t.Run(name, func(t *testing.T) {
			p, problems := Parse(test.files)
			if diff := cmp.Diff(test.want, problems.Error()); diff != "" || p != nil {
				t.Error(diff)
			}
		})
	}
}

func TestTheHashNamesWhatIsSaid(t *testing.T) {
	hash := func(files map[string]string) string {
		t.Helper()
		data := map[string][]byte{}
		for name, text := range files {
			data[name] = []byte(text)
		}
		p, problems := Parse(data)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return p.Hash()
	}
	other := strings.Replace(good, "good", "other", 1)
	first := hash(map[string]string{"a.yaml": good, "b.yaml": other})
	if again := hash(map[string]string{"x.yml": "# comment\n" + other + "---\n" + good + "mode: enforce\n"}); again != first {
		t.Error("layout, files or a default written out changed the hash")
	}
	if changed := hash(map[string]string{"a.yaml": good, "b.yaml": other + "contact: x\n"}); changed == first {
		t.Error("the hash overlooks a field")
	}
	if len(first) != 64 || Embedded().ShortHash() != Embedded().Hash()[:12] {
		t.Error(first)
	}
}

func TestTheEmbeddedPolicyBlocksNothing(t *testing.T) {
	for _, f := range randomFlows(500) {
		for _, phase := range phases {
			if d := Embedded().Decide(f, phase); d.Verdict.String() != "allow" || len(d.Errors) > 0 {
				t.Fatalf("%+v: %+v", f, d)
			}
		}
	}
}
