package classify

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/borderflow/borderflow/rules/flow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// read classifies a whole body at once.
func read(meta Meta, body string) flow.Data { return readWith(Options{}, meta, body) }

func readWith(options Options, meta Meta, body string) flow.Data {
	s := New(options).NewStream(meta)
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
