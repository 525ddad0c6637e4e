package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/borderflow/borderflow/proxy/answer"
	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
)

// largePayload is a body, or a gRPC message, that a rule depends on and that is larger than
// inspect.holdUntilDecided. The first part of it is held already.
type largePayload struct {
	exchange *exchange
	source   io.Reader // what is behind the part that is held
	held     *heldBody
	size     int64            // declared; -1 when it is not
	whole    func() flow.Data // what all of it has shown, once its end has been read
	ahead    []byte           // what was read of source and found no place
	again    func() io.Reader // reads all that may leave once more; nil where it is not kept
	file     *spooledBody     // nil unless it is kept on disk
}

// release gives back what is held of the payload. Nothing of it is read any more.
func (l *largePayload) release() {
	l.exchange.payload.letGo(l.held)
	if l.file != nil {
		l.exchange.payload.letGo(l.file)
	}
}

// admit returns what may leave of the payload, and when: at once, as it is read, or when it has been
// read whole. What is certain from the part that is held decides first.
func (l *largePayload) admit(ctx context.Context) (io.Reader, *answer.Refusal) {
	x := l.exchange
	switch decision := x.decideOpen(); decision.Verdict {
	case flow.Block:
		return nil, x.blocked(decision)
	case flow.Allow:
		return l.observed(l.held.reader()), nil
	}
	switch x.onLargeBody {
	case rules.LargeStream:
		return &slidingBody{largePayload: l, keep: int(x.proxy.config.Inspect.HoldUntilDecided.Bytes())}, nil
	case rules.LargeHold:
		return l.spool(ctx)
	}
	return l.unread("body is larger than inspect.holdUntilDecided", l.held.reader())
}

// observed is what is kept and then the rest, which the classifier only looks at.
func (l *largePayload) observed(kept io.Reader) io.Reader {
	return io.MultiReader(kept, bytes.NewReader(l.ahead), &observedReader{l.source, l.exchange.payload})
}

// unread decides on a payload of which the rest is not read before it leaves.
func (l *largePayload) unread(reason string, kept io.Reader) (io.Reader, *answer.Refusal) {
	x := l.exchange
	x.payload.oversize = true
	data := partly(x.payload.facts(), reason)
	data.Oversize = true
	if decision := x.decideData(data); decision.Verdict != flow.Allow {
		return nil, x.blocked(decision)
	}
	return l.observed(kept), nil
}

// spool reads the payload to its end, keeping it on disk, and decides on it.
func (l *largePayload) spool(ctx context.Context) (io.Reader, *answer.Refusal) {
	x := l.exchange
	const tooLarge = "body is larger than inspect.spool.body"
	if l.size > x.proxy.spool.body {
		return l.unread(tooLarge, l.held.reader())
	}
	body, err := x.proxy.spool.create()
	if err != nil {
		return nil, l.refuseSpool(err)
	}
	x.payload.keep(body)
	l.file = body
	decision, err := l.fillSpool(ctx, body)
	switch {
	case decision.Verdict == flow.Block:
		return nil, x.blocked(decision)
	case decision.Verdict == flow.Allow:
		return l.observed(body.reader()), nil
	case errors.Is(err, errOversize):
		return l.unread(tooLarge, body.reader())
	case errors.Is(err, errSpoolFull), errors.As(err, new(*os.PathError)):
		return nil, l.refuseSpool(err)
	case err != nil:
		return nil, x.unreadable(ctx, err)
	}
	if decision := x.decideData(l.whole()); decision.Verdict != flow.Allow {
		return nil, x.blocked(decision)
	}
	l.again = body.reader
	return body.reader(), nil
}

// fillSpool moves the payload to disk, to its end or until a decision is certain; it is Undecided
// otherwise. As much of it as is held in memory must arrive within the time that a held body may take.
func (l *largePayload) fillSpool(ctx context.Context, body *spooledBody) (rules.Decision, error) {
	x := l.exchange
	undecided := rules.Decision{}
	if _, err := io.Copy(body, l.held.reader()); err != nil {
		return undecided, err
	}
	l.held.release()
	buffer := heldChunks.Get().(*[heldChunk]byte)
	defer heldChunks.Put(buffer)
	step := x.proxy.config.Inspect.HoldUntilDecided.Bytes()
	deadline := time.Now().Add(x.proxy.config.Inspect.Timeout)
	for read := int64(0); ; {
		n, err := l.source.Read(buffer[:])
		x.payload.write(buffer[:n])
		if _, full := body.Write(buffer[:n]); full != nil {
			l.ahead = bytes.Clone(buffer[:n])
			return undecided, full
		}
		switch read += int64(n); {
		case err == io.EOF:
			return undecided, nil
		case err != nil:
			return undecided, err
		case ctx.Err() != nil:
			return undecided, ctx.Err()
		case read < step && time.Now().After(deadline):
			return undecided, os.ErrDeadlineExceeded
		case read < step:
			continue
		}
		if decision := x.decideOpen(); decision.Verdict != flow.Undecided {
			return decision, nil
		}
		read, deadline = 0, time.Now().Add(x.proxy.config.Inspect.Timeout)
	}
}

func (l *largePayload) refuseSpool(err error) *answer.Refusal {
	p := l.exchange.proxy
	p.spool.refused.Add(1)
	if errors.Is(err, errSpoolFull) {
		return unavailable("borderflow keeps as many request bodies on disk as inspect.spool.total allows; try again")
	}
	p.log.Error("keep a request's body on disk", zap.String("flow", l.exchange.flow.ID), zap.Error(err))
	return unavailable("borderflow cannot keep the request's body on disk until it is decided; try again")
}

// unreadable is the refusal for a payload that could not be read from its client.
func (x *exchange) unreadable(ctx context.Context, err error) *answer.Refusal {
	switch {
	case errors.Is(err, errHeldMemory):
		return unavailable("borderflow holds as many request bodies as inspect.memory allows; try again")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return tooSlow("the request's body did not arrive in time to be inspected")
	}
	if ctx.Err() != nil {
		x.settle(evidence.Aborted, "")
	}
	return badRequest("the request's body ended early or is malformed")
}

// notDecodedYet is what the classifier says of a part whose rest is still to come.
const notDecodedYet = "not decoded yet"

// certainLooks is in how many looks in a row a payload must be undecodable to be taken for it. One look
// may fall into the few odd bytes that a text can have.
const certainLooks = 8

// decideOpen asks the policy about what a payload has shown that goes on. Only what nothing that
// follows can change is decided.
func (x *exchange) decideOpen() rules.Decision {
	data := x.payload.facts()
	data.Open = true
	looks := &x.payload.undecodable
	if *looks++; data.Undecodable == "" || data.Undecodable == notDecodedYet {
		*looks = 0
	}
	if *looks < certainLooks {
		data.Undecodable = ""
	}
	decision := x.decideData(data)
	if decision.Verdict == flow.Block {
		x.mutex.Lock()
		defer x.mutex.Unlock()
		reason := x.flow.Data.Undecodable
		if reason == "" {
			reason = "not read to its end"
		}
		x.flow.Data = partly(x.flow.Data, reason)
	}
	return decision
}

// slidingBody leaves while it is read: its last keep bytes never before the end has been read. Once a
// block is certain nothing more leaves, and the error keeps the transport from ending the request as
// if it were whole.
type slidingBody struct {
	*largePayload
	keep int
	rest io.Reader // once nothing can change the verdict any more, what is behind the held part
	end  error
}

// decideEvery is how many bytes are read between two decisions on a payload that is leaving.
const decideEvery = 4 * heldChunk

func (b *slidingBody) Read(p []byte) (int, error) {
	for b.end == nil || b.end == io.EOF {
		if b.unsettled() {
			b.end = b.advance(1)
			continue
		}
		n, err := b.held.take(p, b.keep)
		switch {
		case n > 0 || err != nil || len(p) == 0:
			return n, err
		case b.end != nil:
			return 0, b.end
		case b.rest != nil:
			return b.rest.Read(p)
		}
		b.end = b.advance(decideEvery)
	}
	return 0, b.end // and what is held stays
}

// unsettled reports whether the payload may turn out to be undecodable. Nothing more leaves meanwhile.
func (b *slidingBody) unsettled() bool {
	return b.end == nil && b.rest == nil && b.exchange.payload.undecodable > 0 && b.exchange.payload.undecodable < certainLooks
}

// advance reads so many bytes or more, and decides on all that has been read.
func (b *slidingBody) advance(step int) error {
	x := b.exchange
	for read := 0; read < step; {
		n, err := b.held.read(b.source, x.payload.write)
		read += n
		switch {
		case err == io.EOF:
			return b.finish()
		case errors.Is(err, errHeldMemory):
			x.stop(x.unreadable(context.Background(), err))
			return errBlocked
		case err != nil:
			return err
		}
	}
	switch decision := x.decideOpen(); decision.Verdict {
	case flow.Block:
		return x.cutOff(decision)
	case flow.Allow:
		b.keep, b.rest = 0, &observedReader{b.source, x.payload}
	}
	return nil
}

// finish decides on the whole payload, of which the last bytes have not left.
func (b *slidingBody) finish() error {
	if decision := b.exchange.decideData(b.whole()); decision.Verdict != flow.Allow {
		return b.exchange.cutOff(decision)
	}
	b.keep = 0
	return io.EOF
}

// cutOff ends a request body that has begun to leave. The response tells why.
func (x *exchange) cutOff(decision rules.Decision) error {
	x.stop(x.blocked(decision))
	x.noteCut()
	return errBlocked
}

func (x *exchange) noteCut() {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	x.cut = x.sent.Load() > 0
}

// observedReader lets the classifier look on.
type observedReader struct {
	io.Reader
	payload *payload
}

func (r *observedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.payload.write(p[:n])
	return n, err
}
