package classify

import (
	"bytes"
	"math/bits"
)

// block judges what stands in the first limit bytes of the block at at. Most of what does is dismissed here,
// by the masks alone.
func (s *scanner) block(b *blocks, at, limit int) {
	literals := b.beginnings()
	if literals != 0 {
		if literals = s.table.literals.among(literals, s.buf[at:at+67]); literals != 0 {
			literals = b.notPlain(literals)
		}
	}
	numbers, rest := b.numbers(), b.current.marks|literals
	events := numbers | rest
	if limit < 64 {
		events &= 1<<limit - 1
	}
	for keys := rest & events & (b.current.quotes<<1 | b.previous.quotes>>63); keys != 0; keys &= keys - 1 {
		if k := bits.TrailingZeros64(keys); s.isQuietKey(at + k) {
			events &^= 1 << k
		}
	}
	var words, values uint64
	if s.table.custom != nil {
		words, values = s.customStarts(b, at)
		if limit < 64 {
			words, values = words&(1<<limit-1), values&(1<<limit-1)
		}
		events |= words | values
	}
	others := rest | words | values
	for ; events != 0; events &= events - 1 {
		k := bits.TrailingZeros64(events)
		if s.rows.on {
			s.cells(at + k)
		}
		if (words|values)>>k&1 != 0 {
			s.customAt(at+k, words>>k&1 != 0, values>>k&1 != 0)
		}
		if at+k < s.taken {
			continue
		}
		if numbers>>k&1 != 0 {
			s.number(b, at, k)
			events &= others | 1<<k | ^uint64(0)<<max(k+1, s.worded-at) // once is enough
		}
		if rest>>k&1 == 0 {
			continue
		}
		if literals>>k&1 != 0 {
			s.literal(at + k)
		}
		if b.current.marks>>k&1 != 0 {
			s.mark(b, at, k)
		}
	}
	if s.rows.on {
		s.cells(at + min(64, limit))
	}
}

// cells follows the cells of a table up to limit, and hands those to rules whose headings ask for it.
func (s *scanner) cells(limit int) {
	r := &s.rows
	if !r.fires {
		r.follow(s.buf[:], limit)
		return
	}
	for r.nextFiring(s.buf[:], limit) {
		view, i := s.view(r.cell)
		f := &s.handed
		*f = field{key: r.names[r.column], view: view}
		f.take(r.bounds(view, i))
		for _, rule := range r.head().fires {
			s.tryValue(rule, f, r.cell-i)
		}
	}
}

// number judges the word with the digit at bit k of the block at at, once.
func (s *scanner) number(b *blocks, at, k int) {
	first, end, ok := b.word(k)
	start := at + first
	length := end - first
	if !ok || start < s.worded {
		return
	}
	s.worded = start + length
	digits, words := b.digitsFrom(first), b.wordsFrom(first)
	if bits.TrailingZeros64(^digits) == length {
		s.tryForms(b, start, start-at, length, false, digits, words)
		if bits.OnesCount64(digits&(1<<phoneReach-1)) >= phoneDigits {
			s.maybePhone(start)
		}
		if length <= 3 && s.buf[start+length] == '.' && mayBeQuad(digits, length) {
			s.trigger(start, s.table.quads)
		}
		return
	}
	if start > 0 && s.buf[start-1] == '\\' && isAlpha(s.buf[start]) { // "\n" written out
		start, length, digits, words = start+1, length-1, digits>>1, words>>1
	}
	s.tryForms(b, start, start-at, length, digits&(1<<length-1) != 1<<length-1, digits, words)
	if digits&15 == 0b1100 && isAlpha(s.buf[start]) && isAlpha(s.buf[start+1]) {
		s.trigger(start+2, s.table.codes)
	}
}

// maybePhone tries the rules for telephone numbers if "+" stands before the word of digits at start, or it
// begins with "00".
func (s *scanner) maybePhone(start int) {
	if s.byteAt(start-1) == '+' || s.buf[start] == '0' && s.buf[start+1] == '0' {
		s.trigger(start, s.table.phones)
	}
}

// mayBeQuad says whether four groups of one to three digits, each a byte apart, may begin with the group of
// the given length that digits begins with.
func mayBeQuad(digits uint64, length int) bool {
	for range 3 {
		digits >>= length
		if digits&3 != 2 {
			return false
		}
		digits >>= 1
		if length = bits.TrailingZeros64(^digits); length > 3 {
			return false
		}
	}
	return true
}

// byteAt is 0 where there is no text.
func (s *scanner) byteAt(i int) byte {
	if i < 0 || i >= s.n {
		return 0
	}
	return s.buf[i]
}

// literal tries the rules with a literal that begins at at.
func (s *scanner) literal(at int) {
	for _, l := range s.table.literals.at(headOf(s.buf[at], s.buf[at+1], s.buf[at+2])) {
		if s.n-at >= len(l.text) && string(s.buf[at:at+len(l.text)]) == l.text {
			s.tryText(at, l.rule)
		}
	}
}

// mark looks at the "@", ":", "=" or ">" at bit k of the block at at.
func (s *scanner) mark(b *blocks, at, k int) {
	i := at + k
	switch s.buf[i] {
	case '@':
		s.trigger(i, s.table.ats)
		return
	case '(':
		if isDigit(s.byteAt(i + 1)) {
			s.trigger(i+1, s.table.phones)
		}
		return
	case ':':
		if i > 0 && s.buf[i-1] == '"' {
			s.quoted(b, at, k)
			return
		}
		if len(s.table.colons) > 0 && b.mayHaveColons(k) && s.beginsColons(i) {
			s.trigger(i, s.table.colons)
		}
		if isDigit(s.byteAt(i-1)) && isDigit(s.byteAt(i+1)) {
			return
		}
	}
	s.field(i)
}

// quoted looks at the ":" behind the key in quotes that ends before bit k of the block at at.
func (s *scanner) quoted(b *blocks, at, k int) {
	i, open := at+k, at+b.quoteBefore(k-1)
	if open < 0 || i-open > maxKey || s.buf[i-2] == '\\' {
		s.field(i)
		return
	}
	known := s.table.factsOf(s.buf[open+1 : i-1])
	if known.fires == nil {
		s.remember(i)
		return
	}
	view, to := s.view(i)
	if to+1 == len(view) || view[to+1] == ':' || bytes.HasPrefix(view[to+1:], []byte("//")) {
		return
	}
	open -= i - to
	s.fire(known.facts, view, i-to, to, name{open + 1, to - 1, open})
}

// isQuietKey says whether the byte at at is the ":" behind a key in quotes that is known to fire no rule.
// Most of what JSON has of marks is that, so it is tested in the fewest steps.
func (s *scanner) isQuietKey(at int) bool {
	if at < 18 || s.buf[at] != ':' {
		return false
	}
	hash, ok := s.table.cache.hashQuoted((*[16]byte)(s.buf[at-17 : at-1]))
	return ok && s.table.cache.isQuiet(hash)
}

// remember makes isQuietKey know the key before the ":" at at.
func (s *scanner) remember(at int) {
	if at < 18 {
		return
	}
	if hash, ok := s.table.cache.hashQuoted((*[16]byte)(s.buf[at-17 : at-1])); ok {
		s.table.cache.setQuiet(hash)
	}
}

// beginsColons says whether the ":" at at is the first of "::", or of three with hexadecimal digits between,
// as no time of day has.
func (s *scanner) beginsColons(at int) bool {
	if s.byteAt(at+1) == ':' {
		return s.byteAt(at-1) != ':'
	}
	before := at
	for before > 0 && before > at-5 && isHexDigit(s.buf[before-1]) {
		before--
	}
	if before == at || s.byteAt(before-1) == ':' {
		return false
	}
	next := at
	for range 2 {
		digits := next + 1
		for digits <= next+4 && isHexDigit(s.byteAt(digits)) {
			digits++
		}
		if s.byteAt(digits) != ':' {
			return false
		}
		next = digits
	}
	return true
}

// view returns the neighbourhood of the trigger at and the trigger's index in it.
func (s *scanner) view(at int) ([]byte, int) {
	from := max(0, at-lookBehind)
	return s.buf[from:min(s.n, at+lookAhead)], at - from
}

// trigger tries rules that find their value's bounds themselves.
func (s *scanner) trigger(at int, rules []*rule) {
	for _, r := range rules {
		s.tryText(at, r)
	}
}

func (s *scanner) tryText(at int, r *rule) {
	view, i := s.view(at)
	if m := r.text(view, i, s.value[:0]); m.strength != 0 {
		s.judge(r, view, at-i, m, nil)
	}
}

// tryForms tries the rules whose forms may stand at the word of the given length at at, the longest forms
// first; of forms of one length, every rule is tried. k is the word's bit in the blocks; digits and words are the
// masks from there on.
func (s *scanner) tryForms(b *blocks, at, k, length int, letters bool, digits, words uint64) {
	list := s.table.forms.at(length, letters, s.buf[at+length])
	if list == nil {
		return
	}
	before := s.byteAt(at - 1)
	behind := bits.TrailingZeros64(^(digits >> length >> 1))
	admissions := list[s.table.forms.continues[before]][min(behind, maxBehind)]
	accepted := 0
	for n := range admissions {
		a := &admissions[n]
		if !a.fits(digits, words) {
			continue
		}
		f := a.form
		if f.at > 0 && (before != f.text[f.at-1] || k >= 0 && !a.before.fits(b.digitsBefore(k), b.wordsBefore(k))) {
			continue
		}
		if len(f.text) < accepted {
			return
		}
		if s.tryForm(f, at-f.at) {
			accepted = len(f.text)
		}
	}
}

// tryForm tries the rules of a form at start in the window.
func (s *scanner) tryForm(f *form, start int) (accepted bool) {
	view, i := s.view(start + f.at)
	from := start + f.at - i
	t := &s.token
	if !t.read(f, view, start-from) {
		return false
	}
	var col *column
	if f.columnar {
		col = s.column(view, from)
	}
	for _, r := range f.rules {
		if strength := r.check(t); strength != 0 {
			m := match{start: t.start, end: t.end, value: t.value(), strength: strength}
			accepted = s.judge(r, view, from, m, col) || accepted
		}
	}
	return accepted
}
