package rules

import (
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"golang.org/x/net/idna"

	"github.com/borderflow/borderflow/rules/flow"
)

// function is a member function of a group with one argument.
type function struct {
	group       int
	name        string
	argument    *cel.Type
	result      *cel.Type
	doc         string
	example     string
	cost        string
	state       func(*flow.Flow) flow.State // nil when always known
	call        func(*scope, ref.Val) ref.Val
	unavailable *types.Err
}

// What it costs to ask for one flow.
const (
	costConstant = "constant" // the same whatever it is asked and of whatever flow
	costLookup   = "lookup"   // one search in a hash set or in sorted ranges, however long the list
	costClaims   = "claims"   // grows with the sources that place the destination, some two to six, and the countries given
	costFindings = "findings" // grows with the kinds of data found or declared, at most a few dozen
)

// functions is the one table of what conditions can ask beyond attributes.
var functions = named([]function{
	{group: destinationGroup, name: "under", argument: cel.StringType, result: cel.BoolType, cost: costConstant,
		doc:     "whether the host is this domain or below it; case and a dot at either end do not count",
		example: `destination.under("example.com")`, call: under},
	{group: destinationGroup, name: "anyCountry", argument: cel.ListType(cel.StringType), result: cel.BoolType, cost: costClaims,
		doc:     "whether any source places the destination in one of these countries",
		example: `destination.anyCountry(["US", "CN"])`, state: locationState, call: anyCountry},
	{group: destinationGroup, name: "onlyCountries", argument: cel.ListType(cel.StringType), result: cel.BoolType, cost: costClaims,
		doc:     "whether a country is known and every source that names one names one of these; false when no country is known",
		example: `destination.onlyCountries(["DE", "FR"])`, state: locationState, call: onlyCountries},
	{group: destinationGroup, name: withinFunction, argument: cel.StringType, result: cel.BoolType, cost: costClaims,
		doc:     "whether a country is known and every source that names one names a member, at the time of the decision, of this group of countries (" + builtInGroups + ", or one of the policy directory, kind: Group) or list of countries",
		example: `!destination.within("EEA")`, state: locationState, call: withinGroup},
	{group: sourceGroup, name: withinFunction, argument: cel.StringType, result: cel.BoolType, cost: costConstant,
		doc:     "whether the country that the data leaves is known and a member, at the time of the decision, of this group or list of countries",
		example: `source.within("EEA") && !destination.within("EEA")`, state: countryState, call: sourceWithin},
	{group: sourceGroup, name: "label", argument: cel.StringType, result: cel.StringType, cost: costLookup,
		doc:     `the workload's label of this name, as its orchestrator knows it; "" when it has none`,
		example: `source.label("app") == "payroll"`, state: workloadState, call: sourceLabel},
	{group: transferGroup, name: leavesFunction, argument: cel.StringType, result: cel.BoolType, cost: costClaims,
		doc:     "whether the data leaves this group or list of countries: the origin is known to be inside, and the destination is not known to be; false while the origin is unknown",
		example: `transfer.leaves("EEA") && data.has("personal")`, state: countryState, call: leavesGroup},
	{group: requestGroup, name: "header", argument: cel.StringType, result: cel.StringType, cost: costConstant,
		doc:     `a header by name, case does not count; several values are joined with ", "; "" when it is missing`,
		example: `request.header("Content-Type").startsWith("application/json")`, state: requestState, call: header},
	{group: dataGroup, name: "has", argument: cel.StringType, result: cel.BoolType, cost: costFindings,
		doc:     "whether data of this category was found; uninspectable when it was not and part of the payload could not be read",
		example: `data.has("financial")`, state: dataState, call: hasCategory},
	{group: dataGroup, name: "count", argument: cel.StringType, result: cel.IntType, cost: costFindings,
		doc:     "how many distinct findings of this category there are; uninspectable when part of the payload could not be read",
		example: `data.count("government-id") > 10`, state: wholeDataState, call: countCategory},
	{group: dataGroup, name: "found", argument: cel.StringType, result: cel.IntType, cost: costFindings,
		doc:     "how many distinct findings of this detector there are; uninspectable when part of the payload could not be read",
		example: `data.found("us-ssn") > 0`, state: wholeDataState, call: countFindings},
})

func named(table []function) []function {
	for i := range table {
		table[i].unavailable = newUnavailable(groupNames[table[i].group] + "." + table[i].name)
	}
	return table
}

// declare returns the CEL declaration of fn.
func (fn *function) declare() cel.EnvOption {
	overload := groupNames[fn.group] + "_" + fn.name
	return cel.Function(fn.name, cel.MemberOverload(overload, []*cel.Type{groupTypes[fn.group], fn.argument}, fn.result,
		cel.BinaryBinding(func(receiver, argument ref.Val) ref.Val {
			g, ok := receiver.(*group)
			if !ok {
				return types.MaybeNoSuchOverloadErr(receiver)
			}
			if fn.state != nil {
				if v, settled := g.scope.settle(fn.state(g.scope.flow), fn.group, fn.unavailable); !settled {
					return v
				}
			}
			return fn.call(g.scope, argument)
		})))
}

func under(s *scope, argument ref.Val) ref.Val {
	domain, ok := domainOf(string(argument.(types.String)))
	if !ok {
		return types.NewErr("destination.under needs a valid domain")
	}
	host := s.flow.Destination.Host
	if len(host) <= len(domain) {
		return types.Bool(strings.EqualFold(host, domain))
	}
	rest, tail := host[:len(host)-len(domain)], host[len(host)-len(domain):]
	if rest[len(rest)-1] != '.' || !strings.EqualFold(tail, domain) {
		return types.False
	}
	// An address has no domain above it: 10.0.0.1 is not under 0.1.
	return types.Bool(!isAddress(host))
}

// domainOf returns the A-labels of a domain, without dots at its ends and in lower case.
func domainOf(text string) (string, bool) {
	domain := strings.Trim(text, ".")
	if domain == "" {
		return "", false
	}
	if !isASCII(domain) {
		ascii, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return "", false
		}
		domain = ascii
	}
	return canonicalCase(domain), true
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

// anyCountry asks every source, also where they agree on no one country.
func anyCountry(s *scope, argument ref.Val) ref.Val {
	list := argument.(traits.Lister)
	if known := country(s.flow); known != "" && contains(list, known) {
		return types.True
	}
	location := &s.flow.Destination.Location
	for i := range location.Jurisdictions {
		if country := location.Jurisdictions[i].Country; country != "" && contains(list, country) {
			return types.True
		}
	}
	return types.False
}

func onlyCountries(s *scope, argument ref.Val) ref.Val {
	list := argument.(traits.Lister)
	return types.Bool(everyCountry(s.flow, func(country string) bool { return contains(list, country) }))
}

// builtInGroups names the groups of countries for the reference.
const builtInGroups = "APEC, APEC-CBPR, ASEAN, BR-adequacy, CH-adequacy, CH-adequacy-limited, CPTPP, DEPA, EEA, EU, EU-adequacy, " +
	"EU-adequacy-limited, FiveEyes, Global-CBPR, JP-adequacy, KR-adequacy, RCEP, UK-adequacy, UK-adequacy-limited, US-countries-of-concern"

func withinGroup(s *scope, argument ref.Val) ref.Val {
	member := s.membership(string(argument.(types.String)))
	if member == nil {
		return noSuchGroup
	}
	return types.Bool(everyCountry(s.flow, member))
}

func sourceWithin(s *scope, argument ref.Val) ref.Val {
	member := s.membership(string(argument.(types.String)))
	if member == nil {
		return noSuchGroup
	}
	return types.Bool(originIs(s.flow, member))
}

// leavesGroup needs the destination only of data that comes from inside.
func leavesGroup(s *scope, argument ref.Val) ref.Val {
	member := s.membership(string(argument.(types.String)))
	if member == nil {
		return noSuchGroup
	}
	if !originIs(s.flow, member) {
		return types.False
	}
	if v, settled := s.settle(locationState(s.flow), destinationGroup, leavesUnavailable); !settled {
		return v
	}
	return types.Bool(!everyCountry(s.flow, member))
}

var (
	leavesUnavailable = newUnavailable(groupNames[transferGroup] + "." + leavesFunction)
	noSuchGroup       = types.NewErrWithNodeID(1, "there is no group of this name")
)

// membership returns what tells members of the group or list of that name now, nil if there is none.
// Lists, groups and built-in groups never share a name.
func (s *scope) membership(name string) func(country string) bool {
	if l := s.lists[name]; l != nil {
		return l.has
	}
	if group := findGroup(s.named, name); group != nil {
		return func(country string) bool { return group.Has(country, s.now) }
	}
	return nil
}

// originIs reports whether the country that the data leaves is known and in.
func originIs(f *flow.Flow, in func(country string) bool) bool {
	return f.Source.CountryState == flow.Known && f.Source.Country != "" && in(f.Source.Country)
}

// everyCountry reports whether a country is known, and every source that names one names one that is in.
func everyCountry(f *flow.Flow, in func(country string) bool) bool {
	if known := country(f); known == "" || !in(known) {
		return false
	}
	location := &f.Destination.Location
	for i := range location.Jurisdictions {
		if country := location.Jurisdictions[i].Country; country != "" && !in(country) {
			return false
		}
	}
	return true
}

func sourceLabel(s *scope, argument ref.Val) ref.Val {
	if s.flow.Source.WorkloadState == flow.Absent {
		return types.String("")
	}
	return types.String(s.flow.Source.Labels[string(argument.(types.String))])
}

func contains(list traits.Lister, text string) bool {
	size, _ := list.Size().(types.Int)
	for i := range size {
		if element, ok := list.Get(i).(types.String); ok && string(element) == text {
			return true
		}
	}
	return false
}

func header(s *scope, argument ref.Val) ref.Val {
	if s.flow.Request.State == flow.Absent {
		return types.String("")
	}
	// Joined as RFC 9110, section 5.3 allows, so that a second line cannot hide from a rule.
	return types.String(strings.Join(s.flow.Request.Header.Values(string(argument.(types.String))), ", "))
}

// hasCategory answers no only when all of the payload could be read: what was found in a part of it
// is there, but what was not found may be in the rest.
func hasCategory(s *scope, argument ref.Val) ref.Val {
	if categoryCount(&s.flow.Data, string(argument.(types.String))) > 0 {
		return types.True
	}
	switch wholeDataState(s.flow) {
	case flow.Unavailable:
		if s.flow.Data.Open {
			return findingPending
		}
		return dataUnavailable
	case flow.Pending:
		return dataPending
	}
	return types.False
}

func countCategory(s *scope, argument ref.Val) ref.Val {
	return types.Int(categoryCount(&s.flow.Data, string(argument.(types.String))))
}

func categoryCount(data *flow.Data, name string) int {
	if data.State == flow.Absent {
		return 0
	}
	count := 0
	for i := range data.Categories {
		if data.Categories[i].Name == name {
			count += data.Categories[i].Count
		}
	}
	return count
}

func countFindings(s *scope, argument ref.Val) ref.Val {
	detector, count := string(argument.(types.String)), 0
	if s.flow.Data.State == flow.Absent {
		return types.Int(0)
	}
	for i := range s.flow.Data.Findings {
		if s.flow.Data.Findings[i].Detector == detector {
			count += s.flow.Data.Findings[i].Count
		}
	}
	return types.Int(count)
}
