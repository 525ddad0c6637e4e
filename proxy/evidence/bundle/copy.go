package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/keep/sealed"
	"github.com/borderflow/borderflow/proxy/evidence/merkle"
)

// recorder reads tiles, and remembers which.
type recorder struct {
	merkle.Directory
	read map[string][]byte // by path within the bundle
}

// ReadTiles is part of tlog.TileReader.
func (r *recorder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data, err := r.Directory.ReadTiles(tiles)
	if err != nil {
		return nil, err
	}
	for i, tile := range tiles {
		r.read[filepath.ToSlash(merkle.Path(tile.L, uint64(tile.N), tile.W))] = data[i]
	}
	return data, nil
}

func (r *recorder) names() []string { return slices.Sorted(maps.Keys(r.read)) }

// compare holds each record of a part to its leaf, by tiles that the checkpoint vouches for.
func (e *exporter) compare(ctx context.Context, part Part, tiles *recorder) error {
	file, err := sealed.Open(part.path)
	if err != nil {
		return err
	}
	defer file.Close()
	hashes := tlog.TileHashReader(tlog.Tree{N: int64(e.checkpoint.Size), Hash: e.checkpoint.Root}, tiles)
	hasher := merkle.NewHasher()
	seq := part.First
	var leaves []merkle.Hash
	var places []int64
	settle := func() error {
		own, err := hashes.ReadHashes(places)
		if err != nil {
			return fmt.Errorf("read the tiles: %w", err)
		}
		for i := range own {
			if own[i] != leaves[i] {
				return fmt.Errorf("record %d is not the one that the checkpoint commits to: `borderflow evidence verify` says more", seq-uint64(len(own)-i))
			}
		}
		leaves, places = leaves[:0], places[:0]
		return ctx.Err()
	}
	for line, err := range file.Lines(evidence.MaxLine) {
		if err != nil {
			return err
		}
		if seq > part.Last {
			break
		}
		leaves = append(leaves, hasher.Leaf(line))
		places = append(places, tlog.StoredHashIndex(0, int64(seq)-1))
		if seq++; len(leaves) == merkle.Width {
			if err := settle(); err != nil {
				return err
			}
		}
	}
	if len(places) == 0 {
		return nil
	}
	return settle()
}

// copySegment copies the lines of a part.
func (e *exporter) copySegment(part Part) error {
	file, err := sealed.Open(part.path)
	if err != nil {
		return err
	}
	defer file.Close()
	return e.to.stream("records/"+part.Name, part.bytes, io.NewSectionReader(file, 0, part.bytes))
}

// copyNotes copies checkpoints that witnesses have signed, and the notes of what was removed.
func (e *exporter) copyNotes() error {
	cosigned, err := os.ReadDir(filepath.Join(e.options.Directory, "cosigned"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var names []string
	for _, entry := range cosigned {
		if size, err := strconv.ParseUint(entry.Name(), 10, 63); err == nil && size <= e.checkpoint.Size {
			names = append(names, "cosigned/"+entry.Name())
		}
	}
	for _, removal := range e.contents.Removed {
		names = append(names, "removed/"+strconv.FormatUint(removal.First, 10))
	}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(e.options.Directory, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		if err := e.to.file(name, content); err != nil {
			return err
		}
	}
	return nil
}
