package classify

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"github.com/borderflow/borderflow/rules/flow"
)

// wrapped breaks text into lines of n characters.
func wrapped(text string, n int, lineBreak string) string {
	var b strings.Builder
	for ; len(text) > n; text = text[n:] {
		b.WriteString(text[:n] + lineBreak)
	}
	return b.String() + text + lineBreak
}

func standard(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestEncodedValuesAreReadDecoded(t *testing.T) {
	secret := "the card of anna@example.com is " + card + ", said she"
	found := map[string]int{"payment-card": 1, "email": 1}
	long := strings.Repeat("some more text, ", 20) + secret
	for name, body := range map[string]string{
		"base64":                 `{"v":"` + standard(secret) + `"}`,
		"base64, URL alphabet":   `{"v":"` + base64.RawURLEncoding.EncodeToString([]byte(secret+"???>>>")) + `"}`,
		"hex":                    `{"v":"` + hex.EncodeToString([]byte(secret)) + `"}`,
		"hex, upper case":        "x " + strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"hex behind 0x":          "x 0x" + hex.EncodeToString([]byte(secret)),
		"data URI":               `<img src="data:text/plain;base64,` + standard(secret) + `">`,
		"a whole body":           standard(secret),
		"lines of 76":            wrapped(standard(long), 76, "\r\n"),
		"lines of 64":            "-----BEGIN X-----\n" + wrapped(standard(long), 64, "\n") + "-----END X-----\n",
		"lines in a JSON string": `{"v":"` + wrapped(standard(long), 64, `\n`) + `"}`,
		"base64 of base64":       `{"v":"` + standard(standard(secret)) + `"}`,
		"three times":            `{"v":"` + standard(standard(standard(secret))) + `"}`,
		"hex of base64":          hex.EncodeToString([]byte(standard(secret))),
		"gzip in base64":         `{"v":"` + standard(pack(secret, "gzip")) + `"}`,
		"JSON in base64":         `{"v":"` + standard(`{"text":"the card of anna\u0040example.com is `+card+`"}`) + `"}`,
		"a token's payload":      "Bearer " + standard(`{"alg":"HS256","typ":"JWT"}`) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"anna@example.com","n":"`+card+`"}`)) + ".c2lnbmF0dXJl",
		"an element of a path":   "GET /files/" + base64.RawURLEncoding.EncodeToString([]byte(secret)) + " HTTP/1.1",
		"percent":                `{"url":"https://x.example/?q=` + url.QueryEscape(secret) + `"}`,
		"escapes twice":          `{"v":"{\"mail\":\"anna\\u0040example.com\",\"card\":\"` + card + `\"}"}`,
		"escapes in text":        `log: mail=anna\u0040example.com card=` + card,
		"character references":   `{"html":"anna&#64;example.com, anna&#x40;example.com, anna&commat;example.com; ` + card + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			meta, found := Meta{}, found
			if strings.HasPrefix(body, "Bearer") {
				found = map[string]int{"payment-card": 1, "email": 1, "jwt": 1}
			}
			if strings.HasPrefix(body, "{") {
				meta = jsonMeta()
			}
			expect(t, read(meta, body), found, flow.CoverageFull, "")
		})
	}
}

func TestAKeySpeaksForWhatItsValueEncodes(t *testing.T) {
	body := `{"ssn":"` + standard("  536225112     ") + `"}`
	if d := read(jsonMeta(), body); counts(d)["us-ssn"] != 1 {
		t.Errorf("found %v", d.Findings)
	}
}

func TestWhatLooksEncodedButIsNotStaysClean(t *testing.T) {
	for _, body := range []string{
		`{"id":"550e8400-e29b-41d4-a716-446655440000","sha":"` + strings.Repeat("9f86d081884c7d65", 4) + `"}`,
		"thisIsAVeryLongIdentifierThatSomebodyWroteInCamelCase and/a/path/of/many/short/elements/in/it",
		"100% of R&D, C:\\users\\x, 50%, \\d+\\w*, a && b, &nbsp &unknown;",
		strings.Repeat("-", 5000) + strings.Repeat("ACGT", 3000) + strings.Repeat("0123456789", 1000),
	} {
		expect(t, read(textMeta(), body), map[string]int{}, flow.CoverageFull, "")
	}
}

func TestLongEncodedContentThatIsNoTextIsSaid(t *testing.T) {
	random := make([]byte, 6000)
	for i, x := 0, uint32(7); i < len(random); i++ {
		x = x*1664525 + 1013904223
		random[i] = byte(x >> 24)
	}
	expect(t, read(jsonMeta(), `{"v":"`+standard(string(random))+`"}`), map[string]int{}, flow.CoveragePartial, "encoded content that is not text")
	expect(t, read(jsonMeta(), `{"v":"`+standard(string(random[:1500]))+`"}`), map[string]int{}, flow.CoverageFull, "")
	expect(t, read(jsonMeta(), `{"v":"`+standard("\x89PNG\r\n\x1a\n"+string(random[:100]))+`"}`), map[string]int{}, flow.CoveragePartial, "image")
}

func TestEncodingDeeperThanTheBudgetIsSaid(t *testing.T) {
	deep := "the address is anna@example.com"
	for range 4 {
		deep = standard(deep)
	}
	expect(t, read(jsonMeta(), `{"v":"`+deep+`"}`), map[string]int{}, flow.CoveragePartial, "nested deeper than 3")
	many := strings.Repeat(standard("the address is x@")+" ", 20)
	expect(t, readWith(Options{MaxEncoded: 10}, textMeta(), many), map[string]int{}, flow.CoveragePartial, "more than 10 encoded values")
	bomb := standard(pack(strings.Repeat("a", 8*mebibyte), "gzip"))
	expect(t, read(jsonMeta(), `{"v":"`+bomb+`"}`), map[string]int{}, flow.CoveragePartial, "budget: compressed more than")
}

func TestOtherWritingsOfTheSameCharactersAreFolded(t *testing.T) {
	for name, text := range map[string]string{
		"full-width":        "card ４５３９５７８７６３６２１４８６ ａｎｎａ＠ｅｘａｍｐｌｅ．ｃｏｍ",
		"zero-width":        "card 4539\u200b5787\u20606362\ufeff1486 anna\u200d@exa\u00admple.com",
		"Arabic-Indic":      "card ٤٥٣٩٥٧٨٧٦٣٦٢١٤٨٦ anna@example.com",
		"Persian":           "card ۴۵۳۹۵۷۸۷۶۳۶۲۱۴۸۶ anna@example.com",
		"Devanagari":        "card ४५३९५७८७६३६२१४८६ anna@example.com",
		"mathematical":      "card 𝟒𝟓𝟑𝟗𝟓𝟕𝟖𝟕𝟔𝟑𝟔𝟐𝟏𝟒𝟖𝟔 𝐚𝐧𝐧𝐚@𝐞𝐱𝐚𝐦𝐩𝐥𝐞.com",
		"no-break spaces":   "card 4539\u00a05787\u00a06362\u00a01486 anna@example.com",
		"no-break hyphens":  "card 4539\u20115787\u20116362\u20111486 anna@example.com",
		"direction marks":   "card \u202e4539578763621486\u202c anna\u200f@example.com",
		"small commercial":  "card 4539578763621486 anna\ufe6bexample.com",
		"in another script": "карта 4539578763621486 — почта anna@example.com",
	} {
		t.Run(name, func(t *testing.T) { expect(t, read(textMeta(), text), inOrder, flow.CoverageFull, "") })
	}
}

func TestRequestsAreReadAroundTheirPayload(t *testing.T) {
	mail := map[string]int{"email": 1}
	for name, c := range map[string]struct {
		meta  Meta
		want  map[string]int
		place string
	}{
		"header":          {Meta{Header: map[string][]string{"From": {"anna@example.com"}}}, mail, "header"},
		"base64 header":   {Meta{Header: map[string][]string{"X-Data": {standard("mail anna@example.com")}}}, mail, "encoded value"},
		"cookie":          {Meta{Header: map[string][]string{"Cookie": {"a=1; user=anna%40example.com"}}}, mail, "cookie"},
		"behind a cookie": {Meta{Header: map[string][]string{"Cookie": {"a=1"}, "X-Owner": {"anna@example.com"}}}, mail, "header"},
		"authorization":   {Meta{Header: map[string][]string{"Authorization": {"Digest username=anna@example.com"}}}, mail, "header"},
		"bearer":          {Meta{Header: map[string][]string{"Authorization": {"Bearer " + standard(`{"sub":"anna@example.com"}`)}}}, map[string]int{}, ""},
		"for the proxy":   {Meta{Header: map[string][]string{"Proxy-Authorization": {"anna@example.com"}}}, map[string]int{}, ""},
		"host, hex":       {Meta{Host: hex.EncodeToString([]byte("mail anna@example.com")) + ".t.example.net"}, mail, "encoded value"},
		"host, base32":    {Meta{Host: strings.ToLower(wrapped(base32.StdEncoding.WithPadding(-1).EncodeToString([]byte("data is anna@example.com, thanks")), 30, ".")) + "example.net"}, mail, "host"},
		"plain host":      {Meta{Host: "a-very-long-name-of-a-service.region.cloud.example.net"}, map[string]int{}, ""},
		"URL user":        {Meta{UserInfo: "anna%40example.com:x"}, mail, "url user"},
		"path":            {Meta{Path: "/u/anna%40example.com"}, mail, "path"},
		"query":           {Meta{Query: "u=anna%40example.com"}, mail, "query"},
		"base64 query":    {Meta{Query: "u=" + url.QueryEscape(standard("mail anna@example.com"))}, mail, "encoded value"},
	} {
		t.Run(name, func(t *testing.T) {
			places := map[string]bool{}
			c.meta.Found = func(p Position) {
				if p.Detector == "email" {
					places[p.Place] = true
				}
			}
			expect(t, read(c.meta, ""), c.want, flow.CoverageFull, "")
			if len(c.want) > 0 && !places[c.place] {
				t.Errorf("found in %v", places)
			}
		})
	}
	s := New(Options{}).NewStream(Meta{})
	fmt.Fprint(s, "hello")
	s.ReadTrailer(map[string][]string{"X-Owner": {"anna@example.com"}})
	expect(t, s.Finish(), mail, flow.CoverageFull, "")
}

func TestReadingEncodedValuesAllocatesNothingInSteadyState(t *testing.T) {
	for name, text := range map[string]string{
		"base64":  `{"id":17,"text":"` + standard("some text that nobody has to look at twice") + `"},`,
		"escapes": `{"id":17,"url":"https://x.example/a%20b?c=d%26e"},`,
		"folded":  `{"id":17,"text":"ａ ｂ\u200b c"},`,
	} {
		s := New(Options{MaxEncoded: 1 << 30}).NewStream(jsonMeta())
		chunk := []byte(strings.Repeat(text, 500))
		s.Write(chunk)
		if n := testing.AllocsPerRun(20, func() { s.Write(chunk) }); n > 1 {
			t.Errorf("%s: %v allocations per write", name, n)
		}
		s.Abort()
	}
}

func TestReadersBesideTheScannerStaySmall(t *testing.T) {
	if size := unsafe.Sizeof(text{}); size > 4<<10 {
		t.Errorf("%d bytes", size)
	}
}

func TestDecimalDigitsComeInTensFromZero(t *testing.T) {
	for _, block := range unicode.Nd.R16 {
		if block.Stride != 1 || (block.Hi-block.Lo+1)%10 != 0 {
			t.Errorf("%x to %x", block.Lo, block.Hi)
		}
	}
	for _, block := range unicode.Nd.R32 {
		if block.Stride != 1 || (block.Hi-block.Lo+1)%10 != 0 {
			t.Errorf("%x to %x", block.Lo, block.Hi)
		}
	}
}

func TestEveryFoldedCharacterIsLookedAt(t *testing.T) {
	for r := rune(utf8.RuneSelf); r <= unicode.MaxRune; r++ {
		to, folds := Fold(r)
		p := utf8.AppendRune(nil, r)
		for n := range p {
			if folds && !mayFold(p[:n+1]) {
				t.Errorf("%U is folded, but not looked at for %x", r, p[:n+1])
			}
		}
		if unicode.Is(unicode.Nd, r) && (!folds || !isDigit(to)) {
			t.Errorf("%U is a digit, but not read as one", r)
		}
	}
}

// FuzzFold compares what is folded piece by piece with what is folded character by character.
func FuzzFold(f *testing.F) {
	f.Add([]byte("card ４５３９\u200b\u00adx ١٢ \xe2\x80a\xef\xbc\xefa \xf0\x9d"), uint8(1))
	f.Add([]byte("\xe3\x80\xe3\x80\x80 \xea\xaf\xb0\xea\xb0\x80 \xc2\xc2\xa0"), uint8(2))
	f.Fuzz(func(t *testing.T, body []byte, size uint8) {
		var want, got []byte
		for rest := body; len(rest) > 0; {
			r, n := utf8.DecodeRune(rest)
			if to, folds := Fold(r); !folds || n == 1 {
				want = append(want, rest[:n]...)
			} else if to != 0 {
				want = append(want, to)
			}
			rest = rest[n:]
		}
		var folder folder
		var v survey
		for rest := body; len(rest) > 0; {
			n := min(2*int(size)+1, foldSize, len(rest))
			v.take(rest[:n])
			got = append(got, folder.write(rest[:n], &v)...)
			rest = rest[n:]
		}
		got = append(got, folder.end()...)
		if !bytes.Equal(want, got) {
			t.Errorf("%q in pieces of %d: %q, want %q", body, 2*int(size)+1, got, want)
		}
	})
}

// FuzzSkipToRun compares the search for long runs with counting.
func FuzzSkipToRun(f *testing.F) {
	f.Add([]byte("words and aVeryLongWordOfOverTwentyCharacters, then:some.more/of+them-and_so on"), uint8(0))
	f.Fuzz(func(t *testing.T, body []byte, at uint8) {
		body = body[:min(len(body), surveySize)]
		from := min(int(at), len(body))
		var v survey
		v.take(body)
		v.findRuns(0)
		want := len(body)
		for start := from; start < len(body); start++ {
			end := start
			for end < len(body) && base64Values[body[end]] != 0 {
				end++
			}
			if end-start >= minRun || end == len(body) && end > start {
				want = start
				break
			}
			start = end
		}
		if got := skipToRun(&v, from, len(body)); got != want {
			t.Errorf("%q from %d: %d, want %d", body, from, got, want)
		}
	})
}
