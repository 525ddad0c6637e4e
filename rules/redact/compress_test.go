package redact_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/redact"
)

func compressed(t testing.TB, text string, writer func(io.Writer) io.WriteCloser) []byte {
	t.Helper()
	var b bytes.Buffer
	w := writer(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var codings = []struct {
	name, header string
	writer       func(io.Writer) io.WriteCloser
	reader       func(io.Reader) (io.Reader, error)
}{
	{"gzip", "gzip", func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"brotli", "br", func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) }, func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil }},
	{"zstd", "zstd", func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z }, func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) }},
	{"zlib", "deflate", func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }, func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }},
	{"bare deflate", "deflate", func(w io.Writer) io.WriteCloser { z, _ := flate.NewWriter(w, 5); return z },
		func(r io.Reader) (io.Reader, error) { return flate.NewReader(r), nil }},
}

func TestCompressedBodiesStayCompressedInTheSameWay(t *testing.T) {
	classifier := classify.New(classify.Options{})
	for _, c := range codings {
		t.Run(c.name, func(t *testing.T) {
			meta := classify.Meta{ContentType: jsonType, ContentEncoding: "identity, " + strings.ToUpper(c.header)}
			out, _, err := redact.Apply(compressed(t, `{"ssn":"536-90-4399"}`, c.writer), meta, numbers, classifier)
			if err != nil {
				t.Fatal(err)
			}
			reader, err := c.reader(bytes.NewReader(out))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := io.ReadAll(reader)
			if err != nil || string(plain) != `{"ssn":"[redacted:us-ssn]"}` {
				t.Errorf("decompressed: %q, %v", plain, err)
			}
		})
	}
}

func TestCodingsAreUndoneInOrder(t *testing.T) {
	classifier := classify.New(classify.Options{})
	inner := compressed(t, `{"ssn":"536-90-4399"}`, codings[0].writer)
	body := compressed(t, string(inner), codings[1].writer)
	out, _, err := redact.Apply(body, classify.Meta{ContentType: jsonType, ContentEncoding: "gzip, br"}, numbers, classifier)
	if err != nil {
		t.Fatal(err)
	}
	unzipped, err := gzip.NewReader(brotli.NewReader(bytes.NewReader(out)))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(unzipped); err != nil || string(plain) != `{"ssn":"[redacted:us-ssn]"}` {
		t.Errorf("decompressed: %q, %v", plain, err)
	}
}

func TestABodyThatGrowsBeyondTheLimitIsRefused(t *testing.T) {
	classifier := classify.New(classify.Options{MaxDecoded: 1 << 30, MaxRatio: 1 << 20})
	bomb := compressed(t, strings.Repeat(" ", redact.MaxBytes+1), codings[0].writer)
	out, _, err := redact.Apply(bomb, classify.Meta{ContentType: "text/plain", ContentEncoding: "gzip"}, numbers, classifier)
	if err == nil || out != nil {
		t.Errorf("got %d bytes, %v", len(out), err)
	}
}

func TestSomethingBehindACompressedBodyIsRefused(t *testing.T) {
	classifier := classify.New(classify.Options{})
	for _, c := range codings {
		body := append(compressed(t, `{"ssn":"536-90-4399"}`, c.writer), "536-90-4399"...)
		if out, _, err := redact.Apply(body, classify.Meta{ContentType: jsonType, ContentEncoding: c.header}, numbers, classifier); err == nil && bytes.Contains(out, []byte("4399")) {
			t.Errorf("%s: %q came out", c.name, out)
		}
	}
}
