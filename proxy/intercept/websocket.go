package intercept

import (
	"io"
	"sync"
	"time"
)

// MessageGate decides on the messages that a WebSocket's client sends. Its methods are called by
// one goroutine at a time.
type MessageGate interface {
	// Payload takes the next bytes of the current message, unmasked. It must not keep them.
	Payload(p []byte)
	// Opaque says that the current message cannot be read, and why.
	Opaque(reason string)
	// EndMessage says that the current message is complete, or too large to be held; the answer is
	// whether it may leave, and what leaves in its place if that is not nil. What replaces it is taken
	// for messages that are held whole only. A gate that answers false calls End first, if it has a
	// reason to give.
	EndMessage() (replacement []byte, ok bool)
	// Control takes the whole payload of a control frame and answers whether the frame may leave. A
	// gate that answers false calls End first, if it has a reason to give.
	Control(payload []byte) bool
}

// WebSocket is the body of a 101 response: reading it yields what the origin sends, writing it sends
// to the origin. It follows the frames of both directions, so that a client's message is held until
// its gate lets it pass, and so that End can close with a close frame where one may stand.
//
// Control frames, of at most 125 bytes, do not wait for a message that is held around them: an
// origin that asks whether the client is alive gives it little time.
//
// One goroutine reads and another writes; End may be called from any.
type WebSocket struct {
	// Overdue is called, from a goroutine of its own, when the client has not let go some time after
	// End. It should close the client's connection: nothing else ends a relay to a client that
	// neither reads nor writes. It is set before the WebSocket is used; nil means that nobody minds.
	Overdue func()

	origin io.ReadWriteCloser
	gate   MessageGate // nil: the client's frames pass unread
	hold   bool        // messages wait for the gate; else they pass and the gate looks on
	limit  int         // bytes of a message that are held at most

	// The writing goroutine's own.
	up   frameReader
	held []byte

	control, controlPayload []byte // the control frame under way
	passing                 bool   // the current message could not be held and may pass

	sending    sync.Mutex // held while origin is written to
	upBoundary bool       // origin has been sent whole frames; guarded by sending

	mutex      sync.Mutex // guards what follows
	down       frameReader
	closeFrame []byte // what is left to send to the client before the end
	ended      bool

	readDone    chan struct{} // closed when Read has nothing more
	readOnce    sync.Once
	released    chan struct{} // closed when the client has answered the close frame
	releaseOnce sync.Once
}

// NewWebSocket follows the WebSocket to origin. With hold, messages of up to limit bytes wait for
// the gate; longer ones are Opaque.
func NewWebSocket(origin io.ReadWriteCloser, gate MessageGate, hold bool, limit int) *WebSocket {
	return &WebSocket{origin: origin, gate: gate, hold: hold, limit: limit, upBoundary: true,
		readDone: make(chan struct{}), released: make(chan struct{})}
}

// endGrace is how long an ended WebSocket waits for the frame under way, so that the close frame can
// follow it, and again for the client to answer the close frame.
const endGrace = 2 * time.Second

// End closes the WebSocket with a close frame to the client, behind the frame under way, and one
// without a reason to the origin. It returns at once and may be called from any goroutine; only the
// first call counts. From then on nothing that the client sends leaves.
func (w *WebSocket) End(code uint16, reason string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.ended {
		return
	}
	w.ended = true
	w.closeFrame = CloseFrame(code, reason)
	idle := w.down.atBoundary()
	time.AfterFunc(0, func() { w.leaveOrigin(idle) })
	time.AfterFunc(2*endGrace, func() {
		select {
		case <-w.readDone:
		default:
			if w.Overdue != nil {
				w.Overdue()
			}
		}
	})
}

// leaveOrigin takes leave of the origin where a frame may stand, and closes its connection: at once
// if the origin has no frame under way, else when it has had its time.
func (w *WebSocket) leaveOrigin(idle bool) {
	overdue := time.AfterFunc(endGrace, func() { _ = w.origin.Close() })
	if w.lockSending() {
		if w.upBoundary {
			_, _ = w.origin.Write(maskedCloseFrame(CloseGoingAway))
		}
		w.sending.Unlock()
	}
	if idle {
		overdue.Stop()
		_ = w.origin.Close()
	}
}

// sendGrace is how long a write that is under way may take to reach the end of its frame. One that the
// origin does not take is in the middle of a frame, and no other can follow it.
const sendGrace = 100 * time.Millisecond

// lockSending takes the turn to write to the origin, false if a write does not end in time.
func (w *WebSocket) lockSending() bool {
	for deadline := time.Now().Add(sendGrace); !w.sending.TryLock(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// Read returns what the client is to be sent: the origin's frames, then the close frame if the
// WebSocket was ended here. Its io.EOF waits for the client's answer to the close frame, so that
// closing the connection then does not destroy the frame on its way.
func (w *WebSocket) Read(p []byte) (int, error) {
	for {
		if n, done := w.readEnd(p); done {
			if n > 0 {
				return n, nil
			}
			w.waitReleased()
			w.finishRead()
			return 0, io.EOF
		}
		n, err := w.origin.Read(p)
		n, ended := w.follow(p[:n])
		switch {
		case n > 0:
			return n, nil // an error stays: the next Read meets it again
		case ended && w.betweenFrames():
			// The close frame's turn has come.
		case err != nil:
			w.finishRead()
			return 0, err
		}
	}
}

// follow follows the frames in p, and returns how much of it the client is to see: after End only
// the rest of the frame under way.
func (w *WebSocket) follow(p []byte) (n int, ended bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.ended {
		return w.down.toBoundary(p), true
	}
	w.down.skip(p)
	return len(p), false
}

func (w *WebSocket) betweenFrames() bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.down.atBoundary()
}

// readEnd serves the close frame once the WebSocket has ended between two frames.
func (w *WebSocket) readEnd(p []byte) (n int, done bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if !w.ended || !w.down.atBoundary() {
		return 0, false
	}
	n = copy(p, w.closeFrame)
	w.closeFrame = w.closeFrame[n:]
	return n, true
}

func (w *WebSocket) finishRead() { w.readOnce.Do(func() { close(w.readDone) }) }

// waitReleased waits until the client has answered the close frame.
func (w *WebSocket) waitReleased() {
	timer := time.NewTimer(endGrace)
	defer timer.Stop()
	select {
	case <-w.released:
	case <-timer.C:
	}
}

// Close closes the connection to the origin.
func (w *WebSocket) Close() error { return w.origin.Close() }
