package replay

import (
	"errors"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/formula"
)

// What a flow can lack.
const (
	missingRequest    = "request"
	missingData       = "data"
	missingConnection = "connection"
)

// decider decides flows of which part of the facts is missing.
type decider struct {
	policy *rules.Policy
	asking []asking // the rules that read something of the request
	beyond bool     // some of them read what records do not keep
}

// asking is a rule that reads facts of the request.
type asking struct {
	rule    *rules.Rule
	formula *formula.Node
}

func newDecider(policy *rules.Policy) *decider {
	d := &decider{policy: policy}
	for _, rule := range policy.Rules() {
		tree, err := rules.Tree(rule.When)
		if err != nil {
			d.asking, d.beyond = append(d.asking, asking{rule, nil}), true
			continue
		}
		if node := formula.Of(tree); node.Reads("request") {
			d.asking = append(d.asking, asking{rule, node})
			d.beyond = d.beyond || readsBeyond(node)
		}
	}
	return d
}

// readsBeyond reports whether n reads facts of the request that records do not keep.
func readsBeyond(n *formula.Node) bool {
	for _, fact := range n.Facts() {
		if _, kept := keptText(&flow.Request{}, fact); formula.GroupOf(fact) == "request" && !kept {
			return true
		}
	}
	return false
}

// keptText returns the text of a fact that records keep.
func keptText(r *flow.Request, fact string) (text string, kept bool) {
	switch fact {
	case "request.method":
		return r.Method, true
	case "request.scheme":
		return r.Scheme, true
	case "request.protocol":
		return r.Protocol, true
	}
	return "", false
}

// decide returns the decision on f, or what is missing for one.
func (d *decider) decide(f *flow.Flow) (decision rules.Decision, missing string) {
	f = withoutEntropy(f)
	known := *f
	known.Request.State = flow.Known
	if f.Request.State == flow.Pending && !d.beyond {
		f = &known
	}
	// In the phase of headers nothing that is pending is taken for unavailable.
	decision = d.policy.DecideAt(f, flow.Headers, f.Started)
	if decision.Verdict == flow.Undecided && f.Request.State == flow.Pending && d.restDoesNotMatter(f) {
		decision = d.policy.DecideAt(&known, flow.Headers, f.Started)
	}
	switch {
	case decision.Verdict != flow.Undecided:
		return decision, ""
	case decision.NeedsRequest:
		return decision, missingRequest
	case decision.NeedsData:
		return decision, missingData
	}
	return decision, missingConnection
}

// withoutEntropy marks the entropy of a payload as not kept: no record holds it. Of an empty payload it
// is known all the same.
func withoutEntropy(f *flow.Flow) *flow.Flow {
	if f.Data.State != flow.Known || f.Data.Bytes == 0 && f.Data.Coverage == flow.CoverageFull {
		return f
	}
	marked := *f
	marked.Data.Entropy = -1
	return &marked
}

// restDoesNotMatter proves that, given the method, scheme and protocol of f, no rule depends on the rest
// of its request: each rule either has its value whatever the request is, or reads nothing else of it
// once these three are filled in.
func (d *decider) restDoesNotMatter(f *flow.Flow) bool {
	for _, a := range d.asking {
		if _, err := d.policy.Evaluate(a.rule, f, f.Started); !errors.Is(err, rules.ErrUndetermined) {
			continue
		}
		if a.formula == nil {
			return false
		}
		left := a.formula.Replace(func(atom *formula.Atom, negated bool) (truth, known bool) {
			text, kept := keptText(&f.Request, atom.Fact)
			if !kept || atom.Test == formula.Opaque {
				return false, false
			}
			return atom.Holds(text) != negated, true
		})
		if readsBeyond(left) {
			return false
		}
	}
	return true
}
