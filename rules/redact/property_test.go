package redact_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/redact"
)

// document makes a JSON value in which secrets stand among what is none.
func document(r *rand.Rand, depth int, secret func() any) any {
	plain := []any{"plain", "ünïcode \"quoted\" \\ / \n\t \U0001F600", 12.5, -3, true, nil, "", "2024-05-06", "order 12345", []any{}, map[string]any{}}
	switch n := r.IntN(10); {
	case n < 3 && depth > 0:
		list := make([]any, r.IntN(4))
		for i := range list {
			list[i] = document(r, depth-1, secret)
		}
		return list
	case n < 7 && depth > 0:
		object := map[string]any{}
		for i := range r.IntN(5) {
			object[fmt.Sprintf("k%d \"ä\\", i)] = document(r, depth-1, secret)
		}
		object["ssn"] = secret()
		return object
	case n == 7:
		inner, _ := json.Marshal(map[string]any{"ssn": secret(), "x": []any{1, "y"}})
		return string(inner)
	}
	return plain[r.IntN(len(plain))]
}

// sameShape reports where b differs from a other than by a leaf in which a secret stands.
func sameShape(a, b any, hasSecret func(any) bool) string {
	switch a := a.(type) {
	case map[string]any:
		other, ok := b.(map[string]any)
		if !ok || len(other) != len(a) {
			return "an object changed"
		}
		for key, value := range a {
			if _, ok := other[key]; !ok {
				return "a key changed"
			}
			if difference := sameShape(value, other[key], hasSecret); difference != "" {
				return difference
			}
		}
		return ""
	case []any:
		other, ok := b.([]any)
		if !ok || len(other) != len(a) {
			return "a list changed"
		}
		for i := range a {
			if difference := sameShape(a[i], other[i], hasSecret); difference != "" {
				return difference
			}
		}
		return ""
	}
	if hasSecret(a) {
		if a, ok := a.(string); ok && strings.HasPrefix(a, "{") {
			if b, ok := b.(string); !ok || !json.Valid([]byte(b)) {
				return "JSON within a string is none any more"
			}
		}
		return ""
	}
	return cmp.Diff(a, b)
}

func decode(text []byte, into *any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}

func TestOnlyLeavesWithValuesChange(t *testing.T) {
	classifier := classify.New(classify.Options{})
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var secrets []string
		secret := func() any {
			n := fmt.Sprintf("%03d%02d%04d", 501+r.IntN(150), 10+r.IntN(80), 1000+r.IntN(8000))
			secrets = append(secrets, n)
			switch r.IntN(3) {
			case 0:
				return json.Number(n)
			case 1:
				return n
			}
			return "her ssn is " + n[:3] + "-" + n[3:5] + "-" + n[5:] + " now"
		}
		holds := func(leaf any) bool {
			digits := strings.NewReplacer("-", "", " ", "").Replace(fmt.Sprint(leaf))
			for _, s := range secrets {
				if strings.Contains(digits, s) {
					return true
				}
			}
			return false
		}
		original := document(r, 5, secret)
		body, err := json.Marshal(original)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []redact.Selection{numbers, masked, lastFour} {
			out, report, err := redact.Apply(body, classify.Meta{ContentType: jsonType}, want, classifier)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			var before, after any
			if err := errors.Join(decode(body, &before), decode(out, &after)); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if difference := sameShape(before, after, holds); difference != "" {
				t.Fatalf("seed %d: %s", seed, difference)
			}
			for _, s := range secrets {
				if bytes.Contains(out, []byte(s)) || bytes.Contains(out, []byte(s[:3]+"-"+s[3:5]+"-"+s[5:])) {
					t.Fatalf("seed %d: a value remains", seed)
				}
			}
			if report.Redacted["us-ssn"] < len(secrets) {
				t.Fatalf("seed %d: %d places for %d values", seed, report.Redacted["us-ssn"], len(secrets))
			}
		}
	}
}

func TestTheClassifierReadsWhatTheViewReads(t *testing.T) {
	// Whatever escapes stand before a value, what is replaced is the value.
	before := []string{`\u00e9`, `\ud83d\ude00`, `\ud83d`, `\ude00`, `\ud83d\ud83d\ude00`, `\"`, `\\`, `\/`, `\b\f\n\r\t`, `é`, `\ud83dé`, `\ud83d\n`}
	classifier := classify.New(classify.Options{})
	for _, one := range before {
		for _, other := range before {
			body := `{"a":"` + one + other + `","ssn":"536-90-4399","b":"` + other + one + ` ssn 536-90-4399` + one + `"}`
			out, _, err := redact.Apply([]byte(body), classify.Meta{ContentType: jsonType}, numbers, classifier)
			want := strings.ReplaceAll(body, "536-90-4399", "[redacted:us-ssn]")
			if diff := cmp.Diff(want, string(out)); diff != "" || err != nil {
				t.Errorf("%s, %v", diff, err)
			}
		}
	}
}

func TestMessagesAreReadByTheirOwnFirstBytes(t *testing.T) {
	classifier := classify.New(classify.Options{})
	for body, want := range map[string]string{
		`{"ssn":536904399}`:             `{"ssn":"[redacted:us-ssn]"}`,
		`42["m",{"ssn":"536-90-4399"}]`: `42["m",{"ssn":"[redacted:us-ssn]"}]`,
	} {
		out, _, err := redact.Apply([]byte(body), classify.Meta{Message: true, ContentType: "application/xml"}, numbers, classifier)
		if err != nil || string(out) != want {
			t.Errorf("got %q, %v; want %q", out, err, want)
		}
	}
}

var fuzzedTypes = []string{jsonType, "application/x-ndjson", formType, partsType, "text/csv", "text/tab-separated-values", "text/plain", "", "application/xml"}

// FuzzApply checks what must hold of every body: no panic, nothing selected that remains, the same form,
// and the same result when it is applied again.
func FuzzApply(f *testing.F) {
	for _, c := range cases {
		for i, contentType := range fuzzedTypes {
			if contentType == c.contentType {
				f.Add([]byte(c.body), uint8(i), false)
				f.Add([]byte(c.body), uint8(i), true)
			}
		}
	}
	f.Add([]byte(`{"ssn":["\u0035\u0033\u0036-90-4399",536904399,true],"a":"[redacted:us-ssn] ana@posteo.de"}`), uint8(0), true)
	f.Add([]byte("[536-90-4399 ssn\n\\ud83d\\\\\"ssn 536-90-4399"), uint8(6), false)
	f.Add([]byte("\xef\xbb\xbf{\"ssn\":1}\x1e{\"ssn\":536904399}"), uint8(1), false)
	classifier := classify.New(classify.Options{})
	f.Fuzz(func(t *testing.T, body []byte, kind uint8, mask bool) {
		contentType := fuzzedTypes[int(kind)%len(fuzzedTypes)]
		want := redact.Selection{{Categories: []string{"personal", "financial"}}}
		if mask {
			want[0].With = redact.Mask
		}
		meta := classify.Meta{ContentType: contentType}
		out, report, err := redact.Apply(body, meta, want, classifier)
		if err != nil {
			if out != nil {
				t.Fatal("a refused body came out")
			}
			return
		}
		if len(report.Redacted) == 0 {
			if !bytes.Equal(body, out) {
				t.Fatal("the body changed, and nothing was redacted")
			}
			return
		}
		if len(out) > 16*len(body)+64 {
			t.Fatalf("%d bytes became %d", len(body), len(out))
		}
		again, _, err := redact.Apply(out, meta, want, classifier)
		if err != nil || !bytes.Equal(out, again) {
			t.Fatalf("applied again: %q, %q, %v", out, again, err)
		}
		switch contentType {
		case jsonType:
			if json.Valid(body) != json.Valid(out) {
				t.Fatalf("JSON: %q became %q", body, out)
			}
		case formType:
			before, err1 := url.ParseQuery(string(body))
			after, err2 := url.ParseQuery(string(out))
			if (err1 == nil) != (err2 == nil) || err1 == nil && !mask && len(after) > len(before) {
				t.Fatalf("form: %q became %q", body, out)
			}
		case "text/csv":
			before, err1 := csv.NewReader(bytes.NewReader(body)).ReadAll()
			after, err2 := csv.NewReader(bytes.NewReader(out)).ReadAll()
			if err1 == nil && (err2 != nil || len(before) != len(after)) {
				t.Fatalf("table: %q became %q", body, out)
			}
		}
	})
}

// BenchmarkApply compares redaction with reading alone, which the verdict has cost before.
func BenchmarkApply(b *testing.B) {
	classifier := classify.New(classify.Options{})
	var dense, clean bytes.Buffer
	dense.WriteByte('[')
	clean.WriteByte('[')
	for i := 0; dense.Len() < 1<<20; i++ {
		fmt.Fprintf(&dense, `{"id":%d,"ssn":"536-90-%04d","mail":"user%d@posteo.de","note":"nothing to see here"},`, i, 1000+i%8000, i)
		fmt.Fprintf(&clean, `{"id":%d,"state":"on","title":"user %d and some","note":"nothing to see here, move on"},`, i, i)
	}
	dense.WriteString("0]")
	clean.WriteString("0]")
	for _, c := range []struct {
		name string
		body []byte
	}{{"dense", dense.Bytes()}, {"clean", clean.Bytes()}} {
		b.Run("classify/"+c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.body)))
			for b.Loop() {
				s := classifier.NewStream(classify.Meta{ContentType: jsonType})
				_, _ = s.Write(c.body)
				s.Finish()
			}
		})
		b.Run("redact/"+c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := redact.Apply(c.body, classify.Meta{ContentType: jsonType}, everyPerson, classifier); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
