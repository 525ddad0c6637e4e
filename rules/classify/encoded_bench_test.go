package classify

import (
	"bytes"
	"hash/crc32"
	"testing"
	"time"
)

// BenchmarkBesideText is what folding and the search for encoded values cost on clean text, beside which
// the scanner works, as a share of CRC32-C over the same bytes in the same run.
func BenchmarkBesideText(b *testing.B) {
	c := New(Options{})
	for _, corpora := range []struct {
		name string
		body []byte
	}{{"clean JSON", corpus(mebibyte, cleanJSON)}, {"clean text", corpus(mebibyte, cleanText)},
		{"Chinese text", bytes.Repeat([]byte("河水流过古老的磨坊，和安静的花园、没有人走的小路。 "), mebibyte/75)}} {
		b.Run(corpora.name, func(b *testing.B) {
			s := c.NewStream(textMeta())
			defer s.Abort()
			b.SetBytes(int64(len(corpora.body)))
			b.ReportAllocs()
			for b.Loop() {
				for rest := corpora.body; len(rest) > 0; {
					n := min(surveySize, len(rest))
					s.survey.take(rest[:n])
					s.text.folder.leaves(rest[:n], &s.survey)
					s.text.encoded.write(rest[:n], &s.survey)
					rest = rest[n:]
				}
			}
			ours := b.Elapsed().Seconds() / float64(b.N)
			start := time.Now()
			crc32.Checksum(corpora.body, crc32.MakeTable(crc32.Castagnoli))
			b.ReportMetric(time.Since(start).Seconds()/ours, "of-CRC32C")
		})
	}
}
