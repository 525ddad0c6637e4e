package classify

import (
	"encoding/binary"
	"math/bits"
)

const (
	surveyBlocks = 32
	// surveySize is how much text is taken at once, in bytes: the stages before the scanner look at it one
	// after the other, and this much stays in the processor's first cache meanwhile.
	surveySize = 64 * surveyBlocks
)

// survey tells of a piece of text, one bit per byte in blocks of 64, where the stages before the scanner
// have anything to do. In most text they have not, which a glance at the summaries shows.
type survey struct {
	surveyMasks
	runs [surveyBlocks]uint64 // the last of minRun characters of base64 in a row; see findRuns

	blocks int
	// Summaries: bit k is set if block k has any such byte.
	escaped, folded, long uint64
	controls              bool // there is a control character that is no white space
}

// surveyMasks is what the kernel fills in.
type surveyMasks struct {
	base64  [surveyBlocks]uint64 // characters of base64's alphabets
	escapes [surveyBlocks]uint64 // "%", "\" and "&", with which escapes begin
	folds   [surveyBlocks]uint64 // bytes with which characters begin that may be folded: see mayFold
}

// take surveys p, which has surveySize bytes at most.
func (v *survey) take(p []byte) {
	whole := len(p) / 64
	v.blocks, v.escaped, v.folded, v.controls = whole, 0, 0, false
	if whole > 0 {
		v.fill(0, p[:64*whole])
	}
	if rest := p[64*whole:]; len(rest) > 0 {
		block := blankBlock
		copy(block[:], rest)
		v.fill(whole, block[:])
		v.blocks++
	}
}

// blankBlock is a block without any bit.
var blankBlock = func() (block [64]byte) {
	for i := range block {
		block[i] = ' '
	}
	return block
}()

// fill surveys p, whole blocks, of which the first is number at.
func (v *survey) fill(at int, p []byte) {
	var escaped, folded uint64
	var controls bool
	if hasVectors {
		escaped, folded, controls = vectorSurvey(&v.surveyMasks, at, p)
	} else {
		escaped, folded, controls = portableSurvey(&v.surveyMasks, at, p)
	}
	v.escaped |= escaped << at
	v.folded |= folded << at
	v.controls = v.controls || controls
}

// findRuns fills in v.runs. before is how many characters of base64, less than minRun, precede the piece. It
// returns whether there are any.
func (v *survey) findRuns(before int) bool {
	v.long = 0
	last := ^uint64(0) << (64 - before) // the mask of the block before; shifting by 64 leaves nothing
	last2 := last & (last << 1)
	last4 := last2 & (last2 << 2)
	last8 := last4 & (last4 << 4)
	for k, mask := range v.base64[:v.blocks] {
		// Bit i of maskN is set if N characters in a row end there.
		mask2 := mask & (mask<<1 | last>>63)
		mask4 := mask2 & (mask2<<2 | last2>>62)
		mask8 := mask4 & (mask4<<4 | last4>>60)
		mask16 := mask8 & (mask8<<8 | last8>>56)
		v.runs[k] = 0
		if mask16 != 0 {
			if run := mask16 & (mask4<<16 | last4>>48); run != 0 {
				v.runs[k] = run
				v.long |= 1 << k
			}
		}
		last, last2, last4, last8 = mask, mask2, mask4, mask8
	}
	return v.long != 0
}

// next returns the first bit at or behind at in masks, of which summary tells the blocks; -1 if there is none.
func next(masks *[surveyBlocks]uint64, summary uint64, at int) int {
	k := at / 64
	if k >= surveyBlocks {
		return -1
	}
	if summary>>k&1 != 0 {
		if mask := masks[k] >> (at & 63); mask != 0 {
			return at + bits.TrailingZeros64(mask)
		}
	}
	if summary = summary >> k &^ 1; summary == 0 {
		return -1
	}
	k += bits.TrailingZeros64(summary)
	return 64*k + bits.TrailingZeros64(masks[k&(surveyBlocks-1)])
}

// trailing returns how many characters of base64 p ends with, as far back as at.
func (v *survey) trailing(at, end int) int {
	n := 0
	for end > at {
		// The bits of end's block that precede end, on top.
		k, width := (end-1)/64, (end-1)&63+1
		length := min(bits.LeadingZeros64(^(v.base64[k] << (64 - width))), width, end-at)
		n += length
		if length < width {
			break
		}
		end -= length
	}
	return n
}

// portableSurvey is the kernel in pure Go: it works on eight bytes at a time within a register.
func portableSurvey(masks *surveyMasks, at int, p []byte) (escaped, folded uint64, controls bool) {
	for block := 0; 64*block < len(p); block++ {
		var base64, escapes, folds uint64
		for i := 0; i < 64; i += 8 {
			x := binary.LittleEndian.Uint64(p[64*block+i:])
			base64 |= gather(digitMask(x)|letterMask(x)|equalMask(x, '+')|equalMask(x, '-')|equalMask(x, '/')|equalMask(x, '_')) << i
			escapes |= gather(equalMask(x, '%')|equalMask(x, '\\')|equalMask(x, '&')) << i
			controls = controls || controlMask(x)&^blankMask(x) != 0
			if x&highs != 0 {
				for k, b := range p[64*block+i:][:8] {
					if surveyed[2][b&15]&surveyed[3][b>>4]&foldClasses != 0 {
						folds |= 1 << (i + k)
					}
				}
			}
		}
		masks.base64[at+block], masks.escapes[at+block], masks.folds[at+block] = base64, escapes, folds
		if escapes != 0 {
			escaped |= 1 << block
		}
		if folds != 0 {
			folded |= 1 << block
		}
	}
	return escaped, folded, controls
}

// surveyTables classify bytes by their halves, like kernelTables. The first pair is of base64's characters,
// the second of all others that matter.
type surveyTables [4][32]byte

const (
	foldClasses    = 1<<0 | 1<<1
	escapeClasses  = 1<<2 | 1<<3
	controlClasses = 1<<4 | 1<<5 | 1<<6
)

var surveyed = func() (t surveyTables) {
	enter(&t[0], &t[1], 1<<0, []int{2}, []int{0xb, 0xd, 0xf}) // + - /
	enter(&t[0], &t[1], 1<<1, []int{3}, span(0, 9))
	enter(&t[0], &t[1], 1<<2, []int{4, 6}, span(1, 15))
	enter(&t[0], &t[1], 1<<3, []int{5, 7}, span(0, 10))
	enter(&t[0], &t[1], 1<<4, []int{5}, []int{15}) // _

	// A byte more or less does no harm: mayFold decides.
	enter(&t[2], &t[3], 1<<0, []int{0xc, 0xd}, []int{2, 8, 9, 0xb, 0xd, 0xf})
	enter(&t[2], &t[3], 1<<1, []int{0xe, 0xf}, []int{0, 1, 2, 3, 0xa, 0xf})
	enter(&t[2], &t[3], 1<<2, []int{2}, []int{5, 6}) // % &
	enter(&t[2], &t[3], 1<<3, []int{5}, []int{12})   // \
	enter(&t[2], &t[3], 1<<4, []int{0}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 0xb, 0xc, 0xe, 0xf})
	enter(&t[2], &t[3], 1<<5, []int{1}, span(0, 15))
	enter(&t[2], &t[3], 1<<6, []int{7}, []int{15})
	return t
}()
