package classify

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/borderflow/borderflow/rules/flow"
)

func utf16LE(text string) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return string(b)
}

func TestABinaryTailDoesNotHideBehindText(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 3000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	tails := map[string]string{
		"UTF-16":         utf16LE("the card is 4539578763621486, the person anna@example.com"),
		"UTF-16BE":       "\x00" + utf16LE("the card is 4539578763621486, the person anna@example.com"),
		"UTF-16 Chinese": utf16LE(strings.Repeat("所有人都有权享有言论自由的权利", 40)),
		"gzip":           pack(string(corpus(20_000, denseJSON)), "gzip"),
		"zstd":           pack(string(corpus(20_000, denseJSON)), "zstd"),
		"noise":          string(noise),
		"NUL":            strings.Repeat("\x00", 100),
	}
	for _, size := range []int{5000, 200_000, 200_001, 200_703, 204_800} {
		text := strings.Repeat("plain words and no numbers. ", size/28+1)[:size]
		for name, tail := range tails {
			for where, body := range map[string]string{"tail": text + tail, "middle": text + tail + text} {
				for format, meta := range map[string]Meta{"text": textMeta(), "unknown": {}, "message": {Message: true}} {
					if d := read(meta, body); d.Coverage != flow.CoveragePartial || d.Undecodable != "binary content" {
						t.Errorf("%s as the %s of %d bytes of %s: coverage %v, %q", name, where, size, format, d.Coverage, d.Undecodable)
					}
				}
			}
		}
	}
}

func TestTextOfAnyLanguageIsText(t *testing.T) {
	latin1 := string([]byte("Stra\xdfe, Caf\xe9, \xa1ma\xf1ana!, na\xefve, \xc5ngstr\xf6m \x80 \x9f\r\n"))
	for name, text := range map[string]string{
		"Chinese":  "人人生而自由,在尊严和权利上一律平等。\n",
		"Arabic":   "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق.\n",
		"Japanese": "すべての人間は、生れながらにして自由である。\n",
		"Hindi":    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता\n",
		"Russian":  "Все люди рождаются свободными и равными.\n",
		"emoji":    "👩‍👩‍👧‍👦🏳️‍🌈🧑🏽‍🚀 ok 🇩🇪\n",
		"Latin-1":  latin1,
		"tabs":     "a\tb\tc\r\n\t\t\t\r\n",
		"lines":    "\r\n\r\n\n",
		"spaces":   "    ",
		"coloured": "2026-01-01T00:00:00Z \x1b[31merror\x1b[0m the connection to the database was closed by the other side, trying again in thirty seconds\n",
	} {
		for _, size := range []int{1, 100, 1023, 1025, 5000, 100_003} {
			body := strings.Repeat(text, size/len(text)+1)
			expect(t, read(textMeta(), body), map[string]int{}, flow.CoverageFull, "")
		}
		body := strings.Repeat(text, 300)
		for _, stray := range []string{"\x00", "\x1a", "\x04\x04"} {
			if name != "coloured" {
				expect(t, read(textMeta(), body+stray), map[string]int{}, flow.CoverageFull, "")
			}
		}
	}
}

func TestControlCharactersAreCountedWhereverTheyStand(t *testing.T) {
	for at := range 40 {
		for b := range 256 {
			p := bytes.Repeat([]byte("x\x80\xff~"), 10)
			p[at] = byte(b)
			want := 0
			if b < 0x20 && b != '\t' && b != '\r' && b != '\n' || b == 0x7f {
				want = 1
			}
			if n := countControls(p); n != want {
				t.Fatalf("%#x at %d: %d", b, at, n)
			}
		}
	}
	if n := countControls([]byte("\x00\x01\x7f\x7f\n\t\r \x1f\x80\x00")); n != 6 {
		t.Errorf("%d control characters, want 6", n)
	}
}
