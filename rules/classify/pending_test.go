package classify

import (
	"io"
	"testing"

	"github.com/borderflow/borderflow/rules/flow"
)

func TestFactsNeverCallCleanWhatIsNotDecodedYet(t *testing.T) {
	c := New(Options{})
	for _, sample := range samples() {
		t.Run(sample.name, func(t *testing.T) {
			for at := 0; at <= len(sample.body); at += 1 + len(sample.body)/1500 {
				s := c.NewStream(sample.meta)
				io.WriteString(s, sample.body[:at])
				soFar := s.Facts()
				checkFacts(t, soFar)
				end := s.Finish()
				if soFar.Coverage != flow.CoverageFull {
					continue
				}
				for detector, n := range counts(end) {
					if counts(soFar)[detector] < n {
						t.Fatalf("after %d bytes full coverage and %d %s; the end of input brings %d", at, counts(soFar)[detector], detector, n)
					}
				}
				if end.Coverage != flow.CoverageFull {
					t.Fatalf("after %d bytes full coverage; the end of input brings %q", at, end.Undecodable)
				}
			}
		})
	}
}

func TestFactsSayWhatIsStillHeldBack(t *testing.T) {
	grpc := Meta{ContentType: "application/grpc"}
	gzipped := pack(order, "gzip")
	held := string(person("anna@example.com", card))
	for name, c := range map[string]struct {
		meta Meta
		body string
	}{
		"gzip":                {Meta{ContentEncoding: "gzip"}, gzipped[:len(gzipped)-8]},
		"brotli":              {Meta{ContentEncoding: "br"}, pack(order, "br")[:20]},
		"zstd":                {Meta{ContentEncoding: "zstd"}, pack(order, "zstd")[:20]},
		"sniffed gzip":        {Meta{}, gzipped[:20]},
		"first byte of gzip":  {Meta{}, gzipped[:1]},
		"gRPC message":        {grpc, frame(0, held)[:len(held)-20]},
		"gRPC prefix":         {grpc, frame(0, held) + "\x00\x00"},
		"gRPC-Web text":       {Meta{ContentType: "application/grpc-web-text"}, "AA"},
		"protobuf field":      {Meta{ContentType: "application/protobuf"}, "\x0a\x30card " + card},
		"multipart part":      {Meta{ContentType: "multipart/form-data; boundary=B"}, "--B\r\n\r\nhello"},
		"multipart header":    {Meta{ContentType: "multipart/form-data; boundary=B"}, "--B\r\nX-Card: " + card},
		"multipart delimiter": {Meta{ContentType: "multipart/form-data; boundary=B"}, "--B\r\n\r\nhello\r\n--B-- " + card},
		"form escape":         {Meta{ContentType: "application/x-www-form-urlencoded"}, "a=%4"},
		"JSON escape":         {jsonMeta(), `{"a":"\u00`},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(Options{}).NewStream(c.meta)
			io.WriteString(s, c.body)
			d := s.Facts()
			if d.Coverage == flow.CoverageFull || d.Undecodable != "not decoded yet" {
				t.Errorf("coverage %v, undecodable %q", d.Coverage, d.Undecodable)
			}
			s.Abort()
		})
	}
}

func TestFactsOfAWholePayloadAreThoseOfItsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		meta Meta
		body string
	}{
		"empty":     {Meta{ContentEncoding: "gzip"}, ""},
		"text":      {textMeta(), "to anna@example.com card " + card},
		"JSON":      {jsonMeta(), order},
		"protobuf":  {Meta{ContentType: "application/protobuf"}, person("anna@example.com", card)},
		"multipart": {Meta{ContentType: "multipart/form-data; boundary=outer"}, mixed()},
		"blank":     {Meta{}, " \r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(Options{}).NewStream(c.meta)
			io.WriteString(s, c.body)
			soFar := s.Facts()
			end := s.Finish()
			expect(t, soFar, counts(end), end.Coverage, end.Undecodable)
		})
	}
}
