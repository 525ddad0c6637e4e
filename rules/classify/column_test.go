package classify

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"github.com/borderflow/borderflow/rules/flow"
)

// luhnRules are weak on their own: one random number in ten passes.
func luhnRules() []*rule {
	return []*rule{{
		Detector: Detector{ID: "weak", Strength: flow.Weak, Evidence: EvidenceRequired},
		words:    words([]string{"known"}, []string{"other"}),
		chance:   0.1,
		forms:    []string{"9999999999"},
		check: func(t *token) flow.Strength {
			if !luhn(t.value()) {
				return 0
			}
			return flow.Weak
		},
	}, {
		Detector: Detector{ID: "medium", Strength: flow.Medium, Evidence: EvidenceHelps},
		words:    words([]string{"known"}, nil),
		chance:   0.1,
		forms:    []string{"99999999999"},
		check: func(t *token) flow.Strength {
			if !luhn(t.value()) {
				return 0
			}
			return flow.Medium
		},
	}, {
		Detector: Detector{ID: "field", Strength: flow.Medium},
		keys:     words([]string{"given name", "地址"}, []string{"type"}),
		field:    func(f *field, value []byte) match { return f.match(append(value, f.text...), flow.Medium) },
	}}
}

func classifierOf(rules []*rule) *Classifier {
	c := New(Options{})
	c.table = newTable(rules, false)
	return c
}

// numbers are n different numbers of the given length, of which genuine in every 100 pass the check.
func numbers(n, length, genuine int) []string {
	r := rand.New(rand.NewPCG(uint64(n), uint64(genuine)))
	all := make([]string, n)
	for i := range all {
		number := withLuhn(fmt.Sprintf("%0*d", length-1, 1e8+r.Int64N(9e8)))
		if r.IntN(100) >= genuine {
			number = number[:length-1] + string('0'+(number[length-1]-'0'+1+byte(r.IntN(9)))%10)
		}
		all[i] = number
	}
	return all
}

func TestColumnsOfGenuineValuesAreEvidenceAndRandomOnesAreNot(t *testing.T) {
	for _, c := range []struct {
		n, length, genuine int
		key                string
		want               map[string]int
	}{
		{100, 10, 100, "v", map[string]int{"weak": 100}},
		{19, 10, 100, "v", map[string]int{}},
		{20, 10, 100, "v", map[string]int{"weak": 20}},
		{19, 10, 100, "known", map[string]int{"weak": 19}},
		{100, 10, 100, "other", map[string]int{}},
		{1000, 10, 10, "v", map[string]int{}},
		{1000, 11, 10, "v", map[string]int{}},
		{100, 11, 100, "v", map[string]int{"medium": 100}},
		{5, 11, 100, "v", map[string]int{"medium": 5}},
	} {
		for name, row := range map[string]string{"application/json": `{"a":"x","%s":"%s"},`, "text/csv": "x,%[2]s\n"} {
			var body strings.Builder
			if name == "text/csv" {
				body.WriteString("a," + c.key + "\n")
			}
			for _, number := range numbers(c.n, c.length, c.genuine) {
				fmt.Fprintf(&body, row, c.key, number)
			}
			s := classifierOf(luhnRules()).NewStream(Meta{ContentType: name})
			s.Write([]byte(body.String()))
			soFar := counts(s.Facts())
			got := counts(s.Finish())
			if fmt.Sprint(got) != fmt.Sprint(c.want) || fmt.Sprint(soFar) != fmt.Sprint(c.want) {
				t.Errorf("%d values of %d digits under %q in %s, %d %% genuine: %v at the end and %v before, want %v",
					c.n, c.length, c.key, name, c.genuine, got, soFar, c.want)
			}
		}
	}
}

func TestAColumnsHeadingIsItsKey(t *testing.T) {
	c := classifierOf(luhnRules())
	number := numbers(1, 10, 100)[0]
	for _, separator := range []string{",", ";", "\t", "|"} {
		body := strings.ReplaceAll("Id,Known,Given Name,type of given name\n1,"+number+",Ann,x\n2,7,\"Be,th\",x\n", ",", separator)
		body = strings.Replace(body, "Be"+separator+"th", "Be"+separator+" th", 1)
		for _, end := range []string{"\n", "\r\n"} {
			text := strings.ReplaceAll(body, "\n", end)
			var places []string
			s := c.NewStream(Meta{ContentType: "text/csv", Found: func(p Position) {
				places = append(places, text[p.Offset:int(p.Offset)+p.Length])
			}})
			s.Write([]byte(text))
			s.Finish()
			if want := []string{number, "Ann", "Be" + separator + " th"}; fmt.Sprint(places) != fmt.Sprint(want) {
				t.Errorf("separated by %q: found %q, want %q", separator, places, want)
			}
		}
	}
	for _, prose := range []string{
		"Known, as we are,\nto have " + number + ", good bye\n",
		"dear sir, known\n" + number + "\n",
	} {
		s := c.NewStream(textMeta())
		s.Write([]byte(prose))
		if d := s.Finish(); s.scan.rows.on {
			t.Errorf("%q passes for a table: %v", prose, d.Findings)
		}
	}
}

func TestFieldsFireByTheirKeyInEveryNotation(t *testing.T) {
	c := classifierOf(luhnRules())
	for body, want := range map[string]string{
		`{"givenName":"Ann"}`:                    "Ann",
		`{"given_name" : "Ann"}`:                 "Ann",
		`{"x":{"Given-Name":["Ann", "Bo"]}}`:     "Ann Bo",
		`{"givenName":12.5,"a":1}`:               "12.5",
		`{"givenNameType":"Ann"}`:                "",
		`{"givenName":null}`:                     "null",
		"given-name=Ann other=x":                 "Ann",
		"given_name: Ann\nother: x\n":            "Ann",
		"<givenName>Ann</givenName>":             "Ann",
		`<person givenName="Ann"/>`:              "Ann",
		"地址:北京市，电话:1":                            "北京市",
		"given name: Ann, other: x":              "Ann",
		"the given name, as you know, is: Ann\n": "",
		"a ? given name : other":                 "other",
	} {
		var got []string
		s := c.NewStream(Meta{ContentType: "text/plain", Found: func(p Position) {
			got = append(got, body[p.Offset:int(p.Offset)+p.Length])
		}})
		s.Write([]byte(body))
		s.Finish()
		if strings.Join(got, " ") != want {
			t.Errorf("%s: found %q, want %q", body, got, want)
		}
	}
}

// TestEveryFormOfTheCatalogueIsSeen fills each form with digits and letters and puts it where a value may
// stand: what the kernel dismisses must never be one.
func TestEveryFormOfTheCatalogueIsSeen(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	fill := func(form string) string {
		b := []byte(form)
		for i, place := range b {
			switch {
			case place == '9', place == '*' && i%2 == 0:
				b[i] = byte('0' + r.IntN(10))
			case place == 'A', place == '*':
				b[i] = byte('A' + r.IntN(26))
			}
		}
		return string(b)
	}
	seen := map[string]string{}
	owners := map[string]string{}
	var rules []*rule
	for _, of := range catalogue(Options{}, 2026) {
		for _, form := range of.layouts() {
			if words := newForms(form); len(form) > maxForm || len(words) == 0 || words[0].word > maxWord {
				t.Fatalf("%s: the form %q is too long or has no digit", of.ID, form)
			}
			owners[form] = of.ID
		}
	}
	for form := range owners {
		rules = append(rules, &rule{forms: []string{form}, check: func(t *token) flow.Strength {
			seen[form] = string(t.raw)
			return 0
		}})
	}
	c := classifierOf(rules)
	for form, owner := range owners {
		first := newForms(form)[0]
		for range 4 {
			value := fill(form)
			if !strings.ContainsAny(value[first.at:][:first.word], "0123456789") {
				continue
			}
			for _, around := range []string{"%s", " %s ", `{"a":"%s"}`, strings.Repeat("x ", 30) + "%s\n", "号：%s。"} {
				clear(seen)
				s := c.NewStream(textMeta())
				fmt.Fprintf(s, around, value)
				if s.Finish(); seen[form] != value {
					t.Fatalf("%s, form %q: %q in %q is not seen", owner, form, value, around)
				}
			}
		}
	}
}

func TestEveryLiteralOfTheCatalogueIsSeen(t *testing.T) {
	seen := map[string]bool{}
	var rules []*rule
	for _, of := range catalogue(Options{}, 2026) {
		for _, literal := range of.literals {
			rules = append(rules, &rule{literals: []string{literal}, text: func(view []byte, at int, _ []byte) match {
				seen[literal] = bytes.HasPrefix(view[at:], []byte(literal))
				return match{}
			}})
		}
	}
	c := classifierOf(rules)
	for _, r := range rules {
		for _, around := range []string{"%s0123", " %s1 ", `"a":"%s1234"`, strings.Repeat("x ", 30) + "%s_a"} {
			clear(seen)
			s := c.NewStream(textMeta())
			fmt.Fprintf(s, around, r.literals[0])
			if s.Finish(); !seen[r.literals[0]] {
				t.Fatalf("%q in %q is not seen", r.literals[0], around)
			}
		}
	}
}

// TestStateOfAStreamIsBounded adds up what a stream holds for itself, however much it has found. The windows
// of decompressors are the encodings' own and not counted.
func TestStateOfAStreamIsBounded(t *testing.T) {
	s := New(Options{}).NewStream(jsonMeta())
	r := rand.New(rand.NewPCG(1, 2))
	most := 0
	measure := func() {
		v := &s.tally.values
		size := int(unsafe.Sizeof(*s)) + 8*cap(v.slots) + 4*cap(v.counts) + 4*cap(v.threshold) + cap(s.tally.strength) + 8*cap(s.tally.record)
		if v.people != nil {
			size += len(v.people.registers)
		}
		for _, said := range []*saying{s.scan.around.beforeSaid, s.scan.around.afterSaid} {
			if said != nil {
				size += 8 * 3 * len(said.support)
			}
		}
		most = max(most, size)
	}
	for range 200 {
		var b bytes.Buffer
		for range 100 {
			denseJSON(&b, r)
			fmt.Fprintf(&b, `{"k%d":"%d","e":"a%d@example.com"},`, r.IntN(1e6), r.Int64N(1e11), r.IntN(1e9))
		}
		s.Write(b.Bytes())
		measure()
	}
	s.Finish()
	t.Logf("%d bytes", most)
	if most > 64<<10 {
		t.Errorf("a stream takes %d bytes, want at most 64 KiB", most)
	}
}
