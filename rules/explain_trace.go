package rules

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
	"github.com/google/cel-go/parser"
)

// trace is a condition taken apart: its logical operators as a tree, and everything below them as
// atoms, which are true, false or neither.
type trace struct {
	program cel.Program
	root    *node   // nil when the condition could not be taken apart
	atoms   []*node // each text once, in the order of reading

	values *tracedValues // of the flow that is being explained
}

// node is one sub-expression.
type node struct {
	id           int64
	operator     string // "&&", "||", "!", "?:"; "" for an atom, or a fact within one
	text         string
	line, column int
	operands     []*node // of an atom: the facts it reads, unless it is one itself
	atom         int     // index in trace.atoms; -1 unless it is an atom
	reads        []string
	model        *model // nil when the atom is no comparison of one fact with constants
}

// truthValue is the value of a sub-expression that is true or false, or why it is neither.
type truthValue uint8

const (
	isFalse truthValue = iota
	isTrue
	isFailed
	isUninspectable
	isPending
	notRecorded
)

func (t truthValue) outcome() outcome {
	return [...]outcome{isFalse: unmatched, isTrue: matched, isFailed: failed, isUninspectable: uninspectable, isPending: pending, notRecorded: pending}[t]
}

// tracingEnvironment is environment, with what it takes to write a sub-expression as text again.
var tracingEnvironment = sync.OnceValues(func() (*cel.Env, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	return env.Extend(cel.EnableMacroCallTracking())
})

// newTrace takes a condition apart. The condition compiled before, so that nothing is expected to go
// wrong; if it does, the trace is empty and says nothing.
func newTrace(c *condition) *trace {
	env, err := tracingEnvironment()
	if err != nil {
		return &trace{}
	}
	checked, issues := env.Compile(c.text)
	if issues.Err() != nil {
		return &trace{}
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptExhaustiveEval)}
	if c.metered {
		options = append(options, cel.CostLimit(costLimit))
	}
	program, err := env.Program(checked, options...)
	if err != nil {
		return &trace{}
	}
	b := traceBuilder{tree: checked.NativeRep(), atoms: map[string]int{}}
	t := &trace{program: program}
	t.root = b.build(b.tree.Expr())
	t.atoms = b.order
	return t
}

// traceBuilder makes nodes from a syntax tree.
type traceBuilder struct {
	tree  *ast.AST
	atoms map[string]int
	order []*node
}

var logical = map[string]string{
	operators.LogicalAnd: "&&", operators.LogicalOr: "||", operators.LogicalNot: "!", operators.Conditional: "?:",
}

func (b *traceBuilder) build(e ast.Expr) *node {
	n := b.node(e)
	if e.Kind() == ast.CallKind && logical[e.AsCall().FunctionName()] != "" {
		n.operator = logical[e.AsCall().FunctionName()]
		for _, argument := range b.flatten(e) {
			n.operands = append(n.operands, b.build(argument))
		}
		return n
	}
	at, known := b.atoms[n.text]
	if !known {
		at = len(b.order)
		b.atoms[n.text] = at
		b.order = append(b.order, n)
	}
	n.atom = at
	n.operands, n.reads = b.facts(e)
	n.model = modelOf(e)
	return n
}

// flatten returns the operands of a chain of the same operator: a && b && c has three.
func (b *traceBuilder) flatten(e ast.Expr) []ast.Expr {
	name := e.AsCall().FunctionName()
	if name != operators.LogicalAnd && name != operators.LogicalOr {
		return e.AsCall().Args()
	}
	var operands []ast.Expr
	for _, argument := range e.AsCall().Args() {
		if argument.Kind() == ast.CallKind && argument.AsCall().FunctionName() == name {
			operands = append(operands, b.flatten(argument)...)
		} else {
			operands = append(operands, argument)
		}
	}
	return operands
}

func (b *traceBuilder) node(e ast.Expr) *node {
	text, err := parser.Unparse(e, b.tree.SourceInfo())
	if err != nil {
		text = "…"
	}
	n := &node{id: e.ID(), text: text, atom: -1}
	info := b.tree.SourceInfo()
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(part ast.Expr) {
		at := info.GetStartLocation(part.ID())
		line, column := at.Line(), at.Column()+1
		if line > 0 && (n.line == 0 || line < n.line || line == n.line && column < n.column) {
			n.line, n.column = line, column
		}
	}))
	return n
}

// facts returns what an atom reads of a flow, with the names that Reference gives it. The nodes leave
// out the atom itself.
func (b *traceBuilder) facts(atom ast.Expr) (nodes []*node, reads []string) {
	seen := map[string]bool{}
	ast.PostOrderVisit(atom, ast.NewExprVisitor(func(e ast.Expr) {
		name := factName(e)
		if name == "" {
			return
		}
		if !slices.Contains(reads, name) {
			reads = append(reads, name)
		}
		if n := b.node(e); e.ID() != atom.ID() && !seen[n.text] {
			seen[n.text] = true
			nodes = append(nodes, n)
		}
	}))
	return nodes, reads
}

// factName returns the name of the attribute or function that e reads, e.g. "destination.country" or
// "data.has"; "" when it reads none.
func factName(e ast.Expr) string {
	switch e.Kind() {
	case ast.SelectKind:
		if operand := e.AsSelect().Operand(); operand.Kind() == ast.IdentKind && slices.Contains(groupNames[:], operand.AsIdent()) {
			return operand.AsIdent() + "." + e.AsSelect().FieldName()
		}
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() && call.Target().Kind() == ast.IdentKind && slices.Contains(groupNames[:], call.Target().AsIdent()) {
			return call.Target().AsIdent() + "." + call.FunctionName()
		}
	case ast.IdentKind:
		if e.AsIdent() == nowName {
			return nowName
		}
	}
	return ""
}

// tracedValues are the values of a trace's sub-expressions for one flow.
type tracedValues struct {
	trace   *trace
	state   interpreter.EvalState
	missing map[string]bool
	whole   ref.Val
}

func (t *trace) evaluate(s *scope, missing map[string]bool) *tracedValues {
	v := &tracedValues{trace: t, missing: missing}
	if t.program == nil {
		return v
	}
	value, details, _ := t.program.Eval(s)
	v.whole = value
	if details != nil {
		v.state = details.State()
	}
	return v
}

func (v *tracedValues) value(n *node) ref.Val {
	if v.state != nil {
		if value, ok := v.state.Value(n.id); ok {
			return value
		}
	}
	if n == v.trace.root {
		return v.whole
	}
	return nil
}

// truth returns what a sub-expression comes to, as CEL combines its operands.
func (v *tracedValues) truth(n *node) truthValue {
	if n == nil {
		return isFailed
	}
	return combine(n, func(atom *node) truthValue {
		for _, name := range atom.reads {
			if v.missing[name] {
				return notRecorded
			}
		}
		return truthOf(v.value(atom))
	})
}

// combine evaluates the logical operators of n over its atoms: in && false wins, in || true, and
// otherwise what is not known over what failed.
func combine(n *node, of func(*node) truthValue) truthValue {
	switch n.operator {
	case "!":
		t := combine(n.operands[0], of)
		if t <= isTrue {
			t = isTrue - t
		}
		return t
	case "?:":
		switch t := combine(n.operands[0], of); t {
		case isTrue:
			return combine(n.operands[1], of)
		case isFalse:
			return combine(n.operands[2], of)
		default:
			return t
		}
	case "&&", "||":
		winner := isFalse
		if n.operator == "||" {
			winner = isTrue
		}
		result := isTrue - winner
		for _, operand := range n.operands {
			switch t := combine(operand, of); {
			case t == winner:
				return winner
			case t > isTrue && (result <= isTrue || t > result):
				result = t
			}
		}
		return result
	}
	return of(n)
}

func truthOf(value ref.Val) truthValue {
	switch v := value.(type) {
	case types.Bool:
		if v {
			return isTrue
		}
		return isFalse
	case *types.Unknown:
		if includes(v, waitsForRequest) || includes(v, waitsForData) || includes(v, waitsForConnection) {
			return isPending
		}
		return isUninspectable
	}
	return isFailed
}

// expression renders n with its values.
func (v *tracedValues) expression(n *node, skipped bool) Expression {
	if n == nil {
		return Expression{Line: 1, Column: 1, Value: "not traced"}
	}
	e := Expression{Text: n.text, Line: max(n.line, 1), Column: max(n.column, 1), Value: v.rendered(n), Kind: n.kind(), Operator: n.operator, Skipped: skipped}
	for i, operand := range n.operands {
		e.Operands = append(e.Operands, v.expression(operand, skipped || v.settledBefore(n, i)))
	}
	return e
}

func (n *node) kind() Kind {
	switch {
	case n.operator != "":
		return KindOperator
	case n.atom < 0:
		return KindFact
	case len(n.reads) == 0:
		return KindConstant
	}
	return KindAtom
}

// settledBefore reports whether the operands before the i-th give n's value already.
func (v *tracedValues) settledBefore(n *node, i int) bool {
	switch n.operator {
	case "&&", "||":
		winner := isFalse
		if n.operator == "||" {
			winner = isTrue
		}
		return slices.ContainsFunc(n.operands[:i], func(operand *node) bool { return v.truth(operand) == winner })
	case "?:":
		condition := v.truth(n.operands[0])
		return i == 1 && condition != isTrue || i == 2 && condition != isFalse
	}
	return false
}

func (v *tracedValues) rendered(n *node) string {
	if n.operator != "" || n.atom >= 0 {
		switch v.truth(n) {
		case isTrue:
			return "true"
		case isFalse:
			return "false"
		case notRecorded:
			return "not in the record"
		}
	}
	for name := range v.missing {
		if n.text == name || strings.HasPrefix(n.text, name+"(") {
			return "not in the record"
		}
	}
	return render(v.value(n))
}

// longestShown bounds how much of a text an explanation shows.
const longestShown = 80

// render writes a value for people.
func render(value ref.Val) string {
	switch v := value.(type) {
	case nil:
		return "not evaluated"
	case types.String:
		text := []rune(string(v))
		if len(text) > longestShown {
			return strconv.Quote(string(text[:longestShown])) + "…"
		}
		return strconv.Quote(string(v))
	case types.Bool, types.Int, types.Uint, types.Double:
		return fmt.Sprint(v.Value())
	case types.Timestamp:
		return v.Time.UTC().Format(time.RFC3339)
	case *types.Unknown:
		return renderUnknown(v)
	case *types.Err:
		return "error: " + reason(v)
	case *claim:
		return first(v.Country, "no country") + " by " + v.Source
	case traits.Lister:
		return renderList(v)
	}
	if err, ok := value.Value().(error); ok {
		return "error: " + reason(errors.Unwrap(err))
	}
	return "a " + value.Type().TypeName()
}

func renderUnknown(v *types.Unknown) string {
	switch {
	case includes(v, waitsForData):
		return "the payload has not been read"
	case includes(v, waitsForRequest):
		return "the request has not been read"
	case includes(v, waitsForConnection):
		return "not established yet"
	case includes(v, lacksData):
		return "the payload cannot be read"
	}
	return "the request cannot be read"
}

func renderList(list traits.Lister) string {
	const most = 16
	size, _ := list.Size().(types.Int)
	var parts []string
	for i := range min(size, most) {
		parts = append(parts, render(list.Get(i)))
	}
	if size > most {
		parts = append(parts, "…")
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
