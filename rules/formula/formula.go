// Package formula reads a rule's condition as logic: a formula over statements about facts, such as
// "destination.country is one of DE, FR" or "data.count("health") is at least 1".
//
// Satisfy looks for a flow that makes formulas true. It opens the formula branch by branch (an
// analytic tableau) and keeps, for each fact, what the branch demands of it; a branch whose demands
// contradict each other is closed. Demands on countries, numbers and finite sets of texts are decided
// exactly. What it does not understand, it treats as a statement that may be true or false whatever
// else holds: so the answer No is a proof, and Maybe is said instead of Yes where a statement of that
// kind had a part in it.
//
//	tree, err := rules.Tree(`destination.country == "DE" && destination.country != "DE"`)
//	_, answer := formula.Satisfy(formula.Of(tree)) // formula.No
//
// It leaves types and names to package rules: it is only given conditions that compile.
package formula

import (
	"strings"

	"github.com/google/cel-go/common/ast"
)

// Op is the kind of a Node.
type Op uint8

const (
	Constant  Op = iota // Value
	Statement           // Atom, or its opposite if Negated
	All                 // every one of Parts; true if there is none
	Any                 // at least one of Parts; false if there is none
)

// Node is a formula. Negations stand at atoms only.
type Node struct {
	Op      Op
	Value   bool
	Atom    *Atom
	Negated bool
	Parts   []*Node
}

// Test is what an Atom says of its fact.
type Test uint8

const (
	Opaque        Test = iota // something that is not analysed; Fact identifies it
	IsTrue                    // the fact, a truth value
	OneOf                     // the text is one of Texts
	Prefix                    // the text begins with Texts[0]
	Suffix                    // the text ends with Texts[0]
	Contains                  // the text contains Texts[0]
	Matches                   // the text matches the regular expression Texts[0]
	Under                     // the host is the domain Texts[0] or below it
	Within                    // the number lies in Range
	AnyCountry                // the resolved country or some claim's is one of Texts
	OnlyCountries             // a country is resolved, and it and every claim's is one of Texts
)

// Atom is one statement about one fact.
type Atom struct {
	Fact  string // e.g. "destination.country", `data.count("health")`, `request.header("x-label")`
	Test  Test
	Texts []string
	Range Range
	Place Place
	Reads []string // the facts that an opaque atom depends on
	Expr  ast.Expr // what it was read from
}

// Place is a position in the text of a condition, in lines and characters from 1.
type Place struct{ Line, Column int }

// True is the formula that holds of every flow.
var True = &Node{Op: Constant, Value: true}

// Not returns the opposite of n.
func Not(n *Node) *Node {
	switch n.Op {
	case Constant:
		return &Node{Op: Constant, Value: !n.Value}
	case Statement:
		return &Node{Op: Statement, Atom: n.Atom, Negated: !n.Negated}
	}
	opposite := &Node{Op: All + Any - n.Op}
	for _, part := range n.Parts {
		opposite.Parts = append(opposite.Parts, Not(part))
	}
	return opposite
}

// Atoms calls visit for every atom of n.
func (n *Node) Atoms(visit func(a *Atom, negated bool)) {
	if n.Op == Statement {
		visit(n.Atom, n.Negated)
	}
	for _, part := range n.Parts {
		part.Atoms(visit)
	}
}

// Facts returns the names of the facts that n reads, each once, in order of appearance.
func (n *Node) Facts() []string {
	var facts []string
	seen := map[string]bool{}
	add := func(fact string) {
		if !seen[fact] {
			seen[fact] = true
			facts = append(facts, fact)
		}
	}
	n.Atoms(func(a *Atom, _ bool) {
		if a.Test != Opaque {
			add(a.Fact)
		}
		for _, fact := range a.Reads {
			add(fact)
		}
	})
	return facts
}

// Reads reports whether n reads a fact of the group, e.g. "data".
func (n *Node) Reads(group string) bool {
	for _, fact := range n.Facts() {
		if GroupOf(fact) == group {
			return true
		}
	}
	return false
}

// GroupOf returns the group of a fact, e.g. "data" of `data.count("health")`. Labels that the application
// declares, data.labels, are known with the headers and so count as facts of the request.
func GroupOf(fact string) string {
	group, _, _ := strings.Cut(strings.TrimPrefix(fact, "size("), ".")
	return group
}

// Replace returns n with every statement for which value says what it is replaced by a constant, with
// constants carried as far as they go.
func (n *Node) Replace(value func(a *Atom, negated bool) (truth, known bool)) *Node {
	switch n.Op {
	case Constant:
		return n
	case Statement:
		if truth, known := value(n.Atom, n.Negated); known {
			return &Node{Op: Constant, Value: truth}
		}
		return n
	}
	out := &Node{Op: n.Op}
	for _, part := range n.Parts {
		switch part = part.Replace(value); {
		case part.Op == Constant && part.Value == (n.Op == Any):
			return part
		case part.Op != Constant:
			out.Parts = append(out.Parts, part)
		}
	}
	if len(out.Parts) == 0 {
		return &Node{Op: Constant, Value: n.Op == All}
	}
	return out
}
