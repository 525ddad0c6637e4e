package classify

import "math"

// entropySample is how much of a payload its entropy is taken from: enough that random data comes within
// 0.01 of 8 bits, and little enough to cost nothing beside the scan.
const entropySample = 64 << 10

// histogram counts the bytes of a payload's beginning, as they arrive.
type histogram struct {
	counts [256]uint32
	total  int
}

func (h *histogram) add(p []byte) {
	if h.total == entropySample {
		return
	}
	p = p[:min(len(p), entropySample-h.total)]
	for _, b := range p {
		h.counts[b]++
	}
	h.total += len(p)
}

// entropy returns Shannon's entropy of the bytes in bits per byte, 0 to 8 (C. E. Shannon, A Mathematical
// Theory of Communication, 1948, section 6). It sums in the order of byte values, so that the same bytes
// give the same number however they were cut into writes.
func (h *histogram) entropy() float64 {
	bits, total := 0.0, float64(h.total)
	for _, count := range h.counts {
		if count > 0 {
			share := float64(count) / total
			bits -= share * math.Log2(share)
		}
	}
	return min(max(bits, 0), 8)
}
