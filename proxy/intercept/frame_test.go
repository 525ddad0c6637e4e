package intercept

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// frame is one frame, masked as clients do when key is given.
func frame(first byte, payload string, key ...byte) []byte {
	var mask byte
	if key != nil {
		mask = 0x80
	}
	var head []byte
	switch n := len(payload); {
	case n < 126:
		head = []byte{first, mask | byte(n)}
	case n < 1<<16:
		head = binary.BigEndian.AppendUint16([]byte{first, mask | 126}, uint16(n))
	default:
		head = binary.BigEndian.AppendUint64([]byte{first, mask | 127}, uint64(n))
	}
	head = append(head, key...)
	body := []byte(payload)
	for i := range body {
		if key != nil {
			body[i] ^= key[i&3]
		}
	}
	return append(head, body...)
}

// Parts of frames' first bytes.
const (
	fin  = 0x80
	rsv1 = 0x40
)

func client(first byte, payload string) []byte { return frame(first, payload, 1, 2, 3, 4) }

// payloads collects a reader's view of sent, in pieces of at most step bytes.
func payloads(t *testing.T, sent []byte, step int) (got []string, err error) {
	t.Helper()
	var f frameReader
	var current []byte
	for len(sent) > 0 {
		piece := sent[:min(step, len(sent))]
		sent = sent[len(piece):]
		for len(piece) > 0 {
			n, payload, err := f.advance(piece)
			if n <= 0 || n > len(piece) {
				t.Fatalf("advance consumed %d of %d", n, len(piece))
			}
			if err != nil {
				return got, err
			}
			if payload {
				current = append(current, f.unmask(piece[:n])...)
			}
			if f.atBoundary() {
				got = append(got, string(current))
				current = current[:0]
			}
			piece = piece[n:]
		}
	}
	return got, nil
}

func TestFramesOfAllLengthsAreReadAtEverySplit(t *testing.T) {
	for name, key := range map[string][]byte{"masked": {9, 8, 7, 6}, "unmasked": nil} {
		for _, size := range []int{0, 1, 125, 126, 127, 300, 1<<16 - 1, 1 << 16, 70000} {
			want := []string{strings.Repeat("ab", size)[:size], "next", ""}
			sent := slices.Concat(frame(fin|opBinary, want[0], key...), frame(fin|opText, want[1], key...),
				frame(fin|opText, "", key...))
			for _, step := range []int{1, 2, 3, 5, 13, 14, 15, 4096, 1 << 20} {
				if size > 1000 && step < 13 {
					continue
				}
				got, err := payloads(t, sent, step)
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("%s, %d bytes in steps of %d: %v\n%.500s", name, size, step, err, diff)
				}
			}
		}
	}
}

func TestFramesThatNoReceiverMustAcceptAreMalformed(t *testing.T) {
	huge := binary.BigEndian.AppendUint64([]byte{fin | opText, 127}, 1<<63)
	for name, sent := range map[string][]byte{
		"a length over 2^63":                      huge,
		"a ping of 126 bytes":                     frame(fin|opPing, strings.Repeat("x", 126)),
		"a fragmented ping":                       frame(opPing, ""),
		"a compressed ping":                       frame(fin|rsv1|opPing, ""),
		"a control frame of no known kind":        frame(fin|11, ""),
		"a data frame of no known kind":           frame(fin|3, ""),
		"a continuation of nothing":               frame(fin|opContinuation, "x"),
		"a message within a message":              slices.Concat(frame(opText, "x"), frame(fin|opText, "y")),
		"a continuation of what was already over": slices.Concat(frame(fin|opText, "x"), frame(fin|opContinuation, "y")),
	} {
		for _, step := range []int{1, 100} {
			if _, err := payloads(t, sent, step); !errors.Is(err, errFrame) {
				t.Errorf("%s: %v, want errFrame", name, err)
			}
		}
	}
}

func TestBoundaryIsFoundWithinEveryFrame(t *testing.T) {
	frames := slices.Concat(frame(opText, "one"), frame(fin|opPing, ""), frame(fin|opContinuation, strings.Repeat("x", 200)))
	ends := map[int]bool{0: true, 5: true, 7: true, len(frames): true}
	for split := range len(frames) + 1 {
		var f frameReader
		f.skip(frames[:split])
		if f.atBoundary() != ends[split] {
			t.Errorf("after %d bytes: boundary %v", split, f.atBoundary())
		}
		n := f.toBoundary(frames[split:])
		if !f.atBoundary() || !ends[split+n] {
			t.Errorf("from %d on, the boundary is said to be at %d", split, split+n)
		}
	}
}

func TestNothingStandsBehindAFrameThatNeverEnds(t *testing.T) {
	var f frameReader
	f.skip(binary.BigEndian.AppendUint64([]byte{fin | opText, 127}, 1<<63|5))
	f.skip([]byte("hello, and more"))
	if f.atBoundary() {
		t.Error("a boundary behind a frame of 2^63 bytes")
	}
}

func TestCloseFrameFitsAndIsUTF8(t *testing.T) {
	for reason, want := range map[string]string{
		"":                        "",
		"blocked":                 "blocked",
		strings.Repeat("é", 100):  strings.Repeat("é", 61),
		"a\xff\xfeb":              "a?b",
		strings.Repeat("x", 1000): strings.Repeat("x", 123),
	} {
		want := frame(fin|opClose, "\x03\xf0"+want)
		if got := CloseFrame(ClosePolicyViolation, reason); !bytes.Equal(got, want) {
			t.Errorf("%q: %q, want %q", reason, got, want)
		}
	}
}

func TestCloseFrameToTheOriginIsMaskedAndSaysNothing(t *testing.T) {
	sent := maskedCloseFrame(CloseGoingAway)
	got, err := payloads(t, sent, 100)
	if diff := cmp.Diff([]string{"\x03\xe9"}, got); err != nil || diff != "" || sent[1]&0x80 == 0 {
		t.Errorf("%v\n%s", err, diff)
	}
}
