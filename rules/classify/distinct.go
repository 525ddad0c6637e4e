package classify

import (
	"math"
	"math/bits"
)

// Distinct values are kept as keys: 54 bits of hash, the detector, and whether the value stands for a
// person. One table serves all detectors of a stream; up to exactLimit values it is exact, and with 54
// bits the chance that two of them share a key is below one in 10^9.
const (
	detectorBits = 8
	personBit    = 1 << detectorBits
	usedBit      = 1 << 63
	exactLimit   = 4096
	tableMin     = 64

	valuePrecision  = 12 // 4 KiB per detector, standard error 1.6 %
	personPrecision = 14 // 16 KiB, standard error 0.8 %
)

// distinct counts values per detector, and the people among them.
type distinct struct {
	slots    []uint64 // open addressing, linear probing; 0 is free
	used     int
	counts   []int // per detector
	persons  int
	sketched bool // past exactLimit: sketches instead of slots
	sketches []*sketch
	people   *sketch
}

func valueKey(hash uint64, detector int) uint64 {
	return usedBit | hash<<(detectorBits+1) | uint64(detector)
}

// add puts key in.
func (d *distinct) add(key uint64) {
	if d.sketched {
		d.sketchFor(key).add(key)
		return
	}
	slot := d.find(key)
	if d.slots[slot] != 0 {
		return
	}
	d.slots[slot] = key
	d.used++
	d.counts[key&(personBit-1)]++
	switch {
	case d.used > exactLimit:
		d.toSketches()
	case d.used*2 > len(d.slots):
		d.grow()
	}
}

// markPerson says that key, which must have been added, stands for a person.
func (d *distinct) markPerson(key uint64) {
	if d.sketched {
		d.people.add(key)
		return
	}
	if slot := d.find(key); d.slots[slot]&personBit == 0 {
		d.slots[slot] |= personBit
		d.persons++
	}
}

func (d *distinct) count(detector int) int {
	if !d.sketched {
		return d.counts[detector]
	}
	if sk := d.sketches[detector]; sk != nil {
		return sk.estimate()
	}
	return 0
}

func (d *distinct) personCount() int {
	if d.sketched {
		return d.people.estimate()
	}
	return d.persons
}

// find returns the slot that holds key, or the free one where it belongs.
func (d *distinct) find(key uint64) int {
	if d.slots == nil {
		d.slots = make([]uint64, tableMin)
	}
	mask := len(d.slots) - 1
	slot := int(key>>(detectorBits+1)) & mask
	for d.slots[slot] != 0 && (d.slots[slot]^key)&^personBit != 0 {
		slot = (slot + 1) & mask
	}
	return slot
}

func (d *distinct) grow() {
	old := d.slots
	d.slots = make([]uint64, 2*len(old))
	for _, key := range old {
		if key != 0 {
			d.slots[d.find(key)] = key
		}
	}
}

func (d *distinct) toSketches() {
	d.sketched = true
	d.sketches = make([]*sketch, len(d.counts))
	d.people = newSketch(personPrecision)
	for _, key := range d.slots {
		if key == 0 {
			continue
		}
		d.sketchFor(key).add(key)
		if key&personBit != 0 {
			d.people.add(key)
		}
	}
	d.slots = nil
}

func (d *distinct) sketchFor(key uint64) *sketch {
	at := &d.sketches[key&(personBit-1)]
	if *at == nil {
		*at = newSketch(valuePrecision)
	}
	return *at
}

func (d *distinct) reset() {
	clear(d.slots)
	clear(d.counts)
	*d = distinct{slots: d.slots, counts: d.counts}
}

func (d *distinct) clone() distinct {
	c := *d
	c.slots = append([]uint64(nil), d.slots...)
	c.counts = append([]int(nil), d.counts...)
	c.sketches = append([]*sketch(nil), d.sketches...)
	for i, sk := range c.sketches {
		c.sketches[i] = sk.clone()
	}
	c.people = d.people.clone()
	return c
}

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
	hash := (key &^ usedBit) >> (detectorBits + 1) << (detectorBits + 2)
	index := hash >> (64 - s.precision)
	rank := uint8(bits.LeadingZeros64(hash<<s.precision|1<<(s.precision+detectorBits+1))) + 1
	s.registers[index] = max(s.registers[index], rank)
}

func (s *sketch) estimate() int {
	// The hash has width bits after the index, so ranks go from 0 to width+1.
	width := 64 - (detectorBits + 2) - s.precision
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
