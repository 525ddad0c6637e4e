package document

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type colour string

func (c *colour) UnmarshalText(text []byte) error {
	*c = colour(text)
	return OneOf(string(text), "red", "green")
}

type base struct {
	Name string `yaml:"name"`
}

type rule struct {
	ID   string `yaml:"id"`
	When string `yaml:"when"`
}

type sample struct {
	base
	Enabled  bool              `yaml:"enabled"`
	Port     uint16            `yaml:"port"`
	Offset   int8              `yaml:"offset"`
	Ratio    float64           `yaml:"ratio"`
	Timeout  time.Duration     `yaml:"timeout"`
	Colour   colour            `yaml:"colour"`
	Limit    *int              `yaml:"limit"`
	Hosts    map[string]string `yaml:"hosts"`
	Nets     []string          `yaml:"nets"`
	Rules    []rule            `yaml:"rules"`
	Untagged string
	Hidden   string `yaml:"-"`
}

func TestEveryKindOfValueIsRead(t *testing.T) {
	got := sample{Untagged: "kept", Nets: []string{"default"}}
	problems := Decode("a.yaml", []byte(`
name: first
enabled: true
port: 65535
offset: -128
ratio: 1.5e-3
timeout: 1h30m
colour: green
limit: 7
hosts: {a.example: 192.0.2.1, "b.example": x}
nets:
rules:
  - id: one
    when: |
      a &&
        b
  - {id: two}
`), &got)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	limit := 7
	want := sample{
		base: base{Name: "first"}, Enabled: true, Port: 65535, Offset: -128, Ratio: 1.5e-3, Timeout: 90 * time.Minute,
		Colour: "green", Limit: &limit, Hosts: map[string]string{"a.example": "192.0.2.1", "b.example": "x"},
		Nets: []string{"default"}, Rules: []rule{{"one", "a &&\n  b\n"}, {ID: "two"}}, Untagged: "kept",
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sample{})); diff != "" {
		t.Error(diff)
	}
}

func TestEveryMistakeIsReportedInOneRun(t *testing.T) {
	const text = `nmae: x
enabled: "true"
port: 70000
offset: 1_0
ratio: fast
timeout: 5
colour: gren
limit: [1]
hosts:
  a: 1
  a: b
nets: one
rules:
  - id: 12
    wehn: x
  -
  - nothing
hidden: x
hidden: x
`
	want := `a.yaml:1:1: unknown field "nmae" (did you mean "name"?)
a.yaml:2:10: enabled must be true or false, found text (without quotes)
a.yaml:3:7: port must be a whole number from 0 to 65535, found 70000 (written in decimal digits alone)
a.yaml:4:9: offset must be a whole number from -128 to 127, found 1_0 (written in decimal digits alone)
a.yaml:5:8: ratio must be a number, found text
a.yaml:6:10: timeout must be a duration, found a number (write a number with its unit, for example "5s", "250ms" or "1h30m")
a.yaml:7:9: colour: expected red or green, found "gren" (did you mean "green"?)
a.yaml:8:8: limit must be a whole number, found a list
a.yaml:10:6: hosts.a must be text, found a number (put it in quotes)
a.yaml:11:3: "a" is given twice in hosts (first on line 10)
a.yaml:12:7: nets must be a list, found text (write each entry on a line of its own, after "- ")
a.yaml:14:9: rules[0].id must be text, found a number (put it in quotes)
a.yaml:15:5: unknown field "wehn" in rules[0] (did you mean "when"?)
a.yaml:16:4: entry 2 of rules is empty
a.yaml:17:5: rules[2] must be a mapping (name: value), found text
a.yaml:18:1: unknown field "hidden" (valid here: name, enabled, port, offset, ratio, timeout, colour, limit, hosts, nets, rules, untagged)
a.yaml:19:1: "hidden" is given twice (first on line 18)`
	var into sample
	problems := Decode("a.yaml", []byte(text), &into)
	if diff := cmp.Diff(want, problems.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatCannotBeReadIsRefusedWithItsPosition(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"tab":               {"rules:\n\t- id: x\n", `f:2:1: found character '\t' that cannot start any token (indent with spaces)`},
		"colon in text":     {"when: a ? b : c: d\n", `f:1:7: mapping value is not allowed in this context (a text that contains ": " belongs in quotes`},
		"unclosed list":     {"nets: [a, b\n", "f:1:7: sequence end token ']' not found"},
		"unclosed quote":    {"name: \"a\n", "f:1:7: could not find end character of double-quoted text"},
		"negated condition": {"rules:\n  - id: a\n    when: !data.has(\"x\")\n", `f:3:11: tags (!) are not supported (if it begins a text, put the text in quotes or in a block after |)`},
		"begins with quote": {"name: \"US\" == x\n", `f:1:12: value is not allowed in this context. map key-value is pre-defined (a text that begins with a quote`},
		"anchor":            {"name: &a x\n", "f:1:7: anchors and aliases (&) are not supported"},
		"alias":             {"name: *a\n", "f:1:7: anchors and aliases (*) are not supported"},
		"merge":             {"<<: {name: x}\n", "f:1:1: merge keys (<<) are not supported (write the fields out)"},
		"directive":         {"%YAML 1.2\n---\nname: x\n", "f:1:1: directives (%) are not supported"},
		"question mark key": {"? name\n: x\n", "f:1:1: keys written with ? are not supported"},
		"two documents":     {"name: x\n---\nname: y\n", `f:2:1: expected one document, found 2 (remove the "---" line`},
		"list at the top":   {"- a\n", "f:1:1: the document must be a mapping (name: value), found a list"},
		"not UTF-8":         {"name: a\n  \xff", "f:2:3: the file is not UTF-8 (save it as UTF-8)"},
		"control character": {"name: a\x00b", "f:1:8: control character U+0000 is not allowed"},
		"deep flow":         {"nets: " + strings.Repeat("[", 100), "f:1:70: lists and mappings are nested more than 64 deep"},
		"deep block":        {strings.Repeat("- ", 100), "f:1:129: lists and mappings are nested more than 64 deep"},
		"wide":              {wide(MaxKeys + 1), "f:4097:6: more than 4096 keys in one mapping"},
		"large":             {strings.Repeat("#", MaxBytes+1), "f: the file has 4194305 bytes, at most 4194304 are read"},
	} {
		t.Run(name, func(t *testing.T) {
			var into sample
			problems := Decode("f", []byte(test.text), &into)
			if len(problems) == 0 || !strings.HasPrefix(problems[0].String(), test.want) {
				t.Errorf("got  %.200v\nwant %s", problems, test.want)
			}
		})
	}
}

func wide(keys int) string {
	var b strings.Builder
	for i := range keys {
		fmt.Fprintf(&b, "k%d: 1\n", 1000+i)
	}
	return b.String()
}

func TestDocumentsOfOneFileAreReadInOrder(t *testing.T) {
	got, problems := DecodeAll[rule]("f", []byte("---\nid: a\n---\n---\n# nothing\n---\nid: b\nwhen: x\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if diff := cmp.Diff([]rule{{ID: "a"}, {ID: "b", When: "x"}}, got); diff != "" {
		t.Error(diff)
	}
	_, problems = DecodeAll[rule]("f", []byte("idd: a\n---\nid: b\n---\nwhenn: c\n"))
	want := "f:1:1: unknown field \"idd\" (did you mean \"id\"?)\nf:5:1: unknown field \"whenn\" (did you mean \"when\"?)"
	if diff := cmp.Diff(want, problems.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestAnEmptyFileKeepsTheDefaults(t *testing.T) {
	for _, text := range []string{"", "# only a comment\n", "---\n", "\xef\xbb\xbf", "~\n"} {
		into := sample{Untagged: "default"}
		if problems := Decode("f", []byte(text), &into); len(problems) > 0 || into.Untagged != "default" {
			t.Errorf("%q: %v, %+v", text, problems, into)
		}
	}
}

func TestSecretsThatLookLikeNumbersAreNotRepeated(t *testing.T) {
	var into sample
	problems := Decode("f", []byte("name: 123456\n"), &into)
	if len(problems) != 1 || strings.Contains(problems.Error(), "123456") {
		t.Error(problems)
	}
}

func TestNearestFindsTypingErrorsOnly(t *testing.T) {
	names := []string{"destination", "source", "when", "id", "verdict"}
	for name, want := range map[string]string{
		"destnation": "destination", "Source": "source", "wehn": "when", "verdcit": "verdict", "ids": "id",
		"destination2": "destination", "whenever": "", "x": "", "": "", strings.Repeat("a", 1000): "",
	} {
		if got, ok := Nearest(name, names); got != want || ok != (want != "") {
			t.Errorf("Nearest(%.20q) = %q, %v; want %q", name, got, ok, want)
		}
	}
}
