package evidence

import (
	"bytes"
	"fmt"
	"path/filepath"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence/keep/sealed"
)

// segment is the file that records are appended to. It belongs to the writer.
type segment struct {
	file  File
	path  string
	first uint64 // the sequence number in its name
	size  int64  // bytes of whole lines
	torn  bool   // the file may be longer than size
	index segmentIndex
	synced
}

// synced says how far the segment is known to be on stable storage.
type synced struct {
	dirty bool      // there are records that are not
	from  uint64    // the first of them
	since time.Time // when it was written
}

// segmentPath names a segment by its start, for people, and by its first sequence number, for the
// order, which a clock that was set back would not give.
func segmentPath(directory string, start time.Time, first uint64) string {
	return filepath.Join(directory, fmt.Sprintf("flows-%s-%020d.jsonl", start.UTC().Format("20060102T150405.000Z"), first))
}

// append writes whole lines and returns how many bytes of whole lines the file has of them. After
// an error it cuts off what stands behind the last whole line; if that fails, the next append
// tries again before it writes, so that a good line never follows a broken one.
func (s *segment) append(lines []byte) (int, error) {
	if err := s.mend(); err != nil {
		return 0, err
	}
	n, err := s.file.Write(lines)
	if err == nil && n < len(lines) {
		err = fmt.Errorf("write %s: %d of %d bytes written", s.path, n, len(lines))
	}
	if err == nil {
		s.size += int64(n)
		return n, nil
	}
	whole := bytes.LastIndexByte(lines[:n], '\n') + 1
	s.size += int64(whole)
	s.torn = true
	// The write's error is the one to report; mend is tried again by the next append.
	_ = s.mend()
	return whole, err
}

func (s *segment) mend() error {
	if !s.torn {
		return nil
	}
	if err := s.file.Truncate(s.size); err != nil {
		return &tornError{err}
	}
	s.torn = false
	return nil
}

// tornError says that a segment has a broken end which cannot be cut off.
type tornError struct{ err error }

func (e *tornError) Error() string { return "cut back to the last whole line: " + e.err.Error() }
func (e *tornError) Unwrap() error { return e.err }

// sync brings what was written to stable storage and checks that it still stands where readers
// will look for it.
func (s *segment) sync() error {
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	if err := s.file.Verify(s.size); err != nil {
		return fmt.Errorf("segment %s was changed by somebody else: %w", filepath.Base(s.path), err)
	}
	s.synced = synced{}
	return nil
}

// Segment is one file of the log.
type Segment struct {
	Path  string
	Start time.Time // when it was begun, UTC
	First uint64    // sequence number of its first record
}

// Segments lists the files of the log in directory in the order of their records. A path is that of the
// plain file, also of a segment that is sealed: package sealed opens whichever of the two is there.
func Segments(directory string) ([]Segment, error) {
	listed, err := sealed.Segments(directory)
	if err != nil {
		return nil, err
	}
	segments := make([]Segment, len(listed))
	for i, s := range listed {
		segments[i] = Segment(s)
	}
	return segments, nil
}
