package lint

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/formula"
)

// names finds texts that a fact never has or holds. What can be told from the language alone is refused
// when a policy is loaded, and does not get here.
func (r *review) names(s *subject) {
	if s.Redact != nil {
		for _, c := range classify.Categories() {
			if slices.Contains(s.Redact.Categories, c.Name) && !c.Detected {
				r.add(s, undetectedCategory, "redact", fmt.Sprintf("no detector finds %q yet, so that nothing of it is redacted: %s", c.Name, c.Doc), "")
			}
		}
	}
	for _, l := range s.literals {
		switch {
		case l.Text == "":
		case l.Fact == "data" && (l.How == "has" || l.How == "count"):
			r.category(s, l)
		case l.Fact == "destination.host":
			r.host(s, l)
		case l.Fact == "request.method" && l.How == "equal" && strings.ToUpper(l.Text) != l.Text:
			r.misspelt(s, l, fmt.Sprintf("methods are compared as they are sent: %q is not %q", l.Text, strings.ToUpper(l.Text)), strings.ToUpper(l.Text))
		}
	}
}

// isCountry reports whether the text stands where a country code belongs.
func isCountry(l formula.Literal) bool {
	switch l.Fact {
	case "destination.country", "destination.operatorHome", "destination.parentHome", "destination.jurisdictions[].country",
		"destination.possible[]", "destination.reach[]", "source.country":
		return l.How == "equal"
	case "destination":
		return l.How == "anyCountry" || l.How == "onlyCountries"
	}
	return false
}

// category notes a category of the catalogue that no detector finds yet.
func (r *review) category(s *subject, l formula.Literal) {
	for _, c := range classify.Categories() {
		if c.Name == l.Text && !c.Detected && !r.detects(c.Name) {
			r.addAt(s, undetectedCategory, l.Place, fmt.Sprintf("no detector finds %q yet: %s", c.Name, c.Doc), "")
		}
	}
}

// detects reports whether a detector of the policy directory finds values of a category.
func (r *review) detects(category string) bool {
	return slices.ContainsFunc(r.policy.Detectors(), func(d classify.Custom) bool { return slices.Contains(d.Categories, category) })
}

// host finds texts that no canonical host has.
func (r *review) host(s *subject, l formula.Literal) {
	if l.How != "endsWith" && l.How != "startsWith" && l.How != "contains" {
		return
	}
	_, notAddress := netip.ParseAddr(l.Text)
	switch lower := strings.ToLower(l.Text); {
	case strings.Contains(l.Text, "://"):
		r.misspelt(s, l, "a host has no scheme", "")
	case strings.ContainsAny(l.Text, "/ *"):
		r.misspelt(s, l, `a host has no path, blank or "*"; destination.under("example.com") is for a domain and all below it`, "")
	case notAddress != nil && strings.Contains(l.Text, ":"):
		r.misspelt(s, l, "a host has no port; that is destination.port", "")
	case l.How == "endsWith" && strings.HasSuffix(l.Text, "."):
		r.misspelt(s, l, "hosts have no final dot", strings.TrimSuffix(lower, "."))
	case lower != l.Text:
		r.misspelt(s, l, fmt.Sprintf("hosts are in lower case: nothing matches %q", l.Text), lower)
	}
}

// misspelt reports a text that can only have been meant as another, or, with meant "", cannot be mended.
func (r *review) misspelt(s *subject, l formula.Literal, message, meant string) {
	f := r.addAt(s, spelling, l.Place, message, "")
	if meant != "" {
		f.Fix = fmt.Sprintf("write %q", meant)
		f.Edit = r.edit(s, l, meant)
	}
}

// edit returns the replacement of a literal's text.
func (r *review) edit(s *subject, l formula.Literal, text string) *Edit {
	line, column := s.regime.Positions.Inside(fmt.Sprintf("rules[%d].when", s.index), l.Place.Line, l.Place.Column)
	return &Edit{Line: line, Column: column + 1, Old: l.Text, New: text}
}
