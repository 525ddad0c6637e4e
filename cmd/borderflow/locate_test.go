package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/proxy"
	"github.com/borderflow/borderflow/rules/jurisdiction"
)

// located answers the lines of text, and returns the answers, the complaints and the exit code.
func located(t testing.TB, text io.Reader) (answers, complaints string, code int) {
	t.Helper()
	l, err := newLocator(proxy.Defaults(), false)
	if err != nil {
		t.Fatal(err)
	}
	var out, notices bytes.Buffer
	l.out, l.notices = bufio.NewWriter(&out), &notices
	l.show = func(e jurisdiction.Explanation) error { return writeJSON(l.out, e) }
	if err := l.locateLines(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	return out.String(), notices.String(), l.code
}

func TestEveryLineIsAnsweredOrNamed(t *testing.T) {
	long := strings.Repeat("a", 3*maxQueryLine)
	for name, test := range map[string]struct {
		text       string
		answers    int
		complaints []string
	}{
		"nothing":                       {"", 0, nil},
		"no end of line":                {"dns.google", 1, nil},
		"lines as Windows ends them":    {"dns.google\r\neuropa.eu\r\n", 2, nil},
		"empty lines":                   {"\n\n  \ndns.google\n", 1, nil},
		"a line too long":               {"dns.google\n" + long + "\neuropa.eu\n", 2, []string{"line 2: the line is longer"}},
		"a line too long at the end":    {"dns.google\n" + long, 1, []string{"line 2: the line is longer"}},
		"a line of just the limit":      {strings.Repeat(" ", maxQueryLine-1-len("dns.google")) + "dns.google\neuropa.eu", 2, nil},
		"mistakes among others":         {"a b\ndns.google\nhttps://x/\n", 1, []string{"line 1: ", "line 3: "}},
		"bytes that are no text at all": {"\xff\xfe\x00\ndns.google\n", 1, []string{"line 1: "}},
	} {
		t.Run(name, func(t *testing.T) {
			answers, complaints, code := located(t, strings.NewReader(test.text))
			if got := strings.Count(answers, "\n"); got != test.answers {
				t.Errorf("%d answers, want %d", got, test.answers)
			}
			lines := strings.FieldsFunc(complaints, func(r rune) bool { return r == '\n' })
			if len(lines) != len(test.complaints) || (code == 2) != (len(lines) > 0) {
				t.Fatalf("exit code %d, complaints %q", code, lines)
			}
			for i, want := range test.complaints {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("complaint %q, want %q", lines[i], want)
				}
			}
		})
	}
}

func BenchmarkLocateLines(b *testing.B) {
	var text strings.Builder
	const queries = 4000
	for i := range queries / 4 {
		fmt.Fprintf(&text, "bucket-%d.s3.eu-central-1.amazonaws.com\nhost%d.example.org\n193.0.%d.%d\nu%d.cloudfront.net\n", i, i, i/256, i%256, i)
	}
	lines := text.String()
	for b.Loop() {
		located(b, strings.NewReader(lines))
	}
	b.ReportMetric(float64(queries*b.N)/b.Elapsed().Seconds(), "queries/s")
}
