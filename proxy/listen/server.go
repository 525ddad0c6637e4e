// Package listen takes in client connections and serves HTTP on them: the explicit proxy's own
// listeners, plain or over TLS, and the connections that come out of an intercepted tunnel.
//
// One net/http server serves them all, fed through a channel, so that every request, wherever it
// came from, meets the same limits and deadlines and the same handler. What net/http leaves out is
// added around it: a cap on connections, the framing check of RFC 9112 section 6.1, a
// ResponseWriter that hands out the bare socket, and a Registry of what outlives a request (tunnels
// and WebSockets), so that a drain can wait for them and end them.
//
// It decides nothing about a request; that is package proxy.
package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// Limits bounds what clients can hold. The zero value of a field means its default.
type Limits struct {
	Connections      int           // open client connections; default 10,000
	HeaderBytes      int           // request line and headers together; default 64 KiB
	HeaderTimeout    time.Duration // from the first byte to the end of the headers; default 10 s
	HandshakeTimeout time.Duration // TLS handshakes with clients; default 10 s
	IdleTimeout      time.Duration // between requests on a kept connection; default 2 min
	WriteStall       time.Duration // a client that takes no byte of a response; default 60 s
	Streams          int           // concurrent HTTP/2 streams of a connection; default 250
}

// WithDefaults returns the limits with every zero field replaced by its default.
func (l Limits) WithDefaults() Limits {
	fill := func(value *int, fallback int) {
		if *value == 0 {
			*value = fallback
		}
	}
	fillTime := func(value *time.Duration, fallback time.Duration) {
		if *value == 0 {
			*value = fallback
		}
	}
	fill(&l.Connections, 10_000)
	fill(&l.HeaderBytes, 64<<10)
	fill(&l.Streams, 250)
	fillTime(&l.HeaderTimeout, 10*time.Second)
	fillTime(&l.HandshakeTimeout, 10*time.Second)
	fillTime(&l.IdleTimeout, 2*time.Minute)
	fillTime(&l.WriteStall, time.Minute)
	return l
}

// Server serves HTTP/1.1 and HTTP/2 on connections that are accepted by Accept or handed in by
// Submit. Its methods may be called concurrently.
type Server struct {
	limits  Limits
	http    *http.Server
	log     *zap.Logger
	queue   chan net.Conn
	stopped chan struct{} // closed when no further connection is taken in
	once    sync.Once
	open    atomic.Int64
	refused atomic.Int64
	sorry   chan struct{} // holds a token for each connection that is being turned away
}

// NewServer returns a server that answers with handler.
func NewServer(handler http.Handler, limits Limits, log *zap.Logger) *Server {
	limits = limits.WithDefaults()
	s := &Server{limits: limits, log: log, queue: make(chan net.Conn), stopped: make(chan struct{}),
		sorry: make(chan struct{}, maxSorry)}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	s.http = &http.Server{
		Handler:           limitEnd(handler, limits.WriteStall),
		ReadHeaderTimeout: limits.HeaderTimeout,
		IdleTimeout:       limits.IdleTimeout,
		MaxHeaderBytes:    limits.HeaderBytes,
		ConnContext:       connContext,
		Protocols:         &protocols,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: limits.Streams,
			WriteByteTimeout: limits.WriteStall}, // a stream's own deadline cannot end a stuck connection
		ErrorLog: zap.NewStdLog(zap.NewNop()), // its lines quote what clients sent
		// A proxy passes "OPTIONS *" on like any other request.
		DisableGeneralOptionsHandler: true,
	}
	return s
}

// limitEnd gives the end of an HTTP/1 response, which the server sends when handler has returned, its
// own time: the deadline of the last Write may have passed while the origin was quiet.
func limitEnd(handler http.Handler, stall time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
		if conn := Of(r.Context()); conn != nil && conn.framing != nil { // not taken over
			_ = conn.SetWriteDeadline(time.Now().Add(stall))
		}
	})
}

// Open is how many client connections are open now.
func (s *Server) Open() int64 { return s.open.Load() }

// Refused is how many connections were turned away at the limit so far.
func (s *Server) Refused() int64 { return s.refused.Load() }

// Run serves until Shutdown or Close; it returns once the server no longer takes connections.
func (s *Server) Run() error {
	err := s.http.Serve((*queueListener)(s))
	if !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serve client connections: %w", err)
	}
	return nil
}

// SubmitTLS performs the TLS handshake on conn within the limit's time and hands it to the server.
// On error the caller still owns conn; the error is that of the handshake.
func (s *Server) SubmitTLS(ctx context.Context, conn *Conn, config *tls.Config) error {
	ctx, cancel := context.WithTimeout(ctx, s.limits.HandshakeTimeout)
	defer cancel()
	secured := tls.Server(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return err
	}
	if secured.ConnectionState().NegotiatedProtocol == "h2" {
		return s.submit(ctx, secured)
	}
	return s.Submit(ctx, NewConn(secured, conn.Tunnel, nil))
}

// Submit hands an established connection without TLS, or an HTTP/1 connection inside TLS, to the
// server, which owns it from then on. On error the caller still owns it.
func (s *Server) Submit(ctx context.Context, conn *Conn) error {
	conn.framing = new(framing)
	return s.submit(ctx, conn)
}

func (s *Server) submit(ctx context.Context, connection net.Conn) error {
	select {
	case s.queue <- connection:
		return nil
	case <-s.stopped:
		return net.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Shutdown stops taking connections, tells HTTP/2 clients to go away, closes what is idle and waits
// until every request has been answered or ctx ends. Tunnels are not requests: see Registry.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	return s.http.Shutdown(ctx)
}

// Close ends every connection now.
func (s *Server) Close() error {
	s.stop()
	return s.http.Close()
}

// stop has nobody hand in another connection, whether Run is running or not.
func (s *Server) stop() { s.once.Do(func() { close(s.stopped) }) }

// queueListener is the server's queue as the net.Listener that http.Server asks for.
type queueListener Server

func (l *queueListener) Accept() (net.Conn, error) {
	select {
	case connection := <-l.queue:
		return connection, nil
	case <-l.stopped:
		return nil, net.ErrClosed
	}
}

func (l *queueListener) Close() error {
	(*Server)(l).stop()
	return nil
}

func (l *queueListener) Addr() net.Addr { return &net.TCPAddr{} }
