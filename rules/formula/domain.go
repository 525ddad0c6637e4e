package formula

import (
	"net/netip"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"

	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// domain returns the texts that a fact can have, and whether there are no others.
func domain(fact string) (closed bool, texts []string) {
	switch fact {
	case "source.country", "destination.operatorHome", "destination.parentHome":
		return true, append([]string{""}, allCountries()...)
	case "data.inspected":
		return true, []string{"full", "partial", "none"}
	case "source.assurance":
		return false, []string{"", "mtls", "basic"}
	case "destination.host":
		return false, []string{"host.example"}
	case "request.method":
		return false, []string{"GET", "POST"}
	case "request.scheme":
		return true, []string{"https", "http", ""}
	case "request.protocol":
		return false, []string{"http/1.1", "h2", "grpc", "websocket", "connect", ""}
	case "request.path":
		return false, []string{"/"}
	case "source.address", "destination.address":
		return false, []string{"203.0.113.10", "2001:db8::10"}
	}
	return false, []string{"", "other"}
}

// possible reports whether a fact of an open domain can be this text.
func possible(fact, text string) bool {
	switch fact {
	case "destination.host":
		return text != "" && text == strings.ToLower(text) && !strings.HasSuffix(text, ".") && !strings.ContainsAny(text, " /")
	case "source.address", "destination.address":
		address, err := netip.ParseAddr(text)
		return text == "" || err == nil && address.Unmap().String() == text
	}
	return true
}

// allCountries returns every code of ISO 3166-1 alpha-2. The list is shared and not to be changed.
var allCountries = sync.OnceValue(func() []string {
	var codes []string
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			if code := string([]rune{a, b}); jurisdiction.ValidCountry(code) {
				codes = append(codes, code)
			}
		}
	}
	return slices.Clip(codes)
})

// countries returns the valid codes that demands mention, and one that none mentions.
func countries(demands []demand) []string {
	var mentioned []string
	for _, d := range demands {
		for _, text := range d.atom.Texts {
			if jurisdiction.ValidCountry(text) && !slices.Contains(mentioned, text) {
				mentioned = append(mentioned, text)
			}
		}
	}
	for _, code := range allCountries() {
		if !slices.Contains(mentioned, code) {
			return append(mentioned, code)
		}
	}
	return mentioned
}

// onSets reports whether every demand is on a set of countries, so that all that are in none of the sets
// are alike.
func onSets(demands []demand) bool {
	return !slices.ContainsFunc(demands, func(d demand) bool {
		return d.atom.Test != OneOf && d.atom.Test != AnyCountry && d.atom.Test != OnlyCountries
	})
}

// under is destination.under on a canonical host.
func under(host, domain string) bool {
	if host == domain {
		return true
	}
	if !strings.HasSuffix(host, "."+domain) {
		return false
	}
	_, err := netip.ParseAddr(host)
	return err != nil
}

// lettered reports whether a host that ends in domain cannot be an address.
func lettered(domain string) bool {
	last := domain[strings.LastIndexByte(domain, '.')+1:]
	return strings.ContainsFunc(last, func(r rune) bool { return r >= 'g' && r <= 'z' })
}

// sample returns a few short texts that probably match a regular expression.
func sample(expression string) []string {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil
	}
	least := shortest(parsed.Simplify(), 0)
	return []string{least, "other" + least, least + "other"}
}

func shortest(r *syntax.Regexp, depth int) string {
	if depth > 64 {
		return ""
	}
	switch r.Op {
	case syntax.OpLiteral:
		return string(r.Rune)
	case syntax.OpCharClass:
		if len(r.Rune) > 0 {
			for i := 0; i+1 < len(r.Rune); i += 2 {
				if r.Rune[i] <= 'a' && r.Rune[i+1] >= 'a' {
					return "a"
				}
			}
			return string(r.Rune[0])
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "a"
	case syntax.OpConcat:
		var b strings.Builder
		for _, part := range r.Sub {
			b.WriteString(shortest(part, depth+1))
		}
		return b.String()
	case syntax.OpCapture, syntax.OpPlus, syntax.OpAlternate:
		return shortest(r.Sub[0], depth+1)
	case syntax.OpRepeat:
		return strings.Repeat(shortest(r.Sub[0], depth+1), r.Min)
	}
	return ""
}
