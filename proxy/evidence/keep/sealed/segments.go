package sealed

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Segment is one file of the log, plain or sealed.
type Segment struct {
	Path  string    // of the plain file, whichever of the two is there
	Start time.Time // when it was begun, UTC
	First uint64    // number of its first record
}

var segmentName = regexp.MustCompile(`^(flows-(\d{8}T\d{6}\.\d{3}Z)-(\d{20})\.jsonl)(\.zst)?$`)

// Segments lists the segments of the log in directory in the order of their records.
func Segments(directory string) ([]Segment, error) {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return nil, fmt.Errorf("list evidence segments: %w", err)
	}
	var segments []Segment
	for _, entry := range entries {
		match := segmentName.FindStringSubmatch(entry.Name())
		if match == nil || !entry.Type().IsRegular() {
			continue
		}
		start, badTime := time.Parse("20060102T150405.000Z", match[2])
		number, badNumber := strconv.ParseUint(match[3], 10, 64)
		if badTime == nil && badNumber == nil && number > 0 {
			segments = append(segments, Segment{filepath.Join(directory, match[1]), start, number})
		}
	}
	slices.SortFunc(segments, func(a, b Segment) int { return cmp.Or(cmp.Compare(a.First, b.First), a.Start.Compare(b.Start)) })
	return slices.Compact(segments), nil
}

// ErrTooLong is wrapped when a line is longer than whoever reads it allows.
var ErrTooLong = errors.New("the line is too long")

// Lines reads the whole lines of a segment, without their newlines. A line is valid until the next one;
// an unfinished one at the end is left out.
func (f *File) Lines(limit int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		in := bufio.NewReaderSize(io.NewSectionReader(f, 0, f.size), frameBytes)
		var long []byte
		for {
			part, err := in.ReadSlice('\n')
			if err == io.EOF {
				return
			}
			if err != nil && err != bufio.ErrBufferFull {
				yield(nil, fmt.Errorf("read %s: %w", filepath.Base(f.file.Name()), err))
				return
			}
			if len(long)+len(part) > limit {
				yield(nil, fmt.Errorf("read %s: %w", filepath.Base(f.file.Name()), ErrTooLong))
				return
			}
			if err == bufio.ErrBufferFull {
				long = append(long, part...)
				continue
			}
			if len(long) > 0 {
				part = append(long, part...)
			}
			if !yield(part[:len(part)-1], nil) {
				return
			}
			long = long[:0]
		}
	}
}
