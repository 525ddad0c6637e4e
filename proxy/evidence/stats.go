package evidence

import "time"

// Stats is the state of the log at one moment. Counts are since Open.
type Stats struct {
	Written       uint64        // records handed to the operating system
	Bytes         uint64        // their bytes
	Synced        uint64        // of them, records that are known to be on stable storage
	Checkpoint    uint64        // number of the last record that a checkpoint commits to; not counted since Open
	Failed        uint64        // attempts to write or sync that failed
	Pending       int           // records accepted and not written
	PendingBytes  int           // their bytes
	Dropped       uint64        // records that were not accepted; the flow is not recorded
	LastError     string        // of the last failed attempt; "" when none has failed. Stays after success
	OldestPending time.Duration // age of the oldest pending record; 0 when there is none
	OnFailure     FailureMode   // as configured
	NextSeq       uint64        // sequence number of the next record

	dropping bool // the drop of this failure has been logged
}

// Stats returns the state of the log now.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.dropping = false
	s.Pending, s.PendingBytes = l.pending()
	s.OldestPending = l.oldestPending()
	s.NextSeq = l.next
	return s
}

// oldestPending returns how long the oldest pending record has waited. The caller holds mu.
func (l *Log) oldestPending() time.Duration {
	switch {
	case l.writing != nil && l.writing.records > 0:
		return time.Since(l.writing.since)
	case l.queue.records > 0:
		return time.Since(l.queue.since)
	}
	return 0
}
