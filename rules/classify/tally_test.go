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

func TestCountsStayWithinTheirError(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{5000, 20_000, 100_000, 1_000_000} {
		d := newDistinct(3)
		for i := range n {
			key := valueKey(r.Uint64(), 1)
			d.add(key)
			d.markPerson(key)
			if i%(n/50) == 0 {
				d.add(valueKey(r.Uint64(), 2)) // a detector with few values
			}
		}
		if off := math.Abs(float64(d.count(1)-n)) / float64(n); off > 0.1 { // four standard errors
			t.Errorf("%d values estimated as %d", n, d.count(1))
		}
		if off := math.Abs(float64(d.personCount()-n)) / float64(n); off > 0.033 {
			t.Errorf("%d people estimated as %d", n, d.personCount())
		}
		if d.count(2) != 50 {
			t.Errorf("beside %d others, 50 values count as %d", n, d.count(2))
		}
		if size := 8*len(d.slots) + len(d.people.registers); size > 40<<10 {
			t.Errorf("%d values take %d bytes", n, size)
		}
	}
	if got := newSketch(personPrecision).estimate(); got != 0 {
		t.Errorf("an empty sketch counts %d", got)
	}
}

func TestDistinctValuesAreExactUpToTheLimitInAnyOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	d := newDistinct(2)
	keys := make([]uint64, exactLimit)
	for i := range keys {
		keys[i] = valueKey(r.Uint64(), i&1)
	}
	for range 3 {
		r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		for _, key := range keys {
			d.add(key)
		}
	}
	if d.count(0) != exactLimit/2 || d.count(1) != exactLimit/2 || d.people != nil {
		t.Errorf("%d and %d values, want %d each", d.count(0), d.count(1), exactLimit/2)
	}
	// What is taken out must leave all others where they are found.
	for slot := 0; slot < len(d.slots); slot++ {
		if d.slots[slot] != 0 && d.slots[slot]>>20&3 == 0 {
			d.remove(slot)
			slot--
		}
	}
	for _, key := range keys {
		if found := d.slots[d.find(key)] == key; found != (key>>20&3 != 0) {
			t.Fatalf("key %x found %v", key, found)
		}
	}
}

func TestTheUnionOfCountsIsTheCountOfTheUnion(t *testing.T) {
	for _, n := range []int{100, 3000, 40_000} {
		r := rand.New(rand.NewPCG(2, 3))
		a, b := newDistinct(2), newDistinct(2)
		for i := range n {
			key := valueKey(r.Uint64(), 1)
			if i%3 != 0 {
				a.add(key)
				a.markPerson(key)
			}
			if i%3 != 1 {
				b.add(key)
				b.markPerson(key)
			}
		}
		a.absorb(&b)
		if off := math.Abs(float64(a.count(1)-n)) / float64(n); off > 0.1 || n <= exactLimit && off > 0 {
			t.Errorf("the union of %d values counts %d", n, a.count(1))
		}
		if off := math.Abs(float64(a.personCount()-n)) / float64(n); off > 0.033 || n <= exactLimit && off > 0 {
			t.Errorf("the union of %d people counts %d", n, a.personCount())
		}
	}
}
