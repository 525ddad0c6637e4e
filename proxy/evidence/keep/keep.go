// Package keep looks after the records of the past: it seals complete segments, and removes those whose
// records are all past their retention.
//
// Three ideas make it safe. A segment goes as a whole or not at all, and the tiles of its records stay, so
// that proofs of all other records go on holding. Before it goes, a note that the log's key signs says
// which records it held (Removal), so that "removed in time" can be told from "taken out". And in doubt
// it stays: while one of its records is within its retention or under a legal hold, is not the one that
// the checkpoint commits to, or has not reached every sink, or while the file of holds cannot be read.
//
// How long a record is kept follows from its classes: of those that it belongs to, the longest counts.
//
// It leaves the format of sealed segments to package sealed, and what a record's class is to its callers.
//
//	keeper, err := keep.New(keep.Options{Directory: dir, Classes: classes, Holds: "holds.yaml"})
//	err = keeper.Run(ctx)              // or, once: done, err := keeper.Tend(ctx)
//	removals, gone := keep.Account(dir, key, report)
package keep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/mod/sumdb/note"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/keep/sealed"
)

// Retentions that laws ask for, in days.
const (
	ThreeYears = 1096 // e.g. PIPL Art. 56
	TenYears   = 3653 // 28 CFR 202.1101
)

// Class is a kind of record with its own retention.
type Class struct {
	Name string
	Days int // above 0
	// Matches reports whether a record belongs to the class. nil: every record does.
	Matches func(line []byte, record *evidence.Record) (bool, error)
	// Definition is what Matches asks, in any form: another one has complete segments read again.
	Definition string
}

// Options for New. The zero value of a field is its documented default.
type Options struct {
	Directory string // of the log
	// KeyFile holds the key that signs the log's checkpoints. Default: the directory's name with "-key"
	// behind it.
	KeyFile string
	// Days is how long records of no class are kept. Default three years.
	Days    int
	Classes []Class
	// Holds is a file of legal holds, see ReadHolds. Default: none.
	Holds string
	// Delivered returns the number up to which all records have reached every sink. What has not is
	// neither sealed nor removed. nil: there is no sink.
	Delivered func() (uint64, error)
	// Seal compresses complete segments.
	Seal bool
	// DryRun says what would be done, and does nothing.
	DryRun bool
	// Every is how often Run looks. Default an hour.
	Every time.Duration
	// Log is told what was done, and what could not be. Default: nobody.
	Log *zap.Logger
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Keeper keeps one log. Its methods may not be called at the same time.
type Keeper struct {
	options  Options
	signer   note.Signer
	verifier note.Verifier
}

// New prepares a keeper. The log and its key must be there.
func New(options Options) (*Keeper, error) {
	options.Directory = filepath.Clean(options.Directory)
	orDefault(&options.KeyFile, options.Directory+"-key")
	orDefault(&options.Days, ThreeYears)
	orDefault(&options.Every, time.Hour)
	if options.Log == nil {
		options.Log = zap.NewNop()
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	for _, class := range append([]Class{{Days: options.Days}}, options.Classes...) {
		if class.Days <= 0 {
			return nil, fmt.Errorf("keep records of class %q for %d days: must be above 0", class.Name, class.Days)
		}
	}
	k := &Keeper{options: options}
	text, err := os.ReadFile(options.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the evidence key: %w", err)
	}
	private, public, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if k.signer, err = note.NewSigner(private); err != nil {
		return nil, fmt.Errorf("read the evidence key %s: %w", options.KeyFile, err)
	}
	if k.verifier, err = note.NewVerifier(public); err != nil {
		return nil, fmt.Errorf("read the evidence key %s: its second line is not the public key: %w", options.KeyFile, err)
	}
	return k, nil
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Run tends the log until ctx ends. What cannot be done is tried again the next time.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(k.options.Every)
	defer tick.Stop()
	for {
		done, err := k.Tend(ctx)
		if ctx.Err() != nil {
			return nil
		}
		for _, removal := range done.Removed {
			k.options.Log.Info("evidence past its retention was removed", zap.String("segment", removal.Segment),
				zap.Uint64("first", removal.First), zap.Uint64("last", removal.Last))
		}
		if err != nil {
			k.options.Log.Error("evidence is not kept as configured", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Done is what one turn did, or would have done.
type Done struct {
	Sealed  []string  `json:"sealed,omitempty"` // names of segments
	Removed []Removal `json:"removed,omitempty"`
	Held    []Held    `json:"held,omitempty"`
}

// Held is a segment whose records are past their retention and stay for a legal hold.
type Held struct {
	Segment string `json:"segment"`
	Hold    string `json:"hold"`
}

// Tend seals and removes what is due. An error about one segment keeps nobody from tending the next.
func (k *Keeper) Tend(ctx context.Context) (done Done, err error) {
	segments, err := sealed.Segments(k.options.Directory)
	if err != nil {
		return done, err
	}
	holds, holdsError := ReadHolds(k.options.Holds)
	delivered := ^uint64(0)
	if k.options.Delivered != nil {
		if delivered, err = k.options.Delivered(); err != nil {
			return done, fmt.Errorf("keep evidence: which records reached every sink: %w", err)
		}
	}
	var problems []error
	if holdsError != nil {
		problems = append(problems, fmt.Errorf("nothing is removed: %w", holdsError))
	}
	// The last segment is still written to.
	for i := range max(0, len(segments)-1) {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		if segments[i+1].First-1 > delivered {
			break
		}
		c := candidate{Keeper: k, segment: segments[i], next: segments[i+1].First, holds: holds, mayRemove: holdsError == nil}
		if err := c.tend(ctx, &done); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", filepath.Base(segments[i].Path), err))
		}
	}
	return done, errors.Join(problems...)
}
