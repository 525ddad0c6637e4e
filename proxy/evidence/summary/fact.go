package summary

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
)

// fact is what the report counts of a record. Its names are those of the record's keys, by which
// encoding/json reads it where the scanner cannot.
type fact struct {
	Schema string    `json:"schema"`
	Seq    uint64    `json:"seq"`
	Kind   string    `json:"kind"`
	Time   time.Time `json:"time"`

	Source struct {
		Country string `json:"country"`
	} `json:"source"`
	Destination struct {
		Host         string `json:"host"`
		Country      string `json:"country"`
		Operator     string `json:"operator"`
		OperatorHome string `json:"operator_home"`
		Exemption    string `json:"exemption"`
	} `json:"destination"`
	Request struct {
		Scheme   string `json:"scheme"`
		Protocol string `json:"protocol"`
	} `json:"request"`
	Data struct {
		Categories  categories `json:"categories"`
		Subjects    int64      `json:"subjects"`
		Inspected   string     `json:"inspected"`
		Undecodable string     `json:"undecodable"`
		Bytes       int64      `json:"bytes"`
	} `json:"data"`

	Verdict       string    `json:"verdict"`
	Rule          string    `json:"rule"`
	Policy        string    `json:"policy"`
	PolicyHash    string    `json:"policy_hash"`
	LegalBasis    string    `json:"legal_basis"`
	Mechanism     string    `json:"mechanism"`
	Uninspectable bool      `json:"uninspectable"`
	Policies      []opinion `json:"policies"`
	Shadow        []opinion `json:"shadow"`
	Errors        []opinion `json:"errors"`
	Exemptions    []string  `json:"exemptions"`

	Inspection string `json:"inspection"`
	Outcome    string `json:"outcome"`
	Error      string `json:"error"`
	Status     int64  `json:"status"`
	Bytes      struct {
		Sent     int64 `json:"sent"`
		Received int64 `json:"received"`
	} `json:"bytes"`
	Truncated bool `json:"truncated"`
}

// opinion is what a policy or a rule said.
type opinion struct {
	Policy  string `json:"policy"`
	Rule    string `json:"rule"`
	Verdict string `json:"verdict"`
	Shadow  bool   `json:"shadow"`
}

type category struct {
	Name  string
	Count int64
}

// categories are an object by name in the record.
type categories []category

// UnmarshalJSON reads them in the order of their names.
func (c *categories) UnmarshalJSON(text []byte) error {
	var byName map[string]struct {
		Count int64 `json:"count"`
	}
	if err := json.Unmarshal(text, &byName); err != nil {
		return err
	}
	*c = (*c)[:0]
	for name, value := range byName {
		*c = append(*c, category{name, value.Count})
	}
	slices.SortFunc(*c, func(a, b category) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// read fills f from a line of the log. It reports false for what is no record.
func (f *fact) read(s *scanner, line []byte) bool {
	s.line, s.at, s.odd, s.seen, s.depth = line, 0, false, 0, 0
	*f = fact{}
	r := factReader{s, f}
	s.object(r.member)
	if s.odd || s.at != len(line) {
		*f = fact{}
		if err := json.Unmarshal(line, f); err != nil {
			return false
		}
	}
	return f.Schema == evidence.Schema && f.Seq > 0 && !f.Time.IsZero()
}

// beginning reads number and time of a line that begins as records do, to tell whether it is of the
// period without reading all of it.
func beginning(s *scanner, line []byte) (seq uint64, began time.Time, ok bool) {
	rest, found := bytes.CutPrefix(line, []byte(`{"schema":"`+evidence.Schema+`","seq":`))
	if !found {
		return 0, began, false
	}
	s.line, s.at, s.odd = rest, 0, false
	seq = uint64(s.number())
	rest = rest[s.at:]
	for _, kind := range []string{`,"kind":"` + evidence.KindOpening + `"`, `,"kind":"` + evidence.KindRecovery + `"`} {
		rest = bytes.TrimPrefix(rest, []byte(kind))
	}
	rest, found = bytes.CutPrefix(rest, []byte(`,"time":`))
	s.line, s.at = rest, 0
	began = s.moment()
	return seq, began, found && !s.odd && seq > 0
}

// factReader reads the members of a record's objects into a fact.
type factReader struct {
	*scanner
	f *fact
}

// other reads a member that is not kept. A name in another spelling would be taken by encoding/json
// for one that is.
func (r factReader) other(key []byte) {
	for _, c := range key {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			r.odd = true
			return
		}
	}
	r.skip()
}

func (r factReader) setText(bit uint, field *string) {
	r.once(bit)
	*field = r.text()
}

func (r factReader) setNumber(bit uint, field *int64) {
	r.once(bit)
	*field = r.number()
}

func (r factReader) setTrue(bit uint, field *bool) {
	r.once(bit)
	*field = r.yes()
}

func (r factReader) setObject(bit uint, member func(key []byte)) {
	r.once(bit)
	r.object(member)
}

func (r factReader) member(key []byte) {
	f := r.f
	switch string(key) {
	case "schema":
		r.setText(0, &f.Schema)
	case "seq":
		r.once(1)
		f.Seq = uint64(r.number())
	case "kind":
		r.setText(2, &f.Kind)
	case "time":
		r.once(3)
		f.Time = r.moment()
	case "source":
		r.setObject(4, r.source)
	case "destination":
		r.setObject(5, r.destination)
	case "request":
		r.setObject(6, r.request)
	case "data":
		r.setObject(7, r.data)
	case "verdict":
		r.setText(8, &f.Verdict)
	case "rule":
		r.setText(9, &f.Rule)
	case "policy":
		r.setText(10, &f.Policy)
	case "policy_hash":
		r.setText(11, &f.PolicyHash)
	case "legal_basis":
		r.setText(12, &f.LegalBasis)
	case "mechanism":
		r.setText(13, &f.Mechanism)
	case "uninspectable":
		r.setTrue(14, &f.Uninspectable)
	case "policies":
		r.opinions(15, &f.Policies)
	case "shadow":
		r.opinions(16, &f.Shadow)
	case "errors":
		r.opinions(17, &f.Errors)
	case "exemptions":
		r.once(18)
		r.list(func() { f.Exemptions = append(f.Exemptions, r.text()) })
	case "inspection":
		r.setText(19, &f.Inspection)
	case "outcome":
		r.setText(20, &f.Outcome)
	case "error":
		r.setText(21, &f.Error)
	case "status":
		r.setNumber(22, &f.Status)
	case "bytes":
		r.setObject(23, r.transferred)
	case "truncated":
		r.setTrue(24, &f.Truncated)
	default:
		r.other(key)
	}
}

func (r factReader) source(key []byte) {
	if string(key) == "country" {
		r.setText(0, &r.f.Source.Country)
	} else {
		r.other(key)
	}
}

func (r factReader) destination(key []byte) {
	d := &r.f.Destination
	switch string(key) {
	case "host":
		r.setText(0, &d.Host)
	case "country":
		r.setText(1, &d.Country)
	case "operator":
		r.setText(2, &d.Operator)
	case "operator_home":
		r.setText(3, &d.OperatorHome)
	case "exemption":
		r.setText(4, &d.Exemption)
	default:
		r.other(key)
	}
}

func (r factReader) request(key []byte) {
	switch string(key) {
	case "scheme":
		r.setText(0, &r.f.Request.Scheme)
	case "protocol":
		r.setText(1, &r.f.Request.Protocol)
	default:
		r.other(key)
	}
}

func (r factReader) data(key []byte) {
	d := &r.f.Data
	switch string(key) {
	case "categories":
		r.setObject(0, r.category)
	case "subjects":
		r.setNumber(1, &d.Subjects)
	case "inspected":
		r.setText(2, &d.Inspected)
	case "undecodable":
		r.setText(3, &d.Undecodable)
	case "bytes":
		r.setNumber(4, &d.Bytes)
	default:
		r.other(key)
	}
}

func (r factReader) category(name []byte) {
	c := category{Name: r.names.keep(name)}
	r.object(func(key []byte) {
		if string(key) == "count" {
			r.setNumber(0, &c.Count)
		} else {
			r.other(key)
		}
	})
	list := &r.f.Data.Categories
	if n := len(*list); n > 0 && (*list)[n-1].Name >= c.Name {
		r.odd = true // twice, or not in order
	}
	*list = append(*list, c)
}

func (r factReader) opinions(bit uint, list *[]opinion) {
	r.once(bit)
	r.list(func() {
		var o opinion
		r.object(func(key []byte) {
			switch string(key) {
			case "policy":
				r.setText(0, &o.Policy)
			case "rule":
				r.setText(1, &o.Rule)
			case "verdict":
				r.setText(2, &o.Verdict)
			case "shadow":
				r.setTrue(3, &o.Shadow)
			default:
				r.other(key)
			}
		})
		*list = append(*list, o)
	})
}

func (r factReader) transferred(key []byte) {
	switch string(key) {
	case "sent":
		r.setNumber(0, &r.f.Bytes.Sent)
	case "received":
		r.setNumber(1, &r.f.Bytes.Received)
	default:
		r.other(key)
	}
}
