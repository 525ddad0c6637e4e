package evidence

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// Append hands r to the writer and returns nil when it is accepted: it outlives this process then,
// and with Strict a power cut as well. r is encoded before Append returns; the caller may use it
// again.
//
// While the queue is full, Append waits until ctx ends, so ctx should have a deadline, and then
// returns ErrFull. With OnFailure
// Allow it does not wait while the disk is failing. A ctx that has ended already does not keep a
// record out for which there is room: a client that went away is recorded like any other. An error
// that is ErrNotWritten means that the record was accepted and is tried again, so it must not be
// appended a second time; until then the end of the process would lose it.
//
// r.Seq is ignored; the Log assigns it, and only to accepted records, so that no number is missing.
func (l *Log) Append(ctx context.Context, r *Record) error {
	return l.keep(ctx, r, l.options.Durability == Strict)
}

// AppendAndWait is Append, and returns when the line stands in its segment, with Strict on stable
// storage.
func (l *Log) AppendAndWait(ctx context.Context, r *Record) error { return l.keep(ctx, r, true) }

func (l *Log) keep(ctx context.Context, r *Record, wait bool) error {
	b, err := l.accept(ctx, r, wait)
	if b == nil || err != nil {
		return err
	}
	select {
	case <-b.done:
		if b.err != nil {
			return fmt.Errorf("%w: %w", ErrNotWritten, b.err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrNotWritten, ctx.Err())
	}
}

// accept gives r its place in the queue, and returns the batch to wait for: when the caller wants to,
// or when the memory that the record stands in ends with the process. Otherwise it returns none.
func (l *Log) accept(ctx context.Context, r *Record, wait bool) (*batch, error) {
	encoded := encode(r, l.keys)
	defer release(encoded)

	l.mu.Lock()
	defer l.mu.Unlock()
	for l.state < draining && !l.fits(len(*encoded)) {
		if l.failure != nil && l.options.OnFailure == Allow {
			return nil, l.drop(l.failure)
		}
		if err := l.waitForRoom(ctx); err != nil {
			return nil, l.drop(err)
		}
	}
	if l.state >= draining {
		l.stats.Dropped++
		return nil, ErrClosed
	}
	b := l.queue
	outlives := l.add(*encoded)
	switch {
	case wait || !outlives:
		if b.done == nil {
			b.done = make(chan struct{})
		}
		signal(l.hurry)
		if l.failure != nil {
			// The attempt to write may be seconds away; the caller learns now what it needs to know.
			return nil, fmt.Errorf("%w: %w", ErrNotWritten, l.failure)
		}
		return b, nil
	case len(b.lines) >= flushBytes || b.records >= l.options.QueueRecords/2:
		signal(l.hurry)
	case b.records == 1:
		signal(l.arrived)
	}
	return nil, nil
}

// add gives a record its number and appends its line to the queue. It reports whether the line
// outlives the process. The caller holds mu.
func (l *Log) add(encoded []byte) bool {
	b := l.queue
	if b.records == 0 {
		b.first = l.next
		b.since = time.Now()
	}
	var scratch [lineOverhead]byte
	outlives := b.append(appendHead(scratch[:0], l.next), encoded[1:])
	b.records++
	l.next++
	return outlives
}

// drop counts a record that is not kept, and says so once per failure. The caller holds mu.
func (l *Log) drop(cause error) error {
	l.stats.Dropped++
	if !l.stats.dropping {
		l.stats.dropping = true
		l.options.Log.Error("evidence records are being dropped",
			zap.Stringer("on_failure", l.options.OnFailure), zap.Error(cause))
	}
	return fmt.Errorf("%w: %w", ErrFull, cause)
}

// fits reports whether the queue has room for a record of n encoded bytes. The caller holds mu.
func (l *Log) fits(n int) bool {
	records, size := l.pending()
	return records == 0 ||
		records < l.options.QueueRecords && size+n+lineOverhead <= l.options.QueueBytes
}

// waitForRoom gives mu up until the writer has made room or ctx ends.
func (l *Log) waitForRoom(ctx context.Context) error {
	room := l.room
	signal(l.hurry)
	l.mu.Unlock()
	defer l.mu.Lock()
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// makeRoom wakes everybody in waitForRoom. The caller holds mu.
func (l *Log) makeRoom() {
	close(l.room)
	l.room = make(chan struct{})
}

// pending counts the accepted records that are not written. The caller holds mu.
func (l *Log) pending() (records, size int) {
	records, size = l.queue.records, len(l.queue.lines)
	if l.writing != nil {
		records += l.writing.records
		size += len(l.writing.lines)
	}
	return records, size
}
