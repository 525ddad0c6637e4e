package classify

import (
	"encoding/binary"
	"math/bits"
)

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

// countControls returns how many bytes of p are control characters other than line breaks and tabs.
func countControls(p []byte) (n int) {
	for ; len(p) >= 32; p = p[32:] {
		block := (*[32]byte)(p)
		w, x := binary.LittleEndian.Uint64(block[:8]), binary.LittleEndian.Uint64(block[8:16])
		y, z := binary.LittleEndian.Uint64(block[16:24]), binary.LittleEndian.Uint64(block[24:])
		if controlMask(w)|controlMask(x)|controlMask(y)|controlMask(z) != 0 {
			for _, word := range [...]uint64{w, x, y, z} {
				n += bits.OnesCount64(controlMask(word) &^ blankMask(word))
			}
		}
	}
	for _, b := range p {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' || b == 0x7f {
			n++
		}
	}
	return n
}

// controlMask has the high bit set of each byte of x that is below 0x20 or is 0x7f.
func controlMask(x uint64) uint64 {
	low := x & lows
	return (^(low + 0x60*ones) | (low + ones)) &^ x & highs
}

// blankMask has the high bit set of each byte of x that is a tab or a line break.
func blankMask(x uint64) uint64 { return equalMask(x, '\t') | equalMask(x, '\n') | equalMask(x, '\r') }

func equalMask(x, b uint64) uint64 {
	y := x ^ b*ones
	return ^(y&lows + lows | y) & highs
}

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
