package rules

import "github.com/google/cel-go/cel"

// Entry is one name that conditions can use.
type Entry struct {
	Name    string // e.g. "destination.country", "data.has(string)"
	Type    string // of its value, e.g. "string", "list(string)"
	Doc     string // one line
	Example string // a condition that uses it
	Cost    string // what it costs for one flow: "constant", "lookup", "claims" or "findings"
}

// Reference returns every name of the environment beyond CEL's own, in reading order. It is made
// from the tables that evaluation runs on.
func Reference() []Entry {
	var entries []Entry
	for g, groupName := range groupNames {
		for _, a := range attributes {
			if a.group == g {
				entries = append(entries, Entry{Name: groupName + "." + a.name, Type: typeName(a.kind), Doc: a.doc, Example: a.example, Cost: a.cost()})
			}
			if a.group == g && a.name == "jurisdictions" {
				for _, f := range claimFields {
					entries = append(entries, Entry{Name: groupName + ".jurisdictions[…]." + f.name, Type: typeName(f.kind), Doc: f.doc,
						Example: f.example, Cost: costConstant})
				}
			}
		}
		for _, fn := range functions {
			if fn.group == g {
				entries = append(entries, Entry{
					Name: groupName + "." + fn.name + "(" + typeName(fn.argument) + ")", Type: typeName(fn.result), Doc: fn.doc, Example: fn.example,
					Cost: fn.cost,
				})
			}
		}
	}
	for _, fn := range listFunctions {
		entries = append(entries, Entry{Name: fn.name + "(string, string)", Type: "bool", Doc: fn.doc, Example: fn.example, Cost: fn.cost})
	}
	return append(entries, Entry{
		Cost: costConstant,
		Name: nowName, Type: "timestamp", Doc: "the time of the decision, UTC", Example: `now < timestamp("2027-01-01T00:00:00Z")`,
	})
}

// cost is what it costs to read the attribute: lists are made anew for each flow.
func (a *attribute) cost() string {
	switch {
	case a.kind.Kind() != cel.ListKind:
		return costConstant
	case a.group == destinationGroup:
		return costClaims
	}
	return costFindings
}

func typeName(kind *cel.Type) string {
	if kind.Kind() == cel.TimestampKind {
		return "timestamp"
	}
	return cel.FormatCELType(kind)
}
