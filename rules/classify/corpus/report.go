package corpus

import (
	"fmt"
	"io"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
)

// Write prints a line for each detector that anything is known of, and the totals.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%-26s %-8s %7s %7s %7s %9s %7s\n", "DETECTOR", "STRENGTH", "RIGHT", "WRONG", "MISSED", "PRECISION", "RECALL")
	line := func(name, strength string, s Score) {
		fmt.Fprintf(&b, "%-26s %-8s %7d %7d %7d %9.4f %7.4f\n", name, strength, s.TruePositives, s.FalsePositives, s.FalseNegatives, s.Precision(), s.Recall())
	}
	for _, s := range r.Scores {
		if s.TruePositives+s.FalsePositives+s.FalseNegatives+s.Unsupported > 0 {
			line(s.Detector, s.Strength.String(), s)
		}
	}
	fmt.Fprintf(&b, "\n")
	line("all that stand alone", "", r.Total(false))
	weak := r.Total(true)
	line("all that need evidence", flow.Weak.String(), weak)
	fmt.Fprintf(&b, "\n%d documents; of %d values without the evidence that they need, %d were reported (%.2f %%)\n",
		r.Documents, weak.Unsupported, weak.Reported, 100*share(weak.Reported, max(weak.Unsupported, 1)))
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteMisses prints what was missed and what was found wrongly, the most frequent first, values by their
// shape only.
func (r *Report) WriteMisses(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%5s %-7s %-26s %-28s %-42s %s\n", "COUNT", "WHAT", "DETECTOR", "DOCUMENT KIND", "SHAPE OF THE VALUE", "FIRST AT")
	for _, g := range r.Groups() {
		what := "wrong"
		if g.Missing {
			what = "missed"
		}
		fmt.Fprintf(&b, "%5d %-7s %-26s %-28s %-42s %s:%d\n", g.Count, what, g.Detector, g.Kind, g.Shape, g.Document, g.Offset)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
