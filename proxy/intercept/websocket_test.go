package intercept

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

// relayWebSocket does what goproxy does with a 101 response: two copies, and the first to end ends
// the relay, upon which both connections are closed.
func relayWebSocket(client net.Conn, w *WebSocket) {
	done := make(chan struct{}, 2)
	var copies sync.WaitGroup
	copies.Go(func() { _, _ = io.Copy(w, client); done <- struct{}{} })
	copies.Go(func() { _, _ = io.Copy(client, w); done <- struct{}{} })
	<-done
	_ = client.Close()
	_ = w.Close()
	copies.Wait()
}

// webSocketProxy relays one WebSocket to origin. It returns what to dial, and the WebSocket once it
// is there.
func webSocketProxy(t *testing.T, origin string, gate MessageGate, hold bool) (url string, relayed <-chan *WebSocket) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sockets := make(chan *WebSocket, 1)
	done := make(chan struct{})
	t.Cleanup(func() {
		listener.Close()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Error("the relay does not end")
		}
	})
	go func() {
		defer close(done)
		client, err := listener.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		reader := bufio.NewReader(client)
		request, err := http.ReadRequest(reader)
		if err != nil {
			t.Error(err)
			return
		}
		upstream, err := net.Dial("tcp", strings.TrimPrefix(origin, "http://"))
		if err != nil {
			t.Error(err)
			return
		}
		defer upstream.Close()
		_ = request.Write(upstream)
		fromOrigin := bufio.NewReader(upstream)
		response, err := http.ReadResponse(fromOrigin, request)
		if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
			t.Errorf("origin answered %v, %v", response, err)
			return
		}
		_ = response.Write(client)
		w := NewWebSocket(readAhead{upstream, fromOrigin}, gate, hold, 1<<20)
		w.Overdue = func() { client.Close() }
		sockets <- w
		relayWebSocket(client, w)
	}()
	return "ws://" + listener.Addr().String(), sockets
}

type readAhead struct {
	net.Conn
	reader *bufio.Reader
}

func (r readAhead) Read(p []byte) (int, error) { return r.reader.Read(p) }

// echoOrigin sends every message back, and reports how each connection ended.
func echoOrigin(t *testing.T) (url string, ends <-chan error) {
	results := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connection, err := websocket.Accept(w, r, nil)
		if err != nil {
			results <- err
			return
		}
		defer connection.CloseNow()
		connection.SetReadLimit(8 << 20)
		for {
			kind, message, err := connection.Read(context.Background())
			if err != nil {
				results <- err
				return
			}
			if err := connection.Write(context.Background(), kind, message); err != nil {
				results <- err
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, results
}

func dialWebSocket(t *testing.T, url string) (*websocket.Conn, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	connection, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.CloseNow() })
	connection.SetReadLimit(8 << 20)
	return connection, ctx
}

// echo sends message and expects it back.
func echo(t *testing.T, ctx context.Context, connection *websocket.Conn, message []byte) {
	t.Helper()
	if err := connection.Write(ctx, websocket.MessageBinary, message); err != nil {
		t.Fatal(err)
	}
	if _, got, err := connection.Read(ctx); err != nil || !bytes.Equal(got, message) {
		t.Fatalf("%d bytes came back of %d, %v", len(got), len(message), err)
	}
}

func TestRealClientAndServerTalkThroughEveryMode(t *testing.T) {
	for name, mode := range map[string]struct {
		gate MessageGate
		hold bool
	}{
		"unread": {nil, false}, "looked at": {&censor{}, false}, "held": {&censor{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			origin, ends := echoOrigin(t)
			url, _ := webSocketProxy(t, origin, mode.gate, mode.hold)
			connection, ctx := dialWebSocket(t, url)
			for _, size := range []int{0, 1, 125, 126, 1 << 16, 900 << 10} {
				echo(t, ctx, connection, bytes.Repeat([]byte("m"), size))
			}
			go func() { // a real client pings while it reads
				if err := connection.Ping(ctx); err != nil {
					t.Errorf("ping: %v", err)
				}
				connection.Close(websocket.StatusNormalClosure, "bye")
			}()
			if _, _, err := connection.Read(ctx); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
				t.Errorf("the client read %v", err)
			}
			if err := <-ends; websocket.CloseStatus(err) != websocket.StatusNormalClosure {
				t.Errorf("the origin read %v", err)
			}
		})
	}
}

func TestEndTellsBothSides(t *testing.T) {
	origin, ends := echoOrigin(t)
	url, sockets := webSocketProxy(t, origin, nil, false)
	connection, ctx := dialWebSocket(t, url)
	echo(t, ctx, connection, []byte("hello"))
	w := <-sockets
	w.End(CloseServiceRestart, "the policy changed; connect again")
	w.End(CloseGoingAway, "a second end")
	_, _, err := connection.Read(ctx)
	var closed websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != CloseServiceRestart || closed.Reason != "the policy changed; connect again" {
		t.Errorf("the client read %v", err)
	}
	if err := <-ends; websocket.CloseStatus(err) != CloseGoingAway {
		t.Errorf("the origin read %v", err)
	}
}

func TestBlockedMessageClosesWithItsReason(t *testing.T) {
	origin, ends := echoOrigin(t)
	gate := &endingGate{}
	url, sockets := webSocketProxy(t, origin, gate, true)
	connection, ctx := dialWebSocket(t, url)
	gate.socket = <-sockets
	echo(t, ctx, connection, []byte("hello"))
	if err := connection.Write(ctx, websocket.MessageText, []byte("my secret")); err != nil {
		t.Fatal(err)
	}
	_, _, err := connection.Read(ctx)
	var closed websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != ClosePolicyViolation || closed.Reason != "rule r: no secrets" {
		t.Errorf("the client read %v", err)
	}
	if err := <-ends; websocket.CloseStatus(err) != CloseGoingAway {
		t.Errorf("the origin read %v, which it must not learn more from than that the client left", err)
	}
}

// endingGate ends its WebSocket with a reason, as package proxy's gate does.
type endingGate struct {
	censor
	socket *WebSocket
}

func (g *endingGate) Control([]byte) bool { return true }

func (g *endingGate) EndMessage() ([]byte, bool) {
	if replacement, ok := g.censor.EndMessage(); ok {
		return replacement, true
	}
	g.socket.End(ClosePolicyViolation, "rule r: no secrets")
	return nil, false
}

// pipes is a WebSocket between two ends that a test plays.
type pipes struct {
	*WebSocket
	client, origin net.Conn
	done           chan struct{} // closed when the relay has ended
}

func relayPipes(gate MessageGate) *pipes {
	client, clientSide := net.Pipe()
	originSide, origin := net.Pipe()
	p := &pipes{NewWebSocket(originSide, gate, gate != nil, 1000), client, origin, make(chan struct{})}
	p.Overdue = func() { clientSide.Close() }
	go func() {
		relayWebSocket(clientSide, p.WebSocket)
		close(p.done)
	}()
	return p
}

func (p *pipes) close() {
	p.client.Close()
	p.origin.Close()
	<-p.done
	time.Sleep(time.Hour) // past every timer
}

func TestCloseFrameStandsAtTheEndOfTheFrameUnderWay(t *testing.T) {
	reply := client(fin|opClose, "\x03\xe9")
	message := frame(fin|opText, strings.Repeat("x", 300))
	ending := CloseFrame(CloseGoingAway, "over")
	for split := range len(message) + 1 {
		synctest.Test(t, func(t *testing.T) {
			p := relayPipes(nil)
			var received bytes.Buffer
			var reading sync.WaitGroup
			reading.Go(func() { _, _ = io.Copy(&received, p.client) })
			if split > 0 {
				_, _ = p.origin.Write(message[:split])
			}
			synctest.Wait()
			p.End(CloseGoingAway, "over")
			var told bytes.Buffer
			reading.Go(func() { _, _ = io.Copy(&told, p.origin) })
			go func() { _, _ = p.origin.Write(append(message[split:], message...)) }() // more than may pass
			synctest.Wait()
			want := ending
			if split > 0 {
				want = slices.Concat(message, ending)
			}
			if !bytes.Equal(received.Bytes(), want) {
				t.Errorf("split at %d: the client received\n%q, want\n%q", split, received.Bytes(), want)
			}
			begun := time.Now()
			_, _ = p.client.Write(append(client(fin|opText, "late"), reply...))
			<-p.done
			if took := time.Since(begun); took > 0 {
				t.Errorf("split at %d: the end took %v after the client's answer", split, took)
			}
			p.close()
			reading.Wait()
			if got, _ := payloads(t, told.Bytes(), 100); len(got) != 1 || got[0] != "\x03\xe9" {
				t.Errorf("split at %d: the origin was told %q", split, got)
			}
		})
	}
}

func TestEndNeverWaitsForEver(t *testing.T) {
	ending := CloseFrame(CloseGoingAway, "over")
	for name, test := range map[string]struct {
		play func(p *pipes) // what the two ends do, before End
		most time.Duration
		want []byte
	}{
		"a client that does not answer": {func(p *pipes) {
			go func() { _, _ = io.Copy(io.Discard, p.origin) }()
		}, endGrace, ending},
		"an origin that stops within a frame": {func(p *pipes) {
			_, _ = p.origin.Write([]byte{fin | opText, 5, 'h'})
		}, endGrace, []byte{fin | opText, 5, 'h'}},
		"an origin that does not read": {func(p *pipes) {
			go func() { _, _ = p.client.Write(client(fin|opText, "stuck")) }()
		}, 2 * endGrace, ending},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := relayPipes(nil)
				received := make(chan []byte, 1)
				go func() {
					got, _ := io.ReadAll(p.client)
					received <- got
				}()
				test.play(p)
				synctest.Wait()
				begun := time.Now()
				p.End(CloseGoingAway, "over")
				if took := time.Since(begun); took > 0 {
					t.Errorf("End took %v", took)
				}
				<-p.done
				if took := time.Since(begun); took > test.most {
					t.Errorf("the relay took %v to end, want %v at most", took, test.most)
				}
				if got := <-received; !bytes.Equal(got, test.want) {
					t.Errorf("the client received %q, want %q", got, test.want)
				}
				p.close()
			})
		})
	}
}

func TestClientThatNeitherReadsNorWritesIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := relayPipes(nil)
		_, _ = p.origin.Write(frame(fin|opText, "nobody reads this"))
		synctest.Wait()
		begun := time.Now()
		p.End(CloseGoingAway, "over")
		<-p.done
		if took := time.Since(begun); took != 2*endGrace {
			t.Errorf("the relay took %v to end", took)
		}
		p.close()
	})
}

func TestClientThatNeverStopsSendingSeesTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := relayPipes(&censor{})
		go func() { _, _ = io.Copy(io.Discard, p.origin) }()
		go func() {
			for {
				if _, err := p.client.Write(client(fin|opText, "more")); err != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}()
		time.Sleep(time.Second)
		p.End(CloseGoingAway, "over")
		got, err := io.ReadAll(p.client)
		if want := CloseFrame(CloseGoingAway, "over"); err != nil || !bytes.Equal(got, want) {
			t.Errorf("the client received %q, %v", got, err)
		}
		p.close()
	})
}

func TestEndFromEverywhereAtOnceIsOneEnd(t *testing.T) {
	origin, ends := echoOrigin(t)
	url, sockets := webSocketProxy(t, origin, &censor{}, true)
	connection, ctx := dialWebSocket(t, url)
	echo(t, ctx, connection, []byte("hello"))
	w := <-sockets
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() { w.End(uint16(4000+i), fmt.Sprint("end ", i)) })
	}
	all.Go(func() {
		for connection.Write(ctx, websocket.MessageText, []byte("more")) == nil {
		}
	})
	for {
		_, _, err := connection.Read(ctx)
		if err == nil {
			continue // an echo that was on its way
		}
		if code := websocket.CloseStatus(err); code < 4000 || code >= 4020 {
			t.Errorf("the client read %v", err)
		}
		break
	}
	all.Wait()
	<-ends
}
