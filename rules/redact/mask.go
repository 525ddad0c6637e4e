package redact

import (
	"strings"
	"unicode"
)

const placeholderStart = "[redacted:"

func placeholder(label string) string { return placeholderStart + label + "]" }

// maskText replaces letters and digits, but for the last keep of them, by x, X and 0; strong replaces all
// of them by "*". It has as many characters as text.
func maskText(text string, keep int, strong bool) string {
	letters, digits := 0, 0
	for _, r := range text {
		if isWordRune(r) {
			letters++
		}
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	if keep = min(keep, digits/2); strong {
		keep = 0
	}
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range text {
		switch {
		case strong && (isWordRune(r) || r == '@'):
			b.WriteByte('*')
		case !isWordRune(r):
			b.WriteRune(r)
		case letters <= keep:
			b.WriteRune(r)
		case r >= '0' && r <= '9':
			b.WriteByte('0')
		case unicode.IsUpper(r):
			b.WriteByte('X')
		default:
			b.WriteByte('x')
		}
		if isWordRune(r) {
			letters--
		}
	}
	return b.String()
}

// isWordRune says whether r can carry a part of a value. What is no ASCII counts whatever it is: full-width
// digits and invisible characters among it.
func isWordRune(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0x80
}

// maskNumber is a JSON number of as many digits as token, of which the last keep are the same. A number
// with an exponent becomes 0.
func maskNumber(token string, keep int) string {
	if strings.ContainsAny(token, "eE") {
		return "0"
	}
	digits := 0
	for i := range len(token) {
		if isDigit(token[i]) {
			digits++
		}
	}
	keep = min(keep, digits/2)
	masked, first := []byte(token), true
	for i, b := range masked {
		if !isDigit(b) {
			continue
		}
		if digits > keep {
			masked[i] = '0'
			if first && i+1 < len(masked) && isDigit(masked[i+1]) { // JSON has no leading zeros
				masked[i] = '1'
			}
		}
		first = false
		digits--
	}
	return string(masked)
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
