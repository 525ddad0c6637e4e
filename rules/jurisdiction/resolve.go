package jurisdiction

import (
	"fmt"
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// Confidence of each kind of claim. The order of the values is the order of precedence.
const (
	confidenceDeclared    = 0.99 // catalogue entry in force
	confidenceRegion      = 0.95 // region in the host name
	confidenceLooseRegion = 0.80 // region in the host name where one endpoint may serve several
	confidenceAgreed      = 0.75 // two independent address databases agree
	confidenceAlone       = 0.55 // one address database
	confidenceDisputed    = 0.40 // address databases disagree: the union of what they say
	confidenceRegistrant  = 0.30 // where the network is registered, which is not where it is
	confidenceDomain      = 0.15 // country-code domain
	confidenceNone        = 0
)

// resolution is the outcome of combining statements.
type resolution struct {
	location flow.Location
	state    flow.State
	reason   string // one sentence: why the country is what it is
}

// combine applies the rules in their order:
//
//  1. Claims from a declaration or the host name: the strongest wins. Several countries of the same
//     strength leave the place open.
//  2. Claims from address databases form one group: all that agree 0.75 if they are independent and
//     0.55 if not, any disagreement 0.40. If the address or the host is served from many places
//     (anycast, delivery network, multi-region), they say nothing about the place.
//  3. The stronger of 1 and 2 decides; whatever contradicts it becomes a conflict.
//  4. A country-code domain never decides.
//  5. A database that could not be asked makes the place unavailable unless something stronger than
//     a database decided.
//  6. Below the minimum confidence the place is open.
func combine(statements []statement, minimum float64) resolution {
	c := combination{statements: statements}
	c.attribute()
	c.collect()
	c.weighAddresses()
	slices.SortStableFunc(c.direct, strongestFirst)
	slices.SortStableFunc(c.measured, strongestFirst)
	country, confidence, reason := c.decide()

	var result resolution
	result.location.Operator, result.location.OperatorHome = c.operator, c.home
	result.location.Cloud, result.location.Region = c.cloud, c.region
	result.location.Conflicts = c.conflicts
	switch {
	case c.failure && confidence <= confidenceAlone && c.spread == "" && !c.disputed:
		result.state, result.reason = flow.Unavailable, "an address database could not be asked, and nothing stronger answered"
	case country == "":
		result.state, result.reason = flow.Absent, reason
	case confidence < minimum:
		result.state = flow.Absent
		result.reason = fmt.Sprintf("%s, but its confidence %.2f is below the minimum %.2f", reason, confidence, minimum)
	default:
		result.state, result.reason = flow.Known, reason
		result.location.Country, result.location.Confidence = country, confidence
	}
	slices.SortStableFunc(c.claims, strongestFirst)
	result.location.Jurisdictions = c.claims
	return result
}

// combination is the working state of combine.
type combination struct {
	statements []statement
	claims     []flow.Claim // direct, then measured, then those that never decide
	direct     []flow.Claim // from a declaration or the host name
	measured   []flow.Claim // from address databases
	spread     string       // why no place can be concluded from the address; "" if one can
	failure    bool         // a database could not be asked
	disputed   bool         // the strongest claims name several countries
	agreed     float64      // confidence of the address databases together
	operator   string
	home       string
	cloud      string
	region     string
	conflicts  []string
}

// attribute takes operator, home and cloud region from the first source that names them. A home that was said of
// one operator, or like the registrant's of nobody in particular, is not given to another.
func (c *combination) attribute() {
	for i := range c.statements {
		s := &c.statements[i]
		if c.operator == "" {
			c.operator = s.operator
		}
		if c.home == "" && s.operator == c.operator {
			c.home = s.operatorHome
		}
		if c.cloud == "" {
			c.cloud, c.region = s.cloud, s.region
		}
	}
}

// collect sorts the claims by the part that they play.
func (c *combination) collect() {
	claims := make([]flow.Claim, 0, len(c.statements))
	for i := range c.statements {
		if s := &c.statements[i]; s.kind == declared || s.kind == named {
			claims = append(claims, s.claim)
		}
	}
	first := len(claims)
	for i := range c.statements {
		if s := &c.statements[i]; s.kind == measured {
			claims = append(claims, s.claim)
		}
	}
	c.direct, c.measured = claims[:first:first], claims[first:len(claims):len(claims)]
	for i := range c.statements {
		s := &c.statements[i]
		switch s.kind {
		case spread:
			if c.spread == "" {
				c.spread = s.claim.Detail
			}
			claims = append(claims, s.claim)
		case failed:
			c.failure = true
			claims = append(claims, s.claim)
		case hinted:
			claims = append(claims, s.claim)
		}
	}
	c.claims = claims
}

// weighAddresses gives the address claims the confidence that their agreement earns.
func (c *combination) weighAddresses() {
	if c.spread != "" {
		for i := range c.measured {
			c.measured[i].Confidence = confidenceNone
			c.measured[i].Detail += "; not a location: " + c.spread
		}
		return
	}
	full := 0
	for _, claim := range c.measured {
		c.agreed = max(c.agreed, claim.Confidence)
		if claim.Confidence >= confidenceAlone {
			full++
		}
	}
	several, independent := c.compareAddresses(full > 0)
	switch {
	case several:
		c.agreed = min(c.agreed, confidenceDisputed)
		for i := range c.measured {
			c.measured[i].Confidence = min(c.measured[i].Confidence, confidenceDisputed)
		}
		c.conflicts = append(c.conflicts, "address databases disagree: "+describe(c.measured))
	case full > 1 && independent:
		c.agreed = confidenceAgreed
	}
}

// compareAddresses reports whether the address claims name several countries and whether they
// draw on several sets of data. Claims of a network's registrant count only without full ones.
func (c *combination) compareAddresses(fullOnly bool) (several, independent bool) {
	var first *statement
	for i := range c.statements {
		s := &c.statements[i]
		if s.kind != measured || fullOnly && s.claim.Confidence < confidenceAlone {
			continue
		}
		if first == nil {
			first = s
		}
		several = several || s.claim.Country != first.claim.Country
		independent = independent || s.family != first.family
	}
	return several, independent
}

// decide returns the country, "" when the place is open, with its confidence and the reason.
func (c *combination) decide() (country string, confidence float64, reason string) {
	if len(c.direct) > 0 && c.direct[0].Confidence >= c.agreed {
		return c.decideDirect()
	}
	if len(c.measured) == 0 || c.spread != "" {
		return "", 0, c.reasonForNothing()
	}
	best := c.measured[0]
	c.contradict(best, c.direct)
	if c.agreed > confidenceDisputed {
		c.contradict(best, c.measured) // a weaker one, or the dispute would have been found before
	}
	switch c.agreed {
	case confidenceAgreed:
		reason = "independent address databases agree"
	case confidenceDisputed:
		reason = "address databases disagree"
	case confidenceRegistrant:
		reason = "only the network's registration is known"
	default:
		reason = "one address database answered"
	}
	return best.Country, c.agreed, reason
}

func (c *combination) decideDirect() (country string, confidence float64, reason string) {
	best := c.direct[0]
	equals := c.direct[:1]
	for len(equals) < len(c.direct) && c.direct[len(equals)].Confidence == best.Confidence {
		equals = c.direct[:len(equals)+1]
	}
	for _, claim := range equals {
		if claim.Country == best.Country {
			continue
		}
		c.disputed = true
		if claim.Detail != best.Detail { // one entry may declare several countries without contradicting itself
			c.conflicts = append(c.conflicts, "equally strong claims disagree: "+describe(equals))
			return "", 0, "equally strong claims name several countries"
		}
	}
	if c.disputed {
		return "", 0, "declared for several countries: " + describe(equals)
	}
	c.contradict(best, c.direct[len(equals):])
	if c.spread == "" {
		c.contradict(best, c.measured)
	}
	if best.Source == sourceCatalogue {
		return best.Country, best.Confidence, "declared in the catalogue"
	}
	return best.Country, best.Confidence, "the host name names the cloud region"
}

// contradict notes as conflicts the claims that name another country than best.
func (c *combination) contradict(best flow.Claim, claims []flow.Claim) {
	for _, claim := range claims {
		if claim.Country != best.Country {
			c.conflicts = append(c.conflicts, sentence(best)+", but "+sentence(claim))
		}
	}
}

func (c *combination) reasonForNothing() string {
	switch {
	case c.spread != "":
		return "no place can be concluded: " + c.spread
	case slices.ContainsFunc(c.claims, func(claim flow.Claim) bool { return claim.Country != "" }):
		return "only a country-code domain is known, which never decides"
	}
	return "no source knows a place"
}

func strongestFirst(a, b flow.Claim) int {
	switch {
	case a.Confidence > b.Confidence:
		return -1
	case a.Confidence < b.Confidence:
		return 1
	}
	return 0
}

func describe(claims []flow.Claim) string {
	parts := make([]string, len(claims))
	for i, claim := range claims {
		parts[i] = sentence(claim)
	}
	return strings.Join(parts, ", ")
}

func sentence(claim flow.Claim) string {
	return claim.Source + " says " + claim.Country + " (" + claim.Detail + ")"
}
