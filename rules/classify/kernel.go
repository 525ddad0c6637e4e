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

// masks tell of 64 bytes, one bit each, what may be of interest.
type masks struct {
	digits   uint64 // decimal digits
	words    uint64 // digits, letters and "_"
	marks    uint64 // "@", ":", "=", ">" and "("
	literals uint64 // a literal may begin here
	quotes   uint64 // double quotes
	signs    uint64 // bytes that names and tokens hold between their parts
	plain    uint64 // signs and small letters
}

// classify fills in the masks of the blocks of 64 bytes that p begins with; two bytes more are looked at.
func (t *table) classify(out []masks, p []byte) {
	_ = p[64*len(out)+1]
	if hasVectors {
		vectorMasks(out, p, t.kernel)
		return
	}
	for i := range out {
		out[i] = portableMasks(p[64*i:], t.kernel)
	}
}

// portableMasks works on eight bytes at a time within a register.
func portableMasks(p []byte, tables *kernelTables) (m masks) {
	_ = p[65]
	for i := 0; i < 64; i += 8 {
		x := binary.LittleEndian.Uint64(p[i:])
		digits := digitMask(x)
		m.digits |= gather(digits) << i
		m.words |= gather(digits|letterMask(x)|equalMask(x, '_')) << i
		m.quotes |= gather(equalMask(x, '"')) << i
		m.marks |= gather(equalMask(x, '@')|equalMask(x, ':')|equalMask(x, '=')|equalMask(x, '>')|equalMask(x, '(')) << i
	}
	var first, second uint16 // groups of literals that the bytes two and one before may begin and go on
	for i, b := range p[:66] {
		if i >= 2 && second&tables.literalGroups(2, b) != 0 {
			m.literals |= 1 << (i - 2)
		}
		if class := tables.class(plainTables, b); class != 0 && i < 64 {
			m.plain |= 1 << i
			m.signs |= uint64(class&signClass) << i
		}
		second = first & tables.literalGroups(1, b)
		first = tables.literalGroups(0, b)
	}
	return m
}

// class is what the pair of tables at pair says of b.
func (t *kernelTables) class(pair int, b byte) byte { return t[pair][b&15] & t[pair+1][b>>4] }

// literalGroups are the groups of which a literal may have b at place.
func (t *kernelTables) literalGroups(place int, b byte) uint16 {
	return uint16(t.class(literalTables+2*place, b)) | uint16(t.class(moreLiteralTables+2*place, b))<<8
}

// digitMask has the high bit set of each byte of x that is a decimal digit.
func digitMask(x uint64) uint64 {
	// '0' to '9' are 0x30 to 0x39: with 0x30 taken away by xor, all and only they are below 10.
	y := x ^ 0x30*ones
	return ^(y&lows + (0x7f-9)*ones | y) & highs
}

// letterMask has the high bit set of each byte of x that is an ASCII letter.
func letterMask(x uint64) uint64 {
	y := x&lows | 0x20*ones
	return (y + (0x80-'a')*ones) &^ (y + (0x7f-'z')*ones) &^ x & highs
}

// blocks are three neighbouring blocks, of which the one in the middle is being worked on.
type blocks struct{ previous, current, next *masks }

// numbers returns where something may stand that is laid out like a value: where a run of digits begins
// that goes on for six bytes or more if single bytes between digits are passed over, and the digits beside
// a letter.
func (b *blocks) numbers() uint64 {
	digits, next := b.current.digits, b.next.digits
	if digits == 0 {
		return 0
	}
	letters := b.current.words &^ digits
	beside := letters<<1 | (b.previous.words&^b.previous.digits)>>63 | letters>>1 | (b.next.words&^next)<<63
	before := digits<<1 | b.previous.digits>>63
	joined := digits | before&(digits>>1|next<<63)
	ahead := next | (next<<1|digits>>63)&(next>>1)
	// Runs of at least two, four, six.
	joined, ahead = joined&(joined>>1|ahead<<63), ahead&(ahead>>1)
	joined, ahead = joined&(joined>>2|ahead<<62), ahead&(ahead>>2)
	joined &= joined>>2 | ahead<<62
	return digits & (joined&^before | beside)
}

// beginnings leaves of the places where a literal may begin those that are not within a word.
func (b *blocks) beginnings() uint64 {
	return b.current.literals &^ (b.current.words & (b.current.words<<1 | b.previous.words>>63))
}

// notPlain leaves out of found where a plain word stands. That is one that begins with three small letters
// and is over within 13 bytes, with nothing but letters and plain punctuation as far as that; a token would
// have a digit or a sign in it, or be longer.
func (b *blocks) notPlain(found uint64) uint64 {
	current, next := b.current, b.next
	small, smallNext := current.plain&^current.signs, next.plain&^next.signs
	small &= (small>>1 | smallNext<<63) & (small>>2 | smallNext<<62)
	if found&small == 0 {
		return found
	}
	// Bit k of signs becomes whether there is one from k to k+12, and of word whether all there are in words.
	signs := current.signs | current.digits
	signsNext := next.signs | next.digits
	word, wordNext := current.words, next.words
	signs, signsNext = signs|signs>>1|signsNext<<63, signsNext|signsNext>>1
	signs, signsNext = signs|signs>>2|signsNext<<62, signsNext|signsNext>>2
	signs, signsNext = signs|signs>>4|signsNext<<60, signsNext|signsNext>>4
	signs |= signs>>5 | signsNext<<59
	if small &= found &^ signs; small == 0 {
		return found
	}
	word, wordNext = word&(word>>1|wordNext<<63), wordNext&(wordNext>>1)
	word, wordNext = word&(word>>2|wordNext<<62), wordNext&(wordNext>>2)
	word, wordNext = word&(word>>4|wordNext<<60), wordNext&(wordNext>>4)
	word &= word>>5 | wordNext<<59
	return found &^ (small &^ word)
}

// from returns the bits of a mask from bit k of the current block on.
func from(current, next uint64, k int) uint64 { return current>>k | next<<1<<(63-k) }

// digitsFrom returns the digits from bit k on, which may be of the previous block; wordsFrom the characters of
// words.
func (b *blocks) digitsFrom(k int) uint64 {
	if k >= 0 {
		return from(b.current.digits, b.next.digits, k)
	}
	return b.previous.digits>>(64+k) | b.current.digits<<-k
}

func (b *blocks) wordsFrom(k int) uint64 {
	if k >= 0 {
		return from(b.current.words, b.next.words, k)
	}
	return b.previous.words>>(64+k) | b.current.words<<-k
}

// digitsBefore returns the digits of the 64 bytes before bit k, wordsBefore the characters of words.
func (b *blocks) digitsBefore(k int) uint64 { return b.current.digits<<(64-k) | b.previous.digits>>k }
func (b *blocks) wordsBefore(k int) uint64  { return b.current.words<<(64-k) | b.previous.words>>k }

// word returns where the word around bit k begins and ends, relative to the block; false if it is longer
// than can be seen.
func (b *blocks) word(k int) (start, end int, ok bool) {
	length := bits.TrailingZeros64(^from(b.current.words, b.next.words, k))
	if gaps := ^b.current.words << (63 - k); gaps != 0 { // the bit for k on top
		start = k + 1 - bits.LeadingZeros64(gaps)
	} else {
		start = -bits.LeadingZeros64(^b.previous.words)
	}
	return start, k + length, length < 64 && start > -64
}

// mayHaveColons says whether two more marks stand behind the ":" at bit k, with no more than four bytes
// between, or one stands right behind it.
func (b *blocks) mayHaveColons(k int) bool {
	marks := from(b.current.marks, b.next.marks, k) >> 1
	first := bits.TrailingZeros64(marks)
	return first == 0 || first <= 4 && bits.TrailingZeros64(marks>>(first+1)) <= 4
}

// quoteBefore returns where the last double quote before bit k stands, relative to the block; -65 if it
// is further back than can be seen.
func (b *blocks) quoteBefore(k int) int {
	if quotes := b.current.quotes & (1<<max(k, 0) - 1); quotes != 0 {
		return 63 - bits.LeadingZeros64(quotes)
	}
	quotes := b.previous.quotes
	if k < 0 {
		quotes &= 1<<(64+k) - 1
	}
	return -1 - bits.LeadingZeros64(quotes)
}

// gather packs the eight high bits of m into the low byte.
func gather(m uint64) uint64 { return (m >> 7) * 0x0102040810204080 >> 56 }

// countControls returns how many bytes of p are control characters other than line breaks and tabs.
func countControls(p []byte) (n int) {
	if whole := len(p) &^ (vectorStep - 1); hasVectors && whole > 0 {
		n, p = vectorControls(p[:whole]), p[whole:]
	}
	return n + portableControls(p)
}

func portableControls(p []byte) (n int) {
	for ; len(p) >= 8; p = p[8:] {
		word := binary.LittleEndian.Uint64(p)
		if mask := controlMask(word); mask != 0 {
			n += bits.OnesCount64(mask &^ blankMask(word))
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

func upper(b byte) byte {
	if isLower(b) {
		return b &^ 0x20
	}
	return b
}
