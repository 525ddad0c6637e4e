package schema_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/schema"
	"github.com/borderflow/borderflow/rules/schema/comments"
)

// validate checks value against the part of JSON Schema that this package writes.
func validate(root, s map[string]any, value any, at string) []string {
	var wrong []string
	say := func(format string, arguments ...any) {
		wrong = append(wrong, at+": "+fmt.Sprintf(format, arguments...))
	}
	if reference, ok := s["$ref"].(string); ok {
		name := strings.TrimPrefix(reference, "#/$defs/")
		wrong = append(wrong, validate(root, root["$defs"].(map[string]any)[name].(map[string]any), value, at)...)
	}
	if kind, ok := s["type"]; ok {
		kinds, list := kind.([]any)
		if !list {
			kinds = []any{kind}
		}
		if !slices.Contains(kinds, any(typeOf(value))) && !(typeOf(value) == "integer" && slices.Contains(kinds, any("number"))) {
			say("is %s, expected %v", typeOf(value), kinds)
			return wrong
		}
	}
	if constant, ok := s["const"]; ok && fmt.Sprint(constant) != fmt.Sprint(value) {
		say("is %v, expected %v", value, constant)
	}
	if words, ok := s["enum"].([]any); ok && !slices.Contains(words, value) {
		say("is %v, expected one of %v", value, words)
	}
	if pattern, ok := s["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(fmt.Sprint(value)) {
		say("%v does not match %s", value, pattern)
	}
	if maximum, ok := s["maximum"].(float64); ok && typeOf(value) == "integer" && reflect.ValueOf(value).Convert(reflect.TypeFor[float64]()).Float() > maximum {
		say("%v is above %v", value, maximum)
	}
	if choices, ok := s["anyOf"].([]any); ok && !slices.ContainsFunc(choices, func(c any) bool { return len(validate(root, c.(map[string]any), value, at)) == 0 }) {
		say("fits none of %d choices", len(choices))
	}
	if all, ok := s["allOf"].([]any); ok {
		for _, c := range all {
			condition := c.(map[string]any)
			if len(validate(root, condition["if"].(map[string]any), value, at)) == 0 {
				wrong = append(wrong, validate(root, condition["then"].(map[string]any), value, at)...)
			}
		}
	}
	if items, ok := s["items"].(map[string]any); ok {
		if list, ok := value.([]any); ok {
			for i, item := range list {
				wrong = append(wrong, validate(root, items, item, fmt.Sprintf("%s[%d]", at, i))...)
			}
		}
	}
	object, ok := value.(map[string]any)
	if !ok {
		return wrong
	}
	if names, ok := s["required"].([]any); ok {
		for _, name := range names {
			if _, there := object[name.(string)]; !there {
				say("%s is missing", name)
			}
		}
	}
	properties, _ := s["properties"].(map[string]any)
	for name, member := range object {
		property, known := properties[name].(map[string]any)
		switch additional := s["additionalProperties"].(type) {
		case bool:
			if !known && !additional {
				say("%s is unknown", name)
			}
		case map[string]any:
			if !known {
				property, known = additional, true
			}
		}
		if known {
			wrong = append(wrong, validate(root, property, member, at+"."+name)...)
		}
	}
	return wrong
}

func typeOf(value any) string {
	switch value.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string, time.Time:
		return "string"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case nil:
		return "null"
	}
	return "integer"
}

func read(t *testing.T, text []byte, err error) map[string]any {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	if root["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
		t.Errorf("$schema is %v", root["$schema"])
	}
	return root
}

func policySchema(t *testing.T) map[string]any {
	text, err := schema.Policy()
	return read(t, text, err)
}

func check(t *testing.T, root map[string]any, text string) []string {
	t.Helper()
	var wrong []string
	for i, part := range strings.Split("\n"+text, "\n---") {
		var value any
		if err := yaml.Unmarshal([]byte(part), &value); err != nil {
			t.Fatal(err)
		}
		if value != nil {
			wrong = append(wrong, validate(root, root, value, fmt.Sprintf("document %d", i+1))...)
		}
	}
	return wrong
}

// TestPoliciesThatAreInForceFitTheirSchema takes the embedded policy and every example.
func TestPoliciesThatAreInForceFitTheirSchema(t *testing.T) {
	examples, _ := filepath.Glob("../../examples/*/*.yaml")
	root, checked := policySchema(t), 0
	for _, path := range append(examples, "../embedded.yaml") {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), "kind: Policy\n") {
			continue
		}
		checked++
		for _, wrong := range check(t, root, string(data)) {
			t.Errorf("%s: %s", path, wrong)
		}
	}
	if checked == 0 {
		t.Error("nothing was checked")
	}
}

const leastPolicy = `apiVersion: borderflow/v1
kind: Policy
name: p
default: allow
rules:
  - id: a
    when: true
    verdict: block
`

// TestTheSchemaRefusesWhatThePolicyReaderRefuses has mistakes that both must find, and documents that
// both must take.
func TestTheSchemaRefusesWhatThePolicyReaderRefuses(t *testing.T) {
	root := policySchema(t)
	replace := func(old, new string) string { return strings.Replace(leastPolicy, old, new, 1) }
	const exemption = `
---
apiVersion: borderflow/v1
kind: Exemption
name: x
rule: p/a
source: {address: 192.0.2.7}
destination: {host: api.example.com}
approvedBy: dpo@example.com
reason: migration
from: "2026-01-01"
until: "2026-02-01"
`
	for name, test := range map[string]struct {
		text string
		good bool
	}{
		"the least there can be":          {leastPolicy, true},
		"an exemption as well":            {leastPolicy + exemption, true},
		"a list as well":                  {leastPolicy + "---\napiVersion: borderflow/v1\nkind: List\nname: partners\ntype: hosts\nentries: [a.example]\n", true},
		"no name":                         {replace("name: p\n", ""), false},
		"no default":                      {replace("default: allow\n", ""), false},
		"no apiVersion":                   {replace("apiVersion: borderflow/v1\n", ""), false},
		"no id":                           {replace("id: a\n    when", "when"), false},
		"no condition":                    {replace("    when: true\n", ""), false},
		"no verdict":                      {replace("    verdict: block\n", ""), false},
		"an unknown field":                {replace("default:", "verdicts: 1\ndefault:"), false},
		"an unknown verdict":              {replace("verdict: block", "verdict: deny"), false},
		"a default that marks":            {replace("default: allow", "default: log"), false},
		"an unknown mode":                 {replace("default:", "mode: off\ndefault:"), false},
		"rules that are no list":          {strings.Split(leastPolicy, "  - id")[0] + "  a: b\n", false},
		"an exemption without an end":     {leastPolicy + strings.Replace(exemption, "until: \"2026-02-01\"\n", "", 1), false},
		"an exemption nobody answers for": {leastPolicy + strings.Replace(exemption, "approvedBy: dpo@example.com\n", "", 1), false},
	} {
		_, problems := rules.Parse(map[string][]byte{"p.yaml": []byte(test.text)})
		wrong := check(t, root, test.text)
		if (len(problems) == 0) != test.good || (len(wrong) == 0) != test.good {
			t.Errorf("%s: expected good %v; reader: %v; schema: %v", name, test.good, problems, wrong)
		}
	}
}

// TestEveryFieldOfAPolicyIsDescribed fails when a field is added without a description.
func TestEveryFieldOfAPolicyIsDescribed(t *testing.T) {
	defs := policySchema(t)["$defs"].(map[string]any)
	fields := 0
	for name, def := range defs {
		for field, property := range def.(map[string]any)["properties"].(map[string]any) {
			fields++
			if property.(map[string]any)["description"] == nil {
				t.Errorf("%s.%s has no description", name, field)
			}
		}
	}
	if fields < 30 {
		t.Errorf("%d fields", fields)
	}
}

func TestDescriptionsOfTheConfigurationAreThoseOfItsSource(t *testing.T) {
	fields, err := comments.Fields("../../proxy", "../../proxy/upstream", "../jurisdiction")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("descriptions.json")
	if err != nil {
		t.Fatal(err)
	}
	var kept map[string]string
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(kept, fields); diff != "" {
		t.Errorf("run go generate in rules/schema (-kept +source):\n%s", diff)
	}
}

func TestTheConfigurationShowsDefaultsAndForms(t *testing.T) {
	type inner struct {
		Timeout time.Duration `yaml:"timeout"`
		Port    uint16
	}
	type outer struct {
		Inner  inner             `yaml:"inner"`
		Names  []string          `yaml:"names"`
		Table  map[string]string `yaml:"table"`
		On     bool              `yaml:"on"`
		hidden int
	}
	text, err := schema.Config(outer{Inner: inner{Timeout: 5 * time.Second}, hidden: 1})
	root := read(t, text, err)
	for text, good := range map[string]bool{
		"inner: {timeout: 250ms, port: 443}": true, "inner: {timeout: soon}": false, "inner: {port: 70000}": false, "names: [a]": true,
		"names: a": false, "table: {x: y}": true, "table: {x: 1}": false, "on: yes please": false, "hidden: 1": false, "inner: {timeout: 0}": true,
	} {
		if wrong := check(t, root, text); (len(wrong) == 0) != good {
			t.Errorf("%s: %v", text, wrong)
		}
	}
	properties := root["$defs"].(map[string]any)["inner"].(map[string]any)["properties"].(map[string]any)
	if properties["timeout"].(map[string]any)["default"] != "5s" {
		t.Errorf("%v", properties["timeout"])
	}
}
