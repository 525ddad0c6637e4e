package evidence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/borderflow/borderflow/proxy/evidence/keep/sealed"
)

// Beside each segment stands its index, so that a record is found by number or id without reading
// the segment: "….idx" holds for the n-th line where it begins and a hash of its id. Once the
// segment is complete, "….ids" holds the same hashes in their order, each with its n. Both say only
// where to look, are checked against the line that is found there, and can be rebuilt from it.
const (
	indexSuffix  = ".idx"
	sortedSuffix = ".ids"
	entryBytes   = 16
)

func indexPath(segment string) string  { return strings.TrimSuffix(segment, ".jsonl") + indexSuffix }
func sortedPath(segment string) string { return strings.TrimSuffix(segment, ".jsonl") + sortedSuffix }

// segmentIndex writes the index of one segment. An error ends it and not the log: whoever looks for
// a record then reads the segment.
type segmentIndex struct {
	file   File
	buffer []byte
}

func appendEntry(dst []byte, offset int64, line []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(offset))
	return binary.BigEndian.AppendUint64(dst, idHash(idOf(line)))
}

func (x *segmentIndex) add(offset int64, line []byte) {
	if x.file != nil {
		x.buffer = appendEntry(x.buffer, offset, line)
	}
}

// flush writes what was added.
func (x *segmentIndex) flush() error {
	if x.file == nil || len(x.buffer) == 0 {
		return nil
	}
	_, err := x.file.Write(x.buffer)
	x.buffer = x.buffer[:0]
	if err != nil {
		_ = x.file.Close()
		x.file = nil
	}
	return err
}

func (x *segmentIndex) close() error {
	if x.file == nil {
		return nil
	}
	file := x.file
	x.file = nil
	// Once: what the segments of a log that goes on are looked up with is not made again.
	return errors.Join(file.Sync(), file.Close())
}

// openIndex makes the index of a segment that is begun.
func openIndex(files FileSystem, segment string) (segmentIndex, error) {
	// What an earlier attempt at this segment left says nothing.
	if err := files.Remove(indexPath(segment)); err != nil {
		return segmentIndex{}, err
	}
	file, err := files.Create(indexPath(segment))
	return segmentIndex{file: file}, err
}

// resumeIndex opens the index of a segment of size bytes that is gone on with, and brings it up to
// the segment: a crash leaves it behind, or ahead of what was cut off.
func resumeIndex(files FileSystem, segment string, size int64) (segmentIndex, error) {
	known, err := os.ReadFile(indexPath(segment))
	if err != nil || len(known) < entryBytes {
		known = nil
	}
	known = increasing(known[:len(known)/entryBytes*entryBytes])
	for len(known) > 0 && !entryStands(segment, known[len(known)-entryBytes:], size) {
		known = known[:len(known)-entryBytes]
	}
	kept, from := len(known), int64(0)
	if kept > 0 {
		// The last line is read again, to know where the next one begins.
		kept -= entryBytes
		from = int64(binary.BigEndian.Uint64(known[kept:]))
		known = known[:kept]
	}
	for line, err := range linesOf(segment, from, size) {
		if err != nil {
			return segmentIndex{}, err
		}
		known = appendEntry(known, line.offset, line.text)
	}
	if kept == 0 {
		if err := files.Replace(indexPath(segment), known, false); err != nil {
			return segmentIndex{}, err
		}
		file, err := files.Open(indexPath(segment))
		return segmentIndex{file: file}, err
	}
	file, err := files.Open(indexPath(segment))
	if err != nil {
		return segmentIndex{}, err
	}
	x := segmentIndex{file: file, buffer: known[kept:]}
	if err := file.Truncate(int64(kept)); err != nil {
		return segmentIndex{}, err
	}
	return x, x.flush()
}

// mendIndex brings the index of a segment up to it that is not gone on with.
func mendIndex(options Options, segment string, size int64) {
	x, err := resumeIndex(options.FileSystem, segment, size)
	if err == nil {
		err = x.close()
	}
	if err != nil {
		options.Log.Warn("evidence index is not kept", zap.Error(err))
	}
}

// increasing returns the entries before the first whose line does not begin behind the one before: a
// power cut leaves zeros where it will.
func increasing(entries []byte) []byte {
	before := int64(-1)
	for at := 0; at < len(entries); at += entryBytes {
		offset := int64(binary.BigEndian.Uint64(entries[at:]))
		if offset <= before || at == 0 && offset != 0 {
			return entries[:at]
		}
		before = offset
	}
	return entries
}

// entryStands reports whether a line of the entry's id begins where it says.
func entryStands(segment string, entry []byte, size int64) bool {
	offset := int64(binary.BigEndian.Uint64(entry))
	if offset < 0 || offset >= size {
		return false
	}
	for line, err := range linesOf(segment, offset, size) {
		return err == nil && bytes.Equal(appendEntry(nil, offset, line.text), entry)
	}
	return false
}

// sortIndex writes the sorted index of a segment that is complete.
func sortIndex(files FileSystem, segment string) error {
	entries, err := os.ReadFile(indexPath(segment))
	if err != nil {
		return fmt.Errorf("sort the index of a segment: %w", err)
	}
	type entry struct{ hash, n uint64 }
	sorted := make([]entry, 0, len(entries)/entryBytes)
	for n := range len(entries) / entryBytes {
		sorted = append(sorted, entry{binary.BigEndian.Uint64(entries[n*entryBytes+8:]), uint64(n)})
	}
	slices.SortFunc(sorted, func(a, b entry) int {
		if a.hash != b.hash {
			if a.hash < b.hash {
				return -1
			}
			return 1
		}
		return int(int64(a.n) - int64(b.n))
	})
	out := entries[:0]
	for _, e := range sorted {
		out = binary.BigEndian.AppendUint64(out, e.hash)
		out = binary.BigEndian.AppendUint64(out, e.n)
	}
	if err := files.Replace(sortedPath(segment), out, true); err != nil {
		return fmt.Errorf("sort the index of a segment: %w", err)
	}
	return nil
}

var idKey = []byte(`"id":"`)

// idReach is how far into a line its id begins at most: behind schema, number, kind and time.
const idReach = 200

// idOf returns the id of the flow that a line is about, as it is spelled there; nil when there is none.
func idOf(line []byte) []byte {
	at := bytes.Index(line[:min(len(line), idReach)], idKey)
	if at < 0 {
		return nil
	}
	id := line[at+len(idKey):]
	for i := 0; i < len(id); i++ {
		switch id[i] {
		case '\\':
			i++
		case '"':
			return id[:i]
		}
	}
	return nil
}

// idHash is FNV-1a over the id as it is spelled in the line. Two ids of one hash cost a look at a
// line too many, nothing else.
func idHash(id []byte) uint64 {
	hash := uint64(14695981039346656037)
	for _, c := range id {
		hash = (hash ^ uint64(c)) * 1099511628211
	}
	return hash
}

// offsetOf returns where the record of the given number begins in the segment, as the index says and
// the line confirms; 0 when it cannot say.
func offsetOf(s Segment, seq uint64) int64 {
	if seq <= s.First {
		return 0
	}
	index, err := os.Open(indexPath(s.Path))
	if err != nil {
		return 0
	}
	defer index.Close()
	var entry [entryBytes]byte
	if _, err := index.ReadAt(entry[:], int64(seq-s.First)*entryBytes); err != nil {
		return 0
	}
	offset := int64(binary.BigEndian.Uint64(entry[:]))
	size, err := fileSize(s.Path)
	if err != nil || offset < 0 || offset >= size {
		return 0
	}
	for line, err := range linesOf(s.Path, offset, size) {
		if found, ok := sequenceIn(line.text); err == nil && ok && found == seq {
			return offset
		}
		break
	}
	return 0
}

// fileSize is the length of a segment, sealed or not, as its lines have it.
func fileSize(path string) (int64, error) {
	file, err := sealed.Open(path)
	if err != nil {
		return 0, err
	}
	return file.Size(), file.Close()
}
