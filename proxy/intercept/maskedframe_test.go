package intercept

import (
	"bytes"
	"testing"
)

func TestAMaskedFrameIsReadAsItWasWritten(t *testing.T) {
	for _, length := range []int{0, 1, 125, 126, 65535, 65536, 70000} {
		payload := bytes.Repeat([]byte("é."), length)[:length]
		rest, read := maskedFrame(opText, payload), []byte(nil)
		var f frameReader
		for len(rest) > 0 {
			n, isPayload, err := f.advance(rest)
			if err != nil {
				t.Fatal(err)
			}
			if isPayload {
				read = append(read, f.unmask(rest[:n])...)
			}
			rest = rest[n:]
		}
		if !f.endsMessage() || !f.masked() || f.opcode() != opText || !bytes.Equal(read, payload) {
			t.Errorf("a payload of %d bytes came as one of %d", length, len(read))
		}
	}
}
