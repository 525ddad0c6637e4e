package classify

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/flow"
)

const (
	card = "4539578763621486" // no published test number; Visa range, valid Luhn digit
	ssn  = "536225112"
)

func TestFieldKeysAreEvidenceInEveryNotation(t *testing.T) {
	for _, body := range []string{
		`{"ssn":"536225112"}`,
		`{"ssn":536225112}`,
		`{"ssn" : [ "536225112" ]}`,
		`{"employee":{"ssn":{"country":"US","value":"536225112"}}}`,
		`{"socialSecurityNumber":"536225112"}`,
		`{"SSNNumber":"536225112"}`,
		`{"customer_ssn":"no dashes 536225112"}`,
		`{"payload":"{\"ssn\":\"536225112\"}"}`,
		`{"\u0073sn":"536225112"}`,
		`{"ssn":"\u0035362\u00325112"}`,
		"ssn=536225112",
		"ssn: 536225112",
		"ssn: '536225112'",
		"'ssn' => '536225112'",
		"<ssn>536225112</ssn>",
		`<person ssn="536225112"/>`,
		"SSN:\n536225112",
		"Sozialversicherungsnummer: 536225112",
		"社会安全号:536225112",
	} {
		meta := textMeta()
		if body[0] == '{' {
			meta = jsonMeta()
		}
		d := read(meta, body)
		if strengthOf(d, "us-ssn") != flow.Medium {
			t.Errorf("%s: %v, want one medium us-ssn", body, d.Findings)
		}
	}
}

func TestWordsNearbyAreEvidence(t *testing.T) {
	for body, want := range map[string]bool{
		"her social security number, she said, is 536225112": true,
		"it is 536225112 (that is the SSN)":                  true,
		"assn 536225112":                                     false,
		"the SSN is not in this sentence, which is far too long for it to be still near: 536225112": false,
		`{"ssn":null,"zip":"536225112"}`: false,
		`{"zip":"536225112","ssn":null}`: false,
		"ssn=&zip=536225112":             false,
	} {
		if got := strengthOf(read(textMeta(), body), "us-ssn") != 0; got != want {
			t.Errorf("%s: found %v, want %v", body, got, want)
		}
	}
}

func TestEvidenceCarriesOnOverALongList(t *testing.T) {
	var list []string
	for i := range 500 {
		list = append(list, fmt.Sprintf(`"53622%04d"`, 1000+i))
	}
	body := `{"ssns":[` + strings.Join(list, ", ") + `],"zips":["536230001","536230002"]}`
	if d := read(jsonMeta(), body); counts(d)["us-ssn"] != 500 {
		t.Errorf("found %v, want 500", d.Findings)
	}
}

func TestTheNearestTermDecides(t *testing.T) {
	for body, want := range map[string]flow.Strength{
		`{"card":"` + card + `"}`:                        flow.Strong,
		`{"value":"` + card + `"}`:                       flow.Medium,
		`{"order_id":"` + card + `"}`:                    0,
		`{"card_id":"` + card + `"}`:                     0,
		`{"order_card":"` + card + `"}`:                  flow.Strong,
		`{"order":{"number":"` + card + `"}}`:            0,
		`{"card":{"brand":"x","number":"` + card + `"}}`: flow.Strong,
		`{"order":{"card":"` + card + `"}}`:              flow.Strong,
		`{"order_id":"x","n":"` + card + `"}`:            flow.Medium,
		"Order " + card + " has shipped":                 0,
		"the order of last week was charged to " + card:  flow.Medium,
		"abc-" + card: 0,
		"abc_" + card: 0,
		"0." + card:   0,
		"+" + card:    0,
		`{"card":{"note":"` + strings.Repeat("x ", 150) + `","number":"` + card + `"}}`: flow.Strong,
		"Order 17 was paid with card no. " + card:                                       flow.Medium,
		"订单号 " + card:  0,
		"银行卡号：" + card: flow.Strong,
	} {
		if got := strengthOf(read(textMeta(), body), "payment-card"); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func TestHardNegativesStayClean(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	var b strings.Builder
	for i := range 3000 {
		id := random(16)
		fmt.Fprintf(&b, `{"sha256":"%x","md5":"%x","uuid":"%x-%x-%x-%x-%x","blob":"%s",`, random(32), random(16),
			id[:4], id[4:6], id[6:8], id[8:10], id[10:], base64.StdEncoding.EncodeToString(random(48)))
		fmt.Fprintf(&b, `"ts":%d,"ts_ms":%d,"ts_us":%d,"ts_ns":%d,`, 1_700_000_000+i, 1_700_000_000_000+r.Int64N(1e10),
			1_700_000_000_000_000+r.Int64N(1e13), 1_700_000_000_000_000_000+r.Int64N(1e16))
		fmt.Fprintf(&b, `"lat":%.15f,"ratio":%.16f,"big":%d.0,"exp":%de+02,`, r.Float64()*90, r.Float64(),
			4_000_000_000_000_000+r.Int64N(1e15), 4_000_000_000_000_000+r.Int64N(1e15))
		fmt.Fprintf(&b, `"orderId":"%016d","order_number":%d,"trackingNumber":"%d","hash":"%d","traceId":"%019d",`,
			r.Int64N(1e16), 4_000_000_000_000_000+r.Int64N(1e15), 5_100_000_000_000_000+r.Int64N(1e14),
			6_200_000_000_000_000+r.Int64N(1e14), r.Int64N(1e18))
		fmt.Fprintf(&b, `"zip9":"%09d","ean":"40%011d","snowflake":%d,`, r.Int64N(1e9),
			r.Int64N(1e11), 1_100_000_000_000_000_000+r.Int64N(1e17))
		fmt.Fprintf(&b, `"url":"https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIA%012d%%2F20260101&X-Amz-Date=20260101T000000Z&X-Amz-Signature=%x",`,
			r.Int64N(1e12), random(32))
		fmt.Fprintf(&b, `"js":"!function(e,t){var n=%d;r[%d]=t@e;a.b@%d.c}(this,%d.%d)","pkg":["@scope/package","lodash@4.17.%d"],`,
			r.IntN(1e9), r.IntN(1e6), r.IntN(99), r.IntN(1e6), r.Int64N(1e16), r.IntN(30))
		fmt.Fprintf(&b, `"img":"icon@2x.png","git":"git@github.com:o/r%d.git","from":"noreply@example.com","ip":"10.%d.%d.%d"}`+"\n",
			i, r.IntN(256), r.IntN(256), r.IntN(256))
	}
	positions := map[string]int{}
	s := New(Options{}).NewStream(Meta{ContentType: "application/x-ndjson", Found: func(p Position) {
		if positions[p.Detector]++; positions[p.Detector] <= 3 {
			from := max(0, int(p.Offset)-60)
			t.Logf("%s in %s", p.Detector, b.String()[from:int(p.Offset)+p.Length])
		}
	}})
	s.Write([]byte(b.String()))
	if d := s.Finish(); len(d.Findings) != 0 {
		t.Errorf("found %v in %d bytes of clean text", d.Findings, b.Len())
	}
}

func TestPositionsPointAtTheValueInTheDecodedText(t *testing.T) {
	filler := strings.Repeat("lorem ipsum ", 5000)
	body := filler + "card 4539 5787 6362 1486, mail anna@example.com"
	var got []Position
	s := New(Options{}).NewStream(Meta{Path: "/u/bob%40example.com", Query: "a=1&ssn=" + ssn,
		Found: func(p Position) { got = append(got, p) }})
	for i := 0; i < len(body); i += 7 {
		s.Write([]byte(body[i:min(i+7, len(body))]))
	}
	s.Finish()
	want := []Position{
		{"email", "path", 3, 15, flow.Strong},
		{"us-ssn", "query", 8, 9, flow.Medium},
		{"payment-card", "body", int64(strings.Index(body, "4539")), 19, flow.Medium},
		{"email", "body", int64(strings.Index(body, "anna")), 16, flow.Strong},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAValueCountsOnceHoweverItIsWritten(t *testing.T) {
	body := "card 4539578763621486, card 4539 5787 6362 1486, card 4539-5787-6362-1486, A@example.com a@EXAMPLE.com"
	if diff := cmp.Diff(map[string]int{"payment-card": 1, "email": 1}, counts(read(textMeta(), body))); diff != "" {
		t.Error(diff)
	}
}
