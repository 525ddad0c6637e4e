package rules

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/watch"
)

// Store keeps the newest good policy of a directory. A broken edit leaves the last good policy in
// force and is said in the log and in Status. It is safe for concurrent use.
type Store struct {
	dir            string
	log            *zap.Logger
	debounce, poll time.Duration // zero for package watch's own
	gate           Gate          // nil: none
	lastGood       string        // where the last good policy is kept; "" when it is not
	startLastGood  bool
	every          string // directory in which each policy that was in force is kept; "" when none is
	current        atomic.Pointer[Policy]
	installed      chan struct{} // holds a token when another policy came into force

	reloading sync.Mutex // one reload at a time, and the order in which subscribers see them

	mu          sync.Mutex // guards the fields below
	status      Status
	subscribers map[int]func(*Policy)
	next        int
}

// Status says which policy is in force, and how the last attempt to change it went.
type Status struct {
	Hash          string
	LoadedAt      time.Time // when the policy in force was loaded
	Source        string    // the directory, or "embedded"
	LastAttempt   time.Time
	LastError     error // of the last attempt: document.Problems or an I/O error; nil when it went well
	Reloads       int   // how often another policy came into force
	FailedReloads int
	Policies      int
	Rules         int
	Lists         int
	Exemptions    int
	// FromLastGood means that the directory was broken when the process started, and that the policy
	// in force is the one kept from before. LastError says what is wrong with the directory.
	FromLastGood bool
	KeepError    error // why the policy in force could not be kept for the next start; nil when it was
}

// Gate is asked before a policy comes into force, for example to run the policy's own tests. Its
// error, which says what was asked, keeps the policy before it in force.
type Gate func(*Policy) error

// Option adjusts a Store.
type Option func(*Store)

// Intervals sets how long files must be quiet before they are read again, and how often they are
// looked at without a notice from the system. Zero keeps package watch's defaults.
func Intervals(debounce, poll time.Duration) Option {
	return func(s *Store) { s.debounce, s.poll = debounce, poll }
}

// Gated has every policy of the directory pass gate before it comes into force.
func Gated(gate Gate) Option { return func(s *Store) { s.gate = gate } }

// LastGood keeps the policy in force in a file, which only the process's user can read, and replaces
// it at once with each policy that comes into force. With start, a process that finds the directory
// broken starts with that policy instead of refusing to, which the log and Status say.
func LastGood(file string, start bool) Option {
	return func(s *Store) { s.lastGood, s.startLastGood = file, start }
}

// KeepEvery keeps each policy that comes into force in directory, in a file named by its hash, so that
// the texts behind the hashes in records can be read later. Files that are there already are left alone.
func KeepEvery(directory string) Option { return func(s *Store) { s.every = directory } }

// NewStore loads the policy in dir, or takes the embedded one if dir is "". A policy with problems
// is an error, document.Problems, that names them all: a process must not start without the rules
// that its operator wrote, unless LastGood says otherwise. log may be nil.
func NewStore(dir string, log *zap.Logger, options ...Option) (*Store, error) {
	if log == nil {
		log = zap.NewNop()
	}
	s := &Store{dir: dir, log: log, subscribers: map[int]func(*Policy){}, installed: make(chan struct{}, 1)}
	for _, option := range options {
		option(s)
	}
	s.status.Source = dir
	if dir == "" {
		s.status.Source = "embedded"
	}
	policy, files, err := s.read(nil)
	if err != nil {
		if !s.startLastGood {
			return nil, err
		}
		if err := s.startFromLastGood(err); err != nil {
			return nil, err
		}
		return s, nil
	}
	s.install(policy, time.Now())
	s.keep(policy, files)
	return s, nil
}

// Current returns the policy in force. Whoever decides a flow in several phases keeps the one it
// began with.
func (s *Store) Current() *Policy { return s.current.Load() }

// Status returns the state of the store.
func (s *Store) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// OnChange has changed called with each policy that comes into force from now on, and again when a
// rule or exemption of it begins or ends, so that tunnels and other long-lived flows can be decided
// again. Calls come one at a time, and hold up the next
// reload. stop ends them; a call that is under way may still be running when it returns.
func (s *Store) OnChange(changed func(*Policy)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.next
	s.next++
	s.subscribers[id] = changed
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.subscribers, id)
	}
}

// Run follows the directory until ctx ends. With the embedded policy there is nothing to follow,
// and it only waits.
func (s *Store) Run(ctx context.Context) error {
	if s.dir == "" {
		<-ctx.Done()
		return nil
	}
	watcher := watch.Watcher{
		Directories: []string{s.dir}, Debounce: s.debounce, Poll: s.poll, Log: s.log,
		// Reload reports to the log and the status.
		Changed: func(ctx context.Context) { _ = s.Reload(ctx) },
	}
	for _, name := range subdirectories {
		watcher.Directories = append(watcher.Directories, filepath.Join(s.dir, name))
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return watcher.Run(ctx) })
	group.Go(func() error { return s.followTime(ctx) })
	return group.Wait()
}

// Reload reads the directory again. On an error (document.Problems for mistakes in files) the
// policy in force stays.
func (s *Store) Reload(ctx context.Context) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("reload policy: %w", err)
	}
	now, before := time.Now(), s.Current()
	policy, files, err := s.read(before)
	if err != nil {
		s.refuse(err, now)
		return err
	}
	if policy.Hash() == before.Hash() {
		// Positions and comments may differ; what is decided does not.
		s.mu.Lock()
		s.status.LastAttempt, s.status.LastError, s.status.FromLastGood = now, nil, false
		s.mu.Unlock()
		return nil
	}
	s.install(policy, now)
	s.keep(policy, files)
	s.log.Info("policy reloaded", zap.String("policy", policy.ShortHash()), zap.String("before", before.ShortHash()),
		zap.Int("policies", len(policy.policies)), zap.Duration("took", time.Since(now)))
	s.tell(policy)
	return nil
}

// tell has long-lived flows decided again.
func (s *Store) tell(policy *Policy) {
	for _, changed := range s.listeners() {
		changed(policy)
	}
}

// read returns the policy that is to be in force, and the files that it was made from. It turns a
// panic into an error: whatever is wrong with an edit, the last good policy stays.
func (s *Store) read(previous *Policy) (policy *Policy, files map[string][]byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			policy, files, err = nil, nil, errors.New("load policy: internal error")
		}
	}()
	if s.dir == "" {
		return Embedded(), nil, nil
	}
	files, problems, err := readDirectory(s.dir)
	if err != nil {
		return nil, nil, err
	}
	policy, problems = load(s.dir, files, problems, previous)
	if len(problems) > 0 {
		return nil, nil, problems
	}
	if s.gate != nil {
		if err := s.gate(policy); err != nil {
			return nil, nil, err
		}
	}
	return policy, files, nil
}

func (s *Store) install(policy *Policy, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current.Swap(policy) != nil {
		s.status.Reloads++
	}
	s.status.Hash, s.status.LoadedAt, s.status.LastAttempt, s.status.LastError = policy.Hash(), now, now, nil
	s.status.Policies, s.status.Rules = len(policy.policies), len(policy.Rules())
	s.status.Lists, s.status.Exemptions, s.status.FromLastGood = len(policy.lists), len(policy.exemptions), false
	select {
	case s.installed <- struct{}{}:
	default:
	}
}

func (s *Store) refuse(err error, now time.Time) {
	s.mu.Lock()
	s.status.LastAttempt, s.status.LastError = now, err
	s.status.FailedReloads++
	s.mu.Unlock()
	s.complain("policy not reloaded, the last good one stays in force", err)
}

// complain logs what is wrong with the directory, mistake by mistake.
func (s *Store) complain(message string, err error) {
	inForce := zap.String("in_force", s.Current().ShortHash())
	var problems document.Problems
	if !errors.As(err, &problems) {
		s.log.Error(message, inForce, zap.Error(err))
		return
	}
	for _, problem := range problems {
		s.log.Error(message, inForce, zap.String("problem", problem.String()))
	}
}

func (s *Store) listeners() []func(*Policy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]func(*Policy), 0, len(s.subscribers))
	for _, id := range slices.Sorted(maps.Keys(s.subscribers)) {
		all = append(all, s.subscribers[id])
	}
	return all
}
