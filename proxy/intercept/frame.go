package intercept

import (
	"encoding/binary"
	"errors"
	"math"
)

// frameReader follows the frames of one direction of a WebSocket (RFC 6455 section 5.2) over reads
// of any size.
type frameReader struct {
	head    [14]byte
	headLen int   // bytes of head read so far
	length  int64 // of the payload
	done    int64 // bytes of the payload passed so far
	inFrame bool  // the head is complete and the frame not yet over

	fragmented bool // the message goes on in a continuation frame
	reserved   bool // the current message is encoded by an extension
	closing    bool // a close frame has begun

	unmasked []byte // scratch
}

var errFrame = errors.New("malformed WebSocket frame")

const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10
)

// advance consumes from p, which is not empty, as much as belongs to the head or to the payload of
// the current frame, and says which. A frame without payload ends with its head. After an error the
// frames can be followed further, except that none ends behind a length over 2^63.
func (f *frameReader) advance(p []byte) (n int, payload bool, err error) {
	if f.inFrame {
		n = int(min(f.length-f.done, int64(len(p))))
		f.done += int64(n)
		f.inFrame = f.done < f.length
		return n, true, nil
	}
	if f.headLen == f.headSize() { // the last frame has been dealt with
		f.headLen = 0
	}
	for n < len(p) && f.headLen < f.headSize() {
		f.head[f.headLen] = p[n]
		f.headLen++
		n++
	}
	if f.headLen == f.headSize() {
		err = f.begin()
	}
	return n, false, err
}

// headSize is the size of the head as far as its first bytes tell.
func (f *frameReader) headSize() int {
	if f.headLen < 2 {
		return 2
	}
	size := 2
	switch f.head[1] & 0x7f {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if f.masked() {
		size += 4
	}
	return size
}

// inHead reports whether the head of a frame has begun and not ended, so that it cannot be judged.
func (f *frameReader) inHead() bool { return !f.inFrame && f.headLen < f.headSize() }

// begin takes in a complete head.
func (f *frameReader) begin() error {
	length := uint64(f.head[1] & 0x7f)
	switch length {
	case 126:
		length = uint64(binary.BigEndian.Uint16(f.head[2:]))
	case 127:
		length = binary.BigEndian.Uint64(f.head[2:])
	}
	f.length, f.done = int64(min(length, math.MaxInt64)), 0
	f.inFrame = f.length > 0
	ok := length <= math.MaxInt64
	if f.control() {
		f.closing = f.closing || f.opcode() == opClose
		ok = ok && f.opcode() <= opPong && f.final() && length <= 125 && !f.extended()
	} else {
		ok = ok && f.opcode() <= opBinary && f.fragmented == (f.opcode() == opContinuation)
		f.reserved = f.extended() || f.fragmented && f.reserved
		f.fragmented = !f.final()
	}
	if !ok {
		return errFrame
	}
	return nil
}

// unmask returns the payload in piece, which the last call of advance consumed. It is valid until
// the next call.
func (f *frameReader) unmask(piece []byte) []byte {
	if !f.masked() {
		return piece
	}
	key := f.head[f.headLen-4 : f.headLen]
	at := int(f.done - int64(len(piece)))
	f.unmasked = append(f.unmasked[:0], piece...)
	for i := range f.unmasked {
		f.unmasked[i] ^= key[(at+i)&3]
	}
	return f.unmasked
}

func (f *frameReader) masked() bool   { return f.head[1]&0x80 != 0 }
func (f *frameReader) final() bool    { return f.head[0]&0x80 != 0 }
func (f *frameReader) extended() bool { return f.head[0]&0x70 != 0 }
func (f *frameReader) opcode() byte   { return f.head[0] & 0x0f }

// control reports whether the current frame is a control frame; one byte of its head tells.
func (f *frameReader) control() bool { return f.headLen > 0 && f.opcode() >= opClose }

// atBoundary reports whether a frame of this side may be followed by another one now.
func (f *frameReader) atBoundary() bool {
	return !f.inFrame && (f.headLen == 0 || f.headLen >= 2 && f.headLen == f.headSize())
}

// endsMessage reports whether what advance consumed last was the end of a message.
func (f *frameReader) endsMessage() bool {
	return f.atBoundary() && f.headLen > 0 && f.final() && !f.control()
}

// skip follows the frames in p; a malformed one is left for its receiver to complain about.
func (f *frameReader) skip(p []byte) {
	for len(p) > 0 {
		n, _, _ := f.advance(p)
		p = p[n:]
	}
}

// toBoundary follows p up to the first place where a frame ends, and returns that place.
func (f *frameReader) toBoundary(p []byte) int {
	at := 0
	for at < len(p) && !f.atBoundary() {
		n, _, _ := f.advance(p[at:])
		at += n
	}
	return at
}
