package classify

import (
	"encoding/binary"
	"math/bits"
)

// keccak256 is the hash that Ethereum uses: Keccak with a rate of 1088 bits and the padding from before it
// became SHA-3, which the standard library does not have. message is shorter than one block of 136 bytes.
func keccak256(message []byte) [32]byte {
	const rate = 136
	var block [rate]byte
	copy(block[:], message)
	block[len(message)] ^= 0x01
	block[rate-1] ^= 0x80
	var state [25]uint64
	for i := range rate / 8 {
		state[i] = binary.LittleEndian.Uint64(block[8*i:])
	}
	keccakPermute(&state)
	var sum [32]byte
	for i := range 4 {
		binary.LittleEndian.PutUint64(sum[8*i:], state[i])
	}
	return sum
}

// keccakPermute is Keccak-f[1600] (FIPS 202 section 3.3).
func keccakPermute(a *[25]uint64) {
	// The round constants come from a shift register (FIPS 202 algorithm 5), the rotations and places of
	// rho and pi from stepping over the lanes.
	register := byte(1)
	for range 24 {
		var column [5]uint64
		for x := range 5 {
			column[x] = a[x] ^ a[x+5] ^ a[x+10] ^ a[x+15] ^ a[x+20]
		}
		for x := range 5 {
			d := column[(x+4)%5] ^ bits.RotateLeft64(column[(x+1)%5], 1)
			for y := 0; y < 25; y += 5 {
				a[x+y] ^= d
			}
		}
		x, y, lane := 1, 0, a[1]
		for t := range 24 {
			x, y = y, (2*x+3*y)%5
			lane, a[x+5*y] = a[x+5*y], bits.RotateLeft64(lane, (t+1)*(t+2)/2)
		}
		for y := 0; y < 25; y += 5 {
			row := [5]uint64(a[y : y+5])
			for x := range 5 {
				a[x+y] = row[x] ^ ^row[(x+1)%5]&row[(x+2)%5]
			}
		}
		for j := range 7 {
			if register&1 != 0 {
				a[0] ^= 1 << (1<<j - 1)
			}
			high := register >> 7
			register = register<<1 ^ high*0x71
		}
	}
}
