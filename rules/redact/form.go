package redact

import (
	"bytes"
	"strings"
)

// readForm appends fields as the classifier reads them: percent-encoding and "+" undone, each on a line
// (WHATWG URL standard, application/x-www-form-urlencoded).
func (v *view) readForm(part []byte, at int) error {
	written := inForm
	if bytes.IndexByte(part, '"') >= 0 {
		written = verbatim // no form is written like this: it is JSON that the client calls a form
	}
	for from := 0; from <= len(part); {
		end := len(part)
		if next := bytes.IndexByte(part[from:], '&'); next >= 0 {
			end = from + next
		}
		field := part[from:end]
		if name := bytes.IndexByte(field, '='); name >= 0 {
			if err := v.addField(field[:name], at+from, written); err != nil {
				return err
			}
			v.keep(field[name:name+1], at+from+name)
			field, from = field[name+1:], from+name+1
		}
		if err := v.addField(field, at+from, written); err != nil {
			return err
		}
		if end < len(part) {
			v.put([]byte{'\n'}, at+end)
		}
		from = end + 1
	}
	return nil
}

// addField appends the name or the value of a field.
func (v *view) addField(part []byte, at int, written syntax) error {
	from := len(v.text)
	for i := 0; i < len(part); {
		switch {
		case part[i] == '+':
			v.put([]byte{' '}, at+i)
		case part[i] == '%' && i+2 < len(part) && hexValue(part[i+1]) >= 0 && hexValue(part[i+2]) >= 0:
			v.put([]byte{byte(hexValue(part[i+1])<<4 | hexValue(part[i+2]))}, at+i)
			i += 2
		default:
			v.keep(part[i:i+1], at+i)
		}
		i++
	}
	return v.addNested(leaf{from: from, to: len(v.text), end: at + len(part), syntax: written}, 1)
}

// escapePercent writes text as the name or value of a field.
func escapePercent(text string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c == ' ':
			b.WriteByte('+')
		case c < 0x80 && isWordRune(rune(c)) || c == '-' || c == '_' || c == '.' || c == '*':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}
