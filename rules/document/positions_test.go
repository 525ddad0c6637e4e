package document

import (
	"strings"
	"testing"
	"unicode"
)

func TestPositionsLeadToTheSameCharacterInTheFile(t *testing.T) {
	// In each text the character @ is looked for, in the decoded text and in the file.
	for name, text := range map[string]string{
		"plain":                  "when: a == @b\n",
		"plain over two lines":   "when: a &&\n  b ||\n\n  @c\n",
		"plain with a minus":     "when: a\n  - @b\n",
		"plain below its key":    "when:  # comment\n\n  x@b\n",
		"single quotes":          "when: 'it''s ''@'''\n",
		"double quotes":          `when: "\"é\" == \u0041\x41\t\\ @"` + "\n",
		"quotes over two lines":  "when: \"a\n  b\n\n  \\\n  @c\"\n",
		"literal":                "id: é # comment\nwhen: |\n    a &&\n      b &&\n\n    @c\nname: x\n",
		"literal, stripped":      "when: |-\n  @c",
		"literal, blank first":   "when: |\n\n\n  a\n  @c\n",
		"literal, indicator":     "when: |2\n     a\n   @c\n",
		"folded":                 "when: >-\n  aaa\n  bbb\n\n  ccc\n    more\n  @d\n",
		"windows line ends":      "id: x\r\nwhen: |\r\n  a\r\n  @b\r\n",
		"after a byte order":     "\xef\xbb\xbfwhen: x@b\n",
		"in a flow mapping":      "{id: x, when: 'a @'}\n",
		"after another document": "when: x@b # c\n",
		"non-Latin text":         "when: |\n  \"数据\" == 数@\n",
	} {
		t.Run(name, func(t *testing.T) {
			var into rule
			file := strings.ReplaceAll(strings.TrimPrefix(text, "\xef\xbb\xbf"), "\r\n", "\n")
			positions, problems := DecodeWithPositions("f", []byte(strings.ReplaceAll(text, "name: x\n", "")), &into)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			textLine, textColumn := find(into.When)
			wantLine, wantColumn := find(file)
			if line, column := positions.Inside("when", textLine, textColumn); line != wantLine || column != wantColumn {
				t.Errorf("got %d:%d, want %d:%d in %q (decoded %q)", line, column, wantLine, wantColumn, file, into.When)
			}
		})
	}
}

// find returns the line and column of the first @.
func find(text string) (line, column int) {
	before, _, _ := strings.Cut(text, "@")
	line = strings.Count(before, "\n") + 1
	return line, len([]rune(before[strings.LastIndex(before, "\n")+1:])) + 1
}

func TestPositionsOfFields(t *testing.T) {
	var into sample
	positions, problems := DecodeWithPositions("f", []byte(`name: "x"
hosts:
  a.example: y
rules:
  - id: one
    when: |
      a
  - id: two
    when:
`), &into)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for path, want := range map[string][2]int{
		"name": {1, 8}, `hosts["a.example"]`: {3, 14}, "rules": {5, 3}, "rules[0].when": {7, 7}, "rules[1]": {8, 5},
		"rules[1].when": {9, 5}, "rules[1].verdict": {8, 5}, "": {1, 1}, "nothing.at.all": {1, 1},
	} {
		if line, column := positions.At(path); line != want[0] || column != want[1] {
			t.Errorf("At(%q) = %d:%d, want %v", path, line, column, want)
		}
	}
	if line, column := positions.Key("rules[0].when"); line != 6 || column != 5 {
		t.Errorf("Key = %d:%d", line, column)
	}
	if got := positions.Problem("rules[0].id", "is taken", "").String(); got != "f:5:9: is taken" {
		t.Error(got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"name: x\nrules:\n  - id: a\n    when: |\n      b\n", "rules: [{id: a, when: 'b'}]", "a: &x [*x]", "\t", "- - -", "? :", "{", "\"\\u00",
		"when: >-\n  a\n\n  b", "%", "---\n...\n---", "name: !!str 1", "a: |9\n x", "hosts: {a: b, a: c}", "timeout: 5s\ncolour: red\nport: 08",
		"<<: x", "'a''b': 'c\n\n  d'", "#", "a:\n- b\n-  c", "limit: .nan", "name: \"\\x4\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var into sample
		positions, problems := DecodeWithPositions("f", data, &into)
		for _, p := range problems {
			if p.Line < 0 || p.Column < 0 || p.Message == "" || strings.ContainsAny(p.Message, "\n\t") {
				t.Errorf("bad problem %q", p)
			}
		}
		if len(problems) > 0 {
			return
		}
		for path := range positions.values {
			text, isText := textOf(positions.values[path])
			if !isText {
				continue
			}
			first := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsSpace(r) })
			if first < 0 {
				continue
			}
			line, column := positions.Inside(path, strings.Count(text[:first], "\n")+1, len([]rune(text[strings.LastIndex(text[:first], "\n")+1:first]))+1)
			want := []rune(text[first:])[0]
			at := cursor{lines: positions.lines, line: line, column: column}
			if r, _ := at.peek(); r != want && r != '\\' {
				t.Errorf("%s: %q begins with %q, the file has %q at %d:%d", path, text, want, r, line, column)
			}
		}
	})
}
