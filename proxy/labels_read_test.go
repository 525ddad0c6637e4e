package proxy

import (
	"bytes"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules/flow"
)

func TestLabelsCountOnlyFromSourcesThatAreTrustedWithThem(t *testing.T) {
	l := newLabels(LabelsConfig{Header: "x-data-class", Meaning: map[string][]string{"Payment": {"personal", "financial"}},
		Trust: LabelTrustConfig{Identities: []string{"payroll"}, Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}})
	from := func(address, identity string, state flow.State) *flow.Source {
		return &flow.Source{Address: netip.MustParseAddr(address), Identity: identity, IdentityState: state}
	}
	payment := flow.Declared{State: flow.Known, Labels: []string{"internal", "payment"}, Covers: []string{"financial", "personal"}}
	ignored := flow.Declared{State: flow.Absent, Ignored: true}
	for name, c := range map[string]struct {
		source *flow.Source
		lines  []string
		want   flow.Declared
	}{
		"an identity":                     {from("192.0.2.1", "payroll", flow.Known), []string{"Payment, internal"}, payment},
		"a network":                       {from("10.1.2.3", "", flow.Absent), []string{"payment,,PAYMENT", " internal "}, payment},
		"a network, as IPv6 writes it":    {from("::ffff:10.1.2.3", "", flow.Absent), []string{"payment,internal"}, payment},
		"another identity":                {from("192.0.2.1", "intern", flow.Known), []string{"payment"}, ignored},
		"an identity that is not certain": {from("192.0.2.1", "payroll", flow.Unavailable), []string{"payment"}, ignored},
		"nobody, with a name of nobody":   {from("192.0.2.1", "", flow.Known), []string{"payment"}, ignored},
		"another network":                 {from("10.2.2.3", "", flow.Absent), []string{"payment"}, ignored},
		"nothing declared":                {from("10.1.2.3", "", flow.Absent), nil, flow.Declared{State: flow.Absent}},
		"an empty declaration":            {from("10.1.2.3", "", flow.Absent), []string{" , "}, flow.Declared{State: flow.Absent}},
		"too many":                        {from("10.1.2.3", "", flow.Absent), []string{strings.Repeat("a,", 33)}, flow.Declared{State: flow.Unavailable}},
		"too long":                        {from("10.1.2.3", "", flow.Absent), []string{strings.Repeat("a", 65)}, flow.Declared{State: flow.Unavailable}},
		"no text":                         {from("10.1.2.3", "", flow.Absent), []string{"a\xff"}, flow.Declared{State: flow.Unavailable}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, l.read(http.Header{"X-Data-Class": c.lines}, c.source)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzLabelsAreBoundedSortedAndDistinct(f *testing.F) {
	for _, seed := range []string{"payment", "Payment, internal,,payment", strings.Repeat("a,", 40), "\xff", "İ,ſ,K"} {
		f.Add(seed)
	}
	l := newLabels(LabelsConfig{Header: "X-Data-Class", Meaning: map[string][]string{"payment": {"financial"}},
		Trust: LabelTrustConfig{Networks: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}})
	source := &flow.Source{Address: netip.MustParseAddr("192.0.2.1")}
	f.Fuzz(func(t *testing.T, line string) {
		got := l.read(http.Header{"X-Data-Class": {line}}, source)
		if (got.State == flow.Known) != (len(got.Labels) > 0) || len(got.Labels) > maxLabels || got.Ignored {
			t.Fatalf("%+v", got)
		}
		if !slices.IsSorted(got.Labels) || len(slices.Compact(slices.Clone(got.Labels))) != len(got.Labels) {
			t.Fatalf("%+v", got)
		}
		for _, label := range got.Labels {
			if label == "" || len(label) > maxLabelBytes || strings.Contains(label, ",") || strings.TrimSpace(label) != label {
				t.Fatalf("%q", label)
			}
		}
	})
}

func FuzzEventsEndWithABlankLine(f *testing.F) {
	for _, seed := range []string{"data: a\n\n", "data: a\r\n\r\ndata: b", "a\r\rb", "a\n\r\n", "\n", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		end := lastEvent(p)
		normal := bytes.ReplaceAll(bytes.ReplaceAll(p[:end], []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
		if end > 0 && !bytes.HasSuffix(normal, []byte("\n\n")) {
			t.Fatalf("%q ends at %d", p, end)
		}
		if lastEvent(p[end:]) != 0 && lastEvent(p) == end && bytes.Contains(p[end:], []byte("\n\n")) {
			t.Fatalf("%q goes on behind %d", p, end)
		}
	})
}
