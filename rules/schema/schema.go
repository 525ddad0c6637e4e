// Package schema describes policy files and the configuration as JSON Schema (draft 2020-12), so that
// editors complete names, show what they mean, and underline mistakes while a file is written.
//
// The schemas are made by reflection from the Go types that the files are decoded into, and so cannot
// name a field that does not exist. What a text may be is asked of the type itself: an enumeration
// refuses a wrong word with the list of right ones, and each of these is tried. Descriptions of the
// configuration are the fields' comments; those of policies stand in a table here.
//
//	text, err := schema.Policy()
//
// It leaves checking files to "borderflow check", which knows more than a schema can say.
package schema

import (
	"bytes"
	_ "embed"
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/borderflow/borderflow/rules"
)

//go:generate go run ./generate descriptions.json ../../proxy ../../proxy/upstream ../../rules/jurisdiction

//go:embed descriptions.json
var descriptions []byte

const dialect = "https://json-schema.org/draft/2020-12/schema"

// node is one schema. Its keys are written in alphabetical order.
type node map[string]any

// Policy returns the schema of the files of a policy directory: policies, lists, groups and exemptions, told
// apart by their kind.
func Policy() ([]byte, error) {
	types := rules.DocumentTypes()
	kinds := slices.Sorted(maps.Keys(types))
	g := &generator{descriptions: policyFields, required: required, defs: node{}}
	root := node{"$schema": dialect, "title": "A document of a borderflow policy directory", "type": "object",
		"properties": node{"kind": node{"enum": kinds}}, "required": []string{"kind"}}
	var choices []node
	for _, kind := range kinds {
		reference := g.of(types[kind], kind)
		choices = append(choices, node{
			"if":   node{"properties": node{"kind": node{"const": kind}}, "required": []string{"kind"}},
			"then": reference,
		})
	}
	root["allOf"], root["$defs"] = choices, g.defs
	return write(root)
}

// Config returns the schema of the configuration. defaults is the value that an empty file stands for.
func Config(defaults any) ([]byte, error) {
	g := &generator{defs: node{}}
	if err := json.Unmarshal(descriptions, &g.descriptions); err != nil {
		return nil, fmt.Errorf("describe the configuration: %w", err)
	}
	value := reflect.ValueOf(defaults)
	root := g.object(value.Type(), "")
	g.setDefaults(root, value)
	root["$schema"], root["title"], root["$defs"] = dialect, "borderflow.yaml, the configuration of borderflow", g.defs
	return write(root)
}

func write(root node) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(root); err != nil {
		return nil, fmt.Errorf("write a schema: %w", err)
	}
	return text.Bytes(), nil
}

// generator turns Go types into schemas.
type generator struct {
	descriptions map[string]string   // by "Type.Field"
	required     map[string][]string // by type
	defs         node
	names        map[reflect.Type]string // in defs
}

// nameFor returns the name of t in defs: its own, or one with its package where that is taken.
func (g *generator) nameFor(t reflect.Type) string {
	if name, ok := g.names[t]; ok {
		return name
	}
	name := t.Name()
	if _, taken := g.defs[name]; taken {
		name = strings.ReplaceAll(t.String(), ".", "_")
	}
	if g.names == nil {
		g.names = map[reflect.Type]string{}
	}
	g.names[t] = name
	return name
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// of returns the schema of t. kind is that of a document, "" of anything else.
func (g *generator) of(t reflect.Type, kind string) node {
	switch {
	case t.Kind() == reflect.Pointer:
		return g.of(t.Elem(), kind)
	case reflect.PointerTo(t).Implements(textUnmarshaler) && t.Kind() == reflect.Slice:
		return node{"anyOf": []node{{"type": "string"}, {"type": "array", "items": node{"type": "string"}}}}
	case reflect.PointerTo(t).Implements(textUnmarshaler):
		return text(t)
	case t == reflect.TypeFor[time.Duration]():
		return node{"anyOf": []node{{"type": "string", "pattern": `^[+-]?([0-9]*\.?[0-9]+(ns|us|µs|ms|s|m|h))+$|^0$`}, {"const": 0}}}
	}
	switch t.Kind() {
	case reflect.Struct:
		name := g.nameFor(t)
		if _, done := g.defs[name]; !done {
			g.defs[name] = node{} // against recursion
			g.defs[name] = g.object(t, kind)
		}
		return node{"$ref": "#/$defs/" + name}
	case reflect.Slice:
		return node{"type": "array", "items": g.of(t.Elem(), "")}
	case reflect.Map:
		return node{"type": "object", "additionalProperties": g.of(t.Elem(), "")}
	case reflect.Bool:
		return node{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return node{"type": "number"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return node{"type": "integer"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n := node{"type": "integer", "minimum": 0}
		if bits := t.Bits(); bits < 53 {
			n["maximum"] = uint64(1)<<bits - 1
		}
		return n
	}
	return node{"type": "string"}
}

// text is the schema of a type with its own reading.
func text(t reflect.Type) node {
	if words := wordsOf(t); len(words) > 0 {
		return node{"type": "string", "enum": words}
	}
	if accepts(t, "true") { // as a condition does, and YAML has it for a truth value
		return node{"type": []string{"string", "boolean"}}
	}
	if accepts(t, "1") {
		return node{"type": []string{"string", "integer"}}
	}
	return node{"type": "string"}
}

func accepts(t reflect.Type, word string) bool {
	return reflect.New(t).Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(word)) == nil
}

// wordsOf returns the words of an enumeration. It asks for them with one that is none, and tries
// each that the answer names.
func wordsOf(t reflect.Type) []string {
	const none = "?"
	err := reflect.New(t).Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(none))
	if err == nil {
		return nil
	}
	listed, _, ok := strings.Cut(err.Error(), ", found ")
	words, ok2 := strings.CutPrefix(listed, "expected ")
	if !ok || !ok2 {
		return nil
	}
	all := strings.Split(words, " or ")
	for _, word := range all {
		if !accepts(t, word) {
			return nil
		}
	}
	return all
}

// object is the schema of a struct.
func (g *generator) object(t reflect.Type, kind string) node {
	properties := node{}
	for _, f := range reflect.VisibleFields(t) {
		name, ok := nameOf(f)
		if !ok {
			continue
		}
		property := g.of(f.Type, "")
		if kind != "" && name == "kind" {
			property = node{"const": kind}
		}
		if description := g.descriptions[t.Name()+"."+f.Name]; description != "" {
			property["description"] = description
		}
		properties[name] = property
	}
	object := node{"type": "object", "additionalProperties": false, "properties": properties}
	if names := g.required[t.Name()]; len(names) > 0 {
		object["required"] = names
	}
	return object
}

// nameOf returns the name that files use for a field, as package document has it.
func nameOf(f reflect.StructField) (string, bool) {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if !f.IsExported() || f.Anonymous || name == "-" {
		return "", false
	}
	if name == "" {
		first, size := utf8.DecodeRuneInString(f.Name)
		name = string(unicode.ToLower(first)) + f.Name[size:]
	}
	return name, true
}

// setDefaults adds the defaults of plain fields, also of the structs within.
func (g *generator) setDefaults(schema node, value reflect.Value) {
	properties := schema["properties"].(node)
	for _, f := range reflect.VisibleFields(value.Type()) {
		name, ok := nameOf(f)
		if !ok {
			continue
		}
		property, field := properties[name].(node), value.FieldByIndex(f.Index)
		if field.IsZero() {
			continue
		}
		switch plain := field.Interface().(type) {
		case time.Duration:
			property["default"] = plain.String()
			continue
		case encoding.TextMarshaler:
			if written, err := plain.MarshalText(); err == nil {
				property["default"] = string(written)
			}
			continue
		}
		switch field.Kind() {
		case reflect.Struct:
			if inner, ok := g.defs[g.names[f.Type]].(node); ok && inner["properties"] != nil {
				g.setDefaults(inner, field)
			}
		case reflect.Bool, reflect.String, reflect.Int, reflect.Int64, reflect.Uint16, reflect.Float64:
			property["default"] = field.Interface()
		}
	}
}
