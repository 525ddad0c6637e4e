package document

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// source is a file whose YAML is well formed.
type source struct {
	file      string
	lines     [][]rune // for positions within texts
	documents []root
}

// root is one non-empty document.
type root struct {
	body  ast.Node
	token *token.Token // where it begins
}

// parse checks limits and syntax. What goccy/go-yaml cannot be trusted with (deep recursion, time
// that grows with the square of a mapping's keys) is refused on the flat list of tokens, before its
// parser sees it.
func parse(file string, data []byte) (*source, Problems) {
	if len(data) > MaxBytes {
		return nil, Problems{{File: file, Message: fmt.Sprintf("the file has %d bytes, at most %d are read", len(data), MaxBytes)}}
	}
	text, problem := normalise(file, data)
	if problem != nil {
		return nil, Problems{*problem}
	}
	tokens := lexer.Tokenize(text)
	if problems := checkTokens(file, tokens); len(problems) > 0 {
		return nil, problems
	}
	s := &source{file: file}
	for line := range strings.Lines(text) {
		s.lines = append(s.lines, []rune(strings.TrimSuffix(line, "\n")))
	}
	var problems Problems
	for _, part := range split(tokens) {
		body, err := parseTokens(part)
		if err != nil {
			problems = append(problems, syntaxProblem(file, err))
		} else if body != nil {
			s.documents = append(s.documents, root{body: body, token: part[0]})
		}
	}
	return s, problems
}

// split cuts a token list into one part per document. The parser is not left to do this: after an
// empty document it drops the rest of the file without a word.
func split(tokens token.Tokens) []token.Tokens {
	var parts []token.Tokens
	begin, filled := 0, false
	for i, t := range tokens {
		switch t.Type {
		case token.DocumentHeaderType, token.DocumentEndType:
			if filled {
				parts = append(parts, tokens[begin:i])
			}
			begin, filled = i, false
			if t.Type == token.DocumentEndType {
				begin++
			}
		case token.CommentType:
		default:
			filled = true
		}
	}
	if filled {
		parts = append(parts, tokens[begin:])
	}
	return parts
}

// parseTokens returns the body of one document, nil if it says nothing. It turns a panic of the
// parser into an error, for a file must never end the process, and so it does with content that the
// parser overlooked, for a rule must never get lost.
func parseTokens(tokens token.Tokens) (body ast.Node, err error) {
	defer func() {
		if recover() != nil {
			body, err = nil, &misread{tokens[0]}
		}
	}()
	tree, err := parser.Parse(slices.Clone(tokens), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, err
	}
	reached := reachedTokens{}
	for _, document := range tree.Docs {
		if document.Body == nil || document.Body.Type() == ast.CommentType {
			continue
		}
		if body != nil {
			return nil, &misread{document.Body.GetToken()}
		}
		body = document.Body
		ast.Walk(reached, body)
	}
	for _, t := range tokens {
		if holdsContent(t) && !reached[t] {
			return nil, &misread{t}
		}
	}
	if body != nil && body.Type() == ast.NullType {
		return nil, nil
	}
	return body, nil
}

// misread is the error for content that cannot be made sense of.
type misread struct{ at *token.Token }

func (*misread) Error() string { return "this is not well-formed YAML" }

// reachedTokens collects the tokens that a syntax tree is made of.
type reachedTokens map[*token.Token]bool

// Visit makes reachedTokens an ast.Visitor.
func (r reachedTokens) Visit(node ast.Node) ast.Visitor {
	r[node.GetToken()] = true
	return r
}

// holdsContent reports whether t is a text, number or other value that a reader of the file sees.
func holdsContent(t *token.Token) bool {
	switch t.Type {
	case token.StringType, token.SingleQuoteType, token.DoubleQuoteType, token.BoolType, token.NullType, token.FloatType,
		token.IntegerType, token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType, token.InfinityType, token.NanType:
		return true
	}
	return false
}

// normalise makes every line end in a single newline, so that lines and columns are counted the
// same way everywhere, and refuses what is not text.
func normalise(file string, data []byte) (string, *Problem) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	line, column := 1, 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return "", &Problem{File: file, Line: line, Column: column, Message: "the file is not UTF-8", Hint: "save it as UTF-8"}
		case r < ' ' && r != '\n' && r != '\t', r == 0x7f:
			return "", &Problem{File: file, Line: line, Column: column, Message: fmt.Sprintf("control character %U is not allowed", r)}
		case r == '\n':
			line, column = line+1, 0
		}
		i += size
		column++
	}
	return string(data), nil
}

// checkTokens refuses what this package does not read, and what is nested too deeply or too wide.
func checkTokens(file string, tokens token.Tokens) Problems {
	var problems Problems
	add := func(t *token.Token, message, hint string) {
		line, column := position(t)
		problems = append(problems, Problem{File: file, Line: line, Column: column, Message: message, Hint: hint})
	}
	const quote = "if it begins a text, put the text in quotes or in a block after |"
	shape := shape{}
	for _, t := range tokens {
		switch t.Type {
		case token.InvalidType:
			return problems // the parser words it
		case token.AnchorType, token.AliasType:
			add(t, fmt.Sprintf("anchors and aliases (%s) are not supported", t.Value), quote)
		case token.TagType:
			add(t, "tags (!) are not supported", quote)
		case token.DirectiveType:
			add(t, "directives (%) are not supported", quote)
		case token.MergeKeyType:
			add(t, "merge keys (<<) are not supported", "write the fields out")
		case token.MappingKeyType:
			add(t, "keys written with ? are not supported", quote)
		}
		if complaint := shape.next(t); complaint != "" {
			add(t, complaint, "")
			return problems
		}
		if len(problems) >= maxProblems {
			break
		}
	}
	return problems.Sort()
}

// shape follows the nesting of a token list.
type shape struct {
	flow  []int     // keys of each open [ or {
	block []columns // open block collections, by column
}

type columns struct{ column, keys int }

// next accounts for t and returns what is wrong with the shape so far, or "".
func (s *shape) next(t *token.Token) string {
	switch t.Type {
	case token.DocumentHeaderType, token.DocumentEndType:
		s.flow, s.block = s.flow[:0], s.block[:0]
	case token.SequenceStartType, token.MappingStartType:
		s.flow = append(s.flow, 0)
	case token.SequenceEndType, token.MappingEndType:
		if len(s.flow) > 0 {
			s.flow = s.flow[:len(s.flow)-1]
		}
	case token.MappingValueType:
		if n := len(s.flow); n > 0 {
			s.flow[n-1]++
			if s.flow[n-1] > MaxKeys {
				return fmt.Sprintf("more than %d keys in one mapping", MaxKeys)
			}
			break
		}
		key := t
		if t.Prev != nil && t.Prev.Position.Line == t.Position.Line {
			key = t.Prev
		}
		if s.open(key.Position.Column).keys++; s.block[len(s.block)-1].keys > MaxKeys {
			return fmt.Sprintf("more than %d keys in one mapping", MaxKeys)
		}
	case token.SequenceEntryType:
		if len(s.flow) == 0 {
			s.open(t.Position.Column)
		}
	}
	if len(s.flow)+len(s.block) > MaxDepth {
		return fmt.Sprintf("lists and mappings are nested more than %d deep", MaxDepth)
	}
	return ""
}

// open returns the innermost block collection at column, closing those further right.
func (s *shape) open(column int) *columns {
	for len(s.block) > 0 && s.block[len(s.block)-1].column > column {
		s.block = s.block[:len(s.block)-1]
	}
	if len(s.block) == 0 || s.block[len(s.block)-1].column < column {
		s.block = append(s.block, columns{column: column})
	}
	return &s.block[len(s.block)-1]
}

// syntaxHints say what people usually meant, by the parser's wording.
var syntaxHints = map[string]string{
	"mapping value is not allowed in this context":                       `a text that contains ": " belongs in quotes or in a block after |; otherwise check the indentation`,
	"value is not allowed in this context. map key-value is pre-defined": "a text that begins with a quote must end with it; use a block after | for expressions",
	"unexpected key name":                            "check the indentation, and that the line has a colon",
	"non-map value is specified":                     "check the indentation, and that the line has a colon",
	"tab character cannot use as a map key directly": "indent with spaces",
}

func syntaxProblem(file string, err error) Problem {
	if overlooked, ok := err.(*misread); ok {
		line, column := position(overlooked.at)
		return Problem{File: file, Line: line, Column: column, Message: err.Error(), Hint: "check the indentation around it"}
	}
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) || syntax.Token == nil || syntax.Token.Position == nil {
		return Problem{File: file, Message: "this is not well-formed YAML"}
	}
	line, column := position(syntax.Token)
	hint := syntaxHints[syntax.Message]
	if hint == "" && strings.Contains(syntax.Message, "'\t'") {
		hint = "indent with spaces"
	}
	return Problem{File: file, Line: line, Column: column, Message: strings.ReplaceAll(syntax.Message, "\t", `\t`), Hint: hint}
}

func position(t *token.Token) (line, column int) {
	if t == nil || t.Position == nil {
		return 1, 1
	}
	return max(t.Position.Line, 1), max(t.Position.Column, 1)
}
