package redact

import (
	"slices"
	"strings"
	"sync"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/flow"
)

// Method is what stands in a value's place.
type Method string

const (
	// Placeholder is "[redacted:us-ssn]", which names the detector. A number in JSON becomes a string.
	Placeholder Method = "placeholder"
	// Mask keeps the value's length and shape: digits become 0, letters x. A number in JSON stays a
	// number of as many digits. Where the detector would take the mask for a value too, as it may with
	// an e-mail address, letters and digits become "*".
	Mask Method = "mask"
)

// UnmarshalText reads the method as policy files spell it.
func (m *Method) UnmarshalText(text []byte) error {
	*m = Method(text)
	return document.OneOf(string(text), string(Mask), string(Placeholder))
}

// detectors are those that can be selected; to list them takes longer than many a body.
var detectors = sync.OnceValue(classify.Detectors)

// MaxKeepLast is the most that a mask may keep of a value.
const MaxKeepLast = 8

// Redaction is what one rule asks for. It selects what one of Detectors finds, and what any detector finds
// that has one of Categories.
type Redaction struct {
	Detectors  []string // e.g. "us-ssn", as classify.Detectors lists them
	Categories []string // e.g. "government-id", as classify.Categories lists them
	With       Method   // "" is Placeholder
	// KeepLast is how many letters and digits at a value's end a Mask leaves as they are: 0 to
	// MaxKeepLast, and never more than half as many as it has digits: of words nothing is kept, nor of
	// what is in the category credential.
	KeepLast int
}

// String describes the redaction in a few words, such as "us-ssn, financial (mask, last 4 kept)".
func (r Redaction) String() string {
	text := strings.Join(slices.Concat(r.Detectors, r.Categories), ", ")
	switch {
	case r.With == Mask && r.KeepLast > 0:
		return text + " (mask, last " + string(rune('0'+min(r.KeepLast, MaxKeepLast))) + " kept)"
	case r.With == Mask:
		return text + " (mask)"
	}
	return text
}

// Selection is what several rules ask for together. Where they select the same, a placeholder goes before
// a mask, and of two masks the one that keeps less.
type Selection []Redaction

// String describes the selection in a few words.
func (s Selection) String() string {
	texts := make([]string, len(s))
	for i, r := range s {
		texts[i] = r.String()
	}
	slices.Sort(texts)
	return strings.Join(slices.Compact(texts), "; ")
}

// Names lists the detectors and categories that are selected, sorted, each once.
func (s Selection) Names() []string {
	var names []string
	for _, r := range s {
		names = append(append(names, r.Detectors...), r.Categories...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Names lists every detector and category that can be selected.
func Names() []string {
	var names []string
	for _, d := range detectors() {
		names = append(names, d.ID)
	}
	for _, c := range classify.Categories() {
		names = append(names, c.Name)
	}
	return names
}

// In reports whether data shows anything that s selects.
func (s Selection) In(data flow.Data) bool {
	if len(s) == 0 {
		return false
	}
	selected := s.treatments()
	return s.unexplained(data) != "" || slices.ContainsFunc(data.Findings, func(f flow.Finding) bool {
		_, is := selected[f.Detector]
		return is && f.Count > 0
	})
}

// treatment is how the values of one detector are replaced.
type treatment struct {
	with Method
	keep int
}

// strictest returns the one that leaves less of a value.
func (t treatment) strictest(other treatment) treatment {
	if t.with == Placeholder || other.with == Placeholder {
		return treatment{with: Placeholder}
	}
	return treatment{Mask, min(t.keep, other.keep)}
}

// treatments returns how each detector's values are replaced, for the detectors that s selects.
func (s Selection) treatments() map[string]treatment {
	byDetector := map[string]treatment{}
	for _, detector := range detectors() {
		for _, r := range s {
			if !r.selects(detector) {
				continue
			}
			asked := treatment{with: Placeholder}
			if r.With == Mask {
				asked = treatment{Mask, max(0, min(r.KeepLast, MaxKeepLast))}
			}
			if slices.Contains(detector.Categories, "credential") {
				asked.keep = 0
			}
			if before, ok := byDetector[detector.ID]; ok {
				asked = asked.strictest(before)
			}
			byDetector[detector.ID] = asked
		}
	}
	return byDetector
}

func (r Redaction) selects(d classify.Detector) bool {
	return slices.Contains(r.Detectors, d.ID) ||
		slices.ContainsFunc(d.Categories, func(c string) bool { return slices.Contains(r.Categories, c) })
}

// unexplained returns a category that s selects and that more was found of than its known detectors
// found: what the rest is, and where it stands, is not known. It is "" if there is none.
func (s Selection) unexplained(data flow.Data) string {
	explained := map[string]int{}
	for _, d := range detectors() {
		for _, f := range data.Findings {
			for _, category := range d.Categories {
				if f.Detector == d.ID {
					explained[category] += f.Count
				}
			}
		}
	}
	for _, found := range data.Categories {
		for _, r := range s {
			if slices.Contains(r.Categories, found.Name) && found.Count > explained[found.Name] {
				return found.Name
			}
		}
	}
	return ""
}
