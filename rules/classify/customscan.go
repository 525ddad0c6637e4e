package classify

import (
	"math/bits"
	"slices"

	"github.com/borderflow/borderflow/rules/classify/exact"
)

// What patterns may cost per payload, in bytes that they are given to look at. Beyond it the payload has
// not been read as a whole.
const (
	maxPatternWork = 64 * mebibyte // and as much as there is text
	maxSlowWork    = 16 * mebibyte
)

const (
	slowStep   = 256 // bytes of text that slow patterns look at together
	slowBehind = 256 // and of what stands before
	joinReach  = 40  // bytes within which a code that begins with a letter has its first digit
)

// customScan is what the search for the operator's values keeps per payload.
type customScan struct {
	candidate  exact.Candidate
	work       patternWork
	overBudget func(reason string)
}

// patternWork is what patterns have cost.
type patternWork struct{ literal, slow int64 }

// slowProgress is how far slow patterns have come in a segment, in offsets of its place.
type slowProgress struct {
	begun bool
	next  int64
	ends  [MaxSlow]int64 // of each pattern's last match
}

// customStarts returns where in the block at at one of the operator's words may begin, and where a value of
// a table may stand.
func (s *scanner) customStarts(b *blocks, at int) (words, values uint64) {
	c := s.table.custom
	begins := b.current.words &^ (b.current.words<<1 | b.previous.words>>63)
	words = c.words.starts(s.buf[at:at+72], begins)
	if len(c.tables) == 0 {
		return words, 0
	}
	if b.current.digits|b.next.digits != 0 {
		for rest := begins; rest != 0; rest &= rest - 1 {
			k := bits.TrailingZeros64(rest)
			digits := from(b.current.digits, b.next.digits, k)
			length := bits.TrailingZeros64(^from(b.current.words, b.next.words, k))
			if digits&(1<<length-1) != 0 || digits&(1<<joinReach-1) != 0 && isJoin(s.buf[at+k+length]) {
				values |= 1 << k
			}
		}
	}
	if c.mails {
		for rest := b.current.marks; rest != 0; rest &= rest - 1 {
			if k := bits.TrailingZeros64(rest); s.buf[at+k] == '@' {
				values |= 1 << k
			}
		}
	}
	return words, values
}

func isJoin(b byte) bool { return b == '-' || b == '.' || b == '/' }

// customAt tries the operator's words and tables at at.
func (s *scanner) customAt(at int, words, values bool) {
	if words {
		s.customWords(at)
	}
	if values {
		s.customValues(at)
	}
}

// customWords counts the operator's words that begin at at, of each detector the longest.
func (s *scanner) customWords(at int) {
	index := s.table.custom.words
	view, i := s.view(at)
	var found [8]*rule
	n := 0
	for _, heads := range [...]*heads{&index.long, &index.short} {
		group := heads.at(s.buf[at : at+8])
		for j := range group {
			w := &group[j]
			end := w.end(view, i)
			if end < 0 || slices.Contains(found[:n], w.rule) {
				continue
			}
			m := match{i, end, nil, w.rule.Strength}
			if w.pattern == nil {
				m.value = append(s.value[:0], w.value...)
			} else if m = s.matchPattern(w, view, i, at); m.strength == 0 {
				continue
			}
			s.judgeCustom(w.rule, view, at-i, m)
			if n < len(found) {
				found[n] = w.rule
				n++
			}
		}
	}
}

// matchPattern returns the match around the literal at view[i], unless an earlier literal belongs to it: then
// it has been found already.
func (s *scanner) matchPattern(w *word, view []byte, i, at int) match {
	work := &s.custom.work.literal
	if *work += int64(w.pattern.Cost()); *work > maxPatternWork+s.offsetOf(at) {
		s.overPatterns()
		return match{}
	}
	start, end, ok := w.pattern.Match(view, i)
	if !ok {
		return match{}
	}
	for earlier := start; earlier < i; earlier++ {
		for _, literal := range w.pattern.Literals() {
			if other := (word{text: literal, pattern: w.pattern}); other.end(view, earlier) > 0 {
				return match{}
			}
		}
	}
	return match{start, end, view[start:end], w.rule.Strength}
}

func (s *scanner) overPatterns() {
	if s.custom.overBudget != nil {
		s.custom.overBudget("budget: the operator's patterns")
	}
}

// customValues looks up in the operator's tables what begins at at, or the e-mail address whose "@" stands
// there.
func (s *scanner) customValues(at int) {
	view, i := s.view(at)
	from, mail := i, view[i] == '@'
	if mail {
		for from > 0 && i-from < maxLocal && beginsAddress(view[from-1]) {
			from--
		}
		for from < i && !inWord(view[from]) {
			from++
		}
		if from == i {
			return
		}
	}
	c := &s.custom.candidate
	for _, t := range s.table.custom.tables {
		for c.Begin(view, from, mail); c.Next(); {
			if t.set.Has(c) {
				s.judgeCustom(t.rule, view, at-i, match{c.Start, c.End, c.Text(), t.rule.Strength})
			}
			if mail {
				break
			}
		}
	}
}

const maxLocal = 64 // bytes before the "@" of an e-mail address (RFC 5321 section 4.5.3.1.1)

// beginsAddress says whether b may stand before an address's "@" as package exact reads them.
func beginsAddress(b byte) bool { return inWord(b) || b == '.' || b == '-' || b == '+' || b == '%' }

// judgeCustom weighs what is around a value and counts it if that suffices. The text stays free for others.
func (s *scanner) judgeCustom(r *rule, view []byte, from int, m match) {
	level := evidenceNone
	if r.words != nil {
		s.look(view, from, m.start, m.end)
		level = s.around.level(r)
	}
	strength := r.weigh(m.strength, level)
	if strength == 0 || s.credentials && slices.Contains(r.Categories, "credential") {
		return
	}
	s.tally.add(r, strength, m.value)
	s.report(r, s.offsetOf(from+m.start), m.end-m.start, strength)
}

// slowPatterns has slow patterns look at the text up to limit, in steps that do not depend on how it was
// cut into writes.
func (s *scanner) slowPatterns(limit int) {
	p := &s.slow
	if !p.begun {
		*p = slowProgress{begun: true, next: s.offsetOf(s.pos)}
	}
	for {
		from := s.n - int(s.offset-p.next)
		to := from + slowStep
		if to > limit {
			if to = limit; limit < s.n {
				return // the rest of the step is still to come
			}
		}
		if from >= to {
			return
		}
		s.slowStep(from, to)
		p.next += int64(to - from)
	}
}

// slowStep finds the matches that begin from from on and before to.
func (s *scanner) slowStep(from, to int) {
	base := max(0, from-slowBehind)
	view := s.buf[base:min(s.n, to+lookAhead)]
	for i, slow := range s.table.custom.slow {
		work := &s.custom.work.slow
		if *work += int64(to - from); *work > maxSlowWork {
			s.overPatterns()
			return
		}
		end := &s.slow.ends[i]
		for at := from; ; {
			at = max(at, s.n-int(s.offset-*end))
			begin, stop, ok := slow.pattern.Find(view, at-base, to-base)
			if !ok {
				break
			}
			s.judgeCustom(slow.rule, view, base, match{begin, stop, view[begin:stop], slow.rule.Strength})
			*end = s.offsetOf(base + stop)
		}
	}
}

func inWord(b byte) bool { return isAlnum(b) || b == '_' }
