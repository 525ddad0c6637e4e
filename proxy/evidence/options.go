package evidence

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/borderflow/borderflow/proxy/evidence/pseudonym"
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

// Durability says what a power cut may take of the records that were appended. The end of the
// process, kill -9 too, takes none in any mode: an appended record is in memory that outlives it.
type Durability uint8

const (
	// Batched: a power cut loses at most the records of the last Options.SyncEvery and of the sync
	// under way.
	Batched Durability = iota
	// Strict: a power cut loses no record, because Append waits for stable storage.
	Strict
	// Relaxed: a power cut loses what the operating system had not written back yet, typically the
	// last 30 seconds.
	Relaxed
)

// String returns the mode's name as the configuration spells it.
func (d Durability) String() string {
	return [...]string{"batched", "strict", "relaxed"}[min(d, Relaxed)]
}

// ParseDurability is the inverse of String; "" is the default.
func ParseDurability(name string) (Durability, error) {
	switch name {
	case "", "batched":
		return Batched, nil
	case "strict":
		return Strict, nil
	case "relaxed":
		return Relaxed, nil
	}
	return 0, fmt.Errorf("unknown durability %q: strict, batched or relaxed", name)
}

// Identifiers says how records keep what identifies the source.
type Identifiers uint8

const (
	// Hashed keeps keyed hashes, see package pseudonym.
	Hashed Identifiers = iota
	// Clear keeps address and identity as they are.
	Clear
)

// Options for Open. The zero value is the documented default of each field.
type Options struct {
	// OnFailure is what the data plane does while Ready is an error. Default Block.
	OnFailure FailureMode
	// QueueRecords bounds the records that are accepted and not yet written. Default 8192.
	QueueRecords int
	// QueueBytes bounds the same in bytes. Default 8 MiB; twice that, and at least 8 MiB, is reserved
	// on disk for the memory that outlives the process. One record is accepted even when it
	// alone is longer.
	QueueBytes int
	// FlushEvery is how long the writer gathers records into one write, at most a second; a
	// record of AppendAndWait cuts it short. Default 1 ms.
	FlushEvery time.Duration
	// SegmentBytes is the size at which a new segment is begun. Default 256 MiB.
	SegmentBytes int64
	// Durability is what a power cut may take. Default Batched.
	Durability Durability
	// SyncEvery is, with Batched, how long written records wait for stable storage, at most 10 s.
	// Default 100 ms.
	SyncEvery time.Duration
	// CheckpointEvery is how long records wait for a signed checkpoint that commits to them, at most a
	// minute. Default 1 s.
	CheckpointEvery time.Duration
	// CheckpointCopy is a file, best on another machine's disk, that each checkpoint is copied to. A log
	// that was set back to an older state is found out by it. Default: none.
	CheckpointCopy string
	// KeyFile holds the key that signs checkpoints, and is made at the first start, with the public key
	// beside it (".pub"). Default: the directory's name with "-key" behind it.
	KeyFile string
	// Origin names the log in its checkpoints, best as a URL without scheme. It cannot change later.
	// Default: that of the key; of a new key "borderflow/" and the name of this machine.
	Origin string
	// Identifiers says whether the source's address and identity are kept as keyed hashes or in clear.
	// Default Hashed, with keys in the subdirectory "keys".
	Identifiers Identifiers
	// IdentifierPeriod is how long one key hashes identifiers. Default a month.
	IdentifierPeriod pseudonym.Period
	// Log is told when writing begins to fail, when it works again, and what was mended. Default: nobody.
	Log *zap.Logger
	// FileSystem holds the segments. Default: the operating system's.
	FileSystem FileSystem
}

const (
	maxSyncEvery  = 10 * time.Second
	maxCheckpoint = time.Minute
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
	case o.Durability > Relaxed:
		return o, fmt.Errorf("unknown durability %d", o.Durability)
	case o.SyncEvery < 0 || o.SyncEvery > maxSyncEvery:
		return o, fmt.Errorf("a sync interval of %v: must be between 0 and %v", o.SyncEvery, maxSyncEvery)
	case o.CheckpointEvery < 0 || o.CheckpointEvery > maxCheckpoint:
		return o, fmt.Errorf("a checkpoint interval of %v: must be between 0 and %v", o.CheckpointEvery, maxCheckpoint)
	case o.Identifiers > Clear:
		return o, fmt.Errorf("unknown way to keep identifiers %d", o.Identifiers)
	}
	orDefault(&o.SyncEvery, 100*time.Millisecond)
	orDefault(&o.CheckpointEvery, time.Second)
	orDefault(&o.IdentifierPeriod, pseudonym.Month)
	orDefault(&o.QueueRecords, 8192)
	orDefault(&o.QueueBytes, 8<<20)
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
