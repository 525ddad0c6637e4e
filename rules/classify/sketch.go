package classify

import (
	"math"
	"math/bits"
)

// sketch is a HyperLogLog counter (Flajolet et al., 2007) with Ertl's estimator (arXiv:1702.01284,
// algorithm 6), which needs no bias tables.
type sketch struct {
	precision int
	registers []uint8
}

func newSketch(precision int) *sketch {
	return &sketch{precision, make([]uint8, 1<<precision)}
}

func (s *sketch) clone() *sketch {
	if s == nil {
		return nil
	}
	return &sketch{s.precision, append([]uint8(nil), s.registers...)}
}

// add takes a value key; only its hash bits count, so that marking a person changes nothing.
func (s *sketch) add(key uint64) {
	hash := (key &^ usedBit) >> hashShift << (hashShift + 1)
	index := hash >> (64 - s.precision)
	rank := uint8(bits.LeadingZeros64(hash<<s.precision|1<<(s.precision+hashShift))) + 1
	s.registers[index] = max(s.registers[index], rank)
}

func (s *sketch) estimate() int {
	// The hash has width bits after the index, so ranks go from 0 to width+1.
	width := 64 - (hashShift + 1) - s.precision
	histogram := make([]float64, 66)
	for _, r := range s.registers {
		histogram[r]++
	}
	m := float64(len(s.registers))
	z := m * tau(1-histogram[width+1]/m)
	for k := width; k >= 1; k-- {
		z = 0.5 * (z + histogram[k])
	}
	z += m * sigma(histogram[0]/m)
	return int(math.Round(m * m / (2 * math.Ln2 * z)))
}

func (s *sketch) absorb(other *sketch) {
	for i, register := range other.registers {
		s.registers[i] = max(s.registers[i], register)
	}
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		before := z
		z += x * y
		y += y
		if z == before {
			return z
		}
	}
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		before := z
		y *= 0.5
		z -= (1 - x) * (1 - x) * y
		if z == before {
			return z / 3
		}
	}
}
