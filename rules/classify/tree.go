package classify

import (
	"encoding/binary"
	"io"
	"math"
	"strconv"
	"strings"
)

// tree reads a binary format of objects, lists and values (MessagePack, CBOR, BSON) by writing it down as
// JSON, so that keys, lists and records are found as they are there. Strings are not escaped: what reads
// them has undone the escapes of JSON as well.
type tree struct {
	*parser
	outlet
	depth    int
	finished bool
}

// maxTree is how deep objects and lists may nest.
const maxTree = 128

// openTree opens a body of one of the formats; nil if media is none of them.
func (s *Stream) openTree(media string, d declaration) sink {
	var name string
	var value func(*tree) error
	switch strings.TrimPrefix(media, "application/") {
	case "msgpack", "x-msgpack", "vnd.msgpack":
		name, value = "MessagePack", (*tree).messagePack
	case "cbor", "cbor-seq":
		name, value = "CBOR", (*tree).cbor
	case "bson", "x-bson":
		name, value = "BSON", (*tree).bson
	default:
		return nil
	}
	t := &tree{outlet: outlet{next: s.document(d, recordObjects, "")}}
	t.parser = s.parser(name, func(*parser) error {
		for t.more() {
			if err := value(t); err != nil {
				t.finish()
				return err
			}
			t.put('\n')
			t.outlet.flush()
		}
		return nil
	})
	return t
}

func (t *tree) write(p []byte) {
	t.parser.write(p)
	if !t.finished {
		t.outlet.flush()
	}
}

func (t *tree) pending() bool { return t.parser.pending() || !t.finished && t.outlet.pending() }

func (t *tree) close() {
	if !t.parser.ended {
		t.parser.input.end()
	}
	t.finish()
	t.parser.close()
}

// finish ends the text that the tree is written down in.
func (t *tree) finish() {
	if !t.finished {
		t.finished = true
		t.outlet.close()
	}
}

func (t *tree) text(s string) {
	for i := range len(s) {
		t.put(s[i])
	}
}

func (t *tree) integer(n int64)   { var b [20]byte; t.text(string(strconv.AppendInt(b[:0], n, 10))) }
func (t *tree) unsigned(n uint64) { var b [20]byte; t.text(string(strconv.AppendUint(b[:0], n, 10))) }
func (t *tree) number(f float64) {
	if f == math.Trunc(f) && math.Abs(f) < 1<<63 { // how senders without wide integers write them
		t.integer(int64(f))
		return
	}
	var b [32]byte
	t.text(string(strconv.AppendFloat(b[:0], f, 'g', -1, 64)))
}

// fixed reads an unsigned integer of 1, 2, 4 or 8 bytes.
func (t *tree) fixed(size int, order binary.ByteOrder) (uint64, error) {
	var b [8]byte
	if _, err := io.ReadFull(t.in, b[:size]); err != nil {
		return 0, err
	}
	switch size {
	case 1:
		return uint64(b[0]), nil
	case 2:
		return uint64(order.Uint16(b[:])), nil
	case 4:
		return uint64(order.Uint32(b[:])), nil
	}
	return order.Uint64(b[:]), nil
}

// str reads a string of n bytes.
func (t *tree) str(n uint64) error {
	t.put('"')
	defer t.put('"')
	return t.raw(n)
}

func (t *tree) raw(n uint64) error {
	for n > 0 {
		if _, err := t.in.Peek(1); err != nil {
			return unexpected(err)
		}
		p, _ := t.in.Peek(int(min(n, uint64(t.in.Buffered()))))
		t.pass(p)
		n -= uint64(len(p))
		t.in.Discard(len(p))
	}
	return nil
}

// binary reads n bytes that need not be text.
func (t *tree) binary(n uint64) error {
	head, err := t.in.Peek(int(min(n, smallField)))
	if err != nil {
		return unexpected(err)
	}
	if isText(head) {
		return t.str(n)
	}
	if n > smallField {
		t.parser.stream.coverage.missed("binary content")
	}
	for n > 0 {
		k, err := t.in.Discard(int(min(n, 1<<20)))
		if err != nil {
			return unexpected(err)
		}
		n -= uint64(k)
	}
	t.text("null")
	return nil
}

// list reads n elements between brackets, or up to where element says that it ends.
func (t *tree) list(brackets string, n uint64, element func(i uint64) (end bool, err error)) error {
	if t.depth++; t.depth > maxTree {
		t.parser.stream.overBudget("budget: " + t.name + " nested deeper than " + strconv.Itoa(maxTree))
		return errOverBudget
	}
	t.put(brackets[0])
	for i := range n {
		if i > 0 {
			t.put(',')
		}
		if end, err := element(i); err != nil {
			return unexpected(err)
		} else if end {
			break
		}
	}
	t.put(brackets[1])
	t.depth--
	return nil
}

// pairs reads an object of n fields, each by two calls of value.
func (t *tree) pairs(n uint64, value func(*tree) error) error {
	return t.list("{}", n, func(uint64) (bool, error) {
		if err := value(t); err != nil {
			return false, err
		}
		t.put(':')
		return false, value(t)
	})
}

func (t *tree) elements(n uint64, value func(*tree) error) error {
	return t.list("[]", n, func(uint64) (bool, error) { return false, value(t) })
}
