package classify

import "strconv"

// encoded finds what is encoded within text (base64 and hexadecimal values, tokens with percent-encoding
// or other escapes) and reads it once more, decoded, in a stream of its own beside the text's.
//
// It looks at two rare things: a run of minRun characters of base64's alphabets, which then shows by what
// it decodes to whether it encodes text or a known format; and an escape (%40, \u0040, &#64;). What it
// finds does not depend on how the text was cut into writes.
type encoded struct {
	stream  *Stream
	reading *Stream // of what is decoded; nil until something is
	state   encodedState
	behind  history
	looked  bool // in the current write for escapes: the next one ends at escape
	escape  int
	half    int // bytes at the end of the last write that may begin an escape

	run     run
	decoder runDecoder
	json    jsonDecoder
	escapes escapeDecoder
}

type encodedState uint8

const (
	outside encodedState = iota
	inRun                // decoding a run
	inToken              // undoing the escapes of a token
)

// write takes a piece of text, of which v is the survey.
func (e *encoded) write(p []byte, v *survey) {
	idle := e.state == outside && !e.run.spent && e.half == 0 && v.escaped == 0
	if long := v.findRuns(min(e.run.length, minRun-1)); idle && !long {
		e.pass(p, v)
		return
	}
	e.looked = false
	for at := 0; at < len(p); {
		switch e.state {
		case outside:
			at = e.search(p, v, at)
		case inRun:
			at = e.continueRun(p, at)
		case inToken:
			at = e.continueToken(p, at)
		}
	}
	e.behind.add(p)
}

// pass takes a piece in which there is nothing to decode.
func (e *encoded) pass(p []byte, v *survey) {
	if length := v.trailing(0, len(p)); length == len(p) {
		e.run.length += length
	} else {
		e.run = run{length: length}
	}
	e.behind.add(p)
}

func (e *encoded) pending() bool { return e.state != outside }

// end ends the text.
func (e *encoded) end() {
	e.leave()
	e.restart()
}

func (e *encoded) restart() {
	e.state, e.half, e.behind.n, e.run = outside, 0, 0, run{}
}

func (e *encoded) reset() {
	e.restart()
	e.reading, e.decoder.next, e.json.next, e.escapes.next = nil, nil, nil, nil
}

// search looks for the first thing to decode in p[at:] and returns where to go on.
func (e *encoded) search(p []byte, v *survey, at int) int {
	if !e.looked || e.escape < at {
		e.escape, e.looked = e.nextEscape(p, v, at), true
	}
	limit := min(e.escape, len(p))
	end, kind := e.nextRun(p[:limit], v, at)
	switch {
	case kind != noRun:
		e.openRun(p, end, kind)
	case e.escape <= len(p):
		e.openToken(p, limit)
		e.looked = false
	}
	return end
}

// leave ends what is being decoded.
func (e *encoded) leave() {
	switch e.state {
	case inRun:
		e.decoder.close()
	case inToken:
		e.escapes.close()
	}
	e.state, e.run = outside, run{}
}

// openRun decodes the run whose first bytes end at end.
func (e *encoded) openRun(p []byte, end int, kind runKind) {
	view := e.behind.before(p, end)
	head := view[len(view)-minRun:]
	next := e.open(view[:len(view)-minRun], kind.decode(head, e.decoder.out[:0]))
	if next == nil {
		e.run.spent = true
		return
	}
	e.state, e.run = inRun, run{length: minRun}
	e.decoder.begin(kind, next)
	e.decoder.write(head)
}

// continueRun decodes p[at:] up to the run's end. Data that is wrapped into lines is one run.
func (e *encoded) continueRun(p []byte, at int) int {
	from := at
	for ; at < len(p); at++ {
		if e.decoder.takes(p[at]) {
			if e.run.gap > 0 {
				e.run.gap, e.run.length = 0, 0
				from = at
			}
			e.run.length++
			continue
		}
		if e.run.gap == 0 {
			e.decoder.write(p[from:at])
		}
		wrapped := e.run.length >= minLine && e.run.length%4 == 0
		if !wrapped || e.run.gap == maxGap || p[at] != '\n' && p[at] != '\r' && p[at] != ' ' {
			e.leave()
			return at
		}
		e.run.gap++
	}
	if e.run.gap == 0 {
		e.decoder.write(p[from:])
	}
	return len(p)
}

// openToken reads the token around p[at] without its escapes. A token ends where text in any format
// separates values.
func (e *encoded) openToken(p []byte, at int) {
	view := e.behind.before(p, at)
	start := len(view)
	for start > 0 && !endsEscaped(view[start-1]) {
		start--
	}
	if next := e.open(view[:start], nil); next != nil {
		e.state, e.run, e.half = inToken, run{}, 0
		e.escapes.begin(next)
		e.escapes.write(view[start:])
	}
}

func (e *encoded) continueToken(p []byte, at int) int {
	end := at
	for end < len(p) && !endsEscaped(p[end]) {
		end++
	}
	e.escapes.write(p[at:end])
	if end < len(p) {
		e.leave()
		e.looked = false
	}
	return end
}

func endsEscaped(b byte) bool {
	return b <= ' ' || b == '"' || b == '\'' || b == '<' || b == '>' || b == '`' || b == 0x7f
}

// nextEscape is where the next escape in p[at:] ends, which may have begun in the last write; beyond p's end
// if there is none, with e.half set to how much of p's end may begin one.
func (e *encoded) nextEscape(p []byte, v *survey, at int) int {
	if at == 0 && e.half > 0 {
		if end, more := e.escapeAcross(p); end > 0 || more {
			return end
		}
	}
	e.half = 0
	for i := next(&v.escapes, v.escaped, at); i >= 0; i = next(&v.escapes, v.escaped, i+1) {
		if _, size, more := escapeAt(p[i:]); size > 0 {
			return i + size
		} else if more {
			e.half = max(e.half, len(p)-i)
		}
	}
	return len(p) + 1
}

// escapeAcross is where an escape ends that began in the last write. more says that p is too short to tell.
func (e *encoded) escapeAcross(p []byte) (end int, more bool) {
	var joined [2 * maxEscape]byte
	n := copy(joined[:], e.behind.kept[e.behind.n-e.half:e.behind.n])
	n += copy(joined[n:], p[:min(len(p), maxEscape)])
	for i := range e.half {
		_, size, more := escapeAt(joined[i:n])
		if size > 0 {
			return i + size - e.half, false
		}
		if more {
			e.half += len(p) - i
			return len(p) + 1, true
		}
	}
	return 0, false
}

// open returns where what is decoded goes: to a text under the key that before ends with, or to what first,
// its first bytes, show it to be. nil if no more may be decoded.
func (e *encoded) open(before, first []byte) sink {
	s := e.stream
	budget := &s.root.budget
	if s.tooDeep(s.level + 1) {
		return nil
	}
	if budget.encoded++; budget.encoded > budget.options.MaxEncoded {
		s.overBudget("budget: more than " + strconv.Itoa(budget.options.MaxEncoded) + " encoded values")
		return nil
	}
	if e.reading == nil {
		e.reading = s.beside("encoded value")
		e.reading.level = s.level + 1
	}
	var key []byte
	if _, name, found := fieldOf(before, len(before)); found {
		key = before[name.from:name.to]
	}
	mode := recordLines
	switch {
	case hasSignature(first):
		return e.reading.openType(declaration{name: string(key), file: true}, e.reading.level)
	case len(first) > 0 && (first[0] == '{' || first[0] == '['):
		mode = recordObjects
	}
	l := e.reading.openLeaf(string(key), mode, "")
	l.field, l.separate = true, true
	if mode != recordObjects {
		return l
	}
	e.json.begin(l)
	return &e.json
}

// history is the last text before what is being written.
type history struct {
	kept   [256]byte
	n      int
	joined [256]byte
}

func (h *history) add(p []byte) {
	if len(p) >= len(h.kept) {
		h.n = copy(h.kept[:], p[len(p)-len(h.kept):])
		return
	}
	keep := min(h.n, len(h.kept)-len(p))
	copy(h.kept[:], h.kept[h.n-keep:h.n])
	h.n = keep + copy(h.kept[keep:], p)
}

// before returns the text before p[at], as much as is kept. It is valid until the next call.
func (h *history) before(p []byte, at int) []byte {
	if at >= len(h.joined) {
		return p[at-len(h.joined) : at]
	}
	keep := min(h.n, len(h.joined)-at)
	copy(h.joined[:], h.kept[h.n-keep:h.n])
	return h.joined[:keep+copy(h.joined[keep:], p[:at])]
}
