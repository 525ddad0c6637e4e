package classify

import (
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules/flow"
)

func TestAMessageIsReadByItsOwnFirstBytes(t *testing.T) {
	for name, c := range map[string]struct {
		meta   Meta
		body   string
		want   map[string]int
		level  flow.Coverage
		reason string
	}{
		"text":                   {Meta{}, "card " + card, map[string]int{"payment-card": 1}, flow.CoverageFull, ""},
		"JSON":                   {Meta{}, `{"mail":"anna\u0040example.com"}`, map[string]int{"email": 1}, flow.CoverageFull, ""},
		"declared type":          {Meta{ContentType: "image/png"}, `{"mail":"anna\u0040example.com"}`, map[string]int{"email": 1}, flow.CoverageFull, ""},
		"declared encoding":      {Meta{ContentEncoding: "gzip"}, "card " + card, map[string]int{"payment-card": 1}, flow.CoverageFull, ""},
		"gzip":                   {Meta{}, pack(order, "gzip"), inOrder, flow.CoveragePartial, "binary content"},
		"text after gzip magic":  {Meta{}, "\x1f\x8b card " + card, map[string]int{"payment-card": 1}, flow.CoverageNone, "invalid gzip"},
		"text after zstd magic":  {Meta{}, "\x28\xb5\x2f\xfd card " + card, map[string]int{"payment-card": 1}, flow.CoverageNone, "zstd"},
		"text after gzip":        {Meta{}, pack("hello", "gzip") + " card " + card, map[string]int{"payment-card": 1}, flow.CoveragePartial, "invalid gzip"},
		"text after archive":     {Meta{}, "PK\x03\x04 card " + card, map[string]int{"payment-card": 1}, flow.CoverageNone, "archive"},
		"binary":                 {Meta{}, strings.Repeat("\x00\x01\x02\x03", 20), map[string]int{}, flow.CoverageNone, "binary content"},
		"half of gzip's magic":   {Meta{}, "\x1f", map[string]int{}, flow.CoverageNone, "binary content"},
		"nothing":                {Meta{}, "", map[string]int{}, flow.CoverageFull, ""},
		"white space":            {Meta{}, "\n", map[string]int{}, flow.CoverageFull, ""},
		"multipart that is none": {Meta{ContentType: "multipart/form-data; boundary=B"}, "hello", map[string]int{}, flow.CoverageFull, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.meta.Message = true
			expect(t, read(c.meta, c.body), c.want, c.level, c.reason)
		})
	}
}

func TestAmbiguousTypesAreUndecodableAndStillRead(t *testing.T) {
	found := map[string]int{"payment-card": 1}
	for contentType, reason := range map[string]string{
		"application/json, text/plain":                                     "several content types",
		"text/plain, application/x-www-form-urlencoded":                    "several content types",
		"multipart/form-data; boundary=A, multipart/form-data; boundary=B": "several content types",
		"application/json, application/json":                               "several content types",
		`text/plain; a="b, image/png`:                                      "several content types",
		"image/png, application/json":                                      "several content types",
		"application/grpc, application/json":                               "several content types",
		"application/json; charset=utf-8; charset=utf-16":                  "malformed content type",
		"application/json; charset":                                        "malformed content type",
		"multipart/form-data; boundary=A; boundary=B":                      "malformed content type",
		"text/plain; charset=utf-16":                                       "charset",
		"application/json; charset=UTF-7":                                  "charset",
		"text/plain; charset=ibm037":                                       "charset",
		"text/plain; charset=cp500":                                        "charset",
		"text/plain; charset=ebcdic-us":                                    "charset",
		"text/plain; charset=iso-2022-jp":                                  "charset",
		"text/plain; charset=x-made-up":                                    "charset",
		"application/x-www-form-urlencoded; charset=ibm500":                "charset",
		"multipart/form-data; boundary=A; charset=ibm500":                  "charset",
	} {
		d := read(Meta{ContentType: contentType}, "card "+card)
		expect(t, d, found, flow.CoverageNone, reason)
		expect(t, read(Meta{ContentType: contentType}, ""), map[string]int{}, flow.CoverageFull, "")
	}
	for _, contentType := range []string{"", " ", "text/plain", "text/plain;charset=\"UTF-8\"", `text/plain; note="a, b"`,
		"text/plain; charset=ISO-8859-15", "text/plain; charset=windows-1252", "text/plain; charset=Shift_JIS",
		"text/plain; charset=utf-8;", "application/octet-stream; charset=binary", "text/csv; charset=GB18030"} {
		expect(t, read(Meta{ContentType: contentType}, "card "+card), found, flow.CoverageFull, "")
	}
	d := read(Meta{ContentType: "text/plain, text/html"}, `{"mail":"anna\u0040example.com"}`)
	expect(t, d, map[string]int{"email": 1}, flow.CoverageNone, "several content types")
	d = read(Meta{ContentType: "text/plain, text/html"}, pack(order, "gzip"))
	expect(t, d, inOrder, flow.CoverageNone, "several content types")
}

func TestAPartThatContradictsItselfIsUndecodable(t *testing.T) {
	for header, reason := range map[string]string{
		"Content-Type: text/plain\r\nContent-Type: application/json":                         "several content types",
		"Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64":               "unknown transfer encoding",
		"Content-Type: text/plain; charset=utf-16\r\nContent-Disposition: form-data; name=a": "charset",
	} {
		d := read(Meta{ContentType: "multipart/form-data; boundary=B"}, "--B\r\n"+header+"\r\n\r\ncard "+card+"\r\n--B--\r\n")
		if counts(d)["payment-card"] != 1 || d.Coverage == flow.CoverageFull || !strings.Contains(d.Undecodable, reason) {
			t.Errorf("%q: found %v, coverage %v, %q", header, d.Findings, d.Coverage, d.Undecodable)
		}
	}
}
