package evidence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/borderflow/borderflow/proxy/evidence/checkpoint"
	"github.com/borderflow/borderflow/proxy/evidence/merkle"
)

// checkpointName is the file of the newest checkpoint, as in https://c2sp.org/tlog-tiles.
const checkpointName = "checkpoint"

// maxWaitingTiles bounds the full tiles that a failing disk keeps in memory, to 8 MiB. It is a
// million records that have no checkpoint; no more are written until it has been made up for.
const maxWaitingTiles = 1024

// notary grows the tree over the lines that are written and publishes its tiles and checkpoints. It
// belongs to the writer.
//
// A checkpoint comes last: records and full tiles are on stable storage before it, so that whoever
// sees it finds what it commits to. Partial tiles are not synced, as they can be made again from
// the records.
type notary struct {
	directory string
	files     FileSystem
	key       *checkpoint.Key
	sync      bool   // before a checkpoint, not with Relaxed
	copy      string // second place of the checkpoint; "" for none

	hasher    *merkle.Hasher
	tree      *merkle.Tree
	published uint64    // size of the last checkpoint
	since     time.Time // when the first record behind it was added
	unsynced  []string  // full tiles that are written
	waiting   []merkle.Tile
	partial   [2][]string // partial tiles of the last two checkpoints: a reader may be at the older
	copyError error
}

// add appends a line to the tree.
func (n *notary) add(line []byte) {
	if n.tree.Size() == n.published {
		n.since = time.Now()
	}
	n.tree.Append(n.hasher.Leaf(line))
	if n.tree.Waiting() > 0 {
		n.waiting = append(n.waiting, n.tree.TakeFull()...)
	}
}

// behind reports that checkpoints have failed for so long that no more records may come.
func (n *notary) behind() bool { return len(n.waiting) > maxWaitingTiles }

func (n *notary) due(every time.Duration) time.Duration {
	if n.tree.Size() == n.published {
		return never
	}
	return max(0, every-time.Since(n.since))
}

func (n *notary) path(tile merkle.Tile) string {
	return filepath.Join(n.directory, merkle.Path(tile.Level, tile.Index, len(tile.Data)/tlog.HashSize))
}

// writeTiles writes the tiles that have become full.
func (n *notary) writeTiles() error {
	for len(n.waiting) > 0 {
		path := n.path(n.waiting[0])
		if err := n.files.Put(path, n.waiting[0].Data); err != nil {
			return fmt.Errorf("write a tile: %w", err)
		}
		n.unsynced = append(n.unsynced, path)
		n.waiting = n.waiting[1:]
	}
	return nil
}

// publish writes a checkpoint over all that was added. The records must be on stable storage already.
func (n *notary) publish() error {
	if n.tree.Size() == n.published {
		return nil
	}
	if err := n.writeTiles(); err != nil {
		return err
	}
	edge := n.tree.Edge()
	partial := make([]string, 0, len(edge))
	for _, tile := range edge {
		path := n.path(tile)
		partial = append(partial, path)
		if slices.Contains(n.partial[1], path) {
			continue // it has not grown, and somebody may be reading it
		}
		if err := n.files.Put(path, tile.Data); err != nil {
			return fmt.Errorf("write a tile: %w", err)
		}
	}
	if n.sync {
		if err := n.files.SyncAll(n.unsynced); err != nil {
			return fmt.Errorf("sync tiles: %w", err)
		}
	}
	n.unsynced = n.unsynced[:0]
	signed, err := checkpoint.Checkpoint{Origin: n.key.Origin(), Size: n.tree.Size(), Root: n.tree.Root()}.Sign(n.key)
	if err != nil {
		return fmt.Errorf("sign a checkpoint: %w", err)
	}
	if err := n.files.Replace(filepath.Join(n.directory, checkpointName), signed, n.sync); err != nil {
		return fmt.Errorf("write a checkpoint: %w", err)
	}
	n.published = n.tree.Size()
	n.copyError = n.keepApart(signed)
	n.forget(partial)
	return nil
}

// keepApart copies the checkpoint to its second place. That this fails takes nothing from the log,
// and stops nothing.
func (n *notary) keepApart(signed []byte) error {
	if n.copy == "" {
		return nil
	}
	if err := n.files.Replace(n.copy, signed, n.sync); err != nil {
		return fmt.Errorf("copy the checkpoint: %w", err)
	}
	return nil
}

// forget removes the partial tiles of the checkpoint before the last. What remains of one is only in
// the way, so that an error is not worth one.
func (n *notary) forget(partial []string) {
	kept := make(map[string]bool)
	for _, path := range append(partial, n.partial[1]...) {
		kept[path] = true
	}
	for _, path := range n.partial[0] {
		if !kept[path] {
			_ = n.files.Remove(path)
			_ = os.Remove(filepath.Dir(path)) // it goes with its last tile
		}
	}
	n.partial[0], n.partial[1] = n.partial[1], partial
}

// readCheckpoint reads the newest checkpoint of a log. That there is none is no error: found is false.
func readCheckpoint(directory string, key *checkpoint.Key) (c checkpoint.Checkpoint, found bool, err error) {
	return readCheckpointFile(filepath.Join(directory, checkpointName), key)
}

func readCheckpointFile(path string, key *checkpoint.Key) (c checkpoint.Checkpoint, found bool, err error) {
	signed, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return c, false, nil
	}
	if err != nil {
		return c, true, err
	}
	c, err = checkpoint.Open(signed, key.Verifier())
	return c, true, err
}
