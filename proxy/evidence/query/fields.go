package query

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
)

// kind is what stands behind a key of a record.
type kind uint8

const (
	textKind    kind = iota
	intKind          // a whole number
	doubleKind       // a number
	boolKind         // true, or left out
	timeKind         // RFC 3339
	objectKind       // has fields
	textsKind        // list of texts
	objectsKind      // list of objects
	countsKind       // map from name to whole number
	mapKind          // map from name to object
)

// field is a key of a record, or of an object within it.
type field struct {
	name   string
	path   string // from the record, e.g. "destination.country"
	kind   kind
	index  int // among its siblings
	fields []*field
	byName map[string]*field
	object *types.Type // of an object, or of the elements
}

func (f *field) child(name string) *field { return f.byName[name] }

func (f *field) names() []string {
	var names []string
	for _, child := range f.fields {
		names = append(names, child.name)
	}
	return names
}

func (f *field) celType() *cel.Type {
	switch f.kind {
	case intKind:
		return cel.IntType
	case doubleKind:
		return cel.DoubleType
	case boolKind:
		return cel.BoolType
	case timeKind:
		return cel.TimestampType
	case objectKind:
		return f.object
	case textsKind:
		return cel.ListType(cel.StringType)
	case objectsKind:
		return cel.ListType(f.object)
	case countsKind:
		return cel.MapType(cel.StringType, cel.IntType)
	case mapKind:
		return cel.MapType(cel.StringType, f.object)
	}
	return cel.StringType
}

func as(kind kind, names ...string) (fields []*field) {
	for _, name := range names {
		fields = append(fields, &field{name: name, kind: kind})
	}
	return fields
}

func of(kind kind, name string, members ...[]*field) []*field {
	f := &field{name: name, kind: kind}
	for _, some := range members {
		f.fields = append(f.fields, some...)
	}
	return []*field{f}
}

// record is the one table of what conditions can ask for and columns can show, as the schema
// borderflow.flow/1 has it. It is never changed.
var record = named(of(objectKind, "record",
	as(textKind, "schema"), as(intKind, "seq"), as(textKind, "kind"), as(timeKind, "time"), as(textKind, "id"),
	of(objectKind, "recovery", as(textKind, "segment", "reason"), as(intKind, "offset", "cut_bytes", "since", "until"),
		as(textKind, "caused_by"), as(boolKind, "abandoned")),
	of(objectKind, "source", as(textKind, "address", "address_hash"), as(intKind, "port"),
		as(textKind, "identity", "identity_hash", "assurance", "country")),
	of(objectKind, "destination", as(textKind, "host"), as(intKind, "port"), as(textKind, "address", "country"), as(doubleKind, "confidence"),
		of(objectsKind, "jurisdictions", as(textKind, "country", "source"), as(doubleKind, "confidence"), as(textKind, "detail"), as(timeKind, "as_of")),
		as(textKind, "operator", "operator_home", "parent_home"), as(textsKind, "possible", "reach"), as(boolKind, "anycast", "stale"),
		as(textKind, "cloud", "region"), as(textsKind, "conflicts"), as(textKind, "exemption", "data_version")),
	of(objectKind, "request", as(textKind, "method", "scheme", "protocol")),
	of(objectKind, "data", of(mapKind, "categories", as(intKind, "count"), as(textKind, "strength")), as(countsKind, "findings"),
		as(intKind, "subjects"), as(textKind, "inspected", "undecodable"), as(boolKind, "mismatch"), as(intKind, "bytes")),
	as(textKind, "verdict", "rule", "policy", "policy_hash", "legal_basis", "mechanism", "phase"), as(boolKind, "uninspectable"),
	of(objectsKind, "policies", as(textKind, "policy", "verdict", "rule"), as(boolKind, "shadow")),
	of(objectsKind, "logged", as(textKind, "policy", "rule")),
	of(objectsKind, "shadow", as(textKind, "policy", "rule", "verdict")),
	of(objectsKind, "errors", as(textKind, "policy", "rule", "error")),
	as(countsKind, "redacted"), as(textsKind, "exemptions"), as(textKind, "inspection", "outcome", "error"), as(intKind, "status"),
	of(objectKind, "bytes", as(intKind, "sent", "received")), as(doubleKind, "duration_ms"),
	of(objectKind, "timings", as(doubleKind, "decided_ms", "connected_ms", "answered_ms")),
	as(textKind, "parent", "trace"), as(textsKind, "unavailable"), as(boolKind, "cut", "truncated"),
)[0], "")

// named gives fields their paths, places and types.
func named(f *field, path string) *field {
	f.path, f.byName = path, make(map[string]*field)
	f.object = cel.ObjectType("record." + path)
	for i, child := range f.fields {
		child.index = i
		below := child.name
		if path != "" {
			below = path + "." + child.name
		}
		f.byName[child.name] = named(child, below)
	}
	return f
}

var timeField, seqField = record.child("time"), record.child("seq")
