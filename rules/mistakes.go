package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"

	"github.com/borderflow/borderflow/rules/document"
)

// explain turns an error of the CEL parser or checker into what a rule's author needs to know.
func explain(e *common.Error, tree *ast.AST) (message, hint string) {
	quoted := quotedNames(e.Message)
	switch {
	case strings.HasPrefix(e.Message, "undefined field") && len(quoted) > 0:
		return unknownField(quoted[0], selected(e, tree))
	case strings.HasPrefix(e.Message, "undeclared reference") && len(quoted) > 0:
		function, group := called(e, tree)
		return unknownName(quoted[0], function, group)
	case strings.HasPrefix(e.Message, "found no matching overload") && len(quoted) > 1:
		return wrongArguments(quoted[0], quoted[1])
	case strings.HasPrefix(e.Message, "Syntax error"):
		return syntax(e.Message)
	case e.Message == "invalid matches argument":
		return "this is not a valid regular expression", "its syntax is RE2's"
	}
	return strings.TrimSpace(e.Message), ""
}

func quotedNames(message string) []string {
	var names []string
	for i, part := range strings.Split(message, "'") {
		if i%2 == 1 {
			names = append(names, part)
		}
	}
	return names
}

// selected returns the field selection that e complains of, or nil.
func selected(e *common.Error, tree *ast.AST) ast.Expr {
	if tree == nil || !strings.HasPrefix(e.Message, "undefined field") {
		return nil
	}
	if at := find(tree, e.ExprID); at != nil && at.Kind() == ast.SelectKind {
		return at
	}
	return nil
}

// called reports whether e complains of a function, and of which group's, "" when of no group's.
func called(e *common.Error, tree *ast.AST) (function bool, group string) {
	if tree == nil {
		return false, ""
	}
	at := find(tree, e.ExprID)
	if at == nil || at.Kind() != ast.CallKind {
		return false, ""
	}
	call := at.AsCall()
	if call.IsMemberFunction() && call.Target().Kind() == ast.IdentKind {
		return true, call.Target().AsIdent()
	}
	return true, ""
}

func find(tree *ast.AST, id int64) ast.Expr {
	var found ast.Expr
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.ID() == id {
			found = e
		}
	}))
	return found
}

func unknownField(name string, at ast.Expr) (message, hint string) {
	if at != nil {
		operand := at.AsSelect().Operand()
		if operand.Kind() == ast.IdentKind && slices.Contains(groupNames[:], operand.AsIdent()) {
			owner := operand.AsIdent()
			return fmt.Sprintf("%s has no field %q", owner, name), nearestName(name, membersOf(owner))
		}
	}
	var names []string
	for _, f := range claimFields {
		names = append(names, f.name)
	}
	return fmt.Sprintf("a jurisdiction has no field %q", name), nearestName(name, names)
}

func unknownName(name string, function bool, group string) (message, hint string) {
	switch {
	case function && slices.Contains(groupNames[:], group):
		return fmt.Sprintf("%s has no function %q", group, name), nearestName(name, membersOf(group))
	case function:
		return fmt.Sprintf("unknown function %q", name), nearestName(name, knownFunctions())
	}
	return fmt.Sprintf("unknown name %q", name), nearestName(name, append(groupNames[:], nowName, "true", "false"))
}

// membersOf returns the fields and functions of a group.
func membersOf(group string) []string {
	var names []string
	for _, a := range attributes {
		if groupNames[a.group] == group {
			names = append(names, a.name)
		}
	}
	for _, fn := range functions {
		if groupNames[fn.group] == group {
			names = append(names, fn.name)
		}
	}
	return names
}

func knownFunctions() []string {
	env, err := environment()
	if err != nil {
		return nil
	}
	var names []string
	for name := range env.Functions() {
		if !strings.ContainsAny(name, "_@") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func nearestName(name string, candidates []string) string {
	if nearest, ok := document.Nearest(name, candidates); ok {
		return fmt.Sprintf("did you mean %q?", nearest)
	}
	if len(candidates) > 16 {
		return ""
	}
	return "known here: " + strings.Join(candidates, ", ")
}

// wrongArguments explains why an operator or function does not take what it is given. signature is
// CEL's, e.g. "(string, int)" or "Data.(int)".
func wrongArguments(name, signature string) (message, hint string) {
	if owner, given, member := strings.Cut(signature, ".("); member {
		for _, fn := range functions {
			if fn.name == name && groupTypes[fn.group].TypeName() == owner {
				return fmt.Sprintf("%s.%s takes %s, not %s", groupNames[fn.group], name, typeName(fn.argument), strings.TrimSuffix(given, ")")), "for example " + fn.example
			}
		}
		return fmt.Sprintf("%s has no function %s that takes (%s", owner, name, given), ""
	}
	if name == "has" {
		return "has(…) is not available", `every field has a value, "" if there is none; for categories write data.has("…")`
	}
	given := strings.Trim(signature, "()")
	if operator := strings.Trim(name, "_"); operator != name {
		left, right, binary := strings.Cut(given, ", ")
		if operator == "@in" {
			operator = "in"
		}
		if binary {
			return fmt.Sprintf("%s cannot be used between %s and %s", operator, left, right), ""
		}
		return fmt.Sprintf("%s cannot be used on %s", operator, given), ""
	}
	return fmt.Sprintf("%s does not take (%s)", name, given), ""
}

// syntax shortens the parser's message: what it would have accepted is a list of every token.
func syntax(message string) (short, hint string) {
	short, _, _ = strings.Cut(message, " expecting ")
	short = strings.Replace(short, "Syntax error: ", "syntax error: ", 1)
	if strings.Contains(short, "'='") || strings.Contains(short, "at: '= ") {
		return short, `equality is written ==`
	}
	return strings.Join(strings.Fields(short), " "), ""
}
