package lint

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/formula"
	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// names finds texts that a fact can never be equal to.
func (r *review) names(s *subject) {
	for _, l := range s.literals {
		switch {
		case l.Text == "":
		case isCountry(l):
			r.country(s, l)
		case l.Fact == "data" && (l.How == "has" || l.How == "count"):
			r.category(s, l)
		case l.Fact == "data" && l.How == "found":
			r.detector(s, l)
		case l.Fact == "destination.host":
			r.host(s, l)
		case l.Fact == "request.method" && l.How == "equal" && strings.ToUpper(l.Text) != l.Text:
			r.misspelt(s, l, fmt.Sprintf("methods are compared as they are sent: %q is not %q", l.Text, strings.ToUpper(l.Text)), strings.ToUpper(l.Text))
		case l.How == "equal":
			r.word(s, l)
		}
	}
}

// isCountry reports whether the text stands where a country code belongs.
func isCountry(l formula.Literal) bool {
	switch l.Fact {
	case "destination.country", "destination.operatorHome", "destination.jurisdictions[].country", "source.country":
		return l.How == "equal"
	case "destination":
		return l.How == "anyCountry" || l.How == "onlyCountries"
	}
	return false
}

// otherCodes are codes in wide use for a country whose ISO 3166-1 alpha-2 code is another. The first
// is exceptionally reserved by ISO for the United Kingdom; the second is the European Union's for Greece.
var otherCodes = map[string]string{"UK": "GB", "EL": "GR"}

func (r *review) country(s *subject, l formula.Literal) {
	if upper := strings.ToUpper(l.Text); jurisdiction.ValidCountry(upper) {
		if l.Text != upper {
			r.misspelt(s, l, fmt.Sprintf("country codes are in capital letters: %q is never equal", l.Text), upper)
		}
		return
	}
	f := r.addAt(s, unknownCountry, l.Place, fmt.Sprintf("%q is not a country code of ISO 3166-1", l.Text), "")
	meant, known := otherCodes[strings.ToUpper(l.Text)]
	if known {
		f.Edit = r.edit(s, l, meant)
	} else {
		meant = jurisdiction.NearestCountry(l.Text)
	}
	if meant != "" {
		f.Fix = fmt.Sprintf("did you mean %q, %s?", meant, jurisdiction.CountryName(meant))
	}
}

// vocabulary returns the categories and detectors that there are.
func vocabulary() (categories, detectors []string) {
	seen := map[string]bool{}
	for _, d := range classify.Detectors() {
		detectors = append(detectors, d.ID)
		for _, category := range d.Categories {
			seen[category] = true
		}
	}
	return slices.Sorted(maps.Keys(seen)), detectors
}

func (r *review) category(s *subject, l formula.Literal) {
	categories, _ := vocabulary()
	r.oneOf(s, l, unknownCategory, "no detector finds the category %q", categories)
}

func (r *review) detector(s *subject, l formula.Literal) {
	_, detectors := vocabulary()
	r.oneOf(s, l, unknownDetector, "there is no detector %q", detectors)
}

func (r *review) oneOf(s *subject, l formula.Literal, k kind, message string, known []string) {
	if slices.Contains(known, l.Text) {
		return
	}
	f := r.addAt(s, k, l.Place, fmt.Sprintf(message, l.Text), "")
	nearest, ok := document.Nearest(l.Text, known)
	switch {
	case ok:
		f.Fix = fmt.Sprintf("did you mean %q?", nearest)
		if strings.EqualFold(nearest, l.Text) {
			f.Edit = r.edit(s, l, nearest)
		}
	default:
		f.Fix = "known: " + strings.Join(known, ", ")
	}
}

// host finds texts that no canonical host has or is.
func (r *review) host(s *subject, l formula.Literal) {
	if l.How != "equal" && l.How != "endsWith" && l.How != "startsWith" && l.How != "contains" {
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
	case l.How != "startsWith" && l.How != "contains" && strings.HasSuffix(l.Text, "."):
		r.misspelt(s, l, "hosts have no final dot", strings.TrimSuffix(lower, "."))
	case lower != l.Text:
		r.misspelt(s, l, fmt.Sprintf("hosts are in lower case: nothing matches %q", l.Text), lower)
	}
}

// words are the facts that have a few known values.
var words = map[string][]string{
	"request.scheme":   {"http", "https"},
	"request.protocol": {"http/1.1", "h2", "grpc", "websocket", "connect"},
	"data.inspected":   {"none", "partial", "full"},
}

func (r *review) word(s *subject, l formula.Literal) {
	known, ok := words[l.Fact]
	if !ok || slices.Contains(known, l.Text) {
		return
	}
	meant := ""
	if nearest, near := document.Nearest(l.Text, known); near && strings.EqualFold(nearest, l.Text) {
		meant = nearest
	}
	r.misspelt(s, l, fmt.Sprintf("%s is never %q, but one of %s", l.Fact, l.Text, strings.Join(known, ", ")), meant)
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
