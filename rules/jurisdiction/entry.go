package jurisdiction

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// Entry is what the user declares about a destination: who runs it, where it processes, under
// which document.
type Entry struct {
	// Match is a host name ("example.de": that host alone), everything below a name (".example.de"
	// or "*.example.de"), an address or a network ("192.0.2.0/24"). The most specific entry for a
	// host name counts.
	Match string `yaml:"match"`
	// Countries are ISO 3166-1 alpha-2 codes of every place of processing. Several leave the
	// destination's one country open; rules see each of them.
	Countries []string `yaml:"countries"`
	// Operator is who runs the destination, e.g. "Example GmbH".
	Operator string `yaml:"operator"`
	// OperatorHome is the country whose law binds the operator.
	OperatorHome string `yaml:"operatorHome"`
	// ParentHome is the country whose law binds the operator's owner, where that is another.
	ParentHome string `yaml:"parentHome"`
	// Document is the contract or assessment that says so, e.g. "DPA 2026-04 § 3".
	Document string `yaml:"document"`
	// ValidUntil is the last day, in UTC, on which the entry counts (2026-12-31), or an RFC 3339
	// time. Empty: no end.
	ValidUntil string `yaml:"validUntil"`
	// Source is where the statement was taken from, e.g. a provider's list of sub-processors.
	Source string `yaml:"source"`
}

// pattern is an Entry's Match, understood.
type pattern struct {
	host    string // canonical name
	below   bool   // everything below host, not host itself
	network netip.Prefix
}

// Validate returns what is wrong with the entry, each message beginning with the field it is about;
// nil when nothing is.
func (e Entry) Validate() []string {
	var problems []string
	if _, problem := parsePattern(e.Match); problem != "" {
		problems = append(problems, "match: "+problem)
	}
	if len(e.Countries) == 0 && e.Operator == "" && e.OperatorHome == "" && e.ParentHome == "" {
		problems = append(problems, "countries: missing; an entry names a country, an operator, an operatorHome or a parentHome")
	}
	for i, code := range e.Countries {
		field := fmt.Sprintf("countries[%d]", i)
		if problem := countryProblem(code); problem != "" {
			problems = append(problems, field+": "+problem)
		} else if slices.Contains(e.Countries[:i], code) {
			problems = append(problems, fmt.Sprintf("%s: %q is listed twice", field, code))
		}
	}
	for _, home := range []struct{ field, code string }{{"operatorHome", e.OperatorHome}, {"parentHome", e.ParentHome}} {
		if problem := countryProblem(home.code); home.code != "" && problem != "" {
			problems = append(problems, home.field+": "+problem)
		}
	}
	if _, err := parseEnd(e.ValidUntil); err != nil {
		problems = append(problems, "validUntil: "+err.Error())
	}
	for _, field := range []struct{ name, text string }{
		{"operator", e.Operator}, {"document", e.Document}, {"source", e.Source},
	} {
		if len(field.text) > maxEntryText {
			problems = append(problems, fmt.Sprintf("%s: %d bytes long, at most %d fit into a record", field.name, len(field.text), maxEntryText))
		}
	}
	return problems
}

const (
	maxEntryText   = 200
	maxWrittenHost = 4 * 253 // bytes; every character of a name takes up to four
)

// ValidateCatalogue returns what is wrong with the entries and between them; each message begins
// with the entry's position, e.g. "catalogue[3].countries[0]: …".
func ValidateCatalogue(entries []Entry) []string {
	var problems []string
	first := map[pattern]int{}
	for i, entry := range entries {
		for _, problem := range entry.Validate() {
			problems = append(problems, fmt.Sprintf("catalogue[%d].%s", i, problem))
		}
		match, problem := parsePattern(entry.Match)
		if problem != "" {
			continue
		}
		if earlier, ok := first[match]; ok {
			problems = append(problems, fmt.Sprintf("catalogue[%d].match: %q is already declared by catalogue[%d]", i, entry.Match, earlier))
			continue
		}
		first[match] = i
	}
	return problems
}

func countryProblem(code string) string {
	if ValidCountry(code) {
		return ""
	}
	if code == "EU" || code == "EEA" {
		return fmt.Sprintf("%q is a group, not a country; list the countries of processing", code)
	}
	if hint := nearestCountry(code); hint != "" {
		return fmt.Sprintf("%q is not an ISO 3166-1 alpha-2 code (did you mean %q, %s?)", code, hint, CountryName(hint))
	}
	return fmt.Sprintf("%q is not an ISO 3166-1 alpha-2 code", code)
}

// parsePattern understands a Match; problem is "" when it can.
func parsePattern(match string) (result pattern, problem string) {
	if match == "" {
		return pattern{}, `missing; expected a host name, ".suffix", address or network`
	}
	if strings.Contains(match, "/") {
		return parseNetwork(match)
	}
	if address, err := netip.ParseAddr(match); err == nil {
		if address.Zone() != "" {
			return pattern{}, fmt.Sprintf("%q: an address with a zone names a different host on every machine", match)
		}
		address = address.Unmap()
		return pattern{network: netip.PrefixFrom(address, address.BitLen())}, ""
	}
	name, below := match, false
	if rest, ok := strings.CutPrefix(match, "*."); ok {
		name, below = rest, true
	} else if rest, ok := strings.CutPrefix(match, "."); ok {
		name, below = rest, true
	}
	canonical, problem := canonicalHost(name)
	if problem != "" {
		return pattern{}, fmt.Sprintf("%q: %s", match, problem)
	}
	return pattern{host: canonical, below: below}, ""
}

func parseNetwork(match string) (pattern, string) {
	network, err := netip.ParsePrefix(match)
	switch {
	case err != nil && strings.Contains(match, "://"):
		return pattern{}, fmt.Sprintf("%q is a URL; expected the host name alone", match)
	case err != nil:
		return pattern{}, fmt.Sprintf("%q is not a network such as 192.0.2.0/24", match)
	case network.Masked() != network:
		return pattern{}, fmt.Sprintf("%q has bits set behind its prefix (did you mean %q?)", match, network.Masked())
	case network.Addr().Is4In6():
		return pattern{}, fmt.Sprintf("%q is IPv4 written as IPv6; write the IPv4 network", match)
	}
	return pattern{network: network}, ""
}

func canonicalHost(name string) (host, problem string) {
	name = strings.TrimSuffix(name, ".")
	switch {
	case name == "":
		return "", "empty host name"
	case len(name) > maxWrittenHost: // before the conversion, whose cost is quadratic
		return "", "longer than a host name can be"
	case strings.Contains(name, "*"):
		return "", `"*" may stand only for everything below a name, as in "*.example.de"`
	case strings.Contains(name, ".."):
		return "", "empty label between two dots"
	case strings.Contains(name, ":"):
		return "", "a port or a malformed address; expected the host name alone"
	}
	ascii, err := hostProfile.ToASCII(name)
	if err != nil {
		return "", "not a host name"
	}
	if len(ascii) > 253 {
		return "", "longer than a host name can be"
	}
	return ascii, ""
}

// hostProfile maps as browsers do (UTS #46, transitional processing off), and allows the underscore
// that service names carry.
var hostProfile = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.VerifyDNSLength(true), idna.StrictDomainName(false))

// parseEnd returns the first moment at which an entry no longer counts; zero for an empty text.
func parseEnd(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	if moment, err := time.Parse(time.RFC3339, text); err == nil {
		return moment, nil
	}
	return time.Time{}, fmt.Errorf("%q is not a day such as 2026-12-31 or an RFC 3339 time", text)
}
