package classify

import (
	"bytes"
	"io"
	"strconv"
	"strings"
)

// tarReader reads a tar archive (POSIX.1-2024, pax, "ustar Interchange Format"; GNU tar's long names).
type tarReader struct {
	*parser
	depth  int
	block  [512]byte
	buffer [4 << 10]byte
}

func (s *Stream) openTar(depth int) sink {
	t := &tarReader{depth: depth}
	t.parser = s.parser("tar archive", func(*parser) error { return t.archive() })
	return t.parser
}

func (t *tarReader) archive() error {
	for t.more() {
		if _, err := io.ReadFull(t.in, t.block[:]); err != nil {
			return unexpected(err)
		}
		if t.block == [512]byte{} {
			return t.padding()
		}
		if err := t.entry(); err != nil {
			return unexpected(err)
		}
	}
	return io.EOF
}

// padding reads the zeros that end an archive.
func (t *tarReader) padding() error {
	for {
		n, err := t.in.Read(t.buffer[:])
		if len(bytes.Trim(t.buffer[:n], "\x00")) > 0 {
			return unreadable("data after the end of tar archive")
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		t.between = true
	}
}

func (t *tarReader) entry() error {
	size, valid := t.number(124, 12)
	sum, sumValid := t.number(148, 8)
	if !valid || !sumValid || sum != t.sum() {
		return unreadable("invalid tar archive")
	}
	s := t.stream
	if err := s.countPart(); err != nil {
		return err
	}
	name := tarText(t.block[345:500]) + "/" + tarText(t.block[:100])
	s.readName(strings.TrimPrefix(name, "/"))
	var next sink
	switch kind := t.block[156]; {
	case kind == 'S':
		return unreadable("sparse file in a tar archive")
	case kind == 'x' || kind == 'g' || kind == 'L' || kind == 'K' || s.tooDeep(t.depth+1): // names and attributes
		next = s.openLeaf("", recordLines, "")
	default:
		next = s.openFile(name, t.depth+1)
	}
	defer next.close()
	for left := size; left > 0; {
		n, err := t.in.Read(t.buffer[:min(int64(len(t.buffer)), left)])
		next.write(t.buffer[:n])
		if left -= int64(n); err != nil {
			return err
		}
	}
	_, err := t.in.Discard(int(-size & 511))
	return err
}

// number reads an octal number, or one in base 256 as GNU tar writes large ones.
func (t *tarReader) number(at, size int) (n int64, valid bool) {
	b := t.block[at : at+size]
	if b[0]&0x80 != 0 {
		for i, digit := range b {
			if i == 0 {
				digit &= 0x7f
			}
			if n > 1<<50 {
				return 0, false
			}
			n = n<<8 | int64(digit)
		}
		return n, true
	}
	text := strings.Trim(tarText(b), " ")
	if text == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(text, 8, 64)
	return n, err == nil && n >= 0
}

// sum is the header's checksum: the sum of its bytes with blanks in the checksum's place.
func (t *tarReader) sum() (sum int64) {
	for i, b := range t.block {
		if i >= 148 && i < 156 {
			b = ' '
		}
		sum += int64(b)
	}
	return sum
}

// isTar knows the header of an archive.
func isTar(head []byte) bool { return len(head) >= 262 && string(head[257:262]) == "ustar" }

func tarText(b []byte) string {
	text, _, _ := bytes.Cut(b, []byte{0})
	return string(text)
}
