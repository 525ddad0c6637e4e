package classify

import (
	"bytes"
	"strings"
)

// Distances, in bytes, that the search for a value's field key may cover. Together they stay below lookBehind.
const (
	nearby   = 64  // words on either side
	maxKey   = 64  // a field key
	maxBlank = 32  // white space between a key and its value
	maxWalk  = 448 // from a list element or a field back to the name of what contains it
)

// surroundings is the text that can speak for or against a value: the field it stands in, as far as one
// can be made out, and the words around it. With a field, only words of the same field value count: the
// neighbouring field's key says nothing.
//
// The reading is local and knows no content type, so that it works alike for JSON, JSON within strings,
// forms, XML, YAML, logs and prose.
type surroundings struct {
	keyed         bool
	key           []byte
	outer         int // where what contains the field is looked for
	before, after []byte
}

func surroundingsOf(view []byte, start, end int) surroundings {
	var s surroundings
	from, key, found := fieldOf(view, start)
	if found {
		s.keyed, s.outer = true, key.outer
		s.key = view[key.from:key.to]
		s.before = view[from:start]
		s.after = upTo(view[end:min(len(view), end+nearby)], "\"\n&;,<}]")
		return s
	}
	s.before = wholeWords(view, max(0, start-nearby), start)
	s.after = view[end:min(len(view), end+nearby)]
	return s
}

// container is the key of the object that holds the field, nil if it has none.
func (s *surroundings) container(view []byte) []byte {
	n, _ := containerOf(view, s.outer)
	return view[n.from:n.to]
}

// name is where a key stands, and where to go on from when looking for what contains it.
type name struct{ from, to, outer int }

// fieldOf finds the field key of the value at start, and where the field's value begins.
func fieldOf(view []byte, start int) (from int, key name, found bool) {
	at := skipBack(view, start)
	if at == 0 {
		return 0, name{}, false
	}
	switch c := view[at-1]; c {
	case '"', '\'':
		key, found = bind(view, at-1)
		return start, key, found
	case ':', '=', '>', ',', '[':
		key, found = bind(view, at)
		return start, key, found
	}
	// Text precedes the value within its field: go back to where the field's value begins.
	for i := start - 1; i >= max(0, start-nearby); i-- {
		switch view[i] {
		case '"':
			if before := skipBack(view, i); before > 0 && strings.IndexByte(":=[,{(", view[before-1]) >= 0 {
				key, found = bind(view, i)
				return i + 1, key, found
			}
			return 0, name{}, false
		case ':', '=', '>':
			if i+1 < len(view) && view[i+1] == '/' { // a URL's "://"
				continue
			}
			key, found = bind(view, i+1)
			return i + 1, key, found
		case '\n', '&', ';', ',', '{', '}', '[', ']', '<', '|':
			return 0, name{}, false
		}
	}
	return 0, name{}, false
}

// bind reads the key that is bound to what begins at at by ":", "=", "=>", an XML tag or a list.
func bind(view []byte, at int) (name, bool) {
	i := skipBack(view, at)
	if i == 0 {
		return name{}, false
	}
	switch view[i-1] {
	case ':', '=':
		return keyBefore(view, i-1)
	case '>':
		if i >= 2 && (view[i-2] == '=' || view[i-2] == '-') {
			return keyBefore(view, i-2)
		}
		return tagBefore(view, i-1)
	case ',', '[':
		return containerOf(view, i)
	}
	return name{}, false
}

// keyBefore reads a quoted or bare key that ends at at.
func keyBefore(view []byte, at int) (name, bool) {
	to := skipBack(view, at)
	if to == 0 {
		return name{}, false
	}
	low := max(0, to-maxKey)
	if quote := view[to-1]; quote == '"' || quote == '\'' {
		to--
		for to > low && view[to-1] == '\\' {
			to--
		}
		from := bytes.LastIndexByte(view[low:to], quote)
		if from < 0 {
			return name{}, false
		}
		return named(view, low+from+1, to, low+from)
	}
	from := to
	for from > low && isKeyByte(view[from-1]) {
		from--
	}
	return named(view, from, to, from)
}

// named is the key from from to to, provided that it has a letter.
func named(view []byte, from, to, outer int) (name, bool) {
	for _, b := range view[from:to] {
		if isAlpha(b) || b >= 0x80 {
			return name{from, to, outer}, true
		}
	}
	return name{}, false
}

func isKeyByte(b byte) bool {
	return isAlnum(b) || b >= 0x80 || strings.IndexByte("_-.# []$/", b) >= 0
}

// tagBefore reads the name of the XML tag that ends with the ">" at at.
func tagBefore(view []byte, at int) (name, bool) {
	low := max(0, at-2*maxKey)
	open := bytes.LastIndexByte(view[low:at], '<')
	if open < 0 || view[low+open+1] == '/' {
		return name{}, false
	}
	from := low + open + 1
	to := from
	for to < at && !isBlank(view[to]) && view[to] != '\n' {
		to++
	}
	return named(view, from, to, low+open)
}

// containerOf finds the key of the JSON list or object that contains what stands before at.
func containerOf(view []byte, at int) (name, bool) {
	depth := 0
	for i := at - 1; i >= max(0, at-maxWalk); i-- {
		switch c := view[i]; {
		case c == '"':
			open := bytes.LastIndexByte(view[:i], '"')
			if open < 0 {
				return name{}, false
			}
			i = open
		case c == '}' || c == ']':
			depth++
		case c == '{' || c == '[':
			if depth > 0 {
				depth--
				continue
			}
			if before := skipBack(view, i); before > 0 && view[before-1] == ':' {
				return keyBefore(view, before-1)
			}
		case isAlpha(c) && strings.IndexByte("aeflnrstuE", c) < 0 || c >= 0x80 || c == '<' || c == '=':
			return name{}, false // not JSON: only true, false, null and numbers stand outside strings
		}
	}
	return name{}, false
}

// skipBack returns the end of what stands before at, white space and the backslashes of nested escapes
// left out.
func skipBack(view []byte, at int) int {
	for i := at; i > max(0, at-maxBlank); i-- {
		switch view[i-1] {
		case ' ', '\t', '\r', '\n', '\\':
		default:
			return i
		}
	}
	return max(0, at-maxBlank)
}

// upTo cuts text before the first of the bytes in stops.
func upTo(text []byte, stops string) []byte {
	if i := bytes.IndexAny(text, stops); i >= 0 {
		return text[:i]
	}
	return text
}

// wholeWords is view[from:to] without the word that from cuts in two.
func wholeWords(view []byte, from, to int) []byte {
	if from > 0 && isAlnum(view[from-1]) {
		for from < to && isAlnum(view[from]) {
			from++
		}
	}
	return view[from:to]
}
