package classify

import (
	"slices"
	"strings"
)

// evidenceLevel is what the surroundings of a value say about it.
type evidenceLevel int8

const (
	evidenceAgainst evidenceLevel = iota - 1 // they name something else
	evidenceNone
	evidenceWord // a word within 64 bytes names it
	evidenceKey  // the field's key names it
)

// against is how near, in bytes, a word must stand before a value in running text to speak against it.
const against = 24

// vocabulary is what the surroundings of a detector's values may say, for it or against it.
type vocabulary struct {
	whole [256][]term // matched as whole words, by first byte
	stems [256][]term // matched anywhere, by first byte
}

type term struct {
	text   string
	denies bool
}

// words builds a vocabulary. Terms are lower case. A term in Latin letters is matched as whole words
// ("pan" is not in "company", but it is in "customerPan" and "pan_number"); with a trailing "*" it is a
// stem that may stand inside a compound. Terms in other scripts are always stems.
func words(supports, denies []string) *vocabulary {
	v := new(vocabulary)
	for i, text := range slices.Concat(supports, denies) {
		stem := strings.HasSuffix(text, "*")
		text = strings.TrimSuffix(text, "*")
		index := &v.whole[text[0]]
		if stem || text[0] >= 0x80 {
			index = &v.stems[text[0]]
		}
		*index = append(*index, term{text, i >= len(supports)})
	}
	return v
}

// around reads what stands around the value in view. Where several terms apply, the one nearest before
// the value counts ("card_id" is an id, "order_card" is a card), and the field before what contains it.
func (v *vocabulary) around(view []byte, start, end int) evidenceLevel {
	s := surroundingsOf(view, start, end)
	var scratch [4 * maxKey]byte
	field := normalise(scratch[:0], s.key)
	text := normalise(field, s.before)
	support, deny := v.last(text)
	if !s.keyed && deny < len(text)-against {
		deny = -1
	}
	switch {
	case deny > support:
		return evidenceAgainst
	case support >= 0 && support < len(field):
		return evidenceKey
	case support >= 0:
		return evidenceWord
	}
	if s.keyed {
		if support, deny = v.last(normalise(scratch[:0], s.container(view))); deny > support {
			return evidenceAgainst
		} else if support >= 0 {
			return evidenceKey
		}
	}
	if support, _ = v.last(normalise(scratch[:0], s.after)); support >= 0 {
		return evidenceWord
	}
	return evidenceNone
}

// last returns where in text, which is normalised, the last supporting and the last denying term end; -1
// if there is none.
func (v *vocabulary) last(text []byte) (support, deny int) {
	support, deny = -1, -1
	for i := 1; i < len(text); i++ {
		if text[i-1] == ' ' {
			for _, t := range v.whole[text[i]] {
				if end := i + len(t.text); end < len(text) && text[end] == ' ' && string(text[i:end]) == t.text {
					t.note(end, &support, &deny)
				}
			}
		}
		for _, t := range v.stems[text[i]] {
			if end := i + len(t.text); end <= len(text) && string(text[i:end]) == t.text {
				t.note(end-1, &support, &deny)
			}
		}
	}
	return support, deny
}

func (t *term) note(end int, support, deny *int) {
	at := support
	if t.denies {
		at = deny
	}
	*at = max(*at, end)
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
		case isUpper(b):
			newWord := i > 0 && isLower(text[i-1])
			lastOfCapitals := i > 0 && isUpper(text[i-1]) && i+1 < len(text) && isLower(text[i+1])
			if newWord || lastOfCapitals {
				space()
			}
			out = append(out, lower(b))
		case isLower(b) || b >= 0x80:
			out = append(out, b)
		default:
			space()
		}
	}
	space()
	return out
}
