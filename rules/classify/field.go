package classify

import (
	"bytes"
	"strings"
)

// field looks at the key that ends with the ":", "=" or ">" at at, and hands the value behind it to the
// rules whose keys it is one of.
func (s *scanner) field(at int) {
	if len(s.table.keyed) == 0 {
		return
	}
	view, i := s.view(at)
	key, ok := keyAt(view, i)
	if !ok {
		return
	}
	s.fire(s.table.factsOf(view[key.from:key.to]).facts, view, at-i, i, key)
}

// fire hands the value behind the ":", "=" or ">" at at in view, which stands at from in the window, to the
// rules that its key fires.
func (s *scanner) fire(known *facts, view []byte, from, at int, key name) {
	for _, r := range known.fires {
		s.tryField(r, view, from, at, key)
	}
}

// keyAt reads the key that the ":", "=" or ">" at at ends.
func keyAt(view []byte, at int) (name, bool) {
	if at+1 == len(view) {
		return name{}, false
	}
	next := view[at+1]
	switch view[at] {
	case '>':
		if at > 0 && (view[at-1] == '=' || view[at-1] == '-') {
			return keyBefore(view, at-1)
		}
		if next == '<' || next == '\n' || next == '\r' {
			return name{}, false
		}
		return tagBefore(view, at)
	case '=':
		if next == '=' || next == '>' || next == '\n' || next == '\r' || at > 0 && strings.IndexByte("=!<>+-*/%&|^", view[at-1]) >= 0 {
			return name{}, false
		}
	case ':':
		if next == ':' || at > 0 && isDigit(view[at-1]) && isDigit(next) || bytes.HasPrefix(view[at+1:], []byte("//")) {
			return name{}, false
		}
	}
	key, ok := keyBefore(view, at)
	if ok && key.from == key.outer {
		key.from = lastWords(view, key.from, key.to)
	}
	return key, ok
}

// wideStops end a clause in Chinese and Japanese text.
var wideStops = [][]byte{[]byte("，"), []byte("。"), []byte("；"), []byte("、")}

// bareWords is how many words of running text before a ":" or "=" can name a field.
const bareWords = 4

// lastWords cuts a key without quotes, which may be preceded by a sentence.
func lastWords(view []byte, from, to int) int {
	for _, stop := range wideStops {
		if i := bytes.LastIndex(view[from:to], stop); i >= 0 {
			from += i + len(stop)
		}
	}
	words := 0
	for i := to - 1; i > from; i-- {
		if view[i] == '.' && view[i-1] != ' ' && i+1 < to && view[i+1] == ' ' {
			return i + 1
		}
		if view[i] == ' ' && view[i-1] != ' ' {
			if words++; words == bareWords {
				return i + 1
			}
		}
	}
	return from
}

// tryField hands the value behind the ":", "=" or ">" at at, or each scalar of a list there, to r.
func (s *scanner) tryField(r *rule, view []byte, from, at int, key name) {
	f := &s.handed
	*f = field{key: view[key.from:key.to], view: view}
	binding := view[at]
	if binding == ':' && view[key.to] != '"' && view[key.to] != '\'' && view[key.to] != '\\' {
		binding = ' '
	}
	start := skipBlank(view, at+1)
	if start == len(view) {
		return
	}
	list := view[at] == ':' && view[start] == '['
	if r.whole && (list || view[start] == '{') {
		f.take(start, min(len(view), start+maxField))
		s.tryValue(r, f, from)
		return
	}
	if !list {
		f.take(valueBounds(view, start, binding))
		s.tryValue(r, f, from)
		return
	}
	for start = skipBlank(view, start+1); start < len(view); start = skipBlank(view, start+1) {
		if c := view[start]; c == ']' || c == '{' || c == '[' {
			return
		}
		f.take(valueBounds(view, start, ':'))
		s.tryValue(r, f, from)
		for start = f.start + len(f.text); start < len(view) && view[start] != ','; start++ {
			if view[start] == ']' {
				return
			}
		}
	}
}

func (s *scanner) tryValue(r *rule, f *field, from int) {
	if len(f.text) == 0 {
		return
	}
	if m := r.field(f, s.value[:0]); m.strength != 0 {
		s.accept(r, from+m.start, from+m.end, m.strength, m.value)
	}
}

// take makes view[from:to] the field's value, without white space around it.
func (f *field) take(from, to int) {
	if f.cut = to-from > maxField; f.cut {
		to = from + maxField
	}
	for to > from && isSpace(f.view[to-1]) {
		to--
	}
	f.start, f.text = from, f.view[from:to]
}

func isSpace(b byte) bool { return isBlank(b) || b == '\r' || b == '\n' }

// skipBlank returns where what follows the white space at at begins.
func skipBlank(view []byte, at int) int {
	for end := min(len(view), at+maxBlank); at < end; at++ {
		if !isSpace(view[at]) && view[at] != '\\' {
			return at
		}
	}
	return len(view)
}

// valueBounds returns the bounds of the value that begins at start, behind the byte that bound it to its
// key.
func valueBounds(view []byte, start int, binding byte) (from, to int) {
	rest := view[start:]
	if quote := rest[0]; quote == '"' || quote == '\'' {
		if end := bytes.IndexByte(rest[1:], quote); end >= 0 {
			return start + 1, start + 1 + end
		}
		return start + 1, len(view)
	}
	stops := "\n\r\"}],;|\t"
	switch binding {
	case '>':
		stops = "<"
	case '=':
		stops = "\n\r\"&;<>"
	case ' ': // running text after a key without quotes
		stops = "\n\r\"{}<|\t"
	}
	to = len(view)
	if end := bytes.IndexAny(rest, stops); end >= 0 {
		to = start + end
	}
	switch binding {
	case '=':
		to = beforeNextKey(view, start, to)
	case ' ':
		for _, stop := range wideStops[:3] {
			if end := bytes.Index(view[start:to], stop); end >= 0 {
				to = start + end
			}
		}
		to = beforeNextName(view, start, to)
	}
	return start, to
}

// beforeNextName cuts "a, b, other: c" before ", other".
func beforeNextName(view []byte, from, to int) int {
	if colon := bytes.IndexByte(view[from:to], ':'); colon >= 0 {
		if comma := bytes.LastIndexAny(view[from:from+colon], ",;"); comma >= 0 {
			return from + comma
		}
	}
	return to
}

// beforeNextKey cuts "a b other=c" before " other".
func beforeNextKey(view []byte, from, to int) int {
	for i := from; i < to; i++ {
		if view[i] != '=' {
			continue
		}
		if blank := bytes.LastIndexByte(view[from:i], ' '); blank >= 0 {
			return from + blank
		}
		return to
	}
	return to
}
