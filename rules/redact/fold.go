package redact

import (
	"strings"
	"unicode/utf8"

	"github.com/borderflow/borderflow/rules/classify"
)

// foldText does to the text what the classifier does to every text before it looks for values: characters
// that are another way to write ASCII become ASCII, and those that nobody sees go. The positions that it
// reports are in what then remains.
func (v *view) foldText() {
	if !strings.ContainsFunc(string(v.text), func(r rune) bool { _, folds := classify.Fold(r); return folds }) {
		return
	}
	text, origin := make([]byte, 0, len(v.text)), make([]int32, 0, len(v.text))
	moved := make([]int32, len(v.text)+1) // where each byte of text goes
	for i := 0; i < len(v.text); {
		r, size := utf8.DecodeRune(v.text[i:])
		to, folds := classify.Fold(r)
		for k := range size {
			moved[i+k] = int32(len(text))
			if !folds {
				text, origin = append(text, v.text[i+k]), append(origin, v.origin[i+k])
			}
		}
		if folds && to != 0 {
			text, origin = append(text, to), append(origin, v.origin[i])
		}
		i += size
	}
	moved[len(v.text)] = int32(len(text))
	for i := range v.leaves {
		l := &v.leaves[i]
		l.from, l.to = int(moved[l.from]), int(moved[l.to])
	}
	v.text, v.origin = text, origin
}

func isASCIIWord(b byte) bool {
	return isDigit(b) || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}
