package proxy

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"github.com/borderflow/borderflow/proxy/answer"
	"github.com/borderflow/borderflow/proxy/intercept"
	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/redact"
)

// redactionMemory is how much memory the redaction of a payload takes, as a multiple of its size.
const redactionMemory = 16

// mayRedact reports whether the policy in force may ask for redaction.
func (x *exchange) mayRedact() bool {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	return x.policy.Redacts()
}

// withoutRedaction keeps the decision on a payload that is not redacted although it has to be.
func (x *exchange) withoutRedaction(decision rules.Decision) rules.Decision {
	decision = decision.WithoutRedaction()
	x.mutex.Lock()
	defer x.mutex.Unlock()
	x.decision = decision
	return decision
}

// unredacted is the refusal for a payload that cannot be redacted.
func (x *exchange) unredacted(decision rules.Decision, err error) *answer.Refusal {
	refusal := x.blocked(x.withoutRedaction(decision))
	if cause := new(redact.Refusal); errors.As(err, &cause) {
		refusal.Reason = "what has to be redacted cannot be: " + cause.Reason
	}
	return refusal
}

// redactHeld takes out of the held body what the decision asks for.
func (x *exchange) redactHeld(r *http.Request, held *heldBody) *answer.Refusal {
	x.mutex.Lock()
	decision, data := x.decision, x.flow.Data
	x.mutex.Unlock()
	if !decision.Redact.In(data) {
		return nil
	}
	if x.findsIn(decision.Redact, func(stream *classify.Stream) { stream.ReadTrailer(r.Trailer) }) {
		return x.unredacted(decision, &redact.Refusal{Reason: "a value was found in the trailer, which is not rewritten"})
	}
	body, err := io.ReadAll(held.reader())
	if err != nil {
		return unavailable("borderflow cannot read the request's body again; try again")
	}
	out, refusal := x.redact(decision, body, x.payload.meta)
	if refusal != nil || bytes.Equal(out, body) {
		return refusal
	}
	again := func() io.Reader { return bytes.NewReader(out) }
	replay(r, again(), again)
	r.ContentLength = int64(len(out))
	if r.Header.Get("Content-Length") != "" {
		r.Header.Del("Content-Length") // the transport writes that of ContentLength
	}
	for _, digest := range []string{"Content-Md5", "Digest", "Content-Digest", "Repr-Digest"} {
		r.Header.Del(digest) // of what does not leave
	}
	return nil
}

// redact returns what leaves in place of a payload, and notes what was taken out of it.
func (x *exchange) redact(decision rules.Decision, payload []byte, meta classify.Meta) ([]byte, *answer.Refusal) {
	cost := int64(len(payload)) * redactionMemory
	defer x.proxy.heldBytes.Add(-cost)
	if x.proxy.heldBytes.Add(cost) > x.proxy.config.Inspect.Memory.Bytes() {
		return nil, unavailable("borderflow holds as many request bodies as inspect.memory allows; try again")
	}
	out, report, err := redact.Apply(payload, meta, decision.Redact, x.classifier())
	if err != nil {
		return nil, x.unredacted(decision, err)
	}
	x.mutex.Lock()
	defer x.mutex.Unlock()
	for detector, count := range report.Redacted {
		if x.redacted == nil {
			x.redacted = map[string]int{}
		}
		x.redacted[detector] += count
	}
	return out, nil
}

// redact returns what leaves in place of a message; nil: the message as it is.
func (g *socketGate) redact(message []byte) (redacted []byte, ok bool) {
	x := g.exchange
	x.mutex.Lock()
	decision := x.decision
	x.mutex.Unlock()
	if !x.holdMessages || len(decision.Redact) == 0 {
		return nil, true
	}
	out, refusal := x.redact(decision, message, classify.Meta{Message: true})
	if refusal != nil {
		x.stop(refusal)
		g.socket.End(intercept.ClosePolicyViolation, closeReason(refusal))
		return nil, false
	}
	if bytes.Equal(out, message) {
		return nil, true
	}
	return out, true
}

// spares reports whether nothing has to be redacted in the payload of a control frame, and ends the
// WebSocket if something has to.
func (g *socketGate) spares(payload []byte) bool {
	x := g.exchange
	x.mutex.Lock()
	decision := x.decision
	x.mutex.Unlock()
	if !x.holdMessages || len(decision.Redact) == 0 || !x.findsIn(decision.Redact, func(s *classify.Stream) { _, _ = s.Write(payload) }) {
		return true
	}
	x.endSocket(g.socket, x.withoutRedaction(decision))
	return false
}

// findsIn reports whether what read shows to the classifier is selected, or cannot be classified.
func (x *exchange) findsIn(selected redact.Selection, read func(*classify.Stream)) (found bool) {
	found = true
	defer func() { _ = recover() }() // this may be the transport's goroutine
	stream := x.classifier().NewStream(classify.Meta{Message: true})
	read(stream)
	return selected.In(stream.Finish())
}
