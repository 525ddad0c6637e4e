package merkle

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// Path is where a tile stands under the log's directory, e.g. "tile/0/x001/067" or, with a width
// below Width, "tile/0/x001/067.p/8".
func Path(level int, index uint64, width int) string {
	name := fmt.Sprintf("%03d", index%1000)
	for rest := index / 1000; rest > 0; rest /= 1000 {
		name = fmt.Sprintf("x%03d/%s", rest%1000, name)
	}
	if width < Width {
		name += ".p/" + strconv.Itoa(width)
	}
	return filepath.FromSlash("tile/" + strconv.Itoa(level) + "/" + name)
}

// Directory reads the tiles of a log, as a tlog.TileReader.
type Directory string

var _ tlog.TileReader = Directory("")

// Height implements tlog.TileReader.
func (d Directory) Height() int { return Height }

// SaveTiles implements tlog.TileReader; there is no cache to save to.
func (d Directory) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles implements tlog.TileReader.
func (d Directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		if tile.H != Height || tile.L < 0 || tile.N < 0 {
			return nil, fmt.Errorf("no tile %s in a log of height %d", tile.Path(), Height)
		}
		var err error
		if data[i], err = d.Read(tile.L, uint64(tile.N), tile.W); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// Read returns the first width hashes of a tile. A partial tile that is gone since it grew is read
// from the larger one that took its place.
func (d Directory) Read(level int, index uint64, width int) ([]byte, error) {
	data, err := d.file(Path(level, index, width), width)
	if err == nil || width == Width || !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	if data, full := d.file(Path(level, index, Width), Width); full == nil {
		return data[:width*tlog.HashSize], nil
	}
	entries, _ := os.ReadDir(filepath.Dir(filepath.Join(string(d), Path(level, index, width))))
	for _, entry := range entries {
		if larger, bad := strconv.Atoi(entry.Name()); bad == nil && larger > width && larger < Width {
			if data, gone := d.file(Path(level, index, larger), larger); gone == nil {
				return data[:width*tlog.HashSize], nil
			}
		}
	}
	return nil, err
}

func (d Directory) file(path string, width int) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(string(d), path))
	if err != nil {
		return nil, err
	}
	if len(data) != width*tlog.HashSize {
		return nil, fmt.Errorf("%s has %d bytes instead of %d", path, len(data), width*tlog.HashSize)
	}
	return data, nil
}

// Hashes returns a reader of the tree's hashes that checks each tile against root before it is used.
func (d Directory) Hashes(size uint64, root Hash) (tlog.HashReader, error) {
	if size > math.MaxInt64 {
		return nil, fmt.Errorf("a tree of %d leaves is larger than any", size)
	}
	return tlog.TileHashReader(tlog.Tree{N: int64(size), Hash: root}, d), nil
}
