package proxy

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/borderflow/borderflow/proxy/answer"
	"github.com/borderflow/borderflow/proxy/evidence"
)

// unreadWait bounds how long net/http reads on in a body that nobody wanted, so that its client gets
// to the answer.
const unreadWait = 5 * time.Second

// clientBody is a request's body as the client sends it. It ends when the client stalls, and it knows
// when the client is at fault, which from the origin's side looks like trouble with the origin.
//
// Over HTTP/1 a deadline of the connection does it, which costs a timer in the runtime and is moved
// now and then only. Over HTTP/2 a deadline would end the body when it comes, even if nobody was
// reading for the origin's sake; so that a timer runs while a read does.
type clientBody struct {
	io.ReadCloser
	exchange *exchange
	control  *http.ResponseController
	idle     time.Duration // 0: for as long as the client likes
	timer    *time.Timer   // HTTP/2
	expects  bool          // the client keeps the body back until it is asked for (100-continue)

	underWay sync.Mutex // held by Read, until what went wrong has been kept

	mutex   sync.Mutex
	moved   time.Time // HTTP/1: when the deadline was last moved on
	begun   bool
	reading bool
	whole   bool // the end has been read
	ended   bool // the handler has returned: the connection may serve another request
}

// takeBody has x read r's body, if it has one. The two sides of a gRPC stream may be quiet for as long
// as they like: only a message that has begun must arrive (messageGate).
func (x *exchange) takeBody(r *http.Request) {
	if r.ContentLength == 0 || r.Method == http.MethodConnect {
		return
	}
	body := &clientBody{ReadCloser: r.Body, exchange: x, control: http.NewResponseController(x.writer),
		expects: headerHas(r.Header, "Expect", "100-continue")}
	if !answer.IsGRPC(r) {
		body.idle = x.proxy.config.Limits.BodyIdle
	}
	if r.ProtoMajor == 2 {
		body.timer = time.AfterFunc(time.Hour, body.stalled)
		body.timer.Stop()
	} else {
		// The origin may answer, and a refusal is sent, before the body has been read.
		_ = body.control.EnableFullDuplex()
	}
	x.body = body
}

// waitLong has the body wait for its client for as long as the client likes.
func (b *clientBody) waitLong() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.idle = 0
}

// Read reads from the client, for as long as the handler runs.
func (b *clientBody) Read(p []byte) (int, error) {
	b.underWay.Lock()
	defer b.underWay.Unlock()
	if !b.beginRead() {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.ReadCloser.Read(p)
	if b.endRead(err) && err != nil && err != io.EOF {
		b.exchange.bodyFailed(err)
	}
	return n, err
}

// awaitRead returns when no Read is under way. It is for requests whose context has ended: net/http
// ends it as the first thing when reading fails, so that a Read under way is about to say why.
func (b *clientBody) awaitRead() {
	b.underWay.Lock()
	defer b.underWay.Unlock()
}

func (b *clientBody) beginRead() bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	switch now := time.Now(); {
	case b.ended:
		return false
	case b.idle == 0:
	case b.timer != nil:
		b.timer.Reset(b.idle)
	case now.Sub(b.moved) > min(b.idle/8, time.Second):
		b.moved = now
		_ = b.control.SetReadDeadline(now.Add(b.idle))
	}
	b.begun, b.reading = true, true
	return true
}

// endRead reports whether the handler is still there to be told of an error.
func (b *clientBody) endRead(err error) bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.reading = false
	if b.timer != nil {
		b.timer.Stop()
	}
	if err == io.EOF && !b.ended && !b.whole {
		b.whole = true
		if b.timer == nil {
			// The server reads on to notice a client that leaves; a deadline would look like that.
			_ = b.control.SetReadDeadline(time.Time{})
		}
	}
	return !b.ended
}

// mostUnread is how much of a body that nobody wanted net/http reads before it closes the connection.
const mostUnread = 256 << 10

// closesConnection reports whether an answer that is sent now ends the HTTP/1 connection, because more
// of the body is to come than net/http would read. The client has to be told, or it sends its next
// request where nobody reads it.
func (b *clientBody) closesConnection(length int64) bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.timer == nil && !b.whole && (length < 0 || length > mostUnread)
}

// leavesRest reports whether an HTTP/1 body has not been read to its end.
func (b *clientBody) leavesRest() bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.timer == nil && !b.whole && (b.begun || !b.expects)
}

// readRest reads on in an HTTP/1 body once the answer has been sent, behind a read that may be under way
// for the origin's sake. net/http would do it too, but with full duplex at the wrong moment: after it has
// stopped watching the connection, which it then begins to watch again while the next request is read,
// so that this one is lost; and it breaks a read off that is under way, and the connection with it before
// the client has got to the answer.
func (b *clientBody) readRest() {
	_, _ = io.CopyN(io.Discard, b.ReadCloser, mostUnread)
}

// stalled ends an HTTP/2 body if it is being waited for.
func (b *clientBody) stalled() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.reading {
		b.expire()
	}
}

// late ends an HTTP/2 body whether it is being waited for or not. It may be called at any time.
func (b *clientBody) late() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.expire()
}

// expire is for those who hold mutex.
func (b *clientBody) expire() {
	if !b.ended {
		_ = b.control.SetReadDeadline(time.Unix(1, 0))
	}
}

// end is called when the handler returns. The client of a broken response has no answer to get to.
func (b *clientBody) end(hijacked, broken bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.ended = true
	switch {
	case b.timer != nil:
		b.timer.Stop()
	case !b.whole && !hijacked:
		wait := unreadWait
		if b.idle > 0 {
			wait = min(wait, b.idle)
		}
		if broken || b.expects && !b.begun {
			wait = 0 // nothing will come, or nothing helps
		}
		_ = b.control.SetReadDeadline(time.Now().Add(wait))
	}
}

// bodyFailed keeps that it is the client's body which could not be read, and why.
func (x *exchange) bodyFailed(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		x.stop(tooSlow("the request's body did not arrive in time"))
		return
	}
	x.settle(evidence.Aborted, "")
	x.stop(badRequest("the request's body ended early or is malformed"))
}
