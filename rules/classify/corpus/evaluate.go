package corpus

import (
	"bytes"
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/flow"
)

// Score counts the values of one detector: those in a document that are the same count once.
type Score struct {
	Detector string
	Strength flow.Strength // of a value on its own
	// Found rightly, found where there is none, and not found.
	TruePositives, FalsePositives, FalseNegatives int
	// Unsupported values lack the evidence that they need; Reported is how many were found all the same. Those
	// are false positives, too.
	Unsupported, Reported int
}

// Precision is the share of what was found that is right, 0 to 1; 1 if nothing was found.
func (s Score) Precision() float64 { return share(s.TruePositives, s.TruePositives+s.FalsePositives) }

// Recall is the share of what there is that was found, 0 to 1; 1 if there was nothing.
func (s Score) Recall() float64 { return share(s.TruePositives, s.TruePositives+s.FalseNegatives) }

func share(part, whole int) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}

func (s *Score) add(other Score) {
	s.TruePositives += other.TruePositives
	s.FalsePositives += other.FalsePositives
	s.FalseNegatives += other.FalseNegatives
	s.Unsupported += other.Unsupported
	s.Reported += other.Reported
}

// Miss is where the classifier and the labels differ.
type Miss struct {
	Detector string
	Missing  bool // labelled, not found; otherwise found, not labelled
	Kind     string
	Document string
	Offset   int64  // in the decoded text; -1 if it is not known
	Shape    string // the value with each digit as 9 and each letter as A or a; never the value
}

// Report is the result of an evaluation.
type Report struct {
	Documents int
	Scores    []Score // by detector
	Misses    []Miss
}

// Total adds the scores of detectors that stand on their own (medium and strong), or of those that need
// evidence (weak).
func (r *Report) Total(weak bool) Score {
	var total Score
	for _, s := range r.Scores {
		if weak == (s.Strength == flow.Weak) {
			total.add(s)
		}
	}
	return total
}

// Only leaves the scores and misses of the given detectors.
func (r *Report) Only(detectors []string) {
	r.Scores = slices.DeleteFunc(r.Scores, func(s Score) bool { return !slices.Contains(detectors, s.Detector) })
	r.Misses = slices.DeleteFunc(r.Misses, func(m Miss) bool { return !slices.Contains(detectors, m.Detector) })
}

// Evaluate has the documents read and compares what was found with their labels.
func Evaluate(classifier *classify.Classifier, documents []Document) *Report {
	scores := map[string]*Score{}
	for _, d := range classify.Detectors() {
		scores[d.ID] = &Score{Detector: d.ID, Strength: d.Strength}
	}
	report := &Report{Documents: len(documents)}
	for i := range documents {
		c := comparison{document: &documents[i], scores: scores, report: report}
		c.compare(read(classifier, &documents[i]))
	}
	for _, s := range scores {
		report.Scores = append(report.Scores, *s)
	}
	slices.SortFunc(report.Scores, func(a, b Score) int { return strings.Compare(a.Detector, b.Detector) })
	return report
}

// read returns what is found in a document.
func read(classifier *classify.Classifier, d *Document) []classify.Position {
	var found []classify.Position
	stream := classifier.NewStream(classify.Meta{ContentType: d.ContentType, Found: func(p classify.Position) { found = append(found, p) }})
	stream.Write(d.Body) // a Stream takes everything
	stream.Finish()
	return found
}

// comparison is of one document.
type comparison struct {
	document *Document
	scores   map[string]*Score
	report   *Report
}

// finding is a value that was found, with the text it was found in; unknown if that was decoded from what
// the document holds. behind is the text that follows, for as long as the offset may be too small by: the
// classifier counts in text without escapes and with wide characters folded.
type finding struct {
	classify.Position
	text, behind string
	unknown      bool
	matched      bool
}

// is says whether the finding is the labelled value.
func (f *finding) is(labelled string) bool {
	return !f.unknown && (sameValue(f.text, labelled) || f.behind != "" && strings.Contains(normal(f.text+f.behind), normal(labelled)))
}

func (c *comparison) compare(positions []classify.Position) {
	findings := c.distinct(positions)
	matched := make([]bool, len(c.document.Labels))
	// First by text; then what was decoded from something, by number.
	for pass := range 2 {
		for i := range c.document.Labels {
			l := &c.document.Labels[i]
			for j := range findings {
				f := &findings[j]
				if !f.matched && !matched[i] && f.Detector == l.Detector && (pass == 0 && f.is(l.Value) || pass == 1 && f.unknown) {
					f.matched, matched[i] = true, true
				}
			}
		}
	}
	seen := map[string]bool{}
	for i, l := range c.document.Labels {
		score := c.score(l.Detector)
		key := l.Detector + "\x00" + normal(l.Value)
		if seen[key] {
			continue
		}
		seen[key] = true
		switch {
		case l.Unsupported:
			score.Unsupported++
			if matched[i] {
				score.Reported++
				score.FalsePositives++
				c.miss(l.Detector, false, l.Value, int64(bytes.Index(c.document.Body, []byte(l.Value))))
			}
		case matched[i]:
			score.TruePositives++
		default:
			score.FalseNegatives++
			c.miss(l.Detector, true, l.Value, int64(bytes.Index(c.document.Body, []byte(l.Value))))
		}
	}
	for _, f := range findings {
		if !f.matched && !c.excused(f) {
			c.score(f.Detector).FalsePositives++
			c.miss(f.Detector, false, f.text, f.Offset)
		}
	}
}

// excused says whether a finding overlaps with a value that its detector may take for its own.
func (c *comparison) excused(f finding) bool {
	for _, l := range c.document.Labels {
		if l.Unsupported || !(l.Detector == f.Detector || strings.Contains(" "+l.also+" ", " "+f.Detector+" ")) {
			continue
		}
		if f.unknown || f.is(l.Value) {
			return true
		}
	}
	return false
}

// distinct looks up the text of each finding and drops those that are the same.
func (c *comparison) distinct(positions []classify.Position) []finding {
	text := c.decoded()
	var out []finding
	seen := map[string]bool{}
	slack, counted := int64(0), int64(0) // positions come nearly in order
	for _, p := range positions {
		f := finding{Position: p}
		if end := p.Offset + int64(p.Length); p.Place == "body" && p.Offset >= 0 && end <= int64(len(text)) {
			f.text = text[p.Offset:end]
			if p.Offset < counted {
				slack, counted = 0, 0
			}
			slack, counted = min(maxSlack, slack+shortenings(text[counted:p.Offset])), p.Offset
			f.behind = text[end:min(int64(len(text)), end+slack)]
		} else {
			f.unknown = true
		}
		key := p.Detector + "\x00" + normal(f.text)
		if !f.unknown && seen[key] {
			continue
		}
		seen[key] = true
		out = append(out, f)
	}
	return out
}

// maxSlack is how far behind a finding its text is looked for, in bytes.
const maxSlack = 64

// shortenings is by how many bytes text may become shorter when it is decoded.
func shortenings(text string) int64 {
	n := 0
	for i := range len(text) {
		if text[i] == '&' { // an entity
			n += 5
		} else if text[i] == '\\' || text[i] >= 0x80 {
			n++
		}
	}
	return int64(n)
}

// decoded is the text that offsets count in.
func (c *comparison) decoded() string {
	if strings.HasPrefix(c.document.ContentType, "application/x-www-form-urlencoded") {
		if text, err := url.QueryUnescape(string(c.document.Body)); err == nil {
			return text
		}
	}
	return string(c.document.Body)
}

func (c *comparison) score(detector string) *Score {
	s := c.scores[detector]
	if s == nil { // a label for a detector that there is not: everything of it is missed
		s = &Score{Detector: detector, Strength: flow.Medium}
		c.scores[detector] = s
	}
	return s
}

func (c *comparison) miss(detector string, missing bool, value string, offset int64) {
	c.report.Misses = append(c.report.Misses, Miss{detector, missing, c.document.Kind, c.document.Name, offset, shapeOf(value)})
}

// sameValue says whether what was found is the labelled value, or the better part of it, or it and a little
// more: where a value ends is no matter of right and wrong.
func sameValue(found, labelled string) bool {
	if labelled == "*" {
		return true
	}
	a, b := normal(found), normal(labelled)
	if a == "" || b == "" {
		return a == b && found == labelled
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	return strings.Contains(b, a)
}

// normal is text without what people put between its parts.
func normal(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 && !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z') {
			if r >= 'A' && r <= 'Z' {
				return r + 'a' - 'A'
			}
			return -1
		}
		return r
	}, text)
}

// shapeOf is text with each digit as 9 and each letter as A or a, at most 40 characters.
func shapeOf(text string) string {
	shape := []rune(strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return '9'
		case r >= 'A' && r <= 'Z':
			return 'A'
		case r >= 'a' && r <= 'z':
			return 'a'
		case r >= 0x80:
			return '\u00a4'
		case r < ' ':
			return ' '
		}
		return r
	}, text))
	return string(shape[:min(len(shape), 40)])
}

// MissGroup is how often the same miss happens.
type MissGroup struct {
	Miss
	Count int
}

// Groups joins misses of one detector, kind of document and shape, the most frequent first; each keeps the
// place of its first one.
func (r *Report) Groups() []MissGroup {
	type key struct {
		detector, kind, shape string
		missing               bool
	}
	groups := map[key]*MissGroup{}
	for _, m := range r.Misses {
		k := key{m.Detector, m.Kind, m.Shape, m.Missing}
		if groups[k] == nil {
			groups[k] = &MissGroup{Miss: m}
		}
		groups[k].Count++
	}
	return slices.SortedFunc(func(yield func(MissGroup) bool) {
		for g := range maps.Values(groups) {
			if !yield(*g) {
				return
			}
		}
	}, func(a, b MissGroup) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Detector, b.Detector), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Shape, b.Shape))
	})
}
