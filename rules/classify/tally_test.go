package classify

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestPeopleAreCountedPerRecord(t *testing.T) {
	for _, c := range []struct {
		name, contentType, body string
		want                    int
	}{
		{"one object with two identifiers", "application/json", `{"ssn":"536-22-5112","email":"a@example.com"}`, 1},
		{"the order does not matter", "application/json", `{"email":"a@example.com","x":{"ssn":"536-22-5112"}}`, 1},
		{"a list of objects", "application/json", `[{"ssn":"536-22-5112","email":"a@example.com"}, {"email":"b@example.com"}]`, 2},
		{"lines of JSON", "application/x-ndjson", "{\"ssn\":\"536-22-5112\"}\n{\"email\":\"a@example.com\"}\n{\"email\":\"b@example.com\"}", 3},
		{"a map of objects", "application/json", `{"u1":{"email":"a@example.com"},"u2":{"email":"b@example.com"}}`, 2},
		{"sender and receiver", "application/json", `{"from":"a@example.com","to":"b@example.com"}`, 2},
		{"the same person twice", "application/json", `[{"email":"a@example.com"},{"email":"a@example.com"}]`, 1},
		{"rows", "text/csv", "ssn,email\n536-22-5112,a@example.com\n536-22-5113,b@example.com\n,c@example.com\n", 3},
		{"cards are not people", "application/json", `{"card":"4539578763621486"}`, 0},
		{"a list of addresses", "application/json", list(5000), 5000},
		{"a short list of addresses", "application/json", list(3000), 3000},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := read(Meta{ContentType: c.contentType}, c.body).Subjects
			if math.Abs(float64(got-c.want)) > 0.03*float64(c.want) || c.want <= exactLimit && got != c.want {
				t.Errorf("%d people, want %d", got, c.want)
			}
		})
	}
}

func list(n int) string {
	body := `{"to":[`
	for i := range n {
		body += fmt.Sprintf(`"p%d@example.com",`, i)
	}
	return body + `""]}`
}

func TestRecordsEndWhereverTheWindowStands(t *testing.T) {
	// The border lies far behind the identifier, at every place that the end of a window can fall on.
	for gap := windowSize - lookAhead - 200; gap < windowSize-lookAhead+200; gap++ {
		blank := strings.Repeat(" ", 30)
		body := `[{"email":"a@example.com","note":"` + strings.Repeat("x", gap) + `"}` + blank + "," + blank[:20] +
			`{"note":"` + strings.Repeat("y", 2*windowSize) + `","ssn":"536-22-5112"}]`
		if d := read(jsonMeta(), body); d.Subjects != 2 {
			t.Fatalf("gap %d: %d people, want 2", gap, d.Subjects)
		}
	}
	body := `[{"email":"a@example.com","note":"` + strings.Repeat("x", 3*windowSize) + `","ssn":"536-22-5112"}]`
	if d := read(jsonMeta(), body); d.Subjects != 1 {
		t.Errorf("%d people in one long record", d.Subjects)
	}
}

func TestFactsIncludeTheOpenRecord(t *testing.T) {
	s := New(Options{}).NewStream(jsonMeta())
	s.Write([]byte(`[{"email":"a@example.com"},{"ssn":"536-22-5112",`))
	for range 2 {
		if d := s.Facts(); d.Subjects != 2 || counts(d)["us-ssn"] != 1 {
			t.Errorf("%+v", d)
		}
	}
	s.Write([]byte(`"email":"b@example.com"}]`))
	if d := s.Finish(); d.Subjects != 2 || counts(d)["email"] != 2 {
		t.Errorf("%+v", d)
	}
}

func TestSketchesStayWithinTheirError(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{5000, 20_000, 100_000, 1_000_000} {
		for precision, limit := range map[int]float64{valuePrecision: 0.065, personPrecision: 0.033} { // four standard errors
			s := newSketch(precision)
			for range n {
				s.add(valueKey(r.Uint64(), 1))
			}
			if off := math.Abs(float64(s.estimate()-n)) / float64(n); off > limit {
				t.Errorf("precision %d: %d estimated as %d", precision, n, s.estimate())
			}
		}
	}
	if got := newSketch(valuePrecision).estimate(); got != 0 {
		t.Errorf("an empty sketch counts %d", got)
	}
}

func TestClassMasksAgreeWithTheByteTable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var block [64]byte
	for range 50_000 {
		for i := range block {
			if block[i] = byte(r.Uint32()); r.IntN(2) == 0 {
				block[i] = "0129/:@A?"[r.IntN(9)]
			}
		}
		var digits, ats uint64
		for i, b := range block {
			if b >= '0' && b <= '9' {
				digits |= 1 << i
			}
			if b == '@' {
				ats |= 1 << i
			}
		}
		if d, a := classMasks(block[:]); d != digits || a != ats {
			t.Fatalf("%q: digits %064b, want %064b; at %064b, want %064b", block, d, digits, a, ats)
		}
	}
}
