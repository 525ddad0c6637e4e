package formula

import (
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// Literal is a text or number that a condition holds against a fact.
type Literal struct {
	Fact  string // "destination.jurisdictions[].country" for a field of a claim
	How   string // "equal", or the function that takes it, e.g. "under", "startsWith", "has"
	Text  string
	Place Place // of its first character or opening quote
}

// Literals lists the texts that a condition compares facts with or asks about, wherever they stand in
// it, also in parts that Of leaves opaque.
func Literals(tree *ast.AST) []Literal {
	c := &literals{translator: translator{tree: tree, bound: map[string]ast.Expr{}}, lists: map[string]ast.Expr{}}
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(c.loop))
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(c.visit))
	return c.found
}

type literals struct {
	translator
	lists map[string]ast.Expr // loop variables, and the list of literals each runs over
	found []Literal
}

func (c *literals) loop(e ast.Expr) {
	if l, ok := LoopOf(e); ok && l.Range.Kind() == ast.ListKind {
		c.lists[l.Variable] = l.Range
	}
}

func (c *literals) visit(e ast.Expr) {
	if e.Kind() != ast.CallKind {
		return
	}
	call := e.AsCall()
	args := call.Args()
	switch name := call.FunctionName(); {
	case name == operators.Equals || name == operators.NotEquals:
		c.add(args[0], "equal", args[1])
		c.add(args[1], "equal", args[0])
	case name == operators.In:
		c.add(args[0], "equal", args[1])
		if fact, ok := c.fact(args[1]); ok && fact == "data.categories" {
			c.addTo("data", "has", args[0])
		}
	case call.IsMemberFunction() && len(args) == 1:
		if call.Target().Kind() == ast.IdentKind && groups[call.Target().AsIdent()] {
			c.addTo(call.Target().AsIdent(), name, args[0])
			return
		}
		c.add(call.Target(), name, args[0])
	}
}

// add notes every literal of value that is held against the fact that subject reads.
func (c *literals) add(subject ast.Expr, how string, value ast.Expr) {
	fact, ok := c.fact(subject)
	if subject.Kind() == ast.SelectKind && c.tree.GetType(subject.AsSelect().Operand().ID()).TypeName() == "Jurisdiction" {
		fact, ok = "destination.jurisdictions[]."+subject.AsSelect().FieldName(), true
	}
	if ok {
		c.addTo(fact, how, value)
	}
}

func (c *literals) addTo(fact, how string, value ast.Expr) {
	switch value.Kind() {
	case ast.LiteralKind:
		if text, ok := value.AsLiteral().(types.String); ok {
			c.found = append(c.found, Literal{Fact: fact, How: how, Text: string(text), Place: c.place(value)})
		}
	case ast.ListKind:
		for _, item := range value.AsList().Elements() {
			c.addTo(fact, how, item)
		}
	case ast.IdentKind:
		if list, ok := c.lists[value.AsIdent()]; ok {
			c.addTo(fact, how, list)
		}
	}
}
