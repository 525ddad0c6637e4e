package redact

import (
	"slices"
	"unicode/utf8"
)

const (
	minValue = 6  // letters and digits of a value that is looked for everywhere
	maxValue = 64 // likewise; longer ones are keys and tokens, and stand for themselves
	maxWords = 8
	maxGap   = 2 // bytes between two words of a value
)

// values are the values found, to be looked for wherever they stand, however they are separated. Short ones
// and single words that hold no digit ("Paris", "catholic") are not among them: without a field name
// they may mean anything.
type values struct {
	known   map[string]span // by their letters and digits
	lengths [maxValue + 1]bool
}

func (x *values) add(text []byte, s span) {
	words, digits := 0, false
	var normal []byte
	for i := 0; i < len(text); {
		end, hasDigit := wordEnd(text, i)
		if end == i {
			i++
			continue
		}
		normal = appendLower(normal, text[i:end])
		words, digits, i = words+1, digits || hasDigit, end
	}
	if len(normal) < minValue || len(normal) > maxValue || words > maxWords || words < 2 && !digits {
		return
	}
	if x.known == nil {
		x.known = map[string]span{}
	}
	if before, ok := x.known[string(normal)]; ok {
		s.treatment = s.treatment.strictest(before.treatment)
	}
	x.known[string(normal)] = s
	x.lengths[len(normal)] = true
}

// occurrences returns where values stand in v outside of spans, which are in any order.
func (x *values) occurrences(v *view, spans []span) []span {
	if len(x.known) == 0 {
		return nil
	}
	taken := slices.Clone(spans)
	slices.SortFunc(taken, func(a, b span) int { return a.from - b.from })
	var found []span
	var normal [2 * maxValue]byte
	covered, next := 0, 0
	for i := 0; i < len(v.text); {
		end, _ := wordEnd(v.text, i)
		if end == i {
			i++
			continue
		}
		for ; next < len(taken) && taken[next].from <= i; next++ {
			covered = max(covered, taken[next].to)
		}
		if i >= covered {
			if s, ok := x.at(v.text, i, normal[:0]); ok {
				found = append(found, s)
				end = s.to
			}
		}
		i = end
	}
	return found
}

// at returns the longest value that begins with the word at from.
func (x *values) at(text []byte, from int, normal []byte) (longest span, ok bool) {
	for at, words := from, 0; words < maxWords; words++ {
		end, _ := wordEnd(text, at)
		if len(normal)+end-at > maxValue {
			break
		}
		normal = appendLower(normal, text[at:end])
		if x.lengths[len(normal)] {
			if s, known := x.known[string(normal)]; known {
				s.from, s.to = from, end
				longest, ok = s, true
			}
		}
		at = end
		for at < len(text) && at-end < maxGap && isGap(text[at]) {
			at++
		}
		if next, _ := wordEnd(text, at); next == at {
			break
		}
	}
	return longest, ok
}

// wordEnd is the end of the word at at, at itself if there is none. Text in which words stand without
// anything between them, as in Chinese, does not join a number beside it.
func wordEnd(text []byte, at int) (end int, hasDigit bool) {
	for end = at; end < len(text) && isASCIIWord(text[end]); end++ {
		hasDigit = hasDigit || isDigit(text[end])
	}
	if end > at {
		return end, hasDigit
	}
	for end < len(text) && text[end] >= utf8.RuneSelf {
		end++
	}
	return end, false
}

func isGap(b byte) bool {
	switch b {
	case ' ', '-', '.', '_', '/', '(', ')', '+', '@':
		return true
	}
	return false
}

func appendLower(into, word []byte) []byte {
	for _, b := range word {
		if b >= 'A' && b <= 'Z' {
			b |= 0x20
		}
		into = append(into, b)
	}
	return into
}
