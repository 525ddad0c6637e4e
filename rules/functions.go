package rules

import (
	"net/netip"
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
	state       func(*flow.Flow) flow.State // nil when always known
	call        func(*scope, ref.Val) ref.Val
	unavailable *types.Err
}

// functions is the one table of what conditions can ask beyond attributes.
var functions = named([]function{
	{group: destinationGroup, name: "under", argument: cel.StringType, result: cel.BoolType,
		doc:     "whether the host is this domain or below it; case and a dot at either end do not count",
		example: `destination.under("example.com")`, call: under},
	{group: destinationGroup, name: "anyCountry", argument: cel.ListType(cel.StringType), result: cel.BoolType,
		doc:     "whether any source places the destination in one of these countries",
		example: `destination.anyCountry(["US", "CN"])`, state: locationState, call: anyCountry},
	{group: destinationGroup, name: "onlyCountries", argument: cel.ListType(cel.StringType), result: cel.BoolType,
		doc:     "whether a country is known and every source that names one names one of these; false when no country is known",
		example: `destination.onlyCountries(["DE", "FR"])`, state: locationState, call: onlyCountries},
	{group: requestGroup, name: "header", argument: cel.StringType, result: cel.StringType,
		doc:     `a header by name, case does not count; several values are joined with ", "; "" when it is missing`,
		example: `request.header("Content-Type").startsWith("application/json")`, state: requestState, call: header},
	{group: dataGroup, name: "has", argument: cel.StringType, result: cel.BoolType,
		doc:     "whether data of this category was found; uninspectable when it was not and part of the payload could not be read",
		example: `data.has("financial")`, state: dataState, call: hasCategory},
	{group: dataGroup, name: "count", argument: cel.StringType, result: cel.IntType,
		doc:     "how many distinct findings of this category there are; uninspectable when part of the payload could not be read",
		example: `data.count("government-id") > 10`, state: wholeDataState, call: countCategory},
	{group: dataGroup, name: "found", argument: cel.StringType, result: cel.IntType,
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
	domain := strings.Trim(string(argument.(types.String)), ".")
	if domain == "" {
		return types.NewErr("destination.under needs a domain")
	}
	if !isASCII(domain) {
		ascii, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return types.NewErr("destination.under needs a valid domain")
		}
		domain = ascii
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
	_, err := netip.ParseAddr(host)
	return types.Bool(err != nil)
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

func anyCountry(s *scope, argument ref.Val) ref.Val {
	if s.flow.Destination.LocationState == flow.Absent {
		return types.False
	}
	list := argument.(traits.Lister)
	location := &s.flow.Destination.Location
	if location.Country != "" && contains(list, location.Country) {
		return types.True
	}
	for i := range location.Jurisdictions {
		if country := location.Jurisdictions[i].Country; country != "" && contains(list, country) {
			return types.True
		}
	}
	return types.False
}

func onlyCountries(s *scope, argument ref.Val) ref.Val {
	if s.flow.Destination.LocationState == flow.Absent {
		return types.False
	}
	list := argument.(traits.Lister)
	location := &s.flow.Destination.Location
	if location.Country == "" || !contains(list, location.Country) {
		return types.False
	}
	for i := range location.Jurisdictions {
		if country := location.Jurisdictions[i].Country; country != "" && !contains(list, country) {
			return types.False
		}
	}
	return types.True
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
	if wholeDataState(s.flow) == flow.Unavailable {
		return dataUnavailable
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
