package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Accept takes connections from listener until ctx ends or the server stops, then closes listener
// and returns. With a tlsConfig each connection is a TLS server connection first.
func (s *Server) Accept(ctx context.Context, listener net.Listener, tlsConfig *tls.Config) error {
	ctx, cancel := context.WithCancel(ctx)
	var pending sync.WaitGroup // handshakes, and connections that are being turned away
	defer pending.Wait()
	defer cancel()
	pending.Go(func() {
		select {
		case <-s.stopped:
			cancel()
		case <-ctx.Done():
		}
		_ = listener.Close()
	})
	for pause := time.Duration(0); ; {
		raw, err := listener.Accept()
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			if err == nil {
				_ = raw.Close()
			}
			return nil
		case err != nil:
			// Out of descriptors, as a rule: what is open goes on, and room comes back.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log.Error("accepting connections", zap.Error(err), zap.Duration("again_in", pause))
			wait(ctx, pause)
			continue
		}
		pause = 0
		if s.open.Add(1) > int64(s.limits.Connections) {
			s.turnAway(ctx, raw, tlsConfig != nil, &pending)
			continue
		}
		conn := NewConn(raw, nil, func() { s.open.Add(-1) })
		if tlsConfig == nil {
			if s.Submit(ctx, conn) != nil {
				_ = conn.Close()
			}
			continue
		}
		pending.Go(func() {
			if s.SubmitTLS(ctx, conn, tlsConfig) != nil {
				_ = conn.Close()
			}
		})
	}
}

func wait(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// How long a connection beyond the limit may take, and how many are told at a time; the rest, and
// TLS clients, which cannot be told, are closed.
const (
	sorryTime = time.Second
	maxSorry  = 64
)

// turnAway ends a connection beyond the limit, with an answer if possible.
func (s *Server) turnAway(ctx context.Context, raw net.Conn, overTLS bool, pending *sync.WaitGroup) {
	s.open.Add(-1)
	s.refused.Add(1)
	if overTLS {
		_ = raw.Close()
		return
	}
	select {
	case s.sorry <- struct{}{}:
		pending.Go(func() {
			sayBusy(ctx, raw)
			<-s.sorry
		})
	default:
		_ = raw.Close()
	}
}

// sayBusy answers the first request on connection and closes it. It waits for the request, and for
// the client to have read the answer: clients do not expect one before, and an unread request would
// have the kernel reset the connection and the answer with it.
func sayBusy(ctx context.Context, connection net.Conn) {
	defer connection.Close()
	defer context.AfterFunc(ctx, func() { _ = connection.Close() })()
	_ = connection.SetDeadline(time.Now().Add(sorryTime))
	if _, err := connection.Read(make([]byte, 4096)); err != nil {
		return
	}
	const body = "borderflow has reached limits.connections; try again, or raise it.\n"
	_, _ = fmt.Fprintf(connection, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n"+
		"Proxy-Status: borderflow; error=connection_limit_reached\r\nRetry-After: 1\r\n"+
		"Connection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	if half, ok := connection.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(connection, 1<<20))
	}
}
