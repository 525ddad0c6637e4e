package proxy_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/google/go-cmp/cmp"
)

// variant is a way to reach the origin "origin.test" through the proxy.
type variant struct {
	client *http.Client
	url    string
}

// variants are the plain way and the intercepted ones.
func (w *world) variants() map[string]variant {
	return map[string]variant{
		"plain":                {w.client(), "http://plain.origin.test/"},
		"intercepted HTTP/1.1": {w.client(http1), "https://origin.test/"},
		"intercepted HTTP/2":   {w.client(), "https://origin.test/"},
	}
}

func TestExpectContinueIsAnsweredBeforeTheBodyIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", echo)
	w.serve("held.test", echo)
	w.serve("closed.test", echo)
	w.policy(rulesPolicy(`  - id: closed
    description: Nothing is posted there
    when: destination.host.endsWith("closed.test") && request.method == "POST"
    verdict: block
  - id: no-cards
    description: Payment cards stay here
    when: destination.host.endsWith("held.test") && data.has("financial")
    verdict: block
`))
	w.start()
	const fields = "Content-Type: text/plain\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
	for host, blocked := range map[string]bool{"origin.test": false, "held.test": false, "closed.test": true} {
		for _, intercepted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, intercepted %v", host, intercepted), func(t *testing.T) {
				var connection net.Conn
				var reader *bufio.Reader
				if intercepted {
					connection, reader = w.peer().inside(host)
					fmt.Fprintf(connection, "POST / HTTP/1.1\r\nHost: %s\r\n%s", host, fields)
				} else {
					connection = w.dial()
					reader = bufio.NewReader(connection)
					fmt.Fprintf(connection, "POST http://plain.%s/ HTTP/1.1\r\nHost: plain.%s\r\n%s", host, host, fields)
				}
				response, err := http.ReadResponse(reader, nil)
				must(t, err)
				if blocked {
					p := cleanRefusal(t, response)
					if p.Status != http.StatusForbidden || p.Rule != "closed" {
						t.Errorf("%+v", p)
					}
					// The client may keep its body to itself, and must then not be waited for.
					if rest, err := io.ReadAll(reader); len(rest) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("then %q, %v", rest, err)
					}
					return
				}
				if response.StatusCode != http.StatusContinue {
					t.Fatalf("status %d before the body", response.StatusCode)
				}
				write(t, connection, "hello")
				if response, body := readAnswer(t, reader); response.StatusCode != 200 || !strings.HasSuffix(body, "hello") {
					t.Errorf("%d %q", response.StatusCode, body)
				}
			})
		}
	}
}

func TestRefusalDoesNotWaitForTheBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", echo)
	w.policy(rulesPolicy("  - id: closed\n    description: closed\n    when: request.method == \"POST\"\n    verdict: block\n"))
	w.start()
	for _, length := range []int{10, 10 << 20} {
		inner, reader := w.peer().inside("origin.test")
		fmt.Fprintf(inner, "POST / HTTP/1.1\r\nHost: origin.test\r\nContent-Length: %d\r\n\r\nhalf", length)
		response, err := http.ReadResponse(reader, nil)
		must(t, err)
		if p := cleanRefusal(t, response); p.Status != http.StatusForbidden {
			t.Errorf("%+v", p)
		}
	}
}

func TestConnectionGoesOnAfterARefusalThatDidNotReadTheBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", echo)
	w.policy(rulesPolicy("  - id: closed\n    description: closed\n    when: request.method == \"POST\"\n    verdict: block\n"))
	w.start()
	for name, v := range w.variants() {
		t.Run(name, func(t *testing.T) {
			for range 100 {
				for _, body := range []io.Reader{strings.NewReader("{}"), io.MultiReader(strings.NewReader("{}"))} {
					response, err := v.client.Post(v.url, "application/json", body)
					must(t, err)
					cleanRefusal(t, response)
				}
			}
		})
	}
}

func TestTrailersPassBothWays(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]string{"streamed": "  []\n", "held": blockCards} {
		w := newWorld(t)
		w.serve("origin.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Trailer", "X-Announced")
			_, _ = io.Copy(rw, r.Body)
			rw.Header().Set("X-Announced", "yes")
			rw.Header().Set(http.TrailerPrefix+"X-Request-Trailer", r.Trailer.Get("X-Checksum"))
		}))
		w.policy(rulesPolicy(rule))
		w.start()
		for way, v := range w.variants() {
			t.Run(name+" "+way, func(t *testing.T) {
				body, trailer := io.MultiReader(strings.NewReader("some "), strings.NewReader("body")), http.Header{"X-Checksum": nil}
				request, err := http.NewRequest("POST", v.url, &onEnd{body, func() { trailer.Set("X-Checksum", "abc") }})
				must(t, err)
				request.Trailer = trailer
				response, err := v.client.Do(request)
				must(t, err)
				defer response.Body.Close()
				content, err := io.ReadAll(response.Body)
				must(t, err)
				if string(content) != "some body" {
					t.Errorf("body %q", content)
				}
				want := http.Header{"X-Announced": {"yes"}, "X-Request-Trailer": {"abc"}}
				if diff := cmp.Diff(want, response.Trailer); diff != "" {
					t.Errorf("trailers (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// onEnd runs end when its reader has ended.
type onEnd struct {
	io.Reader
	end func()
}

func (r *onEnd) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF {
		r.end()
	}
	return n, err
}

func TestEventsArriveWhileTheStreamIsOpen(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"text/event-stream", "application/x-ndjson"} {
		w := newWorld(t)
		next := make(chan struct{})
		w.serve("origin.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", contentType)
			for n := range 3 {
				fmt.Fprintf(rw, "data: %d\n", n)
				rw.(http.Flusher).Flush()
				<-next
			}
		}))
		w.start()
		for name, v := range w.variants() {
			t.Run(contentType+" "+name, func(t *testing.T) {
				response, err := v.client.Get(v.url)
				must(t, err)
				defer response.Body.Close()
				reader := bufio.NewReader(response.Body)
				for n := range 3 {
					if line, err := reader.ReadString('\n'); line != fmt.Sprintf("data: %d\n", n) {
						t.Fatalf("event %d arrived as %q, %v", n, line, err)
					}
					next <- struct{}{}
				}
				if rest, err := io.ReadAll(reader); len(rest) > 0 || err != nil {
					t.Errorf("then %q, %v", rest, err)
				}
			})
		}
	}
}

func TestQuietStreamsAreNotTakenForStalledClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Limits.WriteStall = soon / 4
	w.config.Limits.BodyIdle = soon / 4
	w.serve("origin.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(rw, "first\n")
		rw.(http.Flusher).Flush()
		<-time.After(soon)
		_, _ = io.WriteString(rw, "second\n")
	}))
	w.start()
	for name, v := range w.variants() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, err := v.client.Get(v.url)
			must(t, err)
			defer response.Body.Close()
			if body, err := io.ReadAll(response.Body); err != nil || string(body) != "first\nsecond\n" {
				t.Errorf("%q, %v", body, err)
			}
		})
	}
}

func TestOriginThatReadsSlowlyIsNotTakenForASlowClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Limits.BodyIdle = soon / 4
	w.serve("origin.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		<-time.After(soon) // more than the windows on the way hold is waiting meanwhile
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(rw, n)
	}))
	w.start()
	const size = 32 << 20
	for name, v := range w.variants() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, err := v.client.Post(v.url, "application/octet-stream", io.LimitReader(zeros{}, size))
			must(t, err)
			defer response.Body.Close()
			if body, _ := io.ReadAll(response.Body); string(body) != fmt.Sprint(size) {
				t.Errorf("%d %s", response.StatusCode, body)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestBothSidesOfAnHTTP1ExchangeMayTalkAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(rw).EnableFullDuplex()
		for reader := bufio.NewReader(r.Body); ; {
			line, err := reader.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = io.WriteString(rw, line)
			rw.(http.Flusher).Flush()
		}
	}))
	w.start()
	for name, v := range w.variants() {
		t.Run(name, func(t *testing.T) {
			reader, writer := io.Pipe()
			request, err := http.NewRequest("POST", v.url, reader)
			must(t, err)
			go io.WriteString(writer, "0\n")
			response, err := v.client.Do(request)
			must(t, err)
			defer response.Body.Close()
			answers := bufio.NewReader(response.Body)
			for n := range 5 {
				if line, err := answers.ReadString('\n'); line != fmt.Sprintf("%d\n", n) {
					t.Fatalf("%q, %v", line, err)
				}
				fmt.Fprintf(writer, "%d\n", n+1)
			}
			must(t, writer.Close())
			if rest, err := io.ReadAll(answers); string(rest) != "5\n" || err != nil {
				t.Errorf("then %q, %v", rest, err)
			}
		})
	}
}

// brokenOrigins are origins that fail, each in its own way, over TLS.
func brokenOrigins(t *testing.T, w *world) map[string]string {
	stranger := newTestCA(t)
	end := make(chan struct{})
	overTLS := func(certificate tls.Certificate, answer string) func(net.Conn) {
		return func(connection net.Conn) {
			secured := tls.Server(connection, &tls.Config{Certificates: []tls.Certificate{certificate}})
			request, err := http.ReadRequest(bufio.NewReader(secured))
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, request.Body)
			if answer == "" {
				<-end
				return
			}
			_, _ = io.WriteString(secured, answer)
			_ = secured.Close()
		}
	}
	expected := map[string]string{}
	origin := func(host, status string, serve func(net.Conn)) {
		w.config.Hosts[host] = []string{listen(t, serve)}
		expected[host] = status
	}
	origin("untrusted.test", "502 tls_certificate_error", overTLS(stranger.leaf(t, "untrusted.test"), "x"))
	origin("misnamed.test", "502 tls_certificate_error", overTLS(w.ca.leaf(t, "other.test"), "x"))
	origin("no-tls.test", "502 tls_protocol_error", func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.0 400 Bad Request\r\n\r\n") })
	origin("silent-handshake.test", "504", func(c net.Conn) { <-end })
	origin("in-headers.test", "502 http_response_incomplete", overTLS(w.ca.leaf(t, "in-headers.test"), "HTTP/1.1 200 OK\r\nX: y\r\n"))
	origin("in-a-header.test", "502 http_protocol_error", overTLS(w.ca.leaf(t, "in-a-header.test"), "HTTP/1.1 200 OK\r\nContent-Le"))
	origin("no-answer.test", "502 connection_terminated", func(c net.Conn) {
		secured := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{w.ca.leaf(t, "no-answer.test")}})
		if request, err := http.ReadRequest(bufio.NewReader(secured)); err == nil {
			_, _ = io.Copy(io.Discard, request.Body)
		}
		_ = secured.Close()
	})
	origin("garbage.test", "502 http_protocol_error", overTLS(w.ca.leaf(t, "garbage.test"), "no HTTP\r\n\r\n"))
	origin("large-headers.test", "502 http_response_header_section_size",
		overTLS(w.ca.leaf(t, "large-headers.test"), "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 512<<10)+"\r\n\r\n"))
	origin("silent.test", "504 http_response_timeout", overTLS(w.ca.leaf(t, "silent.test"), ""))
	w.config.Hosts["refusing.test"] = []string{closedAddress(t)}
	expected["refusing.test"] = "502 connection_refused"
	t.Cleanup(func() { close(end) }) // before the origins are waited for
	return expected
}

func TestFailuresOfOriginsAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Upstream.HeaderTimeout = soon
	w.config.Upstream.HandshakeTimeout = soon
	expected := brokenOrigins(t, w)
	w.start()
	for host, want := range expected {
		for protocol, client := range map[string]*http.Client{"HTTP/2": w.client(), "HTTP/1.1": w.client(http1)} {
			t.Run(host+" "+protocol, func(t *testing.T) {
				t.Parallel()
				response, err := client.Post("https://"+host+"/", "text/plain", strings.NewReader("body"))
				must(t, err)
				p := cleanRefusal(t, response)
				if got := fmt.Sprintf("%d %s", p.Status, p.Error); !strings.HasPrefix(got, want) {
					t.Errorf("got %s, expected %s", got, want)
				}
				if r := w.flow(p.FlowID); r.Outcome != evidence.Failed || r.Error != p.Error || r.Verdict != "allow" || r.Status != p.Status {
					t.Errorf("record %+v", r)
				}
			})
		}
	}
}

func TestResponseThatBreaksOffReachesTheClientBroken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	answers := map[string]string{
		"chunked.test":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nwor",
		"at-a-chunk.test": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"length.test":     "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello",
	}
	for host, answer := range answers {
		serve := func(connection net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(connection)); err == nil {
				_, _ = io.WriteString(connection, answer)
			}
		}
		certificate := w.ca.leaf(t, host)
		w.config.Hosts["plain."+host] = []string{listen(t, serve)}
		w.config.Hosts[host] = []string{listen(t, func(connection net.Conn) {
			secured := tls.Server(connection, &tls.Config{Certificates: []tls.Certificate{certificate}})
			serve(secured)
			_ = secured.Close()
		})}
	}
	w.start()
	for host := range answers {
		for name, v := range map[string]variant{
			"plain":    {w.client(), "http://plain." + host},
			"HTTP/1.1": {w.client(http1), "https://" + host},
			"HTTP/2":   {w.client(), "https://" + host},
		} {
			t.Run(host+" "+name, func(t *testing.T) {
				response, err := v.client.Get(v.url)
				if err == nil {
					defer response.Body.Close()
					_, err = io.ReadAll(response.Body)
				}
				if err == nil {
					t.Error("the client takes the response for whole")
				}
				w.record(func(r evidence.Record) bool {
					return "https://"+r.Destination.Host == v.url || "http://"+r.Destination.Host == v.url
				})
			})
		}
	}
	for _, r := range w.records() {
		if r.Outcome != evidence.Failed || r.Error != "http_response_incomplete" {
			t.Errorf("%s: outcome %s, error %q", r.Destination.Host, r.Outcome, r.Error)
		}
	}
}

func TestClientsThatLeaveAreRecordedAsAborted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := make(chan struct{}, 10)
	w.serve("origin.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		switch r.URL.Path {
		case "/silent":
			<-r.Context().Done()
		case "/quiet":
			rw.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/upload":
			_, _ = io.Copy(io.Discard, r.Body)
		default:
			for {
				if _, err := rw.Write(make([]byte, 16<<10)); err != nil {
					return
				}
			}
		}
	}))
	w.policy(rulesPolicy("  - id: no-cards\n    description: x\n    when: request.path == \"/held\" && data.has(\"financial\")\n    verdict: block\n"))
	w.start()
	for name, v := range w.variants() {
		for _, path := range []string{"silent", "quiet", "endless", "upload", "held"} {
			t.Run(name+" "+path, func(t *testing.T) {
				before := len(w.records())
				ctx, leave := withCancel(t)
				var body io.Reader
				method := "GET"
				sending := make(chan struct{}, 1)
				if path == "upload" || path == "held" {
					method = "POST"
					body = &slowBody{part: strings.NewReader(strings.Repeat("a", 1000)), rest: ctx.Done(), sending: sending}
				}
				request, err := http.NewRequestWithContext(ctx, method, v.url+path, body)
				must(t, err)
				done, answered := make(chan struct{}), make(chan struct{})
				go func() {
					defer close(done)
					if response, err := v.client.Do(request); err == nil {
						close(answered)
						<-ctx.Done()
						response.Body.Close()
					}
				}()
				if path == "held" {
					<-sending
				} else {
					<-began
				}
				if path == "quiet" || path == "endless" {
					<-answered
				}
				leave()
				<-done
				w.eventually("the record", func() bool { return len(w.records()) > before })
				if r := w.records()[before]; r.Outcome != evidence.Aborted {
					t.Errorf("outcome %s, error %q, status %d", r.Outcome, r.Error, r.Status)
				}
			})
		}
	}
}

// slowBody gives its part and then nothing until rest is closed.
type slowBody struct {
	part    *strings.Reader
	rest    <-chan struct{}
	sending chan struct{}
}

func (b *slowBody) Read(p []byte) (int, error) {
	if n, err := b.part.Read(p); err == nil {
		return n, nil
	}
	b.sending <- struct{}{}
	<-b.rest
	return 0, io.ErrUnexpectedEOF
}

func TestStatusesWithoutBodyAndHEADPassUnchanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/204":
			rw.WriteHeader(http.StatusNoContent)
		case "/304":
			rw.Header().Set("Etag", `"x"`)
			rw.WriteHeader(http.StatusNotModified)
		default:
			rw.Header().Set("Content-Length", "1234")
			rw.WriteHeader(http.StatusOK)
			if r.Method != http.MethodHead {
				_, _ = rw.Write(make([]byte, 1234))
			}
		}
	}))
	w.start()
	for name, v := range w.variants() {
		for path, want := range map[string]string{"204": "204 0", "304": "304 0", "": "200 1234"} {
			response, err := v.client.Head(v.url + path)
			must(t, err)
			response.Body.Close()
			if got := fmt.Sprintf("%d %d", response.StatusCode, max(response.ContentLength, 0)); got != want {
				t.Errorf("%s, HEAD /%s: got %s, expected %s", name, path, got, want)
			}
			response, err = v.client.Get(v.url + path)
			must(t, err)
			n, err := io.Copy(io.Discard, response.Body)
			response.Body.Close()
			if got := fmt.Sprintf("%d %d", response.StatusCode, n); got != want || err != nil {
				t.Errorf("%s, GET /%s: got %s, %v, expected %s", name, path, got, err, want)
			}
		}
	}
}

func TestOriginWithHTTP1OnlyServesHTTP2Clients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var requests atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		fmt.Fprint(rw, r.Proto)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{w.ca.leaf(t, "old.test")}}
	server.StartTLS()
	t.Cleanup(server.Close)
	w.config.Hosts["old.test"] = []string{server.Listener.Addr().String()}
	w.start()
	var protocols []string
	for range 2 {
		response, err := w.client().Get("https://old.test/")
		must(t, err)
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if string(body) != "HTTP/1.1" {
			t.Errorf("the origin saw %s", body)
		}
		protocols = append(protocols, response.Proto)
	}
	// The first connection could not know; the second is offered what the origin speaks.
	if diff := cmp.Diff([]string{"HTTP/2.0", "HTTP/1.1"}, protocols); diff != "" {
		t.Errorf("what the client spoke (-want +got):\n%s", diff)
	}
}
