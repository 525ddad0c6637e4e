package merkle

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// grow appends n lines, and keeps what the reference implementation stores for them.
func grow(t testing.TB, tree *Tree, n int) tlog.HashReader {
	t.Helper()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = stored[index]
		}
		return found, nil
	})
	hasher := NewHasher()
	for i := range n {
		line := fmt.Appendf(nil, "line %d", i)
		hashes, err := tlog.StoredHashes(int64(i), line, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
		tree.Append(hasher.Leaf(line))
	}
	return reader
}

func TestRootIsThatOfTheReferenceImplementationAtEverySize(t *testing.T) {
	const largest = 2*Width*Width/64 + 777
	var tree Tree
	reader := grow(t, &tree, largest)
	hasher := NewHasher()
	var again Tree
	for i := range largest {
		if want, err := tlog.TreeHash(int64(i), reader); err != nil || (i > 0 && again.Root() != want) {
			t.Fatalf("the root of %d leaves is %v, want %v (%v)", i, again.Root(), want, err)
		}
		again.Append(hasher.Leaf(fmt.Appendf(nil, "line %d", i)))
	}
	if again.Root() != tree.Root() {
		t.Error("the same lines give two roots")
	}
}

func writeTiles(t testing.TB, directory string, tiles []Tile) {
	t.Helper()
	for _, tile := range tiles {
		path := filepath.Join(directory, Path(tile.Level, tile.Index, len(tile.Data)/tlog.HashSize))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, tile.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTilesAreThoseOfTheReferenceImplementation(t *testing.T) {
	for _, size := range []int{1, 255, 256, 257, 512, 65535, 65536, 70000} {
		directory := t.TempDir()
		var tree Tree
		reader := grow(t, &tree, size)
		writeTiles(t, directory, tree.TakeFull())
		writeTiles(t, directory, tree.Edge())
		for _, tile := range tlog.NewTiles(Height, 0, int64(size)) {
			want, err := tlog.ReadTileData(tile, reader)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Directory(directory).ReadTiles([]tlog.Tile{tile})
			if err != nil || string(got[0]) != string(want) {
				t.Errorf("size %d: tile %s differs (%v)", size, tile.Path(), err)
			}
		}
		hashes, err := Directory(directory).Hashes(uint64(size), tree.Root())
		if err != nil {
			t.Fatal(err)
		}
		if root, err := tlog.TreeHash(int64(size), hashes); err != nil || root != tree.Root() {
			t.Errorf("size %d: the tiles give the root %v (%v)", size, root, err)
		}
	}
}

func TestTreeGoesOnFromItsFullTiles(t *testing.T) {
	directory := t.TempDir()
	var whole Tree
	grow(t, &whole, 66_000)
	writeTiles(t, directory, whole.TakeFull())
	resumed, err := Resume(66_000/Width*Width, func(level int, index uint64) ([]byte, error) {
		return Directory(directory).Read(level, index, Width)
	})
	if err != nil {
		t.Fatal(err)
	}
	hasher := NewHasher()
	for i := resumed.Size(); i < whole.Size(); i++ {
		resumed.Append(hasher.Leaf(fmt.Appendf(nil, "line %d", i)))
	}
	if resumed.Root() != whole.Root() {
		t.Error("the resumed tree has another root")
	}
}

func TestPartialTileIsReadFromTheOneThatReplacedIt(t *testing.T) {
	directory := t.TempDir()
	var tree Tree
	grow(t, &tree, 100)
	writeTiles(t, directory, tree.Edge())
	data, err := Directory(directory).Read(0, 0, 60)
	if err != nil || len(data) != 60*tlog.HashSize {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if _, err := Directory(directory).Read(0, 0, 101); err == nil {
		t.Error("a tile that does not exist yet was read")
	}
}

func TestPathsAreThoseOfTheSpecification(t *testing.T) {
	for path, tile := range map[string]struct {
		level int
		index uint64
		width int
	}{
		"tile/0/000":               {0, 0, Width},
		"tile/0/x001/x234/067":     {0, 1234067, Width},
		"tile/2/999.p/1":           {2, 999, 1},
		"tile/1/x001/000.p/255":    {1, 1000, 255},
		"tile/0/x012/x000/007":     {0, 12_000_007, Width},
		"tile/0/x012/x000/007.p/8": {0, 12_000_007, 8},
	} {
		if got := filepath.ToSlash(Path(tile.level, tile.index, tile.width)); got != path {
			t.Errorf("got %s, want %s", got, path)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	line := make([]byte, 568)
	b.Run("edge", func(b *testing.B) {
		var tree Tree
		hasher := NewHasher()
		b.ReportAllocs()
		for b.Loop() {
			tree.Append(hasher.Leaf(line))
			if tree.Waiting() > 0 {
				tree.TakeFull()
			}
		}
	})
	b.Run("tlog.StoredHashes", func(b *testing.B) {
		var stored []tlog.Hash
		reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
			found := make([]tlog.Hash, len(indexes))
			for i, index := range indexes {
				found[i] = stored[index]
			}
			return found, nil
		})
		b.ReportAllocs()
		for n := int64(0); b.Loop(); n++ {
			hashes, err := tlog.StoredHashes(n, line, reader)
			if err != nil {
				b.Fatal(err)
			}
			stored = append(stored, hashes...)
		}
	})
}
