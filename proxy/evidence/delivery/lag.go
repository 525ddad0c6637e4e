package delivery

import (
	"sync"
	"time"
)

// lag measures how far a sink is behind the log. The record's own time would not do: a flow that
// lasted an hour is recorded with the time of its start.
type lag struct {
	mu        sync.Mutex
	delivered uint64
	newest    uint64
	since     time.Time // when delivered was reached by an earlier process; seen at the first sample
	samples   []sample  // with seq above delivered, in their order
	started   bool
}

// sample says that the log had come to seq by at.
type sample struct {
	seq uint64
	at  time.Time
}

const maxSamples = 1024

func (l *lag) observe(newest uint64, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.started {
		l.started, now = true, l.since
	}
	if newest < l.newest { // the log was set back
		l.samples = nil
	}
	last := l.delivered
	if n := len(l.samples); n > 0 {
		last = l.samples[n-1].seq
	}
	l.newest = newest
	if newest <= last {
		return
	}
	if len(l.samples) == maxSamples {
		// Every second one goes; its records count as waiting since the one before.
		kept := l.samples[:0]
		for i := 1; i < maxSamples; i += 2 {
			kept = append(kept, sample{l.samples[i].seq, l.samples[i-1].at})
		}
		l.samples = kept
	}
	l.samples = append(l.samples, sample{newest, now})
}

func (l *lag) arrived(seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delivered = seq
	n := 0
	for n < len(l.samples) && l.samples[n].seq <= seq {
		n++
	}
	l.samples = append(l.samples[:0], l.samples[n:]...)
}

func (l *lag) read(now time.Time) (records uint64, age time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.samples) > 0 {
		age = max(0, now.Sub(l.samples[0].at))
	}
	if l.newest > l.delivered {
		records = l.newest - l.delivered
	}
	return records, age
}
