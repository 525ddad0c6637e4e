package classify

import "slices"

// dictionary reads the vocabularies of all rules at once. It is an automaton over normalised text (Aho and
// Corasick, Communications of the ACM 18(6), 1975) whose states know what the terms that end there say.
//
// Each rule has two bits: one for its words, at its index, and one for its keys, after those of all words.
type dictionary struct {
	classes [256]uint8 // bytes that no term holds share class 0
	width   int        // classes in use
	next    []uint32   // state × width + class → state
	says    []*saying  // per state; nil if no term ends there
	size    int        // of a set of bits, in words
}

// saying is what terms say: which rules they support, and which they deny.
type saying struct {
	support, deny []uint64 // by the last term that says anything of the rule
	denied        []uint64 // by any
}

func (d *dictionary) newSaying() *saying {
	s := d.sayingIn(nil)
	return &s
}

// sayingIn returns a saying of nothing, in room if that is large enough.
func (d *dictionary) sayingIn(room []uint64) saying {
	if len(room) < 3*d.size {
		room = make([]uint64, 3*d.size)
	}
	return saying{room[:d.size], room[d.size : 2*d.size], room[2*d.size : 3*d.size]}
}

func (s *saying) clone() *saying {
	return &saying{slices.Clone(s.support), slices.Clone(s.deny), slices.Clone(s.denied)}
}

func (s *saying) equal(other *saying) bool {
	return slices.Equal(s.support, other.support) && slices.Equal(s.deny, other.deny) && slices.Equal(s.denied, other.denied)
}

// keyBit is the bit of a rule's keys.
func (t *table) keyBit(r *rule) int { return len(t.rules) + r.index }

func has(bits []uint64, bit int) bool { return bits[bit>>6]>>(bit&63)&1 != 0 }

func newDictionary(t *table) *dictionary {
	d := &dictionary{size: (2*len(t.rules) + 63) / 64, width: 1}
	each := func(visit func(bit int, t term)) {
		for _, r := range t.rules {
			if r.words != nil {
				for _, term := range r.words.terms {
					visit(r.index, term)
				}
			}
			if r.keys != nil {
				for _, term := range r.keys.terms {
					visit(t.keyBit(r), term)
				}
			}
		}
	}
	each(func(_ int, t term) {
		for _, b := range []byte(t.text) {
			if d.classes[b] == 0 {
				d.classes[b] = uint8(d.width)
				d.width++
			}
		}
	})
	d.addState()
	each(d.enter)
	d.link()
	return d
}

func (d *dictionary) addState() uint32 {
	d.next = append(d.next, make([]uint32, d.width)...)
	d.says = append(d.says, nil)
	return uint32(len(d.says) - 1)
}

// enter adds a term to the trie.
func (d *dictionary) enter(bit int, t term) {
	state := uint32(0)
	for _, b := range []byte(t.text) {
		at := int(state)*d.width + int(d.classes[b])
		if d.next[at] == 0 {
			added := d.addState()
			d.next[at] = added
		}
		state = d.next[at]
	}
	if d.says[state] == nil {
		d.says[state] = d.newSaying()
	}
	said := d.says[state].support
	if t.denies {
		said = d.says[state].deny
	}
	said[bit>>6] |= 1 << (bit & 63)
}

// link turns the trie into an automaton, breadth first: where a state does not go on, its longest proper
// suffix does, which is nearer to the root and done before it.
func (d *dictionary) link() {
	suffix := make([]uint32, len(d.says))
	var queue []uint32
	for _, child := range d.next[:d.width] {
		if child != 0 {
			queue = append(queue, child)
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		row := d.next[int(state)*d.width:][:d.width]
		fallback := d.next[int(suffix[state])*d.width:][:d.width]
		for class, child := range row {
			if child == 0 {
				row[class] = fallback[class]
				continue
			}
			suffix[child] = fallback[class]
			queue = append(queue, child)
		}
		d.merge(state, suffix[state])
	}
}

// merge adds what ends at a state's suffix to what ends at the state. The longer term knows better; of
// terms of one length, the supporting one does.
func (d *dictionary) merge(state, suffix uint32) {
	own, inner := d.says[state], d.says[suffix]
	if own == nil {
		d.says[state] = inner
		return
	}
	for i := range own.support {
		own.deny[i] &^= own.support[i]
		if inner != nil {
			own.support[i] |= inner.support[i] &^ own.deny[i]
			own.deny[i] |= inner.deny[i] &^ own.support[i]
		}
	}
}

// read adds what text, which is normalised, says to what was said before it: of several terms for one
// rule the last counts. Denying terms count from the index from on.
func (d *dictionary) read(said *saying, text []byte, from int) {
	state := uint32(0)
	for i, b := range text {
		state = d.next[int(state)*d.width+int(d.classes[b])]
		here := d.says[state]
		if here == nil {
			continue
		}
		for j := range here.support {
			said.support[j] |= here.support[j]
			said.denied[j] |= here.deny[j]
			if i >= from {
				said.support[j] &^= here.deny[j]
				said.deny[j] = said.deny[j]&^here.support[j] | here.deny[j]
			} else {
				said.deny[j] &^= here.support[j]
			}
		}
	}
}

// knows says whether text, which is normalised, holds any term.
func (d *dictionary) knows(text []byte) bool {
	state := uint32(0)
	for _, b := range text {
		state = d.next[int(state)*d.width+int(d.classes[b])]
		if d.says[state] != nil {
			return true
		}
	}
	return false
}
