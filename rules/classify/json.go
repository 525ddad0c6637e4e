package classify

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonDecoder undoes the escapes of JSON strings (RFC 8259 section 7) and leaves everything else as it
// is. It does not parse: field keys are found where a value is found, so that depth costs nothing. An
// escaped quote becomes a quote, which makes JSON within a JSON string readable too.
type jsonDecoder struct {
	outlet
	state jsonState
	unit  rune // UTF-16 unit being read
	left  int  // its digits still to come
	high  rune // first half of a surrogate pair, 0 for none
}

func (d *jsonDecoder) begin(next sink) {
	d.next, d.used, d.state, d.high = next, 0, jsonPlain, 0
}

type jsonState uint8

const (
	jsonPlain jsonState = iota
	jsonEscape
	jsonUnicode
)

func (d *jsonDecoder) write(p []byte) {
	for len(p) > 0 {
		if d.state != jsonPlain {
			d.escaped(p[0])
			p = p[1:]
			continue
		}
		plain := bytes.IndexByte(p, '\\')
		if plain == 0 {
			d.state = jsonEscape
			p = p[1:]
			continue
		}
		if plain < 0 {
			plain = len(p)
		}
		d.loneSurrogate()
		d.pass(p[:plain])
		p = p[plain:]
	}
	d.flush()
}

func (d *jsonDecoder) escaped(b byte) {
	if d.state == jsonUnicode {
		d.unicode(b)
		return
	}
	if b == 'u' {
		d.state, d.unit, d.left = jsonUnicode, 0, 4
		return
	}
	d.state = jsonPlain
	d.loneSurrogate()
	switch b {
	case 'n', 'r', 't', 'b', 'f':
		b = ' '
	}
	d.put(b)
}

// unicode takes a digit of \uXXXX. What is no escape is passed on without its backslash.
func (d *jsonDecoder) unicode(b byte) {
	value := hexValue(b)
	if value < 0 {
		d.state = jsonPlain
		d.loneSurrogate()
		d.put(b)
		return
	}
	d.unit = d.unit<<4 | rune(value)
	if d.left--; d.left > 0 {
		return
	}
	d.state = jsonPlain
	if d.high != 0 {
		if pair := utf16.DecodeRune(d.high, d.unit); pair != utf8.RuneError {
			d.high = 0
			d.putRune(pair)
			return
		}
		d.loneSurrogate()
	}
	if d.unit >= 0xd800 && d.unit < 0xdc00 {
		d.high = d.unit
		return
	}
	d.putRune(d.unit)
}

func (d *jsonDecoder) loneSurrogate() {
	if d.high != 0 {
		d.high = 0
		d.putRune(utf8.RuneError)
	}
}

func (d *jsonDecoder) pending() bool {
	return d.state != jsonPlain || d.high != 0 || d.outlet.pending()
}

func (d *jsonDecoder) close() {
	d.loneSurrogate()
	d.outlet.close()
}
