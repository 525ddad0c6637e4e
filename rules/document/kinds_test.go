package document

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEachDocumentIsReadAsItsKind(t *testing.T) {
	type apple struct{ Kind, Colour string }
	type pear struct {
		Kind   string
		Weight int
	}
	choose := func(kind string) any {
		if kind == "Pear" {
			return new(pear)
		}
		return new(apple)
	}
	values, positions, problems := DecodeKinds("a.yaml", []byte("kind: Pear\nweight: 3\n---\ncolour: red\n---\n---\nkind: Apple\ncolour: green\n"), choose)
	if len(problems) > 0 || len(positions) != 3 {
		t.Fatal(problems, len(positions))
	}
	if diff := cmp.Diff([]any{&pear{"Pear", 3}, &apple{"", "red"}, &apple{"Apple", "green"}}, values); diff != "" {
		t.Error(diff)
	}
	if line, _ := positions[2].At("colour"); line != 8 {
		t.Errorf("line %d", line)
	}
	_, _, problems = DecodeKinds("a.yaml", []byte("kind: Pear\ncolour: red\n---\nkind: [Pear]\nweight: 1\n---\n- 1\n"), choose)
	want := `a.yaml:2:1: unknown field "colour" (valid here: kind, weight)
a.yaml:4:7: kind must be text, found a list
a.yaml:5:1: unknown field "weight" (valid here: kind, colour)
a.yaml:7:1: the document must be a mapping (name: value), found a list`
	if diff := cmp.Diff(want, problems.Error()); diff != "" {
		t.Error(diff)
	}
}
