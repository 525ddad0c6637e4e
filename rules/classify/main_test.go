package classify

import (
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/borderflow/borderflow/rules/flow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plain is a classifier without options, which takes milliseconds to build.
var plain = sync.OnceValue(func() *Classifier { return New(Options{}) })

// read classifies a whole body at once.
func read(meta Meta, body string) flow.Data { return readBy(plain(), meta, body) }

func readWith(options Options, meta Meta, body string) flow.Data {
	return readBy(New(options), meta, body)
}

func readBy(c *Classifier, meta Meta, body string) flow.Data {
	s := c.NewStream(meta)
	s.Write([]byte(body))
	return s.Finish()
}

func jsonMeta() Meta { return Meta{ContentType: "application/json"} }
func textMeta() Meta { return Meta{ContentType: "text/plain; charset=utf-8"} }

// counts is the number of values per detector.
func counts(d flow.Data) map[string]int {
	out := map[string]int{}
	for _, f := range d.Findings {
		out[f.Detector] = f.Count
	}
	return out
}

func strengthOf(d flow.Data, detector string) flow.Strength {
	for _, f := range d.Findings {
		if f.Detector == detector {
			return f.Strength
		}
	}
	return 0
}

// withLuhn appends the check digit.
func withLuhn(number string) string {
	for d := byte('0'); d < '9'; d++ {
		if luhn([]byte(number + string(d))) {
			return number + string(d)
		}
	}
	return number + "9"
}

// reading is a value as a rule's check sees it.
type reading struct {
	rule  *rule
	token token
}

// formsByLength are a table's forms, by their length.
func formsByLength(table *table) map[int][]*form {
	all := map[int][]*form{}
	for _, kinds := range table.forms.lists {
		for _, lists := range kinds {
			for _, list := range lists {
				for _, a := range slices.Concat(list[1][:]...) {
					f := a.form
					if of := all[len(f.text)]; f.at == newForms(f.text)[0].at && !slices.Contains(of, f) {
						all[len(f.text)] = append(of, f)
					}
				}
			}
		}
	}
	return all
}

// readings are all that forms make of a value that stands alone.
func readings(forms map[int][]*form, value []byte) (all []reading) {
	for _, f := range forms[len(value)] {
		var t token
		if !t.read(f, value, 0) {
			continue
		}
		for _, r := range f.rules {
			all = append(all, reading{r, t})
		}
	}
	return all
}
