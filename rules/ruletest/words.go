package ruletest

import (
	"fmt"
	"strconv"

	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// Group names facts that are established together, as records name them.
type Group string

var groupStates = map[Group]func(*flow.Flow) *flow.State{
	"source.identity":      func(f *flow.Flow) *flow.State { return &f.Source.IdentityState },
	"source.country":       func(f *flow.Flow) *flow.State { return &f.Source.CountryState },
	"source.workload":      func(f *flow.Flow) *flow.State { return &f.Source.WorkloadState },
	"destination.address":  func(f *flow.Flow) *flow.State { return &f.Destination.AddressState },
	"destination.location": func(f *flow.Flow) *flow.State { return &f.Destination.LocationState },
	"declared":             func(f *flow.Flow) *flow.State { return &f.Declared.State },
	"request":              func(f *flow.Flow) *flow.State { return &f.Request.State },
	"data":                 func(f *flow.Flow) *flow.State { return &f.Data.State },
}

// Groups lists the groups of facts that a flow can state to be unavailable or absent.
func Groups() []string {
	return []string{"source.identity", "source.country", "source.workload", "destination.address", "destination.location", "declared", "request", "data"}
}

// UnmarshalText reads a group's name.
func (g *Group) UnmarshalText(text []byte) error {
	*g = Group(text)
	return document.OneOf(string(text), Groups()...)
}

// set gives the group a state. Facts that are not established have no value either.
func (g Group) set(f *flow.Flow, state flow.State) {
	switch g {
	case "source.identity":
		f.Source.Identity, f.Source.Assurance = "", ""
	case "source.country":
		f.Source.Country = ""
	case "source.workload":
		f.Source.Namespace, f.Source.ServiceAccount, f.Source.Labels = "", "", nil
	case "destination.location":
		f.Destination.Location = flow.Location{}
	case "declared":
		f.Declared.Labels = nil
	case "request":
		f.Request = flow.Request{Size: -1}
	case "data":
		f.Data = flow.Data{}
	}
	*groupStates[g](f) = state
}

// Country is an ISO 3166-1 alpha-2 code.
type Country string

// UnmarshalText reads a country.
func (c *Country) UnmarshalText(text []byte) error {
	*c = Country(text)
	if len(text) > 0 && !jurisdiction.ValidCountry(string(text)) {
		return fmt.Errorf("expected an ISO 3166-1 alpha-2 code such as DE, found %.40q", text)
	}
	return nil
}

// Fraction is a number from 0 to 1.
type Fraction float64

// UnmarshalText reads a fraction.
func (n *Fraction) UnmarshalText(text []byte) error {
	number, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(number >= 0 && number <= 1) {
		return fmt.Errorf("expected a number from 0 to 1, found %.40q", text)
	}
	*n = Fraction(number)
	return nil
}

// Scheme is http or https.
type Scheme string

// UnmarshalText reads a scheme.
func (s *Scheme) UnmarshalText(text []byte) error {
	*s = Scheme(text)
	return document.OneOf(string(text), "http", "https")
}

// Protocol is what a request is carried by.
type Protocol string

// UnmarshalText reads a protocol.
func (p *Protocol) UnmarshalText(text []byte) error {
	*p = Protocol(text)
	return document.OneOf(string(text), "http/1.1", "h2", "grpc", "websocket", "connect")
}

// Inspected is how much of the payload could be read.
type Inspected struct {
	flow.Coverage
	stated bool
}

// UnmarshalText reads how much.
func (i *Inspected) UnmarshalText(text []byte) error {
	for _, coverage := range []flow.Coverage{flow.CoverageNone, flow.CoveragePartial, flow.CoverageFull} {
		if coverage.String() == string(text) {
			*i = Inspected{coverage, true}
		}
	}
	return document.OneOf(string(text), "none", "partial", "full")
}
