package redact

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// edit replaces a part of raw.
type edit struct {
	from, to int
	text     string
}

// replace returns raw with spans, which are ascending and apart, replaced in every leaf that they touch.
// What lies between leaves, the syntax, stays. strong masks leave no shape of letters and digits.
func (v *view) replace(spans []span, strong bool) ([]byte, error) {
	var edits []edit
	next := 0
	for _, s := range spans {
		touched := false
		for next < len(v.leaves) && v.leaves[next].to <= s.from {
			next++
		}
		for i := next; i < len(v.leaves) && v.leaves[i].from < s.to; i++ {
			l := &v.leaves[i]
			if l.kind == jsonKey && (s.from < l.from || s.to > l.to) {
				continue // a value that is a whole object: its keys say what kind of thing it is, not which
			}
			if reason := seals[l.syntax]; reason != "" {
				return nil, refuse(reason)
			}
			touched = true
			e := v.edit(l, s, strong)
			if n := len(edits); n > 0 && l.isWhole() && edits[n-1].from == e.from {
				continue // two values within one number
			}
			if l.kind == jsonKey {
				if v.keys == nil {
					v.keys = keysOf(v)
				}
				if err := v.keys.rename(v, l, s, &e); err != nil {
					return nil, err
				}
			}
			edits = append(edits, e)
		}
		if !touched {
			return nil, refuse(s.label + " was found in what is no value")
		}
	}
	return splice(v.raw, v.fixLengths(edits))
}

// isWhole reports whether l is replaced as a whole or not at all.
func (l *leaf) isWhole() bool { return l.kind == jsonNumber || l.kind == jsonWord }

// edit replaces what of s lies in l.
func (v *view) edit(l *leaf, s span, strong bool) edit {
	from, to := v.whole(max(s.from, l.from), min(s.to, l.to), l.from, l.to)
	isText := !l.isWhole()
	if !isText {
		from, to = l.from, l.to
	}
	text, mask := string(v.text[from:to]), s.treatment.with == Mask
	switch {
	case mask && isText && l.nested && strings.Contains(text, `\`):
		text = strings.Repeat("x", utf8.RuneCountInString(text)) // an escape has no half
	case mask && isText:
		text = maskText(text, s.treatment.keep, strong)
	case mask && l.kind == jsonNumber && strong:
		text = maskNumber(text, 0)
	case mask && l.kind == jsonNumber:
		text = maskNumber(text, s.treatment.keep)
	case mask:
		text = "null"
	case isText:
		text = placeholder(s.label)
	default:
		text = `"` + placeholder(s.label) + `"`
	}
	switch l.syntax {
	case inJSON:
		text = escapeJSON(text)
	case inForm:
		text = escapePercent(text)
	}
	end := l.end
	if to < l.to {
		end = int(v.origin[to])
	}
	return edit{int(v.origin[from]), end, text}
}

// fixLengths adds what changes with edits: the Content-Length of the parts that they are in.
func (v *view) fixLengths(edits []edit) []edit {
	for _, f := range v.fixes {
		length, changed := f.to-f.from, false
		for _, e := range edits {
			if e.from >= f.from && e.to <= f.to {
				length += len(e.text) - (e.to - e.from)
				changed = true
			}
		}
		if changed {
			edits = append(edits, edit{f.at, f.at + f.length, strconv.Itoa(length)})
		}
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	return edits
}

// splice applies edits, which are ascending and apart.
func splice(raw []byte, edits []edit) ([]byte, error) {
	size, at := len(raw), 0
	for _, e := range edits {
		if e.from < at || e.to < e.from || e.to > len(raw) {
			return nil, refuse("values overlap in a way that is not rewritten")
		}
		at = e.to
		size += len(e.text) - (e.to - e.from)
	}
	if size > MaxBytes {
		return nil, refuse("the redacted body is too large")
	}
	out, at := make([]byte, 0, size), 0
	for _, e := range edits {
		out = append(out, raw[at:e.from]...)
		out = append(out, e.text...)
		at = e.to
	}
	return append(out, raw[at:]...), nil
}

// keyNames are the keys of each object, so that none is taken twice: a receiver would keep one of the two
// values only.
type keyNames map[int32]map[string]bool

func keysOf(v *view) keyNames {
	names := keyNames{}
	for _, l := range v.leaves {
		if l.kind != jsonKey {
			continue
		}
		if names[l.object] == nil {
			names[l.object] = map[string]bool{}
		}
		names[l.object][string(v.text[l.from:l.to])] = true
	}
	return names
}

// count is how many keys there are, each counted once for each object.
func (k keyNames) count() int {
	n := 0
	for _, names := range k {
		n += len(names)
	}
	return n
}

// rename makes the key's replacement unique among the keys of its object, by a number within the
// placeholder.
func (k keyNames) rename(v *view, l *leaf, s span, e *edit) error {
	names := k[l.object]
	before, after := string(v.text[l.from:max(s.from, l.from)]), string(v.text[min(s.to, l.to):l.to])
	full := before + e.text + after
	for n := 2; names[full]; n++ {
		if s.treatment.with == Mask || n > 1<<16 {
			return refuse("two keys of an object would become the same")
		}
		e.text = placeholder(s.label + "#" + strconv.Itoa(n))
		full = before + e.text + after
	}
	delete(names, string(v.text[l.from:l.to]))
	names[full] = true
	return nil
}

// maxPlaceholder is longer than any placeholder.
const maxPlaceholder = 96

var knownLabels = sync.OnceValue(func() map[string]bool {
	known := map[string]bool{}
	for _, d := range detectors() {
		known[d.ID] = true
	}
	return known
})

// placeholderEnd is the length of the placeholder at the start of text, 0 if there is none. Only one that
// names a detector is one: what else stands between the brackets may be anything.
func placeholderEnd(text []byte) int {
	end := bytes.IndexByte(text[:min(len(text), maxPlaceholder)], ']')
	if end < len(placeholderStart) || !bytes.HasPrefix(text, []byte(placeholderStart)) {
		return 0
	}
	label, number, numbered := strings.Cut(string(text[len(placeholderStart):end]), "#")
	if n, err := strconv.Atoi(number); numbered && (err != nil || n < 2 || n > 1<<16 || strconv.Itoa(n) != number) {
		return 0
	}
	if !knownLabels()[label] {
		return 0
	}
	return end + 1
}
