package classify_test

import (
	"bytes"
	"compress/gzip"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules/classify"
)

func entropyOf(t testing.TB, meta classify.Meta, payload []byte, piece int) float64 {
	t.Helper()
	s := classify.New(classify.Options{}).NewStream(meta)
	for len(payload) > 0 {
		n := min(piece, len(payload))
		_, _ = s.Write(payload[:n])
		payload = payload[n:]
	}
	if before := s.Facts().Entropy; before < 0 || before > 8 {
		t.Errorf("before the end: %v", before)
	}
	return s.Finish().Entropy
}

func random(n int) []byte {
	source := rand.NewChaCha8([32]byte{1})
	p := make([]byte, n)
	_, _ = source.Read(p)
	return p
}

func TestEntropyTellsTextFromWhatIsEncryptedOrCompressed(t *testing.T) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	var text strings.Builder
	for i := range 4000 {
		text.WriteString([]string{"The quick brown fox ", "jumps over ", "a lazy dog, ", "and ", "then some.\n"}[(i*i+i/3)%5])
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write(random(100_000))
	_ = writer.Close()
	for name, test := range map[string]struct {
		meta      classify.Meta
		payload   []byte
		low, high float64
	}{
		"nothing":                     {classify.Meta{}, nil, 0, 0},
		"zeros":                       {classify.Meta{}, make([]byte, 100_000), 0, 0},
		"every byte equally often":    {classify.Meta{}, bytes.Repeat(every, 10), 8, 8},
		"two bytes equally often":     {classify.Meta{}, bytes.Repeat([]byte("ab"), 1000), 1, 1},
		"text":                        {classify.Meta{ContentType: "text/plain"}, []byte(text.String()), 3.5, 5},
		"random":                      {classify.Meta{}, random(200_000), 7.99, 8},
		"compressed, as it arrived":   {classify.Meta{ContentEncoding: "gzip"}, packed.Bytes(), 7.9, 8},
		"what the path and query say": {classify.Meta{Path: "/abcdefgh", Query: "q=0123456789"}, nil, 0, 0},
		"the first 64 KiB alone":      {classify.Meta{}, append(make([]byte, 64<<10), random(64<<10)...), 0, 0},
	} {
		if got := entropyOf(t, test.meta, test.payload, 1<<20); got < test.low || got > test.high || math.Signbit(got) {
			t.Errorf("%s: %v, want %v to %v", name, got, test.low, test.high)
		}
	}
}

func TestEntropyDoesNotDependOnHowAPayloadIsCut(t *testing.T) {
	payload := append([]byte("some text before "), random(70_000)...)
	whole := entropyOf(t, classify.Meta{}, payload, len(payload))
	for _, piece := range []int{1, 7, 4096, 65_535, 65_536, 65_537} {
		if got := entropyOf(t, classify.Meta{}, payload, piece); got != whole {
			t.Errorf("in pieces of %d: %v, whole: %v", piece, got, whole)
		}
	}
}

func TestAStreamForgetsTheEntropyOfThePayloadBefore(t *testing.T) {
	c := classify.New(classify.Options{})
	for range 3 {
		s := c.NewStream(classify.Meta{})
		_, _ = s.Write(random(1000))
		s.Abort()
		if got := c.NewStream(classify.Meta{}).Finish().Entropy; got != 0 {
			t.Errorf("an empty payload has %v", got)
		}
	}
}
