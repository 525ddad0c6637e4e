package formula

import (
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
)

// CountOf names the fact that counts findings of a category.
func CountOf(category string) string { return "data.count(" + strconv.Quote(category) + ")" }

// FoundBy names the fact that counts findings of a detector.
func FoundBy(detector string) string { return "data.found(" + strconv.Quote(detector) + ")" }

// Argument returns what a fact with an argument is asked about, e.g. "health".
func Argument(fact, function string) (string, bool) {
	quoted, ok := strings.CutPrefix(fact, function+"(")
	if !ok {
		return "", false
	}
	text, err := strconv.Unquote(strings.TrimSuffix(quoted, ")"))
	return text, err == nil
}

var groups = map[string]bool{"source": true, "destination": true, "request": true, "data": true}

// sameAs names the facts that are others under a second name.
var sameAs = map[string]string{"transfer.origin": "source.country", "transfer.destination": "destination.country", "data.labels": declaredLabels,
	"data.labelsIgnored": "request.labelsIgnored"}

// madeOf names the facts that truths about a transfer are made of; they are not analysed further.
var madeOf = map[string][]string{
	"transfer.crossesBorder": {"source.country", "destination.country"}, "transfer.domestic": {"source.country", "destination.country"},
}

// declaredLabels is data.labels: it waits for the headers, not for the payload.
const declaredLabels = "request.labels"

// fact names the fact that e reads, if it is one.
func (t *translator) fact(e ast.Expr) (string, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return "now", e.AsIdent() == "now"
	case ast.SelectKind:
		operand := e.AsSelect().Operand()
		if operand.Kind() != ast.IdentKind {
			return "", false
		}
		name := operand.AsIdent() + "." + e.AsSelect().FieldName()
		if same, ok := sameAs[name]; ok {
			return same, true
		}
		return name, groups[operand.AsIdent()]
	case ast.CallKind:
		return t.callFact(e.AsCall())
	}
	return "", false
}

func (t *translator) callFact(call ast.CallExpr) (string, bool) {
	arguments := call.Args()
	if call.FunctionName() == "size" {
		of := call.Target()
		if !call.IsMemberFunction() && len(arguments) == 1 {
			of = arguments[0]
		}
		if name, ok := t.fact(of); ok && t.tree.GetType(of.ID()).Kind() == types.ListKind {
			return "size(" + name + ")", true
		}
		return "", false
	}
	if !call.IsMemberFunction() || call.Target().Kind() != ast.IdentKind || !groups[call.Target().AsIdent()] || len(arguments) != 1 {
		return "", false
	}
	name := call.Target().AsIdent() + "." + call.FunctionName()
	text, constant := t.text(arguments[0])
	switch {
	case !constant:
		return name + "(…)", true
	case name == "request.header":
		text = http.CanonicalHeaderKey(text)
	}
	return name + "(" + strconv.Quote(text) + ")", true
}

// IsNumber reports whether a fact is a number or a time.
func IsNumber(fact string) bool {
	return fact == "now" || isInteger(fact) || isFraction(fact)
}

// isFraction reports whether a fact is a number that need not be whole.
func isFraction(fact string) bool { return fact == "destination.confidence" || fact == "data.entropy" }

func isInteger(fact string) bool {
	switch fact {
	case "source.port", "destination.port", "request.size", "data.subjects":
		return true
	}
	return strings.HasPrefix(fact, "data.count(") || strings.HasPrefix(fact, "data.found(") || strings.HasPrefix(fact, "size(")
}

// Range is an interval of numbers.
type Range struct {
	Low, High         float64 // infinite where there is no bound
	LowOpen, HighOpen bool    // the bound itself is not in it
}

// AtLeast is every number from low on.
func AtLeast(low float64) Range { return Range{Low: low, High: math.Inf(1)} }

// Exactly is one number.
func Exactly(number float64) Range { return Range{Low: number, High: number} }

// Has reports whether x lies in r.
func (r Range) Has(x float64) bool {
	return (x > r.Low || x == r.Low && !r.LowOpen) && (x < r.High || x == r.High && !r.HighOpen)
}

// bounds returns the values that a number fact can have.
func bounds(fact string) (low, high float64) {
	switch fact {
	case "source.port", "destination.port":
		return 0, 65535
	case "request.size":
		return -1, exactInteger
	case "destination.confidence":
		return 0, 1
	case "data.entropy":
		return 0, 8
	case "now":
		return 0, exactInteger
	}
	return 0, math.MaxInt32
}
