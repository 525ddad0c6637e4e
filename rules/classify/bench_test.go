package classify

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// corpus returns about size bytes of what each row writes.
func corpus(size int, row func(b *bytes.Buffer, r *rand.Rand)) []byte {
	var b bytes.Buffer
	r := rand.New(rand.NewPCG(1, 2))
	for b.Len() < size {
		row(&b, r)
	}
	return b.Bytes()
}

func cleanJSON(b *bytes.Buffer, r *rand.Rand) {
	fmt.Fprintf(b, `{"id":%d,"sku":"%08X","name":"Steel bracket, galvanised","price":%.2f,"tags":["indoor","metal"],`+
		`"updated":"2026-%02d-%02dT%02d:00:00Z","stock":%d,"note":"ships within three working days"},`,
		r.IntN(1e6), r.Uint32(), r.Float64()*100, 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(500))
}

func cleanText(b *bytes.Buffer, r *rand.Rand) {
	words := []string{"the", "river", "runs", "past", "old", "mills", "and", "quiet", "gardens", "where", "nobody", "walks"}
	for range 12 {
		b.WriteString(words[r.IntN(len(words))])
		b.WriteByte(' ')
	}
	b.WriteString(".\n")
}

func denseJSON(b *bytes.Buffer, r *rand.Rand) {
	fmt.Fprintf(b, `{"name":"p%d","email":"person%d@mail.example.com","ssn":"%03d-%02d-%04d","card":"%s"},`,
		r.IntN(1e4), r.IntN(1e4), 100+r.IntN(500), 1+r.IntN(99), 1+r.IntN(9999), withLuhn(fmt.Sprintf("4539%011d", r.Int64N(1e11))))
}

func randomBytes(b *bytes.Buffer, r *rand.Rand) {
	for range 64 {
		b.WriteByte(byte(r.Uint32()))
	}
}

// BenchmarkScan reports each corpus's speed as a share of CRC32-C over the same bytes in the same run.
func BenchmarkScan(b *testing.B) {
	for _, c := range []struct {
		name, contentType string
		row               func(*bytes.Buffer, *rand.Rand)
	}{
		{"clean JSON", "application/json", cleanJSON},
		{"clean text", "text/plain", cleanText},
		{"PII-dense JSON", "application/json", denseJSON},
		{"binary", "application/octet-stream", randomBytes},
	} {
		b.Run(c.name, func(b *testing.B) {
			benchmark(b, corpus(10*mebibyte, c.row), Meta{ContentType: c.contentType})
		})
	}
}

func TestScanningAllocatesNothingInSteadyState(t *testing.T) {
	for name, c := range map[string]struct {
		contentType string
		row         func(*bytes.Buffer, *rand.Rand)
	}{
		"clean JSON": {"application/json", cleanJSON}, "clean text": {"text/plain", cleanText},
		"PII-dense JSON": {"application/json", denseJSON}, "binary": {"application/octet-stream", randomBytes},
	} {
		s := New(Options{}).NewStream(Meta{ContentType: c.contentType})
		body := corpus(4*mebibyte, c.row)
		s.Write(body)
		next := 0
		if n := testing.AllocsPerRun(40, func() {
			s.Write(body[next : next+64<<10])
			next += 64 << 10
		}); n != 0 {
			t.Errorf("%s: %v allocations per chunk", name, n)
		}
		s.Abort()
	}
}

// BenchmarkEncoded counts the compressed bytes.
func BenchmarkEncoded(b *testing.B) {
	plain := string(corpus(10*mebibyte, cleanJSON))
	for _, encoding := range []string{"gzip", "br", "zstd"} {
		b.Run(encoding, func(b *testing.B) {
			benchmark(b, []byte(pack(plain, encoding)), Meta{ContentType: "application/json", ContentEncoding: encoding})
		})
	}
}

// benchmark reads body in chunks of 64 KiB, and takes the checksum of each body beside it: the ratio is the
// median over all rounds, for the machine's speed changes while it runs.
func benchmark(b *testing.B, body []byte, meta Meta) {
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	c := New(Options{})
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	var ratios []float64
	for b.Loop() {
		start := time.Now()
		s := c.NewStream(meta)
		for rest := body; len(rest) > 0; {
			n := min(64<<10, len(rest))
			s.Write(rest[:n])
			rest = rest[n:]
		}
		s.Finish()
		ours := time.Since(start)
		b.StopTimer()
		start = time.Now()
		crc32.Checksum(body, castagnoli)
		ratios = append(ratios, time.Since(start).Seconds()/ours.Seconds())
		b.StartTimer()
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "of-CRC32C")
}
