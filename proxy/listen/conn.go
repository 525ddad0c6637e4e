package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
)

// Conn is a client's connection as the server reads it. Above TLS it follows the framing of HTTP/1
// requests; below TLS it only carries what belongs to the connection.
//
// Close may be called from several goroutines and more than once.
type Conn struct {
	net.Conn
	// Tunnel is what the data plane decided for the CONNECT that this connection's requests arrived
	// in; nil on a connection to the proxy itself.
	Tunnel any

	framing  *framing // nil below TLS and for HTTP/2
	requests int64    // HTTP/1 requests handled so far; only the serving goroutine counts

	closeOnce sync.Once
	closeErr  error
	mutex     sync.Mutex // guards what follows
	closed    bool
	onClose   []func()
}

// NewConn wraps connection. onClose, when not nil, runs once, after the connection has closed.
func NewConn(connection net.Conn, tunnel any, onClose func()) *Conn {
	c := &Conn{Conn: connection, Tunnel: tunnel}
	if onClose != nil {
		c.OnClose(onClose)
	}
	return c
}

// OnClose has f run once, after the connection has closed: at once if it has closed already.
func (c *Conn) OnClose(f func()) {
	c.mutex.Lock()
	closed := c.closed
	if !closed {
		c.onClose = append(c.onClose, f)
	}
	c.mutex.Unlock()
	if closed {
		f()
	}
}

// Read reads from the connection and follows the framing of what it read.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.framing != nil {
		c.framing.feed(p[:n])
	}
	return n, err
}

// Close closes the connection and releases its place among the limited ones.
func (c *Conn) Close() error {
	c.closeOnce.Do(func() {
		c.closeErr = c.Conn.Close()
		c.mutex.Lock()
		c.closed = true
		c.mutex.Unlock()
		for _, f := range c.onClose { // nobody appends any more
			f()
		}
	})
	return c.closeErr
}

// CloseWrite closes the connection for writing. The server does so before it closes a connection
// whose client may still be sending, so that the answer is not lost with it.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// NextRequest counts a request and reports whether the framing of its body is ambiguous: its head
// named both Content-Length and Transfer-Encoding, or was written so that another reader could take
// it so. Nothing behind such a request can be attributed, so that the connection has to end. It is
// called once by the handler of each request, before anything else.
func (c *Conn) NextRequest() (ambiguous bool) {
	if c == nil || c.framing == nil {
		return false
	}
	c.requests++
	return c.framing.refused(c.requests)
}

// Bare returns the connection to copy bytes on: the *net.TCPConn itself where there is no TLS, so
// that the kernel can splice it.
func (c *Conn) Bare() net.Conn {
	if inner, ok := c.Conn.(*Conn); ok {
		return inner.Bare()
	}
	return c.Conn
}

// TLS returns the state of the client's TLS connection, nil without TLS.
func (c *Conn) TLS() *tls.ConnectionState {
	if connection, ok := c.Conn.(*tls.Conn); ok {
		state := connection.ConnectionState()
		return &state
	}
	return nil
}

type connKey struct{}

// Of returns the client's connection that the server put into a request's context, nil when the
// context is of another origin.
func Of(ctx context.Context) *Conn {
	conn, _ := ctx.Value(connKey{}).(*Conn)
	return conn
}

// connContext is http.Server's ConnContext: the requests of a connection can find it.
func connContext(ctx context.Context, connection net.Conn) context.Context {
	switch c := connection.(type) {
	case *Conn:
		return context.WithValue(ctx, connKey{}, c)
	case *tls.Conn: // HTTP/2: the server insists on the *tls.Conn itself
		if below, ok := c.NetConn().(*Conn); ok {
			return context.WithValue(ctx, connKey{}, &Conn{Conn: c, Tunnel: below.Tunnel})
		}
	}
	return ctx
}
