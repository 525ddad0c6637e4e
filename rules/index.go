package rules

import (
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/borderflow/borderflow/rules/flow"
)

// index finds the rules that a flow can match without evaluating the others. It is made of the
// clauses that are necessary for each rule (necessary.go): a rule one of whose clauses fails is
// false, and nothing else is skipped. A fact that is pending or unavailable makes every key about it
// hold, so that what is not known never takes a rule out.
//
// One clause of each rule, the rarest, leads to it from the facts of a flow; its other clauses are
// tried on the way, at a few nanoseconds each. The order of the rules is kept, since it decides.
//
// One thing differs from evaluating every rule: a condition that is false, and so expensive that it
// would be stopped before that shows, is not an error.
type index struct {
	rules      []*compiledRule // of every policy, by position
	dimensions []facts
	keys       int // how many keys there are; those below are numbered from 0
	eager      int // keys from here on are looked up in lists, when first asked for
	lookups    []listKey
	postings   [][]int32 // by eager key: the rules that it leads to
	always     []uint64  // the rules that no key leads to, one bit each
	guards     [][]guard // by rule: its clauses but the one that leads to it
}

// facts is one dimension: which keys the values that it can have stand for.
type facts struct {
	dimension dimension
	texts     map[string]int32
	numbers   map[int64]int32
	led       []int32 // the rules that keys of this dimension lead to
}

// listKey is "this attribute is in this list".
type listKey struct {
	attribute *attribute
	list      string
}

// guard is a clause by the numbers of its keys, and by the dimensions that these belong to.
type guard struct {
	keys  []int32
	facts []int32 // positions in index.dimensions
}

// search is one flow's way through the index. It belongs to a scope.
type search struct {
	found  []uint64 // the rules that are still candidates
	holds  []uint32 // by key: the round in which it held
	tried  []uint32 // by lazy key: the round in which it was looked up
	unsure []bool   // by dimension
	round  uint32
	all    bool // every rule is a candidate
	plain  bool // as if there were no index
}

func (ix *index) newSearch() search {
	if ix == nil {
		return search{}
	}
	return search{found: make([]uint64, len(ix.always)), holds: make([]uint32, ix.keys),
		tried: make([]uint32, ix.keys-ix.eager), unsure: make([]bool, len(ix.dimensions))}
}

// find marks the rules that the facts of the flow lead to.
func (ix *index) find(s *scope) {
	k := &s.search
	if k.all = k.plain || s.flow == nil; k.all {
		for i := range k.found {
			k.found[i] = ^uint64(0)
		}
		return
	}
	if k.round++; k.round == 0 { // after four billion flows the marks of the first would count again
		clear(k.holds)
		clear(k.tried)
		k.round = 1
	}
	copy(k.found, ix.always)
	for i := range ix.dimensions {
		d := &ix.dimensions[i]
		if k.unsure[i] = !d.known(s); k.unsure[i] {
			for _, rule := range d.led {
				k.found[rule/64] |= 1 << (rule % 64)
			}
			continue
		}
		ix.mark(d, s)
	}
}

// known reports whether the dimension's facts are established.
func (d *facts) known(s *scope) bool {
	var state flow.State
	switch d.dimension {
	case domainDimension:
		// under compares without regard to case, and hosts are in lower case already.
		return foldsToItself(s.flow.Destination.Host)
	case claimDimension:
		state = s.flow.Destination.LocationState
	case categoryDimension, detectorDimension:
		state = wholeDataState(s.flow)
	default:
		a := &attributes[d.dimension]
		if a.state == nil {
			return true
		}
		state = a.state(s.flow)
	}
	return state == flow.Known || state == flow.Absent
}

// foldsToItself reports whether text has no other spelling that strings.EqualFold takes for the same.
func foldsToItself(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= utf8.RuneSelf || c >= 'A' && c <= 'Z' {
			return false
		}
	}
	return true
}

// mark has the keys hold that the flow's values stand for.
func (ix *index) mark(d *facts, s *scope) {
	f := s.flow
	switch d.dimension {
	case domainDimension:
		for host := f.Destination.Host; ; {
			ix.markText(d, s, host)
			dot := strings.IndexByte(host, '.')
			if dot < 0 {
				return
			}
			host = host[dot+1:]
		}
	case claimDimension:
		if known := country(f); known != "" {
			ix.markText(d, s, known)
		}
		for i := range f.Destination.Location.Jurisdictions {
			if named := f.Destination.Location.Jurisdictions[i].Country; named != "" {
				ix.markText(d, s, named)
			}
		}
	case categoryDimension:
		for i := range f.Data.Categories {
			if f.Data.Categories[i].Count > 0 {
				ix.markText(d, s, f.Data.Categories[i].Name)
			}
		}
	case detectorDimension:
		for i := range f.Data.Findings {
			if f.Data.Findings[i].Count > 0 {
				ix.markText(d, s, f.Data.Findings[i].Detector)
			}
		}
	default:
		if a := &attributes[d.dimension]; a.text != nil {
			ix.markText(d, s, a.text(f))
		} else if key, ok := d.numbers[a.number(f)]; ok {
			ix.markKey(key, &s.search)
		}
	}
}

func (ix *index) markText(d *facts, s *scope, value string) {
	if key, ok := d.texts[value]; ok {
		ix.markKey(key, &s.search)
	}
}

func (ix *index) markKey(key int32, k *search) {
	if k.holds[key] == k.round {
		return
	}
	k.holds[key] = k.round
	for _, rule := range ix.postings[key] {
		k.found[rule/64] |= 1 << (rule % 64)
	}
}

// next returns the first candidate at position or behind it, up to end, that its other clauses do not
// rule out; nil if there is none.
func (ix *index) next(s *scope, position, end int) (*compiledRule, int) {
	k := &s.search
	for position < end {
		word := k.found[position/64] >> (position % 64)
		if word == 0 {
			position = (position/64 + 1) * 64
			continue
		}
		position += bits.TrailingZeros64(word)
		if position >= end {
			break
		}
		if k.all || ix.passes(position, s) {
			return ix.rules[position], position
		}
		position++
	}
	return nil, end
}

// passes reports whether each clause of the rule can hold.
func (ix *index) passes(rule int, s *scope) bool {
	for i := range ix.guards[rule] {
		if !ix.open(&ix.guards[rule][i], s) {
			return false
		}
	}
	return true
}

func (ix *index) open(g *guard, s *scope) bool {
	k := &s.search
	for _, d := range g.facts {
		if k.unsure[d] {
			return true
		}
	}
	for _, key := range g.keys {
		if int(key) >= ix.eager {
			ix.look(int(key)-ix.eager, key, s)
		}
		if k.holds[key] == k.round {
			return true
		}
	}
	return false
}

// look finds out, once for a flow, whether an attribute is in a list.
func (ix *index) look(lookup int, key int32, s *scope) {
	k := &s.search
	if k.tried[lookup] == k.round {
		return
	}
	k.tried[lookup] = k.round
	wanted := ix.lookups[lookup]
	if a, l := wanted.attribute, s.lists[wanted.list]; l != nil {
		if state := flow.Known; a.state != nil {
			if state = a.state(s.flow); state != flow.Known && state != flow.Absent {
				k.holds[key] = k.round
				return
			}
		}
		if !l.has(a.text(s.flow)) {
			return
		}
	}
	k.holds[key] = k.round
}
