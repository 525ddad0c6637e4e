package classify

import (
	"bytes"
	"strings"
)

const (
	headReach  = 2 << 10 // bytes in which the first two lines of a table must end
	maxHeads   = 64      // columns whose headings are kept
	delimiters = ",;\t|"
)

// rows follows the cells of comma-separated values (RFC 4180) and their kin, so that a column's heading
// can be the key of the values in it. Lines are such a table if the first one holds names and nothing
// else, and the second one has as many cells.
type rows struct {
	on        bool
	fires     bool // some heading fires a rule
	delimiter byte
	count     int
	heads     [maxHeads]*knownKey
	names     [maxHeads][]byte // of those that fire

	// How far the cells have been followed.
	at     int // in the window
	cell   int // where the cell that at is in begins; negative if that is no longer in the window
	column int
	quoted bool
}

// start decides whether text, which begins a segment that stands at at in the window, is a table.
func (r *rows) start(t *table, text []byte, at int) {
	*r = rows{}
	text = text[:min(len(text), headReach)]
	head, rest, found := bytes.Cut(text, []byte("\n"))
	if !found {
		return
	}
	second, _, found := bytes.Cut(rest, []byte("\n"))
	if !found && len(text) == headReach {
		return
	}
	for i := range len(delimiters) {
		if n := cells(head, delimiters[i]); n > r.count {
			r.count, r.delimiter = n, delimiters[i]
		}
	}
	if r.count < 2 || r.count > maxHeads || cells(second, r.delimiter) != r.count {
		return
	}
	for column := range r.count {
		var name []byte
		name, head = nextCell(head, r.delimiter)
		if !isHeading(name) {
			return
		}
		known := t.factsOf(name)
		r.heads[column] = &known
		if r.heads[column].fires != nil {
			r.fires = true
			r.names[column] = bytes.Clone(name)
		}
	}
	r.on = true
	r.at, r.cell = at, at
	r.column = -r.count - 1 // the headings are no values
}

// cells counts the cells of a line.
func cells(line []byte, delimiter byte) int {
	n, quoted := 1, false
	for _, b := range line {
		switch {
		case b == '"':
			quoted = !quoted
		case b == delimiter && !quoted:
			n++
		}
	}
	return n
}

// nextCell cuts the first cell off a line.
func nextCell(line []byte, delimiter byte) (cell, rest []byte) {
	quoted := false
	for i, b := range line {
		switch {
		case b == '"':
			quoted = !quoted
		case b == delimiter && !quoted:
			return trimCell(line[:i]), line[i+1:]
		}
	}
	return trimCell(line), nil
}

func trimCell(cell []byte) []byte {
	return bytes.Trim(bytes.TrimPrefix(cell, []byte("\xef\xbb\xbf")), " \r\t\"")
}

// isHeading says whether a cell may be a name rather than a value.
func isHeading(cell []byte) bool {
	digits, letters := 0, false
	for _, b := range cell {
		switch {
		case isDigit(b):
			digits++
		case isAlpha(b) || b >= 0x80:
			letters = true
		case strings.IndexByte("@:{}=<>\\", b) >= 0:
			return false
		}
	}
	return letters && digits <= 3 && len(cell) <= maxKey
}

// follow goes on to the place to in the window.
func (r *rows) follow(buf []byte, to int) {
	for ; r.at < to; r.at++ {
		switch b := buf[r.at]; {
		case b == '"':
			r.quoted = !r.quoted
		case b == '\n':
			r.quoted, r.column, r.cell = false, 0, r.at+1
		case b == r.delimiter && !r.quoted:
			r.column++
			r.cell = r.at + 1
		}
	}
}

// nextFiring goes on to the next cell before limit whose heading fires; false if there is none.
func (r *rows) nextFiring(buf []byte, limit int) bool {
	for r.at < limit {
		before := r.cell
		r.follow(buf, r.at+1)
		if head := r.head(); r.cell != before && head != nil && head.fires != nil {
			return true
		}
	}
	return false
}

// head is what the heading of the current column says; nil if it has none.
func (r *rows) head() *knownKey {
	if r.column < 0 || r.column >= r.count {
		return nil
	}
	return r.heads[r.column]
}

// bounds returns where the current cell's value begins and ends in text, of which it is a part.
func (r *rows) bounds(text []byte, from int) (start, end int) {
	if start = from; start < len(text) && text[start] == '"' {
		if end = bytes.IndexByte(text[start+1:], '"'); end >= 0 {
			return start + 1, start + 1 + end
		}
		return start + 1, len(text)
	}
	for end = start; end < len(text) && text[end] != r.delimiter && text[end] != '\n'; end++ {
	}
	return start, end
}

func (r *rows) slide(drop int) {
	r.at -= drop
	r.cell -= drop
}
