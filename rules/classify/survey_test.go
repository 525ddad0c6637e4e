package classify

import (
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// sameSurvey compares both kernels, and the runs, with what the bits mean.
func sameSurvey(t *testing.T, p []byte, before int) {
	t.Helper()
	var taken survey
	for i := range taken.base64 { // of an earlier piece
		taken.base64[i], taken.escapes[i], taken.folds[i], taken.runs[i] = 3<<i, 5<<i, 7<<i, 9<<i
	}
	taken.take(p)
	whole := append(append([]byte{}, p...), blankBlock[len(p)%64:]...)
	if len(p)%64 == 0 {
		whole = whole[:len(p)]
	}
	var portable survey
	portable.blocks = len(whole) / 64
	portable.escaped, portable.folded, portable.controls = portableSurvey(&portable.surveyMasks, 0, whole)

	if taken.findRuns(before) != (taken.long != 0) || portable.findRuns(before) != (portable.long != 0) {
		t.Fatal("runs that are found are not in the summary")
	}
	length, controls := before, false
	for i, b := range p {
		bit := uint64(1) << (i % 64)
		length++
		if base64Value(b) < 0 {
			length = 0
		}
		controls = controls || b < ' ' && b != '\t' && b != '\n' && b != '\r' || b == 0x7f
		for name, v := range map[string]*survey{"vector": &taken, "portable": &portable} {
			k := i / 64
			if got := v.base64[k]&bit != 0; got != (base64Value(b) >= 0) {
				t.Fatalf("%s: byte %d of %q is of base64: %v", name, i, p, got)
			}
			if got := v.escapes[k]&bit != 0; got != (strings.IndexByte(`%\&`, b) >= 0) {
				t.Fatalf("%s: byte %d of %q begins an escape: %v", name, i, p, got)
			}
			if v.folds[k]&bit == 0 && mayFold([]byte{b}) || v.folds[k]&bit != 0 && b < 0xc0 {
				t.Fatalf("%s: byte %d of %q may be folded: %v", name, i, p, v.folds[k]&bit != 0)
			}
			if got := v.runs[k]&bit != 0; got != (length >= minRun) {
				t.Fatalf("%s: after byte %d of %q a run of %d: %v", name, i, p, length, got)
			}
		}
	}
	for k := range taken.blocks {
		bit := uint64(1) << k
		if taken.escaped&bit != 0 != (taken.escapes[k] != 0) || taken.folded&bit != 0 != (taken.folds[k] != 0) || taken.long&bit != 0 != (taken.runs[k] != 0) {
			t.Fatalf("the summaries do not tell of block %d of %q", k, p)
		}
	}
	if taken.controls != controls {
		t.Fatalf("control characters in %q: %v", p, taken.controls)
	}
	if portable.escaped != taken.escaped || portable.folded != taken.folded || portable.controls != taken.controls {
		t.Fatalf("the kernels differ on %q", p)
	}
	trailing := 0
	for trailing < len(p) && base64Value(p[len(p)-1-trailing]) >= 0 {
		trailing++
	}
	if got := taken.trailing(0, len(p)); got != trailing {
		t.Fatalf("%d characters of base64 at the end of %q, want %d", got, p, trailing)
	}
}

func TestSurveysAgreeWithTheByteTable(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		p := make([]byte, r.IntN(300))
		kind := r.IntN(4)
		for i := range p {
			switch p[i] = byte(r.Uint32()); kind {
			case 0:
				p[i] = `AZaz09+-/_@[{:.,%\&`[r.IntN(19)]
			case 1:
				if p[i] = 'x'; r.IntN(22) == 0 {
					p[i] = ' '
				}
			case 2:
				p[i] = "\x00\x1f\x7f\t\n\r \xc2\xcd\xd8\xe0\xe3\xef\xf0\xf3\x80\xbf"[r.IntN(17)]
			}
		}
		sameSurvey(t, p, r.IntN(minRun))
	}
	for _, size := range []int{surveySize - 1, surveySize} {
		sameSurvey(t, []byte(strings.Repeat("a", size)), 0)
		sameSurvey(t, []byte(strings.Repeat(" ", size-1)+"%"), 0)
	}
}

func TestEveryByteIsSurveyed(t *testing.T) {
	for b := range 256 {
		for _, at := range []int{0, 31, 32, 63, 70} {
			p := []byte(strings.Repeat(" ", 80))
			p[at] = byte(b)
			sameSurvey(t, p, 0)
		}
	}
}

func FuzzSurvey(f *testing.F) {
	f.Add([]byte("words and aVeryLongWordOfOverTwentyCharacters, then:some.more/of+them-and_so on"), uint8(0))
	f.Add([]byte("%41 \\u0041 &amp; \x00\x1f\x7f ４５３９ \xe3\x80"), uint8(19))
	f.Fuzz(func(t *testing.T, p []byte, before uint8) {
		sameSurvey(t, p[:min(len(p), surveySize)], int(before%minRun))
	})
}

// BenchmarkSurvey is how fast text can be surveyed, as a share of CRC32-C over the same bytes.
func BenchmarkSurvey(b *testing.B) {
	body := corpus(surveySize, cleanText)[:surveySize]
	var v survey
	b.SetBytes(surveySize)
	for b.Loop() {
		v.take(body)
		v.findRuns(0)
	}
	ours := b.Elapsed().Seconds() / float64(b.N)
	table, start := crc32.MakeTable(crc32.Castagnoli), time.Now()
	for range 1000 {
		crc32.Checksum(body, table)
	}
	b.ReportMetric(time.Since(start).Seconds()/1000/ours, "of-CRC32C")
}
