package evidence

import (
	"fmt"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence/queue"
)

// batch is lines that are written together.
type batch struct {
	area     *queue.Area // memory that outlives the process and holds the lines; nil for other memory
	left     bool        // lines is not the area's any more, which holds the first of them
	lines    []byte
	records  int
	first    uint64        // sequence number of the first line
	since    time.Time     // when the first line was accepted
	done     chan struct{} // closed after the first attempt to write; nil while nobody waits for it
	err      error         // outcome of that attempt, set before done is closed
	reported bool          // done is closed
}

// append adds a line, which comes in two parts, and reports whether it outlives the process.
func (b *batch) append(head, rest []byte) bool {
	if b.area != nil && !b.left {
		if b.area.Fits(len(head)+len(rest)) && b.area.Append(head, rest) == nil {
			b.lines = b.area.Lines()
			return true
		}
		b.leave()
	}
	b.lines = append(append(b.lines, head...), rest...)
	return false
}

// leave goes on in memory of the process: the area is full, or cannot be used any more.
func (b *batch) leave() {
	b.left = true
	// The area may be memory that faults, and with it what it holds is gone.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			b.lines = nil
		}
	}()
	b.lines = slices.Clone(b.lines)
}

// queueFile is memory for accepted lines that the next process finds.
const queueFile = "queue"

// queueSlack is room in that memory for records of the log's own, which no bound holds back.
const queueSlack = 64

// openQueue makes the queue's memory, with the lines in it that the last process accepted and did
// not write: those whose numbers go on from next. Where there is no such memory, lines are held in
// that of the process, and Append waits until they are written.
func (l *Log) openQueue() error {
	path := filepath.Join(l.directory, queueFile)
	areas, err := queue.Read(path)
	if err != nil {
		return err
	}
	waiting := continuing(areas, l.next)
	size := 0
	for _, line := range waiting {
		size += len(line)
	}
	memory, err := queue.Create(path, max(l.options.QueueRecords, len(waiting))+queueSlack, max(l.options.QueueBytes, size, MaxLine)+queueSlack<<10)
	if err != nil {
		l.warnUnprotected(err)
	} else {
		l.memory = memory
		a, b := memory.Areas()
		l.queue.area, l.free = a, []*queue.Area{b}
	}
	for _, line := range waiting {
		if l.queue.records == 0 {
			l.queue.first, l.queue.since = l.next, time.Now()
		}
		l.queue.append(line, nil)
		l.queue.records++
		l.next++
	}
	l.restored = len(waiting)
	switch {
	case memory == nil && len(waiting) > 0:
		// The old file stays until its lines are written: a second crash must not lose them.
		return nil
	case memory == nil:
		return l.options.FileSystem.Remove(path)
	}
	if err := memory.Publish(); err != nil {
		return fmt.Errorf("keep the queue's memory: %w", err)
	}
	return nil
}

// continuing returns the lines that were accepted and are not in a segment, in their order.
func continuing(areas [][][]byte, next uint64) [][]byte {
	numbered := make(map[uint64][]byte)
	for _, area := range areas {
		for _, line := range area {
			if seq, ok := sequenceIn(line); ok {
				numbered[seq] = line
			}
		}
	}
	var waiting [][]byte
	for ; numbered[next] != nil; next++ {
		waiting = append(waiting, numbered[next])
	}
	return waiting
}
