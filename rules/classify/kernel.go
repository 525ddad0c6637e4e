package classify

import "encoding/binary"

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
	lows  = 0x7f * ones
)

// classMasks returns, for 64 bytes, one bit per byte that is a decimal digit and one per byte that is "@".
// It works on eight bytes at a time within a register.
func classMasks(p []byte) (digits, ats uint64) {
	_ = p[63]
	for i := 0; i < 64; i += 8 {
		x := binary.LittleEndian.Uint64(p[i:])
		// '0' to '9' are 0x30 to 0x39: with 0x30 taken away by xor, all and only they are below 10.
		y := x ^ 0x30*ones
		notDigit := (y&lows + (0x7f-9)*ones | y) & highs
		// '@' becomes zero, and only zero keeps its high bit clear.
		z := x ^ '@'*ones
		notAt := (z&lows + lows | z) & highs
		if notDigit&notAt == highs {
			continue
		}
		digits |= gather(^notDigit&highs) << i
		ats |= gather(^notAt&highs) << i
	}
	return digits, ats
}

// gather packs the eight high bits of m into the low byte.
func gather(m uint64) uint64 { return (m >> 7) * 0x0102040810204080 >> 56 }

func isDigit(b byte) bool { return b-'0' < 10 }
func isUpper(b byte) bool { return b-'A' < 26 }
func isLower(b byte) bool { return b-'a' < 26 }
func isAlpha(b byte) bool { return isUpper(b &^ 0x20) }
func isAlnum(b byte) bool { return isDigit(b) || isAlpha(b) }
func isBlank(b byte) bool { return b == ' ' || b == '\t' }

func lower(b byte) byte {
	if isUpper(b) {
		return b | 0x20
	}
	return b
}
