package rules

// newIndex makes the index of a snapshot's policies, and tells each policy which positions are its.
func newIndex(policies []*legalRegime) *index {
	b := &indexBuilder{index: &index{}, numbers: map[key]int32{}, positions: map[dimension]int32{}}
	for _, regime := range policies {
		regime.first = len(b.index.rules)
		b.index.rules = append(b.index.rules, regime.rules...)
		regime.last = len(b.index.rules)
	}
	b.index.always = make([]uint64, (len(b.index.rules)+63)/64)
	b.numberKeys()
	b.index.postings = make([][]int32, b.index.eager)
	b.index.guards = make([][]guard, len(b.index.rules))
	for position, rule := range b.index.rules {
		b.place(int32(position), rule.condition.clauses)
	}
	return b.index
}

type indexBuilder struct {
	index     *index
	numbers   map[key]int32       // of each key
	uses      map[key]int         // how many clauses a key is in
	positions map[dimension]int32 // in index.dimensions
}

// numberKeys gives every key its number: those of facts first, then those of lists.
func (b *indexBuilder) numberKeys() {
	b.uses = map[key]int{}
	for _, rule := range b.index.rules {
		for _, c := range rule.condition.clauses {
			for _, k := range c {
				b.uses[k]++
			}
		}
	}
	for _, lists := range [...]bool{false, true} {
		for _, rule := range b.index.rules {
			for _, c := range rule.condition.clauses {
				for _, k := range c {
					b.number(k, lists)
				}
			}
		}
		if !lists {
			b.index.eager = b.index.keys
		}
	}
}

func (b *indexBuilder) number(k key, lists bool) {
	if _, done := b.numbers[k]; done || k.ofList() != lists {
		return
	}
	number := int32(b.index.keys)
	b.numbers[k] = number
	b.index.keys++
	if lists {
		b.index.lookups = append(b.index.lookups, listKey{&attributes[firstList-k.dimension], k.text})
		return
	}
	position, ok := b.positions[k.dimension]
	if !ok {
		position = int32(len(b.index.dimensions))
		b.positions[k.dimension] = position
		b.index.dimensions = append(b.index.dimensions, facts{dimension: k.dimension, texts: map[string]int32{}, numbers: map[int64]int32{}})
	}
	d := &b.index.dimensions[position]
	if k.dimension >= 0 && attributes[k.dimension].number != nil {
		d.numbers[k.number] = number
	} else {
		d.texts[k.text] = number
	}
}

func (k key) ofList() bool { return k.dimension <= firstList }

// place enters a rule: its rarest clause leads to it, the others guard it.
func (b *indexBuilder) place(position int32, clauses []clause) {
	leading := b.leading(clauses)
	for i, c := range clauses {
		if i == leading {
			b.lead(position, c)
			continue
		}
		b.index.guards[position] = append(b.index.guards[position], b.guard(c))
	}
	if leading < 0 {
		b.index.always[position/64] |= 1 << (position % 64)
	}
}

// leading returns which clause leads to a rule, -1 if none can: one of whose keys few rules have, and
// whose facts are known early, because facts that are pending lead to every rule.
func (b *indexBuilder) leading(clauses []clause) int {
	best, least := -1, 0
	for i, c := range clauses {
		weight, lists := 0, false
		for _, k := range c {
			lists = lists || k.ofList()
			weight += b.uses[k] * k.dimension.delay()
		}
		if !lists && (best < 0 || weight < least) {
			best, least = i, weight
		}
	}
	return best
}

// delay weighs how late the facts of a dimension are known.
func (d dimension) delay() int {
	group := destinationGroup
	switch {
	case d == categoryDimension || d == detectorDimension:
		group = dataGroup
	case d >= 0:
		group = attributes[d].group
	}
	return [...]int{sourceGroup: 1, destinationGroup: 1, requestGroup: 4, dataGroup: 16, transferGroup: 1}[group]
}

func (b *indexBuilder) lead(position int32, c clause) {
	for _, k := range c {
		number := b.numbers[k]
		if led := b.index.postings[number]; len(led) == 0 || led[len(led)-1] != position {
			b.index.postings[number] = append(led, position)
		}
		d := &b.index.dimensions[b.positions[k.dimension]]
		if len(d.led) == 0 || d.led[len(d.led)-1] != position {
			d.led = append(d.led, position)
		}
	}
}

func (b *indexBuilder) guard(c clause) guard {
	var g guard
	seen := map[int32]bool{}
	for _, k := range c {
		g.keys = append(g.keys, b.numbers[k])
		if k.ofList() {
			continue
		}
		if position := b.positions[k.dimension]; !seen[position] {
			seen[position] = true
			g.facts = append(g.facts, position)
		}
	}
	return g
}
