package proxy

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ByteSize is a number of bytes, written as "64KiB", "1MiB", "2GiB" or a plain number.
type ByteSize int64

// Bytes returns the size in bytes.
func (s ByteSize) Bytes() int64 { return int64(s) }

var byteUnits = []struct {
	suffix string
	size   int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"", 1}}

// UnmarshalText reads a size.
func (s *ByteSize) UnmarshalText(text []byte) error {
	for _, unit := range byteUnits {
		digits, ok := strings.CutSuffix(string(text), unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/unit.size {
			break
		}
		*s = ByteSize(n * unit.size)
		return nil
	}
	return fmt.Errorf("found %q, expected a size such as 64KiB, 1MiB or 2GiB", text)
}

// MarshalText writes the size in its largest whole unit.
func (s ByteSize) MarshalText() ([]byte, error) {
	for _, unit := range []int{2, 1, 0} {
		if u := byteUnits[unit]; s != 0 && int64(s)%u.size == 0 {
			return []byte(strconv.FormatInt(int64(s)/u.size, 10) + u.suffix), nil
		}
	}
	return []byte(strconv.FormatInt(int64(s), 10)), nil
}
