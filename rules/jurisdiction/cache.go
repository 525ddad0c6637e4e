package jurisdiction

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/borderflow/borderflow/rules/flow"
)

const (
	cacheEntries     = 16384 // of a generation; two are kept, about 20 MB when full
	maxCachedHostLen = 253   // RFC 1035; a longer name is not worth its memory
	maxCachedAliases = 16    // more than any name needs
)

type cacheKey struct {
	host    string
	address netip.Addr
}

// cached is an answer with what it depends on besides its key.
type cached struct {
	aliases  []string
	location flow.Location
	state    flow.State
	expires  time.Time // zero: as long as the data is in force
}

// cache keeps recent answers in two generations: when the young one is full it becomes the old
// one, and what is not asked for again is forgotten with it. So it is bounded without a list to
// keep in order, however many names a client invents. It is safe for concurrent use.
type cache struct {
	limit int
	mutex sync.RWMutex
	young map[cacheKey]*cached
	old   map[cacheKey]*cached
}

func newCache(limit int) *cache {
	return &cache{limit: limit, young: make(map[cacheKey]*cached)}
}

func (c *cache) get(key cacheKey, aliases []string, now time.Time) (found *cached, ok bool) {
	c.mutex.RLock()
	found, ok = c.young[key]
	young := ok
	if !ok {
		found, ok = c.old[key]
	}
	c.mutex.RUnlock()
	if !ok || !found.expires.IsZero() && !now.Before(found.expires) || !slices.Equal(found.aliases, aliases) {
		return nil, false
	}
	if !young {
		c.put(key, found)
	}
	return found, true
}

func (c *cache) put(key cacheKey, value *cached) {
	if len(key.host) > maxCachedHostLen || len(value.aliases) > maxCachedAliases {
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(c.young) >= c.limit {
		c.old, c.young = c.young, make(map[cacheKey]*cached, c.limit)
	}
	c.young[key] = value
}
