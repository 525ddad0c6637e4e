package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/borderflow/borderflow/proxy/evidence"
)

// echoEvents answers each event with itself, while the request goes on.
var echoEvents = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(rw)
	_ = control.EnableFullDuplex()
	for reader := bufio.NewReader(r.Body); ; {
		line, err := reader.ReadString('\n')
		if _, writeErr := io.WriteString(rw, line); err != nil || writeErr != nil {
			return
		}
		_ = control.Flush()
	}
})

// conversation is a request that is being sent while its response is read.
type conversation struct {
	*io.PipeWriter
	response *http.Response
	answers  *bufio.Reader
}

// converse begins one with the given event.
func converse(t *testing.T, v variant, first string) conversation {
	t.Helper()
	reader, writer := io.Pipe()
	t.Cleanup(func() { writer.Close() })
	request, err := http.NewRequest("POST", v.url, reader)
	must(t, err)
	request.Header.Set("Content-Type", "text/event-stream")
	go io.WriteString(writer, first)
	response, err := v.client.Do(request)
	must(t, err)
	t.Cleanup(func() { response.Body.Close() })
	return conversation{writer, response, bufio.NewReader(response.Body)}
}

func TestStreamOfEventsIsDecidedEventByEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", echoEvents)
	w.config.Limits.BodyIdle = soon / 4
	w.policy(rulesPolicy(blockCards) + "onLargeBody: stream\n")
	w.start()
	for name, v := range w.variants() {
		t.Run(name, func(t *testing.T) {
			c := converse(t, v, "data: event 0\n\n")
			for n := range 4 {
				line, err := c.answers.ReadString('\n')
				if blank, _ := c.answers.ReadString('\n'); line != fmt.Sprintf("data: event %d\n", n) || blank != "\n" {
					t.Fatalf("%q, %v", line, err)
				}
				if n == 2 {
					<-time.After(soon / 2) // quiet for longer than a stalled client may be
				}
				// In two pieces, of which neither is an event.
				write(t, c, "data: ev")
				write(t, c, fmt.Sprintf("ent %d\n\n", n+1))
			}
			for range 2 {
				_, err := c.answers.ReadString('\n')
				must(t, err)
			}
			go io.WriteString(c, "data: "+strings.TrimSpace(cardLine)+"\n\n")
			if rest, err := io.ReadAll(c.answers); err == nil || len(rest) > 0 {
				t.Errorf("the response reads as if it were whole: %q", rest)
			}
		})
	}
	w.eventually("three cut flows", func() bool {
		n := 0
		for _, r := range w.records() {
			if r.Cut && r.Verdict == "block" && r.Rule == "no-cards" && r.Bytes.Sent == int64(5*len("data: event 0\n\n")) {
				n++
			}
		}
		return n == 3
	})
}

func TestEventsThatEndAreDecidedToTheirLastByte(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	handler, arrivals := takeUploads()
	w.serve("origin.test", handler)
	w.config.Inspect.HoldUntilDecided = 64 << 10
	w.policy(rulesPolicy(blockCards) + "onLargeBody: stream\n")
	w.start()
	const events = "data: one\r\n\r\ndata: two\n\ndata: without an end"
	for name, v := range w.variants() {
		for sent, blocked := range map[string]bool{
			events: false, "": false, events + cardLine: true, strings.TrimSpace(cardLine): true,
			"data: " + strings.Repeat("x", 100<<10) + "\n\n": true, // an event that is too large to be held
		} {
			response, err := v.client.Post(v.url, "text/event-stream", io.MultiReader(strings.NewReader(sent)))
			must(t, err)
			arrived := <-arrivals
			if response.Body.Close(); blocked != (response.StatusCode >= 400) || blocked != (arrived.err != nil) || !blocked && arrived.bytes != int64(len(sent)) {
				t.Errorf("%s: %.60q: status %d, %+v", name, sent, response.StatusCode, arrived)
			}
		}
	}
}

func TestStreamOfEventsThatMayNotStreamIsNotWaitedForWithoutEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("origin.test", echoEvents)
	w.config.Inspect.Timeout = soon
	w.config.Limits.BodyIdle = soon
	w.policy(rulesPolicy(blockCards))
	w.start()
	for name, v := range w.variants() {
		t.Run(name, func(t *testing.T) {
			c := converse(t, v, "data: event 0\n\n")
			if p := cleanRefusal(t, c.response); p.Status != http.StatusRequestTimeout {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestLargeGRPCMessages(t *testing.T) {
	t.Parallel()
	clean := strings.Repeat("an order without anything ", 3*mebibyte/26)
	for mode, c := range map[string]struct{ passes, leaves bool }{
		"block": {}, "hold": {true, false}, "stream": {true, true},
	} {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t)
			service := w.serveGRPC("grpc.test")
			w.place("grpc.test", "US")
			w.config.Inspect.Memory = 2 * mebibyte // for one message at a time
			w.policy(rulesPolicy(blockFinancialToUS) + "onLargeBody: " + mode + "\n")
			w.start()
			client := w.grpcClient("grpc.test")
			if c.passes {
				stream, err := client.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, "/test.Orders/Collect")
				must(t, err)
				for range 3 {
					must(t, stream.SendMsg(wrapperspb.String(clean)))
					must(t, stream.SendMsg(wrapperspb.String("a small one")))
				}
				w.eventually("all six to arrive, with the stream still open", func() bool { return service.received.Load() == 6 })
				must(t, stream.CloseSend())
				must(t, stream.RecvMsg(new(wrapperspb.StringValue)))
			}
			before := service.received.Load()
			err := client.Invoke(t.Context(), "/test.Orders/Place", wrapperspb.String(clean+cardOrder), new(wrapperspb.StringValue))
			if mode == "block" {
				r := w.record(recorded(evidence.Blocked))
				if got := status.Code(err); got != codes.ResourceExhausted || !r.Uninspectable || r.Bytes.Sent != 0 || r.Cut {
					t.Errorf("%v, record %+v", got, r)
				}
				return
			}
			r := mustBeBlocked(t, w, err)
			if c.leaves != (r.Bytes.Sent > 0) || c.leaves != r.Cut || r.Bytes.Sent > 2*mebibyte+256<<10 || service.received.Load() != before {
				t.Errorf("record %+v", r)
			}
			mustHoldNothing(t, w)
		})
	}
}

func TestTrailerIsDecidedBeforeTheBodyEnds(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"stream", "hold"} {
		w, arrivals := large(t, "onLargeBody: "+mode)
		for name, v := range w.variants() {
			for _, size := range []int64{1000, 3 * mebibyte} {
				for value, blocked := range map[string]bool{"kept": false, `{"card":"5555555555554444"}`: true} {
					request, err := http.NewRequest("POST", v.url, newUpload(size, -1))
					must(t, err)
					request.Header.Set("Content-Type", "application/x-ndjson")
					request.Trailer = http.Header{"X-Checksum": {value}}
					response, err := v.client.Do(request)
					must(t, err)
					if blocked {
						if p := cleanRefusal(t, response, "5555555555554444"); p.Rule != "no-cards" {
							t.Errorf("%s, %s, %d bytes: %+v", mode, name, size, p)
						}
						if mode == "stream" && size > mebibyte {
							if arrived := <-arrivals; arrived.err == nil || arrived.trailer != "" {
								t.Errorf("%s, %s: %+v", mode, name, arrived)
							}
						}
						continue
					}
					response.Body.Close()
					if arrived := <-arrivals; response.StatusCode != 200 || arrived.err != nil || arrived.trailer != value {
						t.Errorf("%s, %s, %d bytes: status %d, %+v", mode, name, size, response.StatusCode, arrived)
					}
				}
			}
		}
	}
}

// A rule that only watches has compression left out, so that it has something to watch.
func TestCompressedWebSocketIsReadByRulesThatOnlyWatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("socket.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		socket, err := websocket.Accept(rw, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionContextTakeover, CompressionThreshold: 1})
		if err != nil {
			return
		}
		defer socket.CloseNow()
		kind, message, err := socket.Read(r.Context())
		if err == nil {
			_ = socket.Write(r.Context(), kind, message)
		}
		_ = socket.Close(websocket.StatusNormalClosure, "")
	}))
	w.policy(rulesPolicy("  - id: watch-cards\n    description: cards are watched\n    when: data.has(\"financial\")\n    verdict: log\n"))
	w.start()
	socket, _, err := websocket.Dial(t.Context(), "wss://socket.test/", &websocket.DialOptions{HTTPClient: &http.Client{Transport: w.client(http1).Transport},
		CompressionMode: websocket.CompressionContextTakeover, CompressionThreshold: 1})
	must(t, err)
	defer socket.CloseNow()
	if answer, err := says(t.Context(), socket, cardMessage); answer != cardMessage || err != nil {
		t.Fatalf("%q, %v", answer, err)
	}
	closeOf(t, socket)
	r := w.record(func(r evidence.Record) bool { return r.Request.Protocol == "websocket" })
	if len(r.Logged) != 1 || r.Data.Undecodable != "" || len(r.Data.Categories) == 0 {
		t.Errorf("record %+v", r)
	}
}
