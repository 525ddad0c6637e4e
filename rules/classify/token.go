package classify

import "github.com/borderflow/borderflow/rules/flow"

// maxValue is the longest normalised value of any detector, in bytes: an e-mail address.
const maxValue = 320

// match is a value with a valid checksum or form, within a view.
type match struct {
	start, end int
	value      []byte // normalised
	strength   flow.Strength
}

// token is a text that is laid out like one of a rule's forms.
type token struct {
	text      [maxForm]byte
	n         int
	start     int
	end       int
	raw       []byte // as it is written
	view      []byte // the neighbourhood, of which raw is what stands from start to end
	form      string // the form that it has, e.g. "999-99-9999"
	separator byte   // the form's first separator, 0 if its characters stand together
	luhn      luhnResult
	card      cardResult
	joined    bool // more groups of digits of the same length stand beside it, as in a table of numbers
}

// value returns the digits and letters without separators, the letters as capitals.
func (t *token) value() []byte { return t.text[:t.n] }

// luhnResult is what a token knows of its Luhn digit, for which several rules ask.
type luhnResult uint8

const (
	luhnUnknown luhnResult = iota
	luhnFails
	luhnPasses
)

// hasLuhn says whether the last digit of a token of digits is right (ISO/IEC 7812-1 annex B).
func (t *token) hasLuhn() bool {
	if t.luhn == luhnUnknown {
		t.luhn = luhnFails
		if luhn(t.value()) {
			t.luhn = luhnPasses
		}
	}
	return t.luhn == luhnPasses
}

// cardResult is what a token is as a payment card number: two rules ask for it.
type cardResult struct {
	known, test bool
	strength    flow.Strength
}

// asCard returns the strength of a token as a card number on its own, and whether that is one for testing.
func (t *token) asCard() (strength flow.Strength, test bool) {
	if !t.card.known {
		strength = cardStrength(t)
		t.card = cardResult{true, strength != 0 && isTestCard(t.value()), strength}
	}
	return t.card.strength, t.card.test
}

// placeClasses are the classes of bytes of which a place of a form takes one, byteClasses those that a byte
// is of.
var placeClasses, byteClasses = func() (places, bytes [256]uint8) {
	const digit, letter = 1, 2
	places['9'], places['A'], places['*'] = digit, letter, digit|letter
	for b := range bytes {
		switch {
		case isDigit(byte(b)):
			bytes[b] = digit
		case isAlpha(byte(b)):
			bytes[b] = letter
		}
	}
	return places, bytes
}()

// read fills t with what stands at start in the form f; false if that does not begin and end as a value
// does.
func (t *token) read(f *form, view []byte, start int) bool {
	end := start + len(f.text)
	if start < 0 || end > len(view) {
		return false
	}
	t.n, t.separator, t.card.known = 0, 0, false
	for i, b := range view[start:end] {
		place := f.text[i]
		if class := placeClasses[place]; class != 0 {
			if byteClasses[b]&class == 0 {
				return false
			}
			b = upper(b)
		} else if b != place {
			return false
		} else if !isDigit(b) {
			if t.separator == 0 {
				t.separator = b
			}
			continue
		}
		t.text[t.n] = b
		t.n++
	}
	if !startsToken(view, start) || !endsToken(view, end) {
		return false
	}
	t.start, t.end, t.form, t.joined, t.luhn = start, end, f.text, false, luhnUnknown
	t.raw, t.view = view[start:end], view
	if t.separator == ' ' {
		first, last := lengthOfGroups(f.text)
		t.joined = groupBefore(view, start) == first || groupAfter(view, end) == last
	}
	return true
}

// startsToken says whether a value may start at at: what stands before must not be part of the same
// word, number or hyphenated name (an order number, a float, the tail of a UUID).
func startsToken(view []byte, at int) bool {
	if at == 0 {
		return true
	}
	before := view[at-1]
	var second byte
	if at > 1 {
		second = view[at-2]
	}
	switch {
	case isAlpha(before):
		return second == '\\' // "\n" written out
	case before == '.':
		return isAlpha(second)
	}
	return before != '-' && before != '_' && before != '+' && !isDigit(before)
}

// endsToken says whether a value may end before end.
func endsToken(view []byte, end int) bool {
	if end >= len(view) {
		return true
	}
	var second byte
	if end+1 < len(view) {
		second = view[end+1]
	}
	switch after := view[end]; {
	case isAlnum(after) || after == '_':
		return false
	case after == '.':
		return !isDigit(second)
	case after == '-':
		return !isAlnum(second)
	}
	return true
}

// lengthOfGroups returns the lengths of a form's first and last group.
func lengthOfGroups(form string) (first, last int) {
	for first < len(form) && isPlace(form[first]) {
		first++
	}
	for last < len(form) && isPlace(form[len(form)-1-last]) {
		last++
	}
	return first, last
}

// groupBefore is the length of the digit group that ends one space before at, 0 if there is none.
func groupBefore(view []byte, at int) int {
	if at == 0 || view[at-1] != ' ' {
		return 0
	}
	n := 0
	for i := at - 2; i >= 0 && n <= maxForm && isDigit(view[i]); i-- {
		n++
	}
	return n
}

// groupAfter is the length of the digit group that begins one space after end, 0 if there is none.
func groupAfter(view []byte, end int) int {
	if end >= len(view) || view[end] != ' ' {
		return 0
	}
	n := 0
	for i := end + 1; i < len(view) && n <= maxForm && isDigit(view[i]); i++ {
		n++
	}
	return n
}
