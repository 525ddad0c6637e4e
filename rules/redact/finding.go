package redact

import (
	"bytes"
	"sort"
)

// longFinding is how long a finding is, in bytes, that may be the beginning of something longer: the
// classifier looks at so much of it and no more.
const longFinding = 200

// leafAt is the leaf in which at stands, or the next one; nil if there is none.
func (v *view) leafAt(at int) *leaf {
	i := sort.Search(len(v.leaves), func(i int) bool { return v.leaves[i].to > at })
	if i == len(v.leaves) {
		return nil
	}
	return &v.leaves[i]
}

// widen takes in what belongs to a finding and lies beyond its end: the rest of a word or of a long text,
// and of a key in PEM all lines (RFC 7468).
func (v *view) widen(s span) span {
	l := v.leafAt(s.from)
	if l == nil || s.from < l.from || s.to > l.to {
		return s
	}
	const pem, pemEnd, dashes = "-----BEGIN", "-----END", "-----"
	rest := v.text[s.to:l.to]
	switch begin := bytes.Index(v.text[s.from:s.to], []byte(pem)); {
	case begin >= 0:
		s.to = l.to
		body := v.text[s.from+begin+len(pem) : l.to]
		if end := bytes.Index(body, []byte(pemEnd)); end >= 0 {
			if last := bytes.Index(body[end+len(pemEnd):], []byte(dashes)); last >= 0 {
				s.to = s.from + begin + len(pem) + end + len(pemEnd) + last + len(dashes)
			}
		}
	case s.to-s.from >= longFinding && l.kind == jsonString:
		s.to = l.to
	case s.to-s.from >= longFinding:
		s.to = l.to
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			s.to -= len(rest) - end
		}
	case len(rest) > 0 && isASCIIWord(rest[0]) && isASCIIWord(v.text[s.to-1]):
		for s.to < l.to && (isASCIIWord(v.text[s.to]) || bytes.IndexByte([]byte("+/_=-."), v.text[s.to]) >= 0) {
			s.to++
		}
	}
	return s
}

// isBlank reports whether a finding holds nothing but what redaction put there.
func (v *view) isBlank(s span) bool {
	if v.isWithinPlaceholder(s) {
		return true
	}
	text := v.text[s.from:s.to]
	for {
		start := bytes.Index(text, []byte(placeholderStart))
		if start < 0 {
			break
		}
		end := placeholderEnd(text[start:])
		if end == 0 || bytes.ContainsFunc(text[:start], isWordRune) {
			return false
		}
		text = text[start+end:]
	}
	if !bytes.ContainsFunc(text, isWordRune) {
		return true
	}
	number, ok := v.number(s)
	return ok && number == maskNumber(number, 0)
}

func (v *view) isWithinPlaceholder(s span) bool {
	low := max(0, s.from-maxPlaceholder)
	start := bytes.LastIndex(v.text[low:s.from], []byte(placeholderStart))
	if start < 0 {
		return false
	}
	end := placeholderEnd(v.text[low+start:])
	return end > 0 && low+start+end >= s.to
}

// isMasked reports whether a finding is what a mask makes of a value.
func (v *view) isMasked(s span) bool {
	if s.treatment.with != Mask {
		return false
	}
	if number, ok := v.number(s); ok {
		return number == maskNumber(number, s.treatment.keep)
	}
	text := string(v.text[s.from:s.to])
	return text == maskText(text, s.treatment.keep, false)
}

// number returns the JSON number that s is.
func (v *view) number(s span) (text string, ok bool) {
	l := v.leafAt(s.from)
	if l == nil || l.kind != jsonNumber || l.from < s.from || l.to != s.to {
		return "", false
	}
	return string(v.text[l.from:l.to]), true
}
