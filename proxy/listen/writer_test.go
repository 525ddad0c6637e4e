package listen

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// flushes counts them.
type flushes struct {
	*httptest.ResponseRecorder
	count int
}

func (f *flushes) Flush() { f.count++ }

func TestStreamsAreFlushedPerReadAndOthersAreNot(t *testing.T) {
	threeReads := func(w http.ResponseWriter) {
		source := io.MultiReader(strings.NewReader("a"), strings.NewReader("b"), strings.NewReader("c"))
		if n, err := io.Copy(w, source); n != 3 || err != nil {
			t.Errorf("copied %d, %v", n, err)
		}
	}
	for name, test := range map[string]struct {
		answer  func(http.ResponseWriter)
		flushes int
		status  int
	}{
		"no length":   {threeReads, 3, 200},
		"with length": {func(w http.ResponseWriter) { w.Header().Set("Content-Length", "3"); threeReads(w) }, 0, 200},
		"status first": {func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusTeapot)
			threeReads(w)
		}, 3, 418},
		"flush first": {func(w http.ResponseWriter) { w.(http.Flusher).Flush(); threeReads(w) }, 4, 200},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := &flushes{ResponseRecorder: httptest.NewRecorder()}
			writer, w := NewWriter(recorder, time.Minute)
			test.answer(w)
			if recorder.count != test.flushes || writer.Status != test.status || writer.Bytes != 3 {
				t.Errorf("%d flushes, status %d, %d bytes; want %d, %d, 3",
					recorder.count, writer.Status, writer.Bytes, test.flushes, test.status)
			}
			if got := recorder.Body.String(); got != "abc" {
				t.Errorf("wrote %q", got)
			}
		})
	}
}

func TestFirstByteOfAStreamArrivesBeforeTheSecondIsSent(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, server *tls.Config, client *http.Client, scheme string) {
		proceed := make(chan struct{})
		s := serve(t, func(rw http.ResponseWriter, r *http.Request) {
			_, w := NewWriter(rw, time.Minute)
			_, _ = io.WriteString(w, "a")
			<-proceed
			_, _ = io.WriteString(w, "b")
		}, Limits{}, server)
		response, err := client.Get(scheme + s.address)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if _, err := io.ReadFull(response.Body, make([]byte, 1)); err != nil {
			t.Error(err)
		}
		close(proceed)
		if rest, err := io.ReadAll(response.Body); string(rest) != "b" || err != nil {
			t.Errorf("then %q, %v", rest, err)
		}
	})
}

// forEachProtocol runs test over HTTP/1, HTTP/1 inside TLS and HTTP/2.
func forEachProtocol(t *testing.T, test func(t *testing.T, server *tls.Config, client *http.Client, scheme string)) {
	serverTLS, clientTLS := tlsConfigs(t)
	t.Run("HTTP/1", func(t *testing.T) { test(t, nil, httpClient(t, clientTLS, false), "http://") })
	t.Run("HTTP/1 over TLS", func(t *testing.T) { test(t, serverTLS, httpClient(t, clientTLS, false), "https://") })
	t.Run("HTTP/2", func(t *testing.T) { test(t, serverTLS, httpClient(t, clientTLS, true), "https://") })
}

func TestClientThatTakesNothingEndsTheResponse(t *testing.T) {
	t.Parallel()
	forEachProtocol(t, func(t *testing.T, server *tls.Config, client *http.Client, scheme string) {
		ended := make(chan error, 1)
		s := serve(t, func(rw http.ResponseWriter, r *http.Request) {
			writer, w := NewWriter(rw, 200*time.Millisecond)
			_, err := io.Copy(w, zeros{})
			if writer.Bytes == 0 {
				t.Error("nothing was written at all")
			}
			ended <- err
			panic(http.ErrAbortHandler)
		}, Limits{WriteStall: 200 * time.Millisecond}, server)
		response, err := client.Get(scheme + s.address)
		if err != nil {
			t.Fatal(err)
		}
		if err := received(t, "the end of the response", ended); err == nil {
			t.Error("the response ended without an error")
		}
		response.Body.Close()
		client.CloseIdleConnections()
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestQuietStreamOutlivesTheWriteStall(t *testing.T) {
	t.Parallel()
	const stall = 50 * time.Millisecond
	forEachProtocol(t, func(t *testing.T, server *tls.Config, client *http.Client, scheme string) {
		s := serve(t, func(rw http.ResponseWriter, r *http.Request) {
			_, w := NewWriter(rw, stall)
			for range 3 {
				if _, err := io.WriteString(w, "event\n"); err != nil {
					t.Errorf("write: %v", err)
				}
				timer := time.NewTimer(4 * stall) // the origin is quiet
				<-timer.C
			}
		}, Limits{WriteStall: stall}, server)
		response, err := client.Get(scheme + s.address)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if got, err := io.ReadAll(response.Body); string(got) != "event\nevent\nevent\n" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

func TestClientThatDoesNotTakeTheEndIsLetGo(t *testing.T) {
	s := serve(t, hello, Limits{WriteStall: 100 * time.Millisecond}, nil)
	near, far := net.Pipe() // buffers nothing
	defer far.Close()
	closed := make(chan struct{})
	if err := s.Submit(t.Context(), NewConn(near, nil, func() { close(closed) })); err != nil {
		t.Fatal(err)
	}
	// The answer stays in the server's buffer until the handler has returned.
	_, _ = io.WriteString(far, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	received(t, "the connection's end", closed)
}

func TestSlowClientThatKeepsReadingGetsItAll(t *testing.T) {
	t.Parallel()
	const size = 3 << 20
	s := serve(t, func(rw http.ResponseWriter, r *http.Request) {
		_, w := NewWriter(rw, 500*time.Millisecond)
		if n, err := io.Copy(w, bytes.NewReader(make([]byte, size))); n != size || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	}, Limits{}, nil)
	connection := s.dial(t)
	_ = connection.SetReadBuffer(16 << 10)
	_, _ = io.WriteString(connection, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	ticks := time.NewTicker(20 * time.Millisecond) // some 75 reads: thrice the stall
	defer ticks.Stop()
	total := 0
	for buffer := make([]byte, 64<<10); ; {
		<-ticks.C
		n, err := connection.Read(buffer)
		total += n
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if total < size {
		t.Errorf("read %d bytes of %d", total, size)
	}
}

func TestHijackHandsOutTheBareSocketAndLosesNothing(t *testing.T) {
	t.Parallel()
	serverTLS, clientTLS := tlsConfigs(t)
	const request = "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"
	for name, test := range map[string]struct {
		config *tls.Config
		ahead  string
	}{
		"plain, nothing ahead":    {nil, ""},
		"plain, bytes ahead":      {nil, "ahead"},
		"over TLS, nothing ahead": {serverTLS, ""},
		"over TLS, bytes ahead":   {serverTLS, "ahead"},
	} {
		t.Run(name, func(t *testing.T) {
			kinds := make(chan net.Conn, 1)
			s := serve(t, func(rw http.ResponseWriter, r *http.Request) {
				writer, w := NewWriter(rw, time.Minute)
				defer writer.CloseHijacked()
				connection, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				kinds <- connection
				_, _ = io.Copy(connection, connection)
			}, Limits{HeaderTimeout: 100 * time.Millisecond, IdleTimeout: 100 * time.Millisecond}, test.config)
			var connection net.Conn = s.dial(t)
			if test.config != nil {
				secured := clientTLS.Clone()
				secured.NextProtos = []string{"http/1.1"}
				connection = tls.Client(connection, secured)
			}
			_, _ = io.WriteString(connection, request+test.ahead)
			got := received(t, "the hijacked connection", kinds)
			if replayed, ok := got.(*Replayed); ok != (test.ahead != "") {
				t.Errorf("handed out a %T", got)
			} else if ok {
				got = replayed.Conn
			}
			if _, bare := got.(*net.TCPConn); bare != (test.config == nil) {
				t.Errorf("below it is a %T", got)
			}
			pause := time.NewTimer(250 * time.Millisecond) // no deadline of the server's is left
			<-pause.C
			_, _ = io.WriteString(connection, " and more")
			want := test.ahead + " and more"
			answer := make([]byte, len(want))
			if _, err := io.ReadFull(connection, answer); err != nil || string(answer) != want {
				t.Errorf("came back: %q, %v; want %q", answer, err, want)
			}
			if s.Open() != 1 {
				t.Errorf("%d connections are counted", s.Open())
			}
			connection.Close()
		})
	}
}

func TestReleasedConnectionIsTheCallersToClose(t *testing.T) {
	owners := make(chan *Conn, 1)
	s := serve(t, func(rw http.ResponseWriter, r *http.Request) {
		writer, w := NewWriter(rw, time.Minute)
		if _, _, err := w.(http.Hijacker).Hijack(); err != nil {
			t.Error(err)
		}
		owners <- writer.Release()
		writer.CloseHijacked() // no longer its own
	}, Limits{}, nil)
	connection := s.dial(t)
	_, _ = io.WriteString(connection, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")
	owner := received(t, "the connection", owners)
	if _, err := owner.Bare().Write([]byte("x")); err != nil || s.Open() != 1 {
		t.Errorf("write: %v, %d open", err, s.Open())
	}
	if _, err := io.ReadFull(connection, make([]byte, 1)); err != nil {
		t.Error(err)
	}
	_ = owner.Close()
	eventually(t, "it is released", func() bool { return s.Open() == 0 })
}

func TestTakeAheadGivesTheBytesOnce(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	replayed := NewReplayed(near, []byte("hello"))
	if _, err := io.ReadFull(replayed, make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	if ahead, bare := replayed.TakeAhead(); string(ahead) != "llo" || bare != near {
		t.Errorf("%q on %T", ahead, bare)
	}
	if ahead, _ := replayed.TakeAhead(); len(ahead) != 0 {
		t.Errorf("%q again", ahead)
	}
}
