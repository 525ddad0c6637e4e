package rules

import (
	"sync"
	"time"

	"github.com/borderflow/borderflow/rules/flow"
)

// Decide evaluates the policy on what is known of f. It is safe for concurrent use with different
// flows.
//
// In phase Body nothing further will be learned: what is still Pending counts as Unavailable, so
// that a decision is always reached, and never in favour of a flow that nobody looked at. While the
// payload is Open it may be Undecided, and is otherwise what it will be at the payload's end.
func (p *Policy) Decide(f *flow.Flow, phase flow.Phase) Decision {
	return p.DecideAt(f, phase, time.Now())
}

// DecideAt is Decide at a given time, for flows of the past.
func (p *Policy) DecideAt(f *flow.Flow, phase flow.Phase, now time.Time) Decision {
	s := p.scopes.Get().(*scope)
	defer p.scopes.Put(s)
	defer s.forget()
	return p.decideIn(s, f, phase, now)
}

// InOrder returns a policy that says the same as p, and evaluates every rule of it in order, without
// the index: for whoever measures the index, or doubts it.
func (p *Policy) InOrder() *Policy {
	plain := *p
	plain.scopes = &sync.Pool{New: func() any {
		s := newScope(p.lists, p.groups, p.index)
		s.search.plain = true
		return s
	}}
	return &plain
}

func (p *Policy) decideIn(s *scope, f *flow.Flow, phase flow.Phase, now time.Time) Decision {
	s.flow, s.final, s.now = f, phase == flow.Body, now.UTC()
	p.index.find(s)

	d := Decision{Phase: phase, Verdicts: p.undisputed}
	own := false // whether d.Verdicts is d's own copy
	for i, regime := range p.policies {
		e := evaluation{regime: regime, scope: s, index: p.index}
		verdict := e.run(&d)
		switch {
		case verdict == p.undisputed[i]:
		case len(p.policies) == 1 && e.decides != nil && verdict == e.decides.verdict:
			d.Verdicts = e.decides.alone
		default:
			if !own {
				d.Verdicts, own = append([]PolicyVerdict(nil), p.undisputed...), true
			}
			d.Verdicts[i] = verdict
		}
		if !regime.shadow {
			d.combine(regime, verdict, e.waits)
		} else if verdict.Verdict != flow.Undecided {
			d.Shadowed = append(d.Shadowed, Match{Policy: regime.name, Rule: verdict.Rule, Verdict: verdict.Verdict})
		} else {
			d.WantsData = d.WantsData || e.waits.data
		}
	}
	d.conclude()
	d.settleRedaction(f, s.final)
	return d
}

// combine takes one more policy's verdict: the strictest wins, and among equals a rule before a
// default, then the first.
func (d *Decision) combine(regime *legalRegime, v PolicyVerdict, waits needs) {
	if v.Verdict == flow.Undecided {
		d.NeedsRequest = d.NeedsRequest || waits.request
		d.NeedsData = d.NeedsData || waits.data
		if waits.data {
			d.OnLargeBody = strictest(d.OnLargeBody, regime.large)
		}
	}
	if !stricter(v, d) {
		return
	}
	d.Verdict, d.Policy, d.Rule, d.Uninspectable, d.Contact = v.Verdict, v.Policy, v.Rule, v.Uninspectable, regime.info.Contact
	if v.Rule != nil {
		d.Contact = v.Rule.Contact
	}
}

// stricter reports whether v outdoes what d says so far. Undecided lies between allow and block,
// for it may become either.
func stricter(v PolicyVerdict, d *Decision) bool {
	rank := [...]int{flow.Allow: 1, flow.Undecided: 2, flow.Block: 3}
	if d.Policy == "" || rank[v.Verdict] != rank[d.Verdict] {
		return d.Policy == "" || rank[v.Verdict] > rank[d.Verdict]
	}
	return d.Rule == nil && v.Rule != nil
}

// conclude settles what the combination leaves open.
func (d *Decision) conclude() {
	switch {
	case d.Policy == "": // every policy is a shadow
		d.Verdict = flow.Allow
	case d.Verdict == flow.Undecided:
		d.Policy, d.Rule, d.Contact, d.Uninspectable = "", nil, "", false
	default:
		// Another policy's outstanding facts can no longer change the verdict.
		d.NeedsRequest, d.NeedsData, d.OnLargeBody = false, false, ""
	}
}

// evaluation is one policy's evaluation of one flow.
type evaluation struct {
	regime *legalRegime
	scope  *scope // nil where outcomes are only weighed again
	index  *index

	decides      *compiledRule                 // the first that matches; nil when none does
	waits        needs                         // what the pending rules wait for
	mayDecide    [flow.Block + 1]bool          // verdicts of pending rules, before any that matches
	needsReading [flow.Block + 1]*compiledRule // first uninspectable rule of each verdict, likewise
}

// run evaluates, in order, the rules that can match the flow until one decides, and returns the
// policy's own verdict. What does not decide it notes in d, which is no field of e, so that it need
// not live on the heap.
func (e *evaluation) run(d *Decision) PolicyVerdict {
	for position := e.regime.first; ; position++ {
		var rule *compiledRule
		if rule, position = e.index.next(e.scope, position, e.regime.last); rule == nil {
			break
		}
		if rule.appliesAt(e.scope.now) && e.weigh(d, rule) {
			e.decides = rule
			return e.settle(rule.verdict)
		}
	}
	return e.settle(PolicyVerdict{Policy: e.regime.name, Verdict: e.regime.fallback, Shadow: e.regime.shadow})
}

// weigh evaluates one rule and reports whether it decides.
func (e *evaluation) weigh(d *Decision, rule *compiledRule) (decides bool) {
	result, waits, err := rule.condition.evaluate(e.scope)
	if err != nil {
		d.Errors = append(d.Errors, RuleError{Policy: e.regime.name, Rule: rule.ID, Message: reason(err)})
		result = unmatched
		if rule.OnError == OnErrorMatch {
			result = matched
		}
	}
	if result != unmatched {
		if exemption := rule.liftedBy(e.scope.flow, e.scope.now); exemption != nil {
			d.Exemptions = append(d.Exemptions, Exempted{Exemption: exemption, Policy: e.regime.name, Rule: rule.ID})
			return false
		}
	}
	if rule.Verdict == flow.Log || rule.Mode == Shadow {
		e.note(d, rule, result, waits)
		return false
	}
	switch result {
	case matched:
		return true
	case pending:
		e.mayDecide[rule.Verdict] = true
		e.waits.request = e.waits.request || waits.request
		e.waits.data = e.waits.data || waits.data
	case pendingUnread:
		e.mayDecide[rule.Verdict] = true
		e.waits.data = true
		e.cannotRead(rule)
	case uninspectable:
		e.cannotRead(rule)
	}
	return false
}

func (e *evaluation) cannotRead(rule *compiledRule) {
	if e.needsReading[rule.Verdict] == nil {
		e.needsReading[rule.Verdict] = rule
	}
}

func (r *compiledRule) appliesAt(now time.Time) bool {
	return !now.Before(r.ValidFrom) && (r.ValidUntil.IsZero() || now.Before(r.ValidUntil))
}

// note records a rule that marks the flow and never decides.
func (e *evaluation) note(d *Decision, rule *compiledRule, result outcome, waits needs) {
	switch result {
	case matched:
		match := Match{Policy: e.regime.name, Rule: &rule.Rule, Verdict: rule.Verdict}
		if rule.Verdict == flow.Log && rule.Mode == Enforce && !e.regime.shadow {
			d.Logged = append(d.Logged, match)
		} else {
			d.Shadowed = append(d.Shadowed, match)
		}
	case pending, pendingUnread:
		d.WantsData = d.WantsData || waits.data
	}
}

// settle weighs the first definite verdict against the rules before it of which it is not known
// whether they match.
func (e *evaluation) settle(definite PolicyVerdict) PolicyVerdict {
	base := e.despiteUninspectable(definite)
	for _, verdict := range [...]flow.Verdict{flow.Allow, flow.Block} {
		if e.mayDecide[verdict] && verdict != base.Verdict {
			return PolicyVerdict{Policy: e.regime.name, Verdict: flow.Undecided, Shadow: e.regime.shadow}
		}
	}
	return base
}

// despiteUninspectable applies onUninspectable, where the verdict depends on what cannot be read.
// A block rule that matches on known facts stands even where onUninspectable is allow.
func (e *evaluation) despiteUninspectable(definite PolicyVerdict) PolicyVerdict {
	other := flow.Allow
	if definite.Verdict == flow.Allow {
		other = flow.Block
	}
	rule := e.needsReading[other]
	if rule == nil || (definite.Rule != nil && definite.Verdict == flow.Block && e.regime.blind == flow.Allow) {
		return definite
	}
	verdict := e.regime.blind
	if e.scope != nil && e.scope.flow.Data.Oversize && e.regime.large != LargeStream {
		verdict = flow.Block
	}
	return PolicyVerdict{Policy: e.regime.name, Verdict: verdict, Rule: &rule.Rule, Shadow: e.regime.shadow, Uninspectable: true}
}
