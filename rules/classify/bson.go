package classify

import (
	"encoding/binary"
	"math"
)

// bson reads one document (BSON specification version 1.1).
func (t *tree) bson() error {
	if _, err := t.fixed(4, binary.LittleEndian); err != nil { // its length, which its end shows as well
		return unexpected(err)
	}
	return t.list("{}", math.MaxUint64, func(uint64) (bool, error) {
		kind, err := t.in.ReadByte()
		if err != nil || kind == 0 {
			return true, err
		}
		if err := t.cstring(); err != nil {
			return false, err
		}
		t.put(':')
		return false, t.bsonValue(kind)
	})
}

func (t *tree) cstring() error {
	t.put('"')
	for {
		b, err := t.in.ReadByte()
		if err != nil {
			return unexpected(err)
		}
		if b == 0 {
			t.put('"')
			return nil
		}
		t.put(b)
	}
}

func (t *tree) bsonValue(kind byte) error {
	switch kind {
	case 0x03, 0x04: // a list is an object whose keys are its indexes
		return t.bson()
	case 0x06, 0x0a, 0x7f, 0xff:
		t.text("null")
		return nil
	case 0x07:
		return t.binary(12)
	case 0x0b: // a regular expression and its options
		if err := t.cstring(); err != nil {
			return err
		}
		return t.cstring()
	case 0x13:
		return t.binary(16)
	case 0x08:
		_, err := t.in.ReadByte()
		t.text("true")
		return unexpected(err)
	case 0x02, 0x05, 0x0d, 0x0e, 0x10:
		n, err := t.fixed(4, binary.LittleEndian)
		switch {
		case err != nil:
			return unexpected(err)
		case kind == 0x10:
			t.integer(int64(int32(n)))
			return nil
		case kind == 0x05:
			return t.binary(n + 1) // behind its subtype
		case n == 0:
			return unreadable("invalid BSON")
		}
		if err := t.str(n - 1); err != nil {
			return err
		}
		_, err = t.in.ReadByte()
		return unexpected(err)
	case 0x01, 0x09, 0x11, 0x12:
		n, err := t.fixed(8, binary.LittleEndian)
		switch {
		case err != nil:
			return unexpected(err)
		case kind == 0x01:
			t.number(math.Float64frombits(n))
		default:
			t.integer(int64(n))
		}
		return nil
	}
	return unreadable("BSON of an unknown type")
}
