package proxy

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/iotest"
)

// What is taken from a held body is what was read into it, in its order, and never its last bytes.
func TestHeldBytesLeaveInOrderAndTheLastOnesStay(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var budget atomic.Int64
		held := &heldBody{budget: &budget, most: 1 << 20}
		all := make([]byte, 300_000+random.IntN(300_000))
		for i := range all {
			all[i] = byte(random.Uint32())
		}
		source, keep := bytes.NewReader(all), random.IntN(100_000)
		var seen, left []byte
		for ended := false; !ended; {
			for range random.IntN(6) {
				_, err := held.read(source, func(p []byte) { seen = append(seen, p...) })
				ended = ended || err == io.EOF
				if err != nil && err != io.EOF {
					t.Fatal(err)
				}
			}
			buffer := make([]byte, random.IntN(200_000))
			n, err := held.take(buffer, keep)
			if left = append(left, buffer[:n]...); err != nil || len(left) > max(0, len(seen)-keep) {
				t.Fatalf("%d of %d bytes left, %d should stay: %v", len(left), len(seen), keep, err)
			}
		}
		rest := make([]byte, len(all))
		n, err := held.take(rest, 0)
		if left = append(left, rest[:n]...); err != nil || !bytes.Equal(left, all) || !bytes.Equal(seen, all) {
			t.Fatalf("%d bytes of %d left, %v", len(left), len(all), err)
		}
		held.release()
		if budget.Load() != 0 {
			t.Errorf("%d bytes stay counted", budget.Load())
		}
	}
}

func TestHeldMemoryDoesNotGrowWithWhatPasses(t *testing.T) {
	var budget atomic.Int64
	held := &heldBody{budget: &budget, most: 4 * heldChunk}
	buffer := make([]byte, heldChunk)
	for range 1000 {
		_, err := held.read(iotest.OneByteReader(bytes.NewReader(buffer)), func([]byte) {})
		if err == nil {
			_, err = held.read(bytes.NewReader(buffer), func([]byte) {})
		}
		if err == nil {
			_, err = held.take(buffer, heldChunk)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if budget.Load() > 4*heldChunk {
		t.Errorf("%d bytes are held", budget.Load())
	}
}

// A chunk that is being read into when its body is released must not be lent to another body yet.
func TestBodyThatIsReleasedWhileItIsReadIntoKeepsItsChunk(t *testing.T) {
	var budget atomic.Int64
	held := &heldBody{budget: &budget, most: 1 << 20}
	release := func() { held.release() }
	_, err := held.read(readerFunc(func(p []byte) (int, error) {
		release()
		if budget.Load() != heldChunk {
			t.Error("the chunk was given back")
		}
		return copy(p, "late"), nil
	}), func([]byte) {})
	if !errors.Is(err, errReleased) || budget.Load() != 0 {
		t.Errorf("%v, %d bytes stay counted", err, budget.Load())
	}
	if _, err := held.take(make([]byte, 1), 0); !errors.Is(err, errReleased) {
		t.Errorf("a released body is read: %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestSpooledBodiesAreCountedAndBounded(t *testing.T) {
	s, err := openSpool(t.TempDir(), 10, 15)
	if err != nil {
		t.Fatal(err)
	}
	first, err := s.create()
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.create()
	if err != nil {
		t.Fatal(err)
	}
	write := func(body *spooledBody, text string, want error) {
		t.Helper()
		if _, err := body.Write([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
	write(first, "0123456789", nil)
	write(first, "a", errOversize)
	write(second, "01234", nil)
	write(second, "5", errSpoolFull)
	if got := s.stats(); got.Bytes != 15 || got.Files != 2 || got.Written != 15 {
		t.Errorf("%+v", got)
	}
	for range 2 { // the transport may read it twice
		if content, err := io.ReadAll(first.reader()); string(content) != "0123456789" || err != nil {
			t.Errorf("%q, %v", content, err)
		}
	}
	reader := first.reader()
	first.release()
	first.release()
	if _, err := io.ReadAll(reader); err == nil {
		t.Error("a released body can be read")
	}
	write(first, "b", errReleased)
	write(second, "5", nil)
	second.release()
	if got := s.stats(); got.Bytes != 0 || got.Files != 0 {
		t.Errorf("%+v", got)
	}
}
