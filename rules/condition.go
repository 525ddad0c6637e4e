package rules

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
)

// Costs are in CEL's units; a comparison is about one. A condition whose worst case is within
// unmeteredCost runs unmetered, which is two to six times faster; others stop with an error at
// costLimit, a few milliseconds.
const (
	unmeteredCost = 20_000
	costLimit     = 200_000
)

// condition is one compiled expression. It is immutable and safe for concurrent use, and reused by
// the next snapshot if its text stays the same.
type condition struct {
	text    string
	program cel.Program
	metered bool
	groups  [len(groupNames)]bool // which groups it reads
	uses    []listUse             // the lists, groups and networks that it names
	clauses []clause              // what must hold for it to be true
	rising  bool                  // a category that is found later can make it true, and never false
}

// outcome is what evaluating a condition says about a rule.
type outcome uint8

const (
	unmatched outcome = iota
	matched
	pending       // a fact it depends on may still be established
	pendingUnread // it comes out matched or uninspectable, depending on the rest of the payload
	uninspectable // it depends on the request or payload, which cannot be read
	failed        // evaluation error, or an attribute is unavailable
)

// needs says what a pending outcome waits for.
type needs struct{ request, data bool }

// evaluate runs the condition. The error is for a failed outcome alone.
func (c *condition) evaluate(s *scope) (outcome, needs, error) {
	var input any = s.frame
	if c.metered {
		input = s // the meter is part of a frame, so each run has one of its own
	}
	value, _, err := c.program.Eval(input)
	if err != nil {
		return failed, needs{}, err
	}
	switch v := value.(type) {
	case types.Bool:
		if v {
			return matched, needs{}, nil
		}
		return unmatched, needs{}, nil
	case *types.Unknown:
		n := needs{request: includes(v, waitsForRequest), data: includes(v, waitsForData)}
		if n.request || n.data || includes(v, waitsForConnection) {
			return pending, n, nil
		}
		if includes(v, awaitsFindingOnly) {
			if c.rising {
				return pendingUnread, needs{data: true}, nil
			}
			return pending, needs{data: true}, nil
		}
		return uninspectable, needs{}, nil
	}
	return failed, needs{}, errors.New("neither true nor false")
}

func includes(unknown *types.Unknown, fact int64) bool {
	_, ok := unknown.GetAttributeTrails(fact)
	return ok
}

// reason words an evaluation error for records and logs. CEL's own wording can repeat values of the
// flow, so it is never passed on.
func reason(err error) string {
	var missing unavailableError
	if errors.As(err, &missing) {
		return missing.Error()
	}
	text := err.Error()
	for _, known := range []struct{ part, wording string }{
		{"no such key", "a map has no such key"},
		{"index out of bounds", "an index is out of bounds"},
		{"divi", "division by zero"},
		{"modulus", "division by zero"},
		{"overflow", "a number is out of range"},
		{"range", "a number is out of range"},
		{"cost limit exceeded", "the condition takes too long"},
		{"neither true nor false", "the condition is neither true nor false"},
		{"destination.under needs", "destination.under needs a valid domain"},
	} {
		if strings.Contains(text, known.part) {
			return known.wording
		}
	}
	return "the condition could not be evaluated"
}

// mistake is one fault of an expression, at a place within its text.
type mistake struct {
	line, column  int // from 1
	message, hint string
}

// compile turns text into a condition, or reports everything that is wrong with it. allowed says
// which groups it may read, and own what it may name beside what is documented.
func compile(text string, allowed [len(groupNames)]bool, own ownNames) (*condition, []mistake) {
	env, err := environment()
	if err != nil {
		return nil, []mistake{{1, 1, err.Error(), ""}}
	}
	parsed, issues := env.Parse(text)
	if issues.Err() != nil {
		return nil, mistakes(issues.Errors(), nil)
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return nil, append(mistakes(issues.Errors(), parsed.NativeRep()), misnamed(parsed.NativeRep(), own)...)
	}
	c := &condition{text: text}
	if found := append(c.review(checked.NativeRep(), allowed), misnamed(checked.NativeRep(), own)...); len(found) > 0 {
		return nil, found
	}
	if checked.OutputType() != cel.BoolType {
		return nil, []mistake{{1, 1, fmt.Sprintf("a condition must be true or false, this is %s", cel.FormatCELType(checked.OutputType())), ""}}
	}
	cost, err := env.EstimateCost(checked, sizes{})
	c.metered = err != nil || cost.Max > unmeteredCost
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if c.metered {
		options = append(options, cel.CostLimit(costLimit))
	}
	folded := fold(env, checked)
	c.clauses = necessary(folded.NativeRep().Expr())
	c.rising = rises(folded.NativeRep().Expr())
	if found := bounds(folded.NativeRep().Expr()); len(found) > 0 {
		options = append(options, cel.CustomDecoratorV2(found.plan))
	}
	if c.program, err = env.Program(folded, options...); err != nil {
		return nil, []mistake{{1, 1, "the condition cannot be run: " + err.Error(), ""}}
	}
	return c, nil
}

// fold evaluates constant parts of an expression once and for all.
func fold(env *cel.Env, checked *cel.Ast) *cel.Ast {
	folding, err := cel.NewConstantFoldingOptimizer()
	if err != nil {
		return checked
	}
	optimizer, err := cel.NewStaticOptimizer(folding)
	if err != nil {
		return checked
	}
	// What cannot be folded, as 1/0, is left to fail when it is evaluated.
	folded, issues := optimizer.Optimize(env, checked)
	if issues.Err() != nil {
		return checked
	}
	return folded
}

// review notes which groups the expression reads, and refuses what type checking lets through.
func (c *condition) review(tree *ast.AST, allowed [len(groupNames)]bool) []mistake {
	var found []mistake
	add := func(e ast.Expr, message, hint string) {
		at := tree.SourceInfo().GetStartLocation(e.ID())
		found = append(found, mistake{max(at.Line(), 1), max(at.Column()+1, 1), message, hint})
	}
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			for g, name := range groupNames {
				if e.AsIdent() != name || tree.GetType(e.ID()) != groupTypes[g] {
					continue
				}
				c.groups[g] = true
				if !allowed[g] {
					add(e, fmt.Sprintf("%s is not known when a connection is made", name), "inspect conditions can use source, destination, transfer and now")
				}
			}
		case ast.CallKind:
			if e.AsCall().FunctionName() == "dyn" {
				add(e, "dyn() is not allowed, it hides mistakes until a flow is decided", "")
			}
			use, names, message := usesOf(tree, e)
			if message != "" {
				add(e, message, "")
			} else if names {
				c.uses = append(c.uses, use)
			}
		case ast.StructKind:
			add(e, "conditions cannot make objects", "")
		}
	}))
	return found
}

// sizes tells the cost estimate how large facts can be.
type sizes struct{}

// EstimateSize is part of checker.CostEstimator.
func (sizes) EstimateSize(element checker.AstNode) *checker.SizeEstimate {
	switch element.Type().Kind() {
	case types.StringKind:
		return &checker.SizeEstimate{Max: 4096}
	case types.ListKind:
		return &checker.SizeEstimate{Max: 64}
	}
	return nil
}

// EstimateCallCost is part of checker.CostEstimator.
func (sizes) EstimateCallCost(name, _ string, _ *checker.AstNode, arguments []checker.AstNode) *checker.CallEstimate {
	switch name {
	case "anyCountry", "onlyCountries":
		most := uint64(math.MaxUint64)
		if len(arguments) == 1 && arguments[0].ComputedSize() != nil {
			most = arguments[0].ComputedSize().Max
		}
		if most > unmeteredCost {
			return &checker.CallEstimate{CostEstimate: checker.CostEstimate{Min: 1, Max: most}}
		}
		return &checker.CallEstimate{CostEstimate: checker.CostEstimate{Min: 1, Max: 1 + most*64/10}}
	case "header":
		return &checker.CallEstimate{CostEstimate: checker.CostEstimate{Min: 1, Max: 10}, ResultSize: &checker.SizeEstimate{Max: 8192}}
	}
	return nil
}

// mistakes words CEL's errors. tree is nil when the text could not even be parsed.
func mistakes(reported []*common.Error, tree *ast.AST) []mistake {
	found := make([]mistake, 0, len(reported))
	for _, e := range reported {
		m := mistake{line: 1, column: 1}
		if e.Location.Line() > 0 {
			m.line, m.column = e.Location.Line(), e.Location.Column()+1
		}
		m.message, m.hint = explain(e, tree)
		if undefined := selected(e, tree); undefined != nil {
			// CEL points at the dot; the name begins after it.
			m.column++
		}
		found = append(found, m)
	}
	return found
}
