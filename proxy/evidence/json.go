package evidence

import (
	"math"
	"net/netip"
	"strconv"
	"time"
)

// text is a line that is being written. Nothing is reflected on and nothing allocated but the memory
// of the line itself: it is on the path of every request.
type text []byte

const hexDigits = "0123456789abcdef"

// key begins a member of an object. Keys are constants of this package and need no escapes.
func (t *text) key(name string) {
	t.separate()
	*t = append(*t, '"')
	*t = append(*t, name...)
	*t = append(*t, '"', ':')
}

// separate puts a comma behind what stands before, unless that is the beginning of an object or list.
func (t *text) separate() {
	switch (*t)[len(*t)-1] {
	case '{', '[', ':':
	default:
		*t = append(*t, ',')
	}
}

func (t *text) object(name string, members func()) {
	t.key(name)
	*t = append(*t, '{')
	members()
	*t = append(*t, '}')
}

// str writes a string as JSON (RFC 8259 section 7). What is valid stays as it is, so that a line can
// be searched for names in any script.
func (t *text) str(value string) {
	b := append(*t, '"')
	start := 0
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, value[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	b = append(b, value[start:]...)
	*t = append(b, '"')
}

// The methods below write a member, and none for the zero value: what is not known is left out.

func (t *text) addString(name, value string, limit int) {
	if value != "" {
		t.setString(name, value, limit)
	}
}

func (t *text) addInt(name string, value int64) {
	if value != 0 {
		t.setInt(name, value)
	}
}

func (t *text) addTrue(name string, value bool) {
	if value {
		t.key(name)
		*t = append(*t, "true"...)
	}
}

func (t *text) addTime(name string, value time.Time) {
	if !value.IsZero() {
		t.setTime(name, value)
	}
}

func (t *text) addMilliseconds(name string, value time.Duration) {
	if value != 0 {
		t.setMilliseconds(name, value)
	}
}

// addAddress writes no zone: it names an interface of this machine, and a zone may be any text.
func (t *text) addAddress(name string, address netip.Addr) {
	if address.IsValid() {
		t.key(name)
		*t = append(*t, '"')
		*t = address.WithZone("").AppendTo(*t)
		*t = append(*t, '"')
	}
}

// The methods below write the zero value too.

func (t *text) setString(name, value string, limit int) {
	t.key(name)
	t.str(bounded(value, limit))
}

func (t *text) setInt(name string, value int64) {
	t.key(name)
	*t = strconv.AppendInt(*t, value, 10)
}

func (t *text) setTime(name string, value time.Time) {
	t.key(name)
	*t = append(*t, '"')
	*t = value.UTC().AppendFormat(*t, time.RFC3339Nano)
	*t = append(*t, '"')
}

// setMilliseconds keeps a duration to the microsecond.
func (t *text) setMilliseconds(name string, value time.Duration) {
	t.key(name)
	*t = strconv.AppendFloat(*t, float64(value.Microseconds())/1000, 'f', -1, 64)
}

// setConfidence keeps what JSON numbers cannot say, or what is no confidence, out of the record.
func (t *text) setConfidence(name string, value float64) {
	t.key(name)
	*t = strconv.AppendFloat(*t, confidence(value), 'f', -1, 64)
}

func confidence(c float64) float64 {
	if math.IsNaN(c) || c < 0 {
		return 0
	}
	return min(c, 1)
}

// addList writes the first limit values of a list, and nothing for an empty one.
func addList[T any](t *text, name string, values []T, limit int, write func(*text, *T)) {
	if len(values) == 0 {
		return
	}
	t.key(name)
	*t = append(*t, '[')
	for i := range first(values, limit) {
		t.separate()
		write(t, &values[i])
	}
	*t = append(*t, ']')
}

// addStrings writes a list of texts of at most bound bytes each.
func addStrings(t *text, name string, values []string, limit, bound int) {
	addList(t, name, values, limit, func(t *text, value *string) { t.str(bounded(*value, bound)) })
}
