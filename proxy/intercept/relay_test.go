package intercept

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// relayed is a relay between two programs, on the loopback interface.
type relayed struct {
	*Relay
	client, origin *net.TCPConn // the programs' ends
	result         chan error
}

func runRelay(t *testing.T, idle time.Duration) *relayed {
	t.Helper()
	client, clientSide := tcpPair(t)
	originSide, origin := tcpPair(t)
	r := &relayed{Relay: &Relay{Client: clientSide, Origin: originSide, Idle: idle},
		client: client, origin: origin, result: make(chan error, 1)}
	go func() {
		r.result <- r.Run()
		clientSide.Close() // the caller's, as package proxy does
	}()
	t.Cleanup(r.End)
	return r
}

// wait returns Run's result.
func (r *relayed) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.result:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("the relay does not end")
		return nil
	}
}

func TestRelayPassesHalfClosesOn(t *testing.T) {
	for name, clientFirst := range map[string]bool{"client first": true, "origin first": false} {
		t.Run(name, func(t *testing.T) {
			r := runRelay(t, 0)
			first, second := r.client, r.origin
			if !clientFirst {
				first, second = second, first
			}
			send(t, first, "one")
			first.CloseWrite()
			receive(t, second, "one") // up to the end
			send(t, second, "answer")
			second.CloseWrite()
			receive(t, first, "answer")
			if err := r.wait(t); err != nil {
				t.Errorf("Run: %v", err)
			}
			sent, received := int64(len("one")), int64(len("answer"))
			if !clientFirst {
				sent, received = received, sent
			}
			if r.Sent() != sent || r.Received() != received {
				t.Errorf("counted %d sent, %d received; want %d, %d", r.Sent(), r.Received(), sent, received)
			}
		})
	}
}

func send(t *testing.T, to io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(to, text); err != nil {
		t.Fatal(err)
	}
}

// receive reads to the end and compares.
func receive(t *testing.T, from *net.TCPConn, want string) {
	t.Helper()
	_ = from.SetReadDeadline(time.Now().Add(10 * time.Second))
	got, err := io.ReadAll(from)
	if err != nil || string(got) != want {
		t.Fatalf("received %q, %v; want %q", got, err, want)
	}
}

func TestBulkArrivesWholeInBoundedMemory(t *testing.T) {
	const size = 100 << 20
	r := runRelay(t, time.Minute)
	block := make([]byte, 1<<20)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(block)
	want := sha256.New()
	for range size / len(block) {
		want.Write(block)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	go func() {
		for range size / len(block) {
			if _, err := r.origin.Write(block); err != nil {
				break // the receiver tells
			}
		}
		r.origin.CloseWrite()
	}()
	got := sha256.New()
	buffer := make([]byte, 256<<10)
	n, err := io.CopyBuffer(got, struct{ io.Reader }{r.client}, buffer)
	if err != nil || n != size || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Fatalf("%d bytes arrived, %v, equal: %v", n, err, bytes.Equal(got.Sum(nil), want.Sum(nil)))
	}
	r.client.CloseWrite()
	if err := r.wait(t); err != nil {
		t.Errorf("Run: %v", err)
	}
	runtime.ReadMemStats(&after)
	if r.Received() != size || r.Sent() != 0 {
		t.Errorf("counted %d received, %d sent", r.Received(), r.Sent())
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 2<<20 {
		t.Errorf("%d bytes were allocated to relay %d", allocated, size)
	}
}

func TestBulkThroughConnectionsThatCannotBeSpliced(t *testing.T) {
	client, clientSide := net.Pipe()
	originSide, origin := tcpPair(t)
	r := &Relay{Client: clientSide, Origin: originSide}
	go func() {
		_, _ = origin.Write(make([]byte, 5<<20))
		origin.Close()
	}()
	done := make(chan error, 1)
	go func() { done <- r.Run() }()
	n, err := io.Copy(io.Discard, client)
	if n != 5<<20 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if err := <-done; err != nil || r.Received() != n {
		t.Errorf("Run: %v, %d received", err, r.Received())
	}
}

func TestEndStopsTheRelay(t *testing.T) {
	for name, before := range map[string]func(t *testing.T, r *relayed){
		"while idle":            func(t *testing.T, r *relayed) { exchange(t, r) },
		"while it is splicing":  func(t *testing.T, r *relayed) { bulkTo(t, r.origin, r.client) },
		"with a client stalled": func(t *testing.T, r *relayed) { fill(t, r.origin) },
		"with an origin stalled": func(t *testing.T, r *relayed) {
			fill(t, r.client)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := runRelay(t, 0)
			before(t, r)
			r.End()
			r.End()
			if err := r.wait(t); !errors.Is(err, ErrRelayEnded) {
				t.Errorf("Run: %v, want ErrRelayEnded", err)
			}
		})
	}
}

// exchange shows that the relay is running.
func exchange(t *testing.T, r *relayed) {
	t.Helper()
	send(t, r.client, "ping")
	if _, err := io.ReadFull(r.origin, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
}

// bulkTo sends enough for the kernel to have taken over.
func bulkTo(t *testing.T, from, to *net.TCPConn) {
	t.Helper()
	go func() { _, _ = from.Write(make([]byte, 4<<20)) }()
	if _, err := io.CopyN(io.Discard, to, 4<<20); err != nil {
		t.Fatal(err)
	}
}

// fill writes until nothing more goes: somebody behind has stopped reading.
func fill(t *testing.T, to *net.TCPConn) {
	t.Helper()
	block := make([]byte, 1<<20)
	for {
		_ = to.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		if _, err := to.Write(block); err != nil {
			return
		}
	}
}

func TestRelayEndsWhenNoByteMovesForTheIdleTime(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux's TCP_INFO")
	}
	for name, begin := range map[string]func(t *testing.T, r *relayed){
		"from the start":            func(*testing.T, *relayed) {},
		"after a message":           exchange,
		"with the client stalled":   func(t *testing.T, r *relayed) { fill(t, r.origin) },
		"half closed by the client": func(t *testing.T, r *relayed) { r.client.CloseWrite() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := runRelay(t, 500*time.Millisecond)
			begin(t, r)
			started := time.Now()
			if err := r.wait(t); !errors.Is(err, ErrRelayEnded) {
				t.Errorf("Run: %v, want ErrRelayEnded", err)
			}
			if took := time.Since(started); took > 5*time.Second {
				t.Errorf("ended after %v", took)
			}
		})
	}
}

func TestTrafficKeepsTheRelayOpen(t *testing.T) {
	r := runRelay(t, 400*time.Millisecond)
	ticks := time.NewTicker(50 * time.Millisecond)
	defer ticks.Stop()
	for range 24 { // three times the idle limit
		<-ticks.C
		exchange(t, r)
	}
	select {
	case err := <-r.result:
		t.Fatalf("ended although bytes moved: %v", err)
	default:
	}
}

func TestResetOnEitherSideEndsTheOther(t *testing.T) {
	for name, clientResets := range map[string]bool{"client": true, "origin": false} {
		t.Run(name, func(t *testing.T) {
			r := runRelay(t, 0)
			exchange(t, r)
			resets, other := r.client, r.origin
			if !clientResets {
				resets, other = other, resets
			}
			resets.SetLinger(0)
			resets.Close()
			_ = other.SetReadDeadline(time.Now().Add(10 * time.Second))
			var timeout net.Error
			if _, err := other.Read(make([]byte, 1)); err == nil || errors.As(err, &timeout) && timeout.Timeout() {
				t.Errorf("the other side read %v, want its end", err)
			}
			if err := r.wait(t); err == nil || errors.Is(err, ErrRelayEnded) {
				t.Errorf("Run: %v, want the reset", err)
			}
			if r.Sent() != 4 {
				t.Errorf("%d sent, want 4", r.Sent())
			}
		})
	}
}

func TestIdleCheckDoesNotOutliveTheRelay(t *testing.T) {
	var closed atomic.Int64
	client, clientSide := tcpPair(t)
	originSide, origin := tcpPair(t)
	r := &Relay{Client: countClose{clientSide, &closed}, Origin: originSide, Idle: 20 * time.Millisecond}
	client.Close()
	origin.Close()
	_ = r.Run()
	before := closed.Load()
	timer := time.NewTimer(100 * time.Millisecond) // five times the limit
	<-timer.C
	if after := closed.Load(); after != before {
		t.Errorf("the client's connection was closed %d times after Run", after-before)
	}
}

type countClose struct {
	*net.TCPConn
	closed *atomic.Int64
}

func (c countClose) Close() error {
	c.closed.Add(1)
	return c.TCPConn.Close()
}
