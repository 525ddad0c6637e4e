package listen

import (
	"strings"
	"testing"
)

func TestFramingRefusesTheAmbiguousRequestAndNoOther(t *testing.T) {
	const (
		get     = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
		post    = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
		chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n"
		both    = "POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
		within  = "POST / HTTP/1.1\r\nContent-Length: 62\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: x\r\n\r\n"
		spaced  = "POST / HTTP/1.1\nContent-Length : 5\nTransfer-Encoding: chunked\n\n"
	)
	padded := "POST / HTTP/1.1\r\nContent-Length:" + strings.Repeat(" ", 300) + "5\r\n\r\nhello"
	long := "GET /" + strings.Repeat("x", 500) + " HTTP/1.1\r\nCookie: " + strings.Repeat("y", 500) + "\r\n\r\n"
	for name, test := range map[string]struct {
		sent string
		want int64 // number of the first request that is refused, 0 for none
	}{
		"nothing is ambiguous in a plain request":        {get, 0},
		"a length alone is fine":                         {post, 0},
		"chunks alone are fine":                          {chunked, 0},
		"long lines are fine":                            {long + post, 0},
		"both in the first request":                      {both, 1},
		"both in the fourth of a pipeline":               {get + post + chunked + both, 4},
		"a body that looks like a head is not one":       {within + get, 0},
		"bare line feeds and a space before the colon":   {spaced, 1},
		"the first of two":                               {both + both, 1},
		"a length that a folded line hides":              {"GET / HTTP/1.1\r\nX: a\r\n Content-Length: 99\r\n\r\n" + both, 1},
		"a length on a folded line":                      {"POST / HTTP/1.1\r\nContent-Length:\r\n\t5\r\n\r\nhello", 1},
		"a length behind more spaces than are kept":      {padded, 1},
		"two lengths":                                    {"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 1},
		"the same length twice":                          {"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 0},
		"a negative length":                              {"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\nhello", 1},
		"a transfer coding in HTTP/1.0":                  {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 1},
		"chunks that cannot be followed end with theirs": {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + get, 2},
	} {
		t.Run(name, func(t *testing.T) {
			for split := range len(test.sent) {
				var f framing
				f.feed([]byte(test.sent[:split]))
				f.feed([]byte(test.sent[split:]))
				got := int64(0)
				for request := int64(1); request <= f.heads.Load()+1 && got == 0; request++ {
					if f.refused(request) {
						got = request
					}
				}
				want := test.want
				if want == 0 {
					want = f.heads.Load() + 1 // one that was not sent
				}
				if got != want {
					t.Fatalf("split at %d: request %d is the first refused, want %d", split, got, want)
				}
			}
		})
	}
}

func FuzzFramingIsTheSameForEverySplit(f *testing.F) {
	f.Add("POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", uint8(9))
	f.Add("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", uint8(3))
	f.Fuzz(func(t *testing.T, sent string, step uint8) {
		var whole, pieces framing
		whole.feed([]byte(sent))
		for rest := sent; len(rest) > 0; {
			n := min(int(step)+1, len(rest))
			pieces.feed([]byte(rest[:n]))
			rest = rest[n:]
		}
		if whole.ambiguous.Load() != pieces.ambiguous.Load() || whole.heads.Load() != pieces.heads.Load() {
			t.Errorf("whole: head %d of %d, in pieces: head %d of %d",
				whole.ambiguous.Load(), whole.heads.Load(), pieces.ambiguous.Load(), pieces.heads.Load())
		}
	})
}

func BenchmarkFraming(b *testing.B) {
	request := []byte("POST /orders HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: benchmark\r\nAccept: */*\r\n" +
		"Content-Type: application/json\r\nContent-Length: 1024\r\n\r\n" + strings.Repeat("x", 1024))
	var f framing
	b.SetBytes(int64(len(request)))
	b.ReportAllocs()
	for b.Loop() {
		f.feed(request)
	}
}
