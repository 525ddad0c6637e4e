package classify

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/flow"
)

// samples are bodies of every format.
func samples() []struct {
	name string
	meta Meta
	body string
} {
	text := strings.Repeat("filler 12 ", 150) + `IBAN: DE89 3704 0044 0532 0130 00; card 4539-5787-6362-1486,` +
		` ssn 536-22-5112 or 536225113, id 11010519491231002X. anna@example.com` + "\n"
	list := `{"people":[{"ssn":"536225112","email":"a@example.com"},{"ssn": "536225113" , "email":"\u0062@example.com"}]}`
	header := map[string][]string{"grpc-encoding": {"zstd"}}
	return []struct {
		name string
		meta Meta
		body string
	}{
		{"text", textMeta(), text},
		{"long text", textMeta(), strings.Repeat(text, 30)},
		{"JSON", jsonMeta(), list},
		{"form", Meta{ContentType: "application/x-www-form-urlencoded"}, "ssn=536225112&to=a%40example.com&n=%2"},
		{"gzip", Meta{ContentEncoding: "gzip"}, pack(strings.Repeat(text, 3), "gzip")},
		{"deflate", Meta{ContentEncoding: "deflate"}, pack(list, "deflate")},
		{"br in zstd", Meta{ContentEncoding: "br, zstd"}, pack(list, "br", "zstd")},
		{"truncated gzip", Meta{ContentEncoding: "gzip"}, pack(text, "gzip")[:100]},
		{"multipart", Meta{ContentType: "multipart/form-data; boundary=outer"}, mixed()},
		{"unterminated multipart", Meta{ContentType: "multipart/form-data; boundary=outer"}, mixed()[:300]},
		{"gRPC", Meta{ContentType: "application/grpc", Header: header},
			frame(0, person("a@example.com", card)) + frame(1, pack(person("b@example.com", card), "zstd")) + "\x00"},
		{"fields as sent", Meta{ContentType: "multipart/form-data; boundary=B"},
			"--B\r\nContent-Transfer-Encoding: base64\r\n\r\n" + list + "\r\n--B\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
				strings.Repeat(text, 12) + "ssn=3A 536=\r\n225112\r\n--B--\r\n"},
		{"packed message", Meta{Message: true}, pack(strings.Repeat(text, 3), "gzip") + list},
		{"sniffed", Meta{}, " \n\t" + list},
		{"zip", Meta{}, zipped("order.json", order, "word/document.xml", document, "a.txt", text)},
		{"stored zip", Meta{}, stored("order.json", list)},
		{"zip that is none", Meta{}, "PK\x03\x04" + strings.Repeat(list, 3)},
		{"tar", Meta{}, tarred("order.json", order, "text", text)},
		{"XML", Meta{}, "<?xml version='1.0'?><a><ssn>&#53;36225112</ssn><![CDATA[<&#64;]] a@example.com]]><!-- & &x; --></a>"},
		{"events", Meta{ContentType: "text/event-stream"}, "data: " + list + "\n\ndat\ndata:{\"email\":\n"},
		{"MessagePack", Meta{ContentType: "application/msgpack"}, "\x82\xa4card\xcf" + big(4539578763621486) + "\xa5email\xb0anna@example.com\xc4\x02\x00\x01"},
		{"broken MessagePack", Meta{ContentType: "application/msgpack"}, "\x82\xa4card\xc1" + list},
		{"CBOR", Meta{ContentType: "application/cbor"}, "\xbf\x64card\x1b" + big(4539578763621486) + "\x65email\x7f\x64anna\x6c@example.com\xff\xff"},
		{"BSON", Meta{ContentType: "application/bson"}, bsonOrder()},
		{"UTF-16", Meta{}, inUTF16(list, binary.LittleEndian, true)},
		{"UTF-16 without a mark", Meta{}, inUTF16(list, binary.BigEndian, false)},
		{"GBK", Meta{ContentType: "text/plain; charset=gb18030"}, "\xc9\xe7\xbb\xe1\x81\x30\x81\x30 " + text},
		{"folded", textMeta(), "card ４５３９５７８７６３６２１４８６ \xe2\x80a\xef\xbc\xefa\u200bnna＠example.com 𝟒٤ \xf0\x9d"},
		{"encoded", textMeta(), "x=" + standard(text) + "; " + standard(list) + " " + hex.EncodeToString([]byte(list)) +
			" /p/" + standard(standard("the mail is x@example.com")) + " %%41b%40example.com%2 \\u0040 a&#64;b.example &#x40 " + wrapped(standard(text), 64, "\n")},
		{"encoded gzip", jsonMeta(), `{"v":"` + standard(pack(text, "gzip")) + `","w":"` + standard(pack(text, "gzip"))[:200] + `"}`},
		{"CSV", Meta{ContentType: "text/csv"}, "ssn,Given Name,date of birth,v\n" +
			strings.Repeat("536225112,Ann,1980-02-29,4539578763621486\n536225113,\"Bo, B.\",29.2.1984,4539578763621487\n", 14)},
		{"binary", Meta{}, "\x00\x01\x02 a@example.com " + strings.Repeat("\x07", 3000)},
	}
}

func TestEverySplitInTwoGivesTheSameFacts(t *testing.T) {
	c := New(Options{})
	for _, sample := range samples() {
		t.Run(sample.name, func(t *testing.T) {
			whole := c.NewStream(sample.meta)
			whole.Write([]byte(sample.body))
			want := whole.Finish()
			if want.Bytes == 0 || len(want.Findings) == 0 && want.Undecodable == "" {
				t.Fatalf("nothing to compare: %+v", want)
			}
			step := 1 + len(sample.body)/1500
			for at := 0; at <= len(sample.body); at += step {
				s := c.NewStream(sample.meta)
				s.Write([]byte(sample.body[:at]))
				s.Facts() // must leave no trace
				s.Write([]byte(sample.body[at:]))
				if diff := cmp.Diff(want, s.Finish()); diff != "" {
					t.Fatalf("split at %d: %s", at, diff)
				}
			}
		})
	}
}

func TestValuesAreFoundWhereverTheWindowStands(t *testing.T) {
	c := New(Options{})
	for detector, value := range map[string]string{
		"email": "anna@example.com", "iban": "DE89 3704 0044 0532 0130 00", "payment-card": "4539 5787 6362 1486",
		"us-ssn": `"ssn": "536225112"`, "cn-resident-id": "11010519491231002X",
	} {
		for before := windowSize - lookAhead - 60; before < windowSize+10; before++ {
			s := c.NewStream(textMeta())
			s.Write([]byte(strings.Repeat(".", before-1) + " " + value + strings.Repeat(" .", windowSize/2)))
			if d := s.Finish(); len(d.Findings) != 1 || counts(d)[detector] != 1 {
				t.Fatalf("%s after %d bytes: found %v", detector, before, d.Findings)
			}
		}
	}
}

func TestRandomSplitsOfALargeTextGiveTheSamePositions(t *testing.T) {
	c := New(Options{})
	r := rand.New(rand.NewPCG(9, 9))
	for name, row := range map[string]func(*bytes.Buffer, *rand.Rand){
		"dense": denseJSON,
		"clean": cleanJSON,
		"columns": func(b *bytes.Buffer, r *rand.Rand) {
			fmt.Fprintf(b, `{"v":"%s","w":%d,"sn":"%011d","givenName":"A%c","phone":["+49 30 %d","0%d"],"ip":"10.2.%d.9","t":"sk_live_%d_x"}`+"\n",
				withLuhn(fmt.Sprintf("4539%011d", r.Int64N(1e11))), 4e15+r.Int64N(1e15), r.Int64N(1e11), 'a'+r.IntN(26), r.Int64N(1e7), r.Int64N(1e9), r.IntN(256), r.Int64N(1e15))
		},
		"table": func(b *bytes.Buffer, r *rand.Rand) {
			if b.Len() == 0 {
				b.WriteString("card number;Given Name;v;ip\n")
			}
			fmt.Fprintf(b, "%s;Ann B%c;%011d;10.2.3.%d\n", withLuhn(fmt.Sprintf("4539%011d", r.Int64N(1e11))), 'a'+r.IntN(26), r.Int64N(1e11), r.IntN(256))
		},
		"mixed": func(b *bytes.Buffer, r *rand.Rand) {
			digits := "0123456789"[:1+r.IntN(10)]
			for range r.IntN(60) {
				b.WriteByte((digits + " -@.\",:{}[]\nabX")[r.IntN(len(digits)+15)])
			}
			fmt.Fprintf(b, `"ssn":[%d,"%s %s"],x%d@example.com`, 100_000_000+r.IntN(800_000_000), card[:4], card[4:], r.IntN(1e6))
		},
	} {
		body := corpus(100<<10, row)
		positions := func(next func() int) (all []Position) {
			s := c.NewStream(Meta{ContentType: "text/plain", Found: func(p Position) { all = append(all, p) }})
			for rest := body; len(rest) > 0; {
				n := min(next(), len(rest))
				s.Write(rest[:n])
				if rest = rest[n:]; r.IntN(300) == 0 {
					s.Facts()
				}
			}
			s.Finish()
			return all
		}
		want := positions(func() int { return len(body) })
		if len(want) == 0 && name != "clean" {
			t.Fatalf("%s: nothing found", name)
		}
		for _, limit := range []int{1, 2, 64, 1000, 20_000} {
			if diff := cmp.Diff(want, positions(func() int { return 1 + r.IntN(limit) })); diff != "" {
				t.Errorf("%s in pieces of up to %d bytes: %s", name, limit, diff)
			}
		}
	}
}

// FuzzSplit cuts bodies of every format, whole and damaged, into writes of all sizes.
func FuzzSplit(f *testing.F) {
	all := samples()
	for i, sample := range all {
		f.Add(uint8(i), []byte(sample.body), []byte{1, 2, 3, 250})
		f.Add(uint8(i), []byte(sample.body), []byte{1})
	}
	c := New(Options{})
	f.Fuzz(func(t *testing.T, which uint8, body, sizes []byte) {
		if len(body) > 64<<10 || len(sizes) == 0 {
			t.Skip("too long, or no sizes")
		}
		meta := all[int(which)%len(all)].meta
		s := c.NewStream(meta)
		s.Write(body)
		want := s.Finish()
		s = c.NewStream(meta)
		for i, rest := 0, body; len(rest) > 0; i++ {
			n := min(int(sizes[i%len(sizes)])+1, len(rest))
			piece := bytes.Clone(rest[:n])
			s.Write(piece)
			clear(piece) // a Stream must not have kept it
			rest = rest[n:]
			if i%97 == 0 {
				s.Facts()
			}
		}
		got := s.Finish()
		if strings.HasPrefix(want.Undecodable, "budget: compressed") || strings.HasPrefix(got.Undecodable, "budget: compressed") {
			t.Skip("the ratio is judged on what has arrived")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		checkFacts(t, got)
	})
}

// FuzzDecoders feeds arbitrary bodies under arbitrary declarations.
func FuzzDecoders(f *testing.F) {
	for _, sample := range samples() {
		f.Add(sample.meta.ContentType, sample.meta.ContentEncoding, []byte(sample.body))
	}
	c := New(Options{MaxDecoded: mebibyte})
	f.Fuzz(func(t *testing.T, contentType, encoding string, body []byte) {
		s := c.NewStream(Meta{ContentType: contentType, ContentEncoding: encoding, Path: contentType, Query: encoding})
		s.Write(body)
		s.Facts()
		checkFacts(t, s.Finish())
		s = c.NewStream(Meta{ContentType: contentType, ContentEncoding: encoding})
		s.Write(body)
		s.Abort()
	})
}

// checkFacts holds what is true of all facts.
func checkFacts(t *testing.T, d flow.Data) {
	t.Helper()
	if d.State != flow.Known || d.Undecodable == "" != (d.Coverage == flow.CoverageFull) {
		t.Errorf("coverage %v and undecodable %q contradict each other", d.Coverage, d.Undecodable)
	}
	total := 0
	for _, found := range d.Findings {
		if found.Count < 1 || found.Strength < flow.Weak || found.Strength > flow.Strong {
			t.Errorf("impossible finding %+v", found)
		}
		total += found.Count
	}
	if d.Subjects > total {
		t.Errorf("%d people in %d findings", d.Subjects, total)
	}
}

func TestFactsHoldNothingOfThePayload(t *testing.T) {
	for _, sample := range samples() {
		meta := sample.meta
		meta.Path, meta.Query = "/p/secretpath@example.com", "q=secretquery@example.com"
		meta.Header = map[string][]string{"grpc-encoding": {"secretencoding"}}
		var positions []Position
		meta.Found = func(p Position) { positions = append(positions, p) }
		for _, d := range []flow.Data{
			read(meta, sample.body),
			read(Meta{ContentType: "secret/type; boundary=secret", ContentEncoding: "secretcoding"}, sample.body),
		} {
			shown := fmt.Sprintf("%+v %+v", d, positions)
			for _, part := range []string{"secret", "example.com", "4539", "5787", "5362", "22511", "110105", "DE89"} {
				if strings.Contains(shown, part) {
					t.Errorf("%s: facts show %q: %s", sample.name, part, shown)
				}
			}
		}
	}
}

func TestStreamsAreSafeToUseSideBySideAndAgain(t *testing.T) {
	c := New(Options{})
	all := samples()
	want := make([]flow.Data, len(all))
	for i, sample := range all {
		want[i] = read(sample.meta, sample.body)
	}
	for worker := range 8 {
		t.Run(fmt.Sprint(worker), func(t *testing.T) {
			t.Parallel()
			for round := range 40 {
				i := (round*7 + worker) % len(all)
				s := c.NewStream(all[i].meta)
				s.Write([]byte(all[i].body))
				if round%3 == 0 {
					s.Abort()
					continue
				}
				if diff := cmp.Diff(want[i], s.Finish()); diff != "" {
					t.Fatalf("%s: %s", all[i].name, diff)
				}
			}
		})
	}
}
