package redact_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/redact"
)

var (
	numbers     = redact.Selection{{Detectors: []string{"us-ssn"}, Categories: []string{"financial"}}}
	masked      = redact.Selection{{Detectors: []string{"us-ssn"}, Categories: []string{"financial"}, With: redact.Mask}}
	lastFour    = redact.Selection{{Detectors: []string{"us-ssn"}, Categories: []string{"financial"}, With: redact.Mask, KeepLast: 4}}
	mail        = redact.Selection{{Detectors: []string{"email"}}}
	maskedMail  = redact.Selection{{Detectors: []string{"email"}, With: redact.Mask}}
	everyPerson = redact.Selection{{Categories: []string{"personal", "financial"}}}
)

const (
	jsonType  = "application/json"
	formType  = "application/x-www-form-urlencoded"
	partsType = "multipart/form-data; boundary=b"
)

// lines writes a multipart body in a readable way.
func lines(text ...string) string { return strings.Join(text, "\r\n") }

var cases = []struct {
	name, contentType string
	want              redact.Selection
	body, out         string
	count             map[string]int
}{
	{"a string becomes a placeholder", jsonType, numbers,
		`{"ssn": "536-90-4399", "n": 1}`, `{"ssn": "[redacted:us-ssn]", "n": 1}`, map[string]int{"us-ssn": 1}},
	{"text around a value stays", jsonType, numbers,
		`{"note": "SSN is 536-90-4399, call her"}`, `{"note": "SSN is [redacted:us-ssn], call her"}`, map[string]int{"us-ssn": 1}},
	{"a number becomes a string", jsonType, numbers,
		`{"ssn":536904399,"card":4539578763621486}`, `{"ssn":"[redacted:us-ssn]","card":"[redacted:payment-card]"}`,
		map[string]int{"us-ssn": 1, "payment-card": 1}},
	{"a masked number stays a number", jsonType, masked,
		`{"ssn":536904399}`, `{"ssn":100000000}`, map[string]int{"us-ssn": 1}},
	{"a mask keeps the shape", jsonType, masked,
		`{"ssn":"536-90-4399"}`, `{"ssn":"000-00-0000"}`, map[string]int{"us-ssn": 1}},
	{"a mask can keep the last characters", jsonType, lastFour,
		`{"ssn":"536-90-4399","card":"4539 5787 6362 1486"}`, `{"ssn":"000-00-4399","card":"0000 0000 0000 1486"}`,
		map[string]int{"us-ssn": 1, "payment-card": 1}},
	{"a mask that is a value too becomes stars", jsonType, maskedMail,
		`{"to":"ana.b@example.com"}`, `{"to":"***.*********.***"}`, nil},
	{"escapes are undone to find a value and replaced whole", jsonType, numbers,
		`{"a":"\"\\\/\b\n\ud83d\ude00\ud83d","ssn":"\u0035\u0033\u0036-90-439\u0039"}`,
		`{"a":"\"\\\/\b\n\ud83d\ude00\ud83d","ssn":"[redacted:us-ssn]"}`, map[string]int{"us-ssn": 1}},
	{"JSON within a string stays JSON", jsonType, numbers,
		`{"body":"{\"ssn\":536904399,\"x\":[\"536-90-4399\"]}"}`,
		`{"body":"{\"ssn\":\"[redacted:us-ssn]\",\"x\":[\"[redacted:us-ssn]\"]}"}`, map[string]int{"us-ssn": 2}},
	{"a value is replaced where nothing tells what it is", jsonType, numbers,
		`{"ssn":"536904399","ref":"a 536904399","url":"/u/536904399/x","n":536904399}`,
		`{"ssn":"[redacted:us-ssn]","ref":"a [redacted:us-ssn]","url":"/u/[redacted:us-ssn]/x","n":"[redacted:us-ssn]"}`, nil},
	{"a value is replaced however it is separated", jsonType, numbers,
		`{"ssn":"536904399","log":"536-90-4399, 536 90 4399"}`,
		`{"ssn":"[redacted:us-ssn]","log":"[redacted:us-ssn], [redacted:us-ssn]"}`, nil},
	{"keys are numbered so that none is lost", jsonType, mail,
		`{"ana@posteo.de":1,"bob@posteo.de":{"carl@posteo.de":2}}`,
		`{"[redacted:email]":1,"[redacted:email#2]":{"[redacted:email]":2}}`, map[string]int{"email": 3}},
	{"each line of NDJSON is its own document", "application/x-ndjson", numbers,
		"{\"ssn\":\"536-90-4399\"}\n{\"ssn\":536904398}\n", "{\"ssn\":\"[redacted:us-ssn]\"}\n{\"ssn\":\"[redacted:us-ssn]\"}\n", nil},
	{"what is not selected stays", jsonType, mail,
		`{"ssn":"536-90-4399","to":"ana@posteo.de"}`, `{"ssn":"536-90-4399","to":"[redacted:email]"}`, map[string]int{"email": 1}},
	{"a body without a selected value stays as it is", jsonType, mail, `{"ssn":"536-90-4399"`, `{"ssn":"536-90-4399"`, nil},
	{"a form is encoded", formType, numbers,
		"a=1%262&ssn=536-90-4399&note=ssn%3A+536%2D90%2D4399", "a=1%262&ssn=%5Bredacted%3Aus-ssn%5D&note=ssn%3A+%5Bredacted%3Aus-ssn%5D",
		map[string]int{"us-ssn": 2}},
	{"JSON in a field of a form stays JSON", formType, numbers,
		"payload=%7B%22ssn%22%3A536904399%7D&x=1", "payload=%7B%22ssn%22%3A%22%5Bredacted%3Aus-ssn%5D%22%7D&x=1", nil},
	{"JSON that is called a form stays JSON", formType, numbers, `{"ssn":"536-90-4399"}`, `{"ssn":"[redacted:us-ssn]"}`, nil},
	{"text", "text/plain; charset=utf-8", numbers, "Grüße, ssn 536-90-4399.\n", "Grüße, ssn [redacted:us-ssn].\n", nil},
	{"text without a type", "", mail, "write to ana@posteo.de", "write to [redacted:email]", nil},
	{"text that begins like JSON", "text/plain", numbers, `[INFO] C:\users ssn=536-90-4399`, `[INFO] C:\users ssn=[redacted:us-ssn]`, nil},
	{"ASCII in another charset", "text/plain; charset=iso-8859-1", numbers, "Yes, ssn 536-90-4399", "Yes, ssn [redacted:us-ssn]", nil},
	{"characters that look like ASCII", jsonType, numbers,
		"{\"a\":\"\u00a0\u2013\u200b\",\"ssn\":\"５３６-９０-４３９９\",\"b\":\"ssn 536\u200b-90\\u201343\u00ad99 \u00fc\"}",
		"{\"a\":\"\u00a0\u2013\u200b\",\"ssn\":\"[redacted:us-ssn]\",\"b\":\"ssn [redacted:us-ssn] \u00fc\"}", nil},
	{"cells of a table", "text/csv", numbers,
		"name,ssn\r\n\"Doe, \"\"J\"\"\",ssn 536-90-4399\r\nx,\"ssn 536-90-4398\"\r\n",
		"name,ssn\r\n\"Doe, \"\"J\"\"\",ssn [redacted:us-ssn]\r\nx,\"ssn [redacted:us-ssn]\"\r\n", nil},
	{"parts of a form keep their boundaries and tell their length", partsType, numbers,
		lines("--b", `Content-Disposition: form-data; name="ssn"`, "", "536-90-4399",
			"--b", `Content-Disposition: form-data; name="doc"; filename="d.json"`, "Content-Type: application/json", "Content-Length: 21", "",
			`{"ssn":"536-90-4399"}`, "--b", `Content-Disposition: form-data; name="n"`, "", "", "--b--", ""),
		lines("--b", `Content-Disposition: form-data; name="ssn"`, "", "[redacted:us-ssn]",
			"--b", `Content-Disposition: form-data; name="doc"; filename="d.json"`, "Content-Type: application/json", "Content-Length: 27", "",
			`{"ssn":"[redacted:us-ssn]"}`, "--b", `Content-Disposition: form-data; name="n"`, "", "", "--b--", ""),
		map[string]int{"us-ssn": 2}},
	{"nothing in, nothing out", jsonType, numbers, "", "", nil},
}

func TestApplyReplacesWhatIsSelectedAndNothingElse(t *testing.T) {
	classifier := classify.New(classify.Options{})
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			out, report, err := redact.Apply([]byte(c.body), classify.Meta{ContentType: c.contentType}, c.want, classifier)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.out, string(out)); diff != "" {
				t.Error(diff)
			}
			if c.count != nil {
				if diff := cmp.Diff(c.count, report.Redacted); diff != "" {
					t.Error(diff)
				}
			}
			again, _, err := redact.Apply(out, classify.Meta{ContentType: c.contentType}, c.want, classifier)
			if diff := cmp.Diff(string(out), string(again)); diff != "" || err != nil {
				t.Error("applied again: ", diff, err)
			}
		})
	}
}

func TestApplyRefuses(t *testing.T) {
	classifier := classify.New(classify.Options{})
	part := func(header string) string {
		return lines("--b", `Content-Disposition: form-data; name="ssn"`, header, "", "536-90-4399", "--b--", "")
	}
	for _, c := range []struct {
		name   string
		meta   classify.Meta
		want   redact.Selection
		body   string
		reason string
	}{
		{"malformed JSON", classify.Meta{ContentType: jsonType}, numbers, `{"ssn":"536-90-4399",}`, "not well-formed JSON"},
		{"half a document", classify.Meta{ContentType: jsonType}, numbers, `{"ssn":"536-90-4399"`, "not well-formed JSON"},
		{"a value in the path", classify.Meta{ContentType: jsonType, Path: "/ssn/536-90-4399"}, numbers, `{}`, "found in the path"},
		{"a value in the query", classify.Meta{ContentType: jsonType, Query: "ssn=536-90-4399"}, numbers, `{}`, "found in the query"},
		{"a binary body", classify.Meta{ContentType: "image/png"}, numbers, "ssn 536-90-4399", "cannot be read"},
		{"a charset that is not read", classify.Meta{ContentType: "text/plain; charset=utf-16"}, numbers, "ssn 536-90-4399", "cannot be read"},
		{"a charset whose bytes are not ASCII's", classify.Meta{ContentType: "text/plain; charset=gbk"}, numbers, "ssn 536-90-4399", "not UTF-8"},
		{"bytes that are no UTF-8", classify.Meta{ContentType: jsonType}, numbers, "{\"ssn\":\"536-90-4399\",\"x\":\"\xff\"}", "not UTF-8"},
		{"XML", classify.Meta{ContentType: "application/xml"}, numbers, "<ssn>536-90-4399</ssn>", "not rewritten"},
		{"letters of a single-byte charset", classify.Meta{ContentType: "text/plain; charset=iso-8859-1"}, numbers, "Gr\xfc\xdfe, ssn 536-90-4399", "not UTF-8"},
		{"protobuf", classify.Meta{ContentType: "application/protobuf"}, numbers, "\x0a\x0fssn 536-90-4399", "not rewritten"},
		{"an unknown coding", classify.Meta{ContentType: jsonType, ContentEncoding: "lzma"}, numbers, "{}", "content encoding"},
		{"broken gzip", classify.Meta{ContentType: jsonType, ContentEncoding: "gzip"}, numbers, "{}", "decompressed"},
		{"a part header", classify.Meta{ContentType: partsType}, mail,
			lines("--b", `Content-Disposition: form-data; name="f"; filename="ana@posteo.de"`, "", "x", "--b--", ""), "found in the part header"},
		{"a part in base64", classify.Meta{ContentType: partsType}, numbers,
			lines("--b", `Content-Disposition: form-data; name="ssn"`, "Content-Transfer-Encoding: base64", "", "NTM2LTkwLTQzOTk=", "--b--", ""), "transfer encoding"},
		{"a part with a digest", classify.Meta{ContentType: partsType}, numbers, part("Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ=="), "digest"},
		{"a part of another length", classify.Meta{ContentType: partsType}, numbers, part("Content-Length: 12"), "length of a part"},
		{"text before the first part", classify.Meta{ContentType: partsType}, numbers, "x\r\n" + part("X: y"), "begin with its boundary"},
		{"a table whose quotes do not end", classify.Meta{ContentType: "text/csv"}, numbers, "ssn\n\"ssn 536-90-4399\n", "does not end"},
		{"JSON in a cell", classify.Meta{ContentType: "text/csv"}, numbers, "id,doc\n1,\"{\"\"ssn\"\":536904399}\"\n", "within a cell"},
		{"masked keys that become the same", classify.Meta{ContentType: jsonType}, maskedMail, `{"ana@posteo.de":1,"bob@posteo.de":2}`, "keys"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, _, err := redact.Apply([]byte(c.body), c.meta, c.want, classifier)
			var refusal *redact.Refusal
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %q, %v; want a refusal that says %q", out, err, c.reason)
			}
			if out != nil {
				t.Error("a refused body came out")
			}
			if err != nil && (strings.Contains(err.Error(), "4399") || strings.Contains(err.Error(), "ana")) {
				t.Error("the refusal quotes the payload")
			}
		})
	}
}
