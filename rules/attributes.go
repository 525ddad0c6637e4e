package rules

import (
	"net/netip"
	"slices"

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
	transferGroup
)

const nowName = "now"

var groupNames = [...]string{"source", "destination", "request", "data", "transfer"}

var groupTypes = [...]*types.Type{
	types.NewObjectType("Source"), types.NewObjectType("Destination"), types.NewObjectType("Request"), types.NewObjectType("Data"),
	types.NewObjectType("Transfer"),
}

var claimType = types.NewObjectType("Jurisdiction")

// attribute is one field of a group: what a condition can read, and how it is read from a flow.
type attribute struct {
	group       int
	name        string
	kind        *cel.Type
	doc         string
	example     string                      // a condition that uses it
	awaits      int                         // the group whose facts bring it
	state       func(*flow.Flow) flow.State // nil when always known
	read        func(*scope, *slot) ref.Val
	text        func(*flow.Flow) string // what read reads, for the index; nil unless it is a text
	number      func(*flow.Flow) int64  // likewise
	slot        int                     // index in scope.slots
	unavailable *types.Err
}

// shown gives the attribute its example in the reference.
func (a attribute) shown(example string) attribute {
	a.example = example
	return a
}

// attributes is the one table of what conditions can read. Checking, evaluation, the cost estimate,
// hints and Reference are all made from it.
var attributes = number([]attribute{
	address(sourceGroup, "address", "the caller's address", sourceAddressState, func(f *flow.Flow) netip.Addr { return f.Source.Address }).
		shown(`inNetwork(source.address, "10.0.0.0/8")`),
	integer(sourceGroup, "port", "the caller's port", nil, func(f *flow.Flow) int64 { return int64(f.Source.Port) }).
		shown(`source.port >= 1024`),
	text(sourceGroup, "identity", `the caller's authenticated name, e.g. a user or a SPIFFE ID; "" when it has none`, identityState,
		func(f *flow.Flow) string { return f.Source.Identity }).shown(`source.identity == "spiffe://example.org/payroll"`),
	text(sourceGroup, "assurance", `how the identity was established: "mtls", "basic" or ""`, identityState,
		func(f *flow.Flow) string { return f.Source.Assurance }).shown(`source.assurance != "mtls"`),
	text(sourceGroup, "country", `the jurisdiction the data leaves, ISO 3166-1 alpha-2; "" when there is none`, countryState,
		func(f *flow.Flow) string { return f.Source.Country }).shown(`source.country == "DE"`),
	text(sourceGroup, "namespace", `the workload's namespace, as its orchestrator knows it; "" when it has none`, workloadState,
		func(f *flow.Flow) string { return f.Source.Namespace }).shown(`source.namespace == "payments"`),
	text(sourceGroup, "serviceAccount", `the workload's service account; "" when it has none`, workloadState,
		func(f *flow.Flow) string { return f.Source.ServiceAccount }).shown(`source.serviceAccount == "exporter"`),

	text(destinationGroup, "host", "the host, lower case and without a trailing dot; international names as A-labels (xn--…)", nil,
		func(f *flow.Flow) string { return f.Destination.Host }).shown(`destination.host == "api.example.com"`),
	integer(destinationGroup, "port", "the port", nil, func(f *flow.Flow) int64 { return int64(f.Destination.Port) }).
		shown(`destination.port in [80, 443]`),
	address(destinationGroup, "address", "the one address that is dialled", addressState,
		func(f *flow.Flow) netip.Addr { return f.Destination.Address }).shown(`inNetwork(destination.address, "office")`),
	{group: destinationGroup, name: "country", kind: cel.StringType,
		doc:   `the country under whose law the destination stands, ISO 3166-1 alpha-2; "" when no one country is known`,
		state: locationState, text: country, read: func(s *scope, k *slot) ref.Val { return k.text(country(s.flow)) }, example: `destination.country == "US"`},
	{group: destinationGroup, name: "confidence", kind: cel.DoubleType, doc: "how sure the country is: 0.0 (no information) to 1.0 (declared under contract)",
		state: locationState, read: confidence, example: `destination.confidence < 0.7`},
	{group: destinationGroup, name: "jurisdictions", kind: cel.ListType(claimType), doc: "what every source says about the destination, strongest first",
		state: locationState, read: jurisdictions, example: `destination.jurisdictions.exists(j, j.country == "CN")`},
	placed("operator", `who runs the destination; "" when unknown`,
		func(l *flow.Location) string { return l.Operator }).shown(`destination.operator == "Example CRM"`),
	placed("operatorHome", `the country whose law binds the operator, ISO 3166-1 alpha-2; "" when unknown`,
		func(l *flow.Location) string { return l.OperatorHome }).shown(`destination.operatorHome == "US"`),
	placed("parentHome", `the country whose law binds the operator's ultimate owner, ISO 3166-1 alpha-2; "" when unknown`,
		func(l *flow.Location) string { return l.ParentHome }).shown(`destination.parentHome != destination.operatorHome`),
	placedList("possible", "every country that the destination may stand in, sorted: one when it is known, all that the sources name when they disagree, none when nothing is known, which satisfies all(): ask onlyCountries for a permission",
		func(l *flow.Location) []string { return l.Possible }).shown(`"CN" in destination.possible`),
	placedList("reach", "every country whose law may take hold of the data, sorted: where it may stand, the operator's home and its owner's home",
		func(l *flow.Location) []string { return l.Reach }).shown(`"US" in destination.reach`),
	placedList("conflicts", "what the sources disagree on, each as one sentence; empty when they agree",
		func(l *flow.Location) []string { return l.Conflicts }).shown(`size(destination.conflicts) > 0`),
	{group: destinationGroup, name: "anycast", kind: cel.BoolType, doc: "whether the address or the host is served from many places at once, so that it has no one place",
		state: locationState, read: placedTruth(func(l *flow.Location) bool { return l.Anycast }), example: `destination.anycast && data.has("personal")`},
	{group: destinationGroup, name: "stale", kind: cel.BoolType, doc: "whether data that bore on the answer was older than its limit (jurisdiction.maxAge)",
		state: locationState, read: placedTruth(func(l *flow.Location) bool { return l.Stale }), example: `destination.stale && destination.confidence < 0.9`},
	placed("cloud", `the cloud provider in whose region the destination is, e.g. "aws"; "" when it is in none that is known`,
		func(l *flow.Location) string { return l.Cloud }).shown(`destination.cloud == "aws"`),
	placed("region", `that provider's name of the region; it means nothing without destination.cloud; "" when unknown`,
		func(l *flow.Location) string { return l.Region }).shown(`destination.cloud == "aws" && destination.region != "eu-central-1"`),
	truth(destinationGroup, "exempt", "whether an exemption permitted an address that is otherwise refused", nil,
		func(f *flow.Flow) bool { return f.Destination.Exemption != "" }).shown(`destination.exempt`),
	text(destinationGroup, "exemption", `the exemption that permitted the address; "" when none was needed`, nil,
		func(f *flow.Flow) string { return f.Destination.Exemption }).shown(`destination.exemption == "internal API"`),

	text(requestGroup, "method", `the method, e.g. "POST"`, requestState, func(f *flow.Flow) string { return f.Request.Method }).
		shown(`request.method in ["POST", "PUT", "PATCH"]`),
	text(requestGroup, "scheme", `"http" or "https"`, requestState, func(f *flow.Flow) string { return f.Request.Scheme }).
		shown(`request.scheme == "http"`),
	text(requestGroup, "path", "the decoded path without the query", requestState, func(f *flow.Flow) string { return f.Request.Path }).
		shown(`request.path.startsWith("/v1/export")`),
	text(requestGroup, "query", "the query as it was sent", requestState, func(f *flow.Flow) string { return f.Request.Query }).
		shown(`request.query.contains("email=")`),
	text(requestGroup, "protocol", `"http/1.1", "h2", "grpc", "websocket" or "connect"`, requestState,
		func(f *flow.Flow) string { return f.Request.Protocol }).shown(`request.protocol == "websocket"`),
	integer(requestGroup, "size", "the declared payload size in bytes; -1 when it is not declared", requestState,
		func(f *flow.Flow) int64 { return f.Request.Size }).shown(`request.size > 1048576`),

	{group: dataGroup, name: "categories", kind: cel.ListType(cel.StringType), doc: "the categories of data found, sorted", state: wholeDataState, read: categories,
		example: `"health" in data.categories`},
	integer(dataGroup, "subjects", "distinct people in the payload, as far as identifiers tell them apart", wholeDataState,
		func(f *flow.Flow) int64 { return int64(f.Data.Subjects) }).shown(`data.subjects > 100`),
	{group: dataGroup, name: "entropy", kind: cel.DoubleType,
		doc:   "bits per byte of the payload's first 64 KiB as they arrived: 0.0 (one byte repeated, or empty) to 8.0 (random); above 7.5 is compressed or encrypted",
		state: entropyState, read: entropy, example: `data.entropy > 7.5 && request.size > 1000000`},
	text(dataGroup, "inspected", `how much of the payload could be read: "none", "partial" or "full"`, coverageState,
		func(f *flow.Flow) string { return f.Data.Coverage.String() }).shown(`data.inspected != "full"`),
	truth(dataGroup, "undecodable", "whether part of the payload could not be decoded", undecodableState,
		func(f *flow.Flow) bool { return f.Data.Undecodable != "" }).shown(`data.undecodable`),
	{group: dataGroup, name: "labels", kind: cel.ListType(cel.StringType), awaits: requestGroup,
		doc:   "what the application itself declares about the data, sorted; empty when it declares nothing",
		state: declaredState, read: declaredLabels, example: `"internal" in data.labels`},
	{group: dataGroup, name: "labelsIgnored", kind: cel.BoolType, awaits: requestGroup,
		doc:   "whether the application declares something and is not trusted with it, so that data.labels leaves it out",
		state: declaredState, read: func(s *scope, _ *slot) ref.Val { return types.Bool(s.flow.Declared.Ignored) }, example: `data.labelsIgnored`},
	{group: dataGroup, name: "undeclared", kind: cel.ListType(cel.StringType),
		doc:   "the categories of data found that no declared label covers, sorted; all that were found where nothing is declared",
		state: undeclaredState, read: undeclared, example: `"health" in data.undeclared`},
	truth(dataGroup, "mismatch", "whether the application declares what the data is, and data was found that its labels do not cover", mismatchState,
		isMismatch).shown(`data.mismatch`),

	text(transferGroup, "origin", `the jurisdiction the data leaves, which is source.country; "" when there is none`, countryState,
		func(f *flow.Flow) string { return f.Source.Country }).shown(`transfer.origin == "DE"`),
	text(transferGroup, "destination", `the jurisdiction the data arrives in, which is destination.country; "" when no one country is known`, locationState,
		func(f *flow.Flow) string { return f.Destination.Location.Country }).shown(`transfer.destination != transfer.origin`),
	truth(transferGroup, "crossesBorder", "whether origin and destination are known to be different countries; false while either is unknown", transferState,
		crossesBorder).shown(`transfer.crossesBorder && data.has("personal")`),
	truth(transferGroup, "domestic", "whether origin and destination are known to be the same country; false while either is unknown", transferState,
		isDomestic).shown(`!transfer.domestic && data.has("personal")`),
})

// claimFields is the table of what conditions can read of one element of destination.jurisdictions.
var claimFields = []claimField{
	{"country", cel.StringType, `ISO 3166-1 alpha-2; "" when the source cannot say`, `destination.jurisdictions[0].country == "CN"`, func(c *claim) ref.Val { return types.String(c.Country) }},
	{"source", cel.StringType, `which source says so, e.g. "catalogue"`, `destination.jurisdictions.exists(j, j.source == "catalogue")`, func(c *claim) ref.Val { return types.String(c.Source) }},
	{"confidence", cel.DoubleType, "0.0 (no information) to 1.0 (declared under contract)", `destination.jurisdictions.all(j, j.confidence > 0.5)`, func(c *claim) ref.Val { return types.Double(c.Confidence) }},
	{"detail", cel.StringType, `what matched, e.g. "suffix .example.de"`, `destination.jurisdictions.exists(j, j.detail.contains("DPA"))`, func(c *claim) ref.Val { return types.String(c.Detail) }},
}

type claimField struct {
	name    string
	kind    *cel.Type
	doc     string
	example string
	read    func(*claim) ref.Val
}

// sourceAddressState is pending in a flow read back from a record that keeps the address as a hash.
func sourceAddressState(f *flow.Flow) flow.State {
	if f.Source.Pseudonym != "" && !f.Source.Address.IsValid() {
		return flow.Pending
	}
	return flow.Known
}

func identityState(f *flow.Flow) flow.State { return f.Source.IdentityState }
func countryState(f *flow.Flow) flow.State  { return f.Source.CountryState }

// transferState is the state of what takes both countries: as far as the lesser known of the two.
func transferState(f *flow.Flow) flow.State {
	for _, state := range [...]flow.State{flow.Unavailable, flow.Pending, flow.Absent} {
		if countryState(f) == state || locationState(f) == state {
			return state
		}
	}
	return flow.Known
}

func crossesBorder(f *flow.Flow) bool {
	origin, destination := f.Source.Country, country(f)
	return origin != "" && destination != "" && origin != destination
}

func isDomestic(f *flow.Flow) bool { return f.Source.Country != "" && f.Source.Country == country(f) }

func addressState(f *flow.Flow) flow.State  { return f.Destination.AddressState }
func locationState(f *flow.Flow) flow.State { return f.Destination.LocationState }
func workloadState(f *flow.Flow) flow.State { return f.Source.WorkloadState }
func declaredState(f *flow.Flow) flow.State { return f.Declared.State }
func requestState(f *flow.Flow) flow.State  { return f.Request.State }
func dataState(f *flow.Flow) flow.State     { return f.Data.State }

// wholeDataState is the state of what can only be said of a payload that was read to its end: a
// part that could not be read is never taken for clean.
func wholeDataState(f *flow.Flow) flow.State {
	switch d := &f.Data; {
	case d.State != flow.Known:
		return d.State
	case d.Undecodable != "":
		return flow.Unavailable
	case d.Open:
		return flow.Pending
	}
	return flow.Known
}

// undecodableState is the state of a fact that, once it is true, stays so.
func undecodableState(f *flow.Flow) flow.State {
	if f.Data.State == flow.Known && f.Data.Open && f.Data.Undecodable == "" {
		return flow.Pending
	}
	return f.Data.State
}

func coverageState(f *flow.Flow) flow.State {
	if f.Data.State == flow.Known && f.Data.Open {
		return flow.Pending
	}
	return f.Data.State
}

// entropyState is the state of what the first bytes tell, and of what records do not keep: a flow that
// was read back from one still has to be asked for it.
func entropyState(f *flow.Flow) flow.State {
	d := &f.Data
	if d.State == flow.Known && (!(d.Entropy >= 0) || d.Open && d.Bytes < flow.EntropyBytes) {
		return flow.Pending
	}
	return d.State
}

// undeclaredState is the state of what takes both what is declared and all that was found.
func undeclaredState(f *flow.Flow) flow.State {
	switch f.Declared.State {
	case flow.Pending, flow.Unavailable:
		return f.Declared.State
	}
	return wholeDataState(f)
}

// mismatchState is that of undeclared, but for a mismatch that the rest of a payload cannot undo.
func mismatchState(f *flow.Flow) flow.State {
	switch {
	case f.Declared.State != flow.Known:
		return f.Declared.State
	case f.Data.State == flow.Known && isMismatch(f):
		return flow.Known
	}
	return wholeDataState(f)
}

func isMismatch(f *flow.Flow) bool {
	return slices.ContainsFunc(f.Data.Categories, f.Declared.Contradicts)
}

// number gives each attribute its slot and its error.
func number(table []attribute) []attribute {
	for i := range table {
		table[i].slot = i
		table[i].unavailable = newUnavailable(groupNames[table[i].group] + "." + table[i].name)
		if table[i].awaits == sourceGroup { // not set
			table[i].awaits = table[i].group
		}
	}
	return table
}

// The readers below leave out what an absent group holds by accident: absent is empty.

func text(group int, name, doc string, state func(*flow.Flow) flow.State, get func(*flow.Flow) string) attribute {
	present := func(f *flow.Flow) string {
		if state != nil && state(f) == flow.Absent {
			return ""
		}
		return get(f)
	}
	return attribute{group: group, name: name, kind: cel.StringType, doc: doc, state: state, text: present,
		read: func(s *scope, k *slot) ref.Val { return k.text(present(s.flow)) }}
}

// placed is a text of the destination's location. What sources say of a destination stands even where
// they name no one country, and the location's state is Absent for that.
func placed(name, doc string, get func(*flow.Location) string) attribute {
	read := func(f *flow.Flow) string { return get(&f.Destination.Location) }
	return attribute{group: destinationGroup, name: name, kind: cel.StringType, doc: doc, state: locationState, text: read,
		read: func(s *scope, k *slot) ref.Val { return k.text(read(s.flow)) }}
}

// placedList is a list of texts of the destination's location, which like placed stands without one country.
func placedList(name, doc string, get func(*flow.Location) []string) attribute {
	return attribute{group: destinationGroup, name: name, kind: cel.ListType(cel.StringType), doc: doc, state: locationState,
		read: func(s *scope, _ *slot) ref.Val {
			return types.NewStringList(types.DefaultTypeAdapter, get(&s.flow.Destination.Location))
		}}
}

// placedTruth reads a truth of the destination's location, which like placed stands without one country.
func placedTruth(get func(*flow.Location) bool) func(*scope, *slot) ref.Val {
	return func(s *scope, _ *slot) ref.Val { return types.Bool(get(&s.flow.Destination.Location)) }
}

func integer(group int, name, doc string, state func(*flow.Flow) flow.State, get func(*flow.Flow) int64) attribute {
	present := func(f *flow.Flow) int64 {
		if state != nil && state(f) == flow.Absent {
			return 0
		}
		return get(f)
	}
	return attribute{group: group, name: name, kind: cel.IntType, doc: doc, state: state, number: present,
		read: func(s *scope, k *slot) ref.Val { return k.integer(present(s.flow)) }}
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

func country(f *flow.Flow) string {
	if f.Destination.LocationState == flow.Absent {
		return ""
	}
	return f.Destination.Location.Country
}

func confidence(s *scope, k *slot) ref.Val {
	if s.flow.Destination.LocationState == flow.Absent {
		return k.double(0)
	}
	return k.double(s.flow.Destination.Location.Confidence)
}

func entropy(s *scope, k *slot) ref.Val {
	if s.flow.Data.State == flow.Absent {
		return k.double(0)
	}
	return k.double(s.flow.Data.Entropy)
}

func jurisdictions(s *scope, _ *slot) ref.Val {
	claims := make([]ref.Val, len(s.flow.Destination.Location.Jurisdictions))
	for i, c := range s.flow.Destination.Location.Jurisdictions {
		claims[i] = &claim{c}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, claims)
}

func declaredLabels(s *scope, _ *slot) ref.Val {
	if s.flow.Declared.State == flow.Absent {
		return types.NewStringList(types.DefaultTypeAdapter, nil)
	}
	return types.NewStringList(types.DefaultTypeAdapter, s.flow.Declared.Labels)
}

func undeclared(s *scope, _ *slot) ref.Val {
	names := make([]string, 0, len(s.flow.Data.Categories))
	for _, c := range s.flow.Data.Categories {
		if s.flow.Data.State != flow.Absent && c.Count > 0 && (s.flow.Declared.State == flow.Absent || s.flow.Declared.Contradicts(c)) {
			names = append(names, c.Name)
		}
	}
	return types.NewStringList(types.DefaultTypeAdapter, names)
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
