package evidence

import (
	"context"
	"errors"
	"io/fs"

	"go.uber.org/zap"
)

// report publishes how an attempt to write ended: to those who wait for the batch, to Ready, to
// Stats, and to the operational log when it is news.
func (w *writer) report(err error) {
	l := w.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.writing; b != nil {
		if b.done != nil && !b.reported {
			b.err = err
			b.reported = true
			close(b.done)
		}
		if len(b.lines) == 0 {
			w.finishBatch()
		}
	}
	if err != nil {
		l.stats.Failed++
		l.stats.LastError = err.Error()
		if l.failure == nil {
			l.options.Log.Error("evidence cannot be written",
				zap.Stringer("on_failure", l.options.OnFailure), zap.Error(err))
			// Those who wait for room decide anew: with OnFailure Allow they wait no longer.
			l.makeRoom()
		}
		l.failure = err
		w.backoff = min(max(firstRetry, 2*w.backoff), lastRetry)
		return
	}
	if l.failure != nil {
		l.options.Log.Info("evidence is written again", zap.Uint64("dropped", l.stats.Dropped))
	}
	l.failure = nil
	l.stats.dropping = false
	w.backoff = 0
}

// finishBatch forgets the batch, which is written, and keeps its memory. The caller holds mu.
func (w *writer) finishBatch() {
	l := w.log
	b := l.writing
	l.writing = nil
	if b.area != nil {
		// An area that cannot be used is not given back: lines go on in memory of the process.
		if err := b.area.Reset(); err != nil {
			l.warnUnprotected(err)
		} else {
			l.free = append(l.free, b.area)
		}
	}
	// A buffer that a failing disk made large is not kept for good.
	if (b.area == nil || b.left) && cap(w.buffer) <= 8*flushBytes {
		l.spare = w.buffer[:0]
	}
	w.buffer = nil
	l.makeRoom()
}

// over reports whether the writer may end: everything is written, or the time for it is over and
// the last attempt failed.
func (w *writer) over(ctx context.Context) bool {
	l := w.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state < draining {
		return false
	}
	if records, _ := l.pending(); records == 0 && w.backoff == 0 {
		return true
	}
	if w.backoff == 0 {
		return false
	}
	select {
	case <-l.abandon:
		return true
	default:
		return ctx.Err() != nil
	}
}

// systemError is the operating system's word without the path, which names this machine's
// directories and has no place in a record.
func systemError(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Op + ": " + path.Err.Error()
	}
	return err.Error()
}
