package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/coder/websocket"
)

const card = "5555 5555 5555 4444"

// witness is an origin that keeps what reached it.
type witness struct {
	mutex sync.Mutex
	seen  strings.Builder
}

func (o *witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "" && r.ContentLength == 0 {
		socket, err := websocket.Accept(rw, r, nil)
		if err != nil {
			return
		}
		defer socket.CloseNow()
		for {
			_, message, err := socket.Read(r.Context())
			o.keep(message)
			if err != nil {
				return
			}
		}
	}
	body, _ := io.ReadAll(r.Body)
	o.keep([]byte(r.RequestURI + " "))
	o.keep(body)
}

func (o *witness) keep(p []byte) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.seen.Write(p)
}

func (o *witness) saw(text string) bool {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return strings.Contains(o.seen.String(), text)
}

// guarded is a proxy before one origin, under a policy that stops financial data to anywhere.
func guarded(t *testing.T, more string) (*world, *witness) {
	w, origin := newWorld(t), new(witness)
	w.serve("shop.test", origin)
	w.policy(rulesPolicy("  - {id: no-cards, description: No cards, when: 'data.has(\"financial\")', verdict: block}\n") + more)
	return w.start(), origin
}

func TestUpgradeHeadersHideNoBody(t *testing.T) {
	w, origin := guarded(t, "")
	for _, method := range []string{"POST", "GET"} {
		response, _ := w.raw(method + " http://plain.shop.test/ HTTP/1.1\r\nHost: plain.shop.test\r\nConnection: Upgrade\r\n" +
			"Upgrade: websocket\r\nContent-Type: application/json\r\nContent-Length: 30\r\n\r\n" + `{"card":"5555 5555 5555 4444"}`)
		if response.StatusCode != http.StatusForbidden || origin.saw(card) {
			t.Errorf("%s: status %d, origin saw it: %v", method, response.StatusCode, origin.saw(card))
		}
	}
}

func TestNoWebSocketMessageSaysHowTheNextIsRead(t *testing.T) {
	for name, first := range map[string][]byte{
		"what looks like the beginning of gzip": {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0, 0xff, 0xff, 0, 0},
		"what looks like protobuf":              {0x0a, 0xff, 0x03},
		"plain text":                            []byte("hello"),
	} {
		t.Run(name, func(t *testing.T) {
			w, origin := guarded(t, "onUninspectable: allow\n")
			client := w.client(http1)
			client.Timeout = 0
			socket, _, err := websocket.Dial(t.Context(), "wss://shop.test/", &websocket.DialOptions{HTTPClient: client,
				HTTPHeader: http.Header{"Content-Encoding": {"gzip"}, "Content-Type": {"application/x-protobuf"}}})
			must(t, err)
			defer socket.CloseNow()
			must(t, socket.Write(t.Context(), websocket.MessageBinary, first))
			must(t, socket.Write(t.Context(), websocket.MessageText, []byte(`{"card":"\u0035555 5555 5555 4444"}`)))
			_, _, err = socket.Read(t.Context())
			if websocket.CloseStatus(err) != websocket.StatusPolicyViolation || origin.saw("4444") {
				t.Errorf("ended with %v, origin saw it: %v", err, origin.saw("4444"))
			}
		})
	}
}

func TestPingCarriesNoCard(t *testing.T) {
	w, _ := guarded(t, "")
	connection := w.dial()
	fmt.Fprint(connection, "GET http://plain.shop.test/ HTTP/1.1\r\nHost: plain.shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, nil)
	must(t, err)
	if response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(response.Status)
	}
	payload := "card " + card
	_, err = connection.Write(append([]byte{0x89, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...))
	must(t, err)
	head := make([]byte, 4)
	_, err = io.ReadFull(reader, head)
	must(t, err)
	if code := int(head[2])<<8 | int(head[3]); head[0] != 0x88 || code != 1008 {
		t.Errorf("answered by frame %#x with code %d", head[0], code)
	}
}

// What was found is there, whatever could not be read besides it.
func TestWhatWasFoundCountsBesideWhatCouldNotBeRead(t *testing.T) {
	w, origin := guarded(t, "onUninspectable: allow\n")
	client := w.client()
	padding := strings.Repeat("a", 1_200_000)
	for name, request := range map[string][2]string{
		"a card in the query of a large upload":     {"https://shop.test/x?card=5555555555554444", padding},
		"a card at the beginning of a large upload": {"https://shop.test/x", `{"card":"5555555555554444","rest":"` + padding + `"}`},
	} {
		response := post(t, client, request[0], request[1])
		if response.StatusCode != http.StatusForbidden || origin.saw("5555555555554444") {
			t.Errorf("%s: %d", name, response.StatusCode)
		}
	}
	if response := post(t, client, "https://shop.test/x", padding); response.StatusCode != http.StatusOK || !origin.saw(padding) {
		t.Errorf("a large upload without a card: %d", response.StatusCode)
	}
}

func TestSecondContentTypeHidesNothing(t *testing.T) {
	w, origin := guarded(t, "")
	body := "card=5555%205555%205555%204444"
	response, _ := w.raw("POST http://plain.shop.test/ HTTP/1.1\r\nHost: plain.shop.test\r\nContent-Type: text/plain\r\n" +
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n\r\n" + body)
	if response.StatusCode != http.StatusForbidden || origin.saw("4444") {
		t.Errorf("status %d, origin saw it: %v", response.StatusCode, origin.saw("4444"))
	}
}

// An origin that closes a kept connection makes no request fail that may be sent again, although a
// rule depends on its payload.
func TestRequestsOnAStaleConnectionAreSentAgain(t *testing.T) {
	w := newWorld(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var serving sync.WaitGroup
	t.Cleanup(func() { listener.Close(); serving.Wait() })
	var requests atomic.Int64
	serving.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { // one answer, as if the connection were kept; the next request meets its end
				defer connection.Close()
				reader := bufio.NewReader(connection)
				if request, err := http.ReadRequest(reader); err == nil {
					body, _ := io.ReadAll(request.Body)
					requests.Add(1)
					fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
					_, _ = http.ReadRequest(reader)
				}
			})
		}
	})
	w.config.Hosts["stale.test"] = []string{listener.Addr().String()}
	w.policy(rulesPolicy("  - {id: no-cards, description: No cards, when: 'data.has(\"financial\")', verdict: block}\n"))
	w.start()
	client := w.client(http1)
	for i := range 6 {
		response, err := client.Get("http://stale.test/")
		must(t, err)
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("request %d: %s", i, response.Status)
		}
	}
	if requests.Load() != 6 {
		t.Errorf("%d requests were answered", requests.Load())
	}
}

func TestTheProxyAddsNothingToARequest(t *testing.T) {
	w := newWorld(t)
	heads := make(chan http.Header, 1)
	lengths := make(chan int64, 1)
	w.serve("shop.test", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		heads <- r.Header
		lengths <- r.ContentLength
	}))
	w.policy(rulesPolicy("  - {id: no-cards, description: No cards, when: 'data.has(\"financial\")', verdict: block}\n"))
	w.start()
	_, _ = w.raw("POST http://plain.shop.test/ HTTP/1.1\r\nHost: plain.shop.test\r\nContent-Length: 0\r\n\r\n")
	if head := <-heads; len(head) != 1 || head.Get("Content-Length") != "0" {
		t.Errorf("the origin read %v", head)
	}
	if length := <-lengths; length != 0 {
		t.Errorf("an empty body became one of length %d", length)
	}
}

func TestTheRecordKeepsNoInventedMethod(t *testing.T) {
	w, _ := guarded(t, "")
	_, _ = w.raw("M5555555555554444 http://plain.shop.test/ HTTP/1.1\r\nHost: plain.shop.test\r\n\r\n")
	w.record(func(r evidence.Record) bool { return r.Request.Method == "other" })
}
