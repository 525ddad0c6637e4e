package evidence

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/borderflow/borderflow/proxy/evidence/keep/sealed"
)

// tail is where the log of an earlier process ended.
type tail struct {
	segments []Segment
	next     uint64     // sequence number of the next record
	goOn     *Segment   // segment to append to; nil when a new one is to be begun
	size     int64      // its length
	mended   []Recovery // what had to be done about it
}

// recoverTail finds the end of the log in directory and cuts off a line that a crash left
// unfinished. It changes nothing else: a last line that is whole but no record was not left by a
// crash, so the segment stays as it is, for whoever investigates, and a new one is begun.
func recoverTail(directory string, files FileSystem) (tail, error) {
	segments, err := Segments(directory)
	if err != nil {
		return tail{}, err
	}
	t := tail{segments: segments, next: 1}
	for i := len(segments) - 1; i >= 0; i-- {
		s := &segments[i]
		end, err := examine(s)
		if err != nil {
			return tail{}, fmt.Errorf("read the end of evidence segment %s: %w", s.Path, err)
		}
		if end.size > end.whole {
			if err := cut(files, s.Path, end.whole); err != nil {
				return tail{}, fmt.Errorf("cut the torn end off evidence segment %s: %w", s.Path, err)
			}
			t.mended = append(t.mended, Recovery{
				Segment: filepath.Base(s.Path), Reason: "unfinished line at the end",
				Offset: end.whole, CutBytes: end.size - end.whole,
			})
		}
		if end.damaged {
			t.mended = append(t.mended, Recovery{
				Segment: filepath.Base(s.Path), Reason: "the last line is not a record",
				Offset: end.whole, Since: end.last + 1, Abandoned: true,
			})
		} else if i == len(segments)-1 {
			t.goOn, t.size = s, end.whole
		}
		t.next = max(t.next, s.First, end.last+1)
		if end.whole > 0 {
			break
		}
	}
	return t, nil
}

// segmentEnd is what stands at the end of a segment.
type segmentEnd struct {
	size    int64  // of the file
	whole   int64  // up to and with the last newline
	last    uint64 // sequence number of the last record; one less than the first when there is none
	damaged bool   // the last whole line is not a record
}

func examine(s *Segment) (segmentEnd, error) {
	end := segmentEnd{last: s.First - 1}
	file, err := sealed.Open(s.Path)
	if err != nil {
		return end, err
	}
	defer file.Close()
	end.size = file.Size()
	if end.whole, err = afterLastNewline(file, end.size); err != nil || end.whole == 0 {
		return end, err
	}
	start, err := afterLastNewline(file, end.whole-1)
	if err != nil {
		return end, err
	}
	if end.whole-start <= MaxLine {
		text := make([]byte, end.whole-start)
		if _, err := file.ReadAt(text, start); err != nil {
			return end, err
		}
		if seq, ok := sequenceOf(text); ok {
			end.last = max(end.last, seq)
			return end, nil
		}
	}
	end.damaged = true
	highest, err := highestSequence(io.NewSectionReader(file, 0, end.size))
	end.last = max(end.last, highest)
	return end, err
}

// afterLastNewline returns the offset behind the last newline of the first size bytes, 0 when
// there is none.
func afterLastNewline(file io.ReaderAt, size int64) (int64, error) {
	block := make([]byte, 64<<10)
	for end := size; end > 0; {
		start := max(0, end-int64(len(block)))
		part := block[:end-start]
		if _, err := file.ReadAt(part, start); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return start + int64(i) + 1, nil
		}
		end = start
	}
	return 0, nil
}

// highestCredible is beyond what a log can reach; a higher number in a file is damage, and must not
// make the numbers behind it start again at zero.
const highestCredible = 1 << 62

// sequenceOf reads the sequence number of a record of any version of the schema: a log that a
// newer borderflow wrote must go on without using its numbers again.
func sequenceOf(text []byte) (uint64, bool) {
	var record struct {
		Schema string `json:"schema"`
		Seq    uint64 `json:"seq"`
	}
	family, _, _ := strings.Cut(Schema, "/")
	if json.Unmarshal(text, &record) != nil || !strings.HasPrefix(record.Schema, family+"/") {
		return 0, false
	}
	return record.Seq, record.Seq > 0 && record.Seq <= highestCredible
}

// highestSequence reads a whole segment, which only a damaged one is worth.
func highestSequence(file io.ReadSeeker) (uint64, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	var highest uint64
	lines := bufio.NewReader(file)
	for {
		text, err := readLine(lines)
		if errors.Is(err, errTooLong) {
			continue
		}
		if err == io.EOF {
			return highest, nil
		}
		if err != nil {
			return 0, err
		}
		if seq, ok := sequenceOf(text); ok {
			highest = max(highest, seq)
		}
	}
}

func cut(files FileSystem, path string, size int64) error {
	file, err := files.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Truncate(size), file.Sync(), file.Close())
}
