package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/borderflow/borderflow/proxy/listen"
	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/watch"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
)

// Run serves until ctx ends, then drains: readiness goes first, new flows are refused, open ones may
// end until the drain deadline, and what is left is closed and recorded. It returns when everything
// it started has ended; an error means that it could not go on.
func (p *Proxy) Run(ctx context.Context) error {
	stop, stopped := context.WithCancelCause(ctx)
	defer stopped(nil)
	p.store.OnChange(func(policy *rules.Policy) {
		p.classifiers.Of(policy) // so that few flows have to wait for it
		p.registry.Redecide()
	})

	var serving, background errgroup.Group
	backgroundCtx, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBackground()
	start := func(group *errgroup.Group, what string, run func() error) {
		group.Go(func() error {
			err := run()
			if err != nil && stop.Err() == nil {
				err = fmt.Errorf("%s: %w", what, err)
				stopped(err) // one part that ends takes the rest down, in order
				return err
			}
			return nil
		})
	}
	evidenceDone := make(chan error, 1)
	go func() { evidenceDone <- p.evidence.Run(backgroundCtx) }()
	start(&background, "keep records", func() error { return p.keepRecords(backgroundCtx) })
	start(&background, "deliver records", func() error { return p.delivery.Run(backgroundCtx) })
	start(&background, "watch the policy", func() error { return p.store.Run(backgroundCtx) })
	start(&background, "watch certificates and databases", func() error { return p.watchFiles(backgroundCtx) })
	start(&background, "serve administration", func() error { return p.admin.Serve(backgroundCtx, p.adminBound) })
	start(&serving, "serve clients", p.server.Run)
	for _, l := range p.listeners {
		start(&serving, "accept clients", func() error { return p.server.Accept(stop, l.Listener, l.tls) })
	}
	p.announce()

	<-stop.Done()
	p.drain(context.WithoutCancel(ctx))
	err := serving.Wait()
	p.pool.Close()
	p.resolver.Close()
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWait)
	defer cancel()
	err = errors.Join(err, p.evidence.Close(closing), <-evidenceDone)
	stopBackground()
	return errors.Join(err, background.Wait())
}

// endGrace is how long flows that were closed at the drain's deadline have to be recorded.
const endGrace = 5 * time.Second

// drain lets open flows end, until the deadline, and then ends them.
func (p *Proxy) drain(ctx context.Context) {
	p.draining.Store(true)
	p.log.Info("draining", zap.Duration("deadline", p.config.DrainDeadline),
		zap.Int64("connections", p.server.Open()), zap.Int("tunnels", p.registry.Count(listen.Tunnel)),
		zap.Int("websockets", p.registry.Count(listen.WebSocket)))
	deadline, cancel := context.WithTimeout(ctx, p.config.DrainDeadline)
	defer cancel()
	requests := p.server.Shutdown(deadline)
	longLived := p.registry.Wait(deadline)
	if requests != nil || longLived != nil {
		p.log.Warn("the drain deadline has passed: closing what is left",
			zap.Int("tunnels", p.registry.Count(listen.Tunnel)), zap.Int("websockets", p.registry.Count(listen.WebSocket)))
		p.registry.EndAll()
		grace, cancel := context.WithTimeout(ctx, endGrace)
		defer cancel()
		_ = p.registry.Wait(grace) // WebSockets take their close frames
	}
	_ = p.server.Close()
	p.waitForHandlers(ctx)
}

// waitForHandlers returns when every handler has recorded its flow.
func (p *Proxy) waitForHandlers(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, endGrace+recordWait)
	defer cancel()
	done := make(chan struct{})
	go func() {
		p.active.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		p.log.Error("some flows did not end; their records are missing")
	}
}

// Addresses returns where clients can connect, in the order of the configuration.
func (p *Proxy) Addresses() []net.Addr {
	addresses := make([]net.Addr, 0, len(p.listeners))
	for _, l := range p.listeners {
		addresses = append(addresses, l.Addr())
	}
	return addresses
}

// AdminAddress returns where the admin listener is bound.
func (p *Proxy) AdminAddress() net.Addr { return p.adminBound.Addr() }

// Reload reads policies, certificates and databases again. What is broken stays as it was; the
// error says what that is.
func (p *Proxy) Reload(ctx context.Context) error {
	return errors.Join(p.store.Reload(ctx), p.reloadFiles(ctx))
}

// reloadFiles reads certificates and databases again.
func (p *Proxy) reloadFiles(ctx context.Context) error {
	changed, err := p.authority.Reload()
	if changed {
		p.log.Info("the CA has changed", zap.String("fingerprint", p.authority.Fingerprint()))
	}
	_, rootsErr := p.roots.Reload()
	err = errors.Join(err, rootsErr, p.jurisdictions.Reload(ctx))
	for _, served := range p.served {
		err = errors.Join(err, served.reload())
	}
	return err
}

// watchFiles reloads certificates and databases when they change.
func (p *Proxy) watchFiles(ctx context.Context) error {
	files := append(p.authority.Files(), p.roots.Files()...)
	files = append(files, p.config.Jurisdiction.Databases...)
	for _, served := range p.served {
		files = append(files, served.config.Certificate, served.config.Key)
	}
	watcher := watch.Watcher{Files: files, Log: p.log, Changed: func(ctx context.Context) {
		if err := p.reloadFiles(ctx); err != nil {
			p.log.Error("reload certificates and databases; what was in use stays", zap.Error(err))
		}
	}}
	return watcher.Run(ctx)
}
