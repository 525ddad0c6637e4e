package proxy

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// streamConn is the HTTP/2 stream of a CONNECT as goproxy hands it out, made safe to end: net/http
// panics when such a stream is written to after its handler has returned, and whoever is served
// inside the tunnel does not know when that is.
type streamConn struct {
	net.Conn
	mutex  sync.Mutex // held while writing
	ended  sync.RWMutex
	closed bool // guarded by ended
}

// overStream wraps client when it is an HTTP/2 stream.
func overStream(client net.Conn) net.Conn {
	if _, ok := client.(interface{ ResponseWriter() http.ResponseWriter }); ok {
		return &streamConn{Conn: client}
	}
	return client
}

// ResponseWriter is what goproxy's stream answers with.
func (c *streamConn) ResponseWriter() http.ResponseWriter {
	return c.Conn.(interface{ ResponseWriter() http.ResponseWriter }).ResponseWriter()
}

func (c *streamConn) Write(p []byte) (int, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.isClosed() {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

func (c *streamConn) isClosed() bool {
	c.ended.RLock()
	defer c.ended.RUnlock()
	return c.closed
}

// Close returns when no write is under way any more, and lets none begin.
func (c *streamConn) Close() error {
	c.ended.Lock()
	if c.closed {
		c.ended.Unlock()
		return nil
	}
	c.closed = true
	_ = c.Conn.SetWriteDeadline(time.Now()) // a write may wait for the client to take bytes
	err := c.Conn.Close()
	c.ended.Unlock()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return err
}

func (c *streamConn) SetDeadline(t time.Time) error {
	return c.whileOpen(func() error { return c.Conn.SetDeadline(t) })
}

func (c *streamConn) SetReadDeadline(t time.Time) error {
	return c.whileOpen(func() error { return c.Conn.SetReadDeadline(t) })
}

func (c *streamConn) SetWriteDeadline(t time.Time) error {
	return c.whileOpen(func() error { return c.Conn.SetWriteDeadline(t) })
}

func (c *streamConn) whileOpen(set func() error) error {
	c.ended.RLock()
	defer c.ended.RUnlock()
	if c.closed {
		return net.ErrClosed
	}
	return set()
}
