package intercept

import "time"

// keptBuffer is how large a buffer for held messages an idle WebSocket keeps.
const keptBuffer = 64 << 10

// Write takes what the client sends: on its way to the origin, through the gate. After End it takes
// and drops everything until the client has answered the close frame. When the origin cannot be
// written to, the error waits until what the origin had sent before has been read: a relay stops as
// soon as either direction returns, and that may be the close frame that says why.
func (w *WebSocket) Write(p []byte) (int, error) {
	if err := w.write(p); err != nil {
		w.waitRead()
		return 0, err
	}
	return len(p), nil
}

func (w *WebSocket) write(p []byte) error {
	if w.gate == nil {
		w.up.skip(p)
		return w.send(p)
	}
	for rest := p; len(rest) > 0; {
		n, payload, err := w.up.advance(rest)
		if err != nil {
			w.End(CloseProtocolError, "malformed frame")
		}
		if err := w.take(rest[:n], payload); err != nil {
			return err
		}
		rest = rest[n:]
	}
	if !w.hold {
		return w.send(p)
	}
	return nil
}

// take shows a piece of a frame to the gate and, where messages are held, holds it or sends it on.
func (w *WebSocket) take(piece []byte, payload bool) error {
	switch {
	case w.isEnded():
		w.letGo()
		return nil
	case !w.hold:
		w.observe(piece, payload)
		if w.up.endsMessage() {
			w.gate.EndMessage() // it has left
		}
		return nil
	case w.up.control():
		return w.takeControl(piece, payload)
	case w.passing:
		w.passing = !w.up.endsMessage()
		return w.send(piece)
	case len(w.held)+len(piece) > w.limit && !w.up.inHead():
		w.gate.Opaque("message is larger than what may be held")
		w.held = append(w.held, piece...)
		w.passing = !w.up.endsMessage()
		return w.release()
	}
	w.observe(piece, payload)
	w.held = append(w.held, piece...)
	if !w.up.endsMessage() {
		return nil
	}
	return w.release()
}

// takeControl holds a control frame until it is complete, 125 bytes of payload at most, and asks the
// gate about it: pings carry what their sender likes.
func (w *WebSocket) takeControl(piece []byte, payload bool) error {
	w.control = append(w.control, piece...)
	if payload {
		w.controlPayload = append(w.controlPayload, w.up.unmask(piece)...)
	}
	if !w.up.atBoundary() {
		return nil
	}
	frame, content := w.control, w.controlPayload
	w.control, w.controlPayload = frame[:0], content[:0]
	if len(content) > 0 && !w.gate.Control(content) {
		w.End(ClosePolicyViolation, "")
		return nil
	}
	return w.send(frame)
}

// observe shows a piece of a message to the gate.
func (w *WebSocket) observe(piece []byte, payload bool) {
	switch {
	case w.up.control():
	case !w.up.reserved:
		if payload {
			w.gate.Payload(w.up.unmask(piece))
		}
	case w.up.endsMessage():
		w.gate.Opaque("compressed WebSocket message")
	}
}

// release asks the gate about the message that is held, and sends it or ends the WebSocket.
func (w *WebSocket) release() error {
	held := w.held
	if w.held = held[:0]; cap(held) > keptBuffer {
		w.held = nil
	}
	replacement, ok := w.gate.EndMessage()
	if !ok || replacement != nil && w.passing {
		w.End(ClosePolicyViolation, "")
		return nil
	}
	if replacement != nil {
		held = maskedFrame(held[0]&0x0f, replacement)
	}
	return w.send(held)
}

// send writes p, which ends where the frames of up have been followed to, unless the WebSocket has
// ended.
func (w *WebSocket) send(p []byte) error {
	w.sending.Lock()
	defer w.sending.Unlock()
	if w.isEnded() {
		w.letGo()
		return nil
	}
	w.upBoundary = false
	_, err := w.origin.Write(p)
	w.upBoundary = w.up.atBoundary()
	if err != nil && w.isEnded() {
		return nil // the end broke it; the client's answer is still to come
	}
	return err
}

// letGo notices the client's answer to the close frame, or that it had closed by itself.
func (w *WebSocket) letGo() {
	if w.up.closing {
		w.releaseOnce.Do(func() { close(w.released) })
	}
}

func (w *WebSocket) isEnded() bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.ended
}

// waitRead waits until the client has been sent what the origin sent last.
func (w *WebSocket) waitRead() {
	timer := time.NewTimer(endGrace)
	defer timer.Stop()
	select {
	case <-w.readDone:
	case <-timer.C:
	}
}
