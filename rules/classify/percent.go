package classify

// percentDecoder undoes percent-encoding (RFC 3986 section 2.1). In a form (WHATWG URL standard,
// application/x-www-form-urlencoded) it also turns "+" into a space and puts each field on its own line,
// as "key=value".
type percentDecoder struct {
	outlet
	form   bool
	escape [2]byte // "%" and perhaps a digit at the end of a write
	n      int
}

func (d *percentDecoder) write(p []byte) {
	for len(p) > 0 {
		if d.n > 0 {
			if d.escaped(p[0]) {
				p = p[1:]
			}
			continue
		}
		plain := 0
		for plain < len(p) && p[plain] != '%' && (!d.form || p[plain] != '+' && p[plain] != '&') {
			plain++
		}
		if plain > 0 {
			d.pass(p[:plain])
			p = p[plain:]
			continue
		}
		switch p[0] {
		case '%':
			d.escape[0], d.n = '%', 1
		case '+':
			d.put(' ')
		case '&':
			d.put('\n')
		}
		p = p[1:]
	}
	d.flush()
}

// escaped takes a byte after "%"; false if it does not belong to an escape, which then stands for itself.
func (d *percentDecoder) escaped(b byte) bool {
	value := hexValue(b)
	switch {
	case value < 0:
		d.literal()
		return false
	case d.n == 1:
		d.escape[1], d.n = b, 2
	default:
		d.n = 0
		d.put(byte(hexValue(d.escape[1])<<4 | value))
	}
	return true
}

func (d *percentDecoder) literal() {
	for _, b := range d.escape[:d.n] {
		d.put(b)
	}
	d.n = 0
}

func (d *percentDecoder) pending() bool { return d.n > 0 || d.outlet.pending() }

func (d *percentDecoder) close() {
	d.literal()
	d.outlet.close()
}

// hexValue is the value of a hexadecimal digit; -1 if b is none.
func hexValue(b byte) int {
	switch {
	case isDigit(b):
		return int(b - '0')
	case lower(b)-'a' < 6:
		return int(lower(b)-'a') + 10
	}
	return -1
}
