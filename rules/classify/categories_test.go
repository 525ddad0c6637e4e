package classify_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules/classify"
)

func TestEveryCategoryOfADetectorIsDocumented(t *testing.T) {
	categories := classify.Categories()
	if !slices.IsSortedFunc(categories, func(a, b classify.Category) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("categories are not sorted by name")
	}
	named := map[string]classify.Category{}
	for _, c := range categories {
		if named[c.Name] = c; c.Doc == "" || strings.ContainsRune(c.Doc, '\n') || c.Doc == "data that a detector finds" {
			t.Errorf("%s is not documented: %q", c.Name, c.Doc)
		}
	}
	found := map[string]bool{}
	for _, d := range classify.Detectors() {
		for _, name := range d.Categories {
			found[name] = true
		}
	}
	for name, c := range named {
		if c.Detected != found[name] {
			t.Errorf("%s: detected %v, a detector finds it: %v", name, c.Detected, found[name])
		}
	}
	for _, name := range strings.Fields("personal sensitive financial health biometric genetic location children government-id contact credential important") {
		if _, ok := named[name]; !ok {
			t.Errorf("%s is not listed", name)
		}
	}
}
