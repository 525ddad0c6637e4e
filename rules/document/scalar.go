package document

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// scalar reads node into a text, number, truth value or duration.
func (d *decoder) scalar(node ast.Node, target reflect.Value, path string) {
	if target.Type() == reflect.TypeFor[time.Duration]() {
		d.duration(node, target, path)
		return
	}
	switch target.Kind() {
	case reflect.String:
		if text, ok := textOf(node); ok {
			target.SetString(text)
			return
		}
		d.mismatch(node, path, "text")
	case reflect.Bool:
		if truth, ok := node.(*ast.BoolNode); ok {
			target.SetBool(truth.Value)
			return
		}
		d.mismatch(node, path, "true or false")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		bits := target.Type().Bits()
		number, err := strconv.ParseInt(d.integer(node, path), 10, bits)
		if err != nil && node.Type() == ast.IntegerType {
			d.outOfRange(node, path, strconv.FormatInt(math.MinInt64>>(64-bits), 10), strconv.FormatInt(math.MaxInt64>>(64-bits), 10))
		} else if err == nil {
			target.SetInt(number)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		bits := target.Type().Bits()
		number, err := strconv.ParseUint(d.integer(node, path), 10, bits)
		if err != nil && node.Type() == ast.IntegerType {
			d.outOfRange(node, path, "0", strconv.FormatUint(math.MaxUint64>>(64-bits), 10))
		} else if err == nil {
			target.SetUint(number)
		}
	case reflect.Float32, reflect.Float64:
		d.float(node, target, path)
	default:
		panic(fmt.Sprintf("document: cannot decode into %s", target.Type()))
	}
}

// integer returns the digits of a whole number, or "" after reporting what stands there instead.
func (d *decoder) integer(node ast.Node, path string) string {
	if node.Type() != ast.IntegerType {
		d.mismatch(node, path, "a whole number")
		return ""
	}
	return strings.TrimPrefix(node.GetToken().Value, "+")
}

func (d *decoder) outOfRange(node ast.Node, path, least, most string) {
	d.problem(node, fmt.Sprintf("%s must be a whole number from %s to %s, found %s", subject(path), least, most, shorten(node.GetToken().Value)),
		"written in decimal digits alone")
}

func (d *decoder) float(node ast.Node, target reflect.Value, path string) {
	if node.Type() != ast.IntegerType && node.Type() != ast.FloatType {
		d.mismatch(node, path, "a number")
		return
	}
	number, err := strconv.ParseFloat(node.GetToken().Value, target.Type().Bits())
	if err != nil || strings.ContainsAny(node.GetToken().Value, "xX_") {
		d.problem(node, fmt.Sprintf("%s must be a decimal number, found %s", subject(path), shorten(node.GetToken().Value)), "")
		return
	}
	target.SetFloat(number)
}

func (d *decoder) duration(node ast.Node, target reflect.Value, path string) {
	const hint = `write a number with its unit, for example "5s", "250ms" or "1h30m"`
	if node.Type() == ast.IntegerType && node.GetToken().Value == "0" {
		target.SetInt(0)
		return
	}
	text, ok := textOf(node)
	if !ok {
		d.problem(node, fmt.Sprintf("%s must be a duration, found %s", subject(path), kindOf(node)), hint)
		return
	}
	duration, err := time.ParseDuration(text)
	if err != nil {
		d.problem(node, fmt.Sprintf("%s must be a duration, found %q", subject(path), shorten(text)), hint)
		return
	}
	target.SetInt(int64(duration))
}

// unmarshalText hands the text of any scalar, as it is written, to the target's own reading.
func (d *decoder) unmarshalText(node ast.Node, target reflect.Value, path string) {
	text, ok := textOf(node)
	if !ok {
		if _, scalar := node.(ast.ScalarNode); !scalar {
			d.mismatch(node, path, "text")
			return
		}
		text = node.GetToken().Value
	}
	err := target.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
	if err == nil {
		return
	}
	hint := ""
	if hinter, ok := err.(interface{ Hint() string }); ok {
		hint = hinter.Hint()
	}
	d.problem(node, subject(path)+": "+err.Error(), hint)
}

// mismatch reports a value of the wrong kind. It names the kind that was found and never the value,
// because a password that looks like a number is still a password.
func (d *decoder) mismatch(node ast.Node, path, expected string) {
	hint := ""
	switch _, isText := textOf(node); {
	case expected == "text" && node.Type() != ast.MappingType && node.Type() != ast.SequenceType && node.Type() != ast.MappingValueType:
		hint = "put it in quotes"
	case expected == "a list" && (isText || node.Type() == ast.IntegerType):
		hint = `write each entry on a line of its own, after "- "`
	case expected == "true or false" && isText:
		hint = "without quotes"
	}
	d.problem(node, fmt.Sprintf("%s must be %s, found %s", subject(path), expected, kindOf(node)), hint)
}

func textOf(node ast.Node) (string, bool) {
	switch text := node.(type) {
	case *ast.StringNode:
		return text.Value, true
	case *ast.LiteralNode:
		return text.Value.Value, true
	}
	return "", false
}

func kindOf(node ast.Node) string {
	switch node.Type() {
	case ast.StringType, ast.LiteralType:
		return "text"
	case ast.IntegerType, ast.FloatType, ast.InfinityType, ast.NanType:
		return "a number"
	case ast.BoolType:
		return "true or false"
	case ast.NullType:
		return "nothing"
	case ast.SequenceType:
		return "a list"
	case ast.MappingType, ast.MappingValueType:
		return "a mapping"
	}
	return "something else"
}

// start returns the token where a node begins for a reader: a mapping begins at its first key, not
// at that key's colon.
func start(node ast.Node) *token.Token {
	switch n := node.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	case *ast.SequenceNode:
		return n.Start
	case nil:
		return nil
	}
	return node.GetToken()
}
