package classify

import (
	"bytes"
	"strings"
)

// lineEnd returns the end of the line, or of the string, in which at stands.
func lineEnd(view []byte, at int) int {
	if i := bytes.IndexAny(view[at:], "\r\n\""); i >= 0 {
		return at + i
	}
	return len(view)
}

// startsMidWord says whether the word at at goes on to its left.
func startsMidWord(view []byte, at int) bool {
	return at > 0 && (isAlnum(view[at-1]) || view[at-1] == '_') && (at < 2 || view[at-2] != '\\')
}

// endsMidWord says whether the word before end goes on.
func endsMidWord(view []byte, end int) bool {
	return end < len(view) && (isAlnum(view[end]) || view[end] == '_')
}

// clause is f with its text cut where, in running text, the next clause or field begins: "Erika Mustermann
// Phone: 030 ..." becomes "Erika Mustermann".
func (f *field) clause() field {
	short := *f
	blank := 0 // before the word that the text has come to
	for i, b := range f.text {
		switch {
		case b == ' ' && i > 0 && f.text[i-1] == ' ', b == '\t', b == ';', b >= 0xe3 && isWidePunctuation(f.text[i:]):
			short.text = f.text[:i]
		case b == ':' && blank > 0:
			short.text = f.text[:blank]
		default:
			if b == ' ' || b == ',' {
				blank = i
			}
			continue
		}
		short.text = bytes.TrimRight(short.text, " ,")
		return short
	}
	short.text = bytes.TrimRight(short.text, " ,")
	return short
}

// isCode says whether text is an expression or statement of a programming language rather than a value.
func isCode(text []byte) bool {
	for _, sign := range []string{"//", "/*", "()", "](", ":=", "==", "!=", "&&", "||", "->", "=>", " + ", " = ", "0x", "${", "%s", "%d", "\\"} {
		if bytes.Contains(text, []byte(sign)) {
			return true
		}
	}
	open := bytes.IndexByte(text, '(')
	return open > 0 && (isAlnum(text[open-1]) || text[open-1] == '_') // a call
}

// isQuoted says whether f's value stands in quotes.
func (f *field) isQuoted() bool { return f.start > 0 && isOneOf(f.view[f.start-1], "\"'") }

// isWidePunctuation says whether text begins with a comma, semicolon, full stop or pause of East Asian text.
func isWidePunctuation(text []byte) bool {
	if len(text) < 3 {
		return false
	}
	switch string(text[:3]) {
	case "，", "；", "。", "、":
		return true
	}
	return false
}

// lowered appends text in small letters, as far as a value goes.
func lowered(out, text []byte) []byte {
	for _, b := range text[:min(len(text), maxValue)] {
		out = append(out, lower(b))
	}
	return out
}

// has says whether one of the vocabulary's supporting terms stands in text, which is normalised, later than
// any that denies it.
func (v *vocabulary) has(text []byte) bool {
	support, deny := v.last(text)
	return support >= 0 && support >= deny
}

// saysSomething says whether a field's value is more than a placeholder or a type's name, as in schemas and
// forms not filled in.
func saysSomething(text []byte) bool {
	text = bytes.Trim(text, " \t*_-.<>[]{}()'\"")
	if len(text) == 0 {
		return false
	}
	var scratch [32]byte
	if len(text) > len(scratch) {
		return true
	}
	return !placeholders[string(lowered(scratch[:0], text))]
}

// labels are terms that are separated by "|", to be looked up whole: what stands beside a field in a form is
// no value of it ("bloodType": "Blutgruppe").
func labels(terms string) map[string]bool {
	set := map[string]bool{}
	for term := range strings.SplitSeq(terms, "|") {
		set[strings.TrimSuffix(term, "*")] = true
	}
	return set
}

func isLabel(text []byte, labels map[string]bool) bool {
	var scratch [48]byte
	return len(text) <= len(scratch) && labels[string(lowered(scratch[:0], text))]
}

var placeholders = setOf("null none nil undefined unknown n/a na tbd todo string number integer boolean bool object array date datetime " +
	"text varchar uuid example sample test xxx xxxx ... no false true yes 0 1 keine aucun ninguno nessuno nenhum 无 未知 なし 없음 redacted hidden " +
	"required optional value default any")

// isHexDigit says whether b is a hexadecimal digit of either case.
func isHexDigit(b byte) bool { return isDigit(b) || b|0x20 >= 'a' && b|0x20 <= 'f' }
