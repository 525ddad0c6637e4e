package proxy_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
)

func TestSlowClientsAreNotWaitedForWithoutEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	endless := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = io.Copy(io.Discard, r.Body)
			return
		}
		for block := make([]byte, 64<<10); ; {
			if _, err := rw.Write(block); err != nil {
				return
			}
		}
	})
	w.serve("origin.test", endless)
	w.serve("held.test", endless)
	w.policy(rulesPolicy("  - id: no-cards\n    description: x\n    when: destination.host == \"held.test\" && data.has(\"financial\")\n    verdict: block\n"))
	w.config.Limits.HeaderTimeout = 300 * time.Millisecond
	w.config.Limits.HandshakeTimeout = 300 * time.Millisecond
	w.config.Limits.BodyIdle = 300 * time.Millisecond
	w.config.Limits.WriteStall = 300 * time.Millisecond
	w.config.Limits.IdleTimeout = 300 * time.Millisecond
	w.start()
	plain := func(sent string) func() (net.Conn, io.Reader) {
		return func() (net.Conn, io.Reader) {
			connection := w.dial()
			_, err := io.WriteString(connection, sent)
			must(t, err)
			return connection, connection
		}
	}
	inner := func(host, sent string) func() (net.Conn, io.Reader) {
		return func() (net.Conn, io.Reader) {
			connection, reader := w.peer().inside(host)
			_, err := io.WriteString(connection, sent)
			must(t, err)
			return connection, reader
		}
	}
	const half = "Content-Length: 10\r\n\r\nhalf"
	for name, c := range map[string]struct {
		begin  func() (net.Conn, io.Reader)
		answer string // how the answer begins; "" when the connection just ends
	}{
		"before the request line": {plain(""), ""},
		"in the request line":     {plain("GET http://pl"), "HTTP/1.1 400 "},
		"in the headers":          {plain("GET http://plain.origin.test/ HTTP/1.1\r\nHos"), "HTTP/1.1 400 "},
		"after the TLS handshake": {inner("origin.test", ""), ""},
		"in the inner headers":    {inner("origin.test", "GET / HTTP/1.1\r\nHos"), "HTTP/1.1 400 "},
		"in a body that passes":   {inner("origin.test", "POST / HTTP/1.1\r\nHost: origin.test\r\n"+half), "HTTP/1.1 408 "},
		"in a body that is held":  {inner("held.test", "POST / HTTP/1.1\r\nHost: held.test\r\n"+half), "HTTP/1.1 408 "},
		"in a plain body":         {plain("POST http://plain.origin.test/ HTTP/1.1\r\nHost: plain.origin.test\r\n" + half), "HTTP/1.1 408 "},
		"between requests":        {inner("origin.test", "POST / HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 0\r\n\r\n"), "HTTP/1.1 200 "},
		"in the ClientHello": {func() (net.Conn, io.Reader) {
			c, _ := w.peer().tunnel("origin.test:443")
			write(t, c, "\x16\x03\x01\x02\x00\x01\x00")
			return c, c
		}, ""},
		"in the TLS handshake":           {func() (net.Conn, io.Reader) { return stalledHandshake(t, w) }, "\x16\x03"},
		"silent inside, payload decides": {func() (net.Conn, io.Reader) { c, _ := w.peer().tunnel("held.test:443"); return c, c }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connection, reader := c.begin()
			defer connection.Close()
			got, err := io.ReadAll(reader)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal("the connection stays open")
			}
			if !strings.HasPrefix(string(got), c.answer) || c.answer == "" && len(got) > 0 {
				t.Errorf("got %.60q", got)
			}
		})
	}
	t.Run("not reading the response", func(t *testing.T) {
		t.Parallel()
		for _, begin := range []func() (net.Conn, io.Reader){
			plain("GET http://plain.origin.test/stalled HTTP/1.1\r\nHost: plain.origin.test\r\n\r\n"),
			inner("origin.test", "GET /stalled HTTP/1.1\r\nHost: origin.test\r\n\r\n"),
		} {
			connection, _ := begin()
			client := connection.LocalAddr().(*net.TCPAddr).Port
			w.record(func(r evidence.Record) bool {
				return r.Outcome == evidence.Aborted && int(r.Source.Port) == client && r.Request.Method == "GET"
			})
		}
	})
}

func write(t testing.TB, to io.Writer, text string) {
	t.Helper()
	_, err := io.WriteString(to, text)
	must(t, err)
}

// stalledHandshake sends a whole ClientHello and then nothing.
func stalledHandshake(t testing.TB, w *world) (net.Conn, io.Reader) {
	t.Helper()
	tunnel, reader := w.peer().tunnel("origin.test:443")
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = tls.Client(far, &tls.Config{ServerName: "origin.test", InsecureSkipVerify: true}).Handshake()
	}()
	hello := make([]byte, 16<<10)
	n, err := near.Read(hello)
	must(t, err)
	near.Close()
	far.Close()
	<-done
	_, err = tunnel.Write(hello[:n])
	must(t, err)
	return tunnel, reader
}

func TestBodyThatTricklesInIsNotCutShort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", echo)
	w.config.Limits.BodyIdle = 300 * time.Millisecond
	w.start()
	inner, reader := w.peer().inside("origin.test")
	write(t, inner, "POST / HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 6\r\n\r\n")
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		<-tick.C
		if _, err := io.WriteString(inner, "x"); err != nil {
			t.Fatal(err)
		}
		if reader.Buffered() > 0 {
			break
		}
		must(t, inner.SetReadDeadline(time.Now().Add(time.Millisecond)))
		if _, err := reader.Peek(1); err == nil {
			break
		}
		must(t, inner.SetReadDeadline(time.Now().Add(10*time.Second)))
	}
	must(t, inner.SetReadDeadline(time.Now().Add(10*time.Second)))
	if response, body := readAnswer(t, reader); response.StatusCode != 200 || !strings.HasSuffix(body, "xxxxxx") {
		t.Errorf("%d %q", response.StatusCode, body)
	}
}
