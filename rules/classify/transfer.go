package classify

// base64Decoder undoes base64 (RFC 4648 sections 4 and 5; line breaks as in RFC 2045 section 6.8).
type base64Decoder struct {
	outlet
	stream *Stream
	bits   uint32
	count  int // of characters in bits
	padded int // "=" seen since the last complete group
	broken bool
}

func (d *base64Decoder) write(p []byte) {
	for _, b := range p {
		switch value := base64Value(b); {
		case value >= 0 && d.padded == 0:
			d.bits = d.bits<<6 | uint32(value)
			if d.count++; d.count == 4 {
				d.group(3)
			}
		case value >= 0: // concatenated streams, as gRPC-Web sends them
			d.padded = 0
			d.bits, d.count = uint32(value), 1
		case b == '=':
			if d.padded == 0 {
				d.partial()
			}
			d.padded++
		case b == '\r' || b == '\n' || b == ' ' || b == '\t':
		default:
			d.fail()
		}
	}
	d.flush()
}

// partial passes on the bytes of an incomplete group.
func (d *base64Decoder) partial() {
	switch d.count {
	case 0:
	case 1:
		d.count = 0
		d.fail()
	default:
		d.bits <<= 6 * (4 - d.count)
		d.group(d.count - 1)
	}
}

func (d *base64Decoder) group(size int) {
	for shift := 16; size > 0; size-- {
		d.put(byte(d.bits >> shift))
		shift -= 8
	}
	d.bits, d.count = 0, 0
}

func (d *base64Decoder) fail() {
	if !d.broken {
		d.broken = true
		d.stream.coverage.missed("invalid base64")
	}
}

func (d *base64Decoder) pending() bool { return d.count > 0 || d.outlet.pending() }

func (d *base64Decoder) close() {
	d.partial()
	d.outlet.close()
}

func base64Value(b byte) int {
	switch {
	case isUpper(b):
		return int(b - 'A')
	case isLower(b):
		return int(b-'a') + 26
	case isDigit(b):
		return int(b-'0') + 52
	case b == '+' || b == '-':
		return 62
	case b == '/' || b == '_':
		return 63
	}
	return -1
}

// quotedPrintableDecoder undoes quoted-printable (RFC 2045 section 6.7).
type quotedPrintableDecoder struct {
	outlet
	escape [2]byte // "=" and what follows it, at the end of a write
	n      int
}

func (d *quotedPrintableDecoder) write(p []byte) {
	for _, b := range p {
		d.take(b)
	}
	d.flush()
}

func (d *quotedPrintableDecoder) take(b byte) {
	switch {
	case d.n == 0 && b == '=':
		d.escape[0], d.n = '=', 1
	case d.n == 0:
		d.put(b)
	case b == '\n': // soft line break
		d.n = 0
	case d.n == 1 && (hexValue(b) >= 0 || b == '\r' || isBlank(b)):
		d.escape[1], d.n = b, 2
	case d.n == 2 && hexValue(d.escape[1]) >= 0 && hexValue(b) >= 0:
		d.n = 0
		d.put(byte(hexValue(d.escape[1])<<4 | hexValue(b)))
	case d.n == 2 && isBlank(d.escape[1]) && (isBlank(b) || b == '\r'):
		d.escape[1] = b
	default:
		d.literal()
		d.take(b)
	}
}

// literal passes on a "=" that begins no escape.
func (d *quotedPrintableDecoder) literal() {
	n := d.n
	d.n = 0
	for _, b := range d.escape[:n] {
		d.put(b)
	}
}

func (d *quotedPrintableDecoder) pending() bool { return d.n > 0 || d.outlet.pending() }

func (d *quotedPrintableDecoder) close() {
	d.literal()
	d.outlet.close()
}
