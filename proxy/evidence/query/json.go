package query

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// errNotARecord is returned for a line that is no JSON object.
var errNotARecord = errors.New("not a record")

// row is a line that is asked about: the bytes of each of its members, not decoded.
type row struct {
	line    []byte
	members [][]byte // by the index of the field; nil for what the line leaves out
}

// read looks up the members of a line.
func (r *row) read(line []byte) error {
	if r.members == nil {
		r.members = make([][]byte, len(record.fields))
	}
	clear(r.members)
	r.line = line
	next := 0 // members come in the order of the table
	return members(line, func(key, value []byte) {
		at := next
		for at < len(record.fields) && record.fields[at].name != string(key) {
			at++
		}
		if at == len(record.fields) {
			f := record.byName[string(key)]
			if f == nil {
				return
			}
			at = f.index
		}
		r.members[at] = value
		next = at + 1
	})
}

// members shows each member of a JSON object. Keys are given as they are spelled. It checks as much of the
// form as it takes to find the ends of values.
func members(text []byte, each func(key, value []byte)) error {
	return parts(text, '{', '}', each)
}

// elements shows each element of a JSON list.
func elements(text []byte, each func(value []byte)) error {
	return parts(text, '[', ']', func(_, value []byte) { each(value) })
}

func parts(text []byte, open, close byte, each func(key, value []byte)) error {
	if len(text) < 2 || text[0] != open || text[len(text)-1] != close {
		return errNotARecord
	}
	if len(text) == 2 {
		return nil
	}
	for at := 1; ; at++ {
		var key []byte
		if open == '{' {
			end := endOfString(text, at)
			if end < 0 || end >= len(text) || text[end] != ':' {
				return errNotARecord
			}
			key = text[at+1 : end-1]
			at = end + 1
		}
		end := endOfValue(text, at)
		if end <= at || end >= len(text) {
			return errNotARecord
		}
		each(key, text[at:end])
		at = end
		switch {
		case text[at] == close && at == len(text)-1:
			return nil
		case text[at] != ',':
			return errNotARecord
		}
	}
}

// endOfString returns the place behind the string that begins at a quote, -1 when there is none.
func endOfString(text []byte, at int) int {
	if at >= len(text) || text[at] != '"' {
		return -1
	}
	for at++; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return -1
}

// endOfValue returns the place behind the value that begins at at, -1 when it has no end.
func endOfValue(text []byte, at int) int {
	for depth := 0; at < len(text); {
		switch text[at] {
		case '"':
			if at = endOfString(text, at); at < 0 {
				return -1
			}
			if depth == 0 {
				return at
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at
			}
			if depth--; depth == 0 {
				return at + 1
			}
		case ',':
			if depth == 0 {
				return at
			}
		}
		at++
	}
	return -1
}

// stringOf decodes a string.
func stringOf(raw []byte) (string, error) {
	if len(raw) >= 2 && raw[0] == '"' && raw[len(raw)-1] == '"' && bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", fmt.Errorf("%w: a text is expected", errNotARecord)
	}
	return text, nil
}
