package upstream

import (
	"container/list"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"
)

// PoolOptions is what a Pool is built from. The zero value of a field means its default.
type PoolOptions struct {
	Dialer *Dialer
	// Roots returns the certificates that origins are verified against; nil, or a nil answer, means
	// the system's.
	Roots func() *x509.CertPool
	// Log receives the complaints of net/http about origins, which name no payload.
	Log *zap.Logger

	HandshakeTimeout time.Duration // TLS handshakes with origins; default 10 s
	HeaderTimeout    time.Duration // from the end of a request to the response's headers; default 5 min
	IdleTimeout      time.Duration // unused connections are closed after; default 90 s
	IdlePerOrigin    int           // unused HTTP/1.1 connections kept for each origin; default 64
	IdleTotal        int           // unused connections kept in all; default 1,024
	HeaderBytes      int64         // response headers; default 256 KiB
}

// Pool sends requests to pinned targets and keeps connections for the next ones.
//
// A connection is reused only for the same scheme, pinned address, port, server name and identity
// class, so that reuse never carries a request past a decision that was made for another. net/http
// keys its connections by the URL's host; so every such tuple gets a host name of its own, which the
// dial functions turn back into the target. Its methods may be called concurrently.
type Pool struct {
	options  PoolOptions
	sessions tls.ClientSessionCache
	requests *http.Transport // HTTP/1.1 and HTTP/2
	upgrades *http.Transport // HTTP/1.1 alone: a WebSocket cannot begin on HTTP/2

	mutex  sync.Mutex
	byKey  map[poolKey]*poolEntry
	byName map[string]*poolEntry
	unused *list.List // of *poolEntry without requests under way, longest unused first
	next   uint64
}

type poolKey struct {
	scheme  string
	address netip.AddrPort
	host    string
	class   string
}

type poolEntry struct {
	key     poolKey
	name    string
	target  Target
	active  int
	element *list.Element // in unused; nil while active
	http1   bool          // the origin was seen to speak HTTP/1.1 only
}

// maxPoolEntries bounds the targets that are remembered. Those with requests under way are never
// forgotten, so that their number is bounded by the client connections.
const maxPoolEntries = 8192

// NewPool returns a pool that dials with options.Dialer.
func NewPool(options PoolOptions) *Pool {
	orDefault := func(value *time.Duration, fallback time.Duration) {
		if *value == 0 {
			*value = fallback
		}
	}
	orDefault(&options.HandshakeTimeout, 10*time.Second)
	orDefault(&options.HeaderTimeout, 5*time.Minute)
	orDefault(&options.IdleTimeout, 90*time.Second)
	if options.IdlePerOrigin == 0 {
		options.IdlePerOrigin = 64
	}
	if options.IdleTotal == 0 {
		options.IdleTotal = 1024
	}
	if options.HeaderBytes == 0 {
		options.HeaderBytes = 256 << 10
	}
	if options.Log == nil {
		options.Log = zap.NewNop()
	}
	p := &Pool{
		options:  options,
		sessions: tls.NewLRUClientSessionCache(1024),
		byKey:    map[poolKey]*poolEntry{},
		byName:   map[string]*poolEntry{},
		unused:   list.New(),
	}
	p.requests = p.transport(true)
	p.upgrades = p.transport(false)
	return p
}

func (p *Pool) transport(http2 bool) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(http2)
	next := []string{"http/1.1"}
	if http2 {
		next = []string{"h2", "http/1.1"}
	}
	return &http.Transport{
		// Proxy stays nil: borderflow never takes a proxy from its environment.
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			_, target, err := p.entryNamed(address)
			if err != nil {
				return nil, err
			}
			connection, err := p.options.Dialer.Dial(ctx, target)
			if err != nil {
				return nil, err
			}
			return connection, nil
		},
		DialTLSContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return p.dialTLS(ctx, address, next)
		},
		Protocols:              &protocols,
		ForceAttemptHTTP2:      http2,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
		DisableCompression:     true, // bodies pass as they are
		MaxIdleConns:           p.options.IdleTotal,
		MaxIdleConnsPerHost:    p.options.IdlePerOrigin,
		IdleConnTimeout:        p.options.IdleTimeout,
		ResponseHeaderTimeout:  p.options.HeaderTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: p.options.HeaderBytes,
		WriteBufferSize:        16 << 10,
		ReadBufferSize:         16 << 10,
	}
}

func (p *Pool) dialTLS(ctx context.Context, address string, next []string) (net.Conn, error) {
	entry, target, err := p.entryNamed(address)
	if err != nil {
		return nil, err
	}
	raw, err := p.options.Dialer.Dial(ctx, target)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		ServerName:         entry.key.host,
		NextProtos:         next,
		MinVersion:         tls.VersionTLS12,
		ClientSessionCache: p.sessions,
	}
	if p.options.Roots != nil {
		config.RootCAs = p.options.Roots()
	}
	ctx, cancel := context.WithTimeout(ctx, p.options.HandshakeTimeout)
	defer cancel()
	connection := tls.Client(raw, config)
	if err := connection.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, &HandshakeError{Err: err}
	}
	if len(next) > 1 {
		p.mutex.Lock()
		entry.http1 = connection.ConnectionState().NegotiatedProtocol != "h2"
		p.mutex.Unlock()
	}
	return connection, nil
}

// HandshakeError is a TLS handshake with an origin that did not succeed.
type HandshakeError struct{ Err error }

func (e *HandshakeError) Error() string { return "TLS handshake with the origin: " + e.Err.Error() }

// Unwrap returns the error of crypto/tls.
func (e *HandshakeError) Unwrap() error { return e.Err }

// RoundTrip sends request to target, over TLS when the request's URL says https. class keeps requests
// of different identities on different connections; "" is a class of its own. With upgrade the
// request goes over HTTP/1.1, and a 101 response's body is the connection.
//
// The request's Host and URL stay the client's; errors are those that ProxyErrorType names.
func (p *Pool) RoundTrip(request *http.Request, target Target, class string, upgrade bool) (*http.Response, error) {
	key := poolKey{scheme: request.URL.Scheme, address: target.Address, host: target.Authority.Host, class: class}
	entry := p.acquire(key, target)
	defer p.release(entry)
	outgoing := *request
	url := *request.URL
	url.Host = entry.name
	outgoing.URL = &url
	if outgoing.Host == "" {
		outgoing.Host = request.URL.Host
	}
	if upgrade {
		return p.upgrades.RoundTrip(&outgoing)
	}
	return p.requests.RoundTrip(&outgoing)
}

// SpeaksOnlyHTTP1 reports whether the origin behind target was last seen to refuse HTTP/2, so that
// there is no use in offering it to a client.
func (p *Pool) SpeaksOnlyHTTP1(target Target, class string) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	entry := p.byKey[poolKey{scheme: "https", address: target.Address, host: target.Authority.Host, class: class}]
	return entry != nil && entry.http1
}

// Close closes the connections that are not in use.
func (p *Pool) Close() {
	p.requests.CloseIdleConnections()
	p.upgrades.CloseIdleConnections()
}

func (p *Pool) acquire(key poolKey, target Target) *poolEntry {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	entry := p.byKey[key]
	if entry == nil {
		p.next++
		entry = &poolEntry{key: key, name: "target" + strconv.FormatUint(p.next, 10)}
		p.byKey[key], p.byName[entry.name] = entry, entry
	}
	if entry.element != nil {
		p.unused.Remove(entry.element)
		entry.element = nil
	}
	entry.target = target
	entry.active++
	return entry
}

func (p *Pool) release(entry *poolEntry) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if entry.active--; entry.active > 0 {
		return
	}
	entry.element = p.unused.PushBack(entry)
	for len(p.byKey) > maxPoolEntries && p.unused.Len() > 0 {
		oldest := p.unused.Remove(p.unused.Front()).(*poolEntry)
		delete(p.byKey, oldest.key)
		delete(p.byName, oldest.name)
	}
}

var errForgotten = errors.New("the target was forgotten before it was dialled")

// entryNamed finds the entry behind the host:port that net/http asks to dial.
func (p *Pool) entryNamed(address string) (*poolEntry, Target, error) {
	name, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, Target{}, fmt.Errorf("dial %q: %w", address, err)
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if entry := p.byName[name]; entry != nil {
		return entry, entry.target, nil
	}
	return nil, Target{}, errForgotten
}
