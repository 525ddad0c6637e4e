package classify

import "unicode/utf8"

// outlet gathers what a decoder makes of its input and passes it on in larger pieces.
type outlet struct {
	next sink
	out  [512]byte
	used int
}

func (o *outlet) put(b byte) {
	if o.used == len(o.out) {
		o.flush()
	}
	o.out[o.used] = b
	o.used++
}

func (o *outlet) putRune(r rune) {
	if o.used+utf8.UTFMax > len(o.out) {
		o.flush()
	}
	o.used += utf8.EncodeRune(o.out[o.used:], r)
}

// pass hands p on as it is, short pieces together with what is beside them.
func (o *outlet) pass(p []byte) {
	if len(p) > len(o.out)-o.used {
		o.flush()
		if len(p) > len(o.out)/2 {
			o.next.write(p)
			return
		}
	}
	o.used += copy(o.out[o.used:], p)
}

func (o *outlet) flush() {
	if o.used > 0 {
		o.next.write(o.out[:o.used])
		o.used = 0
	}
}

func (o *outlet) pending() bool { return o.used > 0 || o.next.pending() }

func (o *outlet) close() {
	o.flush()
	o.next.close()
}
