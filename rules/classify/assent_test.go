package classify

import (
	"io"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules/flow"
)

func TestFieldsWithATransferEncodingAreReadAsSentToo(t *testing.T) {
	const number = "5555555555554444"
	part := func(kind, header, body string) (Meta, string) {
		return Meta{ContentType: "multipart/" + kind + "; boundary=B"},
			"--B\r\nContent-Disposition: form-data; name=\"card\"\r\n" + header + "\r\n\r\n" + body + "\r\n--B--\r\n"
	}
	for _, kind := range []string{"form-data", "mixed"} {
		for _, encoding := range []string{"base64", "quoted-printable", "BASE64"} {
			transfer := "Content-Transfer-Encoding: " + encoding
			for name, c := range map[string]struct{ header, body string }{
				"text": {transfer, "4539578763621486"},
				"JSON": {transfer + "\r\nContent-Type: application/json", `{"card":"453957876362\u00314\u00386"}`},
				"form": {transfer + "\r\nContent-Type: application/x-www-form-urlencoded", "card=4539+5787+6362+1%34%386"},
				"long": {transfer, strings.Repeat("some text ", 10_000) + "card 4539578763621486"},
			} {
				meta, body := part(kind, c.header, c.body)
				if d := read(meta, body); counts(d)["payment-card"] != 1 {
					t.Errorf("%s, %s, %s: found %v", kind, encoding, name, d.Findings)
				}
			}
		}
	}
	meta, body := part("form-data", "Content-Transfer-Encoding: base64", number)
	s := New(Options{TestCards: true}).NewStream(meta)
	io.WriteString(s, body[:len(body)-9])
	if d := s.Facts(); counts(d)["payment-card"] != 1 {
		t.Errorf("before the end: found %v", d.Findings)
	}
	io.WriteString(s, body[len(body)-9:])
	expect(t, s.Finish(), map[string]int{"payment-card": 1}, flow.CoverageFull, "")
}

func TestAValueReadTwiceCountsOnce(t *testing.T) {
	var list strings.Builder
	for i := range 6000 { // more than are counted exactly
		list.WriteString("card: " + withLuhn("4539"+strings.Repeat("0", 6)+string([]byte{'0' + byte(i/1000), '0' + byte(i/100%10), '0' + byte(i/10%10), '0' + byte(i%10)})+"7") + "\r\n")
	}
	c := New(Options{})
	read := func(header, rows string) flow.Data {
		s := c.NewStream(Meta{ContentType: "multipart/form-data; boundary=B"})
		io.WriteString(s, "--B\r\n"+header+"\r\n"+rows+"\r\n--B--\r\n")
		return s.Finish()
	}
	for _, rows := range []string{"ssn: 536-22-5112, anna@example.com\r\n", list.String()} {
		plain := read("", rows)
		twice := read("Content-Transfer-Encoding: quoted-printable\r\n", rows)
		if len(plain.Findings) == 0 {
			t.Fatal("nothing found")
		}
		expect(t, twice, counts(plain), plain.Coverage, "")
		if twice.Subjects != plain.Subjects {
			t.Errorf("%d people, want %d", twice.Subjects, plain.Subjects)
		}
	}
}

func TestAStreamGivesUpItsSecondReadingsWhenAborted(t *testing.T) {
	s := New(Options{}).NewStream(Meta{ContentType: "multipart/form-data; boundary=B"})
	io.WriteString(s, "--B\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj")
	if len(s.readings) != 1 {
		t.Fatalf("%d second readings", len(s.readings))
	}
	s.Abort()
	if len(s.readings) != 0 {
		t.Errorf("%d second readings after the end", len(s.readings))
	}
}
