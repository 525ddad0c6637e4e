package upstream

import (
	"container/list"
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Answer is what a name resolved to. It is shared between callers, who must not change it.
type Answer struct {
	Addresses []netip.Addr  // at least one, in order of preference, without zones or IPv4-mapped forms
	CNAMEs    []string      // canonical names that the answer passed through, in order; nil from the system resolver
	TTL       time.Duration // how long the answer is kept, between MinTTL and MaxTTL
	Expires   time.Time
}

// Close ends lookups under way and waits for them.
func (r *Resolver) Close() {
	r.stop()
	r.cache.close()
}

// Lookup resolves a canonical name, from the cache if it can. It waits no longer than ctx. Errors are
// *ResolveError. The table of hosts is not asked; Pinner.Resolve does that.
func (r *Resolver) Lookup(ctx context.Context, host string) (*Answer, error) {
	if answer, err, ok := specialName(host); ok {
		return answer, err
	}
	return r.cache.get(ctx, host, func() (*Answer, time.Duration, error) {
		ctx, cancel := context.WithTimeout(r.stopping, r.options.Timeout)
		defer cancel()
		found, err := r.ask(ctx, host)
		if err != nil {
			keep := time.Duration(0)
			if err.RCode == "NXDOMAIN" || err.RCode == "NOERROR" {
				keep = r.options.NegativeTTL
			}
			return nil, keep, err
		}
		ttl := min(max(found.ttl, r.options.MinTTL), r.options.MaxTTL)
		return &Answer{Addresses: found.addresses, CNAMEs: found.aliases, TTL: ttl}, ttl, nil
	})
}

// specialName answers for names that must not be sent to a name server: RFC 6761 §6.3 and §6.4, RFC 7686.
func specialName(host string) (*Answer, error, bool) {
	switch host[strings.LastIndexByte(host, '.')+1:] {
	case "localhost":
		return &Answer{Addresses: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}}, nil, true
	case "invalid", "onion":
		return nil, &ResolveError{Host: host, RCode: "NXDOMAIN"}, true
	}
	return nil, nil, false
}

var (
	errResolverClosed = errors.New("the resolver is closed")
	errTooManyLookups = errors.New("too many lookups are under way")
)

// maxFlights bounds the sockets that lookups hold when name servers are slow; each lookup has two.
const maxFlights = 512

// cache keeps answers until they expire, the least recently used giving way, and has each missing name looked
// up once however many ask for it at the same time.
type cache struct {
	limit int
	now   func() time.Time

	mu      sync.Mutex
	entries map[string]*list.Element // of *cacheEntry
	recent  *list.List               // most recently used first
	flights map[string]*flight
	closed  bool
	running sync.WaitGroup
}

type cacheEntry struct {
	host    string
	answer  *Answer
	err     error // set for a name that has no address
	expires time.Time
}

// flight is a lookup under way; answer and err may be read once done is closed.
type flight struct {
	done   chan struct{}
	answer *Answer
	err    error
}

func newCache(limit int, now func() time.Time) *cache {
	return &cache{limit: limit, now: now, entries: map[string]*list.Element{}, recent: list.New(), flights: map[string]*flight{}}
}

// get returns the kept answer for host, or waits for load, which runs in its own goroutine and is not ended
// by ctx, since others may wait for it too. A load whose keep is 0 or less is not kept.
func (c *cache) get(ctx context.Context, host string, load func() (answer *Answer, keep time.Duration, err error)) (*Answer, error) {
	c.mu.Lock()
	if found, ok := c.entries[host]; ok {
		e := found.Value.(*cacheEntry)
		if c.now().Before(e.expires) {
			c.recent.MoveToFront(found)
			c.mu.Unlock()
			return e.answer, e.err
		}
		c.remove(found)
	}
	f, ok := c.flights[host]
	if !ok {
		if c.closed {
			c.mu.Unlock()
			return nil, &ResolveError{Host: host, Err: errResolverClosed}
		}
		if len(c.flights) >= maxFlights {
			c.mu.Unlock()
			return nil, &ResolveError{Host: host, Err: errTooManyLookups}
		}
		f = &flight{done: make(chan struct{})}
		c.flights[host] = f
		c.running.Go(func() { c.fly(host, f, load) })
	}
	c.mu.Unlock()
	select {
	case <-f.done:
		return f.answer, f.err
	case <-ctx.Done():
		return nil, &ResolveError{Host: host, Timeout: errors.Is(ctx.Err(), context.DeadlineExceeded), Err: ctx.Err()}
	}
}

func (c *cache) fly(host string, f *flight, load func() (*Answer, time.Duration, error)) {
	var keep time.Duration
	f.answer, keep, f.err = load()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.flights, host)
	if keep > 0 {
		e := &cacheEntry{host: host, answer: f.answer, err: f.err, expires: c.now().Add(keep)}
		if f.answer != nil {
			f.answer.Expires = e.expires
		}
		c.entries[host] = c.recent.PushFront(e)
		for len(c.entries) > c.limit {
			c.remove(c.recent.Back())
		}
	}
	close(f.done)
}

func (c *cache) remove(e *list.Element) {
	c.recent.Remove(e)
	delete(c.entries, e.Value.(*cacheEntry).host)
}

// close lets no new lookup start and waits for those under way.
func (c *cache) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.running.Wait()
}
