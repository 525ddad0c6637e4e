package redact

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/borderflow/borderflow/rules/classify"
)

func TestEveryCharacterIsReadAsTheClassifierReadsIt(t *testing.T) {
	classifier := classify.New(classify.Options{})
	aligned := func(text string) bool {
		v, err := newView([]byte("-"+text), classify.Meta{ContentType: "text/plain"})
		return err == nil && v.isAligned(classify.Meta{ContentType: "text/plain"}, classifier)
	}
	var b strings.Builder
	for r := rune(0xa0); r <= unicode.MaxRune; r++ {
		if utf8.ValidRune(r) {
			b.WriteRune(r)
		}
		if b.Len() < 4<<10 && r < unicode.MaxRune {
			continue
		}
		if text := b.String(); !aligned(text) {
			for _, one := range text {
				if !aligned(string(one)) {
					t.Errorf("%U is read differently", one)
				}
			}
		}
		b.Reset()
	}
}

func TestABodyThatIsReadDifferentlyIsNotAligned(t *testing.T) {
	classifier := classify.New(classify.Options{})
	for contentType, body := range map[string]string{
		"application/json":                      `{"a":"\u00e9","b":[1]}`,
		"application/x-www-form-urlencoded":     "a=%C3%A9&b=1",
		"text/csv":                              "a,b\n1,2\n",
		"text/plain":                            "x \u00ad y",
		"multipart/form-data; boundary=abcdefg": "--abcdefg\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--abcdefg--\r\n",
	} {
		meta := classify.Meta{ContentType: contentType}
		v, err := newView([]byte(body), meta)
		if err != nil {
			t.Fatal(err)
		}
		if !v.isAligned(meta, classifier) {
			t.Errorf("%s: not aligned", contentType)
		}
		v.text = v.text[:len(v.text)-1]
		if v.isAligned(meta, classifier) {
			t.Errorf("%s: aligned with a character less", contentType)
		}
	}
}

func TestAFindingTakesInWhatBelongsToIt(t *testing.T) {
	key := "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn\n", 60) + "-----END PRIVATE KEY-----"
	long := strings.Repeat("word ", 100)
	for _, c := range []struct{ name, contentType, body, found, want string }{
		{"all lines of a key", "text/plain", "a\n" + key + "\nb", key[:60], key},
		{"a key without an end, the rest", "text/plain", "a\n" + key[:200], key[:60], key[:200]},
		{"a string of which the beginning was looked at", "application/json", `{"a":"` + long + `"}`, long[:256], long},
		{"a line of which the beginning was looked at", "text/plain", long + "\nnext", long[:256], long},
		{"the rest of a word", "text/plain", "x eyJhbGciOi.eyJzdWIi-x_y= z", "eyJhbGciOi.eyJz", "eyJhbGciOi.eyJzdWIi-x_y="},
		{"nothing behind its end", "text/plain", "ssn 536-90-4399.", "536-90-4399", "536-90-4399"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := newView([]byte(c.body), classify.Meta{ContentType: c.contentType})
			if err != nil {
				t.Fatal(err)
			}
			from := strings.Index(string(v.text), c.found)
			s := v.widen(span{from: from, to: from + len(c.found)})
			if got := string(v.text[s.from:s.to]); got != c.want {
				t.Errorf("got %q", got)
			}
		})
	}
}
