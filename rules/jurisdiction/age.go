package jurisdiction

import (
	"math"
	"time"
)

// DefaultMaxAge is how old address data may be before it counts as stale: networks move between
// countries all the time, and a month's update may come late.
const DefaultMaxAge = 45 * 24 * time.Hour

const (
	firstLoss    = 0.05 // of the confidence, from the moment on at which data is stale
	yearlyLoss   = 0.05 // of the confidence, for each full year beyond
	greatestLoss = 0.40
	year         = 365 * 24 * time.Hour
)

// freshness is the date of a set of data and the age up to which it is fresh.
//
// Data within its limit keeps its full confidence; beyond it, it loses min(0.40, 0.05 + 0.05 x full
// years beyond the limit) of it. So one address database alone (0.55) still answers at the default minimum
// of 0.5 (0.5225), visibly stale, and no longer does a year after its limit (0.495). Data without a
// date counts as just past its limit.
type freshness struct {
	published time.Time
	limit     time.Duration
}

// at returns which part of its confidence the data has lost at now, and whether it is stale.
func (f freshness) at(now time.Time) (loss float64, stale bool) {
	if f.published.IsZero() {
		return firstLoss, true
	}
	beyond := now.Sub(f.published) - f.limit
	if beyond <= 0 {
		return 0, false
	}
	return min(greatestLoss, firstLoss+yearlyLoss*float64(beyond/year)), true
}

// nextChange returns a moment after now up to which at answers the same; zero if it always will.
func (f freshness) nextChange(now time.Time) time.Time {
	if f.published.IsZero() {
		return time.Time{}
	}
	limit := f.published.Add(f.limit)
	if !now.After(limit) {
		return limit.Add(1)
	}
	return limit.Add(year * (now.Sub(limit)/year + 1))
}

// aged is confidence without what is lost of it, to four digits so that it prints as it is meant.
func aged(confidence, loss float64) float64 {
	if loss == 0 {
		return confidence
	}
	return math.Round(confidence*(1-loss)*1e4) / 1e4
}

// age takes from the statement what its data has lost with its age.
func (s *statement) age(f freshness, now time.Time) {
	s.loss, s.stale = f.at(now)
	s.claim.Confidence = aged(s.claim.Confidence, s.loss)
}
