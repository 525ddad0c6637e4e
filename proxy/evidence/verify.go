package evidence

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/borderflow/borderflow/proxy/evidence/checkpoint"
	"github.com/borderflow/borderflow/proxy/evidence/merkle"
)

// VerifyOptions for Verify. The zero value asks for what the log itself can show.
type VerifyOptions struct {
	// Keys that signatures are checked with. Without Keys.Log the public key beside the directory is
	// read (its name with "-key.pub" behind it): that finds damage, not somebody who has the key.
	Keys Keys
	// Kept are files of checkpoints that were kept apart from the log. Only against them, or
	// cosignatures, is a log that was set back to an older state or written anew found out.
	Kept []string
	// Strict reads each record as Parse does, which takes some ten times as long.
	Strict bool
	// RemovedBefore is the number of the first record that must be there, after older ones were removed
	// at the end of their time. Default 1.
	RemovedBefore uint64
	// Workers is how many goroutines hash. Default: one for each processor.
	Workers int
}

// FindingKind says what is wrong.
type FindingKind string

// The kinds.
const (
	Edited       FindingKind = "edited"         // a record is not the one that was written
	Missing      FindingKind = "missing"        // records are not there, and later ones are
	Truncated    FindingKind = "truncated"      // the last records are not there
	Reordered    FindingKind = "reordered"      // a record stands in another place than it was written to
	Foreign      FindingKind = "not a record"   // a line is no record
	BadSegment   FindingKind = "segment"        // the name of a segment does not say which record it begins with
	BadIndex     FindingKind = "index"          // an index does not fit its segment; it can be made again
	BadTile      FindingKind = "tile"           // a tile does not fit the records; it can be made again
	BadSignature FindingKind = "checkpoint"     // the checkpoint is missing, damaged, or not signed by the log
	WrongRoot    FindingKind = "hash"           // records and tiles do not give the hash that was signed
	RolledBack   FindingKind = "rolled back"    // the log is older than a checkpoint that was kept apart
	Rewritten    FindingKind = "written anew"   // the log does not begin with what was kept apart
	BadKept      FindingKind = "kept apart"     // a checkpoint that was kept apart cannot be used
	NotCanonical FindingKind = "not as written" // with Strict: a line that means a record and was not written by borderflow
)

// Finding is one thing that is wrong, as exactly as it can be told.
type Finding struct {
	Kind    FindingKind `json:"kind"`
	Seq     uint64      `json:"seq,omitempty"`     // number of the record, or of the first; 0 when it is about none
	Until   uint64      `json:"until,omitempty"`   // number of the last, when it is about several
	Segment string      `json:"segment,omitempty"` // name of the file
	Line    int         `json:"line,omitempty"`    // from 1
	Detail  string      `json:"detail"`            // what was found and expected
}

// String says it in one sentence.
func (f Finding) String() string {
	s := string(f.Kind) + ": "
	switch {
	case f.Until > f.Seq:
		s += fmt.Sprintf("records %d to %d: ", f.Seq, f.Until)
	case f.Seq > 0:
		s += fmt.Sprintf("record %d: ", f.Seq)
	}
	switch {
	case f.Line > 0:
		s += fmt.Sprintf("%s, line %d: ", f.Segment, f.Line)
	case f.Segment != "":
		s += f.Segment + ": "
	}
	return s + f.Detail
}

// maxReported bounds the list of findings.
const maxReported = 1000

// Cosigned is a checkpoint that a witness signed and that the log begins with.
type Cosigned struct {
	Witness string `json:"witness"`
	Size    uint64 `json:"size"`
}

// Report is what Verify found.
type Report struct {
	Origin     string      `json:"origin"`
	Size       uint64      `json:"size"` // records that the checkpoint commits to
	Root       merkle.Hash `json:"root"`
	Records    uint64      `json:"records"` // that were read
	First      uint64      `json:"first"`   // number of the first of them
	Last       uint64      `json:"last"`
	Behind     uint64      `json:"behind"` // records that no checkpoint commits to yet
	Bytes      int64       `json:"bytes"`
	Segments   int         `json:"segments"`
	Recoveries []*Record   `json:"-"` // records of what the log itself had to mend
	Cosigned   []Cosigned  `json:"cosigned,omitempty"`
	Findings   []Finding   `json:"findings,omitempty"`
	More       int         `json:"more,omitempty"` // findings beyond the first 1000
}

// OK reports that nothing is wrong.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

func (r *Report) add(f Finding) {
	if len(r.Findings) < maxReported {
		r.Findings = append(r.Findings, f)
	} else {
		r.More++
	}
}

// Verify reads the whole log in directory and reports whether each record is the one that the
// newest checkpoint commits to, none is missing, and the log begins with what checkpoints that were
// kept apart commit to. It changes nothing and may run while the log is written.
//
// An error means that it could not be done; what is wrong with the log is in the report.
func Verify(ctx context.Context, directory string, options VerifyOptions) (*Report, error) {
	if options.Workers <= 0 {
		options.Workers = runtime.GOMAXPROCS(0)
	}
	directory = filepath.Clean(directory)
	options.RemovedBefore = max(options.RemovedBefore, 1)
	if options.Keys.Log == "" {
		public, err := os.ReadFile(directory + "-key" + checkpoint.PublicSuffix)
		if err != nil {
			return nil, fmt.Errorf("verify evidence: no public key is given, and there is none beside the log: %w", err)
		}
		options.Keys.Log = string(public)
	}
	if _, _, err := options.Keys.verifiers(); err != nil {
		return nil, fmt.Errorf("verify evidence: %w", err)
	}
	v := &verification{directory: directory, options: options, report: new(Report)}
	v.readKept()
	v.openCheckpoint()
	segments, err := Segments(directory)
	if err != nil {
		return nil, fmt.Errorf("verify evidence: %w", err)
	}
	if err := v.readSegments(ctx, segments); err != nil {
		return nil, fmt.Errorf("verify evidence: %w", err)
	}
	v.finish()
	return v.report, nil
}

// verification is one run of Verify.
type verification struct {
	directory  string
	options    VerifyOptions
	report     *Report
	checkpoint checkpoint.Checkpoint
	found      bool // a checkpoint that can be trusted
	kept       []keptCheckpoint
	order      order
}

func (v *verification) openCheckpoint() {
	signed, err := os.ReadFile(filepath.Join(v.directory, checkpointName))
	if errors.Is(err, fs.ErrNotExist) {
		if entries, _ := os.ReadDir(v.directory); len(entries) > 0 {
			v.report.add(Finding{Kind: BadSignature, Segment: checkpointName, Detail: "there is no checkpoint: nothing says what the log should hold"})
		}
		return
	}
	if err == nil {
		v.checkpoint, _, err = v.options.Keys.Open(signed)
	}
	if err != nil {
		v.report.add(Finding{Kind: BadSignature, Segment: checkpointName, Detail: systemError(err)})
		return
	}
	v.found = true
	v.report.Origin, v.report.Size, v.report.Root = v.checkpoint.Origin, v.checkpoint.Size, v.checkpoint.Root
}

// finish compares the tree over all records with what was signed.
func (v *verification) finish() {
	r, o := v.report, &v.order
	r.Last = o.expected - 1
	if v.found && r.Last < v.checkpoint.Size {
		if f := v.lost(r.Last+1, v.checkpoint.Size); f != nil {
			f.Kind, f.Detail = Truncated, "the checkpoint commits to them, and the log ends before"
			r.add(*f)
		}
		o.fill(v.checkpoint.Size)
	}
	if r.Last > v.checkpoint.Size {
		r.Behind = r.Last - v.checkpoint.Size
	}
	if v.found {
		o.judge()
	}
	// Also without a checkpoint of its own: a log that was emptied is one that was set back.
	for _, kept := range v.kept {
		v.compareWith(kept)
	}
}

// lost makes the finding of records that are not there, nil when they may be gone.
func (v *verification) lost(from, until uint64) *Finding {
	if from = max(from, v.options.RemovedBefore); from > until {
		return nil
	}
	return &Finding{Kind: Missing, Seq: from, Until: until}
}

// keptCheckpoint is one that was kept apart, or that witnesses have signed.
type keptCheckpoint struct {
	name   string
	signed []byte
	err    error
}

// readKept reads them before the log's own: while it is written, these are never ahead of it.
func (v *verification) readKept() {
	for _, path := range v.options.Kept {
		signed, err := os.ReadFile(path)
		v.kept = append(v.kept, keptCheckpoint{filepath.Base(path), signed, err})
	}
	for _, path := range cosignedFiles(v.directory) {
		signed, err := os.ReadFile(path)
		v.kept = append(v.kept, keptCheckpoint{cosignedDirectory + "/" + filepath.Base(path), signed, err})
	}
}

// compareWith holds the log to a checkpoint that was kept apart.
func (v *verification) compareWith(kept keptCheckpoint) {
	var c checkpoint.Checkpoint
	var witnesses []string
	name, err := kept.name, kept.err
	if err == nil {
		c, witnesses, err = v.options.Keys.Open(kept.signed)
	}
	switch {
	case err != nil:
		v.report.add(Finding{Kind: BadKept, Segment: name, Detail: systemError(err)})
		return
	case c.Size > v.checkpoint.Size:
		v.report.add(Finding{Kind: RolledBack, Seq: v.checkpoint.Size + 1, Until: c.Size, Segment: name,
			Detail: fmt.Sprintf("it commits to %d records, the log's own checkpoint to %d", c.Size, v.checkpoint.Size)})
		return
	}
	root, err := v.rootAt(c.Size)
	switch {
	case err != nil:
		v.report.add(Finding{Kind: BadKept, Segment: name, Detail: "it cannot be compared: " + systemError(err)})
	case root != c.Root:
		v.report.add(Finding{Kind: Rewritten, Seq: 1, Until: c.Size, Segment: name,
			Detail: fmt.Sprintf("it commits to other records than the first %d of the log", c.Size)})
	default:
		for _, witness := range witnesses {
			v.report.Cosigned = append(v.report.Cosigned, Cosigned{witness, c.Size})
		}
	}
}

// rootAt returns the tree hash over the first size records, by tiles that the newest checkpoint
// vouches for.
func (v *verification) rootAt(size uint64) (merkle.Hash, error) {
	switch size {
	case v.checkpoint.Size:
		return v.checkpoint.Root, nil
	case 0:
		return new(merkle.Tree).Root(), nil
	}
	hashes, err := merkle.Directory(v.directory).Hashes(v.checkpoint.Size, v.checkpoint.Root)
	if err != nil {
		return merkle.Hash{}, err
	}
	return tlog.TreeHash(int64(size), hashes)
}
