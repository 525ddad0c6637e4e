package classify

import (
	"sync"
)

// table is the catalogue, arranged by what the scanner sees first.
type table struct {
	rules    []*rule
	forms    *formIndex
	ats      []*rule
	codes    []*rule
	phones   []*rule
	quads    []*rule
	colons   []*rule
	starts   []*rule
	literals *literals
	kernel   *kernelTables
	keyed    []*rule // rules with keys
	custom   *custom // the operator's own; nil if there are none

	dictionary *dictionary
	silence    *saying // nothing for or against any rule
	noFacts    *facts  // of a key that says nothing
	cache      *factsCache
}

// builtinDictionary is of the built-in catalogue, whose vocabularies do not depend on options.
var builtinDictionary = sync.OnceValue(func() *dictionary { return newDictionary(arrange(catalogue(Options{}, 0))) })

// newTable arranges rules. builtin says that they are those of the catalogue and no others.
func newTable(rules []*rule, builtin bool) *table {
	t := arrange(rules)
	if builtin {
		t.dictionary = builtinDictionary()
	} else {
		t.dictionary = newDictionary(t)
	}
	t.silence = t.dictionary.newSaying()
	t.noFacts = &facts{said: t.silence}
	t.cache = newFactsCache(t.silence)
	return t
}

func arrange(rules []*rule) *table {
	t := &table{rules: rules}
	var forms []*form
	byText := map[string][]*form{}
	for i, r := range rules {
		r.index = i
		for _, text := range r.layouts() {
			if byText[text] == nil {
				byText[text] = newForms(text)
				forms = append(forms, byText[text]...)
			}
			for _, f := range byText[text] {
				f.rules = append(f.rules, r)
				f.columnar = f.columnar || r.isColumnar()
			}
		}
		for _, on := range []struct {
			trigger trigger
			rules   *[]*rule
		}{{onAt, &t.ats}, {onCode, &t.codes}, {onPhone, &t.phones}, {onQuad, &t.quads}, {onColons, &t.colons}, {onStart, &t.starts}} {
			if r.trigger&on.trigger != 0 {
				*on.rules = append(*on.rules, r)
			}
		}
		if r.keys != nil {
			t.keyed = append(t.keyed, r)
		}
	}
	t.forms = newFormIndex(forms)
	t.literals = newLiterals(rules)
	t.kernel = newKernelTables(t.literals.heads())
	return t
}
