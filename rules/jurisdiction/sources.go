package jurisdiction

import "time"

// SourceStatus describes one set of data that carries a date, configured or embedded.
type SourceStatus struct {
	DatabaseStatus
	Embedded bool          `json:"embedded"` // part of the program; Path is "", Loaded is zero
	Age      time.Duration `json:"age_ns"`   // since it was built; 0 if it does not say when, and never negative
	Stale    bool          `json:"stale"`    // older than Options.MaxAge, or without a date
}

// Sources describes the data in force as of now, the configured databases first, in the order in
// which they are asked. It is for health, metrics and attribution.
func (r *Resolver) Sources() []SourceStatus {
	now := r.now()
	var sources []SourceStatus
	for _, status := range r.Databases() {
		sources = append(sources, SourceStatus{DatabaseStatus: status})
	}
	for _, s := range r.tail {
		if s, ok := s.(embeddedSource); ok {
			status := s.status()
			status.Version = s.version()
			sources = append(sources, SourceStatus{Embedded: true, DatabaseStatus: status})
		}
	}
	for i := range sources {
		s := &sources[i]
		_, s.Stale = freshness{s.Built, r.maxAge}.at(now)
		if !s.Built.IsZero() {
			s.Age = max(0, now.Sub(s.Built))
		}
	}
	return sources
}
