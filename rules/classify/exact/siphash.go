package exact

import (
	"encoding/binary"
	"math/bits"
)

// sipKey is the state that SipHash-2-4 begins with (J.-P. Aumasson and D. J. Bernstein, SipHash: a fast
// short-input PRF, 2012, section 2).
type sipKey struct{ v0, v1, v2, v3 uint64 }

func newSipKey(salt Salt) sipKey {
	k0, k1 := binary.LittleEndian.Uint64(salt[:8]), binary.LittleEndian.Uint64(salt[8:])
	return sipKey{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}
}

// sum is the hash of p.
func (s sipKey) sum(p []byte) uint64 {
	last := uint64(len(p)) << 56
	for ; len(p) >= 8; p = p[8:] {
		word := binary.LittleEndian.Uint64(p)
		s.v3 ^= word
		s.round()
		s.round()
		s.v0 ^= word
	}
	for i, b := range p {
		last |= uint64(b) << (8 * i)
	}
	s.v3 ^= last
	s.round()
	s.round()
	s.v0 ^= last
	s.v2 ^= 0xff
	s.round()
	s.round()
	s.round()
	s.round()
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3
}

func (s *sipKey) round() {
	s.v0 += s.v1
	s.v1 = bits.RotateLeft64(s.v1, 13) ^ s.v0
	s.v0 = bits.RotateLeft64(s.v0, 32)
	s.v2 += s.v3
	s.v3 = bits.RotateLeft64(s.v3, 16) ^ s.v2
	s.v0 += s.v3
	s.v3 = bits.RotateLeft64(s.v3, 21) ^ s.v0
	s.v2 += s.v1
	s.v1 = bits.RotateLeft64(s.v1, 17) ^ s.v2
	s.v2 = bits.RotateLeft64(s.v2, 32)
}
