package classify

import (
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// judge weighs what is around a valid value and counts it if that suffices. col is the column that the
// value is all of a field in; nil if there is none.
func (s *scanner) judge(r *rule, view []byte, from int, m match, col *column) bool {
	level := evidenceNone
	start, end := from+m.start, from+m.end
	if r.words != nil {
		s.look(view, from, m.start, m.end)
		if level = s.around.level(r); level == evidenceNone && s.continues(r, start) {
			level = s.list.evidence
		}
	}
	if col != nil && level == evidenceNone && r.isColumnar() {
		switch s.inColumn(r, col, start, end, m) {
		case columnIsGenuine:
			level = evidenceColumn
		case columnIsRandom:
			if m.strength < flow.Strong { // a strong one is not there by chance
				return false
			}
		case columnHolds:
			s.taken = max(s.taken, end)
			return true
		}
	}
	strength := r.weigh(m.strength, level)
	if strength == 0 {
		return false
	}
	s.accept(r, start, end, strength, m.value)
	s.taken = max(s.taken, end)
	if r.words != nil && level > evidenceNone {
		s.list = listing{r, end, level}
	}
	return true
}

// look finds what surrounds the value from start to end in view, which stands at from in the window.
func (s *scanner) look(view []byte, from, start, end int) {
	if from+start == s.aroundStart && from+end == s.aroundEnd {
		return
	}
	s.aroundStart, s.aroundEnd = from+start, from+end
	var heading *knownKey
	cell := 0
	if s.rows.on && s.rows.cell <= from+start {
		heading = s.rows.head()
		cell = max(0, s.rows.cell-from)
	}
	s.around.look(s.table, view, start, end, heading, cell)
}

// accept counts a value.
func (s *scanner) accept(r *rule, start, end int, strength flow.Strength, value []byte) {
	if s.credentials && slices.Contains(r.Categories, "credential") {
		return
	}
	s.breakRecord(start)
	s.tally.add(r, strength, value)
	s.unbroken = max(s.unbroken, end)
	s.report(r, s.offsetOf(start), end-start, strength)
}

// offsetOf is the offset in its place of what stands at i in the window.
func (s *scanner) offsetOf(i int) int64 { return s.offset - int64(s.n-i) }

func (s *scanner) report(r *rule, offset int64, length int, strength flow.Strength) {
	if s.found != nil {
		s.found(Position{r.ID, s.place.name, offset, length, strength})
	}
}

// column counts the token, if it is all of a field, into the field's column; nil if it is not.
func (s *scanner) column(view []byte, from int) *column {
	t := &s.token
	start, end := from+t.start, from+t.end
	if s.tried.start == start && s.tried.end == end {
		return s.tried.column
	}
	s.tried = tried{start: start, end: end}
	s.look(view, from, t.start, t.end)
	if a := &s.around; a.keyed && a.whole && endsField(view, t.end) {
		s.tried.column = s.columns.try(a.key.hash, t.n)
	}
	return s.tried.column
}

// endsField says whether a field's value may end before end.
func endsField(view []byte, end int) bool {
	return end == len(view) || strings.IndexByte("\"',;}]\r\n<&|\t", view[end]) >= 0
}

// inColumn counts a valid value into its column and says what that makes of it.
func (s *scanner) inColumn(r *rule, col *column, start, end int, m match) columnVerdict {
	c := &s.columns
	p := c.pass(col, r)
	if p == nil {
		return columnOpen
	}
	verdict := c.verdict(p)
	if verdict == columnOpen && col.tried < columnMinimum {
		if m.strength < flow.Strong && c.hold(p, s.tally.key(r, m.value), s.offsetOf(start), end-start, m.strength) {
			return columnHolds
		}
		return columnOpen
	}
	if p.held {
		c.release(p, s.acceptHeld)
	}
	return verdict
}

// acceptHeld counts a value that was held back. The records in which such values stood are over: their
// people have been counted if they have other identifiers.
func (s *scanner) acceptHeld(rule int, v *heldValue) {
	r := s.table.rules[rule]
	s.tally.addLate(r, v.strength, v.key)
	s.report(r, v.offset, int(v.length), v.strength)
}

// endColumns judges what is still held back, and forgets the columns.
func (s *scanner) endColumns() {
	if s.columns.heldUsed > 0 {
		s.columns.release(nil, s.acceptHeld)
	}
	s.columns.reset()
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
	case level == evidenceAgainst && base < flow.Strong, base == flow.Weak && level == evidenceNone,
		r.Evidence == EvidenceRequired && level <= evidenceNone:
		return 0
	case level == evidenceKey && !r.fixed:
		return min(base+1, flow.Strong)
	}
	return base
}
