package formula

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules/flow"
)

// Model says what a flow must be like. A nil Model demands nothing.
type Model struct{ values map[string]value }

// Neutral returns a flow of which everything is known and nothing is remarkable: a GET without a
// payload, from nobody in particular to a destination whose place is unknown.
func Neutral() *flow.Flow {
	return &flow.Flow{
		ID:     "witness",
		Source: flow.Source{Address: netip.MustParseAddr("192.0.2.10"), Port: 40000, IdentityState: flow.Absent, CountryState: flow.Absent, WorkloadState: flow.Absent},
		Destination: flow.Destination{Host: "host.example", Port: 443, Address: netip.MustParseAddr("203.0.113.10"),
			AddressState: flow.Known, LocationState: flow.Absent},
		Request:  flow.Request{State: flow.Known, Method: "GET", Scheme: "https", Path: "/", Protocol: "http/1.1", Size: -1, Header: http.Header{}},
		Declared: flow.Declared{State: flow.Absent},
		Data:     flow.Data{State: flow.Known, Coverage: flow.CoverageFull},
	}
}

// Flow returns the neutral flow with what m demands, and the time at which it is to be decided. What
// is demanded of statements that are not analysed is left out: whoever relies on the flow evaluates
// the conditions on it.
func (m *Model) Flow(now time.Time) (*flow.Flow, time.Time) {
	f := Neutral()
	if m == nil {
		return f, now
	}
	for _, fact := range slices.Sorted(maps.Keys(m.values)) {
		v := m.values[fact]
		if fact == "now" {
			now = time.Unix(int64(v.number), 0).UTC()
			continue
		}
		set(f, fact, v)
	}
	if _, demanded := m.values["destination.confidence"]; !demanded && f.Destination.Location.Country != "" {
		f.Destination.Location.Confidence = usualConfidence
	}
	return f, now
}

// usualConfidence is that of a destination whose region is in its name.
const usualConfidence = 0.9

// set gives one fact of f a value.
func set(f *flow.Flow, fact string, v value) {
	switch GroupOf(fact) {
	case "source":
		setSource(&f.Source, fact, v)
	case "destination":
		setDestination(&f.Destination, fact, v)
	case "request":
		setRequest(&f.Request, fact, v)
		setDeclared(&f.Declared, fact, v)
	case "data":
		setData(&f.Data, fact, v)
	}
}

func setSource(s *flow.Source, fact string, v value) {
	switch fact {
	case "source.address":
		s.Address, _ = netip.ParseAddr(v.text)
	case "source.port":
		s.Port = uint16(v.number)
	case "source.identity":
		s.Identity, s.IdentityState = v.text, stateOf(v.text)
	case "source.assurance":
		if s.Assurance = v.text; v.text != "" {
			s.IdentityState = flow.Known
		}
	case "source.country":
		s.Country, s.CountryState = v.text, stateOf(v.text)
	case "source.namespace":
		s.Namespace = v.text
	case "source.serviceAccount":
		s.ServiceAccount = v.text
	}
	if name, ok := Argument(fact, "source.label"); ok {
		s.Labels = maps.Clone(s.Labels)
		if delete(s.Labels, name); v.text != "" {
			if s.Labels == nil {
				s.Labels = map[string]string{}
			}
			s.Labels[name] = v.text
		}
	}
	if s.Namespace != "" || s.ServiceAccount != "" || len(s.Labels) > 0 {
		s.WorkloadState = flow.Known
	}
}

func stateOf(text string) flow.State {
	if text == "" {
		return flow.Absent
	}
	return flow.Known
}

func setDestination(d *flow.Destination, fact string, v value) {
	location := &d.Location
	switch fact {
	case "destination.host":
		d.Host = v.text
	case "destination.port":
		d.Port = uint16(v.number)
	case "destination.address":
		address, err := netip.ParseAddr(v.text)
		d.Address, d.AddressState = address, flow.Known
		if err != nil {
			d.AddressState = flow.Absent
		}
	case "destination.exempt":
		if d.Exemption = ""; v.truth {
			d.Exemption = "other"
		}
	case "destination.exemption":
		d.Exemption = v.text
	case "destination.country":
		setCountry(location, v.text, v.claims)
	case "destination.confidence":
		location.Confidence = v.number
	case "destination.operator":
		location.Operator = v.text
	case "destination.operatorHome":
		location.OperatorHome = v.text
	case "destination.parentHome":
		location.ParentHome = v.text
	case "destination.anycast":
		location.Anycast = v.truth
	case "destination.stale":
		location.Stale = v.truth
	case "destination.cloud":
		location.Cloud = v.text
	case "destination.region":
		location.Region = v.text
	case "size(destination.jurisdictions)":
		for len(location.Jurisdictions) < int(math.Min(v.number, 64)) {
			location.Jurisdictions = append(location.Jurisdictions, flow.Claim{Source: "witness"})
		}
	}
	if location.Country != "" || location.Confidence > 0 || location.Operator != "" || location.OperatorHome != "" ||
		location.ParentHome != "" || location.Anycast || location.Stale || location.Cloud != "" || location.Region != "" || len(location.Jurisdictions) > 0 {
		d.LocationState = flow.Known
	}
}

// setCountry resolves a country, with a claim for it, as a real lookup does.
func setCountry(l *flow.Location, country string, claims []string) {
	l.Country, l.Jurisdictions = country, nil
	if country != "" && !slices.Contains(claims, country) {
		claims = append([]string{country}, claims...)
	}
	for _, claim := range claims {
		l.Jurisdictions = append(l.Jurisdictions, flow.Claim{Country: claim, Source: "witness", Confidence: usualConfidence})
	}
}

func setRequest(r *flow.Request, fact string, v value) {
	switch fact {
	case "request.method":
		r.Method = v.text
	case "request.scheme":
		r.Scheme = v.text
	case "request.path":
		r.Path = v.text
	case "request.query":
		r.Query = v.text
	case "request.protocol":
		r.Protocol = v.text
	case "request.size":
		r.Size = int64(v.number)
	}
	if name, ok := Argument(fact, "request.header"); ok {
		if r.Header == nil {
			r.Header = http.Header{}
		}
		if r.Header.Del(name); v.text != "" {
			r.Header.Set(name, v.text)
		}
	}
}

func setDeclared(d *flow.Declared, fact string, v value) {
	if fact == "request.labelsIgnored" {
		d.Ignored = v.truth
		return
	}
	label, ok := Argument(fact, "request.label")
	if !ok {
		return
	}
	if d.Labels = slices.DeleteFunc(slices.Clone(d.Labels), func(have string) bool { return have == label }); v.truth {
		d.Labels = append(d.Labels, label)
		slices.Sort(d.Labels)
	}
	if d.State = flow.Absent; len(d.Labels) > 0 {
		d.State = flow.Known
	}
}

func setData(d *flow.Data, fact string, v value) {
	switch fact {
	case "data.subjects":
		d.Subjects = int(v.number)
	case "data.entropy":
		d.Entropy = v.number
	case "data.inspected":
		d.Coverage = map[string]flow.Coverage{"partial": flow.CoveragePartial, "full": flow.CoverageFull}[v.text]
	case "data.undecodable":
		if d.Undecodable = ""; v.truth {
			d.Undecodable = "truncated gzip"
		}
	case "size(data.categories)":
		for i := len(d.Categories); i < int(math.Min(v.number, 64)); i++ {
			d.Categories = append(d.Categories, flow.Category{Name: fmt.Sprintf("other-%d", i), Count: 1, Strength: flow.Strong})
		}
	}
	if category, ok := Argument(fact, "data.count"); ok {
		d.Categories = slices.DeleteFunc(d.Categories, func(c flow.Category) bool { return c.Name == category })
	}
	if category, ok := Argument(fact, "data.count"); ok && v.number > 0 {
		d.Categories = append(d.Categories, flow.Category{Name: category, Count: int(v.number), Strength: flow.Strong})
	}
	if detector, ok := Argument(fact, "data.found"); ok {
		d.Findings = slices.DeleteFunc(d.Findings, func(found flow.Finding) bool { return found.Detector == detector })
	}
	if detector, ok := Argument(fact, "data.found"); ok && v.number > 0 {
		d.Findings = append(d.Findings, flow.Finding{Detector: detector, Count: int(v.number), Strength: flow.Strong})
	}
	slices.SortFunc(d.Categories, func(a, b flow.Category) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(d.Findings, func(a, b flow.Finding) int { return strings.Compare(a.Detector, b.Detector) })
}

// Describe words what is remarkable of f, for people: every fact in which it differs from the neutral
// flow.
func Describe(f *flow.Flow) string {
	n := Neutral()
	var parts []string
	text := func(name, got, neutral string) {
		if got != neutral {
			parts = append(parts, fmt.Sprintf("%s %q", name, got))
		}
	}
	text("source.address", f.Source.Address.String(), n.Source.Address.String())
	text("source.identity", f.Source.Identity, "")
	text("source.assurance", f.Source.Assurance, "")
	text("source.country", f.Source.Country, "")
	text("source.namespace", f.Source.Namespace, "")
	text("source.serviceAccount", f.Source.ServiceAccount, "")
	for _, name := range slices.Sorted(maps.Keys(f.Source.Labels)) {
		text("label "+name, f.Source.Labels[name], "")
	}
	text("destination.host", f.Destination.Host, n.Destination.Host)
	if f.Destination.Port != n.Destination.Port {
		parts = append(parts, fmt.Sprintf("destination.port %d", f.Destination.Port))
	}
	if f.Source.Port != n.Source.Port {
		parts = append(parts, fmt.Sprintf("source.port %d", f.Source.Port))
	}
	text("destination.address", f.Destination.Address.String(), n.Destination.Address.String())
	parts = append(parts, describeLocation(f.Destination.Location)...)
	text("destination.exemption", f.Destination.Exemption, "")
	text("request.method", f.Request.Method, n.Request.Method)
	text("request.scheme", f.Request.Scheme, n.Request.Scheme)
	text("request.path", f.Request.Path, n.Request.Path)
	text("request.query", f.Request.Query, "")
	text("request.protocol", f.Request.Protocol, n.Request.Protocol)
	if f.Request.Size != n.Request.Size {
		parts = append(parts, fmt.Sprintf("request.size %d", f.Request.Size))
	}
	for _, name := range slices.Sorted(maps.Keys(f.Request.Header)) {
		text("header "+name, f.Request.Header.Get(name), "")
	}
	for _, label := range f.Declared.Labels {
		parts = append(parts, fmt.Sprintf("declared label %q", label))
	}
	for _, c := range f.Data.Categories {
		parts = append(parts, fmt.Sprintf("%d × %s", c.Count, c.Name))
	}
	for _, finding := range f.Data.Findings {
		parts = append(parts, fmt.Sprintf("%d × detector %s", finding.Count, finding.Detector))
	}
	if f.Data.Subjects > 0 {
		parts = append(parts, fmt.Sprintf("%d people", f.Data.Subjects))
	}
	if f.Data.Entropy > 0 {
		parts = append(parts, fmt.Sprintf("entropy %g", f.Data.Entropy))
	}
	text("inspected", f.Data.Coverage.String(), n.Data.Coverage.String())
	text("undecodable", f.Data.Undecodable, "")
	if len(parts) == 0 {
		return "any flow"
	}
	return strings.Join(parts, ", ")
}

func describeLocation(l flow.Location) []string {
	var parts []string
	if l.Country != "" {
		parts = append(parts, fmt.Sprintf("destination.country %q", l.Country))
		if l.Confidence != usualConfidence {
			parts = append(parts, fmt.Sprintf("confidence %g", l.Confidence))
		}
	}
	for _, claim := range l.Jurisdictions {
		if claim.Country != l.Country {
			parts = append(parts, fmt.Sprintf("a claim of %q", claim.Country))
		}
	}
	if l.Operator != "" {
		parts = append(parts, fmt.Sprintf("operator %q", l.Operator))
	}
	if l.Cloud != "" || l.Region != "" {
		parts = append(parts, fmt.Sprintf("cloud %q region %q", l.Cloud, l.Region))
	}
	if l.OperatorHome != "" {
		parts = append(parts, fmt.Sprintf("operatorHome %q", l.OperatorHome))
	}
	if l.ParentHome != "" {
		parts = append(parts, fmt.Sprintf("parentHome %q", l.ParentHome))
	}
	if l.Anycast {
		parts = append(parts, "anycast")
	}
	if l.Stale {
		parts = append(parts, "stale")
	}
	return parts
}
