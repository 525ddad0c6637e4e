package intercept

import (
	"crypto/rand"
	"encoding/binary"
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
	var key [4]byte
	_, _ = rand.Read(key[:]) // never fails: crypto/rand ends the process instead
	frame := append([]byte{0x80 | opClose, 0x80 | 2}, key[:]...)
	frame = binary.BigEndian.AppendUint16(frame, code)
	frame[6] ^= key[0]
	frame[7] ^= key[1]
	return frame
}
