// Package document reads YAML strictly: policies, lists and the configuration of the process.
//
// People write these files by hand and an error in one of them decides over other people's data, so
// every mistake is reported in one run, each with file, line, column, what was found, what was
// expected and the nearest valid name. Nothing is guessed: an unknown field, a key given twice, a
// number where text belongs are errors. Anchors, aliases, tags and merge keys are refused, because
// what a reviewer reads must be what applies.
//
// The second idea is that positions outlive decoding. Whoever checks meaning later (a CEL
// compiler, say) asks Positions where a field stands, and where a character within its text
// stands, even in a folded block:
//
//	var config Config
//	positions, problems := document.DecodeWithPositions("borderflow.yaml", data, &config)
//	if config.Listen == "" {
//		problems = append(problems, positions.Problem("listen", "an address is required", ""))
//	}
//	if len(problems) > 0 {
//		return problems
//	}
//
// It leaves opening files to its callers, and what the fields mean.
package document

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Limits that hold for every document. They bound what a hostile or generated file can cost.
const (
	MaxBytes = 4 << 20 // of one file
	MaxDepth = 64      // nested lists and mappings
	MaxKeys  = 4096    // of one mapping
)

// maxProblems bounds what one file can report; whoever has more repairs these first.
const maxProblems = 200

// Problem is one mistake in a file.
type Problem struct {
	File    string
	Line    int // from 1; 0 when the problem concerns the file as a whole
	Column  int // in characters, from 1; 0 when the problem concerns the file as a whole
	Message string
	Hint    string // how to repair it, or ""
}

// String returns "file:line:column: message (hint)", as editors and compilers write it.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Problems are the mistakes of one or more files. It is an error, but a nil Problems in an error
// variable is not a nil error: convert with Err.
type Problems []Problem

// Error returns one problem per line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Err returns p as an error, or nil when there is no problem.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// Sort orders p by file and position and drops repetitions.
func (p Problems) Sort() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(p)
}

// Decode reads the single document in data into the value that into points to, and reports every
// mistake. Fields that the document does not name, or leaves empty, keep the value they have, so
// into can hold the defaults. After a problem into may be filled in part and is not to be used.
//
// Struct fields are named by their `yaml:"name"` tag, or by their own name with a lower-case first
// letter; `yaml:"-"` hides a field. Besides text, numbers, truth values, lists, mappings, pointers
// and structs it reads time.Duration ("5s") and anything that is an encoding.TextUnmarshaler. A
// slice that is one can be written as a list or, for a single entry, as text.
func Decode(file string, data []byte, into any) Problems {
	_, problems := DecodeWithPositions(file, data, into)
	return problems
}

// DecodeWithPositions is Decode, and tells where each field stands. The positions are never nil.
func DecodeWithPositions(file string, data []byte, into any) (*Positions, Problems) {
	source, problems := parse(file, data)
	if len(problems) > 0 {
		return newPositions(file, nil), problems
	}
	if len(source.documents) > 1 {
		line, column := position(source.documents[1].token)
		return newPositions(file, source.lines), Problems{{
			File: file, Line: line, Column: column,
			Message: fmt.Sprintf("expected one document, found %d", len(source.documents)),
			Hint:    `remove the "---" line, or move what follows it to a file of its own`,
		}}
	}
	if len(source.documents) == 0 {
		return newPositions(file, source.lines), nil
	}
	return source.decode(source.documents[0], into)
}

// DecodeAll reads every document of a file, separated by "---" lines. Empty documents are left out.
func DecodeAll[T any](file string, data []byte) ([]T, Problems) {
	values, _, problems := DecodeAllWithPositions[T](file, data)
	return values, problems
}

// DecodeAllWithPositions is DecodeAll, and tells where each field of each document stands. Both
// slices have the same length; documents with problems are among them.
func DecodeAllWithPositions[T any](file string, data []byte) ([]T, []*Positions, Problems) {
	source, problems := parse(file, data)
	if len(problems) > 0 {
		return nil, nil, problems
	}
	values := make([]T, len(source.documents))
	positions := make([]*Positions, len(source.documents))
	for i, document := range source.documents {
		var found Problems
		positions[i], found = source.decode(document, &values[i])
		problems = append(problems, found...)
	}
	return values, positions, problems.Sort()
}
