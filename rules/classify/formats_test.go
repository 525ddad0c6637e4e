package classify

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/borderflow/borderflow/rules/flow"
)

// pack compresses body; encodings are listed in the order applied, as in Content-Encoding.
func pack(body string, encodings ...string) string {
	for _, name := range encodings {
		var b bytes.Buffer
		var w io.WriteCloser
		switch name {
		case "gzip", "x-gzip":
			w = gzip.NewWriter(&b)
		case "deflate":
			w = zlib.NewWriter(&b)
		case "raw deflate":
			w, _ = flate.NewWriter(&b, 6)
		case "br":
			w = brotli.NewWriter(&b)
		case "zstd":
			w, _ = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
		}
		io.WriteString(w, body)
		w.Close()
		body = b.String()
	}
	return body
}

const order = `{"order":17,"payment":{"card":"4539578763621486"},"email":"anna@example.com"}`

var inOrder = map[string]int{"payment-card": 1, "email": 1}

func expect(t *testing.T, d flow.Data, want map[string]int, coverage flow.Coverage, reason string) {
	t.Helper()
	if diff := cmp.Diff(want, counts(d)); diff != "" {
		t.Error(diff)
	}
	if d.Coverage != coverage || !strings.Contains(d.Undecodable, reason) || (reason == "") != (d.Undecodable == "") {
		t.Errorf("coverage %v, undecodable %q; want %v, %q", d.Coverage, d.Undecodable, coverage, reason)
	}
	if d.State != flow.Known {
		t.Errorf("state %v", d.State)
	}
}

func TestContentEncodingsAreUndone(t *testing.T) {
	for header, encodings := range map[string][]string{
		"gzip": {"gzip"}, "x-gzip": {"gzip"}, "GZIP": {"gzip"}, "deflate": {"deflate"}, "Deflate": {"raw deflate"},
		"br": {"br"}, "zstd": {"zstd"}, "gzip, br": {"gzip", "br"}, "zstd,identity, gzip": {"zstd", "gzip"},
		"br, gzip, zstd": {"br", "gzip", "zstd"}, "identity": nil, "": nil,
	} {
		t.Run(header, func(t *testing.T) {
			body := pack(order, encodings...)
			d := read(Meta{ContentType: "application/json", ContentEncoding: header}, body)
			expect(t, d, inOrder, flow.CoverageFull, "")
			if d.Bytes != int64(len(body)) {
				t.Errorf("%d bytes, want %d", d.Bytes, len(body))
			}
		})
	}
}

func TestTruncationIsUndecodableAtEveryByte(t *testing.T) {
	for _, encoding := range []string{"gzip", "deflate", "br", "zstd"} {
		whole := pack(order, encoding)
		for n := 1; n < len(whole); n++ {
			d := read(Meta{ContentType: "application/json", ContentEncoding: encoding}, whole[:n])
			if d.Coverage == flow.CoverageFull || d.Undecodable != "truncated "+encoding {
				t.Fatalf("%s cut after %d of %d bytes: coverage %v, %q", encoding, n, len(whole), d.Coverage, d.Undecodable)
			}
		}
		d := read(Meta{ContentType: "application/json", ContentEncoding: encoding}, whole+"x")
		if d.Coverage == flow.CoverageFull || d.Undecodable == "" {
			t.Errorf("%s with a byte after its end: %+v", encoding, d)
		}
		d = read(Meta{ContentEncoding: encoding}, "this is not compressed at all, whatever the header says")
		if d.Coverage != flow.CoverageNone || d.Undecodable == "" {
			t.Errorf("%s that is none: %+v", encoding, d)
		}
	}
}

func TestAnEmptyPayloadIsKnownAndClean(t *testing.T) {
	for _, meta := range []Meta{{}, {ContentEncoding: "gzip"}, {ContentType: "application/grpc"},
		{ContentType: "multipart/form-data; boundary=x"}, {ContentType: "image/png"}} {
		expect(t, read(meta, ""), map[string]int{}, flow.CoverageFull, "")
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	for _, c := range []struct {
		meta   Meta
		body   string
		reason string
	}{
		{Meta{ContentEncoding: "aes128gcm"}, "x", "encrypted"},
		{Meta{ContentEncoding: "snappy"}, "x", "unknown content encoding"},
		{Meta{ContentEncoding: "gzip, compress"}, "x", "unknown content encoding"},
		{Meta{ContentType: "image/png"}, "\x89PNG\r\n\x1a\n", "image"},
		{Meta{ContentType: "application/pdf"}, "%PDF-1.7", "binary document"},
		{Meta{ContentType: "text/plain"}, "PK\x03\x04abc", "truncated zip archive"},
		{Meta{ContentType: "application/json"}, "-----BEGIN PGP MESSAGE-----\nabc", "encrypted"},
		{Meta{ContentType: "multipart/encrypted; boundary=x"}, "--x\r\n\r\na\r\n--x--", "encrypted"},
		{Meta{ContentType: "application/octet-stream"}, "a\x00b\x01c", "binary"},
		{Meta{ContentType: "text/plain; charset=UTF-7"}, "+AGE-", "charset"},
		{Meta{ContentType: "application/json"}, "\x93\x01\x02\x03", "binary"},
	} {
		expect(t, read(c.meta, c.body), map[string]int{}, flow.CoverageNone, c.reason)
	}
	d := read(Meta{ContentType: "image/png"}, "\x89PNG\r\n\x1a\n tEXt anna@example.com \x00")
	expect(t, d, map[string]int{"email": 1}, flow.CoverageNone, "image")
	late := strings.Repeat("plain text ", 1000) + strings.Repeat("\x00\x01\x02\x03", 3000)
	if d := read(textMeta(), late); d.Coverage == flow.CoverageFull {
		t.Error("binary content after a text beginning passes as text")
	}
}

func TestUndeclaredCompressionIsSniffed(t *testing.T) {
	for _, encoding := range []string{"gzip", "zstd"} {
		expect(t, read(Meta{ContentType: "application/octet-stream"}, pack(order, encoding)), inOrder, flow.CoverageFull, "")
	}
}

func TestForms(t *testing.T) {
	body := "ca%72d=4539+5787%203621+486&card=4539+5787+6362+1486&user%5Bemail%5D=anna%40example.com&bad=%zz%4&ssn=536225112"
	d := read(Meta{ContentType: "application/x-www-form-urlencoded"}, body)
	expect(t, d, map[string]int{"payment-card": 1, "email": 1, "us-ssn": 1}, flow.CoverageFull, "")
	if d.Subjects != 1 {
		t.Errorf("%d people, want the one who filled in the form", d.Subjects)
	}
}

func TestPathAndQueryAreReadButDoNotCountAsPayload(t *testing.T) {
	d := read(Meta{Path: "/users/anna%40example.com", Query: "ssn=536%2D22%2D5112&x=1", ContentType: "image/png"}, "\x89PNG\r\n\x1a\n")
	expect(t, d, map[string]int{"email": 1, "us-ssn": 1}, flow.CoverageNone, "image")
	if d.Bytes != 8 {
		t.Errorf("%d bytes", d.Bytes)
	}
}

// mixed is a multipart body with fields, a nested multipart part, an encoded file and text around.
func mixed() string {
	file := base64.StdEncoding.EncodeToString([]byte("email\r\nb1@example.com\r\nb2@example.com\r\n"))
	return strings.ReplaceAll(`preamble anna0@example.com
--outer
Content-Disposition: form-data; name="ssn"

536225112
--outer
Content-Disposition: form-data; name="files"
Content-Type: multipart/mixed; boundary=inner

--inner
Content-Disposition: attachment; filename="people.csv"
Content-Type: text/csv
Content-Transfer-Encoding: base64

`+file[:20]+"\n"+file[20:]+`
--inner
Content-Disposition: attachment; filename="c1@example.com.txt"
Content-Transfer-Encoding: quoted-printable

card=3A 4539 5787 =
6362 1486
--inner--
--outer
Content-Disposition: form-data; name="order"
Content-Type: application/json

{"email":"d1@\u0065xample.com"}
--outer--not the end
--outer--
epilogue e1@example.com
`, "\n", "\r\n")
}

func TestMultipartPartsAreReadAsWhatTheyAre(t *testing.T) {
	d := read(Meta{ContentType: `multipart/form-data; boundary="outer"`}, mixed())
	expect(t, d, map[string]int{"us-ssn": 1, "email": 5, "payment-card": 1}, flow.CoverageFull, "")
}

func TestBrokenMultipartIsSaidAndStillRead(t *testing.T) {
	body := mixed()
	end := strings.LastIndex(body, "--outer--")
	for n := strings.Index(body, "--outer") + 1; n < end+len("--outer--"); n++ {
		if strings.HasSuffix(body[:n], "--outer--") {
			continue // the line that only looks like the last one until it goes on
		}
		d := read(Meta{ContentType: `multipart/form-data; boundary=outer`}, body[:n])
		if d.Coverage == flow.CoverageFull || d.Undecodable == "" {
			t.Fatalf("cut after %d of %d bytes: coverage %v, %q", n, len(body), d.Coverage, d.Undecodable)
		}
	}
	for _, c := range []struct{ contentType, body, reason string }{
		{"multipart/form-data", "--x\r\n\r\na@example.com\r\n--x--", "boundary"},
		{"multipart/form-data; boundary=x", "a@example.com", "unterminated"},
		{"multipart/form-data; boundary=x", "--x\r\nsubject: a@example.com", "unterminated"},
		{"multipart/form-data; boundary=x", "--x\r\n" + strings.Repeat("h: v\r\n", 4000) + "\r\na@example.com\r\n--x--", "header too long"},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Transfer-Encoding: uuencode\r\n\r\na@example.com\r\n--x--", "unknown transfer encoding"},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Transfer-Encoding: base64\r\n\r\nYUBleGFtcGxlLmNvbQ==*\r\n--x--", "invalid base64"},
	} {
		d := read(Meta{ContentType: c.contentType}, c.body)
		expect(t, d, map[string]int{"email": 1}, flow.CoveragePartial, c.reason)
	}
}

// frame is a gRPC message with its prefix.
func frame(flags byte, message string) string {
	prefix := []byte{flags, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(prefix[1:], uint32(len(message)))
	return string(prefix) + message
}

// person is a message whose fields are followed by tags that are digits and letters.
func person(email, number string) string {
	var inner, b []byte
	inner = protowire.AppendString(protowire.AppendTag(inner, 1, protowire.BytesType), "card: "+number)
	inner = protowire.AppendVarint(protowire.AppendTag(inner, 6, protowire.VarintType), 5)
	b = protowire.AppendString(protowire.AppendTag(b, 5, protowire.BytesType), number)
	b = protowire.AppendString(protowire.AppendTag(b, 6, protowire.BytesType), email)
	b = protowire.AppendString(protowire.AppendTag(b, 8, protowire.BytesType), "x")
	b = protowire.AppendBytes(protowire.AppendTag(b, 7, protowire.BytesType), inner)
	b = protowire.AppendBytes(protowire.AppendTag(b, 9, protowire.BytesType), bytes.Repeat([]byte{0, 255}, 16))
	b = protowire.AppendFixed32(protowire.AppendTag(b, 10, protowire.Fixed32Type), 7)
	return string(protowire.AppendFixed64(protowire.AppendTag(b, 11, protowire.Fixed64Type), 7))
}

func TestGRPCMessages(t *testing.T) {
	header := map[string][]string{"grpc-encoding": {"gzip"}}
	for name, c := range map[string]struct {
		meta Meta
		body string
	}{
		"plain":      {Meta{ContentType: "application/grpc"}, frame(0, person("anna@example.com", card))},
		"compressed": {Meta{ContentType: "application/grpc+proto", Header: header}, frame(0, "") + frame(1, pack(person("anna@example.com", card), "gzip"))},
		"web":        {Meta{ContentType: "application/grpc-web"}, frame(0, person("anna@example.com", card)) + frame(0x80, "grpc-status: 0\r\n")},
		"web text": {Meta{ContentType: "application/grpc-web-text"},
			base64.StdEncoding.EncodeToString([]byte(frame(0, person("anna@example.com", card)))) +
				base64.StdEncoding.EncodeToString([]byte(frame(0x80, "grpc-status: 0\r\n")))},
		"JSON":     {Meta{ContentType: "application/grpc+json"}, frame(0, order)},
		"protobuf": {Meta{ContentType: "application/x-protobuf"}, person("anna@example.com", card)},
	} {
		t.Run(name, func(t *testing.T) { expect(t, read(c.meta, c.body), inOrder, flow.CoverageFull, "") })
	}
}

func TestLongProtobufMessagesAreFollowed(t *testing.T) {
	var list []byte
	for i := range 200 {
		list = protowire.AppendTag(list, 1, protowire.BytesType)
		list = protowire.AppendString(list, person(fmt.Sprintf("p%d@example.com", i), card))
	}
	var whole []byte
	whole = protowire.AppendBytes(protowire.AppendTag(whole, 3, protowire.BytesType), list)
	whole = protowire.AppendString(protowire.AppendTag(whole, 4, protowire.BytesType), strings.Repeat("text ", 1000)+"q@example.com")
	d := read(Meta{ContentType: "application/protobuf"}, string(whole))
	expect(t, d, map[string]int{"payment-card": 1, "email": 201}, flow.CoverageFull, "")
}

func TestBrokenGRPCIsSaidAndStillRead(t *testing.T) {
	message := person("anna@example.com", card)
	for name, c := range map[string]struct {
		meta   Meta
		body   string
		want   map[string]int
		level  flow.Coverage
		reason string
	}{
		"cut":              {Meta{}, frame(0, message)[:5+len(message)-9], inOrder, flow.CoveragePartial, "truncated gRPC message"},
		"cut prefix":       {Meta{}, frame(0, message) + "\x00\x00", inOrder, flow.CoveragePartial, "truncated gRPC message"},
		"unknown flag":     {Meta{}, frame(0x40, "anna@example.com"), map[string]int{"email": 1}, flow.CoveragePartial, "invalid gRPC message prefix"},
		"unknown encoding": {Meta{}, frame(1, "zzzz"), map[string]int{}, flow.CoverageNone, "unknown gRPC encoding"},
		"not a message":    {Meta{}, frame(0, "\xff\xff anna@example.com"), map[string]int{"email": 1}, flow.CoverageFull, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.meta.ContentType = "application/grpc"
			expect(t, read(c.meta, c.body), c.want, c.level, c.reason)
		})
	}
}

func TestFactsKnowEveryWholeMessage(t *testing.T) {
	s := New(Options{}).NewStream(Meta{ContentType: "application/grpc"})
	for i := 1; i <= 5; i++ {
		io.WriteString(s, frame(0, person(fmt.Sprintf("p%d@example.com", i), card)))
		d := s.Facts()
		if counts(d)["email"] != i || d.Subjects != i || d.State != flow.Known {
			t.Errorf("after message %d: %+v", i, d)
		}
	}
	s.Abort()
}
