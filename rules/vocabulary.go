package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"golang.org/x/net/http/httpguts"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// vocabulary judges a text that a condition holds against a fact. It says what was expected, "" if the
// text is possible, and which text was probably meant. A text that the fact never is makes a block rule
// that stops nothing, and nobody notices.
type vocabulary func(text string, own ownNames) (expected, hint string)

// factTexts is what facts can be. Of every element of a list the name ends in "[]".
var factTexts = map[string]vocabulary{
	"source.address":                      canonicalAddress,
	"source.country":                      countryCode,
	"source.assurance":                    oneOf("mtls", "basic", ""),
	"destination.host":                    canonicalHost,
	"destination.address":                 canonicalAddress,
	"destination.country":                 countryCode,
	"destination.operatorHome":            countryCode,
	"destination.parentHome":              countryCode,
	"destination.possible[]":              countryCode,
	"destination.reach[]":                 countryCode,
	"destination.jurisdictions[].country": countryCode,
	"request.method":                      requestMethod,
	"request.scheme":                      oneOf("http", "https", ""),
	"request.protocol":                    oneOf("http/1.1", "h2", "grpc", "websocket", "connect", ""),
	"data.categories[]":                   categoryName,
	"data.undeclared[]":                   categoryName,
	"data.inspected":                      oneOf("none", "partial", "full"),
	"transfer.origin":                     countryCode,
	"transfer.destination":                countryCode,
}

// argumentTexts is what functions of the groups can be asked about.
var argumentTexts = map[string]vocabulary{
	"destination.under":         domainName,
	"destination.anyCountry":    countryCode,
	"destination.onlyCountries": countryCode,
	"request.header":            fieldName,
	"data.has":                  categoryName,
	"data.count":                categoryName,
	"data.found":                detectorID,
}

// oneOf is the vocabulary of a fact with a few words; the empty one stands for what is absent.
func oneOf(words ...string) vocabulary {
	stated := slices.DeleteFunc(slices.Clone(words), func(word string) bool { return word == "" })
	return func(text string, _ ownNames) (expected, hint string) {
		if slices.Contains(words, text) {
			return "", ""
		}
		if nearest, ok := document.Nearest(text, stated); ok {
			hint = didYouMean(nearest)
		}
		return strings.Join(stated, " or "), hint
	}
}

func countryCode(text string, _ ownNames) (expected, hint string) {
	if text == "" || jurisdiction.ValidCountry(text) {
		return "", ""
	}
	expected = "a country code of ISO 3166-1 alpha-2"
	for _, group := range jurisdiction.GroupNames() {
		if strings.EqualFold(group, text) {
			return expected, fmt.Sprintf("for a group of countries write destination.within(%q)", group)
		}
	}
	if hint = nearestCountry(text); hint == "" {
		hint = `two capital letters, for example "DE"`
	}
	return expected, hint
}

// knownCategories and knownDetectors are what can be asked for, by name.
var (
	knownCategories = sync.OnceValue(func() []string {
		var names []string
		for _, c := range classify.Categories() {
			names = append(names, c.Name)
		}
		return names
	})
	knownDetectors = sync.OnceValue(func() []string {
		var names []string
		for _, d := range classify.Detectors() {
			names = append(names, d.ID)
		}
		return names
	})
)

func categoryName(text string, own ownNames) (expected, hint string) {
	known := slices.Concat(knownCategories(), own.categories)
	if slices.Contains(known, text) {
		return "", ""
	}
	return "a category of data", similarName(text, known)
}

func detectorID(text string, own ownNames) (expected, hint string) {
	known := slices.Concat(knownDetectors(), own.detectors)
	if slices.Contains(known, text) {
		return "", ""
	}
	return "the id of a detector", similarName(text, known)
}

// similarName proposes the nearest name, or else the one that has a word in common, as "creditcard" has
// with "payment-card"; else it lists all.
func similarName(text string, names []string) string {
	const shortestWord = 4
	if nearest, ok := document.Nearest(text, names); ok {
		return didYouMean(nearest)
	}
	for _, name := range names {
		for word := range strings.SplitSeq(name, "-") {
			if len(word) >= shortestWord && strings.Contains(strings.ToLower(text), word) {
				return didYouMean(name)
			}
		}
	}
	return "known here: " + strings.Join(names, ", ")
}

// methods are those of RFC 9110, section 9.3, RFC 5789 and WebDAV (RFC 4918, section 9).
var methods = strings.Fields("GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK")

// requestMethod admits every token (RFC 9110, section 9.1), except for a known method in another case.
func requestMethod(text string, _ ownNames) (expected, hint string) {
	upper := strings.ToUpper(strings.TrimSpace(text))
	switch known := slices.Contains(methods, upper); {
	case text == "" || text == upper && httpguts.ValidHeaderFieldName(text):
		return "", ""
	case known:
		return "a method as it is sent, in capital letters", didYouMean(upper)
	case !httpguts.ValidHeaderFieldName(text):
		return "a method, which is one word", `for example "POST"`
	}
	return "", ""
}

// fieldName admits the names of RFC 9110, section 5.1.
func fieldName(text string, _ ownNames) (expected, hint string) {
	if httpguts.ValidHeaderFieldName(text) {
		return "", ""
	}
	meant := strings.Join(strings.Fields(strings.TrimRight(strings.TrimSpace(text), ":")), "-")
	if httpguts.ValidHeaderFieldName(meant) {
		return "the name of a header", didYouMean(meant)
	}
	return "the name of a header", `for example "Content-Type"`
}

func didYouMean(text string) string { return fmt.Sprintf("did you mean %q?", text) }

// maxMisnamed bounds what one condition can report; whoever has more repairs these first.
const maxMisnamed = 100

// misnamed reports the texts in a condition that a fact is compared with and never is, or that a function
// is asked about and knows nothing of. Types need not have been checked.
func misnamed(tree *ast.AST, own ownNames) []mistake {
	n := &nameReview{tree: tree, own: own, bound: map[string]binding{}}
	n.walk(tree.Expr())
	return n.found
}

type nameReview struct {
	tree  *ast.AST
	own   ownNames
	bound map[string]binding // variables of the loops around
	found []mistake
}

// binding is what a loop's variable stands for: elements of a fact, or of texts that are written out.
type binding struct {
	fact  string
	texts []ast.Expr
}

func (n *nameReview) walk(e ast.Expr) {
	switch e.Kind() {
	case ast.SelectKind:
		n.walk(e.AsSelect().Operand())
	case ast.CallKind:
		call := e.AsCall()
		n.call(call)
		if call.IsMemberFunction() {
			n.walk(call.Target())
		}
		for _, argument := range call.Args() {
			n.walk(argument)
		}
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			n.walk(element)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			n.walk(entry.AsMapEntry().Key())
			n.walk(entry.AsMapEntry().Value())
		}
	case ast.ComprehensionKind:
		n.loop(e.AsComprehension())
	}
}

func (n *nameReview) loop(loop ast.ComprehensionExpr) {
	n.walk(loop.IterRange())
	b := binding{texts: n.texts(loop.IterRange())}
	if fact := n.fact(loop.IterRange()); fact != "" {
		b.fact = fact + "[]"
	}
	around := n.bound
	n.bound = maps.Clone(around)
	n.bound[loop.AccuVar()] = binding{}
	n.bound[loop.IterVar()] = b
	for _, part := range []ast.Expr{loop.AccuInit(), loop.LoopCondition(), loop.LoopStep(), loop.Result()} {
		n.walk(part)
	}
	n.bound = around
}

func (n *nameReview) call(call ast.CallExpr) {
	arguments := call.Args()
	switch name := call.FunctionName(); {
	case call.IsMemberFunction() && len(arguments) == 1 && call.Target().Kind() == ast.IdentKind:
		if _, bound := n.bound[call.Target().AsIdent()]; !bound {
			n.judge(argumentTexts[call.Target().AsIdent()+"."+name], arguments[0])
		}
	case len(arguments) != 2:
	case name == operators.Equals || name == operators.NotEquals:
		n.compare(arguments[0], arguments[1])
		n.compare(arguments[1], arguments[0])
	case name == operators.In:
		n.compare(arguments[0], arguments[1])
		n.compare(arguments[1], arguments[0])
		if arguments[1].Kind() == ast.ListKind {
			for _, element := range arguments[1].AsList().Elements() {
				n.compare(element, arguments[0])
			}
		}
	case name == operators.Index:
		n.compare(arguments[1], arguments[0]) // {"DE": …}[destination.country]
	}
}

// compare judges the texts of value if subject is a fact, or a list of facts.
func (n *nameReview) compare(subject, value ast.Expr) {
	if subject.Kind() == ast.CallKind && subject.AsCall().FunctionName() == operators.Conditional {
		n.compare(subject.AsCall().Args()[1], value)
		n.compare(subject.AsCall().Args()[2], value)
		return
	}
	if fact := n.fact(subject); fact != "" {
		n.judge(factTexts[fact], value)
		n.judge(factTexts[fact+"[]"], value)
	}
}

func (n *nameReview) judge(v vocabulary, value ast.Expr) {
	if v == nil {
		return
	}
	for _, literal := range n.texts(value) {
		if len(n.found) == maxMisnamed {
			return
		}
		text, _ := textConstant(literal)
		if expected, hint := v(text, n.own); expected != "" {
			at := n.tree.SourceInfo().GetStartLocation(literal.ID())
			n.found = append(n.found, mistake{max(at.Line(), 1), max(at.Column()+1, 1), fmt.Sprintf("expected %s, found %s", expected, quote(text)), hint})
		}
	}
}

// fact names the fact that e reads, "" if it is something else.
func (n *nameReview) fact(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		return n.bound[e.AsIdent()].fact
	case ast.SelectKind:
		owner := e.AsSelect().Operand()
		if fact := n.fact(owner); fact != "" {
			return fact + "." + e.AsSelect().FieldName()
		}
		if owner.Kind() == ast.IdentKind {
			if _, bound := n.bound[owner.AsIdent()]; !bound {
				return owner.AsIdent() + "." + e.AsSelect().FieldName()
			}
		}
	case ast.CallKind:
		if call := e.AsCall(); call.FunctionName() == operators.Index {
			if fact := n.fact(call.Args()[0]); fact != "" {
				return fact + "[]"
			}
		}
	}
	return ""
}

// texts returns the constant texts that e is, or consists of.
func (n *nameReview) texts(e ast.Expr) []ast.Expr {
	var all []ast.Expr
	switch e.Kind() {
	case ast.LiteralKind:
		if _, ok := textConstant(e); ok {
			return []ast.Expr{e}
		}
	case ast.IdentKind:
		return n.bound[e.AsIdent()].texts
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			all = append(all, n.texts(element)...)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			all = append(all, n.texts(entry.AsMapEntry().Key())...)
		}
	case ast.CallKind:
		if call := e.AsCall(); call.FunctionName() == operators.Conditional {
			return append(n.texts(call.Args()[1]), n.texts(call.Args()[2])...)
		}
	}
	return all
}
