package rules

import (
	"bytes"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/classify/exact"
	"github.com/borderflow/borderflow/rules/flow"
)

const falconDetector = `apiVersion: borderflow/v1
kind: Detector
id: custom/falcon
description: names of projects that are not public
categories: [important, project]
keywords: [Falcon, 猎鹰计划]
`

const falconPolicy = `apiVersion: borderflow/v1
kind: Policy
name: p
default: allow
rules:
  - {id: r, when: 'data.found("custom/falcon") > 0 && data.has("project")', verdict: block}
`

func tableFiles(t *testing.T, values ...string) (hashes, salt []byte) {
	t.Helper()
	key := exact.NewSalt()
	b := exact.NewBuilder(key)
	for _, v := range values {
		if err := b.Add(v); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	if _, err := b.WriteTo(&file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes(), key.Text()
}

func TestRulesNameTheOperatorsDetectors(t *testing.T) {
	policy, problems := Parse(map[string][]byte{"p.yaml": []byte(falconPolicy), "d.yaml": []byte(falconDetector)})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	stream := NewClassifiers(classify.Options{}).Of(policy).NewStream(classify.Meta{ContentType: "text/plain"})
	_, _ = stream.Write([]byte("about the falcon"))
	f := &flow.Flow{Data: stream.Finish(), Request: flow.Request{State: flow.Known}}
	if got := policy.Decide(f, flow.Body); got.Verdict != flow.Block {
		t.Errorf("the verdict is %v", got.Verdict)
	}
}

func TestANameThatNoDetectorHasAnyMoreIsAMistake(t *testing.T) {
	files := map[string][]byte{"p.yaml": []byte(falconPolicy), "d.yaml": []byte(falconDetector)}
	before, _ := Parse(files)
	delete(files, "d.yaml")
	_, problems := parse(files, before)
	if len(problems) != 2 || !strings.Contains(problems.Error(), `expected the id of a detector, found "custom/falcon"`) {
		t.Error(problems)
	}
}

func TestTheHashOfAPolicyCoversItsDetectorsAndTheirFiles(t *testing.T) {
	hashes, salt := tableFiles(t, "C-2024-00017")
	others, otherSalt := tableFiles(t, "C-2024-00018")
	table := strings.Replace(falconDetector, "keywords: [Falcon, 猎鹰计划]", "exact: {file: c.hashes, salt: c.salt}", 1)
	seen := map[string]string{}
	for name, files := range map[string]map[string][]byte{
		"keywords": {"d.yaml": []byte(falconDetector)}, "other keywords": {"d.yaml": []byte(strings.Replace(falconDetector, "Falcon", "Eagle", 1))},
		"table":       {"d.yaml": []byte(table), "c.hashes": hashes, "c.salt": salt},
		"other table": {"d.yaml": []byte(table), "c.hashes": others, "c.salt": otherSalt},
	} {
		files["p.yaml"] = []byte(falconPolicy)
		policy, problems := Parse(files)
		if len(problems) > 0 {
			t.Fatal(name, problems)
		}
		if seen[policy.Hash()] != "" {
			t.Errorf("%s and %s have the same hash", name, seen[policy.Hash()])
		}
		seen[policy.Hash()] = name
	}
}

func TestClassifiersAreSharedByPoliciesWithTheSameDetectors(t *testing.T) {
	all := NewClassifiers(classify.Options{})
	parsed := func(detector string) *Policy {
		policy, problems := Parse(map[string][]byte{"p.yaml": []byte(falconPolicy), "d.yaml": []byte(detector)})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return policy
	}
	a, b, c := parsed(falconDetector), parsed("# a comment\n"+falconDetector), parsed(strings.Replace(falconDetector, "Falcon", "Eagle", 1))
	first := all.Of(a)
	if all.Of(b) != first || all.Of(c) == first || all.Of(a) != first || all.Of(Embedded()) == first {
		t.Error("a policy got the classifier of another one")
	}
}

func TestMistakesInDetectorsAreAllNamed(t *testing.T) {
	_, salt := tableFiles(t, "C-2024-00017")
	hashes, _ := tableFiles(t, "C-2024-00017")
	detectors := `apiVersion: borderflow/v1
kind: Detector
id: falcon
description: x
categories: [finacial, Own Name]
country: XX
evidence: {supports: ["a1"], required: true}
keywords: [ab]
---
apiVersion: borderflow/v1
kind: Detector
id: custom/a
description: x
categories: [important]
strength: weak
pattern: '\d+'
list: none
---
apiVersion: borderflow/v1
kind: Detector
id: custom/a
description: x
categories: [important]
pattern: '\d{9}'
---
apiVersion: borderflow/v1
kind: Detector
id: custom/b
description: x
categories: [important]
exact: {file: c.hashes, salt: c.salt}
---
apiVersion: borderflow/v1
kind: Detector
id: custom/c
description: x
categories: [important]
exact: {file: ../d.hashes}
---
apiVersion: borderflow/v1
kind: Detector
id: custom/d
list: falcns
`
	list := "apiVersion: borderflow/v1\nkind: List\nname: falcons\ntype: words\nentries: [Falcon]\n"
	_, problems := Parse(map[string][]byte{"d.yaml": []byte(detectors), "l.yaml": []byte(list), "c.hashes": hashes, "c.salt": salt,
		"p.yaml": []byte("apiVersion: borderflow/v1\nkind: Policy\nname: p\ndefault: allow\n")})
	want := []string{
		`d.yaml:3:5: the id of a detector of one's own begins with "custom/" (did you mean "custom/falcon"?)`,
		`d.yaml:5:14: category "finacial" can be taken for a documented one (did you mean "financial"?)`,
		`d.yaml:5:24: a category is of lower-case letters`,
		`d.yaml:6:10: "XX" is not an ISO 3166-1 alpha-2 code`,
		`d.yaml:7:24: evidence is words of letters, with one blank between them, found "a1"`,
		`d.yaml:8:12: a keyword has 3 to 128 bytes, found "ab"`,
		`both list and pattern are given`, `without evidence.supports nothing is ever reported`, `d.yaml:21:5: detector id "custom/a" is taken`,
		`the pattern has no literal of 3 bytes`,
		`the hashes were made with another salt`,
		`expected the name of a .hashes file`, `salt is required`, `description is required`, `categories is required`, `there is no list "falcns" (did you mean "falcons"?)`,
	}
	text := problems.Error()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("not said: %s", w)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}
