package proxy_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/coder/websocket"
)

// echoSocket is an origin that sends every message back.
var echoSocket = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	socket, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer socket.CloseNow()
	for {
		kind, message, err := socket.Read(r.Context())
		if err != nil {
			return
		}
		if string(message) == "close, please" {
			_ = socket.Close(websocket.StatusNormalClosure, "as you wish")
			return
		}
		if socket.Write(r.Context(), kind, message) != nil {
			return
		}
	}
})

// socket opens a WebSocket to url through the proxy.
func (w *world) socket(url string) *websocket.Conn {
	w.t.Helper()
	socket, _, err := websocket.Dial(w.t.Context(), url, &websocket.DialOptions{HTTPClient: &http.Client{Transport: w.client(http1).Transport}})
	must(w.t, err)
	w.t.Cleanup(func() { socket.CloseNow() })
	return socket
}

// says sends text and reads the answer.
func says(ctx context.Context, socket *websocket.Conn, text string) (string, error) {
	if err := socket.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		return "", err
	}
	_, message, err := socket.Read(ctx)
	return string(message), err
}

// closeOf waits for the close frame.
func closeOf(t testing.TB, socket *websocket.Conn) websocket.CloseError {
	t.Helper()
	_, _, err := socket.Read(t.Context())
	var closed websocket.CloseError
	if !errors.As(err, &closed) {
		t.Fatalf("the WebSocket ended with %v, not with a close frame", err)
	}
	return closed
}

const cardMessage = `{"card":"5555555555554444"}`

func TestWebSocketMessageIsBlockedWithAReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("socket.test", echoSocket)
	w.place("socket.test", "US")
	w.place("plain.socket.test", "US")
	w.policy(rulesPolicy(blockFinancialToUS))
	w.start()
	for _, url := range []string{"ws://plain.socket.test/", "wss://socket.test/"} {
		t.Run(url, func(t *testing.T) {
			socket := w.socket(url)
			if answer, err := says(t.Context(), socket, "hello"); answer != "hello" || err != nil {
				t.Fatalf("%q, %v", answer, err)
			}
			must(t, socket.Write(t.Context(), websocket.MessageText, []byte(cardMessage)))
			closed := closeOf(t, socket)
			record := w.record(func(r evidence.Record) bool {
				return r.Request.Protocol == "websocket" && strings.HasPrefix(url, map[string]string{"http": "ws:", "https": "wss:"}[r.Request.Scheme])
			})
			if closed.Code != websocket.StatusPolicyViolation || !strings.Contains(closed.Reason, "no-cards-to-us") ||
				!strings.Contains(closed.Reason, record.ID) {
				t.Errorf("close frame %v for flow %s", closed, record.ID)
			}
			// "hello" and the close frame, each in one masked frame, are all that left.
			if record.Outcome != evidence.Blocked || record.Rule != "no-cards-to-us" || record.Verdict != "block" ||
				record.Bytes.Sent != (2+4+5)+(2+4+2) || record.Phase != "body" || len(record.Data.Categories) == 0 {
				t.Errorf("record %+v", record)
			}
		})
	}
}

func TestWebSocketMessagesAreJudgedByTheirContentInAnyFraming(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("socket.test", echoSocket)
	w.place("socket.test", "US")
	w.config.Inspect.HoldUntilDecided = 100 << 10
	w.policy(rulesPolicy(blockFinancialToUS))
	w.start()
	t.Run("in fragments", func(t *testing.T) {
		socket := w.socket("wss://socket.test/")
		writer, err := socket.Writer(t.Context(), websocket.MessageText)
		must(t, err)
		for _, part := range []string{`{"card":"5555`, `55555555`, `4444"}`} {
			write(t, writer, part)
			write(t, writer, strings.Repeat(" ", 5000)) // past the client's buffer, so that a frame goes out
		}
		// The card is in three pieces with blanks between: that is no card, and passes.
		must(t, writer.Close())
		socket.SetReadLimit(1 << 20)
		if _, _, err := socket.Read(t.Context()); err != nil {
			t.Errorf("a message without a card: %v", err)
		}
		writer, err = socket.Writer(t.Context(), websocket.MessageText)
		must(t, err)
		write(t, writer, strings.Repeat(" ", 5000)+`{"card":"5555`)
		write(t, writer, `555555554444"}`+strings.Repeat(" ", 5000))
		must(t, writer.Close())
		if closed := closeOf(t, socket); closed.Code != websocket.StatusPolicyViolation {
			t.Errorf("a card over two frames: %v", closed)
		}
	})
	t.Run("beyond the limit", func(t *testing.T) {
		socket := w.socket("wss://socket.test/")
		_ = socket.Write(t.Context(), websocket.MessageBinary, make([]byte, 200<<10))
		if closed := closeOf(t, socket); closed.Code != websocket.StatusPolicyViolation {
			t.Errorf("%v", closed)
		}
	})
}

func TestWebSocketEndsWithItsOrigin(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"  []\n", blockFinancialToUS} {
		w := newWorld(t)
		w.serve("socket.test", echoSocket)
		w.place("socket.test", "US")
		w.policy(rulesPolicy(rule))
		w.start()
		for _, url := range []string{"ws://plain.socket.test/", "wss://socket.test/"} {
			socket := w.socket(url)
			must(t, socket.Write(t.Context(), websocket.MessageText, []byte("close, please")))
			if closed := closeOf(t, socket); closed.Code != websocket.StatusNormalClosure || closed.Reason != "as you wish" {
				t.Errorf("%s: %v", url, closed)
			}
		}
		w.eventually("both records", func() bool { return len(w.records()) == 2 })
		for _, r := range w.records() {
			if r.Outcome != evidence.Completed || r.Status != http.StatusSwitchingProtocols || r.Bytes.Sent == 0 || r.Bytes.Received == 0 {
				t.Errorf("record %+v", r)
			}
		}
	}
}

func TestPolicyChangeEndsWebSocketsThatItForbids(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("socket.test", echoSocket)
	w.serve("other.test", echoSocket)
	w.policy(rulesPolicy("  []\n"))
	w.start()
	forbidden, inspected, free := w.socket("wss://socket.test/"), w.socket("ws://plain.socket.test/"), w.socket("wss://other.test/")
	for _, socket := range []*websocket.Conn{forbidden, inspected, free} {
		if answer, err := says(t.Context(), socket, "hello"); answer != "hello" || err != nil {
			t.Fatalf("%q, %v", answer, err)
		}
	}
	w.policy(rulesPolicy(`  - id: closed
    description: Closed from now on
    when: destination.host == "socket.test"
    verdict: block
  - id: no-cards
    description: Cards stay here
    when: destination.host == "plain.socket.test" && data.has("financial")
    verdict: block
`))
	if closed := closeOf(t, forbidden); closed.Code != websocket.StatusPolicyViolation || !strings.Contains(closed.Reason, "closed") {
		t.Errorf("forbidden: %v", closed)
	}
	// Its messages have not been held so far, and the new policy depends on them.
	if closed := closeOf(t, inspected); closed.Code != websocket.StatusServiceRestart {
		t.Errorf("to be inspected: %v", closed)
	}
	if answer, err := says(t.Context(), free, "still here"); answer != "still here" || err != nil {
		t.Errorf("not concerned: %q, %v", answer, err)
	}
	for _, host := range []string{"socket.test", "plain.socket.test"} {
		r := w.record(func(r evidence.Record) bool { return r.Destination.Host == host })
		if r.Outcome != evidence.Redecided {
			t.Errorf("%s: record %+v", host, r)
		}
	}
}

func TestWebSocketThatIsRefusedGetsAnHTTPAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("socket.test", echoSocket)
	w.policy(rulesPolicy("  - id: closed\n    description: closed\n    when: request.protocol == \"websocket\"\n    verdict: block\n"))
	w.start()
	for _, url := range []string{"ws://plain.socket.test/", "wss://socket.test/"} {
		_, response, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPClient: &http.Client{Transport: w.client(http1).Transport}})
		if err == nil || response == nil {
			t.Fatalf("%s: %v", url, err)
		}
		if response.StatusCode != http.StatusForbidden || response.Header.Get("Borderflow-Rule") != "closed" {
			t.Errorf("%s: %d %v", url, response.StatusCode, response.Header)
		}
	}
}

func TestCompressedWebSocketIsNotNegotiatedWhereMessagesAreInspected(t *testing.T) {
	t.Parallel()
	compressing := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionContextTakeover})
		if err != nil {
			return
		}
		defer socket.CloseNow()
		for {
			if _, _, err := socket.Read(r.Context()); err != nil {
				return
			}
		}
	})
	for rule, want := range map[string]bool{"  []\n": true, blockCards: false} {
		w := newWorld(t)
		w.serve("socket.test", compressing)
		w.policy(rulesPolicy(rule))
		w.start()
		socket, response, err := websocket.Dial(t.Context(), "wss://socket.test/", &websocket.DialOptions{
			HTTPClient:      &http.Client{Transport: w.client(http1).Transport},
			CompressionMode: websocket.CompressionContextTakeover})
		must(t, err)
		if got := response.Header.Get("Sec-WebSocket-Extensions") != ""; got != want {
			t.Errorf("rule %q: compression negotiated: %v", rule, got)
		}
		must(t, socket.CloseNow())
	}
}

func TestWebSocketOnWhichNothingMovesIsEnded(t *testing.T) {
	w := newWorld(t)
	w.serve("shop.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		socket, err := websocket.Accept(rw, r, nil)
		if err != nil {
			return
		}
		_, _, _ = socket.Read(context.Background())
		_ = socket.CloseNow()
	}))
	w.config.Limits.TunnelIdle = 300 * time.Millisecond
	w.start()
	client := w.client(http1)
	client.Timeout = 0
	socket, _, err := websocket.Dial(t.Context(), "wss://shop.test/", &websocket.DialOptions{HTTPClient: client})
	must(t, err)
	defer socket.CloseNow()
	_, _, err = socket.Read(t.Context())
	if websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the idle WebSocket ended with %v", err)
	}
	w.record(func(r evidence.Record) bool {
		return r.Request.Protocol == "websocket" && r.Outcome == evidence.Aborted && r.Error == "connection_timeout"
	})
}
