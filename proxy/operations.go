package proxy

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/borderflow/borderflow/proxy/admin"
	"github.com/borderflow/borderflow/proxy/listen"
	"github.com/borderflow/borderflow/rules"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// openAdmin puts the admin listener's checks and metrics together.
func (p *Proxy) openAdmin() (err error) {
	registry := prometheus.NewRegistry()
	if p.metrics, err = admin.NewMetrics(registry, admin.Sources{
		Evidence:           p.evidenceStats,
		Delivery:           p.deliveryStats,
		Policy:             p.policyState,
		Connections:        p.connections,
		Spool:              p.spool.stats,
		Jurisdiction:       p.jurisdictionData,
		CertificatesMinted: func() uint64 { return p.minter.Stats().Minted },
		Build:              admin.Build{Version: p.version, GoVersion: runtime.Version()},
		Process:            true,
	}); err != nil {
		return err
	}
	token := ""
	if file := p.config.Admin.ReloadTokenFile; file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read admin.reloadTokenFile: %w", err)
		}
		if token = strings.TrimSpace(string(content)); token == "" {
			return fmt.Errorf("admin.reloadTokenFile %s is empty", file)
		}
	}
	p.admin, err = admin.New(admin.Options{
		Registry: registry, CA: p.authority.PEM, Version: p.version, Log: p.log,
		Reload: p.Reload, ReloadToken: token,
		Checks: []admin.Check{
			{Name: "policy", Probe: p.probePolicy},
			{Name: "evidence", Probe: p.probeEvidence},
			{Name: "delivery", Probe: p.probeDelivery},
			{Name: "jurisdiction", Probe: p.probeJurisdiction},
			{Name: "ca", Probe: p.probeAuthority},
			{Name: "spool", Probe: p.probeSpool},
			{Name: "draining", Probe: p.probeDraining},
		},
	})
	return err
}

func (p *Proxy) evidenceStats() admin.EvidenceStats {
	stats := p.evidence.Stats()
	return admin.EvidenceStats{Records: stats.Written, Failures: stats.Failed, Dropped: stats.Dropped,
		Pending: stats.Pending, Writable: p.evidence.Ready() == nil}
}

func (p *Proxy) jurisdictionData() []admin.DataState {
	var states []admin.DataState
	for _, source := range p.jurisdictions.Sources() {
		states = append(states, admin.DataState{Name: source.Name, Version: source.Version, Age: source.Age,
			Stale: source.Stale, Refused: source.Problem != ""})
	}
	return states
}

func (p *Proxy) policyState() admin.PolicyState {
	status := p.store.Status()
	return admin.PolicyState{Hash: status.Hash, LoadedAt: status.LoadedAt, LastAttemptGood: status.LastError == nil,
		Reloads: status.Reloads, FailedReloads: status.FailedReloads}
}

func (p *Proxy) connections() admin.Connections {
	return admin.Connections{Client: int(p.server.Open()), Intercepted: p.registry.Count(listen.Intercept),
		Tunnels: p.registry.Count(listen.Tunnel), WebSockets: p.registry.Count(listen.WebSocket),
		Limited: uint64(p.server.Refused())}
}

// probePolicy is ready as soon as there is a policy; a broken edit since then is a warning.
func (p *Proxy) probePolicy(context.Context) (bool, string) {
	status := p.store.Status()
	switch {
	case status.FromLastGood:
		return true, "THE POLICY DIRECTORY IS BROKEN; the policy kept from before the start is in force: " + status.LastError.Error()
	case status.LastError != nil:
		return true, "the last reload failed and the policy before it stays in force: " + status.LastError.Error()
	case status.KeepError != nil:
		return true, status.KeepError.Error()
	}
	return true, ""
}

func (p *Proxy) probeEvidence(context.Context) (bool, string) {
	err := p.evidence.Ready()
	stats := p.evidence.Stats()
	switch {
	case err != nil && p.config.Evidence.allowsLoss():
		return true, fmt.Sprintf("records cannot be written, and evidence.onFailure: allow lets flows pass unrecorded (%d so far): %v", stats.Dropped, err)
	case err != nil:
		return false, err.Error()
	case stats.Dropped > 0:
		return true, fmt.Sprintf("%d flows are not recorded", stats.Dropped)
	case p.config.Evidence.allowsLoss():
		return true, "evidence.onFailure: allow is configured"
	}
	return true, ""
}

// probeDelivery is not ready while a sink that is required lags; the others are warnings.
func (p *Proxy) probeDelivery(context.Context) (bool, string) {
	if err := p.delivery.Ready(); err != nil {
		return false, err.Error()
	}
	var failing []string
	for _, sink := range p.delivery.Stats() {
		switch {
		case sink.CursorError != "":
			failing = append(failing, sink.Name+": "+sink.CursorError)
		case sink.LastError != "":
			failing = append(failing, fmt.Sprintf("%s: %d records wait: %s", sink.Name, sink.LagRecords, sink.LastError))
		}
	}
	return true, strings.Join(failing, "; ")
}

func (p *Proxy) deliveryStats() []admin.DeliveryStats {
	var all []admin.DeliveryStats
	for _, s := range p.delivery.Stats() {
		all = append(all, admin.DeliveryStats{Name: s.Name, Delivered: s.Delivered, Failures: s.Failures, Rejected: s.Rejected,
			Missing: s.Missing, LagRecords: s.LagRecords, Lag: s.Lag})
	}
	return all
}

func (p *Proxy) probeJurisdiction(context.Context) (bool, string) {
	var broken []string
	for _, source := range p.jurisdictions.Sources() {
		switch {
		case source.Problem != "":
			broken = append(broken, source.Problem)
		case source.Stale && !source.Embedded:
			broken = append(broken, fmt.Sprintf("%s is older than jurisdiction.maxAge: %d days", source.Name, int(source.Age.Hours()/24)))
		}
	}
	return true, strings.Join(broken, "; ")
}

func (p *Proxy) probeAuthority(context.Context) (bool, string) {
	return true, strings.Join(p.authority.Warnings(), "; ")
}

func (p *Proxy) probeSpool(context.Context) (bool, string) {
	if err := p.spool.probe(); err != nil {
		return false, err.Error()
	}
	return true, ""
}

func (p *Proxy) probeDraining(context.Context) (bool, string) {
	if p.draining.Load() {
		return false, fmt.Sprintf("shutting down; %d tunnels and %d WebSockets are open",
			p.registry.Count(listen.Tunnel), p.registry.Count(listen.WebSocket))
	}
	return true, ""
}

// PolicyStatus says which policy is in force and how the last attempt to change it went.
func (p *Proxy) PolicyStatus() rules.Status { return p.store.Status() }

// CAFile is the certificate that clients are to trust.
func (p *Proxy) CAFile() string {
	if c := p.config.Certificates; c.Certificate != "" {
		return c.Certificate
	}
	return filepath.Join(p.caDir(), "ca.pem")
}

// CACreated reports whether the CA was made by New.
func (p *Proxy) CACreated() bool { return p.caCreated }

// announce logs what is in force.
func (p *Proxy) announce() {
	status := p.store.Status()
	addresses := make([]string, 0, len(p.listeners))
	for _, address := range p.Addresses() {
		addresses = append(addresses, address.String())
	}
	p.log.Info("borderflow is ready", zap.Strings("listen", addresses), zap.Stringer("admin", p.AdminAddress()),
		zap.String("policy", status.Source), zap.String("policy_hash", status.Hash),
		zap.Int("policies", status.Policies), zap.Int("rules", status.Rules),
		zap.Int("lists", status.Lists), zap.Int("exemptions", status.Exemptions),
		zap.String("jurisdiction_data", p.jurisdictions.Version()), zap.String("version", p.version),
		zap.String("evidence_on_failure", p.config.Evidence.OnFailure))
}
