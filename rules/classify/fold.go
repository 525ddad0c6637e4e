package classify

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// folder rewrites characters that are only another way to write what detectors look for: full-width and
// mathematical letters and digits, the decimal digits of other scripts, spaces and hyphens of all widths
// become ASCII, and so does the colon with which Chinese text names a field (its commas and brackets stay);
// characters that nobody sees (zero-width spaces, soft hyphens, writing directions) go.
type folder struct {
	held [utf8.UTFMax]byte // the beginning of a character at the end of a write
	n    int
	out  [foldSize + utf8.UTFMax]byte
	used int
}

// foldSize is how much text is folded at once, in bytes.
const foldSize = 512

// leaves says whether there is nothing in p to fold. v is p's survey.
func (f *folder) leaves(p []byte, v *survey) bool {
	if f.n > 0 {
		return false
	}
	start, _, _ := nextFolded(p, v, 0)
	return start == len(p)
}

// write returns p, of at most foldSize bytes, folded. It is valid until the next call. v is p's survey.
func (f *folder) write(p []byte, v *survey) []byte {
	f.used = 0
	for at := f.complete(p); at < len(p); {
		start, size, to := nextFolded(p, v, at)
		f.put(p[at:start])
		at = start + size
		switch {
		case start == len(p):
		case size == 0:
			f.n = copy(f.held[:], p[start:])
			at = len(p)
		case to != 0:
			f.putByte(to)
		}
	}
	return f.out[:f.used]
}

func (f *folder) put(p []byte) { f.used += copy(f.out[f.used:], p) }

func (f *folder) putByte(b byte) {
	f.out[f.used] = b
	f.used++
}

// complete goes on with the character that the last write cut off, and returns where p goes on behind it.
func (f *folder) complete(p []byte) (at int) {
	for f.n > 0 && at < len(p) {
		held := append(f.held[:f.n], p[at])
		if mayFold(held) && !utf8.FullRune(held) {
			f.n = len(held)
			at++
			continue
		}
		r, size := utf8.DecodeRune(held)
		to, folds := Fold(r)
		switch {
		case size < len(held) || !folds: // it stays as it is, and p[at] may begin another one
			f.put(f.end())
			return at
		case to != 0:
			f.putByte(to)
		}
		f.n = 0
		at++
	}
	return at
}

// end returns what was held back.
func (f *folder) end() []byte {
	held := f.held[:f.n]
	f.n = 0
	return held
}

// nextFolded returns where at or behind at the first character of p stands that is folded, how long it is
// and what to; a size of 0 if p's end cuts it off, and len(p) if there is none. v is p's survey.
func nextFolded(p []byte, v *survey, at int) (start, size int, to byte) {
	for at = next(&v.folds, v.folded, at); at >= 0; at = next(&v.folds, v.folded, at+1) {
		rest := p[at:]
		if len(rest) > 1 && rest[1]&0xc0 != 0x80 || !mayFold(rest) {
			continue
		}
		if !utf8.FullRune(rest) {
			return at, 0, 0
		}
		r, size := utf8.DecodeRune(rest)
		if to, folds := Fold(r); folds {
			return at, size, to
		}
	}
	return len(p), 0, 0
}

// mayFold says, from as many bytes as there are, whether a character that Fold knows can begin with p.
// It is there for speed: text in other scripts than Latin mostly ends here.
func mayFold(p []byte) bool {
	switch p[0] {
	case 0xc2, 0xcd, 0xd8, 0xd9, 0xdb, 0xdf, 0xe1, 0xef, 0xf0, 0xf3:
		return true
	case 0xe0: // digits of the Indic scripts, Thai, Lao and Tibetan
		return len(p) < 3 || p[2] >= 0x90
	case 0xe2: // spaces, hyphens, what is invisible, and the minus sign; quotation marks are more usual
		return len(p) < 2 || p[1] == 0x81 || p[1] == 0x88 || p[1] == 0x80 && (len(p) < 3 || p[2] < 0x94 || p[2] > 0xa7)
	case 0xe3: // the ideographic space
		return len(p) < 2 || p[1] == 0x80 && (len(p) < 3 || p[2] == 0x80)
	case 0xea: // digits before the first Hangul syllable
		return len(p) < 2 || p[1] < 0xb0
	}
	return false
}

// Fold returns what the classifier reads in place of r, if it folds r: an ASCII character, or 0 for nothing
// at all. Offsets of Positions count what remains.
func Fold(r rune) (to byte, folds bool) {
	switch {
	case r == 0xad, r == 0x34f, r == 0x61c, r == 0x180e, 0x200b <= r && r <= 0x200f, 0x202a <= r && r <= 0x202e,
		0x2060 <= r && r <= 0x206f, 0xfe00 <= r && r <= 0xfe0f, r == 0xfeff, 0xe0000 <= r && r <= 0xe007f:
		return 0, true // Unicode's default-ignorable characters
	case r == 0xa0, 0x2000 <= r && r <= 0x200a, r == 0x202f, r == 0x205f, r == 0x3000:
		return ' ', true
	case r == 0x2028, r == 0x2029:
		return '\n', true
	case 0x2010 <= r && r <= 0x2013, r == 0x2212, r == 0xfe63:
		return '-', true
	case r == 0xfe6b:
		return '@', true
	case 0xff01 <= r && r <= 0xff5e: // full-width forms, in the order of ASCII
		to = byte(r - 0xff01 + '!')
		return to, isAlnum(to) || strings.IndexByte("@.-_+/:=", to) >= 0
	case 0x1d400 <= r && r < 0x1d6a4: // mathematical letters, in alphabets of 26 capitals and 26 small ones
		if i := byte((r - 0x1d400) % 52); i >= 26 {
			return 'a' + i - 26, true
		} else {
			return 'A' + i, true
		}
	}
	return digit(r)
}

// digit folds decimal digits. Unicode has them in blocks of ten from zero to nine.
func digit(r rune) (to byte, folds bool) {
	if r < 0x660 || 0x2000 <= r && r < 0xa000 {
		return 0, false
	}
	if r <= 0xffff {
		for _, block := range unicode.Nd.R16 {
			if rune(block.Lo) <= r && r <= rune(block.Hi) {
				return '0' + byte((r-rune(block.Lo))%10), true
			}
		}
		return 0, false
	}
	for _, block := range unicode.Nd.R32 {
		if rune(block.Lo) <= r && r <= rune(block.Hi) {
			return '0' + byte((r-rune(block.Lo))%10), true
		}
	}
	return 0, false
}
