// Package pattern makes regular expressions cheap enough to look for in everything that leaves.
//
// A regular expression is never run over a whole text. Compile takes from it the literals of which every
// match must hold one ("PRJ-" in `\bPRJ-[0-9]{4,6}\b`); the caller finds these, of all patterns at once, and
// asks Match about the neighbourhood of each. A pattern without a literal of at least three bytes is
// refused, unless it is said to be slow; then Find looks at the text a step at a time.
//
// The syntax is RE2's, as package regexp has it, so that no text makes a match take more than linear time.
// "^" and "$" stand for the borders of lines, with (?m); the borders of the text are not known here.
//
//	p, err := pattern.Compile(`\bPRJ-[0-9]{4,6}\b`, false)
//	start, end, ok := p.Match(view, at) // at: where one of p.Literals() stands
package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

// Limits of a pattern.
const (
	MaxText   = 1024 // bytes of the expression
	MinBytes  = 3    // of a literal
	MaxBefore = 256  // bytes of a match before its literal; what begins earlier is not found
	MaxAfter  = 448  // bytes of a match from its literal on; what is longer is cut there
	MaxSlow   = 192  // bytes of a match of a slow pattern
)

// Errors of Compile beside those of the syntax.
var (
	ErrNoLiteral = fmt.Errorf("the pattern has no literal of %d bytes or more that every match must hold", MinBytes)
	ErrBorder    = errors.New(`"^", "$", \A and \z stand for the borders of a text, which are not known here`)
	ErrEmpty     = errors.New("the pattern matches the empty text")
	ErrTooLong   = fmt.Errorf("the pattern is longer than %d bytes", MaxText)
)

// Pattern is a compiled pattern. It is immutable and safe for concurrent use.
type Pattern struct {
	text     string
	literals []string
	before   int  // the most bytes of a match before its literal
	after    int  // the most bytes of a match from its literal on
	word     bool // a literal is always at the start of a word
	slow     bool

	anywhere *regexp.Regexp
	here     *regexp.Regexp // at the start of what it is given
	behind   *regexp.Regexp // the same, with one character before it
}

// Compile reads a pattern. slow admits one without a literal.
func Compile(text string, slow bool) (*Pattern, error) {
	if len(text) > MaxText {
		return nil, ErrTooLong
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("not a regular expression: %w", wording(err))
	}
	if hasTextBorder(tree) {
		return nil, ErrBorder
	}
	found := literalsOf(tree.Simplify())
	p := &Pattern{text: text, literals: found.texts, before: min(found.before, MaxBefore), after: min(widest(tree), MaxAfter)}
	switch {
	case narrowest(tree) == 0:
		return nil, ErrEmpty
	case len(found.texts) == 0 && !slow:
		return nil, ErrNoLiteral
	case len(found.texts) == 0:
		p.slow, p.after = true, min(p.after, MaxSlow)
	}
	p.word = found.before == 0 && beginsAtWord(tree)
	for _, form := range []struct {
		into *(*regexp.Regexp)
		text string
	}{{&p.anywhere, text}, {&p.here, `\A(?:` + text + `)`}, {&p.behind, `\A(?s:.)(?:` + text + `)`}} {
		if *form.into, err = regexp.Compile(form.text); err != nil {
			return nil, fmt.Errorf("not a regular expression: %w", wording(err))
		}
	}
	return p, nil
}

// wording leaves "error parsing regexp" away, which the caller says.
func wording(err error) error {
	var fault *syntax.Error
	if errors.As(err, &fault) {
		return fmt.Errorf("%s: %q", fault.Code, fault.Expr)
	}
	return err
}

// String returns the expression.
func (p *Pattern) String() string { return p.text }

// Slow says that there are no literals, and that Find is to be used.
func (p *Pattern) Slow() bool { return p.slow }

// Literals are what every match holds one of, in small letters, whatever case the pattern asks for.
func (p *Pattern) Literals() []string { return p.literals }

// AtWord says that no literal needs to be looked for but where a word of ASCII letters, digits and "_" begins.
func (p *Pattern) AtWord() bool { return p.word }

// Cost is the most bytes that one Match looks at.
func (p *Pattern) Cost() int { return p.before + p.after + 1 }

// Match returns the leftmost match in text that covers the start of the literal at at.
func (p *Pattern) Match(text []byte, at int) (start, end int, ok bool) {
	text = text[:min(len(text), at+p.after)]
	if p.before == 0 {
		return p.matchHere(text, at)
	}
	low := max(0, at-p.before)
	for from := low; from <= at; {
		context := max(0, from-1) // for what looks at the character before, as \b does
		m := p.anywhere.FindIndex(text[context:])
		if m == nil {
			return 0, 0, false
		}
		start, end = context+m[0], context+m[1]
		switch {
		case start > at:
			return 0, 0, false
		case start >= from && end > at:
			return start, end, true
		}
		from = max(from+1, end)
	}
	return 0, 0, false
}

// matchHere returns the match that begins at at.
func (p *Pattern) matchHere(text []byte, at int) (start, end int, ok bool) {
	expression, before := p.here, 0
	if at > 0 {
		_, before = utf8.DecodeLastRune(text[:at])
		expression = p.behind
	}
	m := expression.Find(text[at-before:]) // unlike FindIndex it makes no garbage
	if len(m) <= before {
		return 0, 0, false
	}
	return at, at + len(m) - before, true
}

// Find returns the leftmost match in text that begins at from or later, and before limit.
func (p *Pattern) Find(text []byte, from, limit int) (start, end int, ok bool) {
	text = text[:min(len(text), limit+MaxSlow)]
	// One character before it is there for what looks at it, as \b does; a match that begins with that one
	// hides others, and then it is left out.
	for _, context := range [...]int{max(0, from-1), from} {
		m := p.anywhere.FindIndex(text[context:])
		if m == nil || context+m[0] >= limit {
			return 0, 0, false
		}
		if start = context + m[0]; start >= from {
			return start, min(context+m[1], start+MaxSlow), true
		}
	}
	return 0, 0, false
}
