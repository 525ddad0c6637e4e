package corpus

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// source makes the same choices for the same seed.
type source struct{ *rand.Rand }

func newSource(seed uint64) *source { return &source{rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))} }

// from is a number of low to high, both included.
func (s *source) from(low, high int) int { return low + s.IntN(high-low+1) }

// chance is true in percent of 100 cases.
func (s *source) chance(percent int) bool { return s.IntN(100) < percent }

// one picks one of the texts in list, which are separated by "|".
func (s *source) one(list string) string { return pick(s, strings.Split(list, "|")) }

func pick[T any](s *source, list []T) T { return list[s.IntN(len(list))] }

// of is n characters of an alphabet.
func (s *source) of(alphabet string, n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = alphabet[s.IntN(len(alphabet))]
	}
	return string(out)
}

const (
	decimals     = "0123456789"
	capitals     = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	hexadecimals = "0123456789abcdef"
	alphanumeric = decimals + capitals + "abcdefghijklmnopqrstuvwxyz"
	urlSafe      = alphanumeric + "-_"
	base64Digits = alphanumeric + "+/"
)

// digits is n digits, the first of them not 0, not all the same.
func (s *source) digits(n int) string {
	for {
		out := s.of(decimals[1:], 1) + s.of(decimals, n-1)
		if n < 3 || strings.Count(out, out[:1]) < n {
			return out
		}
	}
}

// bytes is n random bytes.
func (s *source) bytes(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(s.IntN(256))
	}
	return out
}

// uuid is a random UUID of version 4.
func (s *source) uuid() string {
	h := s.of(hexadecimals, 30)
	return h[:8] + "-" + h[8:12] + "-4" + h[12:15] + "-" + s.of("89ab", 1) + h[15:18] + "-" + h[18:]
}

// day is a date of somebody's birth, at least 17 years ago.
type day struct{ year, month, day int }

func (s *source) birth() day { return day{s.from(1940, 2005), s.from(1, 12), s.from(1, 28)} }

// in writes the day by a layout of the letters Y, y (two digits), M and D, e.g. "YMD" or "D.M.Y".
func (d day) in(layout string) string {
	return strings.NewReplacer("Y", strconv.Itoa(d.year), "y", two(d.year%100), "M", two(d.month), "D", two(d.day)).Replace(layout)
}

func two(n int) string { return padded(n, 2) }

func padded(n, width int) string {
	out := strconv.Itoa(n)
	return strings.Repeat("0", max(0, width-len(out))) + out
}

// grouped writes text in groups of the given lengths; what is left over stands in a last one.
func grouped(text, separator string, lengths ...int) string {
	var groups []string
	for _, n := range lengths {
		if n >= len(text) {
			break
		}
		groups, text = append(groups, text[:n]), text[n:]
	}
	return strings.Join(append(groups, text), separator)
}
