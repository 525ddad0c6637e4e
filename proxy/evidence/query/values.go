package query

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// value decodes what stands behind a key; nil is what the line leaves out. What is of another kind than
// the schema says is an error of the condition.
func (f *field) value(raw []byte) ref.Val {
	value, err := f.decode(raw)
	if err != nil {
		return types.NewErr("%s: %v", f.path, err)
	}
	return value
}

func (f *field) decode(raw []byte) (ref.Val, error) {
	switch f.kind {
	case intKind:
		if raw == nil {
			return types.IntZero, nil
		}
		n, err := strconv.ParseInt(string(raw), 10, 64)
		return types.Int(n), err
	case doubleKind:
		if raw == nil {
			return types.Double(0), nil
		}
		n, err := strconv.ParseFloat(string(raw), 64)
		return types.Double(n), err
	case boolKind:
		return types.Bool(string(raw) == "true"), nil
	case timeKind:
		at, err := timeOf(raw)
		return types.Timestamp{Time: at}, err
	case objectKind:
		return &object{field: f, raw: raw}, nil
	case textsKind, objectsKind:
		return f.list(raw)
	case countsKind, mapKind:
		return f.mapping(raw)
	}
	if raw == nil {
		return types.String(""), nil
	}
	text, err := stringOf(raw)
	return types.String(text), err
}

func timeOf(raw []byte) (time.Time, error) {
	if raw == nil {
		return time.Time{}, nil
	}
	text, err := stringOf(raw)
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339Nano, text)
}

func (f *field) list(raw []byte) (ref.Val, error) {
	var values []ref.Val
	if raw != nil {
		var bad error
		err := elements(raw, func(value []byte) {
			if f.kind == objectsKind {
				values = append(values, &object{field: f, raw: value})
				return
			}
			text, err := stringOf(value)
			if err != nil {
				bad = err
			}
			values = append(values, types.String(text))
		})
		if err != nil || bad != nil {
			return nil, errNotARecord
		}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, values), nil
}

func (f *field) mapping(raw []byte) (ref.Val, error) {
	values := map[ref.Val]ref.Val{}
	if raw != nil {
		var bad error
		err := members(raw, func(key, value []byte) {
			name, err := stringOf([]byte(`"` + string(key) + `"`))
			if err != nil {
				bad = err
			}
			if f.kind == mapKind {
				values[types.String(name)] = &object{field: f, raw: value}
				return
			}
			n, err := strconv.ParseInt(string(value), 10, 64)
			if err != nil {
				bad = err
			}
			values[types.String(name)] = types.Int(n)
		})
		if err != nil || bad != nil {
			return nil, errNotARecord
		}
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, values), nil
}

// object is an object of a record as a CEL value. raw is nil when the line leaves it out.
type object struct {
	field *field
	raw   []byte
}

// member returns the bytes of a member, nil when there is none.
func (o *object) member(name string) (found []byte, err error) {
	if o.raw == nil {
		return nil, nil
	}
	err = members(o.raw, func(key, value []byte) {
		if string(key) == name {
			found = value
		}
	})
	return found, err
}

func (o *object) get(f *field) ref.Val {
	raw, err := o.member(f.name)
	if err != nil {
		return types.NewErr("%s: %v", o.field.path, err)
	}
	return f.value(raw)
}

func (o *object) Type() ref.Type { return o.field.object }
func (o *object) Value() any     { return o }

func (o *object) Equal(other ref.Val) ref.Val {
	same, ok := other.(*object)
	return types.Bool(ok && same.field == o.field && string(same.raw) == string(o.raw))
}

func (o *object) ConvertToNative(reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s has no value of its own", o.field.path)
}

func (o *object) ConvertToType(ref.Type) ref.Val {
	return types.NewErr("%s has no value of its own", o.field.path)
}

// provider tells CEL the fields of the objects.
type provider struct {
	types.Provider
	objects map[string]*field // by the name of the type
}

func newProvider(base types.Provider) *provider {
	p := &provider{Provider: base, objects: make(map[string]*field)}
	var add func(*field)
	add = func(f *field) {
		if len(f.fields) > 0 {
			p.objects[f.object.TypeName()] = f
		}
		for _, child := range f.fields {
			add(child)
		}
	}
	add(record)
	return p
}

// FindStructType is part of types.Provider.
func (p *provider) FindStructType(name string) (*types.Type, bool) {
	if f, ok := p.objects[name]; ok {
		return types.NewTypeTypeWithParam(f.object), true
	}
	return p.Provider.FindStructType(name)
}

// FindStructFieldNames is part of types.Provider.
func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	if f, ok := p.objects[name]; ok {
		return f.names(), true
	}
	return p.Provider.FindStructFieldNames(name)
}

// FindStructFieldType is part of types.Provider.
func (p *provider) FindStructFieldType(owner, name string) (*types.FieldType, bool) {
	o, ok := p.objects[owner]
	if !ok {
		return p.Provider.FindStructFieldType(owner, name)
	}
	f := o.child(name)
	if f == nil {
		return nil, false
	}
	return &types.FieldType{Type: f.celType(), IsSet: func(any) bool { return true }, GetFrom: func(target any) (any, error) {
		holder, ok := target.(*object)
		if !ok {
			return nil, fmt.Errorf("field %s of something that has no fields", name)
		}
		value := holder.get(f)
		if err, bad := value.(*types.Err); bad {
			return nil, err
		}
		return value, nil
	}}, true
}

// NewValue is part of types.Provider. Conditions read records, they do not make them.
func (p *provider) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if _, ok := p.objects[name]; ok {
		return types.NewErr("%s cannot be made", name)
	}
	return p.Provider.NewValue(name, fields)
}

// functions are those of the rules that a record can answer.
func functions() []cel.EnvOption {
	return []cel.EnvOption{
		method("data", "has", cel.BoolType, func(data *object, name string) ref.Val {
			return types.Bool(countOf(data, name) > 0)
		}),
		method("data", "count", cel.IntType, func(data *object, name string) ref.Val { return countOf(data, name) }),
		method("data", "found", cel.IntType, func(data *object, name string) ref.Val {
			raw, _ := data.member("findings")
			count, _ := (&object{field: data.field, raw: raw}).member(name)
			n, _ := strconv.ParseInt(string(count), 10, 64)
			return types.Int(n)
		}),
		method("destination", "under", cel.BoolType, func(destination *object, domain string) ref.Val {
			raw, _ := destination.member("host")
			host, _ := stringOf(raw)
			domain = strings.Trim(strings.ToLower(domain), ".")
			host = strings.ToLower(host)
			return types.Bool(domain != "" && (host == domain || strings.HasSuffix(host, "."+domain) && !isAddress(host)))
		}),
	}
}

// countOf is the count of a category of data.
func countOf(data *object, name string) types.Int {
	categories, _ := data.member("categories")
	category, _ := (&object{field: data.field, raw: categories}).member(name)
	raw, _ := (&object{field: data.field, raw: category}).member("count")
	n, _ := strconv.ParseInt(string(raw), 10, 64)
	return types.Int(n)
}

func isAddress(host string) bool { return strings.Trim(host, "0123456789.") == "" }

func method(owner, name string, result *cel.Type, call func(*object, string) ref.Val) cel.EnvOption {
	return cel.Function(name, cel.MemberOverload(owner+"_"+name, []*cel.Type{record.child(owner).object, cel.StringType}, result,
		cel.BinaryBinding(func(receiver, argument ref.Val) ref.Val {
			holder, ok := receiver.(*object)
			if !ok {
				return types.MaybeNoSuchOverloadErr(receiver)
			}
			return call(holder, string(argument.(types.String)))
		})))
}
