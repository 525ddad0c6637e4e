package rules

import (
	"time"

	"github.com/borderflow/borderflow/rules/flow"
)

// Inspect returns how much of a connection is to be read, from what is known when it is made. The
// strictest of the policies' answers wins; shadow policies have no say unless there are no others.
func (p *Policy) Inspect(f *flow.Flow) flow.Inspection {
	level, _ := p.InspectAt(f, time.Now())
	return level
}

// InspectAt is Inspect at a given time, and tells which exemption has less read than the policies
// say; nil if none does. Where less is read, rules that depend on what is not read come to their
// policy's onUninspectable.
func (p *Policy) InspectAt(f *flow.Flow, now time.Time) (flow.Inspection, *Exemption) {
	level := p.inspection(f, now)
	var used *Exemption
	for _, exemption := range p.exemptions {
		if exemption.Inspect > level && exemption.AppliesTo(f, now) {
			level, used = exemption.Inspect, exemption
		}
	}
	return level, used
}

// inspection returns what the policies say, without exemptions.
func (p *Policy) inspection(f *flow.Flow, now time.Time) flow.Inspection {
	s := p.scopes.Get().(*scope)
	defer p.scopes.Put(s)
	defer s.forget()
	s.flow, s.final, s.now = f, false, now.UTC()

	asked, enforced := [2]flow.Inspection{flow.InspectNone, flow.InspectNone}, 0
	for _, regime := range p.policies {
		who := 0
		if !regime.shadow {
			who, enforced = 1, 1
		}
		asked[who] = min(asked[who], regime.inspection(s))
	}
	return asked[enforced]
}

// inspection returns one policy's answer: full if no entry matches, or if it cannot be told whether
// one does.
func (r *legalRegime) inspection(s *scope) flow.Inspection {
	for _, entry := range r.inspect {
		switch result, _, _ := entry.condition.evaluate(s); result {
		case matched:
			return entry.level
		case unmatched:
		default:
			return flow.InspectFull
		}
	}
	return flow.InspectFull
}
