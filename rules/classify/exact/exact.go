// Package exact answers one question: is this piece of text one of the values in a given table?
//
// The table (an operator's customer numbers, say) never stands anywhere in clear. A Builder turns each
// value into 64 bits of SipHash-2-4 under a secret salt, and a Set looks candidates up among those. SipHash
// is a pseudorandom function: without the salt a file of hashes says how many values there are and of
// which lengths, and nothing else. Who has the salt as well can try guesses, as with every hash of
// short values; so the salt stands in a file of its own, which only its owner can read.
//
// Both sides read values through Candidate, so that a value which a Builder took is found wherever it
// stands between other text: e-mail addresses in small letters, and numbers and codes of at least six letters
// and digits, one of them a digit, without what separates their groups.
//
//	builder := exact.NewBuilder(salt)
//	err := builder.Add("C-2024-00017")
//	_, err = builder.WriteTo(file)
//	set, err := exact.Parse(data, salt)
//
// A million values take 8.5 MiB of memory and 8 MB of file. A candidate that is not in a table of n values
// is taken for one with probability n/2^64, which is 5·10^-14 for a million.
package exact

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"strings"
)

// Salt is the secret key of a table's hashes.
type Salt [16]byte

// NewSalt returns a random salt.
func NewSalt() Salt {
	var s Salt
	_, _ = rand.Read(s[:]) // never fails; the process ends where there is no randomness
	return s
}

// Text returns the salt as it stands in a file: 32 hexadecimal digits and a line break.
func (s Salt) Text() []byte { return append(hex.AppendEncode(nil, s[:]), '\n') }

// ParseSalt reads the text of a salt, whatever white space stands around it. The error does not quote it.
func ParseSalt(text []byte) (s Salt, err error) {
	const most = 1 << 10
	if len(text) <= most {
		if n, err := hex.Decode(s[:], []byte(fit(strings.TrimSpace(string(text))))); err == nil && n == len(s) {
			return s, nil
		}
	}
	return Salt{}, errors.New("a salt is a line of 32 hexadecimal digits")
}

// fit passes over text that is not as long as a salt's.
func fit(text string) string {
	if len(text) != 2*len(Salt{}) {
		return ""
	}
	return text
}

// checkText is hashed to tell whether a salt is the one that a file was made with. No candidate has a blank.
const checkText = "borderflow hashes"

// ErrSalt says that a file was made with another salt.
var ErrSalt = errors.New("the hashes were made with another salt")

// shapes are the lengths, by kind, that the values of a table have in normalised form: a bit each. Most
// candidates are dismissed by them.
type shapes [kinds]uint64

func (s *shapes) add(k kind, length int)      { s[k] |= 1 << min(length, 63) }
func (s *shapes) has(k kind, length int) bool { return s[k]>>min(length, 63)&1 != 0 }

// Set is a table of values that candidates are looked up in. It is immutable and safe for concurrent use.
type Set struct {
	key    sipKey
	shapes shapes
	hashes []uint64 // ascending, each once
	from   []uint32 // where in hashes those begin that share their leading bits
	shift  uint
}

// newSet indexes hashes, about eight to a group.
func newSet(salt Salt, s shapes, hashes []uint64) *Set {
	width := max(1, bits.Len(uint(len(hashes)/8)))
	set := &Set{key: newSipKey(salt), shapes: s, hashes: hashes, from: make([]uint32, 1<<width+1), shift: uint(64 - width)}
	group := 0
	for i, h := range hashes {
		for ; group <= int(h>>set.shift); group++ {
			set.from[group] = uint32(i)
		}
	}
	for ; group < len(set.from); group++ {
		set.from[group] = uint32(len(hashes))
	}
	return set
}

// Len is how many values the table has.
func (s *Set) Len() int { return len(s.hashes) }

// HasMail says whether any value is an e-mail address.
func (s *Set) HasMail() bool { return s.shapes[mail] != 0 }

// Has says whether what c stands at is in the table.
func (s *Set) Has(c *Candidate) bool {
	if !s.shapes.has(c.kind(), c.n) {
		return false
	}
	hash := s.key.sum(c.text[:c.n])
	group := hash >> s.shift
	for _, h := range s.hashes[s.from[group]:s.from[group+1]] {
		if h == hash {
			return true
		}
	}
	return false
}

// String describes the table without its salt.
func (s *Set) String() string { return fmt.Sprintf("%d hashed values", len(s.hashes)) }
