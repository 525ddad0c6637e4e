package exact

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// MaxValues bounds the values of one table, and MaxBytes its file.
const (
	MaxValues = 4 << 20
	MaxBytes  = headerSize + 8*MaxValues + sha256.Size
)

// A file is its magic, a hash of checkText, the lengths of its values by kind, their number, their hashes in
// ascending order, all numbers of eight bytes with the highest first, and the SHA-256 of all that. The
// version in the magic also stands for how values are normalised.
const (
	magic      = "borderflow hashes 1\n"
	headerSize = len(magic) + 8 + 8*int(kinds) + 8
)

// What a Builder refuses. Values are not quoted.
var (
	ErrNotMatchable = errors.New("neither an e-mail address nor a number or code of 6 to 63 letters and digits with at least one digit")
	ErrTooMany      = fmt.Errorf("more than %d values", MaxValues)
)

// Builder collects the values of a table. It holds eight bytes of each.
type Builder struct {
	salt      Salt
	key       sipKey
	shapes    shapes
	hashes    []uint64
	candidate Candidate
}

// NewBuilder returns a builder without values.
func NewBuilder(salt Salt) *Builder { return &Builder{salt: salt, key: newSipKey(salt)} }

// Add takes a value in, or says why it could never be found in a text.
func (b *Builder) Add(value string) error {
	text := []byte(strings.TrimRight(strings.TrimLeft(strings.TrimSpace(value), "+("), ")"))
	if len(text) == 0 || !Begins(text, 0) {
		return ErrNotMatchable
	}
	c := &b.candidate
	for c.Begin(text, 0, true); c.Next(); {
		if c.End != len(text) {
			continue
		}
		if len(b.hashes) == MaxValues && b.compact() == MaxValues {
			return ErrTooMany
		}
		b.shapes.add(c.kind(), c.n)
		b.hashes = append(b.hashes, b.key.sum(c.text[:c.n]))
		return nil
	}
	return ErrNotMatchable
}

// compact leaves each hash once and returns how many there are.
func (b *Builder) compact() int {
	slices.Sort(b.hashes)
	b.hashes = slices.Compact(b.hashes)
	return len(b.hashes)
}

// Len is how many different values there are.
func (b *Builder) Len() int { return b.compact() }

// WriteTo writes the table's file.
func (b *Builder) WriteTo(w io.Writer) (int64, error) {
	b.compact()
	sum := sha256.New()
	buffered := bufio.NewWriter(w)
	out := io.MultiWriter(buffered, sum)
	numbers := slices.Concat([]uint64{b.key.sum([]byte(checkText))}, b.shapes[:], []uint64{uint64(len(b.hashes))}, b.hashes)
	_, err := io.WriteString(out, magic)
	for _, n := range numbers {
		if err == nil {
			var word [8]byte
			binary.BigEndian.PutUint64(word[:], n)
			_, err = out.Write(word[:])
		}
	}
	if err == nil {
		_, err = buffered.Write(sum.Sum(nil))
	}
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		return 0, fmt.Errorf("write a table of hashes: %w", err)
	}
	return int64(len(magic) + 8*len(numbers) + sha256.Size), nil
}

// Parse reads a table's file. The error is ErrSalt for one that was made with another salt.
func Parse(data []byte, salt Salt) (*Set, error) {
	if len(data) < headerSize+sha256.Size || string(data[:len(magic)]) != magic {
		return nil, errors.New("this is no file of hashes, or of another version")
	}
	body, sum := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if sha256.Sum256(body) != [sha256.Size]byte(sum) {
		return nil, errors.New("the file of hashes is damaged or cut off")
	}
	body = body[len(magic):]
	next := func() uint64 {
		n := binary.BigEndian.Uint64(body)
		body = body[8:]
		return n
	}
	key := newSipKey(salt)
	if next() != key.sum([]byte(checkText)) {
		return nil, ErrSalt
	}
	var s shapes
	for k := range s {
		s[k] = next()
	}
	count := next()
	if count > MaxValues {
		return nil, ErrTooMany
	}
	if uint64(len(body)) != 8*count {
		return nil, errors.New("the file of hashes does not hold as many as it says")
	}
	hashes := make([]uint64, count)
	for i := range hashes {
		hashes[i] = next()
		if i > 0 && hashes[i] <= hashes[i-1] {
			return nil, errors.New("the hashes of the file are not in order")
		}
	}
	return newSet(salt, s, hashes), nil
}
