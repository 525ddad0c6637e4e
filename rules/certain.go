package rules

import (
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"

	"github.com/borderflow/borderflow/rules/flow"
)

// While a payload is read, its counts only rise: what was counted so far is a lower bound. A comparison
// of a count with a number can be certain long before the payload's end, so that it is planned to look
// at the bound first.

// bound is a comparison of a count of the payload with a number.
type bound struct {
	count    func(*scope) int64
	operator string // with the count on its left
	number   int64
}

// boundsByID are the comparisons of one expression.
type boundsByID map[int64]bound

// bounds returns the comparisons in e.
func bounds(e ast.Expr) boundsByID {
	found := boundsByID{}
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 2 {
			return
		}
		left, right, operator := e.AsCall().Args()[0], e.AsCall().Args()[1], e.AsCall().FunctionName()
		if operator == operators.In {
			category, ok := textConstant(left)
			if ok && isFact(right, "categories") {
				found[e.ID()] = bound{countOf("count", category), operators.GreaterEquals, 1}
			}
			return
		}
		if left.Kind() == ast.LiteralKind {
			left, right, operator = right, left, mirrored(operator)
		}
		if !comparesNumbers(operator) || right.Kind() != ast.LiteralKind {
			return
		}
		number, isNumber := right.AsLiteral().(types.Int)
		count := counted(left)
		if isNumber && count != nil {
			found[e.ID()] = bound{count, operator, int64(number)}
		}
	}))
	return found
}

func comparesNumbers(operator string) bool {
	switch operator {
	case operators.Greater, operators.GreaterEquals, operators.Less, operators.LessEquals, operators.Equals, operators.NotEquals:
		return true
	}
	return false
}

// counted returns how to read the count that e is, nil if it is none.
func counted(e ast.Expr) func(*scope) int64 {
	if isFact(e, "subjects") {
		return func(s *scope) int64 { return int64(s.flow.Data.Subjects) }
	}
	if e.Kind() != ast.CallKind || !isOfData(e.AsCall()) || len(e.AsCall().Args()) != 1 {
		return nil
	}
	if name, ok := textConstant(e.AsCall().Args()[0]); ok {
		return countOf(e.AsCall().FunctionName(), name)
	}
	return nil
}

// countOf reads data.count(name) or data.found(name).
func countOf(function, name string) func(*scope) int64 {
	argument := types.String(name)
	switch function {
	case "count":
		return func(s *scope) int64 { return int64(countCategory(s, argument).(types.Int)) }
	case "found":
		return func(s *scope) int64 { return int64(countFindings(s, argument).(types.Int)) }
	}
	return nil
}

func isFact(e ast.Expr, name string) bool {
	return e.Kind() == ast.SelectKind && e.AsSelect().FieldName() == name && isData(e.AsSelect().Operand())
}

func isOfData(call ast.CallExpr) bool { return call.IsMemberFunction() && isData(call.Target()) }

func isData(e ast.Expr) bool {
	return e.Kind() == ast.IdentKind && e.AsIdent() == groupNames[dataGroup]
}

// plan replaces the comparisons when a program is planned.
func (b boundsByID) plan(planned interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := planned.(interpreter.InterpretableCall)
	if !ok {
		return planned, nil
	}
	if found, ok := b[call.ID()]; ok {
		return &countComparison{InterpretableCall: call, exact: planned, bound: found}, nil
	}
	return planned, nil
}

// countComparison is a planned comparison of a count.
type countComparison struct {
	interpreter.InterpretableCall
	exact interpreter.InterpretableV2
	bound bound
}

// Exec is part of interpreter.InterpretableV2.
func (c *countComparison) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	found, _ := frame.ResolveName(scopeName)
	if s, ok := found.(*scope); ok && s.flow.Data.Open && wholeDataState(s.flow) == flow.Pending {
		if result, certain := c.bound.holds(c.bound.count(s)); certain {
			return types.Bool(result)
		}
	}
	return c.exact.Exec(frame)
}

// Eval is part of interpreter.Interpretable.
func (c *countComparison) Eval(activation interpreter.Activation) ref.Val {
	return c.Exec(interpreter.AsFrame(activation))
}

// holds says whether the comparison comes out the same for every count from least on, and how.
func (b bound) holds(least int64) (result, certain bool) {
	switch b.operator {
	case operators.Greater:
		return true, least > b.number
	case operators.GreaterEquals:
		return true, least >= b.number
	case operators.Less:
		return false, least >= b.number
	case operators.LessEquals:
		return false, least > b.number
	case operators.Equals:
		return false, least > b.number
	}
	return true, least > b.number // !=
}

// rises reports whether a category that is found later can make e true and never false: data.has stands
// in it only below && and ||.
func rises(e ast.Expr) bool {
	if e.Kind() == ast.CallKind {
		call := e.AsCall()
		switch name := call.FunctionName(); {
		case name == operators.LogicalAnd || name == operators.LogicalOr:
			return rises(call.Args()[0]) && rises(call.Args()[1])
		case name == "has" && isOfData(call):
			return true
		}
	}
	asks := false
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		asks = asks || e.Kind() == ast.CallKind && e.AsCall().FunctionName() == "has" && isOfData(e.AsCall())
	}))
	return !asks
}
