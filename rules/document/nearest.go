package document

import (
	"fmt"
	"strings"
)

// Nearest returns the candidate that name was probably meant to be, and whether there is one. It
// allows one typing error per three characters, at most three, where a typing error is a character
// too many, missing, wrong, or swapped with its neighbour; case does not count.
func Nearest(name string, candidates []string) (string, bool) {
	name = strings.ToLower(name)
	if len(name) == 0 || len(name) > 128 {
		return "", false
	}
	best, distance := "", min(3, max(1, len(name)/3))+1
	for _, candidate := range candidates {
		if d := editDistance(name, strings.ToLower(candidate), distance); d < distance {
			best, distance = candidate, d
		}
	}
	return best, best != ""
}

// editDistance is the optimal string alignment distance between a and b in bytes, or limit when it
// is at least that.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return min(previous[len(b)], limit)
}

// hintFor proposes the nearest of the valid names, or lists them when there are few.
func hintFor(name string, valid []string) string {
	if nearest, ok := Nearest(name, valid); ok {
		return fmt.Sprintf("did you mean %q?", nearest)
	}
	if len(valid) == 0 || len(valid) > 12 {
		return ""
	}
	return "valid here: " + strings.Join(valid, ", ")
}

// OneOf returns nil if value is one of the allowed words, and else an error that names them and
// the nearest one. UnmarshalText methods of enumerations return it as it is.
func OneOf(value string, allowed ...string) error {
	for _, word := range allowed {
		if value == word {
			return nil
		}
	}
	return &notOneOf{value: value, allowed: allowed}
}

type notOneOf struct {
	value   string
	allowed []string
}

func (e *notOneOf) Error() string {
	return fmt.Sprintf("expected %s, found %q", strings.Join(e.allowed, " or "), shorten(e.value))
}

// Hint is read by Decode.
func (e *notOneOf) Hint() string {
	if nearest, ok := Nearest(e.value, e.allowed); ok {
		return fmt.Sprintf("did you mean %q?", nearest)
	}
	return ""
}

// shorten bounds what of a file's content ends up in a message.
func shorten(text string) string {
	const most = 40
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
