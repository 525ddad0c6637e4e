package rules

import (
	"math"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// key is one simple condition that can be answered for a flow without CEL: a fact has a value.
type key struct {
	dimension dimension
	text      string // the value; of a list, its name
	number    int64
}

// dimension is a fact that keys are about: the attribute with that slot has the key's value, or one
// of the facts below.
type dimension int

const (
	domainDimension   dimension = -1 - iota // the host is the domain, or below it
	claimDimension                          // a source names the country
	categoryDimension                       // the category was found
	detectorDimension                       // the detector found something
	firstList         dimension = -1000     // firstList-slot: the attribute with that slot is in the list
)

// clause is a set of keys of which one must hold, or be undetermined, for a condition not to be false.
type clause []key

// Limits of what is made of one condition. Beyond them a clause is left out, which costs speed alone.
const (
	maxClauses = 8
	maxKeys    = 1024 // of one clause
)

// necessary returns clauses such that whenever one of them fails, the condition evaluates to false:
// not to an error, and not to unknown. That holds for the operands of && whatever the others come to,
// and for || when it holds for both sides; what stands in ?:, ! or a loop is left alone.
func necessary(e ast.Expr) []clause {
	switch e.Kind() {
	case ast.LiteralKind:
		if e.AsLiteral() == types.False {
			return []clause{{}}
		}
		return nil
	case ast.CallKind:
	default:
		return nil
	}
	call := e.AsCall()
	arguments := call.Args()
	switch call.FunctionName() {
	case operators.LogicalAnd:
		all := append(necessary(arguments[0]), necessary(arguments[1])...)
		return all[:min(len(all), maxClauses)]
	case operators.LogicalOr:
		return either(necessary(arguments[0]), necessary(arguments[1]))
	}
	c, ok := simple(call)
	if !ok || len(c) > maxKeys {
		return nil
	}
	return []clause{c}
}

// either returns the clauses of a || b: one of a's must hold, or one of b's.
func either(a, b []clause) []clause {
	var all []clause
	for _, x := range a {
		for _, y := range b {
			if len(all) < maxClauses && len(x)+len(y) <= maxKeys {
				all = append(all, append(append(clause{}, x...), y...))
			}
		}
	}
	return all
}

// simple returns the clause of a comparison or function call, if it has one.
func simple(call ast.CallExpr) (clause, bool) {
	arguments := call.Args()
	if call.IsMemberFunction() {
		if len(arguments) != 1 || call.Target().Kind() != ast.IdentKind {
			return nil, false
		}
		return member(call.Target().AsIdent()+"."+call.FunctionName(), arguments[0])
	}
	if len(arguments) != 2 {
		return nil, false
	}
	left, right := arguments[0], arguments[1]
	switch call.FunctionName() {
	case operators.Equals, operators.Greater, operators.GreaterEquals:
		return comparisonClause(call.FunctionName(), left, right)
	case operators.Less:
		return comparisonClause(operators.Greater, right, left)
	case operators.LessEquals:
		return comparisonClause(operators.GreaterEquals, right, left)
	case operators.In:
		return membershipClause(left, right)
	case "inList":
		if a := attributeOf(left); a != nil && a.text != nil {
			if name, ok := textConstant(right); ok {
				return clause{{dimension: firstList - dimension(a.slot), text: name}}, true
			}
		}
	}
	return nil, false
}

// member returns the clause of a group's function.
func member(function string, argument ast.Expr) (clause, bool) {
	switch function {
	case "destination.under":
		if text, ok := textConstant(argument); ok {
			if domain, ok := domainOf(text); ok {
				return clause{{dimension: domainDimension, text: domain}}, true
			}
		}
	case "data.has":
		if category, ok := textConstant(argument); ok {
			return clause{{dimension: categoryDimension, text: category}}, true
		}
	case "destination.anyCountry":
		return listed(claimDimension, argument)
	case "destination.onlyCountries":
		return listed(countryDimension(), argument)
	case "destination." + withinFunction:
		return memberOf(countryDimension(), argument)
	case "source." + withinFunction, "transfer." + leavesFunction:
		return memberOf(originDimension(), argument)
	}
	return nil, false
}

// memberOf returns the clause of "the fact is a country that ever is in this group". Groups of the policy
// directory can be others when the same condition is used again, and have none.
func memberOf(d dimension, argument ast.Expr) (clause, bool) {
	name, ok := textConstant(argument)
	group := jurisdiction.FindGroup(name)
	if !ok || group == nil {
		return nil, false
	}
	c := clause{}
	for _, country := range group.Ever() {
		c = append(c, key{dimension: d, text: country})
	}
	return c, true
}

// countryDimension is that of destination.country.
func countryDimension() dimension {
	return dimension(attributeNamed(destinationGroup, "country").slot)
}

// originDimension is that of source.country.
func originDimension() dimension {
	return dimension(attributeNamed(sourceGroup, "country").slot)
}

// listed returns the clause of "the fact is one of these texts".
func listed(d dimension, list ast.Expr) (clause, bool) {
	if list.Kind() != ast.ListKind {
		return nil, false
	}
	c := clause{}
	for _, element := range list.AsList().Elements() {
		text, ok := textConstant(element)
		if !ok {
			return nil, false
		}
		c = append(c, key{dimension: d, text: text})
	}
	return c, true
}

// membershipClause returns the clause of left in right.
func membershipClause(left, right ast.Expr) (clause, bool) {
	if a := attributeOf(right); a != nil && a == attributeNamed(dataGroup, "categories") {
		category, ok := textConstant(left)
		return clause{{dimension: categoryDimension, text: category}}, ok
	}
	a := attributeOf(left)
	if a == nil || right.Kind() != ast.ListKind {
		return nil, false
	}
	c := clause{}
	for _, element := range right.AsList().Elements() {
		k, ok := valueKey(a, element)
		if !ok {
			return nil, false
		}
		c = append(c, k)
	}
	return c, true
}

// comparisonClause returns the clause of left == right, left > right or left >= right.
func comparisonClause(operator string, left, right ast.Expr) (clause, bool) {
	if operator == operators.Equals {
		for _, sides := range [...][2]ast.Expr{{left, right}, {right, left}} {
			if a := attributeOf(sides[0]); a != nil {
				k, ok := valueKey(a, sides[1])
				return clause{k}, ok
			}
		}
		if left.Kind() == ast.LiteralKind {
			left, right = right, left
		}
	}
	// A count that exceeds what it is when nothing was found means that something was.
	found, ok := countKey(left)
	if !ok || right.Kind() != ast.LiteralKind {
		return nil, false
	}
	least, ok := right.AsLiteral().(types.Int)
	if operator == operators.Greater && least < math.MaxInt64 {
		least++
	}
	return clause{found}, ok && least >= 1
}

// countKey returns the key that holds when data.count(…) or data.found(…) is above zero.
func countKey(e ast.Expr) (key, bool) {
	if e.Kind() != ast.CallKind {
		return key{}, false
	}
	call := e.AsCall()
	if !call.IsMemberFunction() || call.Target().Kind() != ast.IdentKind || call.Target().AsIdent() != groupNames[dataGroup] || len(call.Args()) != 1 {
		return key{}, false
	}
	name, ok := textConstant(call.Args()[0])
	switch call.FunctionName() {
	case "count":
		return key{dimension: categoryDimension, text: name}, ok
	case "found":
		return key{dimension: detectorDimension, text: name}, ok
	}
	return key{}, false
}

// valueKey returns the key of attribute == constant.
func valueKey(a *attribute, constant ast.Expr) (key, bool) {
	if constant.Kind() != ast.LiteralKind {
		return key{}, false
	}
	switch v := constant.AsLiteral().(type) {
	case types.String:
		return key{dimension: dimension(a.slot), text: string(v)}, a.text != nil
	case types.Int:
		return key{dimension: dimension(a.slot), number: int64(v)}, a.number != nil
	}
	return key{}, false
}

// attributeOf returns the attribute that e reads, nil if it is something else.
func attributeOf(e ast.Expr) *attribute {
	if e.Kind() != ast.SelectKind || e.AsSelect().IsTestOnly() || e.AsSelect().Operand().Kind() != ast.IdentKind {
		return nil
	}
	for group, name := range groupNames {
		if e.AsSelect().Operand().AsIdent() == name {
			return attributeNamed(group, e.AsSelect().FieldName())
		}
	}
	return nil
}

func attributeNamed(group int, name string) *attribute {
	for i := range attributes {
		if attributes[i].group == group && attributes[i].name == name {
			return &attributes[i]
		}
	}
	return nil
}

func textConstant(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	text, ok := e.AsLiteral().(types.String)
	return string(text), ok
}
