package evidence

import (
	"strconv"
	"sync"

	"github.com/borderflow/borderflow/proxy/evidence/pseudonym"
)

// buffers holds the memory of lines that were encoded. A line that was long is not kept.
var buffers = sync.Pool{New: func() any { b := make(text, 0, 4<<10); return &b }}

const largestKept = 64 << 10

func release(line *text) {
	if cap(*line) <= largestKept {
		*line = (*line)[:0]
		buffers.Put(line)
	}
}

// encode returns r as {...}\n without schema and sequence number, which the Log puts in front when
// it gives the record its place. With keys, what identifies the source is written as its hash. The
// caller releases the line.
func encode(r *Record, keys *pseudonym.Keys) *text {
	line := buffers.Get().(*text)
	*line = append(*line, '{')
	r.appendTo(line, keys)
	*line = append(*line, '}', '\n')
	return line
}

// linePrefix stands before the sequence number of each line.
const linePrefix = `{"schema":"` + Schema + `","seq":`

// lineOverhead is at least what a line is longer than the encoded record.
const lineOverhead = len(linePrefix) + 20

// appendHead appends what stands before the encoded record of the given number, whose opening brace
// it takes the place of.
func appendHead(dst []byte, seq uint64) []byte {
	dst = append(dst, linePrefix...)
	dst = strconv.AppendUint(dst, seq, 10)
	return append(dst, ',')
}

// appendTo writes the members of the record. Every key is written by hand, so that a new field of
// Record is not published by accident.
func (r *Record) appendTo(t *text, keys *pseudonym.Keys) {
	t.addString("kind", r.Kind, maxToken)
	t.setTime("time", r.Time)
	if r.Recovery != nil {
		t.object("recovery", func() { r.Recovery.appendTo(t) })
		return
	}
	t.addString("id", r.ID, maxVersion)
	t.object("source", func() { r.Source.appendTo(t, keys) })
	t.object("destination", func() { r.Destination.appendTo(t) })
	t.object("request", func() {
		t.addString("method", r.Request.Method, maxToken)
		t.addString("scheme", r.Request.Scheme, maxToken)
		t.addString("protocol", r.Request.Protocol, maxToken)
	})
	t.object("data", func() { r.Data.appendTo(t) })
	t.setString("verdict", r.Verdict, maxToken)
	t.addString("rule", r.Rule, maxName)
	t.addString("policy", r.Policy, maxName)
	t.addString("policy_hash", r.PolicyHash, maxVersion)
	t.addString("legal_basis", r.LegalBasis, maxText)
	t.addString("mechanism", r.Mechanism, maxName)
	t.addString("phase", r.Phase, maxToken)
	t.addTrue("uninspectable", r.Uninspectable)
	r.appendRules(t)
	addStrings(t, "exemptions", r.Exemptions, maxRules, maxName)
	appendFindings(t, "redacted", r.Redacted)
	t.addString("inspection", r.Inspection, maxToken)
	if r.Kind != KindOpening {
		r.appendOutcome(t)
	}
	t.addString("parent", r.Parent, maxVersion)
	if validTrace(r.Trace) {
		t.addString("trace", r.Trace, maxToken)
	}
	addStrings(t, "unavailable", r.Unavailable, maxConflicts, maxText)
	t.addTrue("truncated", r.Truncated || r.listsCut())
}

// appendOutcome writes what is known once the flow has ended.
func (r *Record) appendOutcome(t *text) {
	t.setString("outcome", string(r.Outcome), maxToken)
	t.addString("error", r.Error, maxToken)
	t.addInt("status", int64(r.Status))
	t.object("bytes", func() {
		t.setInt("sent", r.Bytes.Sent)
		t.setInt("received", r.Bytes.Received)
	})
	t.addTrue("cut", r.Cut)
	t.setMilliseconds("duration_ms", r.Duration)
	if r.Timings != (Timings{}) {
		t.object("timings", func() {
			t.addMilliseconds("decided_ms", r.Timings.Decided)
			t.addMilliseconds("connected_ms", r.Timings.Connected)
			t.addMilliseconds("answered_ms", r.Timings.Answered)
		})
	}
}

// validTrace reports whether s has the form of a traceparent (W3C Trace Context, section 3.2). It
// comes from a header: no other text of the client's gets into the record through it.
func validTrace(s string) bool {
	if len(s) != 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; i != 2 && i != 35 && i != 52 && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
