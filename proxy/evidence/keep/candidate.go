package keep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/checkpoint"
	"github.com/borderflow/borderflow/proxy/evidence/keep/sealed"
	"github.com/borderflow/borderflow/proxy/evidence/merkle"
)

// candidate is a complete segment that is looked at.
type candidate struct {
	*Keeper
	segment   sealed.Segment
	next      uint64 // first number of the next segment
	holds     Holds
	mayRemove bool
}

func (c *candidate) tend(ctx context.Context, done *Done) error {
	s, err := c.summary(ctx)
	if err != nil {
		return err
	}
	if c.mayRemove && s.expires(c.options).Before(c.options.Now()) {
		return c.remove(ctx, done)
	}
	if _, err := os.Stat(c.segment.Path); c.options.Seal && err == nil {
		if !c.options.DryRun {
			if err := sealed.Seal(c.segment.Path); err != nil {
				return err
			}
		}
		done.Sealed = append(done.Sealed, filepath.Base(c.segment.Path))
	}
	return nil
}

// remove reads the segment once more, as the summary beside it may be anybody's, and removes it when
// nothing speaks against that.
func (c *candidate) remove(ctx context.Context, done *Done) error {
	var held string
	var tree merkle.Tree
	var leaves []merkle.Hash
	hasher := merkle.NewHasher()
	s, err := c.read(ctx, func(line []byte, record *evidence.Record) {
		if held == "" {
			held = c.holds.holding(record)
		}
		leaf := hasher.Leaf(line)
		leaves = append(leaves, leaf)
		tree.Append(leaf)
		tree.TakeFull()
	})
	if err != nil {
		return err
	}
	name := filepath.Base(c.segment.Path)
	expired := s.expires(c.options)
	switch {
	case !expired.Before(c.options.Now()):
		return c.writeSummary(s)
	case held != "":
		done.Held = append(done.Held, Held{name, held})
		return nil
	case s.Records == 0:
		return nil // nothing to remove but a name that says where numbers go on
	case s.Last >= c.next:
		return fmt.Errorf("it is not removed: its last record is %d, and the next segment begins with %d", s.Last, c.next)
	}
	if err := c.committed(s.First, leaves); err != nil {
		return fmt.Errorf("it is not removed: %w", err)
	}
	removal := Removal{Segment: name, First: s.First, Last: s.Last, Root: tree.Root(), Expired: expired, Removed: c.options.Now()}
	if !c.options.DryRun {
		if err := removal.write(c.options.Directory, c.signer); err != nil {
			return err
		}
		if err := c.unlink(); err != nil {
			return err
		}
	}
	done.Removed = append(done.Removed, removal)
	return nil
}

// committed checks that the records are those that the newest checkpoint commits to: what was changed is
// for an investigation, and not to be removed.
func (c *candidate) committed(first uint64, leaves []merkle.Hash) error {
	signed, err := os.ReadFile(filepath.Join(c.options.Directory, "checkpoint"))
	if err != nil {
		return err
	}
	newest, err := checkpoint.Open(signed, c.verifier)
	if err != nil {
		return err
	}
	if last := first + uint64(len(leaves)) - 1; last > newest.Size {
		return fmt.Errorf("the checkpoint is of %d records, its last one is %d", newest.Size, last)
	}
	hashes, err := merkle.Directory(c.options.Directory).Hashes(newest.Size, newest.Root)
	if err != nil {
		return err
	}
	for from := 0; from < len(leaves); from += merkle.Width {
		part := leaves[from:min(from+merkle.Width, len(leaves))]
		places := make([]int64, len(part))
		for i := range part {
			places[i] = tlog.StoredHashIndex(0, int64(first)-1+int64(from+i))
		}
		own, err := hashes.ReadHashes(places)
		if err != nil {
			return fmt.Errorf("read the tiles: %w", err)
		}
		for i := range part {
			if own[i] != part[i] {
				return fmt.Errorf("record %d is not the one that the checkpoint commits to", first+uint64(from+i))
			}
		}
	}
	return nil
}

// unlink removes the segment and what stands beside it.
func (c *candidate) unlink() error {
	base := c.segment.Path[:len(c.segment.Path)-len(".jsonl")]
	for _, suffix := range []string{".jsonl", ".jsonl" + sealed.Suffix, ".idx", ".ids", summarySuffix} {
		if err := os.Remove(base + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	directory, err := os.Open(c.options.Directory)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

// retained returns until when a record is kept.
func retained(from time.Time, days int) time.Time { return from.AddDate(0, 0, days) }
