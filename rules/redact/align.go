package redact

import (
	"bytes"
	"slices"

	"github.com/borderflow/borderflow/rules/classify"
)

// probe is a value that is put at the end of a body to see where the classifier finds it. It is no secret,
// and goes nowhere.
const (
	probe         = "alignment-check@iana.org"
	probeDetector = "email"
)

// isAligned reports whether the classifier reads exactly the text that v holds: a value behind its end is
// then found where v's text ends. Were but one character read otherwise, everything behind it would be
// replaced in the wrong place.
func (v *view) isAligned(meta classify.Meta, classifier *classify.Classifier) bool {
	body, at := v.withProbe()
	var found bool
	meta = classify.Meta{ContentType: meta.ContentType, Message: meta.Message}
	meta.Found = func(p classify.Position) {
		found = found || p.Place == "body" && p.Detector == probeDetector && p.Offset == int64(at) && p.Length == len(probe)
	}
	stream := classifier.NewStream(meta)
	_, _ = stream.Write(body)
	stream.Finish()
	return found
}

// withProbe returns the body with the probe behind it, and where in its text that stands.
func (v *view) withProbe() (body []byte, at int) {
	before, after := v.raw, []byte(nil)
	lead := "\n"
	switch v.format {
	case multipartFormat:
		last := bytes.LastIndex(v.raw, v.delimiter)
		before, after = v.raw[:last], v.raw[last:]
		head := string(v.delimiter) + "\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\n"
		return slices.Concat(before, []byte(head+probe+"\r\n"), after), len(v.text)
	case formFormat:
		return slices.Concat(before, []byte("&email="+probe)), len(v.text) + len("\nemail=")
	case jsonFormat:
		lead = "\n{\"email\":\""
		after = []byte("\"}")
	}
	return slices.Concat(before, []byte(lead+probe), after), len(v.text) + len(lead)
}
