package evidence

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/borderflow/borderflow/proxy/evidence/checkpoint"
	"github.com/borderflow/borderflow/proxy/evidence/merkle"
)

// Proof is one record and all that it takes to check, without the log and offline, that the log
// holds it: the way from its line to the tree hash of a signed checkpoint.
//
// As text it is the line "borderflow.proof/1", the record's line, an empty line, and a proof in the
// public format https://c2sp.org/tlog-proof, whose leaf is the record's line.
type Proof struct {
	Record     []byte        // the line, exactly as it stands in its segment, without newline
	Index      uint64        // place in the tree, from 0: the record's number less one
	Hashes     []merkle.Hash // RFC 6962 section 2.1.1, from the leaf's neighbour up
	Checkpoint []byte        // signed; with the cosignatures of witnesses, if it has any
}

const (
	proofHead  = "borderflow.proof/1\n"
	tlogHead   = "c2sp.org/tlog-proof@v1\n"
	maxHashes  = 64 // a tree of 2^64 leaves has no longer way
	maxProof   = MaxLine + checkpoint.MaxBytes + maxHashes*64
	indexField = "index "
	oldField   = "old "
)

// ErrNotAProof is wrapped by errors about texts that are no proof.
var ErrNotAProof = errors.New("not a proof")

// Marshal returns the proof as text.
func (p *Proof) Marshal() []byte {
	b := append([]byte(proofHead), p.Record...)
	b = append(b, '\n', '\n')
	b = append(b, tlogHead+indexField...)
	b = strconv.AppendUint(b, p.Index, 10)
	b = append(b, '\n')
	b = appendHashes(b, p.Hashes)
	b = append(b, '\n')
	return append(b, p.Checkpoint...)
}

// ParseProof reads a proof. It says nothing about whether it holds: Verify does.
func ParseProof(encoded []byte) (*Proof, error) {
	if len(encoded) > maxProof {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrNotAProof, maxProof)
	}
	rest, found := bytes.CutPrefix(encoded, []byte(proofHead))
	if !found {
		return nil, fmt.Errorf("%w: its first line is not %q", ErrNotAProof, strings.TrimSpace(proofHead))
	}
	record, rest, found := bytes.Cut(rest, []byte("\n\n"))
	if !found || len(record) == 0 || bytes.IndexByte(record, '\n') >= 0 {
		return nil, fmt.Errorf("%w: no single line of a record, with an empty line behind it", ErrNotAProof)
	}
	rest, found = bytes.CutPrefix(rest, []byte(tlogHead))
	if !found {
		return nil, fmt.Errorf("%w: no line %q behind the record", ErrNotAProof, strings.TrimSpace(tlogHead))
	}
	index, hashes, signed, err := parseWay(rest, indexField)
	if err != nil {
		return nil, err
	}
	p := &Proof{Record: record, Index: index, Hashes: hashes, Checkpoint: signed}
	if !bytes.Equal(p.Marshal(), encoded) {
		return nil, fmt.Errorf("%w: it can be written in another way", ErrNotAProof)
	}
	return p, nil
}

func appendHashes(dst []byte, hashes []merkle.Hash) []byte {
	for _, hash := range hashes {
		dst = append(base64.StdEncoding.AppendEncode(dst, hash[:]), '\n')
	}
	return dst
}

// parseWay reads a numbered line, lines of hashes, an empty line, and a checkpoint.
func parseWay(text []byte, field string) (number uint64, hashes []merkle.Hash, signed []byte, err error) {
	head, signed, found := bytes.Cut(text, []byte("\n\n"))
	if !found {
		return 0, nil, nil, fmt.Errorf("%w: no empty line before the checkpoint", ErrNotAProof)
	}
	lines := strings.Split(string(head), "\n")
	digits, found := strings.CutPrefix(lines[0], field)
	if number, err = strconv.ParseUint(digits, 10, 63); !found || err != nil {
		return 0, nil, nil, fmt.Errorf("%w: no line %q with a number", ErrNotAProof, strings.TrimSpace(field))
	}
	if len(lines)-1 > maxHashes {
		return 0, nil, nil, fmt.Errorf("%w: more than %d hashes", ErrNotAProof, maxHashes)
	}
	for i, line := range lines[1:] {
		decoded, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(decoded) != tlog.HashSize {
			return 0, nil, nil, fmt.Errorf("%w: hash %d is no SHA-256 hash in base64", ErrNotAProof, i+1)
		}
		hashes = append(hashes, merkle.Hash(decoded))
	}
	return number, hashes, signed, nil
}

// Keys are the public keys that a verifier trusts, "<name>+<key id>+<base64>" each.
type Keys struct {
	Log       string   // of the log: the content of its ".pub" file
	Witnesses []string // whose cosignatures count
}

func (k Keys) verifiers() (note.Verifier, []note.Verifier, error) {
	log, err := note.NewVerifier(strings.TrimSpace(k.Log))
	if err != nil {
		return nil, nil, fmt.Errorf("read the public key of the log: %w", err)
	}
	var witnesses []note.Verifier
	for _, public := range k.Witnesses {
		witness, err := checkpoint.NewWitness(strings.TrimSpace(public))
		if err != nil {
			return nil, nil, err
		}
		witnesses = append(witnesses, witness)
	}
	return log, witnesses, nil
}

// Open checks a signed checkpoint and says which of the witnesses have cosigned it.
func (k Keys) Open(signed []byte) (checkpoint.Checkpoint, []string, error) {
	log, witnesses, err := k.verifiers()
	if err != nil {
		return checkpoint.Checkpoint{}, nil, err
	}
	return checkpoint.OpenCosigned(signed, log, witnesses...)
}

// Verify checks the proof, and returns the checkpoint that it leads to with the witnesses who have
// cosigned it. Nothing but the keys has to be trusted.
func (p *Proof) Verify(keys Keys) (checkpoint.Checkpoint, []string, error) {
	c, witnesses, err := keys.Open(p.Checkpoint)
	if err != nil {
		return c, nil, fmt.Errorf("verify a proof: %w", err)
	}
	if p.Index >= c.Size {
		return c, nil, fmt.Errorf("verify a proof: record %d is behind the checkpoint of %d records", p.Index+1, c.Size)
	}
	if seq, ok := sequenceIn(p.Record); !ok || seq != p.Index+1 {
		return c, nil, fmt.Errorf("verify a proof: the record's number is not that of its place, %d", p.Index+1)
	}
	if err := tlog.CheckRecord(p.Hashes, int64(c.Size), c.Root, int64(p.Index), tlog.RecordHash(p.Record)); err != nil {
		return c, nil, fmt.Errorf("verify a proof: the record is not the one that the checkpoint commits to: %w", err)
	}
	return c, witnesses, nil
}

// ConsistencyProof shows that a checkpoint's log begins with all records of an older one's. As text
// it is the body of a request to a witness (https://c2sp.org/tlog-witness): the line "old <size>",
// the hashes, an empty line, and the newer checkpoint.
type ConsistencyProof struct {
	Old        uint64        // size of the older tree
	Hashes     []merkle.Hash // RFC 6962 section 2.1.2
	Checkpoint []byte        // signed, the newer one
}

// Marshal returns the proof as text.
func (p *ConsistencyProof) Marshal() []byte {
	b := strconv.AppendUint([]byte(oldField), p.Old, 10)
	b = append(b, '\n')
	b = appendHashes(b, p.Hashes)
	b = append(b, '\n')
	return append(b, p.Checkpoint...)
}

// ParseConsistencyProof reads a proof. It says nothing about whether it holds: Verify does.
func ParseConsistencyProof(encoded []byte) (*ConsistencyProof, error) {
	if len(encoded) > maxProof {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrNotAProof, maxProof)
	}
	old, hashes, signed, err := parseWay(encoded, oldField)
	if err != nil {
		return nil, err
	}
	p := &ConsistencyProof{Old: old, Hashes: hashes, Checkpoint: signed}
	if !bytes.Equal(p.Marshal(), encoded) {
		return nil, fmt.Errorf("%w: it can be written in another way", ErrNotAProof)
	}
	return p, nil
}

// Verify checks that the log of the proof's checkpoint begins with that of old, a signed checkpoint.
func (p *ConsistencyProof) Verify(old []byte, keys Keys) error {
	before, _, err := keys.Open(old)
	if err != nil {
		return fmt.Errorf("verify consistency: the older checkpoint: %w", err)
	}
	after, _, err := keys.Open(p.Checkpoint)
	if err != nil {
		return fmt.Errorf("verify consistency: the newer checkpoint: %w", err)
	}
	switch {
	case before.Size != p.Old || before.Size > after.Size:
		return fmt.Errorf("verify consistency: the proof is from %d records to %d, the older checkpoint of %d", p.Old, after.Size, before.Size)
	case before.Size == 0:
		return nil // every log begins with nothing
	case after.Size > math.MaxInt64:
		return fmt.Errorf("verify consistency: a log of %d records is larger than any", after.Size)
	}
	if err := tlog.CheckTree(p.Hashes, int64(after.Size), after.Root, int64(before.Size), before.Root); err != nil {
		return fmt.Errorf("verify consistency: the log of %d records does not begin with that of %d: %w", after.Size, before.Size, err)
	}
	return nil
}
