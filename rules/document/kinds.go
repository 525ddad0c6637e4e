package document

import "github.com/goccy/go-yaml/ast"

// DecodeKinds reads every document of a file whose documents are of several kinds. For each one
// choose is told the text of its top-level field "kind", "" when there is none, and returns a pointer
// to the value to decode it into. Values and positions have the same length, in the order of the
// file; documents with problems are among them.
func DecodeKinds(file string, data []byte, choose func(kind string) any) ([]any, []*Positions, Problems) {
	source, problems := parse(file, data)
	if len(problems) > 0 {
		return nil, nil, problems
	}
	values := make([]any, len(source.documents))
	positions := make([]*Positions, len(source.documents))
	for i, document := range source.documents {
		values[i] = choose(documentKind(document.body))
		var found Problems
		positions[i], found = source.decode(document, values[i])
		problems = append(problems, found...)
	}
	return values, positions, problems.Sort()
}

func documentKind(body ast.Node) string {
	mapping, ok := body.(ast.MapNode)
	if !ok {
		return ""
	}
	for entries := mapping.MapRange(); entries.Next(); {
		if entry := entries.KeyValue(); keyText(entry.Key) == "kind" {
			text, _ := textOf(entry.Value)
			return text
		}
	}
	return ""
}
