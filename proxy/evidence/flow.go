package evidence

import (
	"slices"

	"github.com/borderflow/borderflow/rules/flow"
)

// SetFlow takes over from f what a record keeps: id, time, source, destination, request without
// path, query and headers, what was found in the payload, and how much was inspected. It copies, so
// that f's lists may go on changing and r may be reused.
func (r *Record) SetFlow(f *flow.Flow) {
	r.ID = f.ID
	r.Time = f.Started
	r.Source = Source{
		Address:   f.Source.Address,
		Port:      f.Source.Port,
		Identity:  f.Source.Identity,
		Assurance: f.Source.Assurance,
		Country:   f.Source.Country,
	}
	r.setDestination(&f.Destination)
	r.Request = Request{
		Method:   f.Request.Method,
		Scheme:   f.Request.Scheme,
		Protocol: f.Request.Protocol,
	}
	r.Data = Data{
		Categories:  append(r.Data.Categories[:0], f.Data.Categories...),
		Findings:    append(r.Data.Findings[:0], f.Data.Findings...),
		Subjects:    f.Data.Subjects,
		Inspected:   f.Data.Coverage.String(),
		Undecodable: f.Data.Undecodable,
		Bytes:       f.Data.Bytes,
		Mismatch:    slices.ContainsFunc(f.Data.Categories, f.Declared.Contradicts),
	}
	r.Inspection = f.Inspection.String()
	r.setUnavailable(f)
}

func (r *Record) setDestination(d *flow.Destination) {
	r.Destination = Destination{
		Host:          d.Host,
		Port:          d.Port,
		Address:       d.Address,
		Country:       d.Location.Country,
		Confidence:    d.Location.Confidence,
		Possible:      r.Destination.Possible[:0],
		Reach:         append(r.Destination.Reach[:0], d.Location.Reach...),
		Jurisdictions: append(r.Destination.Jurisdictions[:0], d.Location.Jurisdictions...),
		Operator:      d.Location.Operator,
		OperatorHome:  d.Location.OperatorHome,
		ParentHome:    d.Location.ParentHome,
		Cloud:         d.Location.Cloud,
		Region:        d.Location.Region,
		Anycast:       d.Location.Anycast,
		Stale:         d.Location.Stale,
		Conflicts:     append(r.Destination.Conflicts[:0], d.Location.Conflicts...),
		Exemption:     d.Exemption,
		DataVersion:   d.Location.DataVersion,
	}
	if d.Location.Country == "" {
		r.Destination.Possible = append(r.Destination.Possible, d.Location.Possible...)
	}
}

// Location returns what the record keeps of where the destination stands. It shares d's lists.
func (d *Destination) Location() flow.Location {
	location := flow.Location{
		Country:       d.Country,
		Confidence:    d.Confidence,
		Possible:      d.Possible,
		Reach:         d.Reach,
		Jurisdictions: d.Jurisdictions,
		Operator:      d.Operator,
		OperatorHome:  d.OperatorHome,
		ParentHome:    d.ParentHome,
		Cloud:         d.Cloud,
		Region:        d.Region,
		Anycast:       d.Anycast,
		Stale:         d.Stale,
		Conflicts:     d.Conflicts,
		DataVersion:   d.DataVersion,
	}
	if d.Country != "" {
		location.Possible = []string{d.Country}
	}
	return location
}

func (r *Record) setUnavailable(f *flow.Flow) {
	r.Unavailable = r.Unavailable[:0]
	for _, group := range [...]struct {
		name  string
		state flow.State
	}{
		{"source.identity", f.Source.IdentityState},
		{"source.country", f.Source.CountryState},
		{"destination.address", f.Destination.AddressState},
		{"destination.location", f.Destination.LocationState},
		{"request", f.Request.State},
		{"data", f.Data.State},
	} {
		if group.state == flow.Unavailable {
			r.Unavailable = append(r.Unavailable, group.name)
		}
	}
}
