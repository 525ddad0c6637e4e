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

// shape names a reading of digits: the lengths of its groups, five bits each.
type shape uint32

func shapeOf(groups ...int) shape {
	var s shape
	for _, length := range groups {
		s = s<<5 | shape(length)
	}
	return s
}

const (
	maxGroups = 5
	maxDigits = 24
)

// groups are the digit groups that start at a trigger: up to five, all separated by the same single
// space or hyphen.
type groups struct {
	count     int
	ends      [maxGroups]int
	lengths   [maxGroups]int
	start     int
	separator byte // 0 with one group
}

// read reads groups from at on; false if there is no admissible reading.
func (g *groups) read(view []byte, at int) bool {
	*g = groups{start: at}
	if !startsToken(view, at) {
		return false
	}
	for i := at; g.count < maxGroups; i++ {
		from := i
		for i < len(view) && isDigit(view[i]) {
			i++
		}
		if i == from || i-from > maxDigits {
			break
		}
		g.ends[g.count], g.lengths[g.count] = i, i-from
		g.count++
		if i >= len(view) || view[i] != ' ' && view[i] != '-' || g.separator != 0 && view[i] != g.separator {
			break
		}
		g.separator = view[i]
	}
	return g.count > 0
}

func (g *groups) shape(k int) shape { return shapeOf(g.lengths[:k]...) }

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

// token is one reading of digits, offered to validators.
type token struct {
	text      [maxDigits + 1]byte
	n         int
	start     int
	end       int
	separator byte // ' ' or '-', 0 if the digits stand together
	joined    bool // more groups of the same form stand beside it, as in a table of numbers
}

// value returns the digits without separators, and the check character.
func (t *token) value() []byte { return t.text[:t.n] }

// token fills t with the first k groups; false if they do not end as a value does.
func (g *groups) token(t *token, view []byte, k int) bool {
	end := g.ends[k-1]
	*t = token{start: g.start, end: end}
	if k > 1 {
		t.separator = g.separator
	}
	for _, b := range view[g.start:end] {
		if isDigit(b) {
			if t.n == maxDigits {
				return false
			}
			t.text[t.n] = b
			t.n++
		}
	}
	if end < len(view) && view[end]|0x20 == 'x' && t.n == 17 {
		t.text[t.n] = 'X'
		t.n++
		t.end++
	}
	if !endsToken(view, t.end) {
		return false
	}
	if t.separator == ' ' {
		t.joined = groupBefore(view, g.start) == g.lengths[0] || g.count > k && g.lengths[k] == g.lengths[k-1]
	}
	return true
}

// groupBefore is the length of the digit group that ends one space before at, 0 if there is none.
func groupBefore(view []byte, at int) int {
	if at == 0 || view[at-1] != ' ' {
		return 0
	}
	n := 0
	for i := at - 2; i >= 0 && n <= maxDigits && isDigit(view[i]); i-- {
		n++
	}
	return n
}
