// Package query finds records by a condition in CEL, the language of the rules.
//
// Variables are the keys of a record as its line has them (SCHEMA.md of package evidence): verdict, policy,
// destination.country, bytes.sent, data.categories and so on. What a line leaves out has its zero value, ""
// or 0 or an empty list, so that no condition has to ask whether a key is there. Besides there are the
// functions data.has(category), data.count(category), data.found(detector) and destination.under(domain).
//
// Two ideas make it fast. What a condition requires literally (policy == "cards") is looked for in the
// bytes of many lines at once, before any line is read as JSON; and a line that is read is not decoded,
// but looked up key by key, as the condition asks. Segments are cut into pieces that all processors work
// on; matches come in the order of the records all the same.
//
// It leaves whether the records are genuine to evidence.Verify.
//
//	condition, err := query.Compile(`verdict == "block" && destination.country != "DE"`)
//	result, err := query.Run(ctx, directory, condition, query.Options{From: from}, func(line []byte) error { … })
package query

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/borderflow/borderflow/rules/document"
)

const (
	maxLength      = 32 << 10 // characters of a condition
	maxNestedLoops = 2
)

// Condition is a compiled condition. It may be used from any goroutine.
type Condition struct {
	program cel.Program
	filter  filter
}

// Compile reads a condition. Mistakes are document.Problems of the file "query", all of them at once, with
// line, column and the nearest valid name. "" is a condition that every record meets.
func Compile(text string) (*Condition, error) {
	if strings.TrimSpace(text) == "" {
		text = "true"
	}
	env, err := environment()
	if err != nil {
		return nil, err
	}
	parsed, issues := env.Parse(text)
	if issues.Err() != nil {
		return nil, problems(issues, nil)
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return nil, problems(issues, parsed.NativeRep())
	}
	if checked.OutputType() != cel.BoolType {
		return nil, document.Problems{{File: file, Line: 1, Column: 1, Message: fmt.Sprintf("the condition is %s, expected true or false (bool)", checked.OutputType())}}
	}
	program, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost))
	if err != nil {
		return nil, fmt.Errorf("compile the condition: %w", err)
	}
	return &Condition{program: program, filter: filterOf(checked.NativeRep().Expr())}, nil
}

// maxCost is what one record may cost, in steps of the evaluation: a condition that multiplies lists with
// each other would not end.
const maxCost = 1_000_000

// Matches reports whether a line meets the condition.
func (c *Condition) Matches(line []byte) (bool, error) {
	var r row
	if err := r.read(line); err != nil {
		return false, err
	}
	return c.matches(&r)
}

func (c *Condition) matches(r *row) (bool, error) {
	value, _, err := c.program.Eval(r)
	if err != nil {
		return false, err
	}
	answer, ok := value.(types.Bool)
	if !ok {
		return false, fmt.Errorf("the condition gave no answer: %v", value)
	}
	return bool(answer), nil
}

func environment() (*cel.Env, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, fmt.Errorf("prepare the language of conditions: %w", err)
	}
	options := []cel.EnvOption{
		cel.CustomTypeAdapter(registry),
		cel.CustomTypeProvider(newProvider(registry)),
		cel.Variable("now", cel.TimestampType),
		cel.DefaultUTCTimeZone(true),
		cel.HomogeneousAggregateLiterals(),
		cel.ParserExpressionSizeLimit(maxLength),
		cel.ClearMacros(),
		cel.Macros(cel.AllMacro, cel.ExistsMacro, cel.ExistsOneMacro, cel.MapMacro, cel.MapFilterMacro, cel.FilterMacro),
		cel.ASTValidators(cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateRegexLiterals(),
			cel.ValidateHomogeneousAggregateLiterals(), cel.ValidateComprehensionNestingLimit(maxNestedLoops)),
	}
	for _, f := range record.fields {
		options = append(options, cel.Variable(f.name, f.celType()))
	}
	env, err := cel.NewEnv(append(options, functions()...)...)
	if err != nil {
		return nil, fmt.Errorf("prepare the language of conditions: %w", err)
	}
	return env, nil
}

// file is what problems name as the place of the condition.
const file = "query"

// problems turns what the compiler says into what the author needs to know.
func problems(issues *cel.Issues, tree *ast.AST) document.Problems {
	var found document.Problems
	for _, e := range issues.Errors() {
		message, hint := explain(e.Message, selectedType(tree, e.ExprID))
		found = append(found, document.Problem{File: file, Line: e.Location.Line(), Column: e.Location.Column() + 1, Message: message, Hint: hint})
	}
	return found.Sort()
}

// explain says which name is unknown, and which was probably meant.
func explain(message string, owner *field) (string, string) {
	name := ""
	if parts := strings.Split(message, "'"); len(parts) > 1 {
		name = parts[1]
	}
	switch {
	case strings.HasPrefix(message, "undefined field") && owner != nil:
		return fmt.Sprintf("%s has no field %q", owner.path, name), nearest(name, owner.names())
	case strings.HasPrefix(message, "undefined field"):
		return fmt.Sprintf("there is no field %q", name), ""
	case strings.HasPrefix(message, "undeclared reference"):
		return fmt.Sprintf("unknown name %q", name), nearest(name, append(record.names(), "now", "has", "count", "found", "under"))
	case strings.HasPrefix(message, "Syntax error: "):
		return strings.TrimSpace(message), ""
	}
	return strings.TrimSpace(message), ""
}

func nearest(name string, candidates []string) string {
	if meant, ok := document.Nearest(name, candidates); ok {
		return fmt.Sprintf("did you mean %q?", meant)
	}
	return "there are " + strings.Join(candidates, ", ")
}

// selectedType returns the object whose field the expression of the given id selects, nil when it cannot
// be told.
func selectedType(tree *ast.AST, id int64) *field {
	if tree == nil {
		return nil
	}
	var owner *field
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.ID() == id && e.Kind() == ast.SelectKind {
			owner = fieldOf(e.AsSelect().Operand())
		}
	}))
	return owner
}

// fieldOf returns the field that a path like destination.country names, nil when e is something else.
func fieldOf(e ast.Expr) *field {
	switch e.Kind() {
	case ast.IdentKind:
		return record.child(e.AsIdent())
	case ast.SelectKind:
		if owner := fieldOf(e.AsSelect().Operand()); owner != nil && owner.kind == objectKind {
			return owner.child(e.AsSelect().FieldName())
		}
	}
	return nil
}

// ResolveName is part of interpreter.Activation.
func (r *row) ResolveName(name string) (any, bool) {
	if name == "now" {
		return types.Timestamp{Time: time.Now()}, true
	}
	f := record.child(name)
	if f == nil {
		return nil, false
	}
	return f.value(r.members[f.index]), true
}

// Parent is part of interpreter.Activation.
func (r *row) Parent() cel.Activation { return nil }

var _ ref.Val = (*object)(nil)
