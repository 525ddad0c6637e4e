package classify

import (
	"math/bits"
	"unicode/utf8"
)

const (
	// minRun is how long a run must be to be decoded: 20 characters of base64 hold 15 bytes, which random
	// text or an identifier practically never decodes to anything readable.
	minRun = 20
	// opaqueRun is from what length on a run that cannot be read is no key, digest or certificate but a
	// document.
	opaqueRun = 4 << 10
	// Encoded data is wrapped in lines of 60 characters or more (RFC 2045: 76, RFC 7468: 64).
	minLine, maxGap = 60, 4
)

// run is a run of base64's characters in text.
type run struct {
	length int    // up to minRun when it is still to be judged; since the last line break while it is decoded
	gap    int    // white space since then
	spent  bool   // it encodes nothing up to its next separator
	total  int    // characters that were judged to encode nothing
	seen   uint64 // which of the alphabet's characters are among them
}

type runKind uint8

const (
	noRun runKind = iota
	hexRun
	prefixedHexRun // behind "0x"
	base64Run
)

// base64Values holds the values of base64's characters (RFC 4648 sections 4 and 5) plus one; 0 for all others.
var base64Values = func() (values [256]byte) {
	for b := range values {
		if value := base64Value(byte(b)); value >= 0 {
			values[b] = byte(value + 1)
		}
	}
	return values
}()

// nextRun looks for the next run in p[at:] that encodes something, and returns the end of its first minRun
// characters; p's end if there is none. The state of a run that p cuts off is kept. v surveys p and perhaps
// more.
func (e *encoded) nextRun(p []byte, v *survey, at int) (end int, kind runKind) {
	r := &e.run
	for i := at; i < len(p); {
		if r.length == 0 && !r.spent {
			start := skipToRun(v, i, len(p))
			if start > i {
				*r = run{}
			}
			if i = start; i == len(p) {
				break
			}
		}
		for i < len(p) {
			value := base64Values[p[i]]
			if value == 0 {
				*r = run{}
				i++
				break
			}
			i++
			if r.spent {
				e.skipped(value - 1)
			} else if r.length++; r.length == minRun {
				view := e.behind.before(p, i)
				head := view[len(view)-minRun:]
				if kind := judgeRun(head); kind != noRun {
					return i, kind
				}
				e.reject(head)
			}
		}
	}
	return len(p), noRun
}

// reject goes on after a head that encodes nothing. What follows a separator may be another run: a path's
// element, a word of a hyphenated name.
func (e *encoded) reject(head []byte) {
	e.run.length, e.run.spent = 0, true
	for i, b := range head {
		if e.skipped(base64Values[b] - 1); !e.run.spent {
			e.run.length = len(head) - i - 1
			return
		}
	}
}

// skipped takes a character of a run that encodes nothing.
func (e *encoded) skipped(value byte) {
	r := &e.run
	r.seen |= 1 << value
	if r.total++; r.total == opaqueRun && r.varied() {
		e.stream.coverage.missed("encoded content that is not text")
	}
	if value >= 62 {
		r.spent = false
	}
}

// varied says whether the run has the variety of encoded data rather than that of a sequence, a number or
// a ruler.
func (r *run) varied() bool { return bits.OnesCount64(r.seen) >= 32 }

// skipToRun returns the start of the first run in p[at:end] that has minRun characters or that end cuts off;
// end if there is none. v is p's survey, with its runs.
func skipToRun(v *survey, at, end int) int {
	if last := next(&v.runs, v.long, at+minRun-1); last >= 0 && last < end {
		return last - (minRun - 1)
	}
	return end - v.trailing(at, end)
}

// judgeRun says what a run encodes that begins with head, minRun bytes.
func judgeRun(head []byte) runKind {
	for _, kind := range [...]runKind{hexRun, prefixedHexRun, base64Run} {
		var room [minRun]byte
		if decoded := kind.decode(head, room[:0]); decoded != nil && readable(decoded) {
			return kind
		}
	}
	return noRun
}

// decode appends what head decodes to; nil if it is not of the kind.
func (k runKind) decode(head, to []byte) []byte {
	switch k {
	case prefixedHexRun:
		if head[0] != '0' || head[1]|0x20 != 'x' {
			return nil
		}
		head = head[2:]
		fallthrough
	case hexRun:
		for i := 0; i+1 < len(head); i += 2 {
			high, low := hexValue(head[i]), hexValue(head[i+1])
			if high < 0 || low < 0 {
				return nil
			}
			to = append(to, byte(high<<4|low))
		}
		return to
	}
	for i := 0; i+3 < len(head); i += 4 {
		group := uint32(base64Values[head[i]]-1)<<18 | uint32(base64Values[head[i+1]]-1)<<12 |
			uint32(base64Values[head[i+2]]-1)<<6 | uint32(base64Values[head[i+3]]-1)
		to = append(to, byte(group>>16), byte(group>>8), byte(group))
	}
	return to
}

// readable says whether what begins with p is text or of a known format.
func readable(p []byte) bool {
	if hasSignature(p) {
		return true
	}
	for len(p) > 0 {
		r, size := utf8.DecodeRune(p)
		switch {
		case r == utf8.RuneError && size == 1:
			return !utf8.FullRune(p) // cut off
		case r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f || 0x80 <= r && r < 0xa0:
			return false
		}
		p = p[size:]
	}
	return true
}

// runDecoder undoes the encoding of a run.
type runDecoder struct {
	outlet
	kind  runKind
	bits  uint32
	count int // of characters in bits
	skip  int // characters of a prefix still to come
}

func (d *runDecoder) begin(kind runKind, next sink) {
	d.next, d.used, d.kind, d.bits, d.count, d.skip = next, 0, kind, 0, 0, 0
	if kind == prefixedHexRun {
		d.skip = 2
	}
}

// takes says whether b belongs to the run.
func (d *runDecoder) takes(b byte) bool {
	if d.kind == base64Run {
		return base64Values[b] != 0
	}
	return hexValue(b) >= 0
}

func (d *runDecoder) write(p []byte) {
	skipped := min(d.skip, len(p))
	d.skip -= skipped
	for _, b := range p[skipped:] {
		if d.kind != base64Run {
			d.bits = d.bits<<4 | uint32(hexValue(b))
			if d.count++; d.count == 2 {
				d.put(byte(d.bits))
				d.count = 0
			}
			continue
		}
		d.bits = d.bits<<6 | uint32(base64Values[b]-1)
		if d.count++; d.count == 4 {
			d.put(byte(d.bits >> 16))
			d.put(byte(d.bits >> 8))
			d.put(byte(d.bits))
			d.count = 0
		}
	}
	d.flush()
}

func (d *runDecoder) close() {
	if d.kind == base64Run && d.count > 1 { // RFC 4648 section 3.2: padding may be left out
		bits := d.bits << (6 * (4 - d.count))
		d.put(byte(bits >> 16))
		if d.count == 3 {
			d.put(byte(bits >> 8))
		}
	}
	d.outlet.close()
}
