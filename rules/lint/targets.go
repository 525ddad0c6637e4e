package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// restricts reports whether the rule, with its policy's default, makes a difference to the detriment
// of somebody: it blocks, or it is what others are not allowed by.
func (s *subject) restricts() bool {
	return s.Verdict == flow.Block || s.Verdict == flow.Allow && s.regime.Default == flow.Block
}

// named lists the countries and companies that the condition names.
func (s *subject) named() []string {
	var names []string
	for _, l := range s.literals {
		if l.Text == "" || l.Fact == "source.country" {
			continue
		}
		if (isCountry(l) || l.Fact == "destination.operator") && !slices.Contains(names, l.Text) {
			names = append(names, l.Text)
		}
	}
	return names
}

// missingBasis says which of legal basis and evidence the rule does not give, "" if it gives both.
func (s *subject) missingBasis() string {
	switch {
	case s.LegalBasis == "" && s.Evidence == "":
		return "legalBasis and evidence"
	case s.LegalBasis == "":
		return "legalBasis"
	case s.Evidence == "":
		return "evidence"
	}
	return ""
}

// targets finds restrictions that name somebody without a basis, or reach beyond it.
func (r *review) targets(s *subject) {
	if !s.restricts() {
		return
	}
	if names := s.named(); len(names) > 0 && s.missingBasis() != "" {
		f := r.add(s, withoutBasis, "when", fmt.Sprintf("the rule names %s without %s", listed(names), s.missingBasis()), "")
		f.Fix = fmt.Sprintf("add %s, or state the rule without naming anybody", s.missingBasis())
	}
	if s.Verdict == flow.Block && !s.formula.Reads("data") {
		r.wide(s)
	}
}

func listed(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// subjects are words of laws and purposes, and the category of data that they speak of, the narrowest
// first.
var subjects = []struct {
	category string
	words    []string
}{
	{"health", []string{"health", "medical", "patient", "hipaa", "45 cfr 164"}},
	{"financial", []string{"payment", "card", "pci dss", "pci-dss", "bank", "financial"}},
	{"government-id", []string{"identity number", "identity card", "social security", "national id", "government id", "government-id"}},
	{"credential", []string{"password", "credential", "secret key", "access token"}},
	{"personal", []string{"personal data", "personal information", "privacy", "gdpr", "pipl", "ccpa", "lgpd", "data protection", "28 cfr 202", "28 cfr part 202"}},
}

// wide finds rules that stop whatever data there is, where what they rest on concerns one category.
func (r *review) wide(s *subject) {
	text := strings.ToLower(s.LegalBasis + " \n " + s.Purpose)
	for _, subject := range subjects {
		for _, word := range subject.words {
			if !mentions(text, word) {
				continue
			}
			f := r.add(s, widerThanBasis, "when", fmt.Sprintf("the rule stops all data, and its basis or purpose speaks of %s data (%q)", subject.category, word), "")
			f.Fix = fmt.Sprintf("when: (%s) && data.has(%q)", canonical(s.When), subject.category)
			return
		}
	}
}

// mentions reports whether text contains word between characters that are not letters.
func mentions(text, word string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(word)
		if (start == 0 || !letter(text[start-1])) && (end == len(text) || !letter(text[end]) || text[end] == 's') {
			return true
		}
		from = end
	}
}

func letter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 0x80 }
