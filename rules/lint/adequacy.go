package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// limitedAdequacy ends the names of groups whose members are adequate for some recipients alone.
const limitedAdequacy = "-adequacy-limited"

// adequacy finds rules that take an adequacy decision for some recipients of a country for one of the whole
// country: certified companies of the United States, for example.
func (r *review) adequacy(s *subject) {
	asksRecipient := slices.ContainsFunc(s.facts, func(fact string) bool {
		return fact == "destination.host" || fact == "destination.operator" || fact == "destination.address"
	})
	if s.Verdict == flow.Log || asksRecipient {
		return
	}
	for _, l := range s.literals {
		if l.How == "within" && strings.HasSuffix(l.Text, limitedAdequacy) {
			r.addAt(s, anyRecipient, l.Place, fmt.Sprintf("the countries of %q are adequate for some recipients alone, and the condition does not ask who receives", l.Text), "")
		}
	}
}
