package rules

import (
	"net/netip"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/borderflow/borderflow/rules/flow"
)

// The groups of facts, by their index in groupNames.
const (
	sourceGroup = iota
	destinationGroup
	requestGroup
	dataGroup
)

const nowName = "now"

var groupNames = [...]string{"source", "destination", "request", "data"}

var groupTypes = [...]*types.Type{
	types.NewObjectType("Source"), types.NewObjectType("Destination"), types.NewObjectType("Request"), types.NewObjectType("Data"),
}

var claimType = types.NewObjectType("Jurisdiction")

// attribute is one field of a group: what a condition can read, and how it is read from a flow.
type attribute struct {
	group       int
	name        string
	kind        *cel.Type
	doc         string
	state       func(*flow.Flow) flow.State // nil when always known
	read        func(*scope, *slot) ref.Val
	slot        int // index in scope.slots
	unavailable *types.Err
}

// attributes is the one table of what conditions can read. Checking, evaluation, the cost estimate,
// hints and Reference are all made from it.
var attributes = number([]attribute{
	address(sourceGroup, "address", "the caller's address", nil, func(f *flow.Flow) netip.Addr { return f.Source.Address }),
	integer(sourceGroup, "port", "the caller's port", nil, func(f *flow.Flow) int64 { return int64(f.Source.Port) }),
	text(sourceGroup, "identity", `the caller's authenticated name, e.g. a user or a SPIFFE ID; "" when it has none`, identityState,
		func(f *flow.Flow) string { return f.Source.Identity }),
	text(sourceGroup, "assurance", `how the identity was established: "mtls", "basic" or ""`, identityState,
		func(f *flow.Flow) string { return f.Source.Assurance }),
	text(sourceGroup, "country", `the jurisdiction the data leaves, ISO 3166-1 alpha-2; "" when there is none`, countryState,
		func(f *flow.Flow) string { return f.Source.Country }),

	text(destinationGroup, "host", "the host, lower case and without a trailing dot; international names as A-labels (xn--…)", nil,
		func(f *flow.Flow) string { return f.Destination.Host }),
	integer(destinationGroup, "port", "the port", nil, func(f *flow.Flow) int64 { return int64(f.Destination.Port) }),
	address(destinationGroup, "address", "the one address that is dialled", addressState,
		func(f *flow.Flow) netip.Addr { return f.Destination.Address }),
	text(destinationGroup, "country", `the country under whose law the destination stands, ISO 3166-1 alpha-2; "" when it is unknown`, locationState,
		func(f *flow.Flow) string { return f.Destination.Location.Country }),
	{group: destinationGroup, name: "confidence", kind: cel.DoubleType, doc: "how sure the country is: 0.0 (no information) to 1.0 (declared under contract)",
		state: locationState, read: confidence},
	{group: destinationGroup, name: "jurisdictions", kind: cel.ListType(claimType), doc: "what every source says about the destination, strongest first",
		state: locationState, read: jurisdictions},
	text(destinationGroup, "operator", `who runs the destination; "" when unknown`, locationState,
		func(f *flow.Flow) string { return f.Destination.Location.Operator }),
	text(destinationGroup, "operatorHome", `the country whose law binds the operator, ISO 3166-1 alpha-2; "" when unknown`, locationState,
		func(f *flow.Flow) string { return f.Destination.Location.OperatorHome }),
	truth(destinationGroup, "exempt", "whether an exemption permitted an address that is otherwise refused", nil,
		func(f *flow.Flow) bool { return f.Destination.Exemption != "" }),
	text(destinationGroup, "exemption", `the exemption that permitted the address; "" when none was needed`, nil,
		func(f *flow.Flow) string { return f.Destination.Exemption }),

	text(requestGroup, "method", `the method, e.g. "POST"`, requestState, func(f *flow.Flow) string { return f.Request.Method }),
	text(requestGroup, "scheme", `"http" or "https"`, requestState, func(f *flow.Flow) string { return f.Request.Scheme }),
	text(requestGroup, "path", "the decoded path without the query", requestState, func(f *flow.Flow) string { return f.Request.Path }),
	text(requestGroup, "query", "the query as it was sent", requestState, func(f *flow.Flow) string { return f.Request.Query }),
	text(requestGroup, "protocol", `"http/1.1", "h2", "grpc", "websocket" or "connect"`, requestState,
		func(f *flow.Flow) string { return f.Request.Protocol }),
	integer(requestGroup, "size", "the declared payload size in bytes; -1 when it is not declared", requestState,
		func(f *flow.Flow) int64 { return f.Request.Size }),

	{group: dataGroup, name: "categories", kind: cel.ListType(cel.StringType), doc: "the categories of data found, sorted", state: wholeDataState, read: categories},
	integer(dataGroup, "subjects", "distinct people in the payload, as far as identifiers tell them apart", wholeDataState,
		func(f *flow.Flow) int64 { return int64(f.Data.Subjects) }),
	text(dataGroup, "inspected", `how much of the payload could be read: "none", "partial" or "full"`, dataState,
		func(f *flow.Flow) string { return f.Data.Coverage.String() }),
	truth(dataGroup, "undecodable", "whether part of the payload could not be decoded", dataState,
		func(f *flow.Flow) bool { return f.Data.Undecodable != "" }),
})

// claimFields is the table of what conditions can read of one element of destination.jurisdictions.
var claimFields = []claimField{
	{"country", cel.StringType, `ISO 3166-1 alpha-2; "" when the source cannot say`, func(c *claim) ref.Val { return types.String(c.Country) }},
	{"source", cel.StringType, `which source says so, e.g. "catalogue"`, func(c *claim) ref.Val { return types.String(c.Source) }},
	{"confidence", cel.DoubleType, "0.0 (no information) to 1.0 (declared under contract)", func(c *claim) ref.Val { return types.Double(c.Confidence) }},
	{"detail", cel.StringType, `what matched, e.g. "suffix .example.de"`, func(c *claim) ref.Val { return types.String(c.Detail) }},
}

type claimField struct {
	name string
	kind *cel.Type
	doc  string
	read func(*claim) ref.Val
}

func identityState(f *flow.Flow) flow.State { return f.Source.IdentityState }
func countryState(f *flow.Flow) flow.State  { return f.Source.CountryState }
func addressState(f *flow.Flow) flow.State  { return f.Destination.AddressState }
func locationState(f *flow.Flow) flow.State { return f.Destination.LocationState }
func requestState(f *flow.Flow) flow.State  { return f.Request.State }
func dataState(f *flow.Flow) flow.State     { return f.Data.State }

// wholeDataState is the state of what can only be said of a payload that was read to its end: a
// part that could not be read is never taken for clean.
func wholeDataState(f *flow.Flow) flow.State {
	if f.Data.State == flow.Known && f.Data.Undecodable != "" {
		return flow.Unavailable
	}
	return f.Data.State
}

// number gives each attribute its slot and its error.
func number(table []attribute) []attribute {
	for i := range table {
		table[i].slot = i
		table[i].unavailable = newUnavailable(groupNames[table[i].group] + "." + table[i].name)
	}
	return table
}

// The readers below leave out what an absent group holds by accident: absent is empty.

func text(group int, name, doc string, state func(*flow.Flow) flow.State, get func(*flow.Flow) string) attribute {
	return attribute{group: group, name: name, kind: cel.StringType, doc: doc, state: state, read: func(s *scope, k *slot) ref.Val {
		if state != nil && state(s.flow) == flow.Absent {
			return k.text("")
		}
		return k.text(get(s.flow))
	}}
}

func integer(group int, name, doc string, state func(*flow.Flow) flow.State, get func(*flow.Flow) int64) attribute {
	return attribute{group: group, name: name, kind: cel.IntType, doc: doc, state: state, read: func(s *scope, k *slot) ref.Val {
		if state != nil && state(s.flow) == flow.Absent {
			return k.integer(0)
		}
		return k.integer(get(s.flow))
	}}
}

func truth(group int, name, doc string, state func(*flow.Flow) flow.State, get func(*flow.Flow) bool) attribute {
	return attribute{group: group, name: name, kind: cel.BoolType, doc: doc, state: state, read: func(s *scope, k *slot) ref.Val {
		return types.Bool((state == nil || state(s.flow) != flow.Absent) && get(s.flow))
	}}
}

func address(group int, name, doc string, state func(*flow.Flow) flow.State, get func(*flow.Flow) netip.Addr) attribute {
	return attribute{group: group, name: name, kind: cel.StringType, doc: doc, state: state, read: func(s *scope, k *slot) ref.Val {
		if state != nil && state(s.flow) == flow.Absent {
			return k.addressText(netip.Addr{})
		}
		return k.addressText(get(s.flow))
	}}
}

func confidence(s *scope, k *slot) ref.Val {
	if s.flow.Destination.LocationState == flow.Absent {
		return k.double(0)
	}
	return k.double(s.flow.Destination.Location.Confidence)
}

func jurisdictions(s *scope, _ *slot) ref.Val {
	if s.flow.Destination.LocationState == flow.Absent {
		return types.NewRefValList(types.DefaultTypeAdapter, nil)
	}
	claims := make([]ref.Val, len(s.flow.Destination.Location.Jurisdictions))
	for i, c := range s.flow.Destination.Location.Jurisdictions {
		claims[i] = &claim{c}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, claims)
}

func categories(s *scope, _ *slot) ref.Val {
	names := make([]string, 0, len(s.flow.Data.Categories))
	for _, c := range s.flow.Data.Categories {
		if s.flow.Data.State != flow.Absent && c.Count > 0 {
			names = append(names, c.Name)
		}
	}
	return types.NewStringList(types.DefaultTypeAdapter, names)
}
