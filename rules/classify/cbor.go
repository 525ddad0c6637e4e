package classify

import (
	"encoding/binary"
	"math"
)

// cbor reads one data item (RFC 8949).
func (t *tree) cbor() error {
	b, err := t.in.ReadByte()
	if err != nil {
		return err
	}
	return t.cborItem(b)
}

const cborBreak = 0xff

func (t *tree) cborItem(b byte) error {
	major, info := b>>5, b&0x1f
	argument := uint64(info)
	switch {
	case info >= 24 && info < 28:
		var err error
		if argument, err = t.fixed(1<<(info-24), binary.BigEndian); err != nil {
			return unexpected(err)
		}
	case info == 31 && major >= 2 && major <= 5:
		return t.cborIndefinite(major)
	case info >= 28:
		return unreadable("invalid CBOR")
	}
	switch major {
	case 0:
		t.unsigned(argument)
	case 1:
		t.put('-')
		t.unsigned(argument + 1)
	case 2:
		return t.binary(argument)
	case 3:
		return t.str(argument)
	case 4:
		return t.elements(argument, (*tree).cbor)
	case 5:
		return t.pairs(argument, (*tree).cbor)
	case 6: // a tag says how to take the item that follows; nested tags nest
		if t.depth++; t.depth > maxTree {
			return t.elements(0, nil)
		}
		err := t.cbor()
		t.depth--
		return unexpected(err)
	default:
		t.cborSimple(info, argument)
	}
	return nil
}

func (t *tree) cborSimple(info byte, bits uint64) {
	switch info {
	case 20:
		t.text("false")
	case 21:
		t.text("true")
	case 25:
		t.number(halfFloat(uint16(bits)))
	case 26:
		t.number(float64(math.Float32frombits(uint32(bits))))
	case 27:
		t.number(math.Float64frombits(bits))
	default:
		t.text("null")
	}
}

// halfFloat is a number of RFC 8949 appendix D.
func halfFloat(bits uint16) float64 {
	exponent, fraction := int(bits>>10&0x1f), float64(bits&0x3ff)
	switch exponent {
	case 0:
		fraction = math.Ldexp(fraction, -24)
	case 31:
		fraction = math.Inf(1)
	default:
		fraction = math.Ldexp(fraction+1024, exponent-25)
	}
	if bits>>15 != 0 {
		return -fraction
	}
	return fraction
}

// cborIndefinite reads items up to a break. The pieces of a string are one text.
func (t *tree) cborIndefinite(major byte) error {
	brackets := [...]string{2: `""`, 3: `""`, 4: "[]", 5: "{}"}[major]
	if major > 3 {
		return t.list(brackets, math.MaxUint64, func(uint64) (bool, error) {
			b, err := t.in.ReadByte()
			if err != nil || b == cborBreak {
				return true, err
			}
			if err := t.cborItem(b); err != nil || major == 4 {
				return false, err
			}
			t.put(':')
			return false, t.cbor()
		})
	}
	t.put('"')
	defer t.put('"')
	for {
		b, err := t.in.ReadByte()
		switch {
		case err != nil:
			return unexpected(err)
		case b == cborBreak:
			return nil
		case b>>5 != major || b&0x1f >= 28:
			return unreadable("invalid CBOR")
		}
		n := uint64(b & 0x1f)
		if n >= 24 {
			if n, err = t.fixed(1<<(n-24), binary.BigEndian); err != nil {
				return unexpected(err)
			}
		}
		if err := t.raw(n); err != nil {
			return err
		}
	}
}
