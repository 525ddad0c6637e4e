package rules

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// model is an atom that compares one fact with constants: which values of the fact make it true can
// be worked out, so that it is known which atoms can be true together.
type model struct {
	fact      string      // e.g. "destination.country", `data.count("financial")`
	constants []comparand // what it is compared with
	holds     func(comparand) bool
	least     float64 // of a number; math.Inf(-1) when there is no least one
	most      float64
}

// comparand is a text or a number.
type comparand struct {
	text   string
	number float64
	isText bool
}

// modelOf returns the model of an atom, nil if it has none.
func modelOf(e ast.Expr) *model {
	if e.Kind() != ast.CallKind {
		return nil
	}
	call := e.AsCall()
	if category, ok := textArgument(e, "has"); ok {
		return bounded(&model{fact: countFact("count", category), constants: []comparand{{number: 0}}, holds: func(c comparand) bool { return c.number > 0 }})
	}
	arguments := call.Args()
	if len(arguments) != 2 || call.IsMemberFunction() {
		return nil
	}
	if call.FunctionName() == operators.In {
		return membership(arguments[0], arguments[1])
	}
	if fact := comparableFact(arguments[0]); fact != "" {
		if c, ok := comparandOf(arguments[1]); ok {
			return comparison(fact, call.FunctionName(), c)
		}
	}
	if fact := comparableFact(arguments[1]); fact != "" {
		if c, ok := comparandOf(arguments[0]); ok {
			return comparison(fact, mirrored(call.FunctionName()), c)
		}
	}
	return nil
}

// comparableFact returns the fact that e is, "" if it is none that a model can be made of.
func comparableFact(e ast.Expr) string {
	for _, function := range [...]string{"count", "found"} {
		if argument, ok := textArgument(e, function); ok {
			return countFact(function, argument)
		}
	}
	if e.Kind() != ast.SelectKind {
		return ""
	}
	name := factName(e)
	if made := transfers[name]; len(made) == 1 {
		return made[0]
	}
	return name
}

func textArgument(e ast.Expr, function string) (string, bool) {
	if e.Kind() != ast.CallKind || factName(e) != "data."+function || len(e.AsCall().Args()) != 1 {
		return "", false
	}
	c, ok := comparandOf(e.AsCall().Args()[0])
	return c.text, ok && c.isText
}

func countFact(function, argument string) string {
	return "data." + function + "(" + strconv.Quote(argument) + ")"
}

// counts reports whether the fact is how often something was found.
func (m *model) counts() bool {
	return strings.HasPrefix(m.fact, "data.count(") || strings.HasPrefix(m.fact, "data.found(")
}

func comparandOf(e ast.Expr) (comparand, bool) {
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.Negate && len(e.AsCall().Args()) == 1 {
		c, ok := comparandOf(e.AsCall().Args()[0])
		return comparand{number: -c.number}, ok && !c.isText
	}
	if e.Kind() != ast.LiteralKind {
		return comparand{}, false
	}
	return comparandValue(e.AsLiteral())
}

func comparandValue(value ref.Val) (comparand, bool) {
	switch v := value.(type) {
	case types.String:
		return comparand{text: string(v), isText: true}, true
	case types.Int:
		return comparand{number: float64(v)}, math.Abs(float64(v)) < 1<<53
	case types.Double:
		return comparand{number: float64(v)}, !math.IsNaN(float64(v))
	}
	return comparand{}, false
}

func membership(element, list ast.Expr) *model {
	fact := comparableFact(element)
	if fact == "" || list.Kind() != ast.ListKind {
		return nil
	}
	m := &model{fact: fact}
	for _, e := range list.AsList().Elements() {
		c, ok := comparandOf(e)
		if !ok {
			return nil
		}
		m.constants = append(m.constants, c)
	}
	m.holds = func(c comparand) bool { return slices.Contains(m.constants, c) }
	return bounded(m)
}

func comparison(fact, operator string, c comparand) *model {
	m := &model{fact: fact, constants: []comparand{c}}
	switch operator {
	case operators.Equals:
		m.holds = func(v comparand) bool { return v == c }
	case operators.NotEquals:
		m.holds = func(v comparand) bool { return v != c }
	case operators.Less:
		m.holds = func(v comparand) bool { return v.number < c.number }
	case operators.LessEquals:
		m.holds = func(v comparand) bool { return v.number <= c.number }
	case operators.Greater:
		m.holds = func(v comparand) bool { return v.number > c.number }
	case operators.GreaterEquals:
		m.holds = func(v comparand) bool { return v.number >= c.number }
	default:
		return nil
	}
	if c.isText && operator != operators.Equals && operator != operators.NotEquals {
		return nil // the order of texts
	}
	return bounded(m)
}

func mirrored(operator string) string {
	if other, ok := map[string]string{operators.Less: operators.Greater, operators.LessEquals: operators.GreaterEquals,
		operators.Greater: operators.Less, operators.GreaterEquals: operators.LessEquals}[operator]; ok {
		return other
	}
	return operator
}

// bounded fills in which numbers a fact can be.
func bounded(m *model) *model {
	m.least, m.most = math.Inf(-1), math.Inf(1)
	switch {
	case m.counts(), m.fact == "data.subjects":
		m.least = 0
	case m.fact == "request.size":
		m.least = -1
	case strings.HasSuffix(m.fact, ".port"):
		m.least, m.most = 0, math.MaxUint16
	case strings.HasSuffix(m.fact, ".confidence"):
		m.least, m.most = 0, 1
	case m.fact == "data.entropy":
		m.least, m.most = 0, 8
	}
	return m
}

// combinations returns which values models of the same fact can have together, each as a bit set.
// Between two neighbouring constants, and on each, no comparison changes, so that one value of each
// kind is enough.
func combinations(models []*model) map[uint64]bool {
	var texts []comparand
	var numbers []float64
	for _, m := range models {
		for _, c := range m.constants {
			if c.isText {
				texts = append(texts, c, comparand{text: c.text + "\x00", isText: true})
				continue
			}
			numbers = append(numbers, c.number)
		}
	}
	possible := map[uint64]bool{}
	for _, value := range append(texts, around(numbers, models)...) {
		var set uint64
		for i, m := range models {
			if m.holds(value) {
				set |= 1 << i
			}
		}
		possible[set] = true
	}
	return possible
}

// around returns each number, and one between each and the next that the fact can be.
func around(numbers []float64, models []*model) []comparand {
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	step := 1.0
	if strings.HasSuffix(models[0].fact, ".confidence") || models[0].fact == "data.entropy" {
		step = 1e-9
	}
	var values []comparand
	for _, number := range numbers {
		for _, candidate := range [...]float64{number - step, number, number + step} {
			if candidate >= models[0].least && candidate <= models[0].most {
				values = append(values, comparand{number: candidate})
			}
		}
	}
	return values
}

// independent names the facts of which each says nothing about any other; those that are not
// named, as functions that are new, are taken to say something about all of their group.
var independent = map[string]string{
	"source.namespace": "workload", "source.serviceAccount": "workload", "source.label": "workload",
	"destination.cloud": "cloud", "destination.region": "cloud", "data.labels": "",
	"source.address": "", "source.port": "", "source.country": "origin", "source.within": "origin", "source.identity": "identity", "source.assurance": "identity",
	"destination.host": "host", "destination.under": "host", "destination.port": "", "destination.address": "",
	"destination.country": "place", "destination.confidence": "place", "destination.jurisdictions": "place",
	"destination.anyCountry": "place", "destination.onlyCountries": "place", "destination.within": "place",
	"destination.possible": "place", "destination.conflicts": "place", "destination.anycast": "place", "destination.stale": "",
	"destination.operator": "operator", "destination.operatorHome": "operator", "destination.parentHome": "operator",
	"destination.exempt": "exempt", "destination.exemption": "exempt",
	"request.method": "", "request.scheme": "", "request.path": "", "request.query": "", "request.protocol": "",
	"request.size": "", "request.header": "header", nowName: "now",
	"data.has": "categories", "data.count": "categories", "data.categories": "categories", "data.found": "found", "data.subjects": "", "data.entropy": "",
	"data.inspected": "coverage", "data.undecodable": "coverage",
}

const undecodable = "data.undecodable"

// related reports whether the value of a may say something about that of b.
func related(a, b *node) bool {
	if a.model != nil && b.model != nil && a.model.counts() && b.model.counts() {
		return a.model.fact == b.model.fact
	}
	for _, x := range underlying(a.reads) {
		for _, y := range underlying(b.reads) {
			if x == y || sameFamily(x, y) {
				return true
			}
		}
	}
	return false
}

// transfers names what facts of a transfer are made of.
var transfers = map[string][]string{
	"transfer.origin": {"source.country"}, "transfer.destination": {"destination.country"},
	"transfer.leaves":        {"source.country", "destination.country"},
	"transfer.crossesBorder": {"source.country", "destination.country"}, "transfer.domestic": {"source.country", "destination.country"},
}

// underlying returns facts with those of a transfer replaced by what they are made of.
func underlying(facts []string) []string {
	made := make([]string, 0, len(facts)+1)
	for _, fact := range facts {
		if parts, ok := transfers[fact]; ok {
			made = append(made, parts...)
			continue
		}
		made = append(made, fact)
	}
	return made
}

func sameFamily(x, y string) bool {
	groupOf := func(name string) string { group, _, _ := strings.Cut(name, "."); return group }
	if groupOf(x) != groupOf(y) {
		return false
	}
	familyX, knownX := independent[x]
	familyY, knownY := independent[y]
	if !knownX || !knownY {
		return true
	}
	if x == undecodable || y == undecodable {
		// What was not found in a payload is not known where a part of it cannot be read.
		return x != "data.labels" && y != "data.labels"
	}
	return familyX != "" && familyX == familyY
}
