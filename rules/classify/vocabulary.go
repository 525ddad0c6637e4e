package classify

import (
	"bytes"
	"slices"
	"strings"
)

// evidenceLevel is what the surroundings of a value say about it.
type evidenceLevel int8

const (
	evidenceAgainst evidenceLevel = iota - 1 // they name something else
	evidenceNone
	evidenceColumn // nearly all values in its column are valid
	evidenceWord   // a word within 64 bytes names it
	evidenceKey    // the field's key names it
)

// against is how near, in bytes, a word must stand before a value in running text to speak against it.
const against = 24

// vocabulary is what the surroundings of a detector's values may say, for it or against it.
type vocabulary struct{ terms []term }

type term struct {
	text   string // as it is looked for in normalised text: with a space on either side if it is a whole word
	denies bool
}

// words builds a vocabulary. Terms are lower case. A term in Latin letters is matched as whole words
// ("pan" is not in "company", but it is in "customerPan" and "pan_number"); with a trailing "*" it is a
// stem that may stand inside a compound. Terms in other scripts are always stems.
func words(supports, denies []string) *vocabulary {
	v := new(vocabulary)
	for i, text := range slices.Concat(supports, denies) {
		if stem := strings.TrimSuffix(text, "*"); stem != text || text[0] >= 0x80 {
			text = stem
		} else {
			text = " " + text + " "
		}
		v.terms = append(v.terms, term{text, i >= len(supports)})
	}
	return v
}

// last returns where in text, which is normalised, the last supporting and the last denying term end; -1
// if there is none. It is for vocabularies that are no rule's; the dictionary reads those all at once.
func (v *vocabulary) last(text []byte) (support, deny int) {
	support, deny = -1, -1
	for _, t := range v.terms {
		at := bytes.LastIndex(text, []byte(t.text))
		if at < 0 {
			continue
		}
		if end := at + len(t.text); t.denies {
			deny = max(deny, end)
		} else {
			support = max(support, end)
		}
	}
	return support, deny
}

// normalise appends text in the form in which terms are looked up: words in lower case, a space before,
// between and after them, camel case taken apart, digits and punctuation left out.
func normalise(out, text []byte) []byte {
	space := func() {
		if len(out) == 0 || out[len(out)-1] != ' ' {
			out = append(out, ' ')
		}
	}
	space()
	for i, b := range text {
		switch {
		case b >= 0x80:
			out = append(out, lowerWide(text, i))
		case isLower(b):
			if isIdeograph(text[:i]) {
				space()
			}
			out = append(out, b)
		case isUpper(b):
			newWord := i > 0 && (isLower(text[i-1]) || text[i-1] >= 0x80 && i+1 < len(text) && isLower(text[i+1])) || isIdeograph(text[:i])
			lastOfCapitals := i > 0 && isUpper(text[i-1]) && i+1 < len(text) && isLower(text[i+1])
			if newWord || lastOfCapitals {
				space()
			}
			out = append(out, lower(b))
		default:
			space()
		}
	}
	space()
	return out
}

// isIdeograph says whether text ends with a character of three bytes, as those of East Asia have: no word of
// theirs goes on in Latin letters.
func isIdeograph(text []byte) bool {
	n := len(text)
	return n >= 3 && text[n-1] >= 0x80 && text[n-3] >= 0xe3
}

// lowerWide returns the byte at at of text in lower case, as part of a letter of two bytes: those of Latin-1,
// Latin Extended-A and Cyrillic in UTF-8.
func lowerWide(text []byte, at int) byte {
	b := text[at]
	if b >= 0xc0 { // the first byte, which the second may change
		if b == 0xd0 && at+1 < len(text) && text[at+1] >= 0xa0 && text[at+1] <= 0xaf {
			return 0xd1
		}
		return b
	}
	if at == 0 {
		return b
	}
	switch first := text[at-1]; {
	case first == 0xc3 && b <= 0x9e && b != 0x97:
		return b + 0x20
	case first == 0xc4 && b <= 0xb7 && b%2 == 0, first == 0xc5 && b >= 0x8a && b <= 0xb7 && b%2 == 0,
		first == 0xc4 && b >= 0xb9 && b%2 == 1 && b < 0xbf, first == 0xc5 && b >= 0x81 && b <= 0x88 && b%2 == 1, first == 0xc5 && b >= 0xb9 && b <= 0xbe && b%2 == 1:
		return b + 1
	case first == 0xd0 && b >= 0x90 && b <= 0x9f:
		return b + 0x20
	case first == 0xd0 && b >= 0xa0 && b <= 0xaf:
		return b - 0x20
	}
	return b
}
