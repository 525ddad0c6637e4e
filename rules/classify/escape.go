package classify

import "unicode/utf8"

// maxEscape is the longest escape, in bytes: "&#x10ffff;".
const maxEscape = 10

// escapeAt reads the escape that p begins with: %40, \u0040, \x40, &#64;, &#x40; or &commat; and its like.
// size is 0 if there is none; more says that p is too short to tell.
func escapeAt(p []byte) (value rune, size int, more bool) {
	digits := 0
	switch {
	case p[0] == '%':
		digits, size = 2, 1
	case p[0] == '&':
		return entityAt(p)
	case p[0] != '\\':
		return 0, 0, false
	case len(p) < 2:
		return 0, 0, true
	case p[1] == 'u':
		digits, size = 4, 2
	case p[1] == 'x':
		digits, size = 2, 2
	default:
		return 0, 0, false
	}
	for ; digits > 0; digits-- {
		if size == len(p) {
			return 0, 0, true
		}
		digit := hexValue(p[size])
		if digit < 0 {
			return 0, 0, false
		}
		value = value<<4 | rune(digit)
		size++
	}
	return value, size, false
}

// entities are the named characters (XML 1.0 section 4.6, HTML's named character references) that can be
// part of a value, its key or what separates the two. Longer names than maxEscape allows stand for none.
var entities = map[string]rune{
	"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\'', "nbsp": ' ', "commat": '@', "period": '.', "num": '#',
	"lowbar": '_', "hyphen": '-', "dash": '-', "plus": '+', "colon": ':', "equals": '=', "sol": '/', "lpar": '(', "rpar": ')',
	"comma": ',', "semi": ';', "percnt": '%', "Tab": '\t', "NewLine": '\n', "shy": 0xad, "zwj": 0x200d, "zwnj": 0x200c,
	"ensp": ' ', "emsp": ' ', "ndash": '-', "minus": '-', "lsqb": '[', "rsqb": ']', "lcub": '{', "rcub": '}', "vert": '|',
}

// entityAt reads a character reference with its semicolon.
func entityAt(p []byte) (value rune, size int, more bool) {
	for size = 1; ; size++ {
		switch {
		case size == maxEscape:
			return 0, 0, false
		case size == len(p):
			return 0, 0, true
		case p[size] == ';':
			value = reference(p[1:size])
			if value < 0 {
				return 0, 0, false
			}
			return value, size + 1, false
		case !isAlnum(p[size]) && (p[size] != '#' || size > 1):
			return 0, 0, false
		}
	}
}

// reference is the character that a reference without "&" and ";" names; -1 if none.
func reference(name []byte) (value rune) {
	if len(name) < 2 || name[0] != '#' {
		if r, known := entities[string(name)]; known {
			return r
		}
		return -1
	}
	base, digits := rune(10), name[1:]
	if digits[0]|0x20 == 'x' {
		base, digits = 16, digits[1:]
	}
	for _, b := range digits {
		digit := rune(hexValue(b))
		if digit < 0 || digit >= base {
			return -1
		}
		value = value*base + digit
	}
	if len(digits) == 0 || !utf8.ValidRune(value) {
		return -1
	}
	return value
}

// escapeDecoder undoes the escapes of a token, and takes it for a form where it looks like one.
type escapeDecoder struct {
	outlet
	held [maxEscape]byte // the beginning of an escape
	n    int
}

func (d *escapeDecoder) begin(next sink) { d.next, d.used, d.n = next, 0, 0 }

func (d *escapeDecoder) write(p []byte) {
	for _, b := range p {
		d.take(b)
	}
	d.flush()
}

func (d *escapeDecoder) take(b byte) {
	switch {
	case d.n > 0 || b == '%' || b == '\\' || b == '&':
		d.held[d.n] = b
		d.n++
		value, size, more := escapeAt(d.held[:d.n])
		switch {
		case more:
		case size > 0:
			d.n = 0
			if d.held[0] == '%' || value == 0 {
				d.put(byte(value))
			} else {
				d.putRune(value)
			}
		default:
			d.literal()
		}
	case b == '+':
		d.put(' ')
	default:
		d.put(b)
	}
}

// literal passes on a character that begins no escape, and takes what follows it anew.
func (d *escapeDecoder) literal() {
	held, n := d.held, d.n
	d.n = 0
	if held[0] == '&' { // separates the fields of a form
		held[0] = '\n'
	}
	d.put(held[0])
	for _, b := range held[1:n] {
		d.take(b)
	}
}

func (d *escapeDecoder) close() {
	for d.n > 0 {
		d.literal()
	}
	d.outlet.close()
}
