package rules

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"

	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// listFunction is a function of a text and the constant name of a list. The name is bound when a
// program is planned; the list, which may be another one after a reload, when it is run.
type listFunction struct {
	name    string
	doc     string
	example string
	cost    string
	types   []ListType // that it takes
}

// listFunctions is the one table of them.
var listFunctions = []listFunction{
	{name: "inList", types: []ListType{HostList, SuffixList, NetworkList, CountryList, WordList},
		doc:     "whether the text is in the list of this name: a host or word itself, a host below a domain, an address in a network",
		example: `inList(destination.host, "partners")`, cost: costLookup},
	{name: "inNetwork", types: []ListType{NetworkList},
		doc:     "whether the address is in this network, or in the list of networks of this name; false for what is no address",
		example: `inNetwork(destination.address, "192.0.2.0/24")`, cost: costLookup},
}

// Functions of source, destination and transfer that take the name of a group or list of countries.
const (
	withinFunction = "within"
	leavesFunction = "leaves"
)

func takesGroup(function string) bool {
	return function == withinFunction || function == leavesFunction
}

// listLibrary declares the list functions, and plans them into every program of the environment.
type listLibrary struct{}

// CompileOptions is part of cel.Library.
func (listLibrary) CompileOptions() []cel.EnvOption {
	var options []cel.EnvOption
	for _, fn := range listFunctions {
		options = append(options, cel.Function(fn.name, cel.Overload(fn.name, []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType)))
	}
	return options
}

// ProgramOptions is part of cel.Library.
func (listLibrary) ProgramOptions() []cel.ProgramOption {
	return []cel.ProgramOption{cel.CustomDecoratorV2(planLookup)}
}

// planLookup replaces a call of a list function by a lookup.
func planLookup(planned interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := planned.(interpreter.InterpretableCall)
	if !ok || !isListFunction(call.Function()) || len(call.Args()) != 2 {
		return planned, nil
	}
	constant, ok := call.Args()[1].(interpreter.InterpretableConst)
	if !ok {
		return planned, nil
	}
	name, ok := constant.Value().(types.String)
	if !ok {
		return planned, nil
	}
	l := &lookup{InterpretableCall: call, value: call.Args()[0], name: string(name)}
	if call.Function() == "inNetwork" {
		if network, message, _ := parseNetwork(l.name); message == "" {
			l.network = network
		}
	}
	return l, nil
}

func isListFunction(name string) bool {
	for i := range listFunctions {
		if listFunctions[i].name == name {
			return true
		}
	}
	return false
}

// lookup is a planned call of a list function.
type lookup struct {
	interpreter.InterpretableCall
	value   interpreter.InterpretableV2
	name    string
	network netip.Prefix // instead of a list
}

// Exec is part of interpreter.InterpretableV2.
func (l *lookup) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	value := l.value.Exec(frame)
	text, ok := value.(types.String)
	if !ok {
		return value // unknown, or an error
	}
	if l.network.IsValid() {
		address, err := netip.ParseAddr(string(text))
		return types.Bool(err == nil && l.network.Contains(address.Unmap().WithZone("")))
	}
	found, _ := frame.ResolveName(scopeName)
	s, ok := found.(*scope)
	if !ok || s.lists[l.name] == nil {
		return types.NewErr("there is no list of this name")
	}
	return types.Bool(s.lists[l.name].has(string(text)))
}

// Eval is part of interpreter.Interpretable.
func (l *lookup) Eval(activation interpreter.Activation) ref.Val {
	return l.Exec(interpreter.AsFrame(activation))
}

func quote(name string) string { return strconv.Quote(shorten(name)) }

func joinTypes(types []ListType) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return strings.Join(names, " or ")
}

// listUse is a place in a condition that names a list, a group or a network.
type listUse struct {
	function     string
	name         string
	line, column int
}

// usesOf returns where tree names lists; message is why a call is not possible, "" if it is.
func usesOf(tree *ast.AST, e ast.Expr) (use listUse, ok bool, message string) {
	call := e.AsCall()
	member := call.IsMemberFunction() && takesGroup(call.FunctionName())
	if !member && (call.IsMemberFunction() || !isListFunction(call.FunctionName())) {
		return listUse{}, false, ""
	}
	argument := call.Args()[len(call.Args())-1]
	name, constant := types.String(""), argument.Kind() == ast.LiteralKind
	if constant {
		name, constant = argument.AsLiteral().(types.String)
	}
	if !constant {
		return listUse{}, false, call.FunctionName() + " needs its name in quotes, so that it is known before a flow is decided"
	}
	at := tree.SourceInfo().GetStartLocation(argument.ID())
	return listUse{call.FunctionName(), string(name), max(at.Line(), 1), max(at.Column()+1, 1)}, true, ""
}

// checkLists reports the names in c that stand for nothing, or for a list of another type than the
// function takes.
func (r *reader) checkLists(c *condition) []mistake {
	var found []mistake
	for _, use := range c.uses {
		if message, hint := r.checkUse(use); message != "" {
			found = append(found, mistake{use.line, use.column, message, hint})
		}
	}
	return found
}

func (r *reader) checkUse(use listUse) (message, hint string) {
	allowed := []ListType{CountryList}
	if takesGroup(use.function) {
		if findGroup(r.groups, use.name) != nil {
			return "", ""
		}
	} else {
		for _, fn := range listFunctions {
			if fn.name == use.function {
				allowed = fn.types
			}
		}
	}
	if use.function == "inNetwork" {
		if _, problem, hint := parseNetwork(use.name); problem == "" {
			return "", ""
		} else if r.lists[use.name] == nil && !identifier.MatchString(use.name) {
			return problem, hint
		}
	}
	return r.checkList(use, allowed)
}

func (r *reader) checkList(use listUse, allowed []ListType) (message, hint string) {
	if l := r.lists[use.name]; l != nil {
		for _, t := range allowed {
			if l.Type == t || l.Type == "" { // a missing type is reported already
				return "", ""
			}
		}
		return use.function + " takes a list of type " + joinTypes(allowed) + ", and " + quote(use.name) + " is one of " + string(l.Type), ""
	}
	var names []string
	for _, name := range sortedKeys(r.lists) {
		for _, t := range allowed {
			if r.lists[name].Type == t {
				names = append(names, name)
			}
		}
	}
	if takesGroup(use.function) {
		names = append(append(names, sortedKeys(r.groups)...), jurisdiction.GroupNames()...)
		return "there is no group or list of countries " + quote(use.name), nearestName(use.name, names)
	}
	if len(names) == 0 {
		return "there is no list " + quote(use.name), "a list is a document of its own, kind: List"
	}
	return "there is no list " + quote(use.name), nearestName(use.name, names)
}
