package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"
)

// writer is the one goroutine that writes. Only what it shares with Append stands in Log.
type writer struct {
	log      *Log
	timer    *time.Timer
	goOn     *Segment // segment of an earlier process to append to; nil once opened
	goOnSize int64
	segment  *segment // nil before the first write and after one was given up
	buffer   []byte   // what the batch's lines are a part of, to be used again
	backoff  time.Duration
	mustSync bool // a sync failed: only a sync that succeeds shows that the disk works again
	notary   *notary
	sorting  sync.WaitGroup // of indexes of segments that are complete
	copying  bool           // the checkpoint's second place failed, and that was logged
}

// never is longer than any interval.
const never = time.Hour

// Run writes what Append accepts, until Close is called or ctx ends. When ctx ends, it writes what
// was accepted with one last attempt. It returns when the files are closed, with an error that
// says how many records are not written. A Log runs once; a Run that comes after Close waits for
// the end of what Close began.
func (l *Log) Run(ctx context.Context) error {
	l.mu.Lock()
	ran, closeRuns := l.ran, l.closeRuns
	l.ran = true
	l.mu.Unlock()
	switch {
	case closeRuns:
		<-l.ended
	case ran:
		return errors.New("the evidence log runs already, or has run")
	default:
		l.run(ctx)
	}
	return l.unwritten()
}

func (l *Log) run(ctx context.Context) {
	w := &l.writer
	w.timer = time.NewTimer(time.Hour)
	defer w.timer.Stop()
	for {
		w.await(ctx)
		if ctx.Err() != nil {
			l.mu.Lock()
			l.beginDraining()
			l.mu.Unlock()
		}
		w.take()
		w.report(w.commit())
		if w.over(ctx) {
			break
		}
	}
	w.finish()
	close(l.ended)
}

// await returns when it is time to write or to sync.
func (w *writer) await(ctx context.Context) {
	l := w.log
	if w.backoff > 0 {
		w.timer.Reset(w.backoff)
		select {
		case <-w.timer.C:
		case <-l.abandon:
		case <-ctx.Done():
		}
		return
	}
	w.timer.Reset(min(w.untilSync(), w.notary.due(l.options.CheckpointEvery)))
	select {
	case <-l.arrived:
		w.timer.Reset(l.options.FlushEvery)
		select {
		case <-w.timer.C:
		case <-l.hurry:
		case <-l.closing:
		case <-ctx.Done():
		}
	case <-l.hurry:
	case <-w.timer.C:
	case <-l.closing:
	case <-ctx.Done():
	}
}

func (w *writer) untilSync() time.Duration {
	if w.segment == nil || !w.segment.dirty || w.log.options.Durability == Relaxed {
		return never
	}
	return max(0, w.log.options.SyncEvery-time.Since(w.segment.since))
}

// take makes the queue the batch to write, unless one is still being written.
func (w *writer) take() {
	l := w.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writing != nil || l.queue.records == 0 {
		return
	}
	l.writing = l.queue
	l.queue = new(batch)
	if last := len(l.free) - 1; last >= 0 {
		l.queue.area, l.free = l.free[last], l.free[:last]
	} else {
		l.queue.lines, l.spare = l.spare, nil
	}
	w.buffer = l.writing.lines
}

// commit writes the batch, syncs when that is due, and publishes a checkpoint when that is.
func (w *writer) commit() error {
	if w.notary.behind() {
		if err := w.publish(); err != nil {
			return err
		}
	}
	if err := w.write(); err != nil {
		return err
	}
	if w.log.options.Durability == Strict || w.mustSync || w.untilSync() == 0 {
		if err := w.sync(); err != nil {
			return err
		}
	}
	if w.notary.due(w.log.options.CheckpointEvery) == 0 {
		return w.publish()
	}
	return nil
}

// publish brings what is written to stable storage, and then a checkpoint that commits to it.
func (w *writer) publish() error {
	if w.notary.sync {
		if err := w.sync(); err != nil {
			return err
		}
	}
	if err := w.notary.publish(); err != nil {
		return err
	}
	l := w.log
	l.mu.Lock()
	l.stats.Checkpoint = w.notary.published
	l.mu.Unlock()
	failed := w.notary.copyError != nil
	if failed && !w.copying {
		l.options.Log.Error("the checkpoint is not kept apart", zap.Error(w.notary.copyError))
	}
	w.copying = failed
	return nil
}

func (w *writer) write() error {
	b := w.log.writing
	for b != nil && len(b.lines) > 0 {
		if err := w.openSegment(b.first); err != nil {
			return err
		}
		part := wholeLines(b.lines, w.log.options.SegmentBytes-w.segment.size)
		if len(part) == 0 && w.segment.size > 0 {
			complete := w.segment.path
			if err := w.closeSegment(); err != nil {
				return err
			}
			w.sortIndex(complete)
			continue
		}
		if len(part) == 0 {
			part = b.lines[:bytes.IndexByte(b.lines, '\n')+1]
		}
		n, err := w.segment.append(part)
		w.wrote(b, part[:n])
		if err != nil {
			var torn *tornError
			if errors.As(err, &torn) {
				w.giveUpSegment("unfinished line at the end", err, w.segment.file.Sync() == nil)
			}
			return err
		}
	}
	return nil
}

// wholeLines returns as many lines from the start of lines as fit into limit bytes.
func wholeLines(lines []byte, limit int64) []byte {
	if int64(len(lines)) <= limit {
		return lines
	}
	return lines[:bytes.LastIndexByte(lines[:max(0, limit)], '\n')+1]
}

// wrote takes lines off the batch, which the operating system has now.
func (w *writer) wrote(b *batch, lines []byte) {
	if len(lines) == 0 {
		return
	}
	if !w.segment.dirty {
		w.segment.synced = synced{dirty: true, from: b.first, since: time.Now()}
	}
	records := w.note(lines)
	l := w.log
	l.mu.Lock()
	defer l.mu.Unlock()
	b.lines = b.lines[len(lines):]
	b.records -= records
	b.first += uint64(records)
	l.stats.Written += uint64(records)
	l.stats.Bytes += uint64(len(lines))
}

// note has the tree and the index take in lines that stand at the end of the segment now, and counts
// them.
func (w *writer) note(lines []byte) (records int) {
	offset := w.segment.size - int64(len(lines))
	for len(lines) > 0 {
		end := bytes.IndexByte(lines, '\n')
		w.notary.add(lines[:end])
		w.segment.index.add(offset, lines[:end])
		lines = lines[end+1:]
		offset += int64(end) + 1
		records++
	}
	w.warnIndex(w.segment.index.flush())
	return records
}

// warnIndex says that an index is not kept: records are found without it, more slowly.
func (w *writer) warnIndex(err error) {
	if err != nil {
		w.log.options.Log.Warn("evidence index is not kept", zap.Error(err))
	}
}

func (w *writer) openSegment(first uint64) error {
	if w.segment != nil {
		return nil
	}
	files := w.log.options.FileSystem
	if s := w.goOn; s != nil {
		// One attempt: when the old segment cannot be written to, a new one may.
		w.goOn = nil
		file, err := files.Open(s.Path)
		if err != nil {
			return err
		}
		w.segment = &segment{file: file, path: s.Path, first: s.First, size: w.goOnSize}
		w.segment.index, err = resumeIndex(files, s.Path, w.goOnSize)
		w.warnIndex(err)
		return nil
	}
	path := segmentPath(w.log.directory, time.Now(), first)
	file, err := files.Create(path)
	if err != nil {
		return err
	}
	w.segment = &segment{file: file, path: path, first: first}
	w.segment.index, err = openIndex(files, path)
	w.warnIndex(err)
	return nil
}

// sync brings what was written to stable storage. After a failed fsync the kernel may have dropped
// the pages and call them clean, so that another fsync of the same file succeeds and means nothing
// (https://lwn.net/Articles/752063/): the segment is given up, what may be missing from it is
// recorded, and only a sync of the next one shows that the disk works.
func (w *writer) sync() error {
	if w.segment == nil || !w.segment.dirty {
		return nil
	}
	if err := w.segment.mend(); err != nil {
		w.giveUpSegment("unfinished line at the end", err, w.segment.file.Sync() == nil)
		return err
	}
	if err := w.segment.sync(); err != nil {
		w.mustSync = true
		w.giveUpSegment("not known to be on stable storage", err, false)
		return err
	}
	w.mustSync = false
	l := w.log
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Synced = l.stats.Written
	return nil
}

func (w *writer) giveUpSegment(reason string, cause error, synced bool) {
	s := w.segment
	w.segment = nil
	recovery := Recovery{
		Segment: filepath.Base(s.path), Reason: reason, Offset: s.size,
		CausedBy: systemError(cause), Abandoned: true,
	}
	if s.dirty && !synced {
		recovery.Since = s.from
	}
	w.closeIndex(s)
	if err := s.file.Close(); err != nil {
		w.log.options.Log.Warn("close evidence segment", zap.String("segment", s.path), zap.Error(err))
	}
	w.log.recordRecovery(recovery)
}

func (w *writer) closeSegment() error {
	if err := w.sync(); err != nil {
		return err
	}
	s := w.segment
	w.segment = nil
	w.closeIndex(s)
	if err := s.file.Close(); err != nil {
		return fmt.Errorf("close evidence segment: %w", err)
	}
	return nil
}

func (w *writer) closeIndex(s *segment) {
	if s.index.file == nil {
		return
	}
	w.warnIndex(s.index.close())
}

// sortIndex has the index of a complete segment sorted, beside the writing.
func (w *writer) sortIndex(segment string) {
	w.sorting.Go(func() { w.warnIndex(sortIndex(w.log.options.FileSystem, segment)) })
}

// finish closes what the writer holds. Its last sync decides whether the log ended well.
func (w *writer) finish() {
	l := w.log
	var err error
	if w.segment != nil {
		err = w.closeSegment()
	}
	if err == nil {
		err = w.publish()
	}
	if w.goOn != nil {
		mendIndex(l.options, w.goOn.Path, w.goOnSize)
	}
	w.sorting.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	err = errors.Join(err, l.release())
	l.state = closed
	if err != nil {
		l.failure = err
	}
}
