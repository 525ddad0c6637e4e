package proxy

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/borderflow/borderflow/proxy/answer"
	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/flow"
)

// payload is a request's body on its way through the classifier.
type payload struct {
	mutex    sync.Mutex
	meta     classify.Meta           // that the stream was begun with
	stream   *classify.Stream        // nil once its facts have been taken
	message  func() *classify.Stream // begins another message; nil unless there are several
	ended    flow.Data               // what the messages before showed
	oversize bool

	undecodable int // looks in a row at an open payload that found it so; the reading goroutine's own

	kept []interface{ release() } // parts of the payload that wait for their verdict
}

// classifier is the one that belongs to the policy by which the exchange is decided now.
func (x *exchange) classifier() *classify.Classifier {
	x.mutex.Lock()
	policy := x.policy
	x.mutex.Unlock()
	return x.proxy.classifiers.Of(policy)
}

// decideData asks the policy again, now that data is known of the payload.
func (x *exchange) decideData(data flow.Data) rules.Decision {
	x.mutex.Lock()
	x.flow.Data = data
	x.mutex.Unlock()
	decision := x.decide(flow.Body)
	if !x.rewrites && decision.Redact.In(data) {
		decision = x.withoutRedaction(decision)
	}
	return decision
}

// newPayload begins to classify r: its path, query and headers at once, its body as it is written.
func (x *exchange) newPayload(r *http.Request) *payload {
	meta := classify.Meta{
		// A second line is the origin's to believe or not, so that the classifier must know of it.
		ContentType:     strings.Join(r.Header["Content-Type"], ", "),
		ContentEncoding: strings.Join(r.Header["Content-Encoding"], ", "),
		Path:            r.URL.Path,
		Query:           r.URL.RawQuery,
		Header:          r.Header,
		Host:            x.flow.Destination.Host,
	}
	x.payload = &payload{meta: meta, stream: x.classifier().NewStream(meta)}
	return x.payload
}

// keep has what is held of the payload released in the end.
func (b *payload) keep(held interface{ release() }) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.kept = append(b.kept, held)
}

// letGo releases what keep was told of.
func (b *payload) letGo(held interface{ release() }) {
	b.mutex.Lock()
	b.kept = slices.DeleteFunc(b.kept, func(other interface{ release() }) bool { return other == held })
	b.mutex.Unlock()
	held.release()
}

func (b *payload) releaseKept() {
	b.mutex.Lock()
	kept := b.kept
	b.kept = nil
	b.mutex.Unlock()
	for _, held := range kept {
		held.release()
	}
}

// write shows p to the classifier.
func (b *payload) write(p []byte) {
	b.ask(func(stream *classify.Stream) { _, _ = stream.Write(p) }) // never fails on content
}

// readTrailer shows the classifier the fields that arrived behind the body.
func (b *payload) readTrailer(fields http.Header) {
	if len(fields) > 0 {
		b.ask(func(stream *classify.Stream) { stream.ReadTrailer(fields) })
	}
}

// facts returns what is known so far.
func (b *payload) facts() flow.Data {
	data := flow.Data{State: flow.Unavailable}
	b.ask(func(stream *classify.Stream) {
		data = stream.Facts()
		if b.message != nil {
			data = together(b.ended, data)
		}
	})
	return data
}

// finish ends the classification; ok is false when it had ended before. What a classifier that
// failed would have found is unavailable.
func (b *payload) finish() (data flow.Data, ok bool) {
	data = flow.Data{State: flow.Unavailable}
	b.ask(func(stream *classify.Stream) {
		ok = true
		data = stream.Finish()
		b.stream = nil
		if b.message != nil {
			data = together(b.ended, data)
		}
	})
	return data, ok
}

// severalMessages has each further message classified on its own: the first bytes of one say nothing
// of how the next is to be read.
func (b *payload) severalMessages(begin func() *classify.Stream) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.message = begin
}

// endMessage ends the current message and returns what all of them have shown.
func (b *payload) endMessage() flow.Data {
	data := flow.Data{State: flow.Unavailable}
	b.ask(func(stream *classify.Stream) {
		b.stream = nil // what panics here is not asked again
		b.ended = together(b.ended, stream.Finish())
		b.stream, data = b.message(), b.ended
	})
	return data
}

// aside shows what belongs to no message, such as the payload of a ping, and returns what all that
// is complete has shown. Pings count, and close frames begin, with binary numbers: what is not text
// in so few bytes is no reason to end a conversation.
func (b *payload) aside(p []byte) flow.Data {
	data := flow.Data{State: flow.Unavailable}
	b.ask(func(*classify.Stream) {
		stream := b.message()
		_, _ = stream.Write(p)
		found := stream.Finish()
		found.Undecodable = ""
		b.ended = together(b.ended, found)
		data = b.ended
	})
	return data
}

// together is what two messages show. A value or a person in both counts twice.
func together(a, b flow.Data) flow.Data {
	if a.State == flow.Pending {
		return b
	}
	return flow.Data{State: max(a.State, b.State), Subjects: a.Subjects + b.Subjects,
		Coverage: min(a.Coverage, b.Coverage), Undecodable: cmp.Or(a.Undecodable, b.Undecodable), Bytes: a.Bytes + b.Bytes,
		Entropy: max(a.Entropy, b.Entropy),
		Categories: merged(a.Categories, b.Categories, func(c flow.Category) string { return c.Name },
			func(c *flow.Category, other flow.Category) {
				c.Count, c.Strength = c.Count+other.Count, max(c.Strength, other.Strength)
			}),
		Findings: merged(a.Findings, b.Findings, func(f flow.Finding) string { return f.Detector },
			func(f *flow.Finding, other flow.Finding) {
				f.Count, f.Strength = f.Count+other.Count, max(f.Strength, other.Strength)
			})}
}

// merged is both lists, which are sorted by name, as one; add joins two entries of the same name.
func merged[T any](a, b []T, name func(T) string, add func(*T, T)) []T {
	all := slices.Clone(a)
	for _, entry := range b {
		at, found := slices.BinarySearchFunc(all, name(entry), func(other T, wanted string) int {
			return strings.Compare(name(other), wanted)
		})
		if found {
			add(&all[at], entry)
		} else {
			all = slices.Insert(all, at, entry)
		}
	}
	return all
}

// ask uses the stream, unless it has ended. A panic of the classifier, in whatever goroutine reads
// the body, costs the flow its facts and not the process its life.
func (b *payload) ask(use func(*classify.Stream)) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.stream == nil {
		return
	}
	defer func() {
		if recover() != nil {
			broken := b.stream
			b.stream = nil
			defer func() { _ = recover() }()
			if broken != nil {
				broken.Abort()
			}
		}
	}()
	use(b.stream)
}

// closePayload takes the facts of a body that was observed as it streamed by, and asks the rules
// that only watch (log and shadow) about them.
func (x *exchange) closePayload() {
	x.mutex.Lock()
	body, refused := x.payload, x.refusal != nil
	x.mutex.Unlock()
	if body == nil {
		return
	}
	body.releaseKept()
	data, ok := body.finish()
	if !ok || refused {
		return
	}
	x.mutex.Lock()
	defer x.mutex.Unlock()
	x.flow.Data = data
	final := x.policy.Decide(&x.flow, flow.Body)
	x.decision.Logged, x.decision.Shadowed, x.decision.Errors = final.Logged, final.Shadowed, final.Errors
	x.decision.Exemptions = append(slices.Clip(x.decision.Exemptions), final.Exemptions...)
}

// decidePayload reads the body that the verdict depends on.
func (x *exchange) decidePayload(r *http.Request) *answer.Refusal {
	body := x.newPayload(r)
	switch {
	case x.upgrade:
		// Messages are decided one by one. An extension could compress them beyond reading.
		r.Header.Del("Sec-WebSocket-Extensions")
		x.holdMessages = true
		refusal := x.decideSoFar()
		x.rewrites = true // each message, from now on
		return refusal
	case answer.IsGRPC(r):
		if refusal := x.decideSoFar(); refusal != nil {
			return refusal
		}
		r.Body = &messageGate{exchange: x, body: r.Body, request: r}
		x.meterBody(r)
		return nil
	case x.onLargeBody == rules.LargeStream && isEventStream(r):
		refusal := x.holdEvents(r)
		if refusal == nil {
			x.meterBody(r)
		}
		return refusal
	}
	refusal := x.hold(r, body)
	if refusal == nil {
		x.meterBody(r)
	}
	return refusal
}

// decideSoFar decides on what the request says ahead of its messages.
func (x *exchange) decideSoFar() *answer.Refusal {
	if decision := x.decideData(x.payload.facts()); decision.Verdict != flow.Allow {
		return x.blocked(decision)
	}
	return nil
}

// newHeld returns a place for what waits in memory.
func (x *exchange) newHeld() *heldBody {
	held := &heldBody{budget: &x.proxy.heldBytes, most: x.proxy.config.Inspect.Memory.Bytes()}
	x.payload.keep(held)
	return held
}

// hold keeps the body back until it has been read whole, and decides on it. What happens to a body that
// is larger than may be held in memory is the policies' onLargeBody.
func (x *exchange) hold(r *http.Request, body *payload) *answer.Refusal {
	limit := x.proxy.config.Inspect.HoldUntilDecided.Bytes()
	whole := func() flow.Data {
		body.readTrailer(r.Trailer)
		data, _ := body.finish()
		return data
	}
	if r.Body == http.NoBody {
		return x.decideWhole(whole())
	}
	x.rewrites = true
	held := x.newHeld()
	ctx, cancel := context.WithTimeout(r.Context(), x.proxy.config.Inspect.Timeout)
	defer cancel()
	err := held.fill(ctx, r.Body, limit, body.write)
	switch {
	case errors.Is(err, errOversize):
		large := &largePayload{exchange: x, source: r.Body, held: held, size: r.ContentLength, whole: whole}
		leaving, refusal := large.admit(r.Context())
		if refusal == nil {
			replay(r, leaving, large.again)
		}
		return refusal
	case ctx.Err() != nil && r.Context().Err() == nil:
		return x.unreadable(r.Context(), os.ErrDeadlineExceeded)
	case err != nil:
		return x.unreadable(r.Context(), err)
	}
	replay(r, held.reader(), held.reader)
	if refusal := x.decideWhole(whole()); refusal != nil {
		return refusal
	}
	return x.redactHeld(r, held)
}

// replay makes leaving the body of r. The transport may send what again reads, if that is not nil, when
// a kept connection turns out to be closed.
func replay(r *http.Request, leaving io.Reader, again func() io.Reader) {
	source := r.Body
	r.Body = replayedBody{leaving, source}
	if again != nil {
		r.GetBody = func() (io.ReadCloser, error) { return replayedBody{again(), source}, nil }
	}
}

// decideWhole decides on what a payload that was read to its end has shown.
func (x *exchange) decideWhole(data flow.Data) *answer.Refusal {
	if decision := x.decideData(data); decision.Verdict != flow.Allow {
		return x.blocked(decision)
	}
	return nil
}

// partly is what was found in the part of a payload that could be read: what was found is there,
// what was not may be in the rest.
func partly(found flow.Data, reason string) flow.Data {
	if found.State == flow.Known {
		found.Coverage = min(found.Coverage, flow.CoveragePartial)
	}
	found.Undecodable = reason
	return found
}

// replayedBody is a body that is read by way of another reader.
type replayedBody struct {
	io.Reader
	io.Closer
}

// observePayload lets the classifier look on while the body streams by.
func (x *exchange) observePayload(r *http.Request) {
	body := x.newPayload(r)
	if x.upgrade {
		r.Header.Del("Sec-WebSocket-Extensions") // compressed messages could not be read
	}
	if !x.upgrade && r.Body != http.NoBody {
		r.Body = replayedBody{&observedReader{r.Body, body}, r.Body}
	}
}

// meterBody counts what really leaves.
func (x *exchange) meterBody(r *http.Request) {
	if r.Body == http.NoBody {
		return
	}
	r.Body = &meteredBody{ReadCloser: r.Body, count: &x.sent}
	if again := r.GetBody; again != nil {
		r.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			return &meteredBody{ReadCloser: body, count: &x.sent}, err
		}
	}
}

type meteredBody struct {
	io.ReadCloser
	count *atomic.Int64
}

func (b *meteredBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.count.Add(int64(n))
	return n, err
}
