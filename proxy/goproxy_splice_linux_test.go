package proxy_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/upstream"
	"github.com/elazarl/goproxy"
)

// splicePipes are the pipes of this process. The runtime opens them to splice(2) from one socket to
// another, and a test process has no others that come and go.
func splicePipes(t testing.TB) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	pipes := map[string]bool{}
	for _, entry := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil && strings.HasPrefix(target, "pipe:") {
			pipes[target] = true
		}
	}
	return pipes
}

// Row 15: the kernel moves the bytes of a tunnel only between bare *net.TCPConns.
func TestBulkInATunnelIsMovedByTheKernel(t *testing.T) {
	w := newWorld(t)
	w.config.Hosts["bulk.test"] = upstream.HostAddresses{listen(t, func(connection net.Conn) {
		block := make([]byte, 256<<10)
		for {
			if _, err := connection.Write(block); err != nil {
				return
			}
		}
	})}
	w.policy(rulesPolicy("  []\ninspect:\n  - when: \"true\"\n    level: none\n"))
	w.start()
	// splices reports whether pipes are opened while bytes move, for as long as wait allows.
	splices := func(p peer, wait time.Duration) bool {
		runtime.GC() // twice: pipes that rest in the runtime's pool are closed
		runtime.GC()
		before := splicePipes(t)
		tunnel, reader := p.tunnel("bulk.test:443")
		defer tunnel.Close()
		for deadline := time.Now().Add(wait); time.Now().Before(deadline); {
			_, err := io.CopyN(io.Discard, reader, 8<<20)
			must(t, err)
			for pipe := range splicePipes(t) {
				if !before[pipe] {
					return true
				}
			}
		}
		return false
	}
	if !splices(w.peer(), 10*time.Second) {
		t.Error("borderflow copies the bytes of a tunnel itself")
	}
	// The way that limits and deadlines are usually added to a goproxy: a listener that wraps.
	core := goproxy.NewProxyHttpServer()
	core.Tr.DialContext = nil
	server := httptest.NewUnstartedServer(core)
	server.Listener = wrappingListener{server.Listener}
	server.Start()
	defer server.Close()
	address := w.config.Hosts["bulk.test"][0]
	core.OnRequest().HandleConnectFunc(func(string, *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
		return goproxy.OkConnect, address
	})
	wrapped := peer{t: t, name: "wrapped goproxy", address: server.Listener.Addr().String()}
	stillBad(t, !splices(wrapped, soon), "loses splice(2) behind a wrapped listener")
}

type wrappingListener struct{ net.Listener }

func (l wrappingListener) Accept() (net.Conn, error) {
	connection, err := l.Listener.Accept()
	return wrappedConn{connection}, err
}

type wrappedConn struct{ net.Conn }

// CloseWrite and CloseRead are what goproxy asks of a connection that it tunnels.
func (c wrappedConn) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }
func (c wrappedConn) CloseRead() error  { return c.Conn.(*net.TCPConn).CloseRead() }

var _ http.Handler = (*goproxy.ProxyHttpServer)(nil)
