package jurisdiction

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// Confidence of each kind of claim while its data is fresh; age.go says what becomes of it later.
const (
	confidenceDeclared    = 0.99 // catalogue entry in force
	confidenceRegion      = 0.95 // region in the host name
	confidenceAlias       = 0.90 // region in the chain of aliases that the resolver saw
	confidencePublished   = 0.90 // address in a range that its provider publishes with its region
	confidenceLooseRegion = 0.80 // region in the host name where one endpoint may serve several
	confidenceAgreed      = 0.75 // two independent address databases agree
	confidenceAlone       = 0.55 // one address database
	confidenceDisputed    = 0.40 // address databases disagree: the union of what they say
	confidenceRegistrant  = 0.30 // where the network is registered, which is not where it is
	confidenceCertificate = 0.20 // who runs the destination, by its certificate; never a place
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
//  1. Claims from a declaration, the host name, its aliases or published ranges: the strongest wins.
//     Several countries of the same strength leave the place open.
//  2. Claims from address databases form one group: all that agree 0.75 if they are independent and
//     0.55 if not, any disagreement 0.40, each less with the age of the data. If the address or the
//     host is served from many places (anycast, delivery network, multi-region), they and published
//     ranges say nothing about the place.
//  3. The stronger of 1 and 2 decides; whatever contradicts it becomes a conflict.
//  4. A country-code domain never decides.
//  5. A database that could not be asked makes the place unavailable unless something stronger than
//     a database decided.
//  6. Below the minimum confidence the place is open.
func combine(statements []statement, minimum float64) resolution {
	c := combination{statements: statements}
	c.attribute()
	c.collect()
	slices.SortStableFunc(c.direct, strongestFirst)
	slices.SortStableFunc(c.measured, strongestFirst)
	c.weighAddresses()
	d := c.decide()

	result := resolution{reason: d.reason}
	location := &result.location
	location.Operator, location.OperatorHome, location.ParentHome = c.operator, c.home, c.parent
	if c.home != "" {
		location.HomeSource = c.homeSource
	}
	location.Cloud, location.Region = c.cloud, c.region
	location.Conflicts = c.conflicts
	location.Possible, location.Stale = d.possible, d.stale
	// What is said of the name in general gives way to what decided about this destination; an address
	// that is announced from many places stays one.
	location.Anycast = c.spreadAddress || c.spread != "" && !d.direct
	switch {
	case c.failure && d.confidence <= confidenceAlone && c.spread == "" && !d.disputed:
		result.state, result.reason = flow.Unavailable, "an address database could not be asked, and nothing stronger answered"
		location.Possible = nil
	case d.country == "":
		result.state = flow.Absent
	case d.confidence < minimum:
		result.state = flow.Absent
		result.reason = fmt.Sprintf("%s, but its confidence %.2f is below the minimum %.2f", d.reason, d.confidence, minimum)
	default:
		result.state = flow.Known
		location.Country, location.Confidence = d.country, d.confidence
	}
	location.Stale = location.Stale || location.Country == "" && c.homeStale
	location.Reach = distinct(append(slices.Clip(location.Possible), c.home, c.parent)...)
	location.Jurisdictions = c.claims()
	return result
}

// combination is the working state of combine.
type combination struct {
	statements    []statement
	direct        []*statement // place, from a declaration, a name or a published range
	measured      []*statement // place, from address databases
	spread        string       // why no place can be concluded from the address; "" if one can
	spreadAddress bool         // the address itself is announced from many places
	failure       bool         // a database could not be asked
	agreed        float64      // confidence of the address databases together
	operator      string
	home          string
	homeSource    string
	homeStale     bool // home is from data older than its limit
	parent        string
	cloud         string
	region        string
	conflicts     []string
}

// decision is what was concluded about the place.
type decision struct {
	country    string // "" when the place is open
	confidence float64
	possible   []string // every country that the deciding claims name, sorted
	direct     bool     // address databases were not needed
	disputed   bool     // the strongest claims name several countries
	stale      bool     // nothing fresh supports it, or something stale disputes it
	reason     string
}

// attribute takes operator, homes and cloud region from the first source that names them. A home that was
// said of one operator, or like the registrant's of nobody in particular, is not given to another.
func (c *combination) attribute() {
	for i := range c.statements {
		s := &c.statements[i]
		if c.operator == "" {
			c.operator = s.operator
		}
		if c.home == "" && s.operator == c.operator {
			c.home, c.homeSource, c.homeStale = s.operatorHome, s.claim.Source, s.stale
		}
		if c.parent == "" && s.operator == c.operator {
			c.parent = s.parentHome
		}
		if c.cloud == "" {
			c.cloud, c.region = s.cloud, s.region
		}
	}
}

// collect sorts the statements by the part that they play.
func (c *combination) collect() {
	for i := range c.statements {
		switch s := &c.statements[i]; s.kind {
		case spread:
			if c.spread == "" {
				c.spread = s.claim.Detail
			}
			c.spreadAddress = c.spreadAddress || s.ofAddress
		case failed:
			c.failure = true
		}
	}
	both := make([]*statement, 2*len(c.statements))
	c.direct, c.measured = both[:0:len(c.statements)], both[len(c.statements):len(c.statements)]
	for i := range c.statements {
		switch s := &c.statements[i]; {
		case s.kind == declared || s.kind == named || s.kind == published && c.spread == "":
			c.direct = append(c.direct, s)
		case s.kind == measured || s.kind == published:
			c.measured = append(c.measured, s)
		}
	}
}

// claims returns what is said about the place, strongest first; among equals those that may decide
// come before those that never do.
func (c *combination) claims() []flow.Claim {
	claims := make([]flow.Claim, 0, len(c.statements))
	for _, group := range [][]*statement{c.direct, c.measured} {
		for _, s := range group {
			claims = append(claims, s.claim)
		}
	}
	for i := range c.statements {
		switch s := &c.statements[i]; s.kind {
		case spread, failed, hinted:
			claims = append(claims, s.claim)
		}
	}
	slices.SortStableFunc(claims, strongestClaim)
	return claims
}

// weighAddresses gives the address claims the confidence that their agreement earns.
func (c *combination) weighAddresses() {
	if c.spread != "" {
		for _, s := range c.measured {
			s.claim.Confidence = confidenceNone
			s.claim.Detail += "; not a location: " + c.spread
		}
		return
	}
	group := c.deciding()
	if len(group) == 0 {
		return
	}
	several, independent, freshest, oldest := false, false, 1.0, 0.0
	for _, s := range group {
		c.agreed = max(c.agreed, s.claim.Confidence)
		several = several || s.claim.Country != group[0].claim.Country
		independent = independent || s.family != group[0].family
		freshest, oldest = min(freshest, s.loss), max(oldest, s.loss)
	}
	switch {
	case several:
		c.agreed = min(c.agreed, aged(confidenceDisputed, freshest))
		for _, s := range c.measured {
			s.claim.Confidence = min(s.claim.Confidence, aged(confidenceDisputed, s.loss))
		}
		c.conflicts = append(c.conflicts, "address databases disagree: "+describe(c.measured))
	case independent && !group[0].registration:
		c.agreed = max(c.agreed, aged(confidenceAgreed, oldest))
	}
}

// deciding returns the address claims that decide: where a network is registered counts only when
// nothing says where it is.
func (c *combination) deciding() []*statement {
	full := slices.IndexFunc(c.measured, func(s *statement) bool { return s.registration }) // they come last
	if full <= 0 {
		return c.measured
	}
	return c.measured[:full]
}

func (c *combination) decide() decision {
	if len(c.direct) > 0 && c.direct[0].claim.Confidence >= c.agreed {
		return c.decideDirect()
	}
	if len(c.measured) == 0 || c.spread != "" {
		return decision{reason: c.reasonForNothing()}
	}
	return c.decideMeasured()
}

func (c *combination) decideMeasured() decision {
	group := c.deciding()
	best := group[0]
	d := decision{country: best.claim.Country, confidence: c.agreed, possible: countries(group)}
	c.contradict(best, c.direct)
	switch {
	case len(d.possible) > 1:
		d.reason = "address databases disagree"
		d.stale = slices.ContainsFunc(group, isStale)
		return d
	case best.registration:
		d.reason = "only the network's registration is known"
	case c.agreed > best.claim.Confidence:
		d.reason = "independent address databases agree"
	default:
		d.reason = "one address database answered"
	}
	c.contradict(best, c.measured)
	d.stale = allStale(group)
	if d.stale {
		d.reason += ", from data older than its limit"
	}
	return d
}

func (c *combination) decideDirect() decision {
	best := c.direct[0]
	equals := c.direct[:1]
	for len(equals) < len(c.direct) && c.direct[len(equals)].claim.Confidence == best.claim.Confidence {
		equals = c.direct[:len(equals)+1]
	}
	d := decision{direct: true, possible: countries(equals)}
	if len(d.possible) > 1 {
		d.disputed = true
		d.stale = slices.ContainsFunc(equals, isStale)
		d.reason = "declared for several countries: " + describe(equals)
		// One entry may declare several countries without contradicting itself.
		if slices.ContainsFunc(equals, func(s *statement) bool { return s.claim.Detail != best.claim.Detail }) {
			d.reason = "equally strong claims name several countries"
			c.conflicts = append(c.conflicts, "equally strong claims disagree: "+describe(equals))
		}
		return d
	}
	c.contradict(best, c.direct[len(equals):])
	if c.spread == "" {
		c.contradict(best, c.measured)
	}
	d.country, d.confidence, d.stale = best.claim.Country, best.claim.Confidence, allStale(equals)
	switch {
	case best.kind == declared:
		d.reason = "declared in the catalogue"
	case best.kind == published:
		d.reason = "the provider publishes the address with this region"
	case best.claim.Source == sourceAlias:
		d.reason = "the host name is an alias of one that names the cloud region"
	default:
		d.reason = "the host name names the cloud region"
	}
	if d.stale {
		d.reason += ", in data older than its limit"
	}
	return d
}

// contradict notes as conflicts the claims that name another country than best.
func (c *combination) contradict(best *statement, others []*statement) {
	for _, other := range others {
		if other.claim.Country != best.claim.Country {
			c.conflicts = append(c.conflicts, sentence(best)+", but "+sentence(other))
		}
	}
}

func (c *combination) reasonForNothing() string {
	switch {
	case c.spread != "":
		return "no place can be concluded: " + c.spread
	case slices.ContainsFunc(c.statements, func(s statement) bool { return s.kind == hinted }):
		return "only a country-code domain is known, which never decides"
	}
	return "no source knows a place"
}

// strongestFirst puts what is known of a place before what is known of a registration.
func strongestFirst(a, b *statement) int {
	if a.registration != b.registration {
		if a.registration {
			return 1
		}
		return -1
	}
	return cmp.Compare(b.claim.Confidence, a.claim.Confidence)
}

func strongestClaim(a, b flow.Claim) int { return cmp.Compare(b.Confidence, a.Confidence) }

func isStale(s *statement) bool { return s.stale }

func allStale(claims []*statement) bool {
	return !slices.ContainsFunc(claims, func(s *statement) bool { return !s.stale })
}

// countries returns the countries that the claims name, sorted, each once.
func countries(claims []*statement) []string {
	named := make([]string, 0, 4)
	for _, s := range claims {
		named = append(named, s.claim.Country)
	}
	return distinct(named...)
}

// distinct sorts codes in place, without "" and repetitions; nil when nothing is left.
func distinct(codes ...string) []string {
	slices.Sort(codes)
	codes = slices.Compact(codes)
	if len(codes) > 0 && codes[0] == "" {
		codes = codes[1:]
	}
	if len(codes) == 0 {
		return nil
	}
	return slices.Clip(codes)
}

func describe(claims []*statement) string {
	parts := make([]string, len(claims))
	for i, s := range claims {
		parts[i] = sentence(s)
	}
	return strings.Join(parts, ", ")
}

func sentence(s *statement) string {
	return s.claim.Source + " says " + s.claim.Country + " (" + s.claim.Detail + ")"
}
