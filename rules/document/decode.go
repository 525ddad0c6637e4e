package document

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
)

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// decoder carries one document into a Go value.
type decoder struct {
	positions *Positions
	problems  Problems
}

// decode reads one document of s into the value that into points to.
func (s *source) decode(document root, into any) (*Positions, Problems) {
	d := &decoder{positions: newPositions(s.file, s.lines)}
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		panic(fmt.Sprintf("document: decoding into %T, which is not a pointer to a value", into))
	}
	d.value(document.body, target.Elem(), "")
	return d.positions, d.problems.Sort()
}

func (d *decoder) problem(node ast.Node, message, hint string) {
	if len(d.problems) >= maxProblems {
		return
	}
	line, column := position(start(node))
	d.problems = append(d.problems, Problem{File: d.positions.file, Line: line, Column: column, Message: message, Hint: hint})
}

// value reads node into target. An empty value leaves target as it is.
func (d *decoder) value(node ast.Node, target reflect.Value, path string) {
	d.positions.record(path, node)
	if node == nil || node.Type() == ast.NullType {
		return
	}
	if target.Kind() == reflect.Pointer {
		if target.IsNil() {
			target.Set(reflect.New(target.Type().Elem()))
		}
		d.value(node, target.Elem(), path)
		return
	}
	if _, list := node.(*ast.SequenceNode); target.CanAddr() && target.Addr().Type().Implements(textUnmarshaler) &&
		(!list || target.Kind() != reflect.Slice) {
		d.unmarshalText(node, target, path)
		return
	}
	switch target.Kind() {
	case reflect.Struct:
		d.fields(node, target, path)
	case reflect.Map:
		d.mapping(node, target, path)
	case reflect.Slice:
		d.list(node, target, path)
	default:
		d.scalar(node, target, path)
	}
}

func (d *decoder) fields(node ast.Node, target reflect.Value, path string) {
	valid := fieldsOf(target.Type())
	names := make([]string, len(valid))
	for i, field := range valid {
		names[i] = field.name
	}
	d.entries(node, path, func(key string, entry *ast.MappingValueNode) {
		for _, field := range valid {
			if field.name == key {
				d.value(entry.Value, target.FieldByIndex(field.index), join(path, key))
				return
			}
		}
		d.problem(entry.Key, fmt.Sprintf("unknown field %q%s", shorten(key), inside(path)), hintFor(key, names))
	})
}

func (d *decoder) mapping(node ast.Node, target reflect.Value, path string) {
	if target.Type().Key().Kind() != reflect.String {
		panic(fmt.Sprintf("document: %s has keys that are not strings", target.Type()))
	}
	filled := reflect.MakeMap(target.Type())
	d.entries(node, path, func(key string, entry *ast.MappingValueNode) {
		value := reflect.New(target.Type().Elem()).Elem()
		d.value(entry.Value, value, join(path, key))
		filled.SetMapIndex(reflect.ValueOf(key).Convert(target.Type().Key()), value)
	})
	target.Set(filled)
}

// entries calls visit for each key of a mapping, and reports keys that are given twice.
func (d *decoder) entries(node ast.Node, path string, visit func(key string, entry *ast.MappingValueNode)) {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		d.mismatch(node, path, "a mapping (name: value)")
		return
	}
	first := map[string]int{}
	for entries := mapping.MapRange(); entries.Next(); {
		entry := entries.KeyValue()
		key := keyText(entry.Key)
		line, _ := position(start(entry.Key))
		if earlier, twice := first[key]; twice {
			d.problem(entry.Key, fmt.Sprintf("%q is given twice%s", shorten(key), inside(path)), fmt.Sprintf("first on line %d", earlier))
			continue
		}
		first[key] = line
		d.positions.recordKey(join(path, key), entry.Key)
		visit(key, entry)
	}
}

func (d *decoder) list(node ast.Node, target reflect.Value, path string) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		d.mismatch(node, path, "a list")
		return
	}
	filled := reflect.MakeSlice(target.Type(), len(sequence.Values), len(sequence.Values))
	for i, element := range sequence.Values {
		at := path + "[" + strconv.Itoa(i) + "]"
		if element.Type() == ast.NullType {
			d.positions.record(at, element)
			d.problem(element, fmt.Sprintf("entry %d of %s is empty", i+1, subject(path)), "")
			continue
		}
		d.value(element, filled.Index(i), at)
	}
	target.Set(filled)
}

// field is a struct field that a document can name.
type field struct {
	name  string
	index []int
}

func fieldsOf(t reflect.Type) []field {
	var fields []field
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || f.Anonymous || name == "-" {
			continue
		}
		if name == "" {
			first, size := utf8.DecodeRuneInString(f.Name)
			name = string(unicode.ToLower(first)) + f.Name[size:]
		}
		fields = append(fields, field{name: name, index: f.Index})
	}
	return fields
}

func keyText(key ast.MapKeyNode) string {
	if text, ok := key.(*ast.StringNode); ok {
		return text.Value
	}
	return key.GetToken().Value
}

// join appends a key to a path: "a.b", or `a["b.c"]` where the key itself would read as a path.
func join(path, key string) string {
	if key == "" || strings.ContainsAny(key, `.[]"`) {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func subject(path string) string {
	if path == "" {
		return "the document"
	}
	return path
}

func inside(path string) string {
	if path == "" {
		return ""
	}
	return " in " + path
}
