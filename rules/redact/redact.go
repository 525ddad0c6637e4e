// Package redact answers one question: what would this payload be without the values that a policy does
// not want to leave?
//
// It works on a payload that has been read whole. The classifier says where it found what; each place is
// mapped back to the bytes that were received, through the escapes of JSON, the percent-encoding of
// forms and the compression of the body; and those bytes alone are replaced, by a placeholder
// ("[redacted:us-ssn]") or by a mask of the same shape ("000-00-6789"). What was JSON stays JSON with the
// same keys and lists, a table keeps its cells and a multipart body its parts.
//
// Two ideas make it safe. Nothing is taken on trust: the result is classified again, and what is
// still found is replaced again, until nothing is left or it is given up. And giving up is an answer:
// whatever cannot be mapped, decoded or verified is a Refusal, upon which the caller must let nothing
// leave. A value that was found in one place is replaced wherever it stands in the payload, also where
// no field name or word around it told the classifier what it is.
//
//	want := redact.Selection{{Categories: []string{"government-id"}, With: redact.Placeholder}}
//	out, report, err := redact.Apply(body, classify.Meta{ContentType: "application/json"}, want, classifier)
//
// It leaves to the data plane to hold the body, to send the result with a Content-Length of its own and
// without digests of the original, and to package rules to say what is to be redacted.
package redact

import (
	"slices"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/flow"
)

// Limits of what Apply takes on.
const (
	// MaxBytes bounds a body before redaction, after decompression and after redaction.
	MaxBytes = 16 << 20
	// maxPasses is how often a result is classified and redacted again. A placeholder can make a number
	// beside it look like what it names, so that a second pass is not unusual; a fourth is.
	maxPasses = 5
	// exactCounts is up to where the classifier counts distinct values exactly; beyond, it estimates.
	exactCounts = 4096
)

// Refusal says why a payload cannot be redacted safely. It never quotes the payload.
type Refusal struct{ Reason string }

// Error returns the reason as part of a sentence about the payload.
func (r *Refusal) Error() string { return "redact: " + r.Reason }

func refuse(reason string) error { return &Refusal{reason} }

// Report is what Apply replaced.
type Report struct {
	// Redacted counts the places that were replaced, by detector. A place that two detectors claim
	// counts for both.
	Redacted map[string]int
}

// Apply returns body with every value replaced that want selects. If there is none, out is body. meta
// must be what the verdict's classification was given; its Found is not called. Apply keeps nothing and is
// safe for concurrent use.
//
// The error is a *Refusal: the payload could not be read to its end, is in a format that is not
// rewritten, holds a selected value outside its text (in the path, the query, the header of a part), or
// still shows one after redaction. out is then nil.
func Apply(body []byte, meta classify.Meta, want Selection, classifier *classify.Classifier) (out []byte, report Report, err error) {
	defer func() {
		if recover() != nil { // what a panic says may quote the payload
			out, report, err = nil, Report{}, refuse("internal error")
		}
	}()
	if len(body) > MaxBytes {
		return nil, Report{}, refuse("the body is too large")
	}
	plain, wrap, err := unwrap(body, meta.ContentEncoding)
	if err != nil {
		return nil, Report{}, err
	}
	meta.ContentEncoding = ""
	work := &job{meta: meta, want: want, selected: want.treatments(), classifier: classifier, counts: map[string]int{}}
	result, err := work.run(plain)
	if err != nil {
		return nil, Report{}, err
	}
	if work.passes == 0 {
		return body, Report{}, nil
	}
	out, err = wrap(result)
	if err != nil {
		return nil, Report{}, err
	}
	return out, Report{Redacted: work.counts}, nil
}

// job is the redaction of one payload.
type job struct {
	meta       classify.Meta
	want       Selection
	selected   map[string]treatment
	classifier *classify.Classifier
	counts     map[string]int
	values     values
	passes     int // in which something was replaced
	leaves     int // of the body before the last of them
	keys       int // likewise; 0 if none was replaced
}

// run replaces until nothing is left to be replaced.
func (j *job) run(body []byte) ([]byte, error) {
	for range maxPasses {
		found, err := j.classify(body)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 && j.passes == 0 {
			return body, nil
		}
		v, err := newView(body, j.meta)
		if err != nil {
			return nil, err
		}
		if err := j.sameStructure(v); err != nil {
			return nil, err
		}
		spans, err := j.spans(v, found)
		if err != nil {
			return nil, err
		}
		if len(spans) == 0 {
			return body, nil
		}
		if body, err = v.replace(spans, j.passes > 0); err != nil {
			return nil, err
		}
		if !v.isAligned(j.meta, j.classifier) {
			return nil, refuse("the places of values cannot be verified in this body")
		}
		j.passes++
		j.leaves, j.keys = len(v.leaves), v.keys.count()
	}
	return nil, refuse("values are still found after redaction")
}

// sameStructure compares v with the view before the last pass.
func (j *job) sameStructure(v *view) error {
	if j.passes == 0 {
		return nil
	}
	if len(v.leaves) != j.leaves || j.keys > 0 && keysOf(v).count() != j.keys {
		return refuse("redaction would change the structure of the body")
	}
	return nil
}

// classify returns where selected detectors find something in body.
func (j *job) classify(body []byte) ([]classify.Position, error) {
	var found []classify.Position
	places := map[string]int{}
	meta := j.meta
	meta.Found = func(p classify.Position) {
		if _, selected := j.selected[p.Detector]; selected {
			places[p.Detector]++
			found = append(found, p)
		}
	}
	stream := j.classifier.NewStream(meta)
	finished := false
	defer func() {
		if !finished {
			defer func() { _ = recover() }()
			stream.Abort()
		}
	}()
	_, _ = stream.Write(body) // never fails on content
	data := stream.Finish()
	finished = true
	switch {
	case data.State != flow.Known:
		return nil, refuse("the body cannot be classified")
	case data.Undecodable != "":
		return nil, refuse("a part of the body cannot be read: " + data.Undecodable)
	case len(body) > 0 && data.Coverage != flow.CoverageFull:
		return nil, refuse("a part of the body cannot be read")
	}
	for _, f := range data.Findings {
		at := places[f.Detector]
		if f.Count > exactCounts {
			at += at / 8
		}
		if _, selected := j.selected[f.Detector]; selected && at < f.Count {
			return nil, refuse("where " + f.Detector + " was found is not known")
		}
	}
	if category := j.want.unexplained(data); category != "" {
		return nil, refuse("what was found as " + category + " cannot be told apart")
	}
	return found, nil
}

// spans returns what is to be replaced in v: the findings that hold something, and every other place
// where their values stand.
func (j *job) spans(v *view, found []classify.Position) ([]span, error) {
	var spans []span
	for _, p := range found {
		if p.Place != "body" {
			return nil, refuse(p.Detector + " was found in the " + p.Place + ", which is not rewritten")
		}
		s := span{from: int(p.Offset), to: int(p.Offset) + p.Length, label: p.Detector, strength: p.Strength, treatment: j.selected[p.Detector]}
		if p.Offset < 0 || p.Length <= 0 || p.Offset > int64(len(v.text)) || s.to > len(v.text) {
			return nil, refuse("where " + p.Detector + " was found cannot be told")
		}
		s = v.widen(s)
		switch {
		case v.isBlank(s):
			continue
		case j.passes > 0 && v.isMasked(s):
			s.masked = true
		default:
			j.values.add(v.text[s.from:s.to], s)
		}
		spans = append(spans, s)
	}
	return j.merge(append(spans, j.values.occurrences(v, spans)...)), nil
}

// span is a part of a view's text that is to be replaced.
type span struct {
	from, to  int
	label     string // the detector that the placeholder names
	strength  flow.Strength
	treatment treatment
	masked    bool // a mask of the pass before, which is still taken for a value
}

// merge joins spans that overlap, and counts them; the strongest finding gives the label, the strictest
// treatment applies.
func (j *job) merge(spans []span) []span {
	slices.SortStableFunc(spans, func(a, b span) int { return a.from - b.from })
	var merged []span
	var counted []string // of the last place
	for _, s := range spans {
		last := len(merged) - 1
		if last < 0 || s.from >= merged[last].to {
			merged, counted = append(merged, s), counted[:0]
		} else {
			m := &merged[last]
			m.to = max(m.to, s.to)
			m.treatment = m.treatment.strictest(s.treatment)
			if s.strength > m.strength {
				m.label, m.strength = s.label, s.strength
			}
		}
		if !s.masked && !slices.Contains(counted, s.label) {
			counted = append(counted, s.label)
			j.counts[s.label]++
		}
	}
	return merged
}
