package rules

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"
)

// boundariesOf returns the moments at which a rule or exemption begins or ends, and others, ascending.
func boundariesOf(policies []*legalRegime, exemptions []*Exemption, others []time.Time) []time.Time {
	moments := others
	add := func(moment time.Time) {
		if !moment.IsZero() {
			moments = append(moments, moment)
		}
	}
	for _, regime := range policies {
		for _, rule := range regime.rules {
			add(rule.ValidFrom)
			add(rule.ValidUntil)
		}
	}
	for _, exemption := range exemptions {
		add(exemption.From)
		add(exemption.Until)
	}
	slices.SortFunc(moments, time.Time.Compare)
	return slices.CompactFunc(moments, time.Time.Equal)
}

// NextChange returns the first moment after now at which a rule, an exemption or the membership in a group
// that a condition names begins or ends; zero if none ever will.
func (p *Policy) NextChange(now time.Time) time.Time {
	for _, moment := range p.boundaries {
		if moment.After(now) {
			return moment
		}
	}
	return time.Time{}
}

// longestWait bounds a timer, so that a clock that was set is noticed.
const longestWait = time.Hour

// followTime has long-lived flows decided again when a rule, an exemption or a membership begins or
// ends, until ctx ends.
func (s *Store) followTime(ctx context.Context) error {
	seen := s.Status().LoadedAt // boundaries up to here have been acted on
	for {
		wait := longestWait
		if next := s.Current().NextChange(seen); !next.IsZero() {
			wait = max(0, min(wait, time.Until(next)))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-s.installed:
			timer.Stop()
			seen = s.Status().LoadedAt // whoever installed it has told the subscribers
			continue
		case <-timer.C:
		}
		if now := time.Now(); s.passed(seen, now) {
			seen = now
		}
	}
}

// passed tells the subscribers if a boundary lies between since and now.
func (s *Store) passed(since, now time.Time) bool {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	policy := s.Current()
	next := policy.NextChange(since)
	if next.IsZero() || next.After(now) {
		return false
	}
	s.log.Info("a rule, an exemption or a membership has begun or ended; open connections are decided again",
		zap.String("policy", policy.ShortHash()), zap.Time("at", next))
	s.tell(policy)
	return true
}
