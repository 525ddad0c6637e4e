package evidence

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/borderflow/borderflow/proxy/evidence/checkpoint"
	"github.com/borderflow/borderflow/proxy/evidence/pseudonym"
	"github.com/borderflow/borderflow/proxy/evidence/queue"
)

var (
	// ErrClosed is returned for records that come after Close.
	ErrClosed = errors.New("the evidence log is closed")
	// ErrFull is returned for a record that found no room in the queue. The record is not kept.
	ErrFull = errors.New("the evidence queue is full")
	// ErrNotWritten is returned for a record that was accepted but is not known to be written, by
	// calls that wait for that. It is kept in memory, and the writer goes on trying.
	ErrNotWritten = errors.New("the record is not written yet")
	// ErrInUse is returned by Open when another process writes to the directory.
	ErrInUse = errors.New("another process writes to it")
)

// Log accepts records and writes them. Its methods may be called from any goroutine.
type Log struct {
	directory string
	options   Options
	lock      *os.File
	keys      *pseudonym.Keys // nil when identifiers are kept in clear

	arrived chan struct{} // there is something to write, soon
	hurry   chan struct{} // there is something to write, now
	closing chan struct{} // closed by Close: write what is there, accept no more
	abandon chan struct{} // closed when Close's time is over
	ended   chan struct{} // closed when the writer has ended

	writer writer // belongs to the goroutine in Run

	mu        sync.Mutex
	memory    *queue.File   // that accepted lines stand in; nil where they end with the process
	free      []*queue.Area // of memory
	restored  int           // records that the last process had accepted and not written
	queue     *batch        // accepted, not taken by the writer yet
	writing   *batch        // taken by the writer, nil or not wholly written
	spare     []byte        // memory for the next batch
	room      chan struct{} // closed and replaced when the writer has made room
	next      uint64        // sequence number of the next record
	state     runState
	ran       bool  // the writer was started
	closeRuns bool  // by Close, because Run had not been called
	failure   error // why records cannot be written now; nil when they can
	stats     Stats
}

type runState uint8

const (
	opened   runState = iota
	draining          // Close was called, or Run's context has ended
	closed
)

// Open prepares the log in directory, which it makes (0700) if there is none, and mends what a
// crash left. It writes nothing yet: Run does.
//
// A directory that cannot be read, locked or mended is an error. A full disk is not: Ready says so
// as soon as a write has failed.
func Open(directory string, options Options) (*Log, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("evidence options: %w", err)
	}
	directory, err = filepath.Abs(directory)
	if err != nil {
		return nil, fmt.Errorf("open evidence directory: %w", err)
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, fmt.Errorf("open evidence directory: %w", err)
	}
	if info, err := os.Stat(directory); err == nil && info.Mode().Perm()&0o077 != 0 {
		options.Log.Warn("evidence directory is open to other users",
			zap.String("directory", directory), zap.Stringer("mode", info.Mode().Perm()))
	}
	lock, err := lockDirectory(directory)
	if err != nil {
		return nil, fmt.Errorf("lock evidence directory %s: %w", directory, err)
	}
	l := newLog(directory, options, lock)
	if err := l.open(); err != nil {
		return nil, errors.Join(err, l.release())
	}
	return l, nil
}

func newLog(directory string, options Options, lock *os.File) *Log {
	l := &Log{
		directory: directory,
		options:   options,
		lock:      lock,
		arrived:   make(chan struct{}, 1),
		hurry:     make(chan struct{}, 1),
		closing:   make(chan struct{}),
		abandon:   make(chan struct{}),
		ended:     make(chan struct{}),
		queue:     new(batch),
		room:      make(chan struct{}),
	}
	l.stats.OnFailure = options.OnFailure
	return l
}

// open takes up what the last process left.
func (l *Log) open() error {
	key, err := openKey(l.directory, l.options)
	if err != nil {
		return err
	}
	if l.options.Identifiers == Hashed {
		l.keys, err = pseudonym.Open(filepath.Join(l.directory, keysDirectory), l.options.IdentifierPeriod, func(err error) {
			l.options.Log.Error("identifiers are hashed with the key of an earlier period", zap.Error(err))
		})
		if err != nil {
			return err
		}
	}
	end, err := recoverTail(l.directory, l.options.FileSystem)
	if err != nil {
		return err
	}
	notary, mended, err := openNotary(l.directory, l.options, key, end.segments, end.next-1)
	if err != nil {
		return err
	}
	if l.next = notary.tree.Size() + 1; l.next != end.next {
		// The records of a segment have no gap: a new one is begun.
		if end.goOn != nil {
			mendIndex(l.options, end.goOn.Path, end.size)
		}
		end.goOn = nil
	}
	l.stats.Checkpoint = notary.published
	l.writer = writer{log: l, goOn: end.goOn, goOnSize: end.size, notary: notary}
	if err := l.openQueue(); err != nil {
		return err
	}
	if l.restored > 0 {
		l.options.Log.Info("evidence records of the last process are written now", zap.Int("records", l.restored))
		signal(l.arrived)
	}
	for _, recovery := range append(end.mended, mended...) {
		l.recordRecovery(recovery)
	}
	return nil
}

// keysDirectory holds the keys that identifiers are hashed with.
const keysDirectory = "keys"

func openKey(directory string, options Options) (*checkpoint.Key, error) {
	path := options.KeyFile
	if path == "" {
		path = directory + "-key"
	}
	origin := options.Origin
	if origin == "" {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			name, err := os.Hostname()
			if err != nil || name == "" {
				name = "localhost"
			}
			origin = "borderflow/" + name
		}
	}
	return checkpoint.LoadOrCreateKey(path, origin)
}

func (l *Log) warnUnprotected(cause error) {
	l.options.Log.Warn("each flow waits until its record is written, because the queue's memory would end with the process", zap.Error(cause))
}

// release gives back what Open took. No line of the queue may be touched after it.
func (l *Log) release() error {
	err := l.lock.Close()
	for _, b := range []*batch{l.queue, l.writing} {
		if b != nil {
			b.area, b.lines = nil, nil
		}
	}
	l.free = nil
	if l.memory != nil {
		err = errors.Join(err, l.memory.Close())
	}
	return err
}

func lockDirectory(directory string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(directory, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(lock); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// recordRecovery puts a recovery among the records. It is not held to the queue's bounds: there
// are few, and none may be missing.
func (l *Log) recordRecovery(recovery Recovery) {
	l.options.Log.Warn("evidence log mended",
		zap.String("segment", recovery.Segment), zap.String("reason", recovery.Reason),
		zap.Int64("offset", recovery.Offset), zap.Int64("cut_bytes", recovery.CutBytes),
		zap.Uint64("since", recovery.Since), zap.Uint64("until", recovery.Until), zap.Bool("abandoned", recovery.Abandoned))
	encoded := encode(&Record{Kind: KindRecovery, Time: time.Now(), Recovery: &recovery}, nil)
	defer release(encoded)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(*encoded)
	signal(l.arrived)
}

// Ready is nil while records can be written. Otherwise it says why they cannot, until a write has
// succeeded again: the writer goes on trying.
func (l *Log) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.failure != nil:
		return fmt.Errorf("write evidence: %w", l.failure)
	case l.state >= draining:
		return ErrClosed
	}
	if age := l.oldestPending(); age > stalledAfter {
		return fmt.Errorf("write evidence: a record has been waiting for %v", age.Round(time.Second))
	}
	return nil
}

// Close accepts no further records, writes those that were accepted, and releases the directory.
// It goes on trying until ctx ends, and then says how many records could not be written. Records
// must stop coming before Close: what Append refuses after it is not recorded.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	l.beginDraining()
	if !l.ran {
		// In a goroutine of its own, like Run: a write that hangs must not hold Close beyond ctx.
		l.ran, l.closeRuns = true, true
		go l.run(ctx)
	}
	l.mu.Unlock()
	select {
	case <-l.ended:
		return l.unwritten()
	case <-ctx.Done():
	}
	l.mu.Lock()
	closeOnce(l.abandon)
	l.mu.Unlock()
	select {
	case <-l.ended:
		return l.unwritten()
	case <-time.After(closeGrace):
		return fmt.Errorf("close evidence log: the operating system has not answered a write: %w", ctx.Err())
	}
}

// beginDraining lets everybody who waits for room know that there will be none. The caller holds mu.
func (l *Log) beginDraining() {
	if l.state >= draining {
		return
	}
	l.state = draining
	close(l.closing)
	l.makeRoom()
}

// unwritten reports what the writer left behind when it ended.
func (l *Log) unwritten() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	records, _ := l.pending()
	switch {
	case records == 0 && l.failure == nil:
		return nil
	case records == 0:
		return fmt.Errorf("close evidence log: %w", l.failure)
	}
	return fmt.Errorf("close evidence log: %d records not written: %w", records, l.failure)
}

// closeOnce closes a channel that may be closed already. The caller holds mu.
func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

// signal leaves a token in a channel of capacity one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
