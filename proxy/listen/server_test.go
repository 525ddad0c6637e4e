package listen

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

func TestProtocolOverTLSIsTheOneThatTheClientAsksFor(t *testing.T) {
	serverTLS, clientTLS := tlsConfigs(t)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		conn := Of(r.Context())
		if conn == nil || conn.TLS() == nil || conn.TLS().ServerName != "example.com" || conn.NextRequest() {
			t.Errorf("%s: the request's connection is %+v", r.Proto, conn)
		}
		_, _ = io.WriteString(w, r.Proto)
	}, Limits{}, serverTLS)
	for want, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		client := httpClient(t, clientTLS, http2)
		for range 3 {
			response, err := client.Get("https://" + s.address)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(response.Body); string(got) != want || err != nil {
				t.Errorf("%q, %v; want %s", got, err, want)
			}
		}
		if s.Open() != 1 {
			t.Errorf("%s: %d connections open, want the one kept", want, s.Open())
		}
		eventually(t, "the connection is released", func() bool {
			client.CloseIdleConnections()
			return s.Open() == 0
		})
	}
}

func TestHandshakeThatNeverComesEndsByTheLimit(t *testing.T) {
	serverTLS, _ := tlsConfigs(t)
	for name, sent := range map[string]string{"silence": "", "half a record": "\x16\x03\x01\x02\x00\x01"} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, hello, Limits{HandshakeTimeout: 100 * time.Millisecond}, serverTLS)
			raw(t, s.dial(t), sent)
			eventually(t, "the connection is released", func() bool { return s.Open() == 0 })
		})
	}
}

func TestConnectionBeyondTheLimitIsToldSoAndCounted(t *testing.T) {
	s := serve(t, hello, Limits{Connections: 2}, nil)
	first, second := s.dial(t), s.dial(t)
	eventually(t, "both are open", func() bool { return s.Open() == 2 })
	for turn := range int64(3) {
		answer := raw(t, s.dial(t), "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n")
		if !strings.HasPrefix(answer, "HTTP/1.1 503 ") || !strings.Contains(answer, "error=connection_limit_reached") {
			t.Errorf("answered %q", answer)
		}
		if s.Refused() != turn+1 || s.Open() != 2 {
			t.Errorf("%d refused, %d open; want %d, 2", s.Refused(), s.Open(), turn+1)
		}
	}
	first.Close()
	eventually(t, "there is room again", func() bool { return s.Open() == 1 })
	if answer := raw(t, s.dial(t), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
		t.Errorf("answered %q", answer)
	}
	second.Close()
}

func TestTLSConnectionBeyondTheLimitIsClosed(t *testing.T) {
	serverTLS, _ := tlsConfigs(t)
	s := serve(t, hello, Limits{Connections: 1}, serverTLS)
	first := s.dial(t)
	eventually(t, "it is open", func() bool { return s.Open() == 1 })
	if answer := raw(t, s.dial(t), ""); answer != "" || s.Refused() != 1 {
		t.Errorf("answered %q, %d refused", answer, s.Refused())
	}
	first.Close()
}

func TestSilentConnectionsBeyondTheLimitAreClosed(t *testing.T) {
	t.Parallel()
	s := serve(t, hello, Limits{Connections: 1}, nil)
	first := s.dial(t)
	eventually(t, "it is open", func() bool { return s.Open() == 1 })
	var all sync.WaitGroup
	for range 2 * maxSorry {
		connection := s.dial(t)
		all.Go(func() {
			if _, err := connection.Read(make([]byte, 1)); isTimeout(err) {
				t.Error("a connection beyond the limit stays open")
			}
		})
	}
	all.Wait()
	first.Close()
}

// exhausted is a listener of a process that is out of descriptors for a while.
type exhausted struct {
	net.Listener
	left atomic.Int32
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.left.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

func TestAcceptSurvivesAProcessOutOfDescriptors(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	failing := &exhausted{Listener: listener}
	failing.left.Store(3)
	s := serveOn(t, failing, hello, Limits{}, nil)
	answer := raw(t, s.dial(t), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
		t.Errorf("answered %q", answer)
	}
}

func TestShutdownLetsRequestsEndAndClosesWhatIsIdle(t *testing.T) {
	began, proceed := make(chan struct{}), make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(began)
			<-proceed
		}
		hello(w, r)
	}, Limits{}, nil)
	idle, busy := s.dial(t), s.dial(t)
	_, _ = io.WriteString(idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	reader := bufio.NewReader(idle)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_, _ = io.WriteString(busy, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	received(t, "the slow request", began)

	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	if _, err := reader.ReadByte(); err != io.EOF {
		t.Errorf("the idle connection: %v, want its end", err)
	}
	if err := received(t, "the end of Accept", s.accepted); err != nil {
		t.Errorf("Accept: %v", err)
	}
	s.accepted <- nil // for the cleanup
	select {
	case err := <-done:
		t.Errorf("Shutdown returned before the request was answered: %v", err)
	default:
	}
	close(proceed)
	answer, _ := io.ReadAll(busy)
	if !strings.HasSuffix(string(answer), "hello") {
		t.Errorf("the slow request was answered %q", answer)
	}
	if err := received(t, "the end of Shutdown", done); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestShutdownTellsHTTP2ClientsToGoAway(t *testing.T) {
	serverTLS, clientTLS := tlsConfigs(t)
	s := serve(t, hello, Limits{}, serverTLS)
	config := clientTLS.Clone()
	config.NextProtos = []string{"h2"}
	connection := tls.Client(s.dial(t), config)
	_, _ = io.WriteString(connection, http2.ClientPreface)
	framer := http2.NewFramer(connection, connection)
	_ = framer.WriteSettings()
	var block strings.Builder
	encoder := hpack.NewEncoder(&block)
	for _, field := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "example.com"}, {":path", "/"}} {
		_ = encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
	}
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte(block.String()), EndStream: true, EndHeaders: true})
	var shutdown chan error
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatalf("no GOAWAY: %v", err)
		}
		if frame.Header().StreamID == 1 && frame.Header().Flags.Has(http2.FlagDataEndStream) && shutdown == nil {
			shutdown = make(chan error, 1)
			go func() { shutdown <- s.Shutdown(context.Background()) }()
		}
		if goaway, ok := frame.(*http2.GoAwayFrame); ok {
			if goaway.ErrCode != http2.ErrCodeNo {
				t.Errorf("GOAWAY says %v", goaway.ErrCode)
			}
			break
		}
	}
	connection.Close()
	if err := received(t, "the end of Shutdown", shutdown); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestHeadersBeyondTheirLimits(t *testing.T) {
	s := serve(t, hello, Limits{HeaderBytes: 8 << 10, HeaderTimeout: 150 * time.Millisecond, IdleTimeout: 150 * time.Millisecond}, nil)
	for name, test := range map[string]struct{ sent, want string }{
		"too large":          {"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 20<<10), "HTTP/1.1 431 "},
		"a URL too long":     {"GET /" + strings.Repeat("x", 20<<10), "HTTP/1.1 431 "},
		"not sent in time":   {"GET / HTTP/1.1\r\nHost: a\r\nX: ", ""},
		"nothing sent":       {"", ""},
		"nothing sent later": {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 "},
	} {
		t.Run(name, func(t *testing.T) {
			if answer := raw(t, s.dial(t), test.sent); !strings.HasPrefix(answer, test.want) || test.want == "" && answer != "" {
				t.Errorf("answered %.100q, want %q", answer, test.want)
			}
		})
	}
}

func TestAmbiguousFramingIsFoundEndToEnd(t *testing.T) {
	const (
		fine    = "POST /fine HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
		chunked = "POST /fine HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
		both    = "POST /both HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
		folded  = "GET /both HTTP/1.1\r\nHost: a\r\nX: y\r\n Content-Length: 200\r\n\r\n"
		http10  = "POST /both HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
	)
	serverTLS, clientTLS := tlsConfigs(t)
	var mutex sync.Mutex
	var served []string
	handler := func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		if Of(r.Context()).NextRequest() {
			served = append(served, "refused "+r.URL.Path)
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		served = append(served, r.URL.Path)
	}
	for name, test := range map[string]struct{ sent, want string }{
		"alone":                          {both, "refused /both"},
		"behind others in a pipeline":    {fine + chunked + fine + both, "/fine /fine /fine refused /both"},
		"with others behind it":          {fine + both + fine, "/fine refused /both"},
		"hidden behind a folded line":    {folded + both + fine, "refused /both"},
		"hidden behind HTTP/1.0":         {http10 + both, "refused /both"},
		"nothing ambiguous in a long go": {strings.Repeat(fine+chunked, 40), strings.TrimSpace(strings.Repeat("/fine ", 80))},
	} {
		for where, config := range map[string]*tls.Config{"plain": nil, "over TLS": serverTLS} {
			t.Run(name+" "+where, func(t *testing.T) {
				served = nil
				s := serve(t, handler, Limits{IdleTimeout: 200 * time.Millisecond}, config)
				var connection net.Conn = s.dial(t)
				if config != nil {
					secured := clientTLS.Clone()
					secured.NextProtos = []string{"http/1.1"}
					connection = tls.Client(connection, secured)
				}
				raw(t, connection, test.sent)
				mutex.Lock()
				defer mutex.Unlock()
				if got := strings.Join(served, " "); got != test.want {
					t.Errorf("served %s, want %s", got, test.want)
				}
			})
		}
	}
}

func TestStoppedServerTakesNothingIn(t *testing.T) {
	for name, stop := range map[string]func(*Server) error{
		"Close":    (*Server).Close,
		"Shutdown": func(s *Server) error { return s.Shutdown(context.Background()) },
	} {
		t.Run(name+" before Run", func(t *testing.T) {
			s := NewServer(http.HandlerFunc(hello), Limits{}, zap.NewNop())
			if err := stop(s); err != nil {
				t.Fatal(err)
			}
			near, far := net.Pipe()
			defer near.Close()
			defer far.Close()
			if err := s.Submit(context.Background(), NewConn(near, nil, nil)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Submit: %v", err)
			}
			if err := s.Run(); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
}

func TestSubmitGivesUpWithItsContext(t *testing.T) {
	s := NewServer(http.HandlerFunc(hello), Limits{}, zap.NewNop()) // nobody runs it
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	near, far := net.Pipe()
	defer far.Close()
	defer near.Close()
	if err := s.Submit(ctx, NewConn(near, nil, nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("Submit: %v", err)
	}
}

func TestConnectionIsReleasedExactlyOnce(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	var released atomic.Int32
	conn := NewConn(near, nil, func() { released.Add(1) })
	conn.OnClose(func() { released.Add(10) })
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { _ = conn.Close() })
	}
	all.Wait()
	conn.OnClose(func() { released.Add(100) }) // it has closed already
	if got := released.Load(); got != 111 {
		t.Errorf("released %d, want each of three functions once (111)", got)
	}
}
