package delivery

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/borderflow/borderflow/proxy/evidence"
)

// segmentName is how the log names its files; a complete one may have been compressed.
var segmentName = regexp.MustCompile(`^flows-\d{8}T\d{6}\.\d{3}Z-(\d{20})\.jsonl(\.zst|\.gz)?$`)

type segment struct {
	name        string // without the ending of a compressed one
	path        string
	compression string // ".zst", ".gz" or ""
	first       uint64 // number of its first record
}

// segments lists the log in the order of its records. Of a segment that stands there twice, as it is
// being compressed, the plain one is taken.
func segments(directory string) ([]segment, error) {
	entries, err := os.ReadDir(directory)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list evidence segments: %w", err)
	}
	var list []segment
	for _, entry := range entries { // sorted: "….jsonl" comes before "….jsonl.gz"
		match := segmentName.FindStringSubmatch(entry.Name())
		if match == nil || !entry.Type().IsRegular() {
			continue
		}
		first, err := strconv.ParseUint(match[1], 10, 64)
		if err != nil || first == 0 {
			continue
		}
		name := strings.TrimSuffix(entry.Name(), match[2])
		if len(list) > 0 && list[len(list)-1].name == name {
			continue
		}
		list = append(list, segment{name, filepath.Join(directory, entry.Name()), match[2], first})
	}
	slices.SortStableFunc(list, func(a, b segment) int {
		switch {
		case a.first < b.first:
			return -1
		case a.first > b.first:
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	return list, nil
}

// decompress returns what a compressed segment holds. The memory that a hostile file can claim is
// bounded.
func decompress(file io.Reader, compression string) (io.ReadCloser, error) {
	if compression == ".gz" {
		return gzip.NewReader(file)
	}
	decoder, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
	if err != nil {
		return nil, err
	}
	return decoder.IOReadCloser(), nil
}

// newest returns the cursor behind the last whole line of the log.
func newest(directory string) (Cursor, error) {
	list, err := segments(directory)
	if err != nil || len(list) == 0 {
		return Cursor{}, err
	}
	last := list[len(list)-1]
	if last.compression != "" {
		// Only while nothing writes to the log: reading all of it for a number would cost too much.
		return Cursor{Segment: last.name, Seq: last.first - 1}, nil
	}
	file, err := os.Open(last.path)
	if err != nil {
		return Cursor{}, fmt.Errorf("read evidence: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Cursor{}, fmt.Errorf("read evidence: %w", err)
	}
	for window := int64(64 << 10); ; window *= 4 {
		from := max(0, info.Size()-window)
		text := make([]byte, info.Size()-from)
		if n, err := file.ReadAt(text, from); err != nil && err != io.EOF {
			return Cursor{}, fmt.Errorf("read evidence: %w", err)
		} else {
			text = text[:n]
		}
		end := bytes.LastIndexByte(text, '\n') + 1
		begin := bytes.LastIndexByte(text[:max(0, end-1)], '\n') + 1
		switch {
		case end > 0 && (begin > 0 || from == 0):
			line := text[begin:end]
			seq, _ := sequenceOf(line)
			return Cursor{Segment: last.name, Offset: from + int64(begin)}.after(line, seq), nil
		case from == 0 || window > 2*evidence.MaxLine:
			return Cursor{Segment: last.name, Seq: last.first - 1}, nil
		}
	}
}

func newestSequence(directory string) (uint64, error) {
	cursor, err := newest(directory)
	return cursor.Seq, err
}
