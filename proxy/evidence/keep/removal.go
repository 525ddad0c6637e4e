package keep

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/merkle"
)

// Removal says that the records of a segment were past their retention, and are not there any more. It is
// kept as a note that the log's key signs, so that nobody else can take records out and say the same.
type Removal struct {
	Segment string      `json:"segment"` // name of the file
	First   uint64      `json:"first"`   // number of its first record
	Last    uint64      `json:"last"`
	Root    merkle.Hash `json:"root"`    // Merkle tree hash (RFC 6962) over the records of the segment alone
	Expired time.Time   `json:"expired"` // when the last of them was past its retention
	Removed time.Time   `json:"removed"`
}

// Count is the number of records.
func (r Removal) Count() uint64 { return r.Last - r.First + 1 }

const (
	removedDirectory = "removed"
	removalHead      = "borderflow.removal/1"
	maxRemoval       = 16 << 10
)

// text is what is signed. Its first line keeps it from being read as a checkpoint of the same key.
func (r Removal) text() string {
	return fmt.Sprintf("%s\nsegment %s\nrecords %d %d\nroot %s\nexpired %s\nremoved %s\n", removalHead, r.Segment, r.First, r.Last,
		r.Root, r.Expired.UTC().Format(time.RFC3339Nano), r.Removed.UTC().Format(time.RFC3339Nano))
}

var errNotARemoval = errors.New("not the note of a removal")

func parseRemoval(text string) (r Removal, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 7 || lines[0] != removalHead {
		return r, errNotARemoval
	}
	values := make(map[string]string)
	for _, line := range lines[1:6] {
		name, value, _ := strings.Cut(line, " ")
		values[name] = value
	}
	first, last, _ := strings.Cut(values["records"], " ")
	r.Segment = values["segment"]
	r.First, _ = strconv.ParseUint(first, 10, 62)
	r.Last, _ = strconv.ParseUint(last, 10, 62)
	r.Expired, _ = time.Parse(time.RFC3339Nano, values["expired"])
	r.Removed, _ = time.Parse(time.RFC3339Nano, values["removed"])
	if err := r.Root.UnmarshalJSON([]byte(strconv.Quote(values["root"]))); err != nil {
		return r, errNotARemoval
	}
	if r.First == 0 || r.Last < r.First || r.text() != text {
		return r, errNotARemoval
	}
	return r, nil
}

// write keeps the note, on stable storage, before anything is removed.
func (r Removal) write(directory string, signer note.Signer) error {
	signed, err := note.Sign(&note.Note{Text: r.text()}, signer)
	if err != nil {
		return fmt.Errorf("sign the note of a removal: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(directory, removedDirectory), 0o700); err != nil {
		return fmt.Errorf("keep the note of a removal: %w", err)
	}
	path := filepath.Join(directory, removedDirectory, strconv.FormatUint(r.First, 10))
	if err := (evidence.OperatingSystem{}).Replace(path, signed, true); err != nil {
		return fmt.Errorf("keep the note of a removal: %w", err)
	}
	return nil
}

// Removals reads what was removed from the log, in the order of the records. key is the public key of the
// log; a note that it did not sign is an error of its own, beside those that are good.
func Removals(directory, key string) (removals []Removal, bad []error) {
	entries, err := os.ReadDir(filepath.Join(directory, removedDirectory))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, []error{fmt.Errorf("read what was removed: %w", err)}
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(key))
	if err != nil {
		return nil, []error{fmt.Errorf("read what was removed: the public key of the log: %w", err)}
	}
	for _, entry := range entries {
		if _, err := strconv.ParseUint(entry.Name(), 10, 62); err != nil {
			continue
		}
		removal, err := readRemoval(filepath.Join(directory, removedDirectory, entry.Name()), verifier)
		if err != nil {
			bad = append(bad, fmt.Errorf("%s/%s: %w", removedDirectory, entry.Name(), err))
			continue
		}
		removals = append(removals, removal)
	}
	slices.SortFunc(removals, func(a, b Removal) int {
		if a.First < b.First {
			return -1
		}
		return 1
	})
	return removals, bad
}

func readRemoval(path string, verifier note.Verifier) (Removal, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Removal{}, err
	}
	if info.Size() > maxRemoval {
		return Removal{}, errNotARemoval
	}
	signed, err := os.ReadFile(path)
	if err != nil {
		return Removal{}, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return Removal{}, fmt.Errorf("open the note of a removal: %w", err)
	}
	return parseRemoval(opened.Text)
}

// BadRemoval is the kind of finding about a note of a removal that cannot be believed.
const BadRemoval evidence.FindingKind = "removal"

// Account takes out of a report the records that are missing because they were past their retention, and
// adds what is wrong with the notes that say so. key is the public key of the log; "" is the one beside
// it. It returns the removals and the number of records that are gone by them.
func Account(directory, key string, report *evidence.Report) (removals []Removal, gone uint64) {
	if key == "" {
		public, err := os.ReadFile(filepath.Clean(directory) + "-key.pub")
		if err != nil {
			return nil, 0
		}
		key = string(public)
	}
	removals, bad := Removals(directory, key)
	var findings []evidence.Finding
	for _, finding := range report.Findings {
		if finding.Kind != evidence.Missing {
			findings = append(findings, finding)
			continue
		}
		rest := unexplained(finding, removals)
		gone += span(finding)
		for _, f := range rest {
			gone -= span(f)
		}
		findings = append(findings, rest...)
	}
	for _, err := range bad {
		findings = append(findings, evidence.Finding{Kind: BadRemoval, Detail: err.Error()})
	}
	report.Findings = findings
	return removals, gone
}

func span(f evidence.Finding) uint64 { return max(f.Until, f.Seq) - f.Seq + 1 }

// unexplained returns the parts of a finding that no removal explains.
func unexplained(f evidence.Finding, removals []Removal) (rest []evidence.Finding) {
	next, end := f.Seq, max(f.Until, f.Seq)
	for _, r := range removals {
		if r.Last < next || r.First > end {
			continue
		}
		if r.First > next {
			part := f
			part.Seq, part.Until = next, r.First-1
			rest = append(rest, part)
		}
		next = r.Last + 1
	}
	if next <= end {
		f.Seq, f.Until = next, end
		rest = append(rest, f)
	}
	return rest
}
