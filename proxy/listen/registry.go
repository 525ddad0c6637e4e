package listen

import (
	"context"
	"sync"
)

// Kind is what sort of long-lived exchange an Entry stands for.
type Kind string

const (
	Tunnel    Kind = "tunnel"    // bytes are copied unread
	Intercept Kind = "intercept" // a CONNECT whose TLS is terminated here
	WebSocket Kind = "websocket"
)

// Entry is one long-lived exchange, as a drain and a new policy see it.
type Entry struct {
	Kind Kind
	// Redecide asks whether the exchange may go on under the policy now in force, and ends it if
	// not; nil when each of its requests is decided on its own.
	Redecide func()
	// End ends the exchange now. It returns without waiting for the end.
	End func()
}

// Registry knows every exchange that outlives a request. Its methods may be called concurrently.
// The zero value is ready for use.
type Registry struct {
	mutex   sync.Mutex
	entries map[*Entry]struct{}
	counts  map[Kind]int
	empty   chan struct{} // closed while there is no entry and somebody waits
}

// Add registers entry until the returned function is called.
func (r *Registry) Add(entry *Entry) (remove func()) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.entries == nil {
		r.entries, r.counts = map[*Entry]struct{}{}, map[Kind]int{}
	}
	r.entries[entry] = struct{}{}
	r.counts[entry.Kind]++
	return func() {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		if _, ok := r.entries[entry]; !ok {
			return
		}
		delete(r.entries, entry)
		r.counts[entry.Kind]--
		if len(r.entries) == 0 && r.empty != nil {
			close(r.empty)
			r.empty = nil
		}
	}
}

// Count is how many exchanges of kind there are now.
func (r *Registry) Count(kind Kind) int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.counts[kind]
}

// Redecide decides every long-lived exchange again.
func (r *Registry) Redecide() {
	for _, entry := range r.snapshot() {
		if entry.Redecide != nil {
			entry.Redecide()
		}
	}
}

// EndAll ends every exchange now.
func (r *Registry) EndAll() {
	for _, entry := range r.snapshot() {
		entry.End()
	}
}

func (r *Registry) snapshot() []*Entry {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	entries := make([]*Entry, 0, len(r.entries))
	for entry := range r.entries {
		entries = append(entries, entry)
	}
	return entries
}

// Wait returns nil once no exchange is left, or ctx's error.
func (r *Registry) Wait(ctx context.Context) error {
	r.mutex.Lock()
	if len(r.entries) == 0 {
		r.mutex.Unlock()
		return nil
	}
	if r.empty == nil {
		r.empty = make(chan struct{})
	}
	empty := r.empty
	r.mutex.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
