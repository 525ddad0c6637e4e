package evidence

import (
	"fmt"
	"time"

	"go.uber.org/zap"
)

// FailureMode says what happens to flows while records cannot be written.
type FailureMode uint8

const (
	// Block: new flows are refused while Ready is an error. Nothing leaves unrecorded.
	Block FailureMode = iota
	// Allow: flows go on; records that do not fit into memory are dropped and counted.
	Allow
)

// String returns the mode's name as the configuration spells it.
func (m FailureMode) String() string {
	if m == Allow {
		return "allow"
	}
	return "block"
}

// Options for Open. The zero value is the documented default of each field.
type Options struct {
	// OnFailure is what the data plane does while Ready is an error. Default Block.
	OnFailure FailureMode
	// QueueRecords bounds the records that are accepted and not yet written. Default 8192.
	QueueRecords int
	// QueueBytes bounds the same in bytes. Default 32 MiB. One record is accepted even when it
	// alone is longer.
	QueueBytes int
	// FlushEvery is how long the writer gathers records into one write, at most a second; a
	// record of AppendAndWait cuts it short. Default 1 ms.
	FlushEvery time.Duration
	// SegmentBytes is the size at which a new segment is begun. Default 256 MiB.
	SegmentBytes int64
	// Sync makes each write wait for stable storage: what AppendAndWait confirmed survives a
	// power cut. Otherwise writes reach stable storage at least once a second ("batched"), and a
	// power cut loses at most the records of the last second.
	Sync bool
	// Log is told when writing begins to fail, when it works again, and what was mended. Default: nobody.
	Log *zap.Logger
	// FileSystem holds the segments. Default: the operating system's.
	FileSystem FileSystem
}

const (
	syncInterval  = time.Second // longest time that written records are not synced
	maxFlushEvery = time.Second
	flushBytes    = 256 << 10             // a batch this large is not gathered further
	firstRetry    = 50 * time.Millisecond // after a failed write; doubles up to lastRetry
	lastRetry     = 5 * time.Second
	stalledAfter  = 10 * time.Second       // a record that waits longer makes Ready an error
	closeGrace    = 500 * time.Millisecond // for the writer to notice that Close has given up
)

func (o Options) withDefaults() (Options, error) {
	switch {
	case o.OnFailure > Allow:
		return o, fmt.Errorf("unknown failure mode %d", o.OnFailure)
	case o.QueueRecords < 0:
		return o, fmt.Errorf("a queue of %d records: must be positive", o.QueueRecords)
	case o.QueueBytes < 0:
		return o, fmt.Errorf("a queue of %d bytes: must be positive", o.QueueBytes)
	case o.SegmentBytes < 0:
		return o, fmt.Errorf("segments of %d bytes: must be positive", o.SegmentBytes)
	case o.FlushEvery < 0 || o.FlushEvery > maxFlushEvery:
		return o, fmt.Errorf("a flush interval of %v: must be between 0 and %v", o.FlushEvery, maxFlushEvery)
	}
	orDefault(&o.QueueRecords, 8192)
	orDefault(&o.QueueBytes, 32<<20)
	orDefault(&o.SegmentBytes, 256<<20)
	orDefault(&o.FlushEvery, time.Millisecond)
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.FileSystem == nil {
		o.FileSystem = OperatingSystem{}
	}
	return o, nil
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
