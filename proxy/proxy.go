// Package proxy is the data plane put together: it takes requests in, finds out who sends what
// where, has the policy decide, carries the verdict out and records what happened.
//
// Two ideas make it work. Every HTTP request, explicit or from an intercepted connection, passes
// through one goproxy chain and every CONNECT through one handler, so that there is one place where
// a flow is decided (request.go, connect.go). And an exchange (exchange.go) carries one flow from
// its headers to its record, so that no way out of the code, a panic included, leaves a flow
// undecided or unrecorded.
//
// The files follow the story of a request: exchange, request, connect and tunnel take it in;
// payload, held, large and messages read what a rule depends on; forward sends it on; refusals and record
// end it. This file assembles the rooms; lifecycle.go starts, reloads, drains and stops them.
//
//	p, err := proxy.New(proxy.Defaults(), log, version)
//	err = p.Run(ctx) // until ctx ends and open flows have drained
package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/borderflow/borderflow/certs"
	"github.com/borderflow/borderflow/proxy/admin"
	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/delivery"
	"github.com/borderflow/borderflow/proxy/listen"
	"github.com/borderflow/borderflow/proxy/upstream"
	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/jurisdiction"
	"github.com/borderflow/borderflow/rules/ruletest"
	"github.com/elazarl/goproxy"
	"go.uber.org/zap"
)

// Proxy is one running borderflow. Its methods may be called concurrently; Run is called once.
type Proxy struct {
	config  Config
	version string
	log     *zap.Logger
	limits  listen.Limits

	store         *rules.Store
	jurisdictions *jurisdiction.Resolver
	origins       origins
	delivery      *delivery.Delivery
	classifiers   *rules.Classifiers
	evidence      *evidence.Log
	labels        *labels
	spool         *spool

	authority  *certs.Authority
	caCreated  bool
	minter     *certs.Minter
	innerTLS   *tls.Config // for intercepted connections: HTTP/2 and HTTP/1.1
	innerTLS1  *tls.Config // the same where the origin is known to speak HTTP/1.1 only
	roots      *certs.UpstreamRoots
	resolver   *upstream.Resolver
	pinner     *upstream.Pinner
	dialer     *upstream.Dialer
	pool       *upstream.Pool
	core       *goproxy.ProxyHttpServer
	server     *listen.Server
	registry   listen.Registry
	listeners  []listener
	served     []*servedCertificate // of the listeners with TLS
	adminBound net.Listener
	admin      *admin.Server
	metrics    *admin.Metrics

	draining  atomic.Bool
	heldBytes atomic.Int64 // taken by bodies that wait for their verdict
	active    sync.WaitGroup
}

// listener is a bound address of the proxy.
type listener struct {
	net.Listener
	tls *tls.Config // nil: plain
}

// New builds a proxy from config, which Validate has found good: it loads policies, certificates and
// databases, opens the records and binds the listeners, but takes no connection before Run.
func New(config Config, log *zap.Logger, version string) (_ *Proxy, err error) {
	p := &Proxy{config: config, version: version, log: log, limits: config.Limits.listenLimits().WithDefaults()}
	defer func() {
		if err != nil {
			p.closeUnused()
		}
	}()
	if err := os.MkdirAll(config.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("create the state directory: %w", err)
	}
	for _, step := range []func() error{
		p.bind, p.openPolicy, p.openJurisdictions, p.openCertificates, p.openUpstream, p.openEvidence, p.openSpool,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	p.classifiers = rules.NewClassifiers(classify.Options{MaxDecoded: config.Inspect.MaxDecoded.Bytes()})
	p.classifiers.Of(p.store.Current()) // so that no flow has to wait for it
	p.labels = newLabels(config.Labels)
	p.core = p.newCore()
	p.server = listen.NewServer(p, p.limits, log)
	if err := p.openAdmin(); err != nil {
		return nil, err
	}
	return p, nil
}

// newCore sets goproxy up so that nothing is left to its defaults: the one chain, no dialling of its
// own, no proxy from the environment, no certificates of its own (data-plane rows 2 and 4).
func (p *Proxy) newCore() *goproxy.ProxyHttpServer {
	core := goproxy.NewProxyHttpServer()
	core.Logger = silent{} // its lines quote URLs
	core.KeepAcceptEncoding = true
	core.KeepHeader = true // what must go has gone before (removeHopByHop)
	core.Tr = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errUndecided }}
	core.ConnectDial = nil
	core.ConnectDialWithReq = func(*http.Request, string, string) (net.Conn, error) { return nil, errUndecided }
	core.NonproxyHandler = http.HandlerFunc(p.explainProxy)
	core.OnRequest().DoFunc(p.onRequest)
	core.OnRequest().HandleConnectFunc(p.onConnect)
	return core
}

// errUndecided is what goproxy gets when it dials on its own, which would be past the decision.
var errUndecided = errors.New("connection refused: no decision was made for it")

// silent is a goproxy.Logger that says nothing.
type silent struct{}

func (silent) Printf(string, ...any) {}

// explainProxy answers requests that are for the proxy itself: browsers pointed at it, health checks.
func (p *Proxy) explainProxy(w http.ResponseWriter, r *http.Request) {
	exchangeOf(r.Context()).answer(w, r, badRequest("this is a proxy: configure it as such "+
		"(HTTPS_PROXY, curl -x); its health and metrics are on the admin listener"))
}

// bind opens the listeners.
func (p *Proxy) bind() error {
	for _, configured := range p.config.Listen {
		var config *tls.Config
		if configured.TLS != nil {
			served, err := loadServedCertificate(configured.TLS)
			if err != nil {
				return err
			}
			if config, err = served.serverConfig(); err != nil {
				return err
			}
			p.served = append(p.served, served)
		}
		bound, err := net.Listen("tcp", configured.Address)
		if err != nil {
			return fmt.Errorf("listen for clients: %w", err)
		}
		p.listeners = append(p.listeners, listener{bound, config})
	}
	var err error
	if p.adminBound, err = net.Listen("tcp", p.config.Admin.Listen); err != nil {
		return fmt.Errorf("listen for administration: %w", err)
	}
	return nil
}

func (p *Proxy) openPolicy() (err error) {
	c := p.config.Policy
	p.store, err = rules.NewStore(c.Dir, p.log, rules.Gated(ruletest.Gate(c.Dir)),
		rules.LastGood(filepath.Join(p.config.StateDir, "policy", "last-good.json"), c.OnBrokenStart == "lastGood"),
		rules.KeepEvery(filepath.Join(p.config.StateDir, "policy", "in-force")))
	return err
}

func (p *Proxy) openJurisdictions() (err error) {
	p.origins = newOrigins(p.config.Source)
	p.jurisdictions, err = jurisdiction.New(p.config.Jurisdiction.Options())
	return err
}

func (p *Proxy) openCertificates() (err error) {
	if c := p.config.Certificates; c.Certificate != "" {
		p.authority, err = certs.FromFiles(c.Certificate, c.Key)
	} else {
		p.authority, p.caCreated, err = certs.LoadOrCreate(p.caDir())
	}
	if err != nil {
		return err
	}
	if p.minter, err = certs.NewMinter(p.authority, certs.Options{}); err != nil {
		return err
	}
	p.innerTLS = certs.ServerConfig(p.minter, "h2", "http/1.1")
	p.innerTLS1 = certs.ServerConfig(p.minter, "http/1.1")
	p.roots, err = certs.LoadUpstreamRoots(p.config.Upstream.Trust, !p.config.Upstream.WithoutSystemRoots)
	return err
}

func (p *Proxy) caDir() string { return filepath.Join(p.config.StateDir, "ca") }

func (p *Proxy) openUpstream() error {
	own := []netip.AddrPort{p.adminBound.Addr().(*net.TCPAddr).AddrPort()}
	for _, l := range p.listeners {
		own = append(own, l.Addr().(*net.TCPAddr).AddrPort())
	}
	guard, err := upstream.NewGuard(upstream.GuardOptions{Exempt: p.config.Destination.Exempt,
		Deny: p.config.Destination.Deny, Own: own})
	if err != nil {
		return err
	}
	options := p.config.Resolver
	options.Hosts = p.config.Hosts
	if p.resolver, err = upstream.NewResolver(options); err != nil {
		return err
	}
	c := p.config.Upstream
	p.pinner = &upstream.Pinner{Resolver: p.resolver, Guard: guard}
	p.dialer = &upstream.Dialer{Guard: guard, Timeout: c.ConnectTimeout}
	p.pool = upstream.NewPool(upstream.PoolOptions{Dialer: p.dialer,
		Roots:            func() *x509.CertPool { return p.roots.Pool() },
		HandshakeTimeout: c.HandshakeTimeout, HeaderTimeout: c.HeaderTimeout, IdleTimeout: c.IdleTimeout})
	return nil
}

func (p *Proxy) openEvidence() (err error) {
	c := p.config.Evidence
	options := evidence.Options{SegmentBytes: c.SegmentSize.Bytes(), Origin: c.Origin, CheckpointCopy: c.CheckpointCopy, Log: p.log}
	if options.Durability, err = evidence.ParseDurability(c.Durability); err != nil {
		return err
	}
	if c.allowsLoss() {
		options.OnFailure = evidence.Allow
	}
	if c.Identifiers == "clear" {
		options.Identifiers = evidence.Clear
	}
	directory := filepath.Join(p.config.StateDir, "evidence")
	if p.evidence, err = evidence.Open(directory, options); err != nil {
		return err
	}
	p.delivery, err = delivery.New(c.Delivery, delivery.Environment{
		Directory: directory, StateDir: p.config.StateDir, Version: p.version, Log: p.log})
	return err
}

func (p *Proxy) openSpool() (err error) {
	c := p.config.Inspect.Spool
	p.spool, err = openSpool(filepath.Join(p.config.StateDir, "spool"), c.Body.Bytes(), c.Total.Bytes())
	return err
}

// closeUnused releases what New opened before it failed.
func (p *Proxy) closeUnused() {
	for _, l := range p.listeners {
		_ = l.Close()
	}
	if p.adminBound != nil {
		_ = p.adminBound.Close()
	}
	if p.resolver != nil {
		p.resolver.Close()
	}
}
