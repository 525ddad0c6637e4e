package evidence

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/borderflow/borderflow/proxy/evidence/checkpoint"
	"github.com/borderflow/borderflow/proxy/evidence/merkle"
)

// openNotary takes the tree up where the last checkpoint and the records leave it, and returns what
// was found amiss. last is the number of the last record in the segments. Only the tiles at the
// right edge and the records behind the checkpoint are read, unless these do not give the hash that
// the checkpoint signs.
//
// The number of the next record is one more than the tree's size: a checkpoint that commits to
// records which are not there any more keeps their numbers taken.
func openNotary(directory string, o Options, key *checkpoint.Key, segments []Segment, last uint64) (*notary, []Recovery, error) {
	n := &notary{
		directory: directory, files: o.FileSystem, key: key, sync: o.Durability != Relaxed, copy: o.CheckpointCopy,
		hasher: merkle.NewHasher(), tree: new(merkle.Tree),
	}
	c, found, err := readCheckpoint(directory, key)
	var mended []Recovery
	switch {
	case err != nil:
		mended, err = n.setAside("the checkpoint cannot be read", err)
	case found && !n.resume(c, segments):
		mended, err = n.setAside(fmt.Sprintf("the records do not give the hash that the checkpoint of %d records signs", c.Size), nil)
		n.tree, n.waiting, n.unsynced = new(merkle.Tree), nil, nil
	case found:
		n.published = c.Size
		n.mendEdge()
		if last < c.Size {
			mended = append(mended, Recovery{
				Segment: lastSegment(segments), Since: last + 1, Until: c.Size,
				Reason: "records that the checkpoint commits to are missing",
			})
		}
	}
	if err != nil {
		return nil, nil, err
	}
	if err := n.extend(segments, last); err != nil {
		return nil, nil, fmt.Errorf("read the records behind the checkpoint: %w", err)
	}
	if n.tree.Size() > n.published {
		n.since = time.Now()
	}
	return n, append(mended, n.compareCopy(c, segments)...), nil
}

func lastSegment(segments []Segment) string {
	if len(segments) == 0 {
		return ""
	}
	return filepath.Base(segments[len(segments)-1].Path)
}

// setAside keeps a checkpoint that the log cannot go on from, for whoever investigates.
func (n *notary) setAside(reason string, cause error) ([]Recovery, error) {
	kept := checkpointName + asideMark()
	if err := n.files.Rename(filepath.Join(n.directory, checkpointName), filepath.Join(n.directory, kept)); err != nil {
		return nil, fmt.Errorf("keep a checkpoint that does not fit: %w", err)
	}
	recovery := Recovery{Segment: kept, Reason: reason, Abandoned: true}
	if cause != nil {
		recovery.CausedBy = systemError(cause)
	}
	return []Recovery{recovery}, nil
}

// resume brings the tree to the size of c: from the tiles; if they do not give its hash, with the
// last leaves from the records; and if that does not either, from the records alone. It reports
// whether one of them does.
func (n *notary) resume(c checkpoint.Checkpoint, segments []Segment) bool {
	tiles := merkle.Directory(n.directory)
	full := func(level int, index uint64) ([]byte, error) { return tiles.Read(level, index, merkle.Width) }
	base := c.Size &^ (merkle.Width - 1)
	if tree, err := merkle.Resume(base, full); err == nil {
		n.tree = tree
		if width := int(c.Size - base); width > 0 {
			leaves, err := tiles.Read(0, base/merkle.Width, width)
			for i := 0; err == nil && i < width; i++ {
				tree.Append(merkle.Hash(leaves[i*tlog.HashSize:][:tlog.HashSize]))
			}
		}
		if tree.Size() == c.Size && tree.Root() == c.Root {
			return true
		}
	}
	if tree, err := merkle.Resume(base, full); err == nil {
		n.tree = tree
		if n.extend(segments, c.Size) == nil && tree.Root() == c.Root {
			return true
		}
	}
	n.tree, n.waiting = new(merkle.Tree), nil
	return n.extend(segments, c.Size) == nil && n.tree.Root() == c.Root
}

// extend appends the records up to the given number to the tree. In the place of one that is missing
// stands the hash of nothing.
func (n *notary) extend(segments []Segment, until uint64) error {
	err := eachRecord(segments, n.tree.Size()+1, until, func(seq uint64, line []byte) {
		n.fill(seq - 1)
		if seq == n.tree.Size()+1 {
			n.append(n.hasher.Leaf(line))
		}
	})
	n.fill(until)
	return err
}

func (n *notary) fill(until uint64) {
	for n.tree.Size() < until {
		n.append(n.hasher.Leaf(nil))
	}
}

func (n *notary) append(leaf merkle.Hash) {
	n.tree.Append(leaf)
	if n.tree.Waiting() > 0 {
		n.waiting = append(n.waiting, n.tree.TakeFull()...)
		// What cannot be written now is tried again by the writer, which says so.
		_ = n.writeTiles()
	}
}

// mendEdge writes the partial tiles of the checkpoint that the tree is at where they are not what
// they should be: they are not synced. What cannot be written now is for Verify to say.
func (n *notary) mendEdge() {
	for _, tile := range n.tree.Edge() {
		path := n.path(tile)
		n.partial[1] = append(n.partial[1], path)
		if found, err := os.ReadFile(path); err != nil || !bytes.Equal(found, tile.Data) {
			_ = n.files.Put(path, tile.Data)
		}
	}
}

// compareCopy looks at the checkpoint that was kept apart: a log that is behind it was set back, and
// one that does not begin with it was written anew. What tells so is not written over.
func (n *notary) compareCopy(own checkpoint.Checkpoint, segments []Segment) []Recovery {
	if n.copy == "" {
		return nil
	}
	c, found, err := readCheckpointFile(n.copy, n.key)
	recovery := Recovery{Segment: filepath.Base(n.copy)}
	switch {
	case !found:
		return nil
	case err != nil:
		recovery.Reason, recovery.CausedBy = "the checkpoint that was kept apart cannot be read", systemError(err)
	case c.Size > n.tree.Size():
		recovery = Recovery{Segment: lastSegment(segments), Since: n.tree.Size() + 1, Until: c.Size,
			Reason: "the log is older than the checkpoint that was kept apart"}
	case c.Size > n.published || n.beginsWith(own, c):
		return nil // with the first, the records that came last have no checkpoint of their own yet
	default:
		recovery.Since, recovery.Until = 1, c.Size
		recovery.Reason = "the log does not begin with what the checkpoint that was kept apart commits to"
	}
	if err := n.files.Rename(n.copy, n.copy+asideMark()); err != nil {
		recovery.CausedBy = systemError(err)
	}
	return []Recovery{recovery}
}

// beginsWith reports whether the log of its own checkpoint begins with that of c, which is not
// longer; when the tiles cannot say, it does not.
func (n *notary) beginsWith(own, c checkpoint.Checkpoint) bool {
	if c.Size == own.Size {
		return c.Root == own.Root
	}
	hashes, err := merkle.Directory(n.directory).Hashes(own.Size, own.Root)
	if err != nil || c.Size == 0 {
		return err == nil
	}
	root, err := tlog.TreeHash(int64(c.Size), hashes)
	return err == nil && root == c.Root
}

// asideMark is what the name of a checkpoint that is kept aside ends in.
func asideMark() string { return ".until-" + time.Now().UTC().Format("20060102T150405.000Z") }

// eachRecord calls each with the lines of the records from the given number until the other, in
// their order. Lines that are no records, and numbers that come twice, are passed over.
func eachRecord(segments []Segment, from, until uint64, each func(seq uint64, line []byte)) error {
	for i, s := range segments {
		if s.First > until || i+1 < len(segments) && segments[i+1].First <= from {
			continue
		}
		size, err := fileSize(s.Path)
		if err != nil {
			return err
		}
		for line, err := range linesOf(s.Path, offsetOf(s, from), size) {
			if err != nil {
				return err
			}
			if seq, ok := sequenceIn(line.text); ok && seq >= from && seq <= until {
				each(seq, line.text)
				from = seq + 1
			}
		}
	}
	return nil
}
