package classify

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/borderflow/borderflow/rules/classify/pattern"
)

// word is a keyword of the operator's, or a literal of a pattern.
type word struct {
	text    string // with small letters for ASCII's capitals
	spelt   string // as it must be written; "" if case does not count
	value   string // of a keyword, the same for all its forms
	rule    *rule
	pattern *pattern.Pattern // to be tried where the text stands; nil for a keyword
}

// wordIndex finds the words that begin at a place, however many there are, at the price of one or two
// lookups: of the first six bytes, or of three for shorter words. Places where no word can begin are not
// looked at; without a word that begins with punctuation or a pattern's literal that may stand within a
// word, these are all but the first letters of words and characters beyond ASCII.
type wordIndex struct {
	everywhere  bool
	short, long heads
}

const (
	shortHead = 3
	longHead  = 6
)

func newWordIndex(words []word) *wordIndex {
	x := new(wordIndex)
	var short, long []word
	for _, w := range words {
		if len(w.text) >= longHead && !strings.Contains(w.text[:longHead], " ") {
			long = append(long, w)
		} else {
			short = append(short, w)
		}
		first := w.text[0]
		within := w.pattern != nil && !w.pattern.AtWord() && first < utf8.RuneSelf
		x.everywhere = x.everywhere || within || first < utf8.RuneSelf && !inWord(first)
	}
	x.short, x.long = newHeads(short, shortHead), newHeads(long, longHead)
	return x
}

// starts returns where in the first 64 bytes of p, which has eight more, a word may begin. begins are the first
// letters of ASCII words among them.
func (x *wordIndex) starts(p []byte, begins uint64) (found uint64) {
	if len(x.short.words)+len(x.long.words) == 0 {
		return 0
	}
	places := ^uint64(0)
	if !x.everywhere {
		places = begins | leadBytes(p)
	}
	_ = p[71]
	for ; places != 0; places &= places - 1 {
		k := bits.TrailingZeros64(places)
		head := binary.LittleEndian.Uint64(p[k:k+8]) | 0x20*ones
		found |= (x.long.bit(head) | x.short.bit(head)) << k
	}
	return found
}

// leadBytes returns which of the first 64 bytes of p are the first of a character beyond ASCII.
func leadBytes(p []byte) (mask uint64) {
	_ = p[63]
	for i := 0; i < 64; i += 8 {
		if x := binary.LittleEndian.Uint64(p[i:]); x&highs != 0 {
			mask |= gather(x&(x<<1)&highs) << i
		}
	}
	return mask
}

// heads are words by their first bytes.
type heads struct {
	mask  uint64
	shift uint
	bits  []uint64 // a bit for each hash of a head
	slots []headSlot
	words []word // by head, longest first
}

// headSlot says which words begin with head; open addressing, free where to is 0.
type headSlot struct {
	head     uint64
	from, to uint32
}

func newHeads(words []word, size int) heads {
	width := max(12, bits.Len(uint(16*len(words))))
	h := heads{mask: 1<<(8*size) - 1, shift: uint(64 - width), bits: make([]uint64, 1<<(width-6)), words: words}
	h.slots = make([]headSlot, 1<<bits.Len(uint(2*len(words))))
	slices.SortStableFunc(words, func(a, b word) int {
		return cmp.Or(cmp.Compare(h.of(a.text), h.of(b.text)), cmp.Compare(len(b.text), len(a.text)))
	})
	for i, w := range words {
		head := h.of(w.text)
		hash := h.hash(head)
		h.bits[hash>>6] |= 1 << (hash & 63)
		slot := h.slot(head)
		if slot.to == 0 {
			slot.head, slot.from = head, uint32(i)
		}
		slot.to = uint32(i + 1)
	}
	return h
}

// of returns the head of text, in which bytes that differ in the bit of ASCII's case are the same.
func (h *heads) of(text string) uint64 {
	var room [8]byte
	copy(room[:], text)
	return (binary.LittleEndian.Uint64(room[:]) | 0x20*ones) & h.mask
}

func (h *heads) hash(head uint64) uint64 { return head * 0x9e3779b97f4a7c15 >> h.shift }

// bit is 1 if a word may begin with the bytes of x.
func (h *heads) bit(x uint64) uint64 {
	hash := h.hash(x & h.mask)
	return h.bits[hash>>6] >> (hash & 63) & 1
}

// slot returns the slot of head, or the free one where it belongs.
func (h *heads) slot(head uint64) *headSlot {
	for i := h.hash(head); ; i++ {
		if slot := &h.slots[i%uint64(len(h.slots))]; slot.to == 0 || slot.head == head {
			return slot
		}
	}
}

// at returns the words with the head that p, of at least eight bytes, begins with.
func (h *heads) at(p []byte) []word {
	slot := h.slot((binary.LittleEndian.Uint64(p) | 0x20*ones) & h.mask)
	return h.words[slot.from:slot.to]
}

// end returns where the word ends that begins at view[at]; -1 if it does not stand there.
func (w *word) end(view []byte, at int) int {
	i := at
	for j := range len(w.text) {
		if i == len(view) {
			return -1
		}
		switch b := view[i]; {
		case w.text[j] == ' ':
			if !isSpace(b) {
				return -1
			}
			for i+1 < len(view) && i-at < maxValue && isSpace(view[i+1]) {
				i++
			}
		case w.spelt != "" && b != w.spelt[j], lower(b) != w.text[j]:
			return -1
		}
		i++
	}
	if w.pattern == nil && (goesOnBefore(view, at) || goesOnBehind(view, i)) {
		return -1
	}
	return i
}

// goesOnBefore says whether the word that begins at at is only the rest of one.
func goesOnBefore(view []byte, at int) bool {
	first, _ := utf8.DecodeRune(view[at:])
	before, _ := utf8.DecodeLastRune(view[:at])
	return at > 0 && spaced(first) && spaced(before)
}

// goesOnBehind says whether the word that ends at end goes on.
func goesOnBehind(view []byte, end int) bool {
	last, _ := utf8.DecodeLastRune(view[:end])
	next, _ := utf8.DecodeRune(view[end:])
	return end < len(view) && spaced(last) && spaced(next)
}

// spaced says whether r is part of words that stand between spaces: not so in the scripts of East Asia and
// in those of Thai, Lao, Burmese and Khmer.
func spaced(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return inWord(byte(r))
	case r >= 0x2e80, 0xe00 <= r && r < 0xf00, 0x1000 <= r && r < 0x10a0, 0x1780 <= r && r < 0x1800:
		return false
	}
	return unicode.IsLetter(r) || unicode.IsMark(r)
}

// keywordForms returns the ways in which a keyword is spelt in texts that have been folded.
func keywordForms(keyword string, matchCase bool, r *rule) (forms []word) {
	text := strings.Join(strings.Fields(foldText(keyword)), " ")
	if matchCase {
		return []word{{text: string(lowered(nil, []byte(text))), spelt: text, value: text, rule: r}}
	}
	small := strings.ToLower(text)
	for _, form := range []string{small, strings.ToUpper(text), titled(small)} {
		form = string(lowered(nil, []byte(form)))
		if !slices.ContainsFunc(forms, func(w word) bool { return w.text == form }) {
			forms = append(forms, word{text: form, value: small, rule: r})
		}
	}
	return forms
}

// titled has each word begin with a capital.
func titled(text string) string {
	words := strings.Split(text, " ")
	for i, w := range words {
		first, size := utf8.DecodeRuneInString(w)
		words[i] = string(unicode.ToUpper(first)) + w[size:]
	}
	return strings.Join(words, " ")
}

// foldText writes text as it stands before the scanner.
func foldText(text string) string {
	return strings.Map(func(r rune) rune {
		to, folds := Fold(r)
		switch {
		case !folds:
			return r
		case to == 0:
			return -1
		}
		return rune(to)
	}, text)
}

// KeywordLength is how many bytes of a keyword are looked for: without what is invisible, and with ASCII for
// what is only another way to write it.
func KeywordLength(keyword string) int {
	return len(strings.Join(strings.Fields(foldText(keyword)), " "))
}
