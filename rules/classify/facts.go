package classify

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// facts is what a field's key says.
type facts struct {
	said  *saying
	fires []*rule // whose keys it is one of
}

// knownKey is a key and what it says.
type knownKey struct {
	hash uint64
	*facts
}

// maxFacts is how many keys a classifier remembers the facts of, and how many different facts. Payloads have
// few different keys; binary data has no end of them, of which nearly all say nothing.
const maxFacts = 1 << 12

// factsCache remembers the facts of keys by their hash under a key that dies with the process. It is
// shared by all streams, and safe to use from all of them.
type factsCache struct {
	seed  [2]uint64
	known [maxFacts]atomic.Uint64 // hashes of keys, with the index of their facts for the low bits
	quiet [maxFacts]atomic.Uint64 // hashes of keys that fire no rule

	kinds  [maxFacts]atomic.Pointer[facts] // all that keys have said; the first is nothing
	adding sync.Mutex
	byBits map[uint64]uint64 // hash of what is said → index of kinds
}

func newFactsCache(silence *saying) *factsCache {
	c := &factsCache{seed: [2]uint64{rand.Uint64(), rand.Uint64()}, byBits: map[uint64]uint64{}}
	c.kinds[0].Store(&facts{said: silence})
	return c
}

// hashQuoted hashes the key that text ends with, from the last quote in it on; false if it holds none.
func (c *factsCache) hashQuoted(text *[16]byte) (hash uint64, ok bool) {
	last := binary.LittleEndian.Uint64(text[8:])
	if quotes := equalMask(last, '"'); quotes != 0 {
		length := bits.LeadingZeros64(quotes) &^ 7 // in bits
		return mix(last&^(^uint64(0)>>length)^c.seed[0], c.seed[1]^uint64(length)), true
	}
	first := binary.LittleEndian.Uint64(text[:8])
	quotes := equalMask(first, '"')
	if quotes == 0 {
		return 0, false
	}
	length := bits.LeadingZeros64(quotes) &^ 7
	return mix(last^c.seed[0], first&^(^uint64(0)>>length)^c.seed[1]^uint64(length+64)), true
}

func (c *factsCache) isQuiet(hash uint64) bool { return c.quiet[hash%maxFacts].Load() == hash }
func (c *factsCache) setQuiet(hash uint64)     { c.quiet[hash%maxFacts].Store(hash) }

// factsOf returns what key says.
func (t *table) factsOf(key []byte) knownKey {
	c := t.cache
	hash := c.hash(key)
	entry := &c.known[hash%maxFacts]
	if known := entry.Load(); (known^hash)/maxFacts == 0 {
		return knownKey{hash, c.kinds[known%maxFacts].Load()}
	}
	index, fresh := t.newFacts(key)
	if index < maxFacts {
		entry.Store(hash&^(maxFacts-1) | index)
	}
	return knownKey{hash, fresh}
}

// newFacts returns what key says, and its index; maxFacts if there is no room for more.
func (t *table) newFacts(key []byte) (index uint64, f *facts) {
	var scratch [2*2*maxKey + 2]byte
	text := normalise(scratch[:0], key)
	if !t.dictionary.knows(text) {
		return 0, t.cache.kinds[0].Load()
	}
	var room [3 * 16]uint64
	said := t.dictionary.sayingIn(room[:])
	t.dictionary.read(&said, text, 0)

	c := t.cache
	c.adding.Lock()
	defer c.adding.Unlock()
	hash := c.hashOf(&said)
	index, known := c.byBits[hash]
	if known {
		if f = c.kinds[index].Load(); f.said.equal(&said) {
			return index, f
		}
	}
	f = &facts{said: said.clone()}
	for _, r := range t.keyed {
		if bit := t.keyBit(r); has(said.support, bit) && !has(said.denied, bit) {
			f.fires = append(f.fires, r)
		}
	}
	if index = uint64(len(c.byBits) + 1); known || index == maxFacts {
		return maxFacts, f
	}
	c.byBits[hash] = index
	c.kinds[index].Store(f)
	return index, f
}

func (c *factsCache) hashOf(s *saying) (hash uint64) {
	for _, bits := range [...][]uint64{s.support, s.deny, s.denied} {
		for _, word := range bits {
			hash = mix(hash^word^c.seed[0], c.seed[1]|1)
		}
	}
	return hash
}

// hash is as good as its seed is secret; keys of up to 16 bytes, which are nearly all, cost two loads.
func (c *factsCache) hash(key []byte) uint64 {
	h := c.seed[0] ^ uint64(len(key))
	for ; len(key) > 16; key = key[8:] {
		h = mix(h^binary.LittleEndian.Uint64(key), c.seed[1])
	}
	var a, b uint64
	switch n := len(key); {
	case n >= 8:
		a, b = binary.LittleEndian.Uint64(key), binary.LittleEndian.Uint64(key[n-8:])
	case n >= 4:
		a, b = uint64(binary.LittleEndian.Uint32(key)), uint64(binary.LittleEndian.Uint32(key[n-4:]))
	case n > 0:
		a = uint64(key[0])<<16 | uint64(key[n/2])<<8 | uint64(key[n-1])
	}
	return mix(mix(a^c.seed[1], b^h), c.seed[0]|1)
}

// mix folds the product of two words.
func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}
