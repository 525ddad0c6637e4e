package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func loaded(calls *atomic.Int32, keep time.Duration) func() (*Answer, time.Duration, error) {
	return func() (*Answer, time.Duration, error) {
		calls.Add(1)
		return &Answer{Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, TTL: keep}, keep, nil
	}
}

func TestCacheHoldsNoMoreThanItsLimitAndDropsTheLeastRecentlyUsed(t *testing.T) {
	c := newCache(3, time.Now)
	defer c.close()
	var calls atomic.Int32
	ask := func(host string) (asked bool) {
		before := calls.Load()
		if _, err := c.get(t.Context(), host, loaded(&calls, time.Hour)); err != nil {
			t.Fatal(err)
		}
		if len(c.entries) > 3 || c.recent.Len() != len(c.entries) {
			t.Fatalf("the cache holds %d names in a list of %d, want at most 3", len(c.entries), c.recent.Len())
		}
		return calls.Load() > before
	}
	for _, step := range []struct {
		host  string
		asked bool
	}{
		{"a", true}, {"b", true}, {"c", true}, {"a", false}, {"d", true}, {"a", false}, {"b", true}, {"d", false}, {"c", true},
	} {
		if got := ask(step.host); got != step.asked {
			t.Errorf("%s: asked %v, want %v", step.host, got, step.asked)
		}
	}
	for i := range 1000 {
		ask(fmt.Sprint(i))
	}
}

func TestAnswersExpireAndFailuresAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(10, time.Now)
		defer c.close()
		var calls atomic.Int32
		expect := func(want int32) {
			t.Helper()
			if _, err := c.get(t.Context(), "a", loaded(&calls, 10*time.Second)); err != nil || calls.Load() != want {
				t.Fatalf("after %d lookups (%v), want %d", calls.Load(), err, want)
			}
		}
		expect(1)
		time.Sleep(10*time.Second - 1)
		expect(1)
		time.Sleep(time.Nanosecond)
		expect(2)
		failure := errors.New("no network")
		for range 2 {
			calls.Store(0)
			_, err := c.get(t.Context(), "b", func() (*Answer, time.Duration, error) { calls.Add(1); return nil, 0, failure })
			if err != failure || calls.Load() != 1 {
				t.Fatalf("got %v after %d lookups, want the failure after one", err, calls.Load())
			}
		}
	})
}

func TestManyCallersShareOneLookupAndLeaveWhenTheyMust(t *testing.T) {
	leavesNothingRunning(t)
	synctest.Test(t, func(t *testing.T) {
		c := newCache(10, time.Now)
		var calls atomic.Int32
		slow := func() (*Answer, time.Duration, error) {
			time.Sleep(time.Minute)
			return loaded(&calls, time.Hour)()
		}
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() {
				if answer, err := c.get(t.Context(), "a", slow); err != nil || len(answer.Addresses) != 1 {
					t.Errorf("got %v, %v", answer, err)
				}
			})
		}
		callers.Go(func() { // the first to give up must not end it for the others
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			_, err := c.get(ctx, "a", slow)
			var resolve *ResolveError
			if !errors.As(err, &resolve) || !resolve.Timeout || time.Since(began) != time.Second {
				t.Errorf("got %v after %s, want a timeout after a second", err, time.Since(began))
			}
		})
		callers.Wait()
		if calls.Load() != 1 {
			t.Errorf("%d lookups were made, want one", calls.Load())
		}
		c.close()
		if _, err := c.get(t.Context(), "b", slow); !errors.Is(err, errResolverClosed) {
			t.Errorf("after close: %v", err)
		}
	})
}

func TestLookupsUnderWayAreBounded(t *testing.T) {
	leavesNothingRunning(t)
	synctest.Test(t, func(t *testing.T) {
		c := newCache(10, time.Now)
		var calls atomic.Int32
		release := make(chan struct{})
		var callers sync.WaitGroup
		for i := range maxFlights {
			callers.Go(func() {
				_, err := c.get(t.Context(), fmt.Sprint(i), func() (*Answer, time.Duration, error) { <-release; return loaded(&calls, 0)() })
				if err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if _, err := c.get(t.Context(), "one more", loaded(&calls, 0)); !errors.Is(err, errTooManyLookups) {
			t.Errorf("one lookup too many gives %v", err)
		}
		close(release)
		callers.Wait()
		c.close()
		if len(c.flights) != 0 || len(c.entries) != 0 {
			t.Errorf("%d lookups and %d answers are left", len(c.flights), len(c.entries))
		}
	})
}
