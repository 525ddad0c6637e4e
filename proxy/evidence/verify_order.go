package evidence

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/borderflow/borderflow/proxy/evidence/merkle"
)

// order takes lines in their order, says which numbers are wrong, and grows the tree over them. A
// line is held until the next one is known: with it, a number that was changed can be told from a
// record that is missing.
type order struct {
	v        *verification
	tiles    merkle.Directory
	tree     merkle.Tree
	expected uint64 // number of the next record
	held     placed
	holds    bool
	root     merkle.Hash // of the records that the checkpoint commits to
	unjudged int         // tiles that differ beyond maxDiffering
	current  *Segment
	line     int // of the current segment
	index    *indexCheck
	lastTile struct {
		index uint64
		data  []byte
	}
	places   map[uint64]placed // of records in tiles that differ
	recent   []placed          // of the tile that is not full yet
	differ   []merkle.Tile     // tiles of leaves that are not the log's own
	reported map[uint64]bool   // records that something was found about
}

// placed is a line and where it stands.
type placed struct {
	readLineResult
	segment string
	line    int
}

// maxDiffering bounds the tiles that are looked into for single records, to 8 MiB.
const maxDiffering = 1024

func newOrder(v *verification) order {
	return order{
		v: v, tiles: merkle.Directory(v.directory), expected: 1,
		places: make(map[uint64]placed), reported: make(map[uint64]bool),
	}
}

func (o *order) take(c *chunk) {
	if c.segment != o.current {
		o.current, o.line = c.segment, 0
		o.index = c.index
	}
	name := filepath.Base(c.segment.Path)
	for i := range c.lines {
		o.line++
		p := placed{c.lines[i], name, o.line}
		if o.line == 1 && p.seq != 0 && p.seq != c.segment.First {
			o.v.report.add(Finding{Kind: BadSegment, Segment: name, Seq: p.seq,
				Detail: fmt.Sprintf("its name says that it begins with record %d", c.segment.First)})
		}
		o.index.line(&p)
		o.settle(p.seq)
		o.held, o.holds = p, true
	}
	o.v.report.Bytes += int64(c.size)
	if c.last {
		if problem := o.index.end(); problem != "" {
			o.v.report.add(Finding{Kind: BadIndex, Segment: filepath.Base(indexPath(c.segment.Path)), Detail: problem})
		}
		// An unfinished line at the end of the log is being written, or is cut off by the next start; in
		// an earlier segment it was given up. Whether a record is missing by it, its number tells.
	}
}

// end settles the last line.
func (o *order) end() { o.settle(0) }

// settle decides on the held line, now that the number of the next one is known; 0 is none.
func (o *order) settle(next uint64) {
	if !o.holds {
		return
	}
	p := &o.held
	o.holds = false
	r := o.v.report
	switch {
	case p.seq == o.expected:
	case next == o.expected && next != 0:
		o.misplaced(p)
		return
	case next == o.expected+1 || p.seq == 0:
		// It stands where the expected record should.
		kind, detail := Edited, fmt.Sprintf("its number was changed to %d", p.seq)
		if p.seq == 0 {
			kind, detail = Foreign, "the line is no record"
		}
		o.found(p, kind, o.expected, detail)
	case p.seq > o.expected:
		from := o.expected
		for from < p.seq && o.reported[from] {
			from++
		}
		if f := o.v.lost(from, p.seq-1); f != nil {
			f.Segment, f.Line = p.segment, p.line
			f.Detail = fmt.Sprintf("record %d follows on %d", p.seq, o.expected-1)
			r.add(*f)
		}
		o.fill(p.seq - 1)
	default:
		o.misplaced(p)
		return
	}
	if r.Records == 0 {
		r.First = o.expected
	}
	r.Records++
	if p.err != nil && !o.reported[o.expected] {
		o.found(p, NotCanonical, o.expected, p.err.Error())
	}
	if p.recovery != nil {
		r.Recoveries = append(r.Recoveries, p.recovery)
	}
	o.append(p.leaf, *p)
}

// misplaced reports a line that has no place where it stands.
func (o *order) misplaced(p *placed) {
	switch {
	case p.seq == 0:
		o.found(p, Foreign, 0, "the line is no record")
	case p.seq > o.expected:
		o.found(p, Reordered, p.seq, fmt.Sprintf("it stands before record %d", o.expected))
	default:
		o.found(p, Reordered, p.seq, fmt.Sprintf("it stands behind record %d, or a second time", o.expected-1))
	}
}

func (o *order) found(p *placed, kind FindingKind, seq uint64, detail string) {
	o.reported[seq] = true
	o.v.report.add(Finding{Kind: kind, Seq: seq, Segment: p.segment, Line: p.line, Detail: detail})
}

func (o *order) append(leaf merkle.Hash, p placed) {
	o.recent = append(o.recent, p)
	o.tree.Append(leaf)
	o.expected++
	if o.tree.Waiting() > 0 {
		for _, tile := range o.tree.TakeFull() {
			o.compare(tile)
		}
		o.recent = o.recent[:0]
	}
	if o.v.found && o.tree.Size() == o.v.checkpoint.Size {
		o.root = o.tree.Root()
		o.checkEdge()
	}
}

// fill puts the hashes of records that are not there in their place, from the tiles.
func (o *order) fill(until uint64) {
	for o.expected <= until {
		o.reported[o.expected] = true
		o.append(o.leafOf(o.expected-1), placed{})
	}
}

// leafOf returns the hash of a leaf as the log's own tile has it; of none when it has none.
func (o *order) leafOf(index uint64) merkle.Hash {
	at, place := index/merkle.Width, int(index%merkle.Width)
	if o.lastTile.data == nil || o.lastTile.index != at {
		data, err := o.tiles.Read(0, at, merkle.Width)
		if err != nil {
			data, _ = o.tiles.Read(0, at, max(1, int(o.v.checkpoint.Size%merkle.Width)))
		}
		o.lastTile.index, o.lastTile.data = at, data
	}
	if data := o.lastTile.data; (place+1)*tlog.HashSize <= len(data) {
		return merkle.Hash(data[place*tlog.HashSize:])
	}
	return merkle.NewHasher().Leaf(nil)
}

// compare holds a full tile over the records to the log's own.
func (o *order) compare(tile merkle.Tile) {
	if !o.v.found || (tile.Index+1)<<(merkle.Height*(tile.Level+1)) > o.v.checkpoint.Size {
		return // no checkpoint says that it must be there
	}
	own, err := o.tiles.Read(tile.Level, tile.Index, merkle.Width)
	if err == nil && bytes.Equal(own, tile.Data) {
		return
	}
	o.differs(tile)
}

func (o *order) differs(tile merkle.Tile) {
	if len(o.differ) >= maxDiffering {
		o.unjudged++
		return
	}
	o.differ = append(o.differ, tile)
	if tile.Level == 0 {
		for i, p := range o.recent {
			o.places[tile.Index*merkle.Width+uint64(i)+1] = p
		}
	}
}

// checkEdge compares the tiles that are not full at the checkpoint, which the tree has come to.
func (o *order) checkEdge() {
	for _, tile := range o.tree.Edge() {
		own, err := o.tiles.Read(tile.Level, tile.Index, len(tile.Data)/tlog.HashSize)
		if err != nil || !bytes.Equal(own, tile.Data) {
			tile.Data = slices.Clone(tile.Data)
			o.differs(tile)
		}
	}
}

// judge says who is right where records and tiles differ: what the signed hash vouches for.
func (o *order) judge() {
	named := false
	hashes, err := o.tiles.Hashes(o.v.checkpoint.Size, o.v.checkpoint.Root)
	for _, tile := range o.differ {
		named = err == nil && o.judgeTile(tile, hashes) || named
	}
	if o.unjudged > 0 || !named && o.root != o.v.checkpoint.Root && o.v.checkpoint.Size > 0 {
		o.v.report.add(Finding{Kind: WrongRoot, Detail: fmt.Sprintf(
			"records and tiles do not give the hash that the checkpoint signs; %d tiles differ", len(o.differ)+o.unjudged)})
	}
}

// judgeTile reports whether it found out what is wrong with a tile.
func (o *order) judgeTile(tile merkle.Tile, hashes tlog.HashReader) bool {
	name := filepath.ToSlash(merkle.Path(tile.Level, tile.Index, len(tile.Data)/tlog.HashSize))
	first := tile.Index * merkle.Width
	var wanted []int64
	for i := range len(tile.Data) / tlog.HashSize {
		wanted = append(wanted, tlog.StoredHashIndex(merkle.Height*tile.Level, int64(first)+int64(i)))
	}
	signed, err := hashes.ReadHashes(wanted)
	if err != nil {
		o.v.report.add(Finding{Kind: BadTile, Segment: name, Detail: systemError(err)})
		// The tile on disk is not what was signed. Whether its records are, the root over all says.
		return o.root == o.v.checkpoint.Root
	}
	named := false
	for i, hash := range signed {
		if hash == merkle.Hash(tile.Data[i*tlog.HashSize:]) {
			continue
		}
		named = true
		if seq := first + uint64(i) + 1; tile.Level == 0 && !o.reported[seq] {
			p := o.places[seq]
			o.found(&p, Edited, seq, "it is not the record that the checkpoint commits to")
		}
	}
	return named
}

// indexCheck compares the index of a segment with its lines.
type indexCheck struct {
	entries []byte
	sorted  []byte
	at      int
	problem string
	sum     uint64 // of the entries as the sorted index has them, in any order
}

func openIndexCheck(segment string) *indexCheck {
	// That there is none, or that it is behind, is no mistake: it can be made again.
	sorted, _ := os.ReadFile(sortedPath(segment))
	entries, _ := os.ReadFile(indexPath(segment))
	return &indexCheck{entries: entries, sorted: sorted}
}

func (x *indexCheck) line(p *placed) {
	x.sum += mix(p.id, uint64(x.at))
	if start := x.at * entryBytes; start+entryBytes <= len(x.entries) && x.problem == "" {
		entry := x.entries[start:]
		if binary.BigEndian.Uint64(entry) != uint64(p.offset) || binary.BigEndian.Uint64(entry[8:]) != p.id {
			x.problem = fmt.Sprintf("its entry for line %d is another's", x.at+1)
		}
	}
	x.at++
}

func mix(hash, n uint64) uint64 { return (hash ^ n*0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9 }

func (x *indexCheck) end() string {
	if x.problem == "" && len(x.entries) > x.at*entryBytes {
		x.problem = "it has entries for lines that are not there"
	}
	sorted := x.sorted
	if sorted == nil || x.problem != "" {
		return x.problem
	}
	var sum, before uint64
	for rest := sorted; len(rest) >= entryBytes; rest = rest[entryBytes:] {
		hash := binary.BigEndian.Uint64(rest)
		if hash < before {
			return "the sorted index is not in order"
		}
		before = hash
		sum += mix(hash, binary.BigEndian.Uint64(rest[8:]))
	}
	if len(sorted) != x.at*entryBytes || sum != x.sum {
		return "the sorted index is not of these lines"
	}
	return ""
}
