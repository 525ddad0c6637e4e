package classify

import "github.com/borderflow/borderflow/rules/flow"

// A field that comes again and again (a JSON key, a CSV column) says by the share of its values that pass
// what it holds: of a column of identity numbers nearly all do, of one of random numbers no more than
// chance lets through. From columnMinimum values on, a rule's values are
//
//   - accepted, weak ones too, if at least columnGenuine of them pass,
//   - dropped, medium ones too, if less than columnRandom pass,
//   - and otherwise judged as in any other place: medium ones stand on their own, weak ones do not.
//
// Until then values are held back, for as long as there is room.
const (
	columnMinimum = 20
	columnGenuine = 0.9
	columnRandom  = 0.25

	// Of rules with a greater chance, a column of random numbers would look genuine.
	maxChance = 0.2

	maxColumns = 32
	maxPasses  = 32
	maxHeld    = 128
)

// columns are the fields of a segment that come again.
type columns struct {
	columns [maxColumns]column
	passes  [maxPasses]passes
	held    [maxHeld]heldValue

	columnsUsed, passesUsed, heldUsed int
}

// column counts the values of one length under one key. A slot is free if tried is 0.
type column struct {
	key    uint64
	length uint8
	tried  uint32
}

// passes counts those of a column that pass a rule's check.
type passes struct {
	column uint8
	rule   uint16
	valid  uint32
	held   bool // some are held back
}

// heldValue is a value about which nothing is decided yet, as its key in the tally.
type heldValue struct {
	key      uint64
	offset   int64
	length   uint16
	passes   uint8
	strength flow.Strength
}

type columnVerdict uint8

const (
	columnOpen columnVerdict = iota // too few values, or neither genuine nor random
	columnIsGenuine
	columnIsRandom
	columnHolds // the value is held back
)

// isColumnar says whether a column of the rule's values can be told from one of random numbers.
func (r *rule) isColumnar() bool { return r.chance > 0 && r.chance <= maxChance }

// try counts a value of the given length under key, and returns its column; nil if there is no room for it.
func (c *columns) try(key uint64, length int) *column {
	at := int((key ^ uint64(length)*0x9e3779b97f4a7c15) >> 32 % maxColumns)
	for range maxColumns {
		found := &c.columns[at]
		if found.tried == 0 {
			if c.columnsUsed == maxColumns*3/4 {
				return nil
			}
			c.columnsUsed++
			*found = column{key: key, length: uint8(length), tried: 1}
			return found
		}
		if found.key == key && int(found.length) == length {
			found.tried++
			return found
		}
		at = (at + 1) % maxColumns
	}
	return nil
}

// pass counts a value in col that passes r's check; nil if there is no room for it.
func (c *columns) pass(col *column, r *rule) *passes {
	for i := range c.columns {
		if &c.columns[i] != col {
			continue
		}
		for j := range c.passes[:c.passesUsed] {
			if p := &c.passes[j]; int(p.column) == i && int(p.rule) == r.index {
				p.valid++
				return p
			}
		}
		if c.passesUsed == maxPasses {
			return nil
		}
		c.passes[c.passesUsed] = passes{column: uint8(i), rule: uint16(r.index), valid: 1}
		c.passesUsed++
		return &c.passes[c.passesUsed-1]
	}
	return nil
}

// verdict is what is known of the values that p counts.
func (c *columns) verdict(p *passes) columnVerdict {
	tried := c.columns[p.column].tried
	switch share := float64(p.valid) / float64(tried); {
	case tried < columnMinimum:
		return columnOpen
	case share >= columnGenuine:
		return columnIsGenuine
	case share < columnRandom:
		return columnIsRandom
	}
	return columnOpen
}

// hold keeps a value back; false if there is no room.
func (c *columns) hold(p *passes, key uint64, offset int64, length int, strength flow.Strength) bool {
	if c.heldUsed == maxHeld {
		return false
	}
	for i := range c.passes[:c.passesUsed] {
		if &c.passes[i] == p {
			c.held[c.heldUsed] = heldValue{key, offset, uint16(length), uint8(i), strength}
			c.heldUsed++
			p.held = true
		}
	}
	return true
}

// release takes the values held back for p, or all if p is nil, and hands those to accept that count.
func (c *columns) release(p *passes, accept func(rule int, v *heldValue)) {
	kept := 0
	for i := range c.held[:c.heldUsed] {
		v := c.held[i]
		of := &c.passes[v.passes]
		if p != nil && of != p {
			c.held[kept] = v
			kept++
			continue
		}
		of.held = false
		verdict := c.verdict(of)
		if verdict == columnIsGenuine || v.strength == flow.Strong || verdict == columnOpen && v.strength > flow.Weak {
			accept(int(of.rule), &v)
		}
	}
	c.heldUsed = kept
}

func (c *columns) reset() {
	if c.columnsUsed > 0 {
		*c = columns{}
	}
}
