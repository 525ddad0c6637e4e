// Package bundle hands out the records of a period so that somebody else can check them without the log,
// without borderflow, and without trusting either.
//
// A bundle is a directory, or the same as a .tar.zst file:
//
//	README.md         what this is, and how to check it
//	bundle.json       the period, the records, what is missing
//	key.pub           public key of the log (https://c2sp.org/signed-note)
//	checkpoint        signed, with cosignatures (https://c2sp.org/tlog-checkpoint)
//	cosigned/         older checkpoints that witnesses have signed
//	records/          whole segments: the lines are the leaves of the tree
//	tile/             the tiles that lead from these leaves to the checkpoint (https://c2sp.org/tlog-tiles)
//	removed/          signed notes of records of the period that were past their retention
//	policies/         the policies that decided, by their hash
//
// Whole segments are taken, so that a bundle may hold more than its period. The one idea is to have the
// tiles read by the code that a verifier uses (golang.org/x/mod/sumdb/tlog), and to hand out what it asked
// for; each record is compared with its leaf on the way, so that a log that is broken is not handed out.
//
// Package main of examples/verifier checks a bundle with nothing of borderflow.
//
//	contents, err := bundle.Export(ctx, bundle.Options{Directory: dir, From: from, Until: until}, "period.tar.zst")
package bundle

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/checkpoint"
	"github.com/borderflow/borderflow/proxy/evidence/keep"
	"github.com/borderflow/borderflow/proxy/evidence/keep/sealed"
	"github.com/borderflow/borderflow/proxy/evidence/merkle"
	"github.com/borderflow/borderflow/proxy/evidence/query"
)

//go:embed README.md
var readme []byte

// Options for Export.
type Options struct {
	Directory string    // of the log
	Key       string    // public key of the log
	From      time.Time // records of that time or later; zero: from the beginning
	Until     time.Time // records before that time; zero: to the end
	// Policy returns the text of the policy with a hash, false when it was not kept. nil: none was kept.
	Policy func(hash string) ([]byte, bool)
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Contents is what a bundle holds, as bundle.json says it.
type Contents struct {
	Schema   string         `json:"schema"`
	Origin   string         `json:"origin"` // name of the log
	From     string         `json:"from,omitempty"`
	Until    string         `json:"until,omitempty"`
	Made     time.Time      `json:"made"`
	Size     uint64         `json:"size"` // records that the checkpoint commits to
	Root     string         `json:"root"`
	First    uint64         `json:"first"` // number of the first record of the bundle
	Last     uint64         `json:"last"`
	Records  uint64         `json:"records"`
	Matching int            `json:"matching"` // of them, records of the period
	Segments []Part         `json:"segments"`
	Removed  []keep.Removal `json:"removed,omitempty"`
	Policies []string       `json:"policies,omitempty"`         // hashes of the policies whose texts are there
	Missing  []string       `json:"missing_policies,omitempty"` // of those that decided and were not kept
}

// Part is a segment, or what the checkpoint commits to of it.
type Part struct {
	Name  string `json:"name"`
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	bytes int64
	path  string
}

const schema = "borderflow.bundle/1"

// ErrNothing is wrapped when no record of the period is committed to by a checkpoint.
var ErrNothing = errors.New("there are no records of the period that a checkpoint commits to")

// Export writes a bundle: a file when the name ends in ".tar.zst", else a directory, which must not be
// there yet. What was written when an error comes is removed.
func Export(ctx context.Context, options Options, out string) (Contents, error) {
	contents, err := export(ctx, options, out)
	if err != nil {
		return Contents{}, fmt.Errorf("export evidence: %w", err)
	}
	return contents, nil
}

func export(ctx context.Context, options Options, out string) (contents Contents, err error) {
	e := &exporter{options: options}
	if e.options.Now == nil {
		e.options.Now = time.Now
	}
	if err := e.open(ctx); err != nil {
		return contents, err
	}
	if e.to, err = create(out); err != nil {
		return contents, err
	}
	err = e.write(ctx)
	if err = errors.Join(err, e.to.close()); err != nil {
		return contents, errors.Join(err, os.RemoveAll(out))
	}
	return e.contents, nil
}

// exporter is one export.
type exporter struct {
	options    Options
	verifier   note.Verifier
	signed     []byte
	checkpoint checkpoint.Checkpoint
	contents   Contents
	policies   []string
	to         target
}

// open finds out what the bundle is to hold.
func (e *exporter) open(ctx context.Context) error {
	var err error
	if e.verifier, err = note.NewVerifier(strings.TrimSpace(e.options.Key)); err != nil {
		return fmt.Errorf("read the public key of the log: %w", err)
	}
	archive, err := evidence.OpenArchive(e.options.Directory)
	if err != nil {
		return err
	}
	if e.signed = archive.Checkpoint(); e.signed == nil {
		return ErrNothing
	}
	if e.checkpoint, err = checkpoint.Open(e.signed, e.verifier); err != nil {
		return err
	}
	first, last, err := e.span(ctx)
	if err != nil {
		return err
	}
	c := &e.contents
	*c = Contents{Schema: schema, Origin: e.checkpoint.Origin, From: stamp(e.options.From), Until: stamp(e.options.Until),
		Made: e.options.Now().UTC(), Size: e.checkpoint.Size, Root: e.checkpoint.Root.String(), Matching: c.Matching}
	return e.choose(first, min(last, e.checkpoint.Size))
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// span returns the numbers of the first and the last record of the period, and gathers their policies.
func (e *exporter) span(ctx context.Context) (first, last uint64, err error) {
	everything, err := query.Compile("")
	if err != nil {
		return 0, 0, err
	}
	result, err := query.Run(ctx, e.options.Directory, everything, query.Options{From: e.options.From, Until: e.options.Until}, func(line []byte) error {
		var r struct {
			Seq    uint64 `json:"seq"`
			Policy string `json:"policy_hash"`
		}
		if err := json.Unmarshal(line, &r); err != nil {
			return err
		}
		if r.Seq > e.checkpoint.Size {
			return nil
		}
		if first == 0 {
			first = r.Seq
		}
		last = r.Seq
		e.contents.Matching++
		if r.Policy != "" && !slices.Contains(e.policies, r.Policy) {
			e.policies = append(e.policies, r.Policy)
		}
		return nil
	})
	switch {
	case err != nil:
		return 0, 0, err
	case result.Failed > 0:
		return 0, 0, fmt.Errorf("%d lines are no records (%s): `borderflow evidence verify` says more", result.Failed, result.First)
	case first == 0:
		return 0, 0, ErrNothing
	}
	return first, last, nil
}

// choose takes the segments that hold the records from first to last.
func (e *exporter) choose(first, last uint64) error {
	segments, err := sealed.Segments(e.options.Directory)
	if err != nil {
		return err
	}
	c := &e.contents
	for i, s := range segments {
		if s.First > last || i+1 < len(segments) && segments[i+1].First <= first {
			continue
		}
		part, err := measure(s, e.checkpoint.Size)
		if err != nil {
			return err
		}
		if part.Last < part.First {
			continue
		}
		c.Segments = append(c.Segments, part)
		c.Records += part.Last - part.First + 1
	}
	if len(c.Segments) == 0 {
		return ErrNothing
	}
	c.First, c.Last = c.Segments[0].First, c.Segments[len(c.Segments)-1].Last
	removals, bad := keep.Removals(e.options.Directory, e.options.Key)
	if len(bad) > 0 {
		return errors.Join(bad...)
	}
	for _, removal := range removals {
		if removal.Last >= c.First && removal.First <= c.Last {
			c.Removed = append(c.Removed, removal)
		}
	}
	return nil
}

// measure finds how much of a segment the checkpoint commits to.
func measure(s sealed.Segment, size uint64) (Part, error) {
	part := Part{Name: filepath.Base(s.Path), First: s.First, Last: s.First - 1, path: s.Path}
	file, err := sealed.Open(s.Path)
	if err != nil {
		return part, err
	}
	defer file.Close()
	for line, err := range file.Lines(evidence.MaxLine) {
		if err != nil {
			return part, err
		}
		if part.Last == size {
			break
		}
		part.Last++
		part.bytes += int64(len(line)) + 1
	}
	return part, nil
}

// write writes the bundle.
func (e *exporter) write(ctx context.Context) error {
	tiles := &recorder{Directory: merkle.Directory(e.options.Directory), read: make(map[string][]byte)}
	for _, part := range e.contents.Segments {
		if err := e.compare(ctx, part, tiles); err != nil {
			return err
		}
		if err := e.copySegment(part); err != nil {
			return err
		}
	}
	for _, name := range tiles.names() {
		if err := e.to.file(name, tiles.read[name]); err != nil {
			return err
		}
	}
	if err := e.copyNotes(); err != nil {
		return err
	}
	for _, hash := range slices.Sorted(slices.Values(e.policies)) {
		if err := e.policy(hash); err != nil {
			return err
		}
	}
	described, err := json.MarshalIndent(e.contents, "", "  ")
	if err != nil {
		return err
	}
	for _, file := range []struct {
		name    string
		content []byte
	}{
		{"README.md", readme}, {"bundle.json", append(described, '\n')}, {"checkpoint", e.signed},
		{"key.pub", []byte(strings.TrimSpace(e.options.Key) + "\n")},
	} {
		if err := e.to.file(file.name, file.content); err != nil {
			return err
		}
	}
	return nil
}

func (e *exporter) policy(hash string) error {
	if e.options.Policy != nil && strings.Trim(hash, "0123456789abcdef") == "" {
		if text, kept := e.options.Policy(hash); kept {
			e.contents.Policies = append(e.contents.Policies, hash)
			return e.to.file("policies/"+hash+".json", text)
		}
	}
	e.contents.Missing = append(e.contents.Missing, hash)
	return nil
}
