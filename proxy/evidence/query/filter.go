package query

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// filter is what the bytes of a line must hold for the condition to be met. It may let through what does
// not meet it, and never keeps out what does. The zero value lets everything through.
type filter struct {
	all []need
}

// need is met by a line that holds one of several texts.
type need [][]byte

// filterOf derives the filter from a condition.
func filterOf(e ast.Expr) filter {
	if e.Kind() != ast.CallKind {
		return filter{}
	}
	call := e.AsCall()
	switch args := call.Args(); call.FunctionName() {
	case operators.LogicalAnd:
		// Each of the two is necessary by itself. That one of them is an error does not save a line: false
		// and an error are false in CEL, and an error with true is no match.
		return filter{append(filterOf(args[0]).all, filterOf(args[1]).all...)}
	case operators.LogicalOr:
		return either(filterOf(args[0]), filterOf(args[1]))
	case operators.Equals:
		if n := equality(args[0], args[1]); n != nil {
			return filter{[]need{n}}
		}
		if n := equality(args[1], args[0]); n != nil {
			return filter{[]need{n}}
		}
	case operators.In:
		return oneOf(args[0], args[1])
	case "has":
		if call.IsMemberFunction() && len(args) == 1 {
			if name, ok := plainText(args[0]); ok {
				return filter{[]need{{[]byte(`"` + name + `":{`)}}}
			}
		}
	}
	return filter{}
}

// either is met when one of two filters may be. Of each, its longest need stands for it.
func either(a, b filter) filter {
	if len(a.all) == 0 || len(b.all) == 0 {
		return filter{}
	}
	return filter{[]need{append(append(need{}, a.rarest()...), b.rarest()...)}}
}

// rarest returns the need that is likely met by the fewest lines: one of the longest texts.
func (f filter) rarest() need {
	var best need
	for _, n := range f.all {
		if best == nil || n.shortest() > best.shortest() {
			best = n
		}
	}
	return best
}

func (n need) shortest() int {
	shortest := 1 << 20
	for _, text := range n {
		shortest = min(shortest, len(text))
	}
	return shortest
}

func oneOf(value, list ast.Expr) filter {
	if list.Kind() != ast.ListKind {
		return filter{}
	}
	var n need
	for _, element := range list.AsList().Elements() {
		one := equality(value, element)
		if one == nil {
			return filter{}
		}
		n = append(n, one...)
	}
	if n == nil {
		return filter{}
	}
	return filter{[]need{n}}
}

// equality returns what a line holds in which a path is equal to a literal. Zero values have none: lines
// leave them out.
func equality(path, literal ast.Expr) need {
	f := fieldOf(path)
	if f == nil || literal.Kind() != ast.LiteralKind {
		return nil
	}
	key := `"` + f.name + `":`
	switch value := literal.AsLiteral().(type) {
	case types.String:
		if text, ok := plainText(literal); ok && f.kind == textKind {
			return need{[]byte(key + `"` + text + `"`)}
		}
	case types.Int:
		if f.kind == intKind && value != 0 {
			return need{[]byte(key + strconv.FormatInt(int64(value), 10))}
		}
	case types.Bool:
		if f.kind == boolKind && bool(value) {
			return need{[]byte(key + "true")}
		}
	}
	return nil
}

// plainText returns a literal that JSON can spell in one way only.
func plainText(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	text, ok := e.AsLiteral().(types.String)
	if !ok || text == "" || strings.ContainsFunc(string(text), func(r rune) bool {
		return r < ' ' || r > '~' || r == '"' || r == '\\' || r == '<' || r == '>' || r == '&' || r == '/'
	}) {
		return "", false
	}
	return string(text), true
}

// passes reports whether a line may meet the condition.
func (f filter) passes(line []byte) bool {
	for _, n := range f.all {
		if !n.in(line) {
			return false
		}
	}
	return true
}

func (n need) in(text []byte) bool {
	for _, wanted := range n {
		if bytes.Contains(text, wanted) {
			return true
		}
	}
	return false
}

// anchor returns a text that every match holds, nil when there is none: whole stretches of lines without
// it are passed over.
func (f filter) anchor() []byte {
	var best []byte
	for _, n := range f.all {
		if len(n) == 1 && len(n[0]) > len(best) {
			best = n[0]
		}
	}
	return best
}
