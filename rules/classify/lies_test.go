package classify

import (
	"fmt"
	"strings"
	"testing"
)

// TestWhatClaimsToBeAnotherFormatIsReadAsTextToo: a receiver need not believe the claim.
func TestWhatClaimsToBeAnotherFormatIsReadAsTextToo(t *testing.T) {
	const card = `{"card":"4539578763621486"}`
	classifier := New(Options{})
	for _, test := range []struct{ contentType, body string }{
		{"application/json", "\xff\xfe" + card}, {"application/json", "\xfe\xff" + card},
		{"application/json", "a\x00b\x00" + card}, {"text/plain", "\x00a\x00b" + card},
		{"text/plain; charset=utf-16", "\x01 " + card}, {"text/plain; charset=utf-16be", "\x01 " + card},
		{"application/msgpack", card}, {"application/vnd.msgpack", card}, {"application/cbor", "card 4539578763621486"},
		{"application/x-protobuf", " card 4539578763621486 "}, {"application/protobuf", "a\n\n4539578763621486 card"},
	} {
		stream := classifier.NewStream(Meta{ContentType: test.contentType})
		_, _ = stream.Write([]byte(test.body))
		before := len(stream.Facts().Findings)
		data := stream.Finish()
		if len(data.Findings) == 0 && data.Undecodable == "" {
			t.Errorf("%s %q: read in full, and nothing found", test.contentType, test.body[:4])
		}
		if len(data.Findings) > 0 && before == 0 && !strings.Contains(test.contentType, "proto") {
			t.Errorf("%s %q: found at the end alone", test.contentType, test.body[:4])
		}
	}
}

func TestAStrongValueAmongInvalidOnesOfItsColumnIsFound(t *testing.T) {
	var body strings.Builder
	body.WriteString("[")
	for i := range 40 {
		fmt.Fprintf(&body, `{"x":"111.444.777-%02d"},`, i%30)
	}
	body.WriteString(`{"x":"111.444.777-35"}]`)
	stream := New(Options{}).NewStream(Meta{ContentType: "application/json"})
	_, _ = stream.Write([]byte(body.String()))
	for _, finding := range stream.Finish().Findings {
		if finding.Detector == "br-cpf" {
			return
		}
	}
	t.Error("a strong finding was taken for chance")
}
