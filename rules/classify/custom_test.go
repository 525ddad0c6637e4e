package classify

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules/classify/exact"
	"github.com/borderflow/borderflow/rules/classify/pattern"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/google/go-cmp/cmp"
)

func keywords(id string, texts ...string) Custom {
	return Custom{Detector: Detector{ID: id, Categories: []string{"important"}, Strength: flow.Medium}, Keywords: texts}
}

func matching(t testing.TB, id, text string, slow bool) Custom {
	t.Helper()
	p, err := pattern.Compile(text, slow)
	if err != nil {
		t.Fatal(err)
	}
	return Custom{Detector: Detector{ID: id, Categories: []string{"important"}, Strength: flow.Medium}, Pattern: p}
}

func tableOf(t testing.TB, id string, values ...string) Custom {
	t.Helper()
	salt := exact.NewSalt()
	b := exact.NewBuilder(salt)
	for _, v := range values {
		if err := b.Add(v); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	if _, err := b.WriteTo(&file); err != nil {
		t.Fatal(err)
	}
	set, err := exact.Parse(file.Bytes(), salt)
	if err != nil {
		t.Fatal(err)
	}
	return Custom{Detector: Detector{ID: id, Categories: []string{"customers"}, Strength: flow.Strong}, Exact: set}
}

// foundBy returns what each of the operator's detectors finds, in the order of the text.
func foundBy(c *Classifier, contentType, text string, cuts ...int) (found []string) {
	s := c.NewStream(Meta{ContentType: contentType, Found: func(p Position) {
		if strings.HasPrefix(p.Detector, "custom/") && p.Place == "body" {
			found = append(found, fmt.Sprintf("%s %d+%d %v", p.Detector, p.Offset, p.Length, p.Strength))
		}
	}})
	last := 0
	for _, cut := range append(cuts, len(text)) {
		_, _ = s.Write([]byte(text[last:cut]))
		if len(cuts) > 0 && cut%3 == 0 {
			s.Facts()
		}
		last = cut
	}
	s.Finish()
	slices.Sort(found)
	return found
}

func countOf(c *Classifier, contentType, text, id string) int {
	s := c.NewStream(Meta{ContentType: contentType})
	_, _ = s.Write([]byte(text))
	for _, f := range s.Finish().Findings {
		if f.Detector == id {
			return f.Count
		}
	}
	return 0
}

func TestKeywordsAreWholeWordsInAnyCase(t *testing.T) {
	c := New(Options{Custom: []Custom{keywords("custom/k", "Falcon", "project blue sky", "Übersicht", "机密文件", "секрет", "R&D plan", "#internal", "geheim ohne")}})
	for text, want := range map[string]int{
		"the FALCON flies":                     1,
		"falconry and superfalcon":             0,
		"falcon_1":                             0,
		"the falcon, Falcon and FALCON":        1, // one keyword, however often
		"Project Blue\n  sky":                  1,
		"project bluesky":                      0,
		"ÜBERSICHT; übersicht":                 1, // spelt differently, counted once
		"Preisübersicht":                       0,
		"这是机密文件。":                              1,
		"Секрет":                               1,
		"секретный":                            0,
		"our r&d plan":                         1,
		"tagged #Internal":                     1,
		"ｆａｌｃｏｎ":                               1,
		"fal\u200bcon":                         1,
		"geheimohne":                           0,
		strings.Repeat("x ", 40000) + "falcon": 1,
	} {
		if got := countOf(c, "text/plain", text, "custom/k"); got != want {
			t.Errorf("%.60q: %d, want %d", text, got, want)
		}
	}
	for text, want := range map[string]int{`{"note":"a\nfalcon"}`: 1, `{"note":"\u0066alcon"}`: 1, `{"falcon":1}`: 1, `{"a":"\u673a\u5bc6\u6587\u4ef6"}`: 1} {
		if got := countOf(c, "application/json", text, "custom/k"); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

func TestCaseCountsWhereItIsAskedFor(t *testing.T) {
	k := keywords("custom/k", "INTERN")
	k.MatchCase = true
	c := New(Options{Custom: []Custom{k}})
	if got := countOf(c, "text/plain", "an intern, Intern", "custom/k"); got != 0 {
		t.Errorf("found %d in another case", got)
	}
	if got := countOf(c, "text/plain", "INTERN!", "custom/k"); got != 1 {
		t.Errorf("found %d", got)
	}
}

func TestEvidenceDecidesOnWeakKeywords(t *testing.T) {
	k := keywords("custom/k", "mercury")
	k.Strength, k.Supports, k.Denies = flow.Weak, []string{"project", "codename"}, []string{"planet"}
	c := New(Options{Custom: []Custom{k}})
	for text, want := range map[string]int{
		"mercury is hot":                  0,
		"our project is called mercury":   1,
		`{"codename":"mercury"}`:          1,
		`{"planet":"mercury"}`:            0,
		"name,codename\na,mercury\nb,x\n": 1,
	} {
		if got := countOf(c, "text/csv", text, "custom/k"); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

func TestPatternsFindWhatTheyMatch(t *testing.T) {
	c := New(Options{Custom: []Custom{matching(t, "custom/p", `\bPRJ-[0-9]{4}\b`, false), matching(t, "custom/within", `[A-Z]{2}-falcon-\d`, false), matching(t, "custom/slow", `\b[0-9]{2}[A-F]{2}[0-9]{3}\b`, true)}})
	text := "PRJ-1234 prj-9999 xPRJ-5678 PRJ-12345\nAB-falcon-7 12AB345 " + strings.Repeat("z", 300) + " 98FE765"
	got := foundBy(c, "text/plain", text)
	want := []string{"custom/p 0+8 medium", "custom/slow 359+7 medium", "custom/slow 50+7 medium", "custom/within 38+11 medium"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestExactValuesAreFoundWhereverTheyStand(t *testing.T) {
	c := New(Options{Custom: []Custom{tableOf(t, "custom/customers", "C-2024-00017", "4711 0815", "max@example.com")}})
	for text, want := range map[string]int{
		`{"customer":"c202400017"}`:              1,
		`{"customer":"C-2024-00018"}`:            0,
		`see 4711-0815, MAX@EXAMPLE.COM`:         2,
		`mailto:max@example.com`:                 1,
		`xmax@example.com`:                       0,
		`id=47110815&x=1`:                        1,
		`{"u":"\u0043-2024-00017","v":47110815}`: 2,
	} {
		if got := countOf(c, "application/json", text, "custom/customers"); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

func everyKind(t testing.TB) *Classifier {
	weak := keywords("custom/weak", "mercury", "venus")
	weak.Strength, weak.Supports = flow.Weak, []string{"project"}
	return New(Options{Custom: []Custom{
		keywords("custom/k", "falcon", "blue sky", "机密文件", "#tag", "übersicht"), weak,
		matching(t, "custom/p", `\bPRJ-[0-9]{2,}`, false), matching(t, "custom/w", `[a-z]{1,9}-SEC-[a-z]+`, false), matching(t, "custom/s", `[0-9]{3,}x[0-9]+`, true),
		tableOf(t, "custom/t", "C-2024-00017", "4711 0815", "max@example.com"),
	}})
}

func pieces(r *rand.Rand, n int) string {
	all := []string{"falcon ", "blue  sky", "机密文件", " #tag", "Übersicht", "project mercury ", "venus", "PRJ-123", "abc-SEC-de", "123x45", "67x8", "C-2024-", "00017 ", "4711 ", "0815",
		"max@", "example.com", "\n", " ", ",", `","`, "x", "lorem ipsum ", "12345678 "}
	var b strings.Builder
	for range n {
		b.WriteString(all[r.IntN(len(all))])
	}
	return b.String()
}

func TestCustomFindingsDoNotDependOnHowTheTextIsCut(t *testing.T) {
	c := everyKind(t)
	r := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		text := pieces(r, 20+r.IntN(3000))
		want := foundBy(c, "text/plain", text)
		if len(want) == 0 {
			continue
		}
		var cuts []int
		for range 1 + r.IntN(20) {
			cuts = append(cuts, r.IntN(len(text)+1))
		}
		slices.Sort(cuts)
		if diff := cmp.Diff(want, foundBy(c, "text/plain", text, cuts...)); diff != "" {
			t.Fatalf("cut at %v: %s", cuts, diff)
		}
	}
}

func TestBuiltInFindingsStayTheSameBesideCustomOnes(t *testing.T) {
	plain, own := New(Options{}), everyKind(t)
	var text bytes.Buffer
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		denseJSON(&text, r)
		text.WriteString(`{"note":"` + strings.NewReplacer(`"`, "", "\n", "").Replace(pieces(r, 3)) + `"},`)
	}
	builtIn := func(c *Classifier) (found []string, subjects int) {
		s := c.NewStream(Meta{ContentType: "application/json", Found: func(p Position) {
			if !strings.HasPrefix(p.Detector, "custom/") {
				found = append(found, fmt.Sprint(p))
			}
		}})
		_, _ = s.Write(text.Bytes())
		return found, s.Finish().Subjects
	}
	want, people := builtIn(plain)
	got, peopleToo := builtIn(own)
	if diff := cmp.Diff(want, got); diff != "" || people != peopleToo {
		t.Errorf("%d and %d people: %s", people, peopleToo, diff)
	}
}

func TestPatternsOverTheirBudgetAreSaid(t *testing.T) {
	c := New(Options{Custom: []Custom{matching(t, "custom/s", `[0-9]{3}x`, true)}})
	s := c.NewStream(Meta{ContentType: "text/plain"})
	chunk := bytes.Repeat([]byte("lorem ip\n"), 1<<17)
	for sent := 0; sent <= maxSlowWork; sent += len(chunk) {
		_, _ = s.Write(chunk)
	}
	if data := s.Finish(); data.Undecodable != "budget: the operator's patterns" || data.Coverage != flow.CoveragePartial {
		t.Errorf("%q, %v", data.Undecodable, data.Coverage)
	}
}

func TestCustomDetectorsMakeNoGarbagePerChunk(t *testing.T) {
	c := everyKind(t)
	s := c.NewStream(Meta{ContentType: "text/plain"})
	defer s.Abort()
	chunk := []byte(strings.Repeat("falcon PRJ-123 C-2024-00017 lorem ipsum project mercury max@example.com\n", 100))
	_, _ = s.Write(chunk)
	if n := testing.AllocsPerRun(100, func() { _, _ = s.Write(chunk) }); n > 0 && !raceEnabled {
		t.Errorf("%v allocations per chunk", n)
	}
}

// manyKeywords are made up and stand nowhere in the corpora.
func manyKeywords(n int) []string {
	r := rand.New(rand.NewPCG(7, 8))
	all := make([]string, n)
	for i := range all {
		var b strings.Builder
		for range 3 + r.IntN(3) {
			b.WriteByte("bcdfghklmnprstvw"[r.IntN(16)])
			b.WriteByte("aeiou"[r.IntN(5)])
		}
		all[i] = b.String() + "x"
	}
	return all
}

// BenchmarkCustom shows what the operator's detectors cost beside the built-in ones: 1,000 keywords about
// what 10 do.
func BenchmarkCustom(b *testing.B) {
	values := make([]string, 100_000)
	for i := range values {
		values[i] = fmt.Sprintf("C%08d", i)
	}
	table := tableOf(b, "custom/t", values...)
	for _, corpus := range []struct {
		name, contentType string
		text              []byte
	}{{"text", "text/plain", corpus(4*mebibyte, cleanText)}, {"JSON", "application/json", corpus(4*mebibyte, cleanJSON)}, {"dense JSON", "application/json", corpus(4*mebibyte, denseJSON)}} {
		for _, c := range []struct {
			name string
			own  []Custom
		}{
			{"none", nil}, {"10 keywords", []Custom{keywords("custom/k", manyKeywords(10)...)}}, {"1000 keywords", []Custom{keywords("custom/k", manyKeywords(1000)...)}},
			{"100000 keywords", []Custom{keywords("custom/k", manyKeywords(100_000)...)}}, {"word pattern", []Custom{matching(b, "custom/p", `\bPRJ-[0-9]+`, false)}},
			{"inner pattern", []Custom{matching(b, "custom/p", `[A-Z]+-PRJ-[0-9]+`, false)}}, {"slow pattern", []Custom{matching(b, "custom/p", `[0-9]{2}[A-F]{3}`, true)}}, {"100000 values", []Custom{table}},
		} {
			b.Run(corpus.name+"/"+c.name, func(b *testing.B) {
				classifier := New(Options{Custom: c.own})
				b.SetBytes(int64(len(corpus.text)))
				b.ReportAllocs()
				for b.Loop() {
					s := classifier.NewStream(Meta{ContentType: corpus.contentType})
					for rest := corpus.text; len(rest) > 0; {
						n := min(len(rest), 64<<10)
						_, _ = s.Write(rest[:n])
						rest = rest[n:]
					}
					s.Finish()
				}
			})
		}
	}
}
