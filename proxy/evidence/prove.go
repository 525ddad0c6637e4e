package evidence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/borderflow/borderflow/proxy/evidence/checkpoint"
	"github.com/borderflow/borderflow/proxy/evidence/merkle"
)

var (
	// ErrNoRecord is wrapped when a log has no record of the number or id that is asked for.
	ErrNoRecord = errors.New("there is no such record")
	// ErrNoCheckpoint is wrapped when no checkpoint commits to the record yet: one comes within
	// Options.CheckpointEvery.
	ErrNoCheckpoint = errors.New("no checkpoint commits to it yet")
)

// Archive reads a log, also one that is being written. What it knows of segments and checkpoint is
// from when it was opened. Its methods may be called from any goroutine.
type Archive struct {
	directory  string
	segments   []Segment
	signed     []byte // newest checkpoint; nil when there is none
	checkpoint checkpoint.Checkpoint
}

// OpenArchive opens the log in directory for reading.
func OpenArchive(directory string) (*Archive, error) {
	a := &Archive{directory: directory}
	// The checkpoint first: what it commits to is in the segments that are listed after it.
	signed, err := os.ReadFile(filepath.Join(directory, checkpointName))
	switch {
	case err == nil:
		if a.checkpoint, err = checkpoint.Unsigned(signed); err != nil {
			return nil, fmt.Errorf("open evidence: %w", err)
		}
		a.signed = signed
	case !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("open evidence: %w", err)
	}
	if a.segments, err = Segments(directory); err != nil {
		return nil, err
	}
	return a, nil
}

// Place is where a record's line stands.
type Place struct {
	Segment string // path
	Offset  int64  // in bytes
}

// Line returns the record of the given number as it stands in its segment, without newline.
func (a *Archive) Line(seq uint64) ([]byte, Place, error) {
	i, _ := slices.BinarySearchFunc(a.segments, seq, func(s Segment, seq uint64) int {
		if s.First <= seq {
			return -1
		}
		return 1
	})
	if i == 0 || seq == 0 {
		return nil, Place{}, fmt.Errorf("record %d: %w", seq, ErrNoRecord)
	}
	s := a.segments[i-1]
	size, err := fileSize(s.Path)
	if err != nil {
		return nil, Place{}, fmt.Errorf("read record %d: %w", seq, err)
	}
	for line, err := range linesOf(s.Path, offsetOf(s, seq), size) {
		if err != nil {
			return nil, Place{}, fmt.Errorf("read record %d: %w", seq, err)
		}
		if found, ok := sequenceIn(line.text); ok && found == seq {
			return bytes.Clone(line.text), Place{s.Path, line.offset}, nil
		}
	}
	return nil, Place{}, fmt.Errorf("record %d: %w", seq, ErrNoRecord)
}

// Find returns the numbers of the records about the flow of the given id, in their order: that of
// its outcome is the last, unless the flow has not ended.
func (a *Archive) Find(id string) ([]uint64, error) {
	if id == "" {
		return nil, fmt.Errorf("flow %q: %w", id, ErrNoRecord)
	}
	var spelled text
	spelled.str(bounded(id, maxVersion))
	wanted := []byte(spelled[1 : len(spelled)-1])
	var found []uint64
	for _, s := range a.segments {
		candidates, indexed := candidatesIn(s, idHash(wanted))
		for _, seq := range candidates {
			if line, _, err := a.Line(seq); err == nil && bytes.Equal(idOf(line), wanted) {
				found = append(found, seq)
			}
		}
		size, err := fileSize(s.Path)
		if err != nil {
			return nil, fmt.Errorf("find flow: %w", err)
		}
		if indexed >= size {
			continue
		}
		for line, err := range linesOf(s.Path, indexed, size) {
			if err != nil {
				return nil, fmt.Errorf("find flow: %w", err)
			}
			if seq, ok := sequenceIn(line.text); ok && bytes.Equal(idOf(line.text), wanted) {
				found = append(found, seq)
			}
		}
	}
	slices.Sort(found)
	if found = slices.Compact(found); len(found) == 0 {
		return nil, fmt.Errorf("flow %q: %w", bounded(id, maxVersion), ErrNoRecord)
	}
	return found, nil
}

// candidatesIn returns the numbers of the segment's records whose ids have the given hash, and the
// offset up to which the index knows.
func candidatesIn(s Segment, hash uint64) (candidates []uint64, indexed int64) {
	size, err := fileSize(s.Path)
	if err != nil {
		return nil, 0
	}
	if sorted, err := os.Open(sortedPath(s.Path)); err == nil {
		defer sorted.Close()
		return inSorted(sorted, s.First, hash), size
	}
	entries, err := os.ReadFile(indexPath(s.Path))
	if err != nil || len(entries) < entryBytes {
		return nil, 0
	}
	last := len(entries)/entryBytes - 1
	for n := range last + 1 {
		if binary.BigEndian.Uint64(entries[n*entryBytes+8:]) == hash {
			candidates = append(candidates, s.First+uint64(n))
		}
	}
	// From the last line that it knows: what was written since is read.
	return candidates, offsetOf(s, s.First+uint64(last))
}

func inSorted(sorted *os.File, first, hash uint64) (candidates []uint64) {
	info, err := sorted.Stat()
	if err != nil {
		return nil
	}
	var entry [entryBytes]byte
	at := func(i int) (uint64, uint64) {
		if _, err := sorted.ReadAt(entry[:], int64(i)*entryBytes); err != nil {
			return 0, 0
		}
		return binary.BigEndian.Uint64(entry[:]), binary.BigEndian.Uint64(entry[8:])
	}
	count := int(info.Size() / entryBytes)
	for i := sort.Search(count, func(i int) bool { h, _ := at(i); return h >= hash }); i < count; i++ {
		h, n := at(i)
		if h != hash {
			break
		}
		candidates = append(candidates, first+n)
	}
	return candidates
}

// Prove returns the proof that the log holds the record of the given number. It does not ask who
// signed the checkpoint: whoever verifies the proof does.
func (a *Archive) Prove(seq uint64) (*Proof, error) {
	line, _, err := a.Line(seq)
	if err != nil {
		return nil, fmt.Errorf("prove a record: %w", err)
	}
	c := a.checkpoint
	if seq > c.Size {
		return nil, fmt.Errorf("prove record %d: %w", seq, ErrNoCheckpoint)
	}
	hashes, err := a.hashes()
	if err != nil {
		return nil, fmt.Errorf("prove record %d: %w", seq, err)
	}
	way, err := tlog.ProveRecord(int64(c.Size), int64(seq-1), hashes)
	if err != nil {
		return nil, fmt.Errorf("prove record %d: read the tiles: %w", seq, err)
	}
	if err := tlog.CheckRecord(way, int64(c.Size), c.Root, int64(seq-1), tlog.RecordHash(line)); err != nil {
		return nil, fmt.Errorf("prove record %d: it is not the one that the checkpoint commits to: %w", seq, err)
	}
	return &Proof{Record: line, Index: seq - 1, Hashes: way, Checkpoint: a.cosigned()}, nil
}

// ProveFlow is Prove for the outcome of the flow with the given id, or its opening while it has none.
func (a *Archive) ProveFlow(id string) (*Proof, error) {
	found, err := a.Find(id)
	if err != nil {
		return nil, fmt.Errorf("prove a record: %w", err)
	}
	return a.Prove(found[len(found)-1])
}

// ProveConsistency returns the proof that the log begins with the first old records.
func (a *Archive) ProveConsistency(old uint64) (*ConsistencyProof, error) {
	c := a.checkpoint
	if old > c.Size {
		return nil, fmt.Errorf("prove consistency: the checkpoint is of %d records, less than %d", c.Size, old)
	}
	p := &ConsistencyProof{Old: old, Checkpoint: a.cosigned()}
	if old == 0 {
		return p, nil
	}
	hashes, err := a.hashes()
	if err != nil {
		return nil, fmt.Errorf("prove consistency: %w", err)
	}
	if p.Hashes, err = tlog.ProveTree(int64(c.Size), int64(old), hashes); err != nil {
		return nil, fmt.Errorf("prove consistency: read the tiles: %w", err)
	}
	return p, nil
}

// Checkpoint returns the newest checkpoint, signed, with the cosignatures of witnesses that were
// kept with it; nil when there is none.
func (a *Archive) Checkpoint() []byte { return a.cosigned() }

func (a *Archive) hashes() (tlog.HashReader, error) {
	if a.signed == nil {
		return nil, ErrNoCheckpoint
	}
	return merkle.Directory(a.directory).Hashes(a.checkpoint.Size, a.checkpoint.Root)
}
