package listen

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func TestRegistryWaitsForTheLastExchange(t *testing.T) {
	var r Registry
	if err := r.Wait(context.Background()); err != nil {
		t.Errorf("with none: %v", err)
	}
	removeTunnel := r.Add(&Entry{Kind: Tunnel, End: func() {}})
	removeSocket := r.Add(&Entry{Kind: WebSocket, End: func() {}})
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.Wait(canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("with two: %v", err)
	}
	waits := make(chan error, 2)
	for range 2 {
		go func() { waits <- r.Wait(context.Background()) }()
	}
	removeTunnel()
	removeTunnel() // counts once
	if r.Count(Tunnel) != 0 || r.Count(WebSocket) != 1 || r.Count(Intercept) != 0 {
		t.Errorf("counted %d, %d, %d", r.Count(Tunnel), r.Count(WebSocket), r.Count(Intercept))
	}
	select {
	case err := <-waits:
		t.Errorf("did not wait for the last: %v", err)
	default:
	}
	removeSocket()
	for range 2 {
		if err := received(t, "the end of Wait", waits); err != nil {
			t.Errorf("Wait: %v", err)
		}
	}
}

func TestRedecideAndEndReachEveryExchangeWhileOthersComeAndGo(t *testing.T) {
	var r Registry
	var redecided, ended atomic.Int32
	staying := &Entry{Kind: Tunnel, Redecide: func() { redecided.Add(1) }, End: func() { ended.Add(1) }}
	remove := r.Add(staying)
	var churn sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		churn.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					r.Add(&Entry{Kind: Intercept, End: func() {}})()
				}
			}
		})
	}
	for range 100 {
		r.Redecide()
		r.EndAll()
		if r.Count(Tunnel) != 1 {
			t.Fatal("the one that stays is not counted")
		}
	}
	close(stop)
	churn.Wait()
	if redecided.Load() != 100 || ended.Load() != 100 {
		t.Errorf("redecided %d times, ended %d times, want 100", redecided.Load(), ended.Load())
	}
	remove()
	if err := r.Wait(context.Background()); err != nil {
		t.Errorf("Wait: %v", err)
	}
}

// TestExchangeMayRemoveItselfWhenEnded is what tunnels do: End has them return, and return removes them.
func TestExchangeMayRemoveItselfWhenEnded(t *testing.T) {
	var r Registry
	for range 10 {
		var remove func()
		remove = r.Add(&Entry{Kind: Tunnel, End: func() { remove() }, Redecide: func() {}})
	}
	r.EndAll()
	if err := r.Wait(context.Background()); err != nil {
		t.Errorf("Wait: %v", err)
	}
}
