// Package watch tells when the content of files changes: policies, certificates, databases.
//
// It watches directories, never files, because after one rename by an editor or one swap of a
// Kubernetes ConfigMap's ..data link a watch on a file watches something that is no longer there.
// An event only says that it is time to look: what counts is whether the content differs from what
// it was, so a swap that never names the file is found, and a file that is touched is not. Polling
// stands behind the events, for network file systems and exhausted inotify limits.
//
//	w := watch.Watcher{Directories: []string{"/etc/borderflow/policy"}, Changed: reload, Log: log}
//	err := w.Run(ctx) // returns when ctx ends
//
// It leaves reading, judging and swapping in what changed to its callers.
package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"
)

const (
	defaultDebounce = 250 * time.Millisecond
	defaultPoll     = 30 * time.Second
	// patience bounds, in units of Debounce, how long a stream of events can put off a look.
	patience = 4
	// attempts bounds how often one change is told when files change while they are read.
	attempts = 4
)

// Watcher calls Changed when the content of any watched file differs from what it was. Set its
// fields before Run and leave them alone after.
type Watcher struct {
	Directories []string      // every file directly in them, except names that begin with a dot
	Files       []string      // single files; they may be missing, and appear or vanish later
	Debounce    time.Duration // how long events must be quiet before a look; 0 means 250 ms
	Poll        time.Duration // how often to look without an event; 0 means 30 s

	// Changed is called once when watching has begun, so that nothing is missed between an earlier
	// reading and Run, and after each change. Calls do not overlap; ctx is Run's.
	Changed func(ctx context.Context)
	Log     *zap.Logger // may be nil
}

// Run watches until ctx ends, and then returns nil. Directories that do not exist (yet, or any
// more) are not an error: they are watched for.
func (w *Watcher) Run(ctx context.Context) error {
	if w.Changed == nil {
		return errors.New("watch files: no function to call on a change")
	}
	r := run{Watcher: *w, content: newContent(w.Directories, w.Files)}
	if r.Debounce <= 0 {
		r.Debounce = defaultDebounce
	}
	if r.Poll <= 0 {
		r.Poll = defaultPoll
	}
	if r.Log == nil {
		r.Log = zap.NewNop()
	}
	var events chan fsnotify.Event
	var failures chan error
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		r.Poll = min(r.Poll, patience*r.Debounce)
		r.Log.Warn("the system gives no notice of file changes; polling instead", zap.Duration("every", r.Poll), zap.Error(err))
	} else {
		defer notify.Close()
		r.places = newPlaces(notify, r.Log)
		events, failures = notify.Events, notify.Errors
	}
	r.warnOfFixedMounts()
	r.follow()
	r.content.changed(true)
	r.tell(ctx)
	return r.loop(ctx, events, failures)
}

// run is the state of one Run.
type run struct {
	Watcher
	content *content
	places  *places // nil without notifications
}

func (r *run) loop(ctx context.Context, events <-chan fsnotify.Event, failures <-chan error) error {
	poll := time.NewTicker(r.Poll)
	defer poll.Stop()
	quiet := time.NewTimer(0)
	quiet.Stop()
	defer quiet.Stop()
	var latest time.Time // when events that keep coming are no longer waited out; zero without any
	thorough := false

	for {
		select {
		case <-ctx.Done():
			return nil
		case event, open := <-events:
			if !open {
				return errors.New("watch files: the system's notifications ended")
			}
			if event.Op == fsnotify.Chmod {
				continue
			}
			thorough = thorough || r.content.concerns(event.Name)
		case err, open := <-failures:
			if !open {
				return errors.New("watch files: the system's notifications ended")
			}
			r.Log.Warn("file notifications were lost; looking at every file", zap.Error(err))
			thorough = true
		case <-quiet.C:
			r.look(ctx, thorough)
			latest, thorough = time.Time{}, false
			continue
		case <-poll.C:
			r.look(ctx, false)
			continue
		}
		if latest.IsZero() {
			latest = time.Now().Add(patience * r.Debounce)
		}
		quiet.Reset(max(0, min(r.Debounce, time.Until(latest))))
	}
}

// look compares the files with what they were. A thorough look reads them all; otherwise a file
// that is the same by identity, size and time is taken to have the same content.
func (r *run) look(ctx context.Context, thorough bool) {
	r.follow()
	if r.content.changed(thorough) {
		r.tell(ctx)
	}
}

// tell calls Changed, and again as long as files were replaced since they were looked at: Changed may
// have read what stood there for a moment, and when the former content comes back nothing would differ
// from what was seen.
func (r *run) tell(ctx context.Context) {
	for range attempts {
		r.Changed(ctx)
		before := r.content.seen
		r.content.changed(true)
		if ctx.Err() != nil || !replaced(before, r.content.seen) {
			return
		}
	}
	r.Log.Warn("files are replaced faster than they can be read; they will be read again at the next look")
	r.content.seen = map[string]file{}
}

// follow moves the notifications to where the files are now.
func (r *run) follow() {
	if r.places != nil {
		r.places.follow(r.content.places())
	}
}

func (r *run) warnOfFixedMounts() {
	for _, path := range fixedMounts("/proc/self/mountinfo", r.content.paths(), r.Directories) {
		r.Log.Warn(fmt.Sprintf("%s is a mount of its own (in Kubernetes: subPath), so replacing it outside will not be seen here; mount its directory instead", path),
			zap.String("path", path))
	}
}
