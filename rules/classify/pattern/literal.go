package pattern

import (
	"math"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxChoices = 64 // literals of one pattern
	maxClass   = 8  // characters of a class that is written out
	unbounded  = math.MaxInt32
)

// literals are texts of which every match holds one.
type literals struct {
	texts  []string
	before int // the most bytes that stand before it in a match
}

// better says whether l is the better choice: longer ones are rarer.
func (l literals) better(other literals) bool {
	a, b := l.shortest(), other.shortest()
	return a > b || a == b && len(l.texts) > 0 && l.before < other.before
}

func (l literals) shortest() int {
	if len(l.texts) == 0 {
		return 0
	}
	least := unbounded
	for _, text := range l.texts {
		least = min(least, len(text))
	}
	return least
}

// literalsOf returns the literals of at least MinBytes that an expression is best found by; none if it
// has none.
func literalsOf(tree *syntax.Regexp) literals {
	found := required(tree)
	if found.shortest() < MinBytes {
		return literals{}
	}
	for i, text := range found.texts {
		found.texts[i] = lowerASCII(text)
	}
	slices.Sort(found.texts)
	found.texts = slices.Compact(found.texts)
	return found
}

// required returns the best literals of an expression.
func required(e *syntax.Regexp) literals {
	if all := exactly(e); len(all) > 0 {
		return literals{texts: all}
	}
	switch e.Op {
	case syntax.OpCapture, syntax.OpPlus:
		return required(e.Sub[0])
	case syntax.OpRepeat:
		if e.Min > 0 {
			return required(e.Sub[0])
		}
	case syntax.OpLiteral: // with letters of more than one form
		return withinFolded(e)
	case syntax.OpAlternate:
		var all literals
		for _, sub := range e.Sub {
			of := required(sub)
			if len(of.texts) == 0 {
				return literals{}
			}
			all.texts, all.before = append(all.texts, of.texts...), max(all.before, of.before)
		}
		if len(all.texts) <= maxChoices {
			return all
		}
	case syntax.OpConcat:
		return inSequence(e.Sub)
	}
	return literals{}
}

// inSequence returns the best literals of a sequence: those of one of its parts, or of neighbouring parts
// that are literals altogether.
func inSequence(parts []*syntax.Regexp) (best literals) {
	before := 0 // bytes before the part
	joined := literals{texts: []string{""}}
	for _, part := range parts {
		all := exactly(part)
		if len(all) > 0 {
			if product := combined(joined.texts, all); product != nil {
				joined.texts = product
			} else {
				joined = literals{slices.Clone(all), before}
			}
			if joined.better(best) {
				best = literals{slices.Clone(joined.texts), joined.before}
			}
			before = plus(before, widest(part))
			continue
		}
		if of := required(part); len(of.texts) > 0 {
			of.before = plus(of.before, before)
			if of.better(best) {
				best = of
			}
		}
		if product := combined(joined.texts, exactly(repeated(part))); product != nil {
			if begun := (literals{product, joined.before}); begun.better(best) {
				best = begun // "abc+" begins with "abc"
			}
		}
		before = plus(before, widest(part))
		joined = literals{[]string{""}, before}
	}
	return best
}

// repeated returns what an expression begins with at least one of; itself if it repeats nothing.
func repeated(e *syntax.Regexp) *syntax.Regexp {
	if e.Op == syntax.OpPlus || e.Op == syntax.OpRepeat && e.Min > 0 {
		return e.Sub[0]
	}
	return e
}

// exactly returns all texts that an expression matches; nil if they are many.
func exactly(e *syntax.Regexp) []string {
	switch e.Op {
	case syntax.OpEmptyMatch, syntax.OpWordBoundary, syntax.OpNoWordBoundary, syntax.OpBeginLine, syntax.OpEndLine:
		return []string{""}
	case syntax.OpLiteral:
		if e.Flags&syntax.FoldCase != 0 && slices.ContainsFunc(e.Rune, foldsBeyondASCII) {
			return nil
		}
		return []string{string(e.Rune)}
	case syntax.OpCharClass:
		var all []string
		for i := 0; i < len(e.Rune); i += 2 {
			if e.Rune[i+1]-e.Rune[i] >= maxClass {
				return nil
			}
			for r := e.Rune[i]; r <= e.Rune[i+1]; r++ {
				all = append(all, string(r))
			}
		}
		if len(all) > maxClass {
			return nil
		}
		return all
	case syntax.OpCapture:
		return exactly(e.Sub[0])
	case syntax.OpAlternate:
		var all []string
		for _, sub := range e.Sub {
			of := exactly(sub)
			if of == nil || len(all)+len(of) > maxChoices {
				return nil
			}
			all = append(all, of...)
		}
		return all
	case syntax.OpConcat:
		all := []string{""}
		for _, sub := range e.Sub {
			if all = combined(all, exactly(sub)); all == nil {
				return nil
			}
		}
		return all
	}
	return nil
}

// combined returns every text of a followed by every text of b; nil if they are many, or one has none.
func combined(a, b []string) (all []string) {
	if len(a)*len(b) > maxChoices {
		return nil
	}
	for _, x := range a {
		for _, y := range b {
			all = append(all, x+y)
		}
	}
	return all
}

// withinFolded returns the longest piece of a literal without regard to case that has no letters with
// forms beyond ASCII: those are spelt with other bytes in capitals.
func withinFolded(e *syntax.Regexp) (best literals) {
	piece, before, width := "", 0, 0
	for _, r := range e.Rune {
		if foldsBeyondASCII(r) {
			width += utf8.UTFMax
			piece, before = "", width
			continue
		}
		piece += string(r)
		width += utf8.RuneLen(r)
		if of := (literals{[]string{piece}, before}); of.better(best) {
			best = of
		}
	}
	return best
}

// foldsBeyondASCII says whether r is a letter beyond ASCII with another form. That RE2 takes the long s and
// the sign for kelvin for an s and a k, without regard to case, is passed over.
func foldsBeyondASCII(r rune) bool { return r >= utf8.RuneSelf && unicode.SimpleFold(r) != r }

func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r | 0x20
		}
		return r
	}, text)
}

// plus adds widths.
func plus(a, b int) int { return min(unbounded, a+b) }

// widest is the most bytes that a match can have.
func widest(e *syntax.Regexp) (width int) {
	switch e.Op {
	case syntax.OpLiteral:
		for _, r := range e.Rune {
			if e.Flags&syntax.FoldCase != 0 && foldsBeyondASCII(r) {
				width += utf8.UTFMax
			} else {
				width += max(1, utf8.RuneLen(r))
			}
		}
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return utf8.UTFMax
	case syntax.OpCapture, syntax.OpQuest:
		return widest(e.Sub[0])
	case syntax.OpStar, syntax.OpPlus:
		return unbounded
	case syntax.OpRepeat:
		if e.Max < 0 {
			return unbounded
		}
		return min(unbounded, widest(e.Sub[0])*e.Max)
	case syntax.OpConcat:
		for _, sub := range e.Sub {
			width = plus(width, widest(sub))
		}
	case syntax.OpAlternate:
		for _, sub := range e.Sub {
			width = max(width, widest(sub))
		}
	}
	return width
}

// narrowest is the fewest characters that a match can have.
func narrowest(e *syntax.Regexp) (width int) {
	switch e.Op {
	case syntax.OpLiteral:
		return len(e.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1
	case syntax.OpCapture, syntax.OpPlus:
		return narrowest(e.Sub[0])
	case syntax.OpRepeat:
		return min(unbounded, narrowest(e.Sub[0])*e.Min)
	case syntax.OpConcat:
		for _, sub := range e.Sub {
			width = plus(width, narrowest(sub))
		}
	case syntax.OpAlternate:
		width = unbounded
		for _, sub := range e.Sub {
			width = min(width, narrowest(sub))
		}
	}
	return width
}

// hasTextBorder says whether the expression asks for the beginning or the end of the text.
func hasTextBorder(e *syntax.Regexp) bool {
	return e.Op == syntax.OpBeginText || e.Op == syntax.OpEndText || slices.ContainsFunc(e.Sub, hasTextBorder)
}

// beginsAtWord says whether a match can only begin with a word of ASCII.
func beginsAtWord(e *syntax.Regexp) bool {
	switch e.Op {
	case syntax.OpCapture:
		return beginsAtWord(e.Sub[0])
	case syntax.OpConcat:
		return len(e.Sub) > 1 && (beginsAtWord(e.Sub[0]) || e.Sub[0].Op == syntax.OpWordBoundary && beginsWithLetter(e.Sub[1]))
	}
	return false
}

func beginsWithLetter(e *syntax.Regexp) bool {
	switch e.Op {
	case syntax.OpLiteral:
		r := e.Rune[0]
		return r == '_' || r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r))
	case syntax.OpCapture, syntax.OpConcat:
		return beginsWithLetter(e.Sub[0])
	case syntax.OpAlternate:
		for _, sub := range e.Sub {
			if !beginsWithLetter(sub) {
				return false
			}
		}
		return true
	}
	return false
}
