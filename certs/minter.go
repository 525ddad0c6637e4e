package certs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	defaultCacheSize    = 4096
	defaultLeafLifetime = 7 * 24 * time.Hour
	minLeafLifetime     = time.Hour

	// maxLeafLifetime is what Apple's platforms accept at most from any authority that is not installed by
	// hand, and others follow.
	maxLeafLifetime = 398*24*time.Hour - backdate
)

// Options configures a Minter. The zero value is ready for production.
type Options struct {
	CacheSize    int              // certificates kept, about 4 KiB each; 0 means 4096
	LeafLifetime time.Duration    // validity from now; 0 means 7 days, at least 1 hour, cut to 398 days and to the authority's end
	Now          func() time.Time // clock; nil means time.Now
}

// Stats counts what a Minter did since it was made.
type Stats struct {
	Minted  uint64 // certificates signed
	Hits    uint64 // requests answered from the cache
	Misses  uint64 // requests that had to wait for a signature, their own or another's
	Evicted uint64 // certificates dropped because the cache was full
	Cached  int    // certificates in the cache now
}

// Minter signs a certificate for each host that clients ask for and keeps it until it nears its end, the
// authority changes, or CacheSize others were used since. It is safe for concurrent use and starts no
// goroutine: a certificate is signed by the first that asks, and whoever asks for the same host meanwhile
// waits for it.
type Minter struct {
	authority *Authority
	lifetime  time.Duration
	now       func() time.Time
	key       sealedKey // one for all leaves: a key per host would protect nothing more, in the same process

	mu      sync.Mutex
	issuer  *issuer // the authority's state that leaves and pending belong to
	leaves  *leafCache
	pending map[string]*minting
	stats   Stats
}

// minting is a certificate being signed.
type minting struct {
	done chan struct{} // closed when leaf and err are set
	leaf *leaf
	err  error
}

// errMintingPanicked is what those who wait receive when signing panics.
var errMintingPanicked = errors.New("mint certificate: signing panicked")

// NewMinter returns a Minter with a fresh leaf key.
func NewMinter(authority *Authority, options Options) (*Minter, error) {
	if options.CacheSize == 0 {
		options.CacheSize = defaultCacheSize
	}
	if options.LeafLifetime == 0 {
		options.LeafLifetime = defaultLeafLifetime
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.CacheSize < 0 {
		return nil, fmt.Errorf("certificate cache: found size %d, expected a positive number", options.CacheSize)
	}
	if options.LeafLifetime < minLeafLifetime {
		return nil, fmt.Errorf("leaf certificates: found lifetime %s, expected at least %s", options.LeafLifetime, minLeafLifetime)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate leaf key: %w", err)
	}
	return &Minter{
		authority: authority,
		lifetime:  min(options.LeafLifetime, maxLeafLifetime),
		now:       options.Now,
		key:       seal(key),
		issuer:    authority.current.Load(),
		leaves:    newLeafCache(options.CacheSize),
		pending:   make(map[string]*minting),
	}, nil
}

// Leaf returns a certificate for host, a DNS name in ASCII or an IP address. Its Leaf field is set. It
// is shared by all callers and must not be changed. A name that cannot stand in a certificate is a
// *HostError; an authority that has expired is ErrAuthorityExpired. If ctx ends while another caller
// signs, its error is returned.
func (m *Minter) Leaf(ctx context.Context, host string) (*tls.Certificate, error) {
	now := m.now()
	m.mu.Lock()
	m.followAuthority()
	// Keys are canonical, so what is found under the name as given was given in canonical form.
	if found := m.fresh(host, now); found != nil {
		m.mu.Unlock()
		return &found.certificate, nil
	}
	m.mu.Unlock()

	name, err := parseHost(host)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.followAuthority()
	if found := m.fresh(name.text, now); found != nil {
		m.mu.Unlock()
		return &found.certificate, nil
	}
	m.stats.Misses++
	if other := m.pending[name.text]; other != nil {
		m.mu.Unlock()
		return other.wait(ctx)
	}
	mine := &minting{done: make(chan struct{}), err: errMintingPanicked}
	m.pending[name.text] = mine
	by := m.issuer
	m.mu.Unlock()
	return m.sign(mine, name, by, now)
}

// followAuthority forgets everything that belongs to an authority no longer in force. Needs m.mu.
func (m *Minter) followAuthority() {
	if current := m.authority.current.Load(); current != m.issuer {
		m.issuer = current
		m.leaves.clear()
		m.pending = make(map[string]*minting)
	}
}

// fresh returns a kept certificate that is not due for renewal. Needs m.mu.
func (m *Minter) fresh(host string, now time.Time) *leaf {
	found := m.leaves.get(host)
	if found == nil || !now.Before(found.renewAt) {
		return nil
	}
	m.stats.Hits++
	return found
}

func (m *Minter) sign(mine *minting, name hostName, by *issuer, now time.Time) (*tls.Certificate, error) {
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		defer close(mine.done)
		if mine.err == nil {
			m.stats.Minted++
		}
		if m.issuer != by {
			return // the authority changed meanwhile; whoever asked before the change gets the old leaf
		}
		delete(m.pending, name.text)
		if mine.err == nil && m.leaves.put(name.text, mine.leaf) {
			m.stats.Evicted++
		}
	}()
	mine.leaf, mine.err = newLeaf(by, m.key, name, now, m.lifetime)
	return mine.result()
}

func (w *minting) wait(ctx context.Context) (*tls.Certificate, error) {
	select {
	case <-w.done:
		return w.result()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *minting) result() (*tls.Certificate, error) {
	if w.err != nil {
		return nil, w.err
	}
	return &w.leaf.certificate, nil
}

// Stats returns the counters.
func (m *Minter) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	stats := m.stats
	stats.Cached = m.leaves.len()
	return stats
}

// String describes the minter without its key.
func (m *Minter) String() string { return "minter under " + m.authority.String() }

// Format prints String for every verb, so that no verb can reach a key.
func (m *Minter) Format(f fmt.State, _ rune) { io.WriteString(f, m.String()) }
