package summary

import (
	"time"
	"unicode/utf8"
)

// scanner reads one line of JSON as records are written: no spaces, no text with escapes where it is
// kept, no number but whole ones. At the first byte that is otherwise it is odd, and stays so: the line
// is then left to encoding/json.
type scanner struct {
	line  []byte
	at    int
	odd   bool
	seen  uint64 // which members of the object have been read
	depth int
	names names
}

const (
	maxDepth = 32
	maxNames = 1 << 16
)

// names keeps each text once: the records of a period name the same few over and over.
type names map[string]string

func (n names) keep(text []byte) string {
	if kept, found := n[string(text)]; found {
		return kept
	}
	if len(n) >= maxNames {
		clear(n)
	}
	kept := string(text)
	n[kept] = kept
	return kept
}

func (s *scanner) take(c byte) bool {
	if s.odd || s.at >= len(s.line) || s.line[s.at] != c {
		s.odd = true
		return false
	}
	s.at++
	return true
}

// next takes c if it comes next.
func (s *scanner) next(c byte) bool {
	if !s.odd && s.at < len(s.line) && s.line[s.at] == c {
		s.at++
		return true
	}
	return false
}

// once marks a member as read; a second one of the same name is odd.
func (s *scanner) once(bit uint) {
	if s.seen&(1<<bit) != 0 {
		s.odd = true
	}
	s.seen |= 1 << bit
}

// object reads an object; member reads the value of each key.
func (s *scanner) object(member func(key []byte)) {
	if s.depth++; s.depth > maxDepth || !s.take('{') {
		s.odd = true
		return
	}
	seen := s.seen
	s.seen = 0
	for first := true; !s.odd && !s.next('}'); first = false {
		if !first {
			s.take(',')
		}
		key := s.raw()
		s.take(':')
		if !s.odd {
			member(key)
		}
	}
	s.seen = seen
	s.depth--
}

// list reads a list; element reads each value.
func (s *scanner) list(element func()) {
	if s.depth++; s.depth > maxDepth || !s.take('[') {
		s.odd = true
		return
	}
	for first := true; !s.odd && !s.next(']'); first = false {
		if !first {
			s.take(',')
		}
		if !s.odd {
			element()
		}
	}
	s.depth--
}

// raw reads a text without escapes.
func (s *scanner) raw() []byte {
	if !s.take('"') {
		return nil
	}
	start, ascii := s.at, true
	for ; s.at < len(s.line); s.at++ {
		switch c := s.line[s.at]; {
		case c == '"':
			text := s.line[start:s.at]
			s.at++
			if !ascii && !utf8.Valid(text) {
				s.odd = true
			}
			return text
		case c < ' ' || c == '\\':
			s.odd = true
			return nil
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	s.odd = true
	return nil
}

func (s *scanner) text() string {
	text := s.raw()
	if s.odd {
		return ""
	}
	return s.names.keep(text)
}

// number reads a whole number of at most 18 digits.
func (s *scanner) number() (n int64) {
	start := s.at
	for !s.odd && s.at < len(s.line) && s.line[s.at] >= '0' && s.line[s.at] <= '9' {
		n = n*10 + int64(s.line[s.at]-'0')
		s.at++
		if s.at-start > 18 {
			s.odd = true
		}
	}
	if s.at == start || s.line[start] == '0' && s.at > start+1 {
		s.odd = true
	}
	// A fraction or exponent is no comma or brace, and odd by that.
	return n
}

func (s *scanner) yes() bool {
	for _, c := range []byte("true") {
		s.take(c)
	}
	return !s.odd
}

// skip reads a value that is not kept.
func (s *scanner) skip() {
	if s.odd || s.at >= len(s.line) {
		s.odd = true
		return
	}
	switch c := s.line[s.at]; {
	case c == '"':
		s.skipText()
	case c == '{':
		s.object(func([]byte) { s.skip() })
	case c == '[':
		s.list(s.skip)
	case c == 't':
		s.yes()
	default:
		s.number()
		if s.next('.') {
			s.digits()
		}
	}
}

func (s *scanner) digits() {
	start := s.at
	for s.at < len(s.line) && s.line[s.at] >= '0' && s.line[s.at] <= '9' {
		s.at++
	}
	if s.at == start {
		s.odd = true
	}
}

// skipText reads a text with the escapes that records are written with.
func (s *scanner) skipText() {
	s.at++
	for ; s.at < len(s.line); s.at++ {
		switch c := s.line[s.at]; {
		case c == '"':
			s.at++
			return
		case c < ' ':
			s.odd = true
			return
		case c == '\\':
			s.at++
			if s.at >= len(s.line) || !escaped(s.line[s.at:]) {
				s.odd = true
				return
			}
		}
	}
	s.odd = true
}

func escaped(rest []byte) bool {
	switch rest[0] {
	case '"', '\\', 'n', 'r', 't':
		return true
	case 'u':
		return len(rest) > 4 && rest[1] == '0' && rest[2] == '0' && hex(rest[3]) && hex(rest[4])
	}
	return false
}

func hex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }

// moment reads a time as records have it: RFC 3339 in UTC, the fraction of a second as long as need be.
func (s *scanner) moment() time.Time {
	text := s.raw()
	const shape = "0000-00-00T00:00:00"
	if s.odd || len(text) < len(shape)+1 || text[len(text)-1] != 'Z' {
		s.odd = true
		return time.Time{}
	}
	for i := range len(shape) {
		if c := text[i]; shape[i] == '0' && (c < '0' || c > '9') || shape[i] != '0' && c != shape[i] {
			s.odd = true
			return time.Time{}
		}
	}
	two := func(i int) int { return int(text[i]-'0')*10 + int(text[i+1]-'0') }
	year, month, day, hour, minute, second := two(0)*100+two(2), two(5), two(8), two(11), two(14), two(17)
	nanoseconds, scale := 0, 100_000_000
	fraction := text[len(shape) : len(text)-1]
	for i, c := range fraction {
		switch {
		case i == 0 && c == '.' && len(fraction) > 1 && len(fraction) <= 10:
		case i > 0 && c >= '0' && c <= '9':
			nanoseconds += int(c-'0') * scale
			scale /= 10
		default:
			s.odd = true
			return time.Time{}
		}
	}
	// A day that the month does not have is not for this scanner to judge: encoding/json does.
	if month < 1 || month > 12 || day < 1 || day > 28 && day > daysIn(month, year) || hour > 23 || minute > 59 || second > 59 {
		s.odd = true
		return time.Time{}
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, nanoseconds, time.UTC)
}

func daysIn(month, year int) int {
	return time.Date(year, time.Month(month+1), 0, 0, 0, 0, 0, time.UTC).Day()
}
