package classify

import "math"

// Distinct values are kept as keys: 52 bits of hash, the detector, and whether the value stands for a
// person. One table serves all detectors of a stream; up to exactLimit values it is exact, and with 52
// bits the chance that two of them share a key is below one in 10^8.
//
// Beyond that, people are counted by a sketch, and the table turns into a sample: of the detectors with the
// most values only those whose hash lies below a threshold are kept, which is lowered when the table is
// full. Detectors with few values stay exact. The memory is the same however many values and detectors
// there are.
const (
	detectorBits = 10
	personBit    = 1 << detectorBits
	detectorMask = personBit - 1
	hashShift    = detectorBits + 1
	usedBit      = 1 << 63

	exactLimit  = 4096
	sampleLimit = 2048 // standard error at most 2.6 % for the detector with the most values
	tableMin    = 64

	personPrecision = 14 // 16 KiB, standard error 0.8 %
)

// distinct counts values per detector, and the people among them.
type distinct struct {
	slots     []uint64 // open addressing, linear probing; 0 is free
	used      int
	counts    []uint32 // per detector: keys in the table
	threshold []uint32 // per detector: keys whose sample bits lie above it are left out
	persons   int
	people    *sketch // once there have been more than exactLimit values
}

func newDistinct(detectors int) distinct {
	d := distinct{counts: make([]uint32, detectors), threshold: make([]uint32, detectors)}
	d.reset()
	return d
}

func valueKey(hash uint64, detector int) uint64 {
	return usedBit | hash<<hashShift | uint64(detector)
}

// sampleBits of a key are not those that its slot is chosen by.
func sampleBits(key uint64) uint32 { return uint32(key >> hashShift) }

// home is the slot where key belongs.
func (d *distinct) home(key uint64) int {
	return int(key << 1 >> 32 * uint64(len(d.slots)) >> 32)
}

// add puts key in.
func (d *distinct) add(key uint64) {
	detector := key & detectorMask
	if sampleBits(key) > d.threshold[detector] {
		return
	}
	slot := d.find(key)
	if d.slots[slot] != 0 {
		return
	}
	d.slots[slot] = key
	d.used++
	d.counts[detector]++
	switch {
	case d.people == nil && d.used > exactLimit:
		d.startSampling()
	case d.people != nil && d.used > sampleLimit:
		d.thin()
	case d.used*5 > len(d.slots)*4:
		d.resize(4 * len(d.slots))
	}
}

// markPerson says that key, which must have been added, stands for a person.
func (d *distinct) markPerson(key uint64) {
	if d.people != nil {
		d.people.add(key)
		return
	}
	if slot := d.find(key); d.slots[slot] != 0 && d.slots[slot]&personBit == 0 {
		d.slots[slot] |= personBit
		d.persons++
	}
}

// isPerson says whether key has been marked; it is for as long as people are counted exactly.
func (d *distinct) isPerson(key uint64) bool { return d.slots[d.find(key)]&personBit != 0 }

func (d *distinct) count(detector int) int {
	share := (float64(d.threshold[detector]) + 1) / (1 << 32)
	return int(math.Round(float64(d.counts[detector]) / share))
}

func (d *distinct) personCount() int {
	if d.people != nil {
		return d.people.estimate()
	}
	return d.persons
}

// find returns the slot that holds key, or the free one where it belongs.
func (d *distinct) find(key uint64) int {
	if d.slots == nil {
		d.slots = make([]uint64, tableMin)
	}
	slot := d.home(key)
	for d.slots[slot] != 0 && (d.slots[slot]^key)&^personBit != 0 {
		if slot++; slot == len(d.slots) {
			slot = 0
		}
	}
	return slot
}

func (d *distinct) resize(size int) {
	old := d.slots
	d.slots = make([]uint64, min(size, exactLimit*5/4+tableMin))
	for _, key := range old {
		if key != 0 {
			d.slots[d.find(key)] = key
		}
	}
}

func (d *distinct) startSampling() {
	d.people = newSketch(personPrecision)
	for _, key := range d.slots {
		if key&personBit != 0 {
			d.people.add(key)
		}
	}
	for d.used > sampleLimit {
		d.thin()
	}
	d.resize(sampleLimit*5/4 + tableMin)
}

// thin lowers the thresholds of the detectors with the most keys by a quarter.
func (d *distinct) thin() {
	most := uint32(0)
	for _, n := range d.counts {
		most = max(most, n)
	}
	for detector, n := range d.counts {
		if n > most/2 {
			d.threshold[detector] -= d.threshold[detector] / 4
		}
	}
	for slot := range d.slots {
		for key := d.slots[slot]; key != 0 && sampleBits(key) > d.threshold[key&detectorMask]; key = d.slots[slot] {
			d.counts[key&detectorMask]--
			d.used--
			d.remove(slot)
		}
	}
}

// remove empties a slot and moves up what was pushed on by it.
func (d *distinct) remove(slot int) {
	size := len(d.slots)
	for next := slot; ; {
		if next++; next == size {
			next = 0
		}
		key := d.slots[next]
		if key == 0 {
			d.slots[slot] = 0
			return
		}
		// It may move if its home does not lie behind the free slot, going round.
		if home := d.home(key); (next-home+size)%size >= (next-slot+size)%size {
			d.slots[slot] = key
			slot = next
		}
	}
}

// absorb makes d the union of d and other.
func (d *distinct) absorb(other *distinct) {
	if other.people != nil {
		if d.people == nil {
			d.slots = append([]uint64(nil), d.slots...)
			d.find(usedBit)
			d.startSampling()
		}
		d.people.absorb(other.people)
		for detector, threshold := range other.threshold {
			d.threshold[detector] = min(d.threshold[detector], threshold)
		}
	}
	for _, key := range other.slots {
		if key == 0 {
			continue
		}
		d.add(key &^ personBit)
		if key&personBit != 0 && other.people == nil {
			d.markPerson(key &^ personBit)
		}
	}
}

func (d *distinct) reset() {
	if d.people != nil {
		d.slots, d.people = nil, nil
	}
	if d.used > 0 {
		clear(d.slots)
	}
	clear(d.counts)
	for i := range d.threshold {
		d.threshold[i] = math.MaxUint32
	}
	d.used, d.persons = 0, 0
}

// copyTo makes other a copy that shares nothing with d, in other's memory as far as that goes.
func (d *distinct) copyTo(other *distinct) {
	slots, counts, threshold, people := other.slots, other.counts, other.threshold, d.people.clone()
	*other = *d
	other.slots = append(slots[:0], d.slots...)
	other.counts = append(counts[:0], d.counts...)
	other.threshold = append(threshold[:0], d.threshold...)
	other.people = people
	if d.slots == nil {
		other.slots = nil
	}
}
