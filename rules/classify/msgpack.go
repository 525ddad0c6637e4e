package classify

import (
	"encoding/binary"
	"math"
)

// messagePack reads one value (MessagePack specification, "Formats").
func (t *tree) messagePack() error {
	b, err := t.in.ReadByte()
	if err != nil {
		return err
	}
	switch {
	case b < 0x80:
		t.integer(int64(b))
	case b >= 0xe0:
		t.integer(int64(int8(b)))
	case b < 0x90:
		return t.pairs(uint64(b&0x0f), (*tree).messagePack)
	case b < 0xa0:
		return t.elements(uint64(b&0x0f), (*tree).messagePack)
	case b < 0xc0:
		return t.str(uint64(b & 0x1f))
	default:
		return t.messagePackLong(b)
	}
	return nil
}

func (t *tree) messagePackLong(b byte) error {
	switch b {
	case 0xc0:
		t.text("null")
		return nil
	case 0xc1:
		return unreadable("invalid MessagePack")
	case 0xc2:
		t.text("false")
		return nil
	case 0xc3:
		t.text("true")
		return nil
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8: // extensions of fixed length, behind their type
		return t.binary(1 + 1<<(b-0xd4))
	}
	// What is left begins with a number whose size the low bits give.
	n, err := t.fixed(messagePackSizes[b-0xc4], binary.BigEndian)
	if err != nil {
		return unexpected(err)
	}
	switch {
	case b <= 0xc6:
		return t.binary(n)
	case b <= 0xc9: // an extension
		return t.binary(n + 1)
	case b == 0xca:
		t.number(float64(math.Float32frombits(uint32(n))))
	case b == 0xcb:
		t.number(math.Float64frombits(n))
	case b <= 0xcf:
		t.unsigned(n)
	case b <= 0xd3:
		shift := 64 - 8*messagePackSizes[b-0xc4]
		t.integer(int64(n<<shift) >> shift)
	case b <= 0xdb:
		return t.str(n)
	case b <= 0xdd:
		return t.elements(n, (*tree).messagePack)
	default:
		return t.pairs(n, (*tree).messagePack)
	}
	return nil
}

// messagePackSizes are the lengths of the numbers behind the bytes from 0xc4 on.
var messagePackSizes = [...]int{
	1, 2, 4, 1, 2, 4, 4, 8, // bin, ext, float
	1, 2, 4, 8, 1, 2, 4, 8, // uint, int
	0, 0, 0, 0, 0, // fixext
	1, 2, 4, 2, 4, 2, 4, // str, array, map
}
