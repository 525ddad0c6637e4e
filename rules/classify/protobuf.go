package classify

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"
)

const (
	// A length-delimited field is judged by its first bytes: a text, a message, or neither.
	fieldHead = 512
	// maxMessages is how deep messages longer than fieldHead are followed; deeper ones are read as bytes.
	maxMessages = 32
	// minIdentifier is the least number that is read: of its digits alone, without any key, nothing that is
	// shorter says what it is. Counts, times in seconds and most keys stay below it.
	minIdentifier = 1e10
)

// protobufReader reads the strings of a message in the protobuf wire format without its schema, each as
// a text of its own: the tag of the next field may well be a digit. Where the bytes do not parse, they
// are read as they are.
type protobufReader struct {
	stream *Stream
	depth  int // messages around this one
	state  wireState
	number uint64 // varint being read
	shift  int
	left   uint64 // bytes of the value still to come
	head   [fieldHead]byte
	n      int
	field  sink // the open field: a leaf, or a reader of its own if it is a long message
	raw    bool // the input is no message: the rest is one text
}

type wireState uint8

const (
	wireTag wireState = iota
	wireVarint
	wireLength
	wireSkip
	wireHead // gathering the first bytes of a field
	wireText // passing on the rest of a field to r.field
)

// wire types (Protocol Buffers encoding, "Message structure")
const (
	typeVarint = 0
	type64     = 1
	typeBytes  = 2
	type32     = 5
)

func (r *protobufReader) write(p []byte) {
	for len(p) > 0 {
		if r.raw {
			r.field.write(p)
			return
		}
		p = p[r.step(p):]
	}
}

// step takes some of p and returns how much.
func (r *protobufReader) step(p []byte) int {
	switch r.state {
	case wireSkip:
		r.state = wireTag
		if r.left--; r.left > 0 {
			r.state = wireSkip
		}
		if r.shift < 64 {
			r.number |= uint64(p[0]) << r.shift
			r.shift += 8
		}
		if r.left == 0 {
			number := r.number
			r.number, r.shift = 0, 0
			r.readNumber(number)
		}
		return 1
	case wireHead:
		used := copy(r.head[r.n:], p[:min(uint64(len(p)), r.left)])
		r.n += used
		if r.left -= uint64(used); r.left == 0 || r.n == fieldHead {
			r.judge()
		}
		return used
	case wireText:
		used := int(min(uint64(len(p)), r.left))
		r.field.write(p[:used])
		if r.left -= uint64(used); r.left == 0 {
			r.endField()
		}
		return used
	}
	r.varint(p[0])
	return 1
}

// varint takes a byte of a tag, a length or a number.
func (r *protobufReader) varint(b byte) {
	if r.shift > 63 {
		r.unreadable()
		return
	}
	r.number |= uint64(b&0x7f) << r.shift
	r.shift += 7
	if b&0x80 != 0 {
		return
	}
	number := r.number
	r.number, r.shift = 0, 0
	switch r.state {
	case wireVarint:
		r.state = wireTag
		r.readNumber(number)
	case wireLength:
		r.state, r.left, r.n = wireHead, number, 0
		if number == 0 {
			r.state = wireTag
		}
	case wireTag:
		r.tag(number)
	}
}

func (r *protobufReader) tag(number uint64) {
	switch {
	case number>>3 == 0 || number>>3 >= 1<<29:
		r.unreadable()
	case number&7 == typeVarint:
		r.state = wireVarint
	case number&7 == type64:
		r.state, r.left = wireSkip, 8
	case number&7 == type32:
		r.state, r.left = wireSkip, 4
	case number&7 == typeBytes:
		r.state = wireLength
	default: // groups are not in use any more
		r.unreadable()
	}
}

// judge decides from a field's first bytes what it is.
func (r *protobufReader) judge() {
	head := r.head[:r.n]
	switch {
	case isText(head):
		r.openField()
	case r.left == 0 && isMessage(head):
		r.message(head)
		r.state = wireTag
		return
	case r.left > 0 && r.depth < maxMessages && startsMessage(head):
		r.field = &protobufReader{stream: r.stream, depth: r.depth + 1}
	default:
		r.openField()
	}
	r.field.write(head)
	r.state = wireText
	if r.left == 0 {
		r.endField()
	}
}

// message reads the fields of a whole message.
func (r *protobufReader) message(p []byte) {
	for len(p) > 0 {
		value, rest := cutField(p)
		number := fieldNumber(p)
		p = rest
		switch {
		case value == nil:
			r.readNumber(number)
		case !isText(value) && isMessage(value):
			r.message(value)
		default:
			r.openField()
			r.field.write(value)
			r.endField()
		}
	}
}

// readNumber reads a number that is long enough to be an identifier, as the digits that it stands for.
func (r *protobufReader) readNumber(number uint64) {
	if number < minIdentifier {
		return
	}
	var digits [20]byte
	r.openField()
	r.field.write(strconv.AppendUint(digits[:0], number, 10))
	r.endField()
}

func (r *protobufReader) openField() {
	l := r.stream.openLeaf("", recordWhole, "")
	l.field = true
	r.field = l
}

func (r *protobufReader) endField() {
	r.field.close()
	r.field, r.state = nil, wireTag
}

// unreadable reads the rest as it is.
func (r *protobufReader) unreadable() {
	r.raw = true
	r.field = r.stream.openLeaf("", recordLines, "")
}

func (r *protobufReader) pending() bool {
	if r.raw {
		return r.field.pending()
	}
	return r.state != wireTag || r.shift != 0
}

func (r *protobufReader) close() {
	if r.state == wireHead {
		r.openField()
		r.field.write(r.head[:r.n])
	}
	if !r.raw && (r.state != wireTag || r.shift != 0) {
		r.stream.coverage.missed("truncated protobuf message")
	}
	if r.field != nil {
		r.field.close()
		r.field = nil
	}
}

// isText says whether a field is text rather than a message: without control characters, but for line
// breaks and tabs after the first byte.
func isText(p []byte) bool {
	for i, b := range p {
		if b < ' ' && (i == 0 || b != '\n' && b != '\r' && b != '\t') || b == 0x7f {
			return false
		}
	}
	// The head of a longer text may end within a character.
	for cut := 0; cut < utf8.UTFMax && cut <= len(p); cut++ {
		if utf8.Valid(p[:len(p)-cut]) {
			return true
		}
	}
	return false
}

// isMessage says whether p is a message from its first byte to its last.
func isMessage(p []byte) bool {
	for len(p) > 0 {
		if _, p = cutField(p); p == nil {
			return false
		}
	}
	return true
}

// startsMessage says whether p is the beginning of a message.
func startsMessage(p []byte) bool {
	for len(p) > 0 {
		_, rest := cutField(p)
		if rest == nil {
			// The field that is cut off must at least begin as one.
			tag, n := binary.Uvarint(p)
			return n == 0 || n > 0 && tag>>3 != 0 && tag>>3 < 1<<29 && (tag&7 < 3 || tag&7 == type32)
		}
		p = rest
	}
	return true
}

// fieldNumber is the value of the whole field that p begins with, if it is a number.
func fieldNumber(p []byte) (number uint64) {
	tag, n := binary.Uvarint(p)
	switch tag & 7 {
	case typeVarint:
		number, _ = binary.Uvarint(p[n:])
	case type64:
		number = binary.LittleEndian.Uint64(p[n:])
	}
	return number
}

// cutField cuts the first field off p; value is nil unless it is length-delimited, rest is nil if p does
// not begin with a whole field.
func cutField(p []byte) (value, rest []byte) {
	tag, n := binary.Uvarint(p)
	if n <= 0 || tag>>3 == 0 || tag>>3 >= 1<<29 {
		return nil, nil
	}
	p = p[n:]
	size := uint64(0)
	switch tag & 7 {
	case typeVarint:
		_, n := binary.Uvarint(p)
		if n <= 0 {
			return nil, nil
		}
		size = uint64(n)
	case type64:
		size = 8
	case type32:
		size = 4
	case typeBytes:
		length, n := binary.Uvarint(p)
		if n <= 0 {
			return nil, nil
		}
		p = p[n:]
		if length > uint64(len(p)) {
			return nil, nil
		}
		return p[:length], p[length:]
	default:
		return nil, nil
	}
	if size > uint64(len(p)) {
		return nil, nil
	}
	return nil, p[size:]
}
