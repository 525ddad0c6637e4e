// Command verifier checks a bundle of evidence, as "borderflow evidence export" makes it, and uses no code of
// borderflow: the standard library, and the Go project's code for transparency logs.
//
//	verifier [-key KEY] BUNDLE
//
// It says OK and ends with exit code 0 when the checkpoint is signed by the key, every record of the bundle is
// the one that the checkpoint commits to, and none is missing between the first and the last but those that
// signed notes say were removed. Otherwise it names each record that is wrong and ends with 1. Without -key,
// the key of the bundle is believed, which shows damage and not forgery.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	key := flag.String("key", "", "public key of the log (default: that of the bundle)")
	flag.Usage = func() { fmt.Fprintln(flag.CommandLine.Output(), "usage: verifier [-key KEY] BUNDLE") }
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	b := bundle{dir: flag.Arg(0), seen: map[int64]bool{}}
	if err := b.check(*key); err != nil {
		b.wrong("%v", err)
	}
	if b.mistakes > 0 {
		fmt.Printf("NOT OK: %d mistakes\n", b.mistakes)
		os.Exit(1)
	}
	believed := ""
	if *key == "" {
		believed = ", by the key in the bundle"
	}
	fmt.Printf("OK: %d records, %d to %d, of the log %s at %d records%s\n", len(b.seen), b.first, b.last, b.origin, b.tree.N, believed)
	if b.removed > 0 {
		fmt.Printf("%d records between them are past their retention and were removed\n", b.removed)
	}
}

type bundle struct {
	dir         string
	origin      string
	verifier    note.Verifier
	tree        tlog.Tree
	hashes      tlog.HashReader
	seen        map[int64]bool // numbers of the records that are right
	first, last int64
	removed     int64
	mistakes    int
}

func (b *bundle) wrong(format string, values ...any) {
	b.mistakes++
	fmt.Printf(format+"\n", values...)
}

func (b *bundle) check(key string) error {
	own, err := b.read("key.pub")
	if err != nil {
		return err
	}
	if key == "" {
		key = string(own)
	}
	if strings.TrimSpace(key) != strings.TrimSpace(string(own)) {
		return errors.New("the key of the bundle is another than the one that is trusted")
	}
	if b.verifier, err = note.NewVerifier(strings.TrimSpace(key)); err != nil {
		return err
	}
	signed, err := b.read("checkpoint")
	if err != nil {
		return err
	}
	if err := b.openCheckpoint(signed); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	b.hashes = tlog.TileHashReader(b.tree, b)
	files, err := filepath.Glob(filepath.Join(b.dir, "records", "*.jsonl"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := b.checkFile(file); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
	}
	return b.checkNoneIsMissing()
}

// openCheckpoint reads origin, size and root, and checks the signature.
func (b *bundle) openCheckpoint(signed []byte) error {
	opened, err := note.Open(signed, note.VerifierList(b.verifier))
	if err != nil {
		return err
	}
	origin, rest, _ := strings.Cut(opened.Text, "\n")
	size, rest, _ := strings.Cut(rest, "\n")
	root, rest, _ := strings.Cut(rest, "\n")
	b.origin = origin
	if b.tree.N, err = strconv.ParseInt(size, 10, 64); err != nil {
		return err
	}
	if b.tree.Hash, err = tlog.ParseHash(root); err != nil {
		return err
	}
	if origin != b.verifier.Name() || rest != "" {
		return fmt.Errorf("it is of the log %q", origin)
	}
	return nil
}

func (b *bundle) read(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(b.dir, filepath.FromSlash(name)))
}

// checkFile compares the records of a file with the leaves of the tree, 256 at a time.
func (b *bundle) checkFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewReader(file)
	var numbers []int64
	var leaves []tlog.Hash
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			line = bytes.TrimSuffix(line, []byte("\n"))
			var record struct{ Seq int64 }
			if bad := json.Unmarshal(line, &record); bad != nil || record.Seq < 1 || record.Seq > b.tree.N {
				b.wrong("%s, line %d: not a record that the checkpoint commits to", filepath.Base(path), number)
			} else {
				numbers, leaves = append(numbers, record.Seq), append(leaves, tlog.RecordHash(line))
			}
		}
		if len(leaves) == 256 || err != nil && len(leaves) > 0 {
			b.compare(numbers, leaves)
			numbers, leaves = nil, nil
		}
		if err != nil {
			return nil
		}
	}
}

func (b *bundle) compare(numbers []int64, leaves []tlog.Hash) {
	places := make([]int64, len(numbers))
	for i, number := range numbers {
		places[i] = tlog.StoredHashIndex(0, number-1)
	}
	committed, err := b.hashes.ReadHashes(places)
	if err != nil {
		b.wrong("records %d to %d: the tiles do not lead to the checkpoint: %v", slices.Min(numbers), slices.Max(numbers), err)
		return
	}
	for i, number := range numbers {
		switch {
		case committed[i] != leaves[i]:
			b.wrong("record %d: it is not the one that the checkpoint commits to", number)
		case b.seen[number]:
			b.wrong("record %d: it is there twice", number)
		default:
			b.seen[number] = true
		}
	}
}

// checkNoneIsMissing looks for gaps between the first and the last record that bundle.json names.
func (b *bundle) checkNoneIsMissing() error {
	text, err := b.read("bundle.json")
	if err != nil {
		return err
	}
	var contents struct{ First, Last int64 }
	if err := json.Unmarshal(text, &contents); err != nil {
		return fmt.Errorf("bundle.json: %w", err)
	}
	b.first, b.last = contents.First, contents.Last
	if b.first < 1 || b.last < b.first || b.last > b.tree.N {
		return errors.New("bundle.json: it does not say which records there are")
	}
	removed, err := b.removals()
	if err != nil {
		return err
	}
	gap := int64(0) // first of the records that are missing up to here
	for number := b.first; number <= b.last+1; number++ {
		isRemoved := slices.ContainsFunc(removed, func(r [2]int64) bool { return r[0] <= number && number <= r[1] })
		there := number > b.last || b.seen[number] || isRemoved
		switch {
		case number <= b.last && !b.seen[number] && isRemoved:
			b.removed++
		case !there && gap == 0:
			gap = number
		}
		if there && gap > 0 {
			b.wrong("records %d to %d: missing, or found wrong", gap, number-1)
			gap = 0
		}
	}
	return nil
}

// removals reads which records signed notes say were removed.
func (b *bundle) removals() (ranges [][2]int64, err error) {
	files, err := filepath.Glob(filepath.Join(b.dir, "removed", "*"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		signed, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		opened, err := note.Open(signed, note.VerifierList(b.verifier))
		if err != nil {
			return nil, fmt.Errorf("removed/%s: %w", filepath.Base(file), err)
		}
		var segment string
		var r [2]int64
		if _, err := fmt.Sscanf(opened.Text, "borderflow.removal/1\nsegment %s\nrecords %d %d\n", &segment, &r[0], &r[1]); err != nil {
			return nil, fmt.Errorf("removed/%s: not the note of a removal", filepath.Base(file))
		}
		ranges = append(ranges, r)
	}
	return ranges, nil
}

// Height is part of tlog.TileReader.
func (b *bundle) Height() int { return 8 }

// SaveTiles is part of tlog.TileReader.
func (b *bundle) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles is part of tlog.TileReader. The names of tiles are those of https://c2sp.org/tlog-tiles, which
// leaves the height out.
func (b *bundle) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		text, err := b.read("tile/" + strings.TrimPrefix(tile.Path(), "tile/8/"))
		if err != nil {
			return nil, err
		}
		data[i] = text
	}
	return data, nil
}
