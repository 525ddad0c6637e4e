package certs

import "container/list"

// leafCache keeps the most recently used leaves. It is not safe for concurrent use.
type leafCache struct {
	capacity int
	byHost   map[string]*list.Element
	recent   *list.List // of cached, the most recently used in front
}

type cached struct {
	host string
	leaf *leaf
}

func newLeafCache(capacity int) *leafCache {
	return &leafCache{capacity: capacity, byHost: make(map[string]*list.Element), recent: list.New()}
}

// get returns nil for a host that is not kept.
func (c *leafCache) get(host string) *leaf {
	e := c.byHost[host]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(*cached).leaf
}

// put keeps a leaf, in place of the host's previous one, and reports whether another host's had to go.
func (c *leafCache) put(host string, l *leaf) (evicted bool) {
	if e := c.byHost[host]; e != nil {
		e.Value.(*cached).leaf = l
		c.recent.MoveToFront(e)
		return false
	}
	c.byHost[host] = c.recent.PushFront(&cached{host, l})
	if c.recent.Len() <= c.capacity {
		return false
	}
	oldest := c.recent.Back()
	c.recent.Remove(oldest)
	delete(c.byHost, oldest.Value.(*cached).host)
	return true
}

func (c *leafCache) len() int { return c.recent.Len() }

func (c *leafCache) clear() {
	clear(c.byHost)
	c.recent.Init()
}
