package classify

import (
	"hash/maphash"
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// identity says how well a detector's value tells people apart; the strongest in a record counts.
type identity uint8

const (
	identifiesNobody          identity = iota
	identifiesByAddress                // of a network; changes, and is shared
	identifiesByAdvertisingID          // can be reset
	identifiesByHardware               // a network interface
	identifiesBySIM
	identifiesBySubscriber
	identifiesByDevice
	identifiesByPhone
	identifiesByContact  // an e-mail address
	identifiesByCare     // a patient's number
	identifiesByDocument // a passport, which is renewed
	identifiesByGovernment
)

// recordLimit is how many identifiers of one record are held until it ends. A record with more is a
// list in disguise; its identifiers then count at once, each as a person.
const recordLimit = 64

// tally turns findings into counts.
//
// People are counted per record (an object in a list, a line, a form): if a record holds identifiers of
// several kinds, only those of the strongest kind stand for people, so that a person with an e-mail
// address and an ID number is one person. When in doubt it counts too many rather than too few.
type tally struct {
	seed     maphash.Seed
	values   distinct
	strength []flow.Strength // per detector, the strongest finding
	rules    []*rule
	record   []uint64 // keys of the open record's strongest identifiers
	kind     identity
}

func (t *tally) init(seed maphash.Seed, rules []*rule) {
	detectors := len(rules)
	t.seed, t.rules = seed, rules
	t.strength = make([]flow.Strength, detectors)
	t.values = newDistinct(detectors)
	t.record = make([]uint64, 0, recordLimit)
}

// key is what is kept of a value of r in its normalised form.
func (t *tally) key(r *rule, value []byte) uint64 {
	return valueKey(maphash.Bytes(t.seed, value), r.index)
}

// addLate takes a finding that was decided on only after its record. It stands for a person of its own,
// unless people have been told apart by other identifiers.
func (t *tally) addLate(r *rule, strength flow.Strength, key uint64) {
	t.values.add(key)
	t.strength[r.index] = max(t.strength[r.index], strength)
	if r.identifies != identifiesNobody && r.identifies >= t.kind && t.others(r) == 0 {
		t.values.markPerson(key)
	}
}

// others is how many values the detectors other than r have found that identify people.
func (t *tally) others(r *rule) (n uint32) {
	for i, count := range t.values.counts {
		if i != r.index && t.rules[i].identifies != identifiesNobody {
			n += count
		}
	}
	return n
}

// add takes one finding; value is its normalised form and is not kept.
func (t *tally) add(r *rule, strength flow.Strength, value []byte) {
	key := t.key(r, value)
	t.values.add(key)
	t.strength[r.index] = max(t.strength[r.index], strength)
	if r.identifies == identifiesNobody || r.identifies < t.kind {
		return
	}
	if r.identifies > t.kind {
		t.kind = r.identifies
		t.record = t.record[:0]
	}
	if slices.Contains(t.record, key) {
		return
	}
	if len(t.record) == recordLimit {
		t.values.markPerson(key)
		return
	}
	t.record = append(t.record, key)
}

// inRecord says whether the open record holds an identifier already.
func (t *tally) inRecord() bool { return t.kind != identifiesNobody }

// endRecord counts the people of the open record.
func (t *tally) endRecord() {
	for _, key := range t.record {
		t.values.markPerson(key)
	}
	t.record, t.kind = t.record[:0], identifiesNobody
}

// copyTo makes other a copy of t whose open record can be ended without touching t.
func (t *tally) copyTo(other *tally) {
	t.values.copyTo(&other.values)
	other.seed, other.rules, other.kind = t.seed, t.rules, t.kind
	other.strength = append(other.strength[:0], t.strength...)
	other.record = append(other.record[:0], t.record...)
}

func (t *tally) reset() {
	t.values.reset()
	clear(t.strength)
	clear(t.record[:cap(t.record)])
	t.record, t.kind = t.record[:0], identifiesNobody
}

// report fills in what was found. People in the open record are included.
func (t *tally) report(data *flow.Data, rules []*rule) {
	byName := map[string]*flow.Category{}
	for i, r := range rules {
		if t.strength[i] == 0 {
			continue
		}
		found := flow.Finding{Detector: r.ID, Count: t.values.count(i), Strength: t.strength[i]}
		data.Findings = append(data.Findings, found)
		for _, name := range r.Categories {
			c := byName[name]
			if c == nil {
				c = &flow.Category{Name: name}
				byName[name] = c
			}
			c.Count += found.Count
			c.Strength = max(c.Strength, found.Strength)
		}
	}
	for _, c := range byName {
		data.Categories = append(data.Categories, *c)
	}
	slices.SortFunc(data.Categories, func(a, b flow.Category) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(data.Findings, func(a, b flow.Finding) int { return strings.Compare(a.Detector, b.Detector) })
	data.Subjects = t.values.personCount() + t.unmarked()
}

// unmarked is how many identifiers of the open record do not stand for a person yet.
func (t *tally) unmarked() int {
	if t.values.people != nil {
		return 0
	}
	n := 0
	for _, key := range t.record {
		if !t.values.isPerson(key) {
			n++
		}
	}
	return n
}
