package classify

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
)

// literals finds the fixed beginnings that rules name, by their first three bytes.
type literals struct {
	first [1 << 10]uint64 // a bit for each hash of three bytes that begin a literal
	slots [literalSlots]literalSlot
	all   []literal // sorted by text, so that those with the same three bytes stand together
}

const literalSlots = 1 << 11

// literalSlot says where in all the literals begin that begin with head; open addressing, from 0 on free.
type literalSlot struct {
	head     uint32
	from, to uint16
}

type literal struct {
	text string
	rule *rule
}

func newLiterals(rules []*rule) *literals {
	l := new(literals)
	for _, r := range rules {
		for _, text := range r.literals {
			l.all = append(l.all, literal{text, r})
		}
	}
	slices.SortStableFunc(l.all, func(a, b literal) int { return cmp.Compare(a.text, b.text) })
	for i, each := range l.all {
		head := headOf(each.text[0], each.text[1], each.text[2])
		hash := hashOfHead(head)
		l.first[hash>>6] |= 1 << (hash & 63)
		slot := l.slot(head)
		if slot.head == 0 {
			*slot = literalSlot{head, uint16(i), uint16(i)}
		}
		slot.to = uint16(i + 1)
	}
	return l
}

func headOf(a, b, c byte) uint32 { return uint32(a) | uint32(b)<<8 | uint32(c)<<16 }

// hashOfHead is of 16 bits.
func hashOfHead(head uint32) uint32 { return head * 0x9e3779b1 >> 16 }

// slot returns the slot of head, or the free one where it belongs.
func (l *literals) slot(head uint32) *literalSlot {
	for i := hashOfHead(head) % literalSlots; ; i = (i + 1) % literalSlots {
		if slot := &l.slots[i]; slot.head == head || slot.head == 0 {
			return slot
		}
	}
}

// among leaves those of the candidates, which are places in p, where three bytes stand that a literal most
// likely begins with. The kernel sees only halves of bytes; most places that it takes for one have none.
func (l *literals) among(candidates uint64, p []byte) (kept uint64) {
	_ = p[66]
	for ; candidates != 0; candidates &= candidates - 1 {
		k := bits.TrailingZeros64(candidates) & 63
		hash := hashOfHead(binary.LittleEndian.Uint32(p[k:k+4]) & (1<<24 - 1))
		kept |= l.first[hash>>6] >> (hash & 63) & 1 << k
	}
	return kept
}

// at returns the literals that begin with head.
func (l *literals) at(head uint32) []literal {
	slot := l.slot(head)
	return l.all[slot.from:slot.to]
}

// heads are the first three bytes of all literals, sorted, each once.
func (l *literals) heads() (all [][3]byte) {
	for _, each := range l.all {
		all = append(all, [3]byte([]byte(each.text)))
	}
	return slices.Compact(all)
}
