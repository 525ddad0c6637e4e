package classify

// A trigger (the start of a digit run, an "@") is judged by what stands within these distances of it and
// by nothing else, which is why findings cannot depend on how the text was cut into writes.
const (
	lookBehind  = 704
	lookAhead   = 448
	windowSize  = 8 << 10
	batchBlocks = 16  // blocks that the kernel is given at a time
	slack       = 192 // zeros that the kernel may read past the end of the text
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

	buf [windowSize + slack]byte
	n   int // how much of buf is filled
	place
	progress
	columns columns

	value  [maxValue]byte // scratch for the value being judged
	token  token
	handed field        // scratch for the field that is handed to rules
	around surroundings // of the value from aroundStart to aroundEnd
	custom customScan

	aroundStart, aroundEnd int
}

// progress is how far the scanner has come in a segment.
type progress struct {
	pos      int // triggers before it are done
	taken    int // triggers before it lie within an accepted value
	worded   int // words that begin before it have been looked at
	mode     recordMode
	fresh    bool    // nothing of the segment has been judged yet
	unbroken int     // no record ends before it, since the last identifier
	list     listing // the last value accepted thanks to evidence
	rows     rows
	tried    tried
	slow     slowProgress
}

// tried is the last value that was counted into a column.
type tried struct {
	start, end int
	column     *column
}

// listing lets evidence carry on over the elements of a list.
type listing struct {
	rule     *rule
	end      int
	evidence evidenceLevel
}

func (s *scanner) init(t *table, y *tally) { s.table, s.tally = t, y }

func (s *scanner) reset() {
	s.n, s.place, s.progress, s.found, s.custom.work = 0, place{}, progress{}, nil, patternWork{}
	s.columns.reset()
}

// place is where the scanner is in a payload.
type place struct {
	name   string
	offset int64 // of the next byte to be written, in the place's decoded text
	// credentials says that credentials belong here, so that they are no finding.
	credentials bool
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
	s.progress = progress{pos: s.n, mode: mode, unbroken: s.n, fresh: true}
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
	s.worded = max(0, s.worded-drop)
	s.unbroken = max(0, s.unbroken-drop)
	s.list.end -= drop
	s.rows.slide(drop)
	s.tried = tried{}
	if s.list.end < 0 {
		s.list = listing{}
	}
}

// flush ends the segment.
func (s *scanner) flush() {
	if s.n > 0 {
		s.scanTo(s.n)
		s.endColumns()
		s.breakRecord(s.n)
	}
	s.n = 0
	s.progress = progress{}
}

// drained says whether all text written has been judged.
func (s *scanner) drained() bool { return s.n == 0 }

// settle judges what can be judged for good.
func (s *scanner) settle() {
	limit := s.n - lookAhead
	if s.fresh && s.mode == recordLines && s.n < s.pos+headReach {
		return // it is not clear yet whether it begins like a table
	}
	if limit > s.pos {
		s.scanTo(limit)
	}
}

// preview judges the rest of the window into y, as if the text ended here, and forgets that it did.
func (s *scanner) preview(y *tally) {
	progress, columns, tally, found, work := s.progress, s.columns, s.tally, s.found, s.custom.work
	s.tally, s.found = y, nil
	s.scanTo(s.n)
	s.endColumns()
	s.progress, s.columns, s.tally, s.found, s.custom.work = progress, columns, tally, found, work
}

// scanTo judges the triggers between s.pos and limit. Unless limit is the segment's end, the window must
// hold at least lookAhead bytes more.
func (s *scanner) scanTo(limit int) {
	clear(s.buf[s.n : s.n+slack])
	s.aroundStart = -1
	if s.fresh && s.pos < limit {
		s.fresh = false
		if s.mode == recordLines {
			s.rows.start(s.table, s.buf[s.pos:s.n], s.pos)
		}
		s.trigger(s.pos, s.table.starts)
	}
	// One block behind pos and one beyond limit belong to what is looked at.
	var batch [batchBlocks + 2]masks
	s.masksBefore(batch[:1], s.pos)
	s.table.classify(batch[1:2], s.buf[s.pos:])
	for at := s.pos; at < limit; {
		n := min(batchBlocks, (limit-at+63)/64)
		s.table.classify(batch[2:2+n], s.buf[at+64:])
		for i := range n {
			s.block(&blocks{&batch[i], &batch[i+1], &batch[i+2]}, at, limit-at)
			at += 64
		}
		batch[0], batch[1] = batch[n], batch[n+1]
	}
	if c := s.table.custom; c != nil && len(c.slow) > 0 {
		s.slowPatterns(limit)
	}
	s.pos = max(s.pos, limit)
}

// masksBefore fills in the masks of the block that ends at at.
func (s *scanner) masksBefore(out []masks, at int) {
	if at >= 64 {
		s.table.classify(out, s.buf[at-64:])
		return
	}
	var block [64 + 2]byte
	copy(block[64-at:], s.buf[:at+2])
	out[0] = portableMasks(block[:], s.table.kernel)
}
