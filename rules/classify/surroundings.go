package classify

import (
	"bytes"
	"strings"
)

// Distances, in bytes, that the search for a value's field key may cover. Together they stay below lookBehind.
const (
	nearby   = 64  // words on either side
	maxKey   = 64  // a field key
	maxBlank = 32  // white space between a key and its value
	maxWalk  = 448 // from a list element or a field back to the name of what contains it
)

// surroundings is what can speak for or against a value: the field it stands in, as far as one can be made
// out, and the words around it. With a field, only words of the same field value count: the neighbouring
// field's key says nothing.
//
// The reading is local and knows no content type, so that it works alike for JSON, JSON within strings,
// forms, XML, YAML, logs and prose. It goes no further than is asked for.
type surroundings struct {
	table      *table
	view       []byte
	start, end int

	keyed  bool
	whole  bool // the value begins its field
	key    knownKey
	within knownKey // the key of what contains the field; without facts until it is asked for
	outer  int      // where that is looked for
	before *saying  // what stands before the value in its field, or near it; nil if nothing does
	after  *saying  // what stands behind it; nil until it is asked for

	beforeSaid, afterSaid *saying // room for the two
}

// look finds what surrounds the value from start to end. heading is what the heading of its column says, nil
// if it stands in none, and cell where its cell begins.
func (s *surroundings) look(t *table, view []byte, start, end int, heading *knownKey, cell int) {
	*s = surroundings{table: t, view: view, start: start, end: end, beforeSaid: s.beforeSaid, afterSaid: s.afterSaid}
	var text []byte
	reach := 0
	if heading != nil {
		text = view[cell:start]
		s.keyed, s.whole, s.key, s.within = true, len(text) == 0 || string(text) == `"`, *heading, knownKey{facts: t.noFacts}
	} else if from, key, found := fieldOf(view, start); found {
		s.keyed, s.outer, s.whole = true, key.outer, from == start
		s.key = t.factsOf(view[key.from:key.to])
		text = view[from:start]
	} else {
		text = wholeWords(view, max(0, start-nearby), start)
		if i := bytes.LastIndex(text, []byte("VALUES")); i >= 0 { // SQL: names of columns, in their own order
			text = text[i+len("VALUES"):]
		}
	}
	if !holdsWords(text) {
		return
	}
	var scratch [4*nearby + 2]byte
	normal := normalise(scratch[:0], text)
	if !s.keyed {
		reach = len(normal) - against
	}
	s.before = s.read(&s.beforeSaid, normal, reach)
}

// level is what the surroundings say about a value of r. Where several terms apply, the one nearest before
// the value counts ("card_id" is an id, "order_card" is a card), and the field before what contains it.
func (s *surroundings) level(r *rule) evidenceLevel {
	bit := r.index
	if s.before != nil {
		if has(s.before.deny, bit) {
			return evidenceAgainst
		} else if has(s.before.support, bit) {
			return evidenceWord
		}
	}
	if s.keyed {
		if s.within.facts == nil && !has(s.key.said.deny, bit) && !has(s.key.said.support, bit) {
			n, _ := containerOf(s.view, s.outer)
			s.within = s.table.factsOf(s.view[n.from:n.to])
		}
		for _, key := range []*facts{s.key.facts, s.within.facts} {
			if has(key.said.deny, bit) {
				return evidenceAgainst
			} else if has(key.said.support, bit) {
				return evidenceKey
			}
		}
	}
	if s.after == nil {
		text := s.view[s.end:min(len(s.view), s.end+nearby)]
		if s.keyed {
			text = upTo(text, "\"\n&;,<}]")
		}
		s.after = s.table.silence
		if holdsWords(text) {
			var scratch [4*nearby + 2]byte
			s.after = s.read(&s.afterSaid, normalise(scratch[:0], text), 0)
		}
	}
	if has(s.after.support, bit) {
		return evidenceWord
	}
	return evidenceNone
}

// read returns what text says, in room.
func (s *surroundings) read(room **saying, text []byte, reach int) *saying {
	if *room == nil {
		*room = s.table.dictionary.newSaying()
	}
	clear((*room).support)
	clear((*room).deny)
	clear((*room).denied)
	s.table.dictionary.read(*room, text, reach)
	return *room
}

// holdsWords says whether text has anything that a term could be found in.
func holdsWords(text []byte) bool {
	for _, b := range text {
		if isAlpha(b) || b >= 0x80 {
			return true
		}
	}
	return false
}

// name is where a key stands, and where to go on from when looking for what contains it.
type name struct{ from, to, outer int }

// fieldOf finds the field key of the value at start, and where the field's value begins.
func fieldOf(view []byte, start int) (from int, key name, found bool) {
	at := skipBack(view, start)
	if at == 0 {
		return 0, name{}, false
	}
	switch c := view[at-1]; c {
	case '"', '\'':
		key, found = bind(view, at-1)
		return start, key, found
	case ':', '=', '>', ',', '[':
		key, found = bind(view, at)
		return start, key, found
	}
	// Text precedes the value within its field: go back to where the field's value begins.
	for i := start - 1; i >= max(0, start-nearby); i-- {
		switch view[i] {
		case '"':
			if before := skipBack(view, i); before > 0 && strings.IndexByte(":=[,{(", view[before-1]) >= 0 {
				key, found = bind(view, i)
				return i + 1, key, found
			}
			return 0, name{}, false
		case ':', '=', '>':
			if i+1 < len(view) && view[i+1] == '/' { // a URL's "://"
				continue
			}
			key, found = bind(view, i+1)
			return i + 1, key, found
		case '\n', '&', ';', ',', '{', '}', '[', ']', '<', '|':
			return 0, name{}, false
		}
	}
	return 0, name{}, false
}

// bind reads the key that is bound to what begins at at by ":", "=", "=>", an XML tag or a list.
func bind(view []byte, at int) (name, bool) {
	i := skipBack(view, at)
	if i == 0 {
		return name{}, false
	}
	switch view[i-1] {
	case ':', '=':
		return keyBefore(view, i-1)
	case '>':
		if i >= 2 && (view[i-2] == '=' || view[i-2] == '-') {
			return keyBefore(view, i-2)
		}
		return tagBefore(view, i-1)
	case ',', '[':
		return containerOf(view, i)
	}
	return name{}, false
}

// keyBefore reads a quoted or bare key that ends at at.
func keyBefore(view []byte, at int) (name, bool) {
	to := skipBack(view, at)
	if to == 0 {
		return name{}, false
	}
	low := max(0, to-maxKey)
	if quote := view[to-1]; quote == '"' || quote == '\'' {
		to--
		for to > low && view[to-1] == '\\' {
			to--
		}
		from := bytes.LastIndexByte(view[low:to], quote)
		if from < 0 {
			return name{}, false
		}
		return named(view, low+from+1, to, low+from)
	}
	from := to
	for from > low && isKeyByte(view[from-1]) {
		from--
	}
	return named(view, from, to, from)
}

// named is the key from from to to, provided that it has a letter.
func named(view []byte, from, to, outer int) (name, bool) {
	for _, b := range view[from:to] {
		if isAlpha(b) || b >= 0x80 {
			return name{from, to, outer}, true
		}
	}
	return name{}, false
}

func isKeyByte(b byte) bool {
	return isAlnum(b) || b >= 0x80 || strings.IndexByte("_-.# []$/", b) >= 0
}

// tagBefore reads the name of the XML tag that ends with the ">" at at.
func tagBefore(view []byte, at int) (name, bool) {
	low := max(0, at-2*maxKey)
	open := bytes.LastIndexByte(view[low:at], '<')
	if open < 0 || view[low+open+1] == '/' {
		return name{}, false
	}
	from := low + open + 1
	to := from
	for to < at && !isBlank(view[to]) && view[to] != '\n' {
		to++
	}
	return named(view, from, to, low+open)
}

// containerOf finds the key of the JSON list or object that contains what stands before at.
func containerOf(view []byte, at int) (name, bool) {
	depth := 0
	for i := at - 1; i >= max(0, at-maxWalk); i-- {
		switch c := view[i]; {
		case c == '"':
			open := bytes.LastIndexByte(view[:i], '"')
			if open < 0 {
				return name{}, false
			}
			i = open
		case c == '}' || c == ']':
			depth++
		case c == '{' || c == '[':
			if depth > 0 {
				depth--
				continue
			}
			if before := skipBack(view, i); before > 0 && view[before-1] == ':' {
				return keyBefore(view, before-1)
			}
		case isAlpha(c) && strings.IndexByte("aeflnrstuE", c) < 0 || c >= 0x80 || c == '<' || c == '=':
			return name{}, false // not JSON: only true, false, null and numbers stand outside strings
		}
	}
	return name{}, false
}

// skipBack returns the end of what stands before at, white space and the backslashes of nested escapes
// left out.
func skipBack(view []byte, at int) int {
	for i := at; i > max(0, at-maxBlank); i-- {
		switch view[i-1] {
		case ' ', '\t', '\r', '\n', '\\':
		default:
			return i
		}
	}
	return max(0, at-maxBlank)
}

// upTo cuts text before the first of the bytes in stops.
func upTo(text []byte, stops string) []byte {
	if i := bytes.IndexAny(text, stops); i >= 0 {
		return text[:i]
	}
	return text
}

// wholeWords is view[from:to] without the word that from cuts in two.
func wholeWords(view []byte, from, to int) []byte {
	if from > 0 && isAlnum(view[from-1]) {
		for from < to && isAlnum(view[from]) {
			from++
		}
	}
	return view[from:to]
}
