package classify

import (
	"cmp"
	"slices"
	"strings"
)

const (
	maxForm = 72 // bytes that a value laid out by a form may take
	maxWord = 63 // bytes of a word in a form
	// A telephone number has no form, and at least phoneDigits digits among the phoneReach bytes from its
	// first digit on.
	phoneDigits, phoneReach = 7, 24
)

// form is a layout of values: 9 for a digit, A for a letter, * for either, all else for itself.
type form struct {
	text  string
	at    int // where the word begins by which it is found
	word  int // how long that word is
	rules []*rule

	next     byte // what follows that word; 0 if the form ends with it
	digits   int  // how many digits follow behind next; -1 if that is not all of a group
	columnar bool // a column can be evidence for some rule's values
}

// shape is a layout of digits: the lengths of its groups, five bits each.
type shape uint32

func shapeOf(groups ...int) shape {
	var s shape
	for _, length := range groups {
		s = s<<5 | shape(length)
	}
	return s
}

// forms are the ways in which a shape's groups are separated.
func (s shape) forms() []string {
	var groups []string
	for ; s != 0; s >>= 5 {
		groups = append(groups, strings.Repeat("9", int(s&31)))
	}
	slices.Reverse(groups)
	if len(groups) == 1 {
		return groups
	}
	return []string{strings.Join(groups, " "), strings.Join(groups, "-")}
}

// layouts are all forms of a rule, each once.
func (r *rule) layouts() []string {
	all := slices.Clone(r.forms)
	for _, s := range r.shapes {
		all = append(all, s.forms()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// newForms returns the form of a text once for each word that it may be found by: the first that can hold a
// digit and, where that may be one that the kernel does not stop at, all that can hold letters as well.
func newForms(text string) (all []*form) {
	for i := 0; i < len(text); {
		end := i
		for end < len(text) && isPlace(text[end]) {
			end++
		}
		word := text[i:end]
		if len(all) == 0 && strings.ContainsAny(word, "9*") || len(all) > 0 && strings.Contains(word, "*") {
			f := &form{text: text, at: i, word: len(word), digits: -1}
			if end < len(text) {
				f.next = text[end]
			}
			if n, ok := f.second(); ok {
				f.digits = n
			}
			all = append(all, f)
		}
		i = end + 1
	}
	return all
}

// isPlace says whether b stands for characters of a word in a form.
func isPlace(b byte) bool { return b == '9' || b == 'A' || b == '*' }

// wordHolds says whether the first word holds letters only, digits only, or may hold both.
func (f *form) wordHolds() (onlyDigits, letters bool) {
	word := f.text[f.at : f.at+f.word]
	return !strings.Contains(word, "A"), strings.ContainsAny(word, "A*")
}

// second returns the length of the digit group behind the first word; ok is false if something else may
// stand there.
func (f *form) second() (n int, ok bool) {
	start := f.at + f.word + 1
	if start >= len(f.text) {
		return 0, false
	}
	end := start
	for end < len(f.text) && f.text[end] == '9' {
		end++
	}
	return end - start, end == len(f.text) || !isPlace(f.text[end])
}

// formIndex finds the forms that may stand at a word: by its length, whether it holds letters, and the
// byte after it.
type formIndex struct {
	separators [256]uint8 // 0 for all bytes that no form has after its first word
	continues  [256]uint8 // 1 for the bytes that a form has before the word by which it is found
	lists      [maxWord + 1][2][]formList
}

// formList is the forms that may stand at a word, the longer ones first: without and with those that begin
// before it, and by how many digits stand behind the separator, up to maxBehind.
type formList [2][maxBehind + 1][]admission

const maxBehind = 12

// admission is what the masks from a word on show where a form may stand. It spares looking at the text.
type admission struct {
	places // from the word on: which places are looked at, and which of them must be digits
	form   *form
	before places // of the 64 bytes before the word
}

// places are masks of digits and of characters of words.
type places struct{ digits, digitPlaces, words, wordPlaces uint64 }

// fits says whether the masks are like those of the places.
func (p *places) fits(digits, words uint64) bool {
	return digits&p.digitPlaces == p.digits && words&p.wordPlaces == p.words
}

func (f *form) admission() admission {
	a := admission{form: f}
	for i, place := range []byte(f.text) {
		if i < f.at {
			a.before.add(64+i-f.at, place)
		} else {
			a.add(i-f.at, place)
		}
	}
	a.wordPlaces |= 1 << (len(f.text) - f.at) // which ends the value
	return a
}

// add makes bit k stand for a place.
func (p *places) add(k int, place byte) {
	if k < 0 {
		return
	}
	bit := uint64(1) << k
	if place != '*' {
		p.digitPlaces |= bit
	}
	p.wordPlaces |= bit
	if place == '9' || isDigit(place) {
		p.digits |= bit
	}
	if isPlace(place) || isAlnum(place) || place == '_' {
		p.words |= bit
	}
}

func newFormIndex(forms []*form) *formIndex {
	x := new(formIndex)
	count := uint8(1)
	for _, f := range forms {
		if sep := f.next; sep != 0 && x.separators[sep] == 0 {
			x.separators[sep] = count
			count++
		}
		if f.at > 0 {
			x.continues[f.text[f.at-1]] = 1
		}
	}
	// A form that ends with the word may be followed by any separator.
	slices.SortStableFunc(forms, func(a, b *form) int { return cmp.Compare(len(b.text), len(a.text)) })
	for _, f := range forms {
		digits, letters := f.wordHolds()
		for kind, admitted := range []bool{digits, letters} {
			if !admitted {
				continue
			}
			lists := &x.lists[f.word][kind]
			if *lists == nil {
				*lists = make([]formList, count)
			}
			for sep := range *lists {
				if next := f.next; next == 0 || int(x.separators[next]) == sep {
					(*lists)[sep].add(f)
				}
			}
		}
	}
	return x
}

func (l *formList) add(f *form) {
	for continues := range l {
		if continues == 0 && f.at > 0 {
			continue
		}
		for behind := range l[continues] {
			if f.digits < 0 || f.digits == behind || f.digits > maxBehind && behind == maxBehind {
				l[continues][behind] = append(l[continues][behind], f.admission())
			}
		}
	}
}

// at returns the forms that may stand at a word; nil if there are none.
func (x *formIndex) at(word int, letters bool, after byte) *formList {
	if word > maxWord {
		return nil
	}
	kind := 0
	if letters {
		kind = 1
	}
	lists := x.lists[word][kind]
	if lists == nil {
		return nil
	}
	return &lists[x.separators[after]]
}
