package classify

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules/flow"
)

func TestOverBudgetIsPartialNeverClean(t *testing.T) {
	gzipped := Meta{ContentType: "application/json", ContentEncoding: "gzip"}
	nested := "--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n" +
		"--c\r\n\r\nx\r\n--c--\r\n--b--\r\n--a--\r\n"
	for name, c := range map[string]struct {
		options Options
		meta    Meta
		body    string
		reason  string
	}{
		"output":        {Options{MaxDecoded: 1000}, gzipped, pack(strings.Repeat("abcdefghij", 200), "gzip"), "budget: more than 1000 bytes"},
		"ratio":         {Options{}, gzipped, pack(strings.Repeat("a", 4*mebibyte), "gzip"), "budget: compressed more than 100 to 1"},
		"headers":       {Options{}, Meta{ContentEncoding: "gzip,gzip,gzip,gzip"}, pack("x", "gzip", "gzip", "gzip", "gzip"), "budget: nested deeper than 3"},
		"sniffed":       {Options{}, Meta{}, pack("x", "gzip", "zstd", "gzip", "zstd"), "budget: nested deeper than 3"},
		"parts":         {Options{MaxParts: 2}, Meta{ContentType: "multipart/mixed; boundary=a"}, strings.Repeat("--a\r\n\r\nx\r\n", 3) + "--a--", "budget: more than 2 parts"},
		"multipart":     {Options{MaxDepth: 2}, Meta{ContentType: "multipart/mixed; boundary=a"}, nested, "budget: nested deeper than 2"},
		"many messages": {Options{MaxDecoded: 100}, Meta{ContentType: "application/grpc", Header: map[string][]string{"Grpc-Encoding": {"gzip"}}}, strings.Repeat(frame(1, pack("\n\x1a"+strings.Repeat("a", 26), "gzip")), 5), "budget: more than 100 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			d := readWith(c.options, c.meta, c.body)
			expect(t, d, map[string]int{}, flow.CoveragePartial, c.reason)
		})
	}
}

func TestWithinBudgetIsFull(t *testing.T) {
	d := read(Meta{ContentEncoding: "gzip,br,zstd"}, pack("anna@example.com", "gzip", "br", "zstd"))
	expect(t, d, map[string]int{"email": 1}, flow.CoverageFull, "")
	d = read(Meta{ContentEncoding: "gzip"}, pack(strings.Repeat("a", mebibyte-1), "gzip"))
	expect(t, d, map[string]int{}, flow.CoverageFull, "")
}

func TestABombIsCutShort(t *testing.T) {
	// 64 MiB of zeros, packed three times over: a few hundred bytes.
	bomb := pack(strings.Repeat("\x00", 64*mebibyte), "gzip", "gzip", "gzip")
	c := New(Options{})
	s := c.NewStream(Meta{ContentEncoding: "gzip, gzip, gzip"})
	io.WriteString(s, bomb)
	decoded := s.budget.decoded
	if d := s.Finish(); d.Coverage != flow.CoveragePartial || !strings.HasPrefix(d.Undecodable, "budget: ") {
		t.Errorf("%d bytes of bomb: %+v", len(bomb), d)
	}
	if decoded > 2*mebibyte {
		t.Errorf("%d bytes were decoded", decoded)
	}
}

func TestABombPaysForWhatItDecodes(t *testing.T) {
	bomb := pack(strings.Repeat("\x00", 64*mebibyte), "gzip")
	s := New(Options{MaxRatio: 20}).NewStream(Meta{ContentEncoding: "gzip"})
	for rest := bomb; len(rest) > 0; { // most of it comes after the verdict
		n := min(1000, len(rest))
		io.WriteString(s, rest[:n])
		if limit := int64(mebibyte + 20*(len(bomb)-len(rest)+n)); s.budget.decoded > limit {
			t.Fatalf("%d bytes were decoded, %d received", s.budget.decoded, s.bytes)
		}
		rest = rest[n:]
	}
	expect(t, s.Finish(), map[string]int{}, flow.CoveragePartial, "budget: compressed more than 20 to 1")
}

func TestLargeCompressedBodiesAreReadToTheirEndInSteadyMemory(t *testing.T) {
	text := string(corpus(mebibyte, cleanText))
	for _, encoding := range []string{"gzip", "zstd"} {
		body := strings.Repeat(pack(text, encoding), 24) + pack("anna@example.com", encoding)
		s := New(Options{}).NewStream(Meta{ContentType: "text/plain", ContentEncoding: encoding})
		var before, after runtime.MemStats
		for i, rest := 0, body; len(rest) > 0; i++ {
			n := min(64<<10, len(rest))
			io.WriteString(s, rest[:n])
			if rest = rest[n:]; i == 4 {
				runtime.GC()
				runtime.ReadMemStats(&before)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if after.HeapAlloc > before.HeapAlloc+mebibyte {
			t.Errorf("%s: %d bytes more after %d bytes", encoding, after.HeapAlloc-before.HeapAlloc, s.budget.decoded)
		}
		if s.budget.decoded < 24*mebibyte {
			t.Errorf("%s: %d bytes decoded", encoding, s.budget.decoded)
		}
		expect(t, s.Finish(), map[string]int{"email": 1}, flow.CoverageFull, "")
	}
}

func TestWhatWasFoundBeforeTheBudgetRanOutStays(t *testing.T) {
	body := pack("anna@example.com"+strings.Repeat(" ", 4*mebibyte), "gzip")
	expect(t, read(Meta{ContentEncoding: "gzip"}, body), map[string]int{"email": 1}, flow.CoveragePartial, "budget")
}

func TestMemoryDoesNotGrowWithThePayload(t *testing.T) {
	c := New(Options{})
	s := c.NewStream(jsonMeta())
	defer s.Abort()
	var row []byte
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range 400_000 {
		row = fmt.Appendf(row[:0], `{"email":"person%d@example.com"},`, i)
		s.Write(row)
	}
	if after := heap(); after > before+256<<10 {
		t.Errorf("%d bytes more after 400,000 people", after-before)
	}
	d := s.Facts()
	for what, n := range map[string]int{"addresses": counts(d)["email"], "people": d.Subjects} {
		if n < 356_000 || n > 444_000 { // the sample errs by 2.6 % (one standard error); four of them
			t.Errorf("%d %s, want about 400,000", n, what)
		}
	}
}

func TestWritesAllocateNothingInSteadyState(t *testing.T) {
	for name, c := range map[string]struct {
		contentType, text string
	}{
		"clean JSON": {"application/json", `{"id":1234567,"name":"Steel \"bracket\" \u00e4","when":"2026-01-01T00:00:00Z"},`},
		"clean text": {"text/plain", "the river runs past old mills and quiet gardens. "},
		"clean form": {"application/x-www-form-urlencoded", "name=Steel+bracket%2C+galvanised&stock=12345&"},
		"repeated":   {"application/json", order + ","},
	} {
		s := New(Options{}).NewStream(Meta{ContentType: c.contentType})
		chunk := []byte(strings.Repeat(c.text, 1000))
		s.Write(chunk)
		if n := testing.AllocsPerRun(20, func() { s.Write(chunk) }); n != 0 {
			t.Errorf("%s: %v allocations per write", name, n)
		}
		s.Abort()
	}
}
