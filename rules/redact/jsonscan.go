package redact

import "bytes"

// jsonScanner checks JSON (RFC 8259) and calls emit for each token that can hold a value, and for keys.
type jsonScanner struct {
	text   []byte
	at     int
	emit   func(jsonToken)
	object *int32 // of the last object begun
}

// jsonToken is a string without its quotes, a number or a word.
type jsonToken struct {
	kind     kind
	from, to int
	object   int32 // of a key
}

// scanJSON reads one object or list; with several, any number of values of any type, with white space or
// the separator of RFC 7464 between them. It reports whether text is nothing else.
func scanJSON(text []byte, several bool, object *int32, emit func(jsonToken)) bool {
	s := &jsonScanner{text: text, emit: emit, object: object}
	if several {
		s.at = len(text) - len(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))
	}
	for s.skip(several); s.at < len(text); s.skip(several) {
		if !s.value(0) {
			return false
		}
		if !several {
			s.skip(false)
			return s.at == len(text)
		}
		// Two numbers with nothing between them are one.
		if s.at < len(text) && isTokenByte(text[s.at-1]) && isTokenByte(text[s.at]) {
			return false
		}
	}
	return several
}

func isTokenByte(b byte) bool { return isDigit(b) || b >= 'a' && b <= 'z' || b == '-' || b == '"' }

// skip passes white space.
func (s *jsonScanner) skip(separators bool) {
	for ; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
		case 0x1e:
			if !separators {
				return
			}
		default:
			return
		}
	}
}

// next is the next byte, 0 at the end.
func (s *jsonScanner) next() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

// take passes b, if it is next.
func (s *jsonScanner) take(b byte) bool {
	if s.next() != b {
		return false
	}
	s.at++
	return true
}

// value reads one value with all that is in it.
func (s *jsonScanner) value(depth int) bool {
	switch c := s.next(); {
	case c == '{' || c == '[':
		return depth < maxJSONDepth && s.container(c == '{', depth)
	case c == '"':
		return s.quoted(jsonString, 0)
	case c == '-' || isDigit(c):
		return s.number()
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if bytes.HasPrefix(s.text[s.at:], []byte(word)) {
			s.emit(jsonToken{kind: jsonWord, from: s.at, to: s.at + len(word)})
			s.at += len(word)
			return true
		}
	}
	return false
}

// container reads an object or a list.
func (s *jsonScanner) container(isObject bool, depth int) bool {
	s.at++
	closing, id := byte(']'), int32(0)
	if isObject {
		*s.object++
		closing, id = '}', *s.object
	}
	if s.skip(false); s.take(closing) {
		return true
	}
	for {
		if isObject {
			if s.next() != '"' || !s.quoted(jsonKey, id) {
				return false
			}
			if s.skip(false); !s.take(':') {
				return false
			}
			s.skip(false)
		}
		if !s.value(depth + 1) {
			return false
		}
		if s.skip(false); s.take(closing) {
			return true
		}
		if !s.take(',') {
			return false
		}
		s.skip(false)
	}
}

// quoted reads a string.
func (s *jsonScanner) quoted(k kind, object int32) bool {
	s.at++
	from := s.at
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			s.emit(jsonToken{k, from, s.at, object})
			s.at++
			return true
		case c < 0x20:
			return false
		case c == '\\':
			if !s.escape() {
				return false
			}
		default:
			s.at++
		}
	}
	return false
}

func (s *jsonScanner) escape() bool {
	s.at++
	c := s.next()
	if c == 0 || bytes.IndexByte([]byte(`"\/bfnrtu`), c) < 0 {
		return false
	}
	s.at++
	for digits := 0; c == 'u' && digits < 4; digits++ {
		if hexValue(s.next()) < 0 {
			return false
		}
		s.at++
	}
	return true
}

// number reads a number.
func (s *jsonScanner) number() bool {
	from := s.at
	s.take('-')
	if !s.take('0') && !s.digits() {
		return false
	}
	if s.take('.') && !s.digits() {
		return false
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return false
		}
	}
	s.emit(jsonToken{kind: jsonNumber, from: from, to: s.at})
	return true
}

// digits reads one digit or more.
func (s *jsonScanner) digits() bool {
	from := s.at
	for isDigit(s.next()) {
		s.at++
	}
	return s.at > from
}
