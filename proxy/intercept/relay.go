// Package intercept holds what happens inside a CONNECT once it has been decided: bytes relayed
// unread, the first bytes looked at to learn which protocol the client speaks, and the frames of a
// WebSocket followed so that a message can be held until it is decided and a connection can be
// closed with a reason.
//
// It leaves the decisions to package proxy, which passes them in, and HTTP to package listen, which
// serves the requests of an intercepted connection like any other's.
package intercept

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Relay copies bytes between a client and an origin, unread.
type Relay struct {
	Client, Origin net.Conn
	Idle           time.Duration // ends the relay when no byte moved for so long; 0 means never

	sent, received atomic.Int64
	ended          atomic.Bool
	broken         atomic.Bool // a direction has closed both connections
}

// Sent is how many bytes went to the origin; it is exact once Run has returned.
func (r *Relay) Sent() int64 { return r.sent.Load() }

// Received is how many bytes went to the client; it is exact once Run has returned.
func (r *Relay) Received() int64 { return r.received.Load() }

// End closes both connections, which makes Run return. It may be called at any time.
func (r *Relay) End() {
	r.ended.Store(true)
	_ = r.Origin.Close()
	_ = r.Client.Close()
}

// ErrRelayEnded is Run's answer when End, or the idle limit, ended the relay.
var ErrRelayEnded = errors.New("relay ended by the proxy")

// Run copies until both directions have ended, passing half-closes on, and closes the origin. The
// client's connection stays the caller's to close.
func (r *Relay) Run() error {
	stopIdle := r.watchIdle()
	defer stopIdle()
	defer r.Origin.Close()
	var upward error
	var wait sync.WaitGroup
	wait.Go(func() { upward = r.copy(r.Origin, r.Client, &r.sent) })
	downward := r.copy(r.Client, r.Origin, &r.received)
	wait.Wait()
	if r.ended.Load() {
		return ErrRelayEnded
	}
	return errors.Join(upward, downward)
}

var relayBuffers = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// fullReads is after how many reads that filled the buffer the kernel takes over: splice costs two
// pipes, which bulk transfers repay and short messages do not.
const fullReads = 4

// copy moves one direction and then closes it for writing. When that cannot be done, or copying
// broke, both connections close, so that the other direction ends too; how that one then ends says
// nothing.
func (r *Relay) copy(to, from net.Conn, count *atomic.Int64) error {
	err := r.move(to, from, count)
	if err == nil && closeWrite(to) {
		return nil
	}
	if r.broken.Swap(true) {
		return nil
	}
	_ = from.Close()
	_ = to.Close()
	return err
}

func (r *Relay) move(to, from net.Conn, count *atomic.Int64) error {
	target, ok1 := to.(*net.TCPConn)
	source, ok2 := from.(*net.TCPConn)
	if err := moveShort(to, from, count, ok1 && ok2); !errors.Is(err, errBulk) {
		return err
	}
	n, err := target.ReadFrom(source)
	count.Add(n)
	return err
}

var errBulk = errors.New("more bytes than messages")

// moveShort copies through a buffer, and with bulk returns errBulk once that is not worth it.
func moveShort(to, from net.Conn, count *atomic.Int64, bulk bool) error {
	buffer := relayBuffers.Get().(*[16 << 10]byte)
	defer relayBuffers.Put(buffer)
	for full := 0; ; {
		n, err := from.Read(buffer[:])
		if n > 0 {
			written, writeErr := to.Write(buffer[:n])
			count.Add(int64(written))
			if writeErr != nil {
				return writeErr
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		full++
		if n < len(buffer) {
			full = 0
		}
		if bulk && full == fullReads {
			return errBulk
		}
	}
}

func closeWrite(connection net.Conn) bool {
	half, ok := connection.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}

// watchIdle ends the relay when the kernel has seen no byte on the origin's socket for Idle. The
// connections are never wrapped for it: that would cost splice (data-plane row 15).
func (r *Relay) watchIdle() (stop func()) {
	origin, ok := r.Origin.(*net.TCPConn)
	if r.Idle <= 0 || !ok {
		return func() {}
	}
	var mutex sync.Mutex
	var timer *time.Timer
	check := func() {
		quiet, ok := quietFor(origin)
		if !ok {
			return
		}
		if quiet >= r.Idle {
			r.End()
			return
		}
		mutex.Lock()
		defer mutex.Unlock()
		if timer != nil {
			timer.Reset(r.Idle - quiet)
		}
	}
	mutex.Lock()
	timer = time.AfterFunc(r.Idle, check)
	mutex.Unlock()
	return func() {
		mutex.Lock()
		defer mutex.Unlock()
		timer.Stop()
		timer = nil
	}
}
