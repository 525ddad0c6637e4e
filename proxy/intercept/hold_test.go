package intercept

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sink is an origin that keeps what it receives and sends nothing.
type sink struct {
	mutex    sync.Mutex
	received bytes.Buffer
	closed   chan struct{}
	once     sync.Once
	fails    bool
}

func newSink() *sink { return &sink{closed: make(chan struct{})} }

func (s *sink) Read([]byte) (int, error) {
	<-s.closed
	return 0, net.ErrClosed
}

func (s *sink) Write(p []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.fails {
		return 0, io.ErrClosedPipe
	}
	return s.received.Write(p)
}

func (s *sink) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *sink) bytes() []byte {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.received.Bytes())
}

// censor is a gate that refuses messages with "secret" in them, and unreadable ones if it says so.
type censor struct {
	passOpaque bool
	before     func(censor *censor) // runs before each answer

	current  []byte
	opaque   bool
	seen     []string
	controls []string
}

func (c *censor) Payload(p []byte) { c.current = append(c.current, p...) }
func (c *censor) Opaque(string)    { c.opaque = true }

func (c *censor) Control(payload []byte) bool {
	c.controls = append(c.controls, string(payload))
	return !bytes.Contains(payload, []byte("secret"))
}

func (c *censor) EndMessage() ([]byte, bool) {
	if c.before != nil {
		c.before(c)
	}
	allowed := !bytes.Contains(c.current, []byte("secret"))
	text := string(c.current)
	if c.opaque {
		text, allowed = "opaque", c.passOpaque
	}
	c.seen = append(c.seen, text)
	c.current, c.opaque = nil, false
	if strings.Contains(text, "replace me") {
		return []byte(strings.ReplaceAll(text, "replace me", "[replaced]")), true
	}
	return nil, allowed
}

func TestHeldMessagesLeaveWholeOrNotAtAll(t *testing.T) {
	const limit = 200
	ping, pong := client(fin|opPing, "p"), client(fin|opPong, "")
	hello, secret := client(fin|opText, "hello"), client(fin|opText, "my secret")
	large := client(fin|opBinary, strings.Repeat("x", limit))
	largeParts := slices.Concat(client(opText, strings.Repeat("x", 150)), client(opContinuation, strings.Repeat("x", 100)))
	compressed := client(fin|rsv1|opText, "hello")
	empty := client(fin|opText, "")
	for name, test := range map[string]struct {
		sent       [][]byte
		passOpaque bool
		want       [][]byte // what the origin receives
		seen       []string // what the gate was asked about
		ends       bool
	}{
		"a message": {[][]byte{hello}, false, [][]byte{hello}, []string{"hello"}, false},
		"a blocked message and what follows": {[][]byte{hello, secret, hello, ping}, false, [][]byte{hello},
			[]string{"hello", "my secret"}, true},
		"an empty message": {[][]byte{empty, hello}, false, [][]byte{empty, hello}, []string{"", "hello"}, false},
		"a message without its end": {[][]byte{client(opText, "hel"), client(opContinuation, "lo")}, false, nil,
			nil, false},
		"fragments with pings between them": {
			[][]byte{client(opText, "he"), ping, client(opContinuation, "l"), pong, client(fin|opContinuation, "lo")}, false,
			[][]byte{ping, pong, client(opText, "he"), client(opContinuation, "l"), client(fin|opContinuation, "lo")},
			[]string{"hello"}, false},
		"a secret over several fragments": {
			[][]byte{client(opText, "sec"), ping, client(fin|opContinuation, "ret")}, false, [][]byte{ping},
			[]string{"secret"}, true},
		"a close frame":            {[][]byte{client(fin|opClose, "\x03\xe8")}, false, [][]byte{client(fin|opClose, "\x03\xe8")}, nil, false},
		"a compressed message":     {[][]byte{compressed, hello}, false, nil, []string{"opaque"}, true},
		"compressed, and let pass": {[][]byte{compressed, hello}, true, [][]byte{compressed, hello}, []string{"opaque", "hello"}, false},
		"compressed in parts": {[][]byte{client(rsv1|opText, "a"), client(fin|opContinuation, "b"), hello}, true,
			[][]byte{client(rsv1|opText, "a"), client(fin|opContinuation, "b"), hello}, []string{"opaque", "hello"}, false},
		"too large":               {[][]byte{large, hello}, false, nil, []string{"opaque"}, true},
		"too large, and let pass": {[][]byte{large, hello}, true, [][]byte{large, hello}, []string{"opaque", "hello"}, false},
		"a secret behind one that was too large": {[][]byte{large, secret}, true, [][]byte{large},
			[]string{"opaque", "my secret"}, true},
		"too large over several fragments": {[][]byte{largeParts, ping, client(fin|opContinuation, "z"), secret}, true,
			[][]byte{largeParts, ping, client(fin|opContinuation, "z")}, []string{"opaque", "my secret"}, true},
		"a malformed frame": {[][]byte{hello, client(fin|opContinuation, "x"), hello}, false, [][]byte{hello},
			[]string{"hello"}, true},
		"a malformed frame within a message": {[][]byte{client(opText, "x"), client(fin|opText, "y")}, false, nil, nil, true},
	} {
		sent := slices.Concat(test.sent...)
		for _, step := range []int{1, 2, 3, 7, 11, 100, 1 << 20} {
			synctest.Test(t, func(t *testing.T) {
				origin, gate := newSink(), &censor{passOpaque: test.passOpaque}
				w := NewWebSocket(origin, gate, true, limit)
				for rest := sent; len(rest) > 0; {
					n := min(step, len(rest))
					if wrote, err := w.Write(rest[:n]); wrote != n || err != nil {
						t.Fatalf("%s: wrote %d of %d, %v", name, wrote, n, err)
					}
					rest = rest[n:]
				}
				synctest.Wait()
				got, ends := origin.bytes(), w.isEnded()
				if goodbye := len(got) - 8; ends && goodbye >= 0 && bytes.HasPrefix(got[goodbye:], []byte{fin | opClose, 0x82}) {
					got = got[:goodbye]
				} else if ends {
					t.Errorf("%s, steps of %d: the origin was not told of the end", name, step)
				}
				if want := slices.Concat(test.want...); !bytes.Equal(got, want) {
					t.Errorf("%s, steps of %d: the origin received\n%q, want\n%q", name, step, got, want)
				}
				if diff := cmp.Diff(test.seen, gate.seen); diff != "" || ends != test.ends {
					t.Errorf("%s, steps of %d: ended: %v, asked about -want +got:\n%s", name, step, ends, diff)
				}
				w.Close()
				time.Sleep(time.Hour) // past every grace
			})
		}
	}
}

func TestNothingLeavesBeforeTheGateSaysYes(t *testing.T) {
	origin := newSink()
	gate := &censor{before: func(c *censor) {
		if got := origin.bytes(); len(got) > 0 {
			t.Errorf("the origin had received %q before the answer", got)
		}
	}}
	w := NewWebSocket(origin, gate, true, 1000)
	defer w.Close()
	if _, err := w.Write(client(fin|opText, "hello")); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(origin.bytes(), client(fin|opText, "hello")) {
		t.Errorf("the origin received %q", origin.bytes())
	}
}

func TestGateThatOnlyLooksOnSeesEverythingAndHoldsNothing(t *testing.T) {
	origin, gate := newSink(), &censor{}
	w := NewWebSocket(origin, gate, false, 3)
	defer w.Close()
	sent := slices.Concat(client(opText, "my "), client(fin|opPing, "p"), client(fin|opContinuation, "secret"),
		client(fin|rsv1|opText, "zip"), client(fin|opText, "bye"))
	for _, b := range sent {
		if _, err := w.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(origin.bytes(), sent) {
		t.Errorf("the origin received %q, want %q", origin.bytes(), sent)
	}
	if diff := cmp.Diff([]string{"my secret", "opaque", "bye"}, gate.seen); diff != "" {
		t.Errorf("seen, -want +got:\n%s", diff)
	}
}

func TestWithoutAGateNothingIsJudged(t *testing.T) {
	origin := newSink()
	w := NewWebSocket(origin, nil, false, 0)
	defer w.Close()
	sent := slices.Concat(client(fin|11, "x"), binary.BigEndian.AppendUint64([]byte{fin | opText, 127}, 1<<63))
	if _, err := w.Write(sent); err != nil || !bytes.Equal(origin.bytes(), sent) {
		t.Errorf("%v, received %q", err, origin.bytes())
	}
}

func TestWriteErrorWaitsForWhatTheOriginSentLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		origin := newSink()
		origin.fails = true
		w := NewWebSocket(origin, nil, false, 0)
		read := make(chan error, 1)
		go func() {
			time.Sleep(time.Second)
			origin.Close()
			_, err := w.Read(make([]byte, 10))
			read <- err
		}()
		_, err := w.Write(client(fin|opText, "x"))
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("Write: %v", err)
		}
		select {
		case err := <-read:
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("Read: %v", err)
			}
		default:
			t.Error("Write returned before Read had ended")
		}
		if _, err := NewWebSocket(origin, nil, false, 0).Write([]byte("x")); err == nil { // nobody reads
			t.Error("Write succeeded")
		}
	})
}

func FuzzHeldMessagesAreTheSameForEverySplit(f *testing.F) {
	f.Add(slices.Concat(client(opText, "he"), client(fin|opPing, "p"), client(fin|opContinuation, "llo")), uint8(1), true)
	f.Add(slices.Concat(client(fin|rsv1|opText, "zip"), client(fin|opText, "secret")), uint8(3), true)
	f.Add(slices.Concat(client(fin|opBinary, strings.Repeat("x", 300)), client(fin|opText, "a secret")), uint8(7), false)
	f.Add(binary.BigEndian.AppendUint64([]byte{fin | opText, 127}, 1<<63), uint8(2), true)
	f.Fuzz(func(t *testing.T, sent []byte, step uint8, passOpaque bool) {
		run := func(step int) (received []byte, seen []string, ended bool) {
			origin, gate := newSink(), &censor{passOpaque: passOpaque}
			gate.before = func(c *censor) {
				if bytes.Contains(origin.bytes(), []byte("secret")) && !passOpaque {
					t.Error("a secret has left unmasked")
				}
			}
			w := NewWebSocket(origin, gate, true, 128)
			for rest := sent; len(rest) > 0; {
				n := min(step, len(rest))
				if _, err := w.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			return origin.bytes(), gate.seen, w.isEnded()
		}
		got, gotSeen, gotEnded := run(int(step) + 1)
		want, wantSeen, wantEnded := run(len(sent) + 1)
		if gotEnded != wantEnded || cmp.Diff(wantSeen, gotSeen) != "" {
			t.Errorf("in steps of %d: ended %v, seen %q\nat once: ended %v, seen %q", step, gotEnded, gotSeen, wantEnded, wantSeen)
		}
		// An ended WebSocket takes leave of its origin, from another goroutine.
		if !wantEnded && !bytes.Equal(got, want) {
			t.Errorf("in steps of %d the origin received\n%q, at once\n%q", step, got, want)
		}
	})
}
