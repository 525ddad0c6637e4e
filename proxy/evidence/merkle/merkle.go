// Package merkle grows a Merkle tree over the lines of the evidence log, in the public formats of
// transparency logs: hashes as in RFC 6962 section 2.1, stored as tiles of 256 hashes
// (https://c2sp.org/tlog-tiles), so that anybody's tools can read and check them.
//
// The one idea: of a growing tree only its right edge is kept, which is at most 255 hashes on each
// level. A leaf costs its own hash and, on average, one more; nothing is read back. When 256 hashes
// of a level stand together they are a full tile, never change again, and their root is one hash of
// the level above.
//
// It leaves proofs to golang.org/x/mod/sumdb/tlog, which reads the tiles through Directory, and
// writing tiles to disk to package evidence.
//
//	tree := new(merkle.Tree)
//	tree.Append(hasher.Leaf(line))
//	for _, tile := range tree.TakeFull() { ... }  // write them
//	root := tree.Root()
package merkle

import (
	"crypto/sha256"
	"fmt"
	"hash"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 hash of a leaf or a node.
type Hash = tlog.Hash

const (
	// Height is that of a tile, in levels of the tree.
	Height = 8
	// Width is the number of hashes in a full tile.
	Width = 1 << Height
	// TileBytes is the length of a full tile.
	TileBytes = Width * tlog.HashSize

	levels = 64 / Height
)

// Hasher computes leaf hashes without allocating. It belongs to one goroutine.
type Hasher struct {
	digest hash.Hash
	sum    [tlog.HashSize]byte
}

// NewHasher returns a Hasher.
func NewHasher() *Hasher { return &Hasher{digest: sha256.New()} }

var leafPrefix = []byte{0}

// Leaf returns the leaf hash of line, SHA-256(0x00 || line).
func (h *Hasher) Leaf(line []byte) Hash {
	h.digest.Reset()
	h.digest.Write(leafPrefix)
	h.digest.Write(line)
	h.digest.Sum(h.sum[:0])
	return h.sum
}

// Tile is 256 hashes of one level that stand together.
type Tile struct {
	Level int
	Index uint64 // from the left of its level
	Data  []byte // TileBytes long; not to be changed
}

// Tree is a growing tree. The zero value is the empty one. It belongs to one goroutine.
type Tree struct {
	size uint64
	edge [levels][]byte // the hashes of each level that are not in a full tile
	full []Tile
}

// Size is the number of leaves.
func (t *Tree) Size() uint64 { return t.size }

// Append adds a leaf at the right.
func (t *Tree) Append(leaf Hash) {
	t.size++
	for level := 0; ; level++ {
		if t.edge[level] == nil {
			t.edge[level] = make([]byte, 0, TileBytes)
		}
		t.edge[level] = append(t.edge[level], leaf[:]...)
		if len(t.edge[level]) < TileBytes {
			return
		}
		data := t.edge[level]
		t.edge[level] = nil
		t.full = append(t.full, Tile{Level: level, Index: t.size>>(Height*(level+1)) - 1, Data: data})
		leaf = Root(data)
	}
}

// TakeFull returns the tiles that became full since the last call, in the order in which they did.
func (t *Tree) TakeFull() []Tile {
	full := t.full
	t.full = nil
	return full
}

// Waiting is the number of full tiles that were not taken.
func (t *Tree) Waiting() int { return len(t.full) }

// Edge returns the tiles at the right that are not full, from the leaves up; empty ones are left
// out. Their data is valid until the next Append.
func (t *Tree) Edge() []Tile {
	var edge []Tile
	for level, data := range t.edge {
		if len(data) > 0 {
			edge = append(edge, Tile{Level: level, Index: t.size >> (Height * (level + 1)), Data: data})
		}
	}
	return edge
}

// Root returns the Merkle tree hash, that of the empty string for the empty tree.
func (t *Tree) Root() Hash {
	if t.size == 0 {
		return sha256.Sum256(nil)
	}
	var root Hash
	found := false
	for _, data := range t.edge {
		// The hashes of a level fall into complete subtrees by the binary digits of their number, the
		// largest at the left (RFC 6962 section 2.1); they are joined from the right.
		for width, end := 1, len(data)/tlog.HashSize; end > 0; width *= 2 {
			if end&width == 0 {
				continue
			}
			sub := Root(data[(end-width)*tlog.HashSize : end*tlog.HashSize])
			if found {
				root = node(&sub, &root)
			} else {
				root, found = sub, true
			}
			end -= width
		}
	}
	return root
}

// Root returns the hash of the complete subtree over the hashes in data, a power of two of them.
func Root(data []byte) Hash {
	var scratch [TileBytes / 2]byte
	var pair [1 + 2*tlog.HashSize]byte
	pair[0] = 1
	for from := data; len(from) > tlog.HashSize; {
		n := len(from) / (2 * tlog.HashSize)
		for i := range n {
			copy(pair[1:], from[i*2*tlog.HashSize:(i+1)*2*tlog.HashSize])
			sum := sha256.Sum256(pair[:])
			copy(scratch[i*tlog.HashSize:], sum[:])
		}
		from = scratch[:n*tlog.HashSize]
		data = from
	}
	return Hash(data[:tlog.HashSize])
}

func node(left, right *Hash) Hash {
	var pair [1 + 2*tlog.HashSize]byte
	pair[0] = 1
	copy(pair[1:], left[:])
	copy(pair[1+tlog.HashSize:], right[:])
	return sha256.Sum256(pair[:])
}

// Resume returns the tree of the given size, a multiple of Width, from its full tiles. It reads at
// most 255 of each level.
func Resume(size uint64, read func(level int, index uint64) ([]byte, error)) (*Tree, error) {
	if size%Width != 0 {
		return nil, fmt.Errorf("resume a tree of %d leaves: not a multiple of %d", size, Width)
	}
	t := &Tree{size: size}
	for level := 1; level < levels && size>>(Height*level) > 0; level++ {
		t.edge[level] = make([]byte, 0, TileBytes)
		end := size >> (Height * level)
		for index := end &^ (Width - 1); index < end; index++ {
			data, err := read(level-1, index)
			if err != nil {
				return nil, err
			}
			if len(data) != TileBytes {
				return nil, fmt.Errorf("tile %d of level %d has %d bytes instead of %d", index, level-1, len(data), TileBytes)
			}
			root := Root(data)
			t.edge[level] = append(t.edge[level], root[:]...)
		}
	}
	return t, nil
}
