package classify

import (
	"math/bits"

	"github.com/borderflow/borderflow/rules/flow"
)

// A trigger (the start of a digit run, an "@") is judged by what stands within these distances of it and
// by nothing else, which is why findings cannot depend on how the text was cut into writes.
const (
	lookBehind = 704
	lookAhead  = 448
	windowSize = 16 << 10
)

// recordMode says what ends a record in the text.
type recordMode uint8

const (
	recordWhole   recordMode = iota // nothing; the caller ends it
	recordLines                     // the end of a line
	recordObjects                   // the next object in a list or on the next line
)

// scanner finds values in decoded text, which it holds in a sliding window.
//
// The text comes in segments (a body, a part, a string field). A segment's end is the text's end for
// every rule, so that nothing is ever put together from two fields.
type scanner struct {
	table *table
	tally *tally
	found func(Position)

	buf [windowSize + 128]byte // 128 bytes of slack that the kernel may read past the end
	n   int                    // how much of buf is filled
	place
	progress

	value [maxValue]byte // scratch for the value being judged
	token token
}

// progress is how far the scanner has come in a segment.
type progress struct {
	pos      int // triggers before it are done
	taken    int // triggers before it lie within an accepted value
	mode     recordMode
	unbroken int     // no record ends before it, since the last identifier
	list     listing // the last value accepted thanks to evidence
}

// listing lets evidence carry on over the elements of a list.
type listing struct {
	rule     *rule
	end      int
	evidence evidenceLevel
}

func (s *scanner) init(t *table, y *tally) { s.table, s.tally = t, y }

func (s *scanner) reset() {
	s.n, s.place, s.progress, s.found = 0, place{}, progress{}, nil
}

// place is where the scanner is in a payload.
type place struct {
	name   string
	offset int64 // of the next byte to be written, in the place's decoded text
}

// at goes to a place and returns the one it left.
func (s *scanner) at(p place) (before place) {
	s.flush()
	before, s.place = s.place, p
	return before
}

// begin starts a segment. key, which is not scanned itself, stands before it as evidence.
func (s *scanner) begin(key string, mode recordMode) {
	s.flush()
	if key != "" {
		s.n = copy(s.buf[:lookBehind/2], key)
		s.buf[s.n] = '='
		s.n++
	}
	s.progress = progress{pos: s.n, mode: mode, unbroken: s.n}
}

func (s *scanner) write(p []byte) {
	for len(p) > 0 {
		c := copy(s.buf[s.n:windowSize], p)
		s.n += c
		s.offset += int64(c)
		p = p[c:]
		if s.n == windowSize {
			s.scanTo(windowSize - lookAhead)
			s.slide()
		}
	}
}

// slide drops what no trigger still to come may look at.
func (s *scanner) slide() {
	s.breakRecord(s.pos)
	drop := s.pos - lookBehind
	if drop <= 0 {
		return
	}
	copy(s.buf[:], s.buf[drop:s.n])
	s.n -= drop
	s.pos -= drop
	s.taken = max(0, s.taken-drop)
	s.unbroken = max(0, s.unbroken-drop)
	s.list.end -= drop
	if s.list.end < 0 {
		s.list = listing{}
	}
}

// flush ends the segment.
func (s *scanner) flush() {
	if s.n > 0 {
		s.scanTo(s.n)
		s.breakRecord(s.n)
	}
	s.n = 0
	s.progress = progress{}
}

// drained says whether all text written has been judged.
func (s *scanner) drained() bool { return s.n == 0 }

// settle judges what can be judged for good.
func (s *scanner) settle() {
	if limit := s.n - lookAhead; limit > s.pos {
		s.scanTo(limit)
	}
}

// preview judges the rest of the window into y, as if the text ended here, and forgets that it did.
func (s *scanner) preview(y *tally) {
	progress, tally, found := s.progress, s.tally, s.found
	s.tally, s.found = y, nil
	s.scanTo(s.n)
	s.progress, s.tally, s.found = progress, tally, found
}

// scanTo judges the triggers between s.pos and limit. Unless limit is the segment's end, the window must
// hold at least lookAhead bytes more.
func (s *scanner) scanTo(limit int) {
	clear(s.buf[s.n : s.n+128])
	buf := &s.buf
	var before uint64 // 1 if the byte before the block is a digit
	if s.pos > 0 && isDigit(buf[s.pos-1]) {
		before = 1
	}
	digits, ats := classMasks(buf[s.pos : s.pos+64])
	for at := s.pos; at < limit; at += 64 {
		nextDigits, nextAts := classMasks(buf[at+64 : at+128])
		runs := digits &^ (digits<<1 | before) & (digits>>1 | nextDigits<<63)
		triggers := runs | ats
		if rest := limit - at; rest < 64 {
			triggers &= 1<<rest - 1
		}
		for ; triggers != 0; triggers &= triggers - 1 {
			k := bits.TrailingZeros64(triggers)
			if at+k < s.taken {
				continue
			}
			if ats>>k&1 != 0 {
				s.trigger(at+k, s.table.ats)
				continue
			}
			run := bits.TrailingZeros64(^(digits>>k | nextDigits<<(64-k)))
			if at+k >= 2 && isUpper(buf[at+k-1]) && isUpper(buf[at+k-2]) {
				s.trigger(at+k, s.table.codes)
			} else if s.table.firstGroups>>run&1 != 0 {
				s.digits(at + k)
			}
		}
		before = digits >> 63
		digits, ats = nextDigits, nextAts
	}
	s.pos = max(s.pos, limit)
}

// view returns the neighbourhood of the trigger at and the trigger's index in it.
func (s *scanner) view(at int) ([]byte, int) {
	from := max(0, at-lookBehind)
	return s.buf[from:min(s.n, at+lookAhead)], at - from
}

// trigger tries rules that find their value's bounds themselves.
func (s *scanner) trigger(at int, rules []*rule) {
	view, i := s.view(at)
	for _, r := range rules {
		if m := r.text(view, i, s.value[:0]); m.strength != 0 {
			s.judge(r, view, at-i, m)
		}
	}
}

// digits tries the rules whose shape fits the groups of digits that start at at. Longer readings come
// first; of one reading, every rule is tried.
func (s *scanner) digits(at int) {
	view, i := s.view(at)
	var g groups
	if !g.read(view, i) {
		return
	}
	for k := g.count; k > 0; k-- {
		accepted := false
		for _, r := range s.table.byShape[g.shape(k)] {
			t := &s.token
			if !g.token(t, view, k) {
				break
			}
			if strength := r.digits(t); strength != 0 {
				m := match{start: t.start, end: t.end, value: t.value(), strength: strength}
				accepted = s.judge(r, view, at-i, m) || accepted
			}
		}
		if accepted {
			return
		}
	}
}

// judge weighs what is around a valid value and counts it if that suffices.
func (s *scanner) judge(r *rule, view []byte, from int, m match) bool {
	level := evidenceNone
	if r.words != nil {
		level = r.words.around(view, m.start, m.end)
		if level == evidenceNone && s.continues(r, from+m.start) {
			level = s.list.evidence
		}
	}
	strength := r.weigh(m.strength, level)
	if strength == 0 {
		return false
	}
	start, end := from+m.start, from+m.end
	s.breakRecord(start)
	s.tally.add(r, strength, m.value)
	s.unbroken = max(s.unbroken, end)
	s.taken = max(s.taken, end)
	if r.words != nil && level > evidenceNone {
		s.list = listing{r, end, level}
	}
	if s.found != nil {
		offset := s.offset - int64(s.n-start)
		s.found(Position{r.ID, s.place.name, offset, end - start, strength})
	}
	return true
}

// continues says whether only list punctuation stands between the last value of r that had evidence and
// the one at start.
func (s *scanner) continues(r *rule, start int) bool {
	gap := start - s.list.end
	if s.list.rule != r || gap <= 0 || gap > 32 {
		return false
	}
	for _, b := range s.buf[s.list.end:start] {
		switch b {
		case ' ', '\t', '\r', '\n', ',', ';', '|', '"', '\'':
		default:
			return false
		}
	}
	return true
}

// breakRecord ends the open record if the text up to end says so.
func (s *scanner) breakRecord(end int) {
	if s.tally.inRecord() && s.unbroken < end && endsRecord(s.buf[s.unbroken:end], s.mode) {
		s.tally.endRecord()
	}
	// A list's "}, {" may straddle end: leave as much of it to be seen again as endsRecord looks at.
	s.unbroken = max(s.unbroken, end-recordGap)
}

// weigh says how far a value is to be trusted given the evidence; 0 means not at all.
func (r *rule) weigh(base flow.Strength, level evidenceLevel) flow.Strength {
	switch {
	case level == evidenceAgainst && base < flow.Strong, base == flow.Weak && level == evidenceNone:
		return 0
	case level == evidenceKey && !r.fixed:
		return min(base+1, flow.Strong)
	}
	return base
}
