package ruletest

import (
	"time"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
)

// Outcome is how a flow is settled.
type Outcome struct {
	Decision   rules.Decision
	Phase      flow.Phase      // in which the verdict fell
	Inspection flow.Inspection // how much of the connection the policy has read
	Held       bool            // the payload was read before the verdict
	Seen       *flow.Flow      // the flow as far as it became known
}

// Settle decides f as the proxy does: on the connection; then, if it is inspected, on the headers; and
// on the payload only if the verdict depends on it. Of a flow that passes, rules that only mark flows
// are shown the payload as well. f is not changed.
func Settle(policy *rules.Policy, f *flow.Flow, now time.Time) Outcome {
	o := Outcome{Phase: flow.Connect, Inspection: flow.InspectFull}
	settled := false
	if f.Request.Scheme != "http" { // what is not encrypted needs no tunnel
		connection := pending(f)
		connection.Request, connection.Declared = flow.Request{Protocol: "connect", Method: "CONNECT", Size: -1}, flow.Declared{}
		o.decide(policy, connection, flow.Connect, now)
		if o.Decision.Verdict == flow.Block {
			return o
		}
		settled = o.Decision.Verdict == flow.Allow
		if o.Inspection = policy.Inspect(connection); o.Inspection != flow.InspectFull {
			tunnel := *f
			tunnel.Inspection = o.Inspection
			tunnel.Request = flow.Request{State: flow.Unavailable, Protocol: "connect", Method: "CONNECT", Size: -1}
			tunnel.Declared, tunnel.Data = flow.Declared{State: flow.Unavailable}, flow.Data{State: flow.Unavailable}
			if !settled {
				o.Phase = flow.Body
			}
			o.decide(policy, &tunnel, flow.Body, now)
			return o
		}
	}
	if !settled {
		o.Phase = flow.Headers
	}
	o.decide(policy, pending(f), flow.Headers, now)
	if o.Decision.Verdict == flow.Allow && o.Decision.WantsData {
		o.decide(policy, f, flow.Body, now)
		return o
	}
	if o.Decision.Verdict != flow.Undecided {
		return o
	}
	o.Phase, o.Held = flow.Body, true
	o.decide(policy, f, flow.Body, now)
	return o
}

func (o *Outcome) decide(policy *rules.Policy, f *flow.Flow, phase flow.Phase, now time.Time) {
	o.Decision, o.Seen = policy.DecideAt(f, phase, now), f
}

// pending returns f before its payload has been read.
func pending(f *flow.Flow) *flow.Flow {
	copied := *f
	copied.Data = flow.Data{}
	return &copied
}
