package formula

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/debug"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// Of returns the formula of a checked condition.
func Of(tree *ast.AST) *Node {
	t := &translator{tree: tree, bound: map[string]ast.Expr{}}
	return t.node(tree.Expr(), false)
}

// translator carries one syntax tree over.
type translator struct {
	tree  *ast.AST
	bound map[string]ast.Expr // loop variables over lists of literals
}

func (t *translator) node(e ast.Expr, negated bool) *Node {
	switch e.Kind() {
	case ast.LiteralKind:
		if truth, ok := e.AsLiteral().(types.Bool); ok {
			return &Node{Op: Constant, Value: bool(truth) != negated}
		}
	case ast.SelectKind:
		if name, ok := t.fact(e); ok && t.tree.GetType(e.ID()) == types.BoolType {
			return t.statement(e, &Atom{Fact: name, Test: IsTrue}, negated)
		}
	case ast.CallKind:
		return t.call(e, negated)
	case ast.ComprehensionKind:
		return t.loop(e, negated)
	}
	return t.opaque(e, negated)
}

func (t *translator) statement(e ast.Expr, a *Atom, negated bool) *Node {
	a.Place, a.Expr = t.place(e), e
	return &Node{Op: Statement, Atom: a, Negated: negated}
}

func (t *translator) place(e ast.Expr) Place {
	at := t.tree.SourceInfo().GetStartLocation(leftmost(e).ID())
	return Place{max(at.Line(), 1), max(at.Column()+1, 1)}
}

// leftmost returns the part of e that stands first: CEL places a call at its operator or parenthesis.
func leftmost(e ast.Expr) ast.Expr {
	for {
		switch e.Kind() {
		case ast.CallKind:
			call := e.AsCall()
			switch {
			case call.IsMemberFunction():
				e = call.Target()
				continue
			case strings.HasPrefix(call.FunctionName(), "_") && len(call.Args()) > 0, call.FunctionName() == operators.In:
				e = call.Args()[0]
				continue
			}
		case ast.SelectKind:
			e = e.AsSelect().Operand()
			continue
		case ast.ComprehensionKind:
			e = e.AsComprehension().IterRange()
			continue
		}
		return e
	}
}

func (t *translator) opaque(e ast.Expr, negated bool) *Node {
	var key strings.Builder
	key.WriteString(debug.ToDebugString(e))
	for name, value := range t.bound {
		if mentions(e, name) {
			key.WriteString(" where " + name + " is " + debug.ToDebugString(value))
		}
	}
	return t.statement(e, &Atom{Fact: key.String(), Reads: t.reads(e)}, negated)
}

func mentions(e ast.Expr, name string) bool {
	found := false
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(part ast.Expr) {
		found = found || part.Kind() == ast.IdentKind && part.AsIdent() == name
	}))
	return found
}

// reads lists the facts below e.
func (t *translator) reads(e ast.Expr) []string {
	var facts []string
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(part ast.Expr) {
		if name, ok := t.fact(part); ok {
			facts = append(facts, name)
		} else if part.Kind() == ast.SelectKind && part.AsSelect().Operand().Kind() == ast.IdentKind {
			facts = append(facts, madeOf[part.AsSelect().Operand().AsIdent()+"."+part.AsSelect().FieldName()]...)
		}
	}))
	return facts
}

// call translates operators and functions.
func (t *translator) call(e ast.Expr, negated bool) *Node {
	call := e.AsCall()
	args := call.Args()
	switch name := call.FunctionName(); name {
	case operators.LogicalNot:
		return t.node(args[0], !negated)
	case operators.LogicalAnd, operators.LogicalOr:
		op := All
		if (name == operators.LogicalOr) != negated {
			op = Any
		}
		return &Node{Op: op, Parts: []*Node{t.node(args[0], negated), t.node(args[1], negated)}}
	case operators.Conditional:
		return &Node{Op: Any, Parts: []*Node{
			{Op: All, Parts: []*Node{t.node(args[0], false), t.node(args[1], negated)}},
			{Op: All, Parts: []*Node{t.node(args[0], true), t.node(args[2], negated)}},
		}}
	case operators.In:
		return t.in(e, args[0], args[1], negated)
	case operators.Equals, operators.NotEquals:
		return t.equal(e, args[0], args[1], negated != (name == operators.NotEquals))
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return t.compare(e, name, args[0], args[1], negated)
	}
	if call.IsMemberFunction() && len(args) == 1 {
		return t.member(e, call.FunctionName(), call.Target(), args[0], negated)
	}
	return t.opaque(e, negated)
}

func (t *translator) in(e, element, list ast.Expr, negated bool) *Node {
	if name, ok := t.fact(element); ok && t.tree.GetType(element.ID()) == types.StringType {
		if texts, ok := t.texts(list); ok {
			return t.statement(e, &Atom{Fact: name, Test: OneOf, Texts: texts}, negated)
		}
	}
	if name, ok := t.fact(list); ok && name == declaredLabels {
		if text, ok := t.text(element); ok {
			return t.statement(e, &Atom{Fact: "request.label(" + strconv.Quote(text) + ")", Test: IsTrue}, negated)
		}
	}
	if name, ok := t.fact(list); ok && name == "data.categories" {
		if text, ok := t.text(element); ok {
			return t.statement(e, &Atom{Fact: CountOf(text), Test: Within, Range: AtLeast(1)}, negated)
		}
	}
	if name, ok := t.fact(element); ok && list.Kind() == ast.ListKind && IsNumber(name) {
		any := &Node{Op: Any}
		for _, item := range list.AsList().Elements() {
			number, ok := t.number(item)
			if !ok {
				return t.opaque(e, negated)
			}
			any.Parts = append(any.Parts, t.statement(item, &Atom{Fact: name, Test: Within, Range: Exactly(number)}, false))
		}
		if negated {
			return Not(any)
		}
		return any
	}
	return t.opaque(e, negated)
}

func (t *translator) equal(e, left, right ast.Expr, negated bool) *Node {
	name, ok := t.fact(left)
	if !ok {
		if name, ok = t.fact(right); !ok {
			if t.tree.GetType(left.ID()) == types.BoolType && !mentionsLoop(left) && !mentionsLoop(right) {
				same := &Node{Op: Any, Parts: []*Node{
					{Op: All, Parts: []*Node{t.node(left, false), t.node(right, false)}},
					{Op: All, Parts: []*Node{t.node(left, true), t.node(right, true)}},
				}}
				if negated {
					return Not(same)
				}
				return same
			}
			return t.opaque(e, negated)
		}
		right = left
	}
	if text, ok := t.text(right); ok {
		return t.statement(e, &Atom{Fact: name, Test: OneOf, Texts: []string{text}}, negated)
	}
	if number, ok := t.number(right); ok && IsNumber(name) {
		return t.statement(e, &Atom{Fact: name, Test: Within, Range: Exactly(number)}, negated)
	}
	if right.Kind() == ast.LiteralKind {
		if truth, ok := right.AsLiteral().(types.Bool); ok {
			return t.statement(e, &Atom{Fact: name, Test: IsTrue}, negated == bool(truth))
		}
	}
	return t.opaque(e, negated)
}

func mentionsLoop(e ast.Expr) bool { return e.Kind() == ast.ComprehensionKind }

// mirrored is the operator with its sides swapped.
var mirrored = map[string]string{
	operators.Less: operators.Greater, operators.LessEquals: operators.GreaterEquals,
	operators.Greater: operators.Less, operators.GreaterEquals: operators.LessEquals,
}

func (t *translator) compare(e ast.Expr, operator string, left, right ast.Expr, negated bool) *Node {
	name, ok := t.fact(left)
	if !ok {
		name, ok = t.fact(right)
		operator, right = mirrored[operator], left
	}
	number, constant := t.number(right)
	if !ok || !constant || !IsNumber(name) {
		return t.opaque(e, negated)
	}
	r := Range{Low: math.Inf(-1), High: math.Inf(1)}
	switch operator {
	case operators.Less:
		r.High, r.HighOpen = number, true
	case operators.LessEquals:
		r.High = number
	case operators.Greater:
		r.Low, r.LowOpen = number, true
	case operators.GreaterEquals:
		r.Low = number
	}
	return t.statement(e, &Atom{Fact: name, Test: Within, Range: r}, negated)
}

// member translates functions that take one argument.
func (t *translator) member(e ast.Expr, function string, target, argument ast.Expr, negated bool) *Node {
	group := ""
	if target.Kind() == ast.IdentKind {
		group = target.AsIdent()
	}
	text, isText := t.text(argument)
	switch {
	case group == "data" && function == "has" && isText:
		return t.statement(e, &Atom{Fact: CountOf(text), Test: Within, Range: AtLeast(1)}, negated)
	case group == "destination" && function == "under" && isText && ascii(text):
		domain := strings.ToLower(strings.Trim(text, "."))
		return t.statement(e, &Atom{Fact: "destination.host", Test: Under, Texts: []string{domain}}, negated)
	case group == "destination" && (function == "anyCountry" || function == "onlyCountries"):
		texts, ok := t.texts(argument)
		if !ok {
			break
		}
		test := AnyCountry
		if function == "onlyCountries" {
			test = OnlyCountries
		}
		return t.statement(e, &Atom{Fact: "destination.country", Test: test, Texts: texts}, negated)
	case group == "destination" && function == "within" && isText:
		// Membership changes with time and lists with their files, so nothing is proved of it. The members
		// of today make better models.
		node := t.opaque(e, negated)
		if g := jurisdiction.FindGroup(text); g != nil {
			now := time.Now()
			node.Atom.Texts = slices.DeleteFunc(slices.Clone(allCountries()), func(code string) bool { return !g.Has(code, now) })
		}
		return node
	case group == "" && isText:
		name, ok := t.fact(target)
		test, known := map[string]Test{"startsWith": Prefix, "endsWith": Suffix, "contains": Contains, "matches": Matches}[function]
		if ok && known {
			return t.statement(e, &Atom{Fact: name, Test: test, Texts: []string{text}}, negated)
		}
	}
	return t.opaque(e, negated)
}

// loop unrolls exists and all over a list of literals; others stay opaque.
func (t *translator) loop(e ast.Expr, negated bool) *Node {
	l, ok := LoopOf(e)
	if !ok || l.Range.Kind() != ast.ListKind {
		return t.opaque(e, negated)
	}
	node := &Node{Op: Any}
	if l.All != negated {
		node.Op = All
	}
	before, shadowed := t.bound[l.Variable]
	for _, item := range l.Range.AsList().Elements() {
		if item.Kind() != ast.LiteralKind {
			return t.opaque(e, negated)
		}
		t.bound[l.Variable] = item
		node.Parts = append(node.Parts, t.node(l.Predicate, negated))
	}
	if delete(t.bound, l.Variable); shadowed {
		t.bound[l.Variable] = before
	}
	return node
}

// Loop is an exists or all over a list.
type Loop struct {
	All       bool // all, else exists
	Range     ast.Expr
	Variable  string
	Predicate ast.Expr
}

// LoopOf recognises the expansion of the macros all and exists.
func LoopOf(e ast.Expr) (Loop, bool) {
	if e.Kind() != ast.ComprehensionKind {
		return Loop{}, false
	}
	c := e.AsComprehension()
	initial := c.AccuInit()
	if initial.Kind() != ast.LiteralKind || c.LoopStep().Kind() != ast.CallKind || c.Result().Kind() != ast.IdentKind {
		return Loop{}, false
	}
	all, ok := initial.AsLiteral().(types.Bool)
	step := c.LoopStep().AsCall()
	expected := map[bool]string{true: operators.LogicalAnd, false: operators.LogicalOr}[bool(all)]
	if !ok || step.FunctionName() != expected {
		return Loop{}, false
	}
	return Loop{All: bool(all), Range: c.IterRange(), Variable: c.IterVar(), Predicate: step.Args()[1]}, true
}

// text returns the text that e is, if it is a literal or stands for one.
func (t *translator) text(e ast.Expr) (string, bool) {
	if e.Kind() == ast.IdentKind {
		if value, ok := t.bound[e.AsIdent()]; ok {
			e = value
		}
	}
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	text, ok := e.AsLiteral().(types.String)
	return string(text), ok
}

func (t *translator) texts(e ast.Expr) ([]string, bool) {
	if e.Kind() != ast.ListKind {
		return nil, false
	}
	texts := []string{}
	for _, item := range e.AsList().Elements() {
		text, ok := t.text(item)
		if !ok {
			return nil, false
		}
		texts = append(texts, text)
	}
	return texts, true
}

// exactInteger bounds the integers that a float64 holds exactly.
const exactInteger = 1 << 53

// number returns the number that e is; times are in seconds since 1970.
func (t *translator) number(e ast.Expr) (float64, bool) {
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == "timestamp" && len(e.AsCall().Args()) == 1 {
		text, _ := t.text(e.AsCall().Args()[0])
		at, err := time.Parse(time.RFC3339, text)
		return float64(at.Unix()), err == nil && at.Nanosecond() == 0
	}
	if e.Kind() != ast.LiteralKind {
		return 0, false
	}
	switch v := e.AsLiteral().(type) {
	case types.Int:
		return float64(v), v > -exactInteger && v < exactInteger
	case types.Double:
		return float64(v), !math.IsNaN(float64(v))
	}
	return 0, false
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return strings.Trim(text, ".") != ""
}
