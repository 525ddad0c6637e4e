package ruletest

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/idna"

	"github.com/borderflow/borderflow/rules/flow"
)

// Flow is a flow as it is written down. What it does not state is not there: no identity, no country,
// nothing found in the payload. The request is a GET of "/" over https unless stated otherwise.
// Groups of facts that could not be established are named in Unavailable or Absent.
type Flow struct {
	Source      Source      `yaml:"source"`
	Destination Destination `yaml:"destination"`
	Request     Request     `yaml:"request"`
	Declared    []string    `yaml:"declared"` // labels that the application gives the data
	Covers      []string    `yaml:"covers"`   // categories of data that the labels stand for
	Data        Data        `yaml:"data"`
	Unavailable []Group     `yaml:"unavailable"` // the lookup failed, or the facts cannot be had
	Absent      []Group     `yaml:"absent"`      // looked for, and there is none
}

// Source is who sends.
type Source struct {
	Address        Address           `yaml:"address"`
	Port           uint16            `yaml:"port"`
	Identity       string            `yaml:"identity"`
	Assurance      string            `yaml:"assurance"`
	Country        Country           `yaml:"country"`
	Namespace      string            `yaml:"namespace"`
	ServiceAccount string            `yaml:"serviceAccount"`
	Labels         map[string]string `yaml:"labels"`
}

// Destination is where the flow goes. Country is also the first of the jurisdictions, unless they are
// stated.
type Destination struct {
	Host          Host      `yaml:"host"`
	Port          uint16    `yaml:"port"` // 0: the scheme's
	Address       Address   `yaml:"address"`
	Country       Country   `yaml:"country"`
	Confidence    *Fraction `yaml:"confidence"` // nil: 1 if a country is stated
	Jurisdictions []Claim   `yaml:"jurisdictions"`
	Operator      string    `yaml:"operator"`
	OperatorHome  Country   `yaml:"operatorHome"`
	ParentHome    Country   `yaml:"parentHome"`
	Possible      []Country `yaml:"possible"` // default: the country, if it is stated
	Anycast       bool      `yaml:"anycast"`
	Stale         bool      `yaml:"stale"`
	Conflicts     []string  `yaml:"conflicts"`
	Cloud         string    `yaml:"cloud"`
	Region        string    `yaml:"region"`
	Exemption     string    `yaml:"exemption"`
}

// Claim is what one source says about the destination.
type Claim struct {
	Country    Country  `yaml:"country"`
	Source     string   `yaml:"source"`
	Confidence Fraction `yaml:"confidence"`
	Detail     string   `yaml:"detail"`
}

// Request is what is asked of the destination.
type Request struct {
	Method   string            `yaml:"method"`
	Scheme   Scheme            `yaml:"scheme"`
	Path     string            `yaml:"path"`
	Query    string            `yaml:"query"`
	Headers  map[string]string `yaml:"headers"`
	Protocol Protocol          `yaml:"protocol"`
	Size     *int64            `yaml:"size"` // nil: not declared
}

// Data is what is in the payload.
type Data struct {
	Categories  map[string]int `yaml:"categories"` // by name, how many distinct findings
	Findings    map[string]int `yaml:"findings"`   // by detector
	Subjects    int            `yaml:"subjects"`
	Inspected   Inspected      `yaml:"inspected"`
	Undecodable string         `yaml:"undecodable"` // why a part could not be read
	Bytes       int64          `yaml:"bytes"`
	Entropy     float64        `yaml:"entropy"` // bits per byte, 0 to 8
}

// Flow returns the flow with every fact that will be established of it.
func (d *Flow) Flow() *flow.Flow {
	f := &flow.Flow{Source: d.Source.flow(), Destination: d.Destination.flow(), Request: d.Request.flow(), Data: d.Data.flow()}
	if f.Destination.Port == 0 {
		f.Destination.Port = 443
		if f.Request.Scheme == "http" {
			f.Destination.Port = 80
		}
	}
	f.Declared = flow.Declared{State: flow.Absent}
	if len(d.Declared) > 0 {
		f.Declared = flow.Declared{State: flow.Known, Labels: slices.Compact(slices.Sorted(slices.Values(d.Declared))),
			Covers: slices.Compact(slices.Sorted(slices.Values(d.Covers)))}
	}
	for _, group := range d.Absent {
		group.set(f, flow.Absent)
	}
	for _, group := range d.Unavailable {
		group.set(f, flow.Unavailable)
	}
	return f
}

func known(stated bool) flow.State {
	if stated {
		return flow.Known
	}
	return flow.Absent
}

func (s *Source) flow() flow.Source {
	return flow.Source{
		Address: s.Address.Addr, Port: s.Port, Identity: s.Identity, IdentityState: known(s.Identity != ""), Assurance: s.Assurance,
		Country: string(s.Country), CountryState: known(s.Country != ""),
		Namespace: s.Namespace, ServiceAccount: s.ServiceAccount, Labels: s.Labels,
		WorkloadState: known(s.Namespace != "" || s.ServiceAccount != "" || len(s.Labels) > 0),
	}
}

func (d *Destination) flow() flow.Destination {
	location := flow.Location{Country: string(d.Country), Operator: d.Operator, OperatorHome: string(d.OperatorHome),
		ParentHome: string(d.ParentHome), Cloud: d.Cloud, Region: d.Region, Anycast: d.Anycast, Stale: d.Stale, Conflicts: d.Conflicts,
		Possible: d.possible()}
	location.Reach = sortedCountries(append([]string{location.OperatorHome, location.ParentHome}, location.Possible...))
	switch {
	case d.Confidence != nil:
		location.Confidence = float64(*d.Confidence)
	case d.Country != "":
		location.Confidence = 1
	}
	for _, c := range d.Jurisdictions {
		location.Jurisdictions = append(location.Jurisdictions,
			flow.Claim{Country: string(c.Country), Source: c.Source, Confidence: float64(c.Confidence), Detail: c.Detail})
	}
	if len(location.Jurisdictions) == 0 && d.Country != "" {
		location.Jurisdictions = []flow.Claim{{Country: string(d.Country), Source: "stated", Confidence: location.Confidence}}
	}
	anything := len(location.Reach) > 0 || len(d.Jurisdictions) > 0 || d.Operator != "" || d.Cloud != "" || d.Anycast || d.Stale
	return flow.Destination{
		Host: string(d.Host), Port: d.Port, Address: d.Address.Addr, AddressState: known(d.Address.IsValid()),
		Location: location, LocationState: known(anything), Exemption: d.Exemption,
	}
}

// possible is where the destination may stand.
func (d *Destination) possible() []string {
	countries := []string{string(d.Country)}
	for _, country := range d.Possible {
		countries = append(countries, string(country))
	}
	return sortedCountries(countries)
}

// sortedCountries is countries sorted, each once, without the empty one.
func sortedCountries(countries []string) []string {
	slices.Sort(countries)
	return slices.DeleteFunc(slices.Compact(countries), func(country string) bool { return country == "" })
}

func (r *Request) flow() flow.Request {
	request := flow.Request{State: flow.Known, Method: r.Method, Scheme: string(r.Scheme), Path: r.Path, Query: r.Query,
		Header: http.Header{}, Protocol: string(r.Protocol), Size: -1}
	for name, value := range r.Headers {
		request.Header.Add(name, value)
	}
	for _, unstated := range []struct {
		value    *string
		fallback string
	}{{&request.Method, http.MethodGet}, {&request.Scheme, "https"}, {&request.Path, "/"}, {&request.Protocol, "http/1.1"}} {
		if *unstated.value == "" {
			*unstated.value = unstated.fallback
		}
	}
	if r.Size != nil {
		request.Size = *r.Size
	}
	return request
}

func (d *Data) flow() flow.Data {
	data := flow.Data{State: flow.Known, Subjects: d.Subjects, Coverage: d.Inspected.Coverage, Undecodable: d.Undecodable, Bytes: d.Bytes, Entropy: d.Entropy}
	if !d.Inspected.stated {
		data.Coverage = flow.CoverageFull
		if d.Undecodable != "" {
			data.Coverage = flow.CoveragePartial
		}
	}
	for _, name := range sortedKeys(d.Categories) {
		data.Categories = append(data.Categories, flow.Category{Name: name, Count: d.Categories[name], Strength: flow.Strong})
	}
	for _, name := range sortedKeys(d.Findings) {
		data.Findings = append(data.Findings, flow.Finding{Detector: name, Count: d.Findings[name], Strength: flow.Strong})
	}
	return data
}

func sortedKeys(counts map[string]int) []string {
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Address is an IP address.
type Address struct{ netip.Addr }

// UnmarshalText reads an address.
func (a *Address) UnmarshalText(text []byte) error {
	parsed, err := netip.ParseAddr(string(text))
	if err != nil {
		return fmt.Errorf("expected an IP address, found %.60q", text)
	}
	a.Addr = parsed
	return nil
}

// Host is a host name in the form that flows carry: lower-case A-labels, or an address.
type Host string

// UnmarshalText reads a host without scheme, port and path.
func (h *Host) UnmarshalText(text []byte) error {
	host := strings.TrimSuffix(string(text), ".")
	if address, err := netip.ParseAddr(host); err == nil {
		*h = Host(address.Unmap().String())
		return nil
	}
	name, err := idna.Lookup.ToASCII(host)
	if err != nil || name == "" || strings.ContainsAny(host, "/:@ ") {
		return fmt.Errorf("expected a host name or address without scheme and port, found %.60q", text)
	}
	*h = Host(strings.ToLower(name))
	return nil
}
