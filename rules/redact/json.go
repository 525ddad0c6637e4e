package redact

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	maxJSONDepth = 512
	// maxNesting is how deep JSON within the strings of JSON is taken apart.
	maxNesting = 3
)

// readJSON appends JSON: one document, or several as in NDJSON and RFC 7464. Text that only begins like
// JSON, as a line of a log does, has its escapes undone all the same, because the classifier does so.
func (v *view) readJSON(part []byte, at int, declared bool, written syntax) error {
	text, leaves, object, done := len(v.text), len(v.leaves), v.object, 0
	var failed error
	ok := scanJSON(part, true, &v.object, func(t jsonToken) {
		v.keep(part[done:t.from], at+done)
		from := len(v.text)
		l := leaf{from: from, end: at + t.to, kind: t.kind, object: t.object, syntax: written}
		if t.kind == jsonString || t.kind == jsonKey {
			v.unescape(part[t.from:t.to], at+t.from)
			if written == verbatim {
				l.syntax = inJSON
			}
		} else {
			v.keep(part[t.from:t.to], at+t.from)
		}
		l.to, done = len(v.text), t.to
		if failed == nil {
			failed = v.addNested(l, 1)
		}
	})
	if ok && failed == nil {
		v.keep(part[done:], at+done)
		return nil
	}
	if failed != nil || declared {
		if failed == nil {
			failed = refuse("the body is not well-formed JSON")
		}
		return failed
	}
	v.text, v.origin, v.leaves, v.object = v.text[:text], v.origin[:text], v.leaves[:leaves], object
	v.unescape(part, at)
	if v.format == jsonFormat {
		v.format = textFormat
	}
	return v.add(leaf{from: text, to: len(v.text), end: at + len(part), syntax: written})
}

// addNested adds a leaf, or what it holds if that is JSON again.
func (v *view) addNested(l leaf, depth int) error {
	text := v.text[l.from:l.to]
	head := bytes.TrimLeft(text, " \t\r\n")
	if (l.kind != jsonString && l.kind != plainText) || depth > maxNesting || len(head) < 2 || head[0] != '{' && head[0] != '[' {
		return v.add(l)
	}
	before, object := len(v.leaves), v.object
	var failed error
	ok := scanJSON(text, false, &v.object, func(t jsonToken) {
		inner := leaf{from: l.from + t.from, to: l.from + t.to, kind: t.kind, object: t.object, nested: true, end: l.end, syntax: l.syntax}
		if inner.to < l.to {
			inner.end = int(v.origin[inner.to])
		}
		if failed == nil {
			failed = v.addNested(inner, depth+1)
		}
	})
	if !ok {
		v.leaves, v.object = v.leaves[:before], object
		return v.add(l)
	}
	return failed
}

// unescape appends the content of a JSON string (RFC 8259 section 7) as the classifier reads it: what an
// escape stands for, with a space for those of white space and control characters.
func (v *view) unescape(part []byte, at int) {
	high, highAt := rune(0), 0
	lone := func() {
		if high != 0 {
			v.put(utf8.AppendRune(nil, utf8.RuneError), highAt)
			high = 0
		}
	}
	var buffer [utf8.UTFMax]byte
	for i := 0; i < len(part); {
		if part[i] != '\\' || i+1 == len(part) {
			lone()
			end := len(part)
			if next := bytes.IndexByte(part[i+1:], '\\'); next >= 0 {
				end = i + 1 + next
			}
			v.keep(part[i:end], at+i)
			i = end
			continue
		}
		unit, size := escapeAt(part[i:])
		switch {
		case size < 6:
			lone()
			buffer[0] = byte(unit)
			v.put(buffer[:1], at+i)
		case high != 0 && utf16.DecodeRune(high, unit) != utf8.RuneError:
			v.put(utf8.AppendRune(buffer[:0], utf16.DecodeRune(high, unit)), highAt)
			high = 0
		default:
			lone()
			if unit >= 0xd800 && unit < 0xdc00 {
				high, highAt = unit, at+i
			} else {
				v.put(utf8.AppendRune(buffer[:0], unit), at+i)
			}
		}
		i += size
	}
	lone()
}

// escapeAt reads the escape at the start of text, which has two bytes at least. Of what is no escape the
// byte that shows it stands for itself.
func escapeAt(text []byte) (unit rune, size int) {
	switch b := text[1]; b {
	case 'u':
	case 'n', 'r', 't', 'b', 'f':
		return ' ', 2
	default:
		return rune(b), 2
	}
	for size = 2; size < 6 && size < len(text); size++ {
		digit := hexValue(text[size])
		if digit < 0 {
			return rune(text[size]), min(size+1, 5) // text that is no JSON; the size tells it from a whole escape
		}
		unit = unit<<4 | rune(digit)
	}
	return unit, size
}

func hexValue(b byte) int {
	switch {
	case isDigit(b):
		return int(b - '0')
	case b|0x20 >= 'a' && b|0x20 <= 'f':
		return int(b|0x20-'a') + 10
	}
	return -1
}

// escapeJSON writes text as the content of a JSON string.
func escapeJSON(text string) string {
	var b []byte
	for i := range len(text) {
		if text[i] == '"' || text[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, text[i])
	}
	return string(b)
}
