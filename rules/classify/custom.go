package classify

import (
	"github.com/borderflow/borderflow/rules/classify/exact"
	"github.com/borderflow/borderflow/rules/classify/pattern"
)

// Limits of detectors of the operator's own.
const (
	MaxCustom   = 256
	MaxSlow     = 8       // with slow patterns
	MaxKeywords = 200_000 // of all of them
	MinKeyword  = 3       // bytes
	MaxKeyword  = 128     // bytes
)

// Custom is a detector of the operator's own. It has Keywords, a Pattern or a table of Exact values.
//
// What it finds does not depend on what built-in detectors find in the same place: each counts for itself.
// Nothing that it finds stands for a person.
type Custom struct {
	Detector
	// Supports and Denies are words that the key of a value's field or its neighbourhood may hold: for it
	// and against it. They are in small letters; "geheim*" also stands within longer words.
	Supports, Denies []string

	// Keywords are found whatever their case, unless MatchCase says that it counts; letters beyond ASCII are
	// found in small letters, in capitals, and with each word's first letter as a capital. In scripts
	// that write spaces between words they are whole words. A blank stands for any white space.
	Keywords  []string
	MatchCase bool

	Pattern *pattern.Pattern
	Exact   *exact.Set
}

// custom is what is looked for beside the catalogue.
type custom struct {
	words  *wordIndex
	slow   []customPattern
	tables []customTable
	mails  bool // some table has e-mail addresses
}

type customPattern struct {
	rule    *rule
	pattern *pattern.Pattern
}

type customTable struct {
	rule *rule
	set  *exact.Set
}

// customRules returns a rule for each detector. They have nothing that the scanner would find them by.
func customRules(detectors []Custom) []*rule {
	rules := make([]*rule, len(detectors))
	for i := range detectors {
		d := &detectors[i]
		rules[i] = &rule{Detector: d.Detector}
		if len(d.Supports)+len(d.Denies) > 0 {
			rules[i].words = words(d.Supports, d.Denies)
		}
	}
	return rules
}

// newCustom arranges detectors by what they are found by; nil if there are none.
func newCustom(detectors []Custom, rules []*rule) *custom {
	if len(detectors) == 0 {
		return nil
	}
	c := new(custom)
	var all []word
	for i := range detectors {
		d, r := &detectors[i], rules[i]
		for _, keyword := range d.Keywords {
			all = append(all, keywordForms(keyword, d.MatchCase, r)...)
		}
		switch {
		case d.Pattern != nil && d.Pattern.Slow():
			c.slow = append(c.slow, customPattern{r, d.Pattern})
		case d.Pattern != nil:
			for _, literal := range d.Pattern.Literals() {
				all = append(all, word{text: literal, rule: r, pattern: d.Pattern})
			}
		case d.Exact != nil:
			c.tables = append(c.tables, customTable{r, d.Exact})
			c.mails = c.mails || d.Exact.HasMail()
		}
	}
	c.words = newWordIndex(all)
	return c
}
