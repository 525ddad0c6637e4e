package document

import (
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Positions tells where the fields of one decoded document stand in its file. Paths are written
// like `rules[3].when`; keys that contain dots or brackets as `hosts["a.example"]`.
type Positions struct {
	file   string
	lines  [][]rune
	values map[string]ast.Node
	keys   map[string]ast.Node
}

func newPositions(file string, lines [][]rune) *Positions {
	return &Positions{file: file, lines: lines, values: map[string]ast.Node{}, keys: map[string]ast.Node{}}
}

func (p *Positions) record(path string, node ast.Node) {
	if node != nil {
		p.values[path] = node
	}
}

func (p *Positions) recordKey(path string, key ast.Node) { p.keys[path] = key }

// File returns the name that the document was decoded under.
func (p *Positions) File() string { return p.file }

// At returns where the value at path begins; for text, where its first character stands. A path
// that the document does not name gives the position of the nearest part around it that it does.
func (p *Positions) At(path string) (line, column int) {
	for {
		if node, ok := p.values[path]; ok {
			if node.Type() == ast.NullType && p.keys[path] != nil {
				return position(start(p.keys[path]))
			}
			if _, text := textOf(node); text {
				return p.Inside(path, 1, 1)
			}
			return position(start(node))
		}
		if path == "" {
			return 1, 1
		}
		path = parent(path)
	}
}

// Key returns where the key of path stands, or what At returns if path is not a key's.
func (p *Positions) Key(path string) (line, column int) {
	if key, ok := p.keys[path]; ok {
		return position(start(key))
	}
	return p.At(path)
}

// Has reports whether the document gives path a value; an empty one does not count.
func (p *Positions) Has(path string) bool {
	node, ok := p.values[path]
	return ok && node.Type() != ast.NullType
}

// Problem returns a problem at the value of path.
func (p *Positions) Problem(path, message, hint string) Problem {
	line, column := p.At(path)
	return Problem{File: p.file, Line: line, Column: column, Message: message, Hint: hint}
}

// Inside returns where a character of the text at path stands in the file. textLine and textColumn
// count the decoded text's lines and characters from 1, as a compiler that was given the text
// does. It follows quotes, escapes, and literal and folded blocks.
func (p *Positions) Inside(path string, textLine, textColumn int) (line, column int) {
	node, ok := p.values[path]
	if !ok {
		return p.At(path)
	}
	text, ok := textOf(node)
	if !ok {
		return position(start(node))
	}
	offset := 0
	for i, content := range strings.SplitAfter(text, "\n") {
		if i == textLine-1 {
			offset += min(max(textColumn-1, 0), len([]rune(strings.TrimSuffix(content, "\n"))))
			break
		}
		offset += len([]rune(content))
	}
	return p.align(node, []rune(text), offset)
}

// align walks the text and what is written in the file side by side, up to the character at offset.
// Decoding only ever drops, joins or replaces characters, so the two never need to be matched
// backwards.
func (p *Positions) align(node ast.Node, text []rune, offset int) (line, column int) {
	at := p.begin(node)
	beginLine, beginColumn := at.line, at.column
	quoting := node.GetToken().Type
	for i := 0; ; {
		r, more := at.peek()
		if !more {
			return beginLine, beginColumn
		}
		if i >= len(text) {
			return at.line, at.column
		}
		width, produced, matched := 1, 1, r == text[i]
		switch {
		case quoting == token.DoubleQuoteType && r == '\\':
			width, produced = at.escape()
			matched = true
		case quoting == token.SingleQuoteType && r == '\'':
			width = 2
		case r == '\n' && text[i] == ' ': // a folded line break
			matched = true
		}
		if matched && produced > 0 {
			if i >= offset {
				return at.line, at.column
			}
			i += produced
		} else if !matched && !unicode.IsSpace(r) {
			return at.line, at.column // beyond the text: its end
		}
		for range width {
			at.step()
		}
	}
}

// begin returns the cursor at the first character of node's content.
func (p *Positions) begin(node ast.Node) *cursor {
	line, column := position(node.GetToken())
	at := &cursor{lines: p.lines, line: line, column: column}
	if literal, ok := node.(*ast.LiteralNode); ok {
		line, _ = position(literal.Start)
		at.line, at.column = line+1, 1
		return at
	}
	switch t := node.GetToken(); {
	case t.Type == token.DoubleQuoteType || t.Type == token.SingleQuoteType:
		at.step()
	case t.Prev != nil && precedesValue[t.Prev.Type]:
		// The scanner misplaces plain texts of several lines; what stands before them it does not.
		at.line, at.column = position(t.Prev)
		at.step()
	}
	return at
}

// precedesValue are the one-character tokens after which a value begins.
var precedesValue = map[token.Type]bool{
	token.MappingValueType: true, token.SequenceEntryType: true, token.CollectEntryType: true,
	token.SequenceStartType: true, token.MappingStartType: true,
}

// cursor reads a file character by character.
type cursor struct {
	lines        [][]rune
	line, column int
}

func (c *cursor) peek() (rune, bool) {
	if c.line > len(c.lines) {
		return 0, false
	}
	if current := c.lines[c.line-1]; c.column <= len(current) {
		return current[c.column-1], true
	}
	return '\n', true
}

func (c *cursor) step() {
	if c.line <= len(c.lines) && c.column <= len(c.lines[c.line-1]) {
		c.column++
		return
	}
	c.line, c.column = c.line+1, 1
}

// escape returns how many characters the escape sequence at c takes, and how many it stands for.
func (c *cursor) escape() (width, produced int) {
	next := cursor{lines: c.lines, line: c.line, column: c.column + 1}
	switch r, _ := next.peek(); r {
	case 'x':
		return 4, 1
	case 'u':
		return 6, 1
	case 'U':
		return 10, 1
	case '\n':
		return 2, 0
	}
	return 2, 1
}

// parent returns path without its last key or index.
func parent(path string) string {
	if i := strings.LastIndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return ""
}
