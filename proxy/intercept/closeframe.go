package intercept

import (
	"crypto/rand"
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf8"
)

// Status codes of close frames (RFC 6455 section 7.4.1 and its registry).
const (
	CloseGoingAway       = 1001
	CloseProtocolError   = 1002
	ClosePolicyViolation = 1008
	CloseServiceRestart  = 1012
)

// CloseFrame returns a server's close frame (RFC 6455 section 5.5.1). The reason is cut to what a
// control frame holds, and made valid UTF-8, as clients insist on.
func CloseFrame(code uint16, reason string) []byte {
	reason = strings.ToValidUTF8(reason, "?")
	if most := 125 - 2; len(reason) > most {
		for !utf8.RuneStart(reason[most]) {
			most--
		}
		reason = reason[:most]
	}
	frame := []byte{0x80 | opClose, byte(2 + len(reason))}
	frame = binary.BigEndian.AppendUint16(frame, code)
	return append(frame, reason...)
}

// maskedCloseFrame returns a client's close frame, without a reason: why a flow was ended here is
// nothing for the origin to know.
func maskedCloseFrame(code uint16) []byte {
	return maskedFrame(opClose, binary.BigEndian.AppendUint16(nil, code))
}

// maskedFrame returns a client's frame that is a whole message (RFC 6455 section 5.2).
func maskedFrame(opcode byte, payload []byte) []byte {
	var key [4]byte
	_, _ = rand.Read(key[:]) // never fails: crypto/rand ends the process instead
	frame := make([]byte, 0, 14+len(payload))
	frame = append(frame, 0x80|opcode)
	switch length := len(payload); {
	case length < 126:
		frame = append(frame, 0x80|byte(length))
	case length <= math.MaxUint16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(length))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(length))
	}
	frame = append(frame, key[:]...)
	for i, b := range payload {
		frame = append(frame, b^key[i&3])
	}
	return frame
}
