package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/borderflow/borderflow/proxy/evidence"
)

// Bounds of what is sent at once.
const (
	batchRecords = 512
	batchBytes   = 1 << 20
	readAhead    = 256 << 10
	longest      = evidence.MaxLine + readAhead // line that is taken for one
)

// tail reads the log's lines from a cursor on, over the ends of segments. It returns only whole lines:
// what stands behind the last newline may still be written, or be cut off.
type tail struct {
	directory string
	at        Cursor // before the next line
	rewound   func() // told when the log is not what the cursor says, and is read again
	segment   segment
	file      *os.File
	stream    io.ReadCloser // what file holds when it is compressed, nil when it is plain
	buffer    []byte        // read and not consumed; its first byte stands at at.Offset
	skipping  bool          // the line that at stands in is too long
}

// entry is one line, or what is known of one that cannot be read.
type entry struct {
	line  []byte // with its newline, nil when it is too long to be a record; valid until the next call
	begin Cursor
	end   Cursor // without Seq, which the line's reader finds out
}

// next returns the lines that come next, at most batchRecords and about batchBytes. None: there are no
// more yet.
func (t *tail) next() ([]entry, error) {
	for {
		if t.file == nil {
			if opened, err := t.open(); err != nil || !opened {
				return nil, err
			}
			continue // open may have found that it has to begin anew
		}
		if entries := t.take(); len(entries) > 0 {
			return entries, nil
		}
		more, err := t.fill()
		if err != nil {
			t.close()
			return nil, err
		}
		if more {
			continue
		}
		moved, err := t.moveOn()
		if err != nil || !moved {
			return nil, err
		}
	}
}

// take cuts whole lines off the buffer.
func (t *tail) take() []entry {
	var entries []entry
	for size := 0; len(entries) < batchRecords && size < batchBytes; {
		end := bytes.IndexByte(t.buffer, '\n') + 1
		if end == 0 {
			break
		}
		line := t.buffer[:end]
		t.buffer = t.buffer[end:]
		e := entry{line: line, begin: t.at, end: t.at.after(line, 0)}
		if t.skipping {
			e.line, t.skipping = nil, false
		}
		entries = append(entries, e)
		t.at = e.end
		size += end
	}
	return entries
}

// fill reads on, and reports whether there was anything.
func (t *tail) fill() (bool, error) {
	if len(t.buffer) > evidence.MaxLine {
		// Longer than any record: passed over up to its newline.
		t.skipping = true
		t.at.Offset += int64(len(t.buffer))
		t.buffer = t.buffer[:0]
	}
	have := len(t.buffer)
	grown := make([]byte, have+readAhead) // entries still refer to the old one
	copy(grown, t.buffer)
	var n int
	var err error
	if t.stream != nil {
		n, err = t.stream.Read(grown[have:])
	} else {
		n, err = t.file.ReadAt(grown[have:], t.at.Offset+int64(have))
	}
	t.buffer = grown[:have+n]
	if n > 0 || err == nil {
		return true, nil
	}
	if err != io.EOF {
		return false, fmt.Errorf("read evidence %s: %w", t.segment.name, err)
	}
	if t.stream != nil {
		return false, nil
	}
	if have > 0 {
		t.buffer = t.buffer[:0] // it may be cut off and written again
	}
	info, err := t.file.Stat()
	if err != nil {
		return false, fmt.Errorf("read evidence %s: %w", t.segment.name, err)
	}
	if info.Size() < t.at.Offset {
		t.rewind()
		return true, nil
	}
	return false, nil
}

// moveOn goes to the segment behind the one that has been read to its end, if there is one.
func (t *tail) moveOn() (bool, error) {
	list, err := segments(t.directory)
	if err != nil {
		return false, err
	}
	for i, s := range list {
		if s.name != t.segment.name || i+1 == len(list) {
			continue
		}
		// What was written before the next segment was begun is there by now.
		more, err := t.fill()
		if err != nil || t.file == nil || (more && bytes.IndexByte(t.buffer, '\n') >= 0) {
			return more, err
		}
		t.close()
		t.at = Cursor{Segment: list[i+1].name, Seq: list[i+1].first - 1}
		return true, nil
	}
	if !contains(list, t.segment.name) {
		t.close() // deleted: open looks for what comes behind it
		return len(list) > 0, nil
	}
	return false, nil
}

func contains(list []segment, name string) bool {
	for _, s := range list {
		if s.name == name {
			return true
		}
	}
	return false
}

// open opens the segment that the cursor stands in, and reports whether there is one.
func (t *tail) open() (bool, error) {
	list, err := segments(t.directory)
	if err != nil {
		return false, err
	}
	s, ok := t.find(list)
	if !ok {
		return false, nil
	}
	if s.name != t.at.Segment {
		t.at = Cursor{Segment: s.name, Seq: t.at.Seq}
	}
	t.segment = s
	if t.file, err = os.Open(s.path); err != nil {
		t.file = nil
		return false, fmt.Errorf("read evidence: %w", err)
	}
	if err := t.position(); err != nil {
		t.close()
		return false, err
	}
	return true, nil
}

// find returns the cursor's segment. When it is gone, it is the first that holds later records only; else
// the log has been set back or begun anew, and it is the last that was there before the cursor's, which
// may have been gone on with, or the oldest.
func (t *tail) find(list []segment) (segment, bool) {
	if len(list) == 0 {
		return segment{}, false
	}
	for _, s := range list {
		if s.name == t.at.Segment {
			return s, true
		}
	}
	for _, s := range list {
		if s.first > t.at.Seq {
			return s, true
		}
	}
	best := list[0]
	for _, s := range list {
		if s.name < t.at.Segment {
			best = s
		}
	}
	t.rewound()
	return best, true
}

// position brings the open segment to the cursor, or to its beginning when the line before the cursor
// is not the one that was delivered.
func (t *tail) position() error {
	t.buffer, t.skipping = nil, false
	line := make([]byte, min(t.at.Length, longest))
	from := t.at.Offset - int64(len(line))
	var err error
	if t.segment.compression != "" {
		if t.stream, err = decompress(t.file, t.segment.compression); err != nil {
			return fmt.Errorf("read evidence %s: %w", t.segment.name, err)
		}
		_, err = io.CopyN(io.Discard, t.stream, from)
		if err == nil {
			_, err = io.ReadFull(t.stream, line)
		}
	} else if len(line) > 0 {
		_, err = t.file.ReadAt(line, from)
	}
	short := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if err != nil && !short {
		return fmt.Errorf("read evidence %s: %w", t.segment.name, err)
	}
	if short || (t.at.Length > 0 && lineSum(line) != t.at.Sum) {
		t.rewind()
	}
	return nil
}

// rewind begins the segment anew: the log was cut back behind what was delivered, and what stands
// there now is not known to have been.
func (t *tail) rewind() {
	t.close()
	t.at = Cursor{Segment: t.segment.name, Seq: t.segment.first - 1}
	t.rewound()
}

// seek goes back to where at stands.
func (t *tail) seek(at Cursor) {
	t.close()
	t.at = at
}

func (t *tail) close() {
	if t.stream != nil {
		_ = t.stream.Close()
	}
	if t.file != nil {
		_ = t.file.Close()
	}
	t.file, t.stream, t.buffer, t.skipping = nil, nil, nil, false
}
