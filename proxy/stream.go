package proxy

import (
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// streamConn is the HTTP/2 stream of a CONNECT as goproxy hands it out, made into a connection that
// can be served on. Two things are wrong with it as it is. net/http panics when the stream is
// written to after its handler has returned, and whoever is served inside the tunnel does not know
// when that is. And a read deadline that passes ends the stream's body for good, while net/http's
// server sets such deadlines all the time to interrupt a read that it goes on with later.
type streamConn struct {
	net.Conn
	pump     sync.Once
	chunks   chan []byte   // from the goroutine that reads the stream
	taken    chan struct{} // tells it that the chunk has been used up
	rest     []byte        // of the current chunk
	readErr  error         // valid once chunks is closed
	deadline streamDeadline

	writing sync.Mutex // held while writing
	mutex   sync.RWMutex
	closed  bool // guarded by mutex
	ended   chan struct{}
}

// overStream wraps client when it is an HTTP/2 stream.
func overStream(client net.Conn) net.Conn {
	if _, ok := client.(interface{ ResponseWriter() http.ResponseWriter }); !ok {
		return client
	}
	return &streamConn{Conn: client, chunks: make(chan []byte), taken: make(chan struct{}),
		ended: make(chan struct{})}
}

// ResponseWriter is what goproxy's stream answers with.
func (c *streamConn) ResponseWriter() http.ResponseWriter {
	return c.Conn.(interface{ ResponseWriter() http.ResponseWriter }).ResponseWriter()
}

// Read belongs to one goroutine at a time.
func (c *streamConn) Read(p []byte) (int, error) {
	c.pump.Do(func() { go c.readStream() }) // ends when the stream does, at the latest with its handler
	if len(c.rest) == 0 {
		select {
		case <-c.deadline.passed():
			return 0, os.ErrDeadlineExceeded
		default:
		}
		select {
		case chunk, open := <-c.chunks:
			if !open {
				return 0, c.readErr
			}
			c.rest = chunk
		case <-c.ended:
			return 0, net.ErrClosed
		case <-c.deadline.passed():
			return 0, os.ErrDeadlineExceeded
		}
	}
	n := copy(p, c.rest)
	if c.rest = c.rest[n:]; len(c.rest) == 0 {
		select {
		case c.taken <- struct{}{}:
		case <-c.ended:
		}
	}
	return n, nil
}

func (c *streamConn) readStream() {
	defer close(c.chunks)
	buffer := make([]byte, 16<<10)
	for {
		n, err := c.Conn.Read(buffer)
		if n > 0 {
			select {
			case c.chunks <- buffer[:n]:
			case <-c.ended:
				return
			}
			select {
			case <-c.taken:
			case <-c.ended:
				return
			}
		}
		if err != nil {
			if c.readErr = err; err != io.EOF {
				c.readErr = net.ErrClosed // the client reset its stream
			}
			return
		}
	}
}

func (c *streamConn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mutex.RLock()
	closed := c.closed
	c.mutex.RUnlock()
	if closed {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

// Close returns when no write is under way any more, and lets none begin.
func (c *streamConn) Close() error {
	c.mutex.Lock()
	if c.closed {
		c.mutex.Unlock()
		return nil
	}
	c.closed = true
	close(c.ended)
	idle := c.writing.TryLock()
	if !idle {
		// The write may wait for the client to take bytes. This resets the stream, which would tell
		// the client of an error where there is none.
		_ = c.Conn.SetWriteDeadline(time.Now())
	}
	err := c.Conn.Close()
	c.mutex.Unlock()
	if !idle {
		c.writing.Lock()
	}
	c.writing.Unlock()
	return err
}

// SetDeadline sets both deadlines.
func (c *streamConn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

// SetReadDeadline ends reads that wait at t, and leaves the stream as it is.
func (c *streamConn) SetReadDeadline(t time.Time) error {
	c.deadline.set(t)
	return nil
}

// SetWriteDeadline ends writes that wait at t, and the stream with them.
func (c *streamConn) SetWriteDeadline(t time.Time) error {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	if c.closed {
		return net.ErrClosed
	}
	return c.Conn.SetWriteDeadline(t)
}

// streamDeadline is a deadline that reads can wait on. The zero value is none.
type streamDeadline struct {
	mutex sync.Mutex
	timer *time.Timer
	done  chan struct{} // closed when the deadline has passed; replaced only when it has
}

func (d *streamDeadline) passed() <-chan struct{} {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.done == nil {
		d.done = make(chan struct{})
	}
	return d.done
}

// set moves the deadline; reads that wait already see it move.
func (d *streamDeadline) set(t time.Time) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.done // the timer is closing it just now
	}
	d.timer = nil
	hasPassed := false
	select {
	case <-d.done:
		hasPassed = true
	default:
	}
	if d.done == nil || hasPassed {
		d.done = make(chan struct{})
	}
	done, left := d.done, time.Until(t)
	switch {
	case t.IsZero():
	case left <= 0:
		close(done)
	default:
		d.timer = time.AfterFunc(left, func() { close(done) })
	}
}
