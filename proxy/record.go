package proxy

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/jurisdiction"
	"go.uber.org/zap"
)

// recordWait bounds how long a flow waits for its record to be accepted, or written when it was
// blocked. A record that is accepted and not yet written is tried again by the log.
const recordWait = 10 * time.Second

// adopt makes policy's decision the one that the flow goes on under.
func (x *exchange) adopt(policy *rules.Policy, decision rules.Decision) {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	x.policy, x.decision = policy, decision
	x.decidedAfter = time.Since(x.flow.Started)
}

// record appends the flow's record, once. With wait it is written before record returns.
func (x *exchange) record(ctx context.Context, wait bool) {
	x.mutex.Lock()
	if x.recorded || !x.known {
		x.mutex.Unlock()
		return
	}
	x.recorded = true
	record := x.buildRecord()
	x.mutex.Unlock()
	if record.Cut {
		x.proxy.metrics.UploadCut(record.Bytes.Sent)
	}
	x.proxy.metrics.FlowEnded(record.Verdict, string(record.Outcome), record.Request.Protocol,
		record.Duration, record.Bytes.Sent, record.Bytes.Received)
	x.proxy.metrics.RuleErrors(len(record.Errors))
	x.proxy.metrics.Classified(record.Data.Bytes)

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWait)
	defer cancel()
	keep := x.proxy.evidence.Append
	if wait {
		keep = x.proxy.evidence.AppendAndWait
	}
	if err := keep(ctx, record); err != nil {
		x.proxy.log.Error("keep the record of a flow", zap.String("flow", x.flow.ID), zap.Error(err))
	}
}

// recordOpening appends that a flow which may last has begun, once: its record comes only when it ends,
// which may be days later.
func (x *exchange) recordOpening(ctx context.Context) {
	x.mutex.Lock()
	if x.opened || x.recorded || !x.known {
		x.mutex.Unlock()
		return
	}
	x.opened = true
	record := x.buildRecord()
	x.mutex.Unlock()
	record.Kind = evidence.KindOpening
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWait)
	defer cancel()
	if err := x.proxy.evidence.Append(ctx, record); err != nil {
		x.proxy.log.Error("keep the record of a flow's beginning", zap.String("flow", x.flow.ID), zap.Error(err))
	}
}

// buildRecord says what became of the flow. The caller holds mutex.
func (x *exchange) buildRecord() *evidence.Record {
	record := new(evidence.Record)
	seen := x.flow
	seen.Destination.Location = jurisdiction.WithCertificate(seen.Destination.Location, x.certificate)
	record.SetFlow(&seen)
	record.Request.Method = knownMethod(x.flow.Request.Method)
	decision := &x.decision
	record.PolicyHash, record.Policy = x.policy.Hash(), decision.Policy
	if x.undecided() {
		record.Policy = ""
	} else {
		record.Verdict, record.Phase = decision.Verdict.String(), decision.Phase.String()
	}
	if decision.Rule != nil {
		record.Rule, record.LegalBasis = decision.Rule.ID, decision.Rule.LegalBasis
	}
	record.Uninspectable = decision.Uninspectable
	for _, v := range decision.Verdicts {
		record.Policies = append(record.Policies, evidence.PolicyVerdict{
			Policy: v.Policy, Verdict: v.Verdict.String(), Rule: ruleID(v.Rule), Shadow: v.Shadow})
	}
	for _, m := range decision.Logged {
		record.Logged = append(record.Logged, evidence.RuleReference{Policy: m.Policy, Rule: ruleID(m.Rule)})
	}
	for _, m := range decision.Shadowed {
		record.Shadow = append(record.Shadow, evidence.ShadowVerdict{
			Policy: m.Policy, Rule: ruleID(m.Rule), Verdict: m.Verdict.String()})
	}
	for _, e := range decision.Errors {
		record.Errors = append(record.Errors, evidence.RuleError{Policy: e.Policy, Rule: e.Rule, Error: e.Message})
	}
	if x.lenient != nil {
		record.Exemptions = append(record.Exemptions, x.lenient.Name)
	}
	for _, used := range decision.Exemptions {
		if !slices.Contains(record.Exemptions, used.Exemption.Name) {
			record.Exemptions = append(record.Exemptions, used.Exemption.Name)
		}
	}
	record.Outcome, record.Error = x.outcome, x.failure
	record.Status = x.writer.Status
	if x.refusal != nil {
		record.Status = x.refusal.HTTPStatus()
	}
	record.Cut = x.cut
	for _, detector := range slices.Sorted(maps.Keys(x.redacted)) {
		record.Redacted = append(record.Redacted, flow.Finding{Detector: detector, Count: x.redacted[detector]})
	}
	record.Bytes = evidence.Transferred{Sent: x.sent.Load(), Received: x.received.Load()}
	record.Duration = time.Since(x.flow.Started)
	record.Timings = evidence.Timings{Decided: x.decidedAfter, Connected: x.connectedAfter, Answered: x.answeredAfter}
	record.Trace = x.trace
	if x.tunnel != nil {
		record.Parent = x.tunnel.id
	}
	return record
}

// knownMethod keeps what a client made up out of the record: a method can be any token.
func knownMethod(method string) string {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace, "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE",
		"LOCK", "UNLOCK", "REPORT", "SEARCH", "QUERY":
		return method
	}
	return "other"
}

// undecided reports whether the flow ended before any policy decided on it: its destination was
// refused or could not be resolved. The caller holds mutex.
func (x *exchange) undecided() bool {
	return x.decision.Verdict == flow.Undecided
}

// ruleID names rule, "" for a policy's default.
func ruleID(rule *rules.Rule) string {
	if rule == nil {
		return ""
	}
	return rule.ID
}
