// Package checkpoint says, signed, how large the evidence log is and what its Merkle tree hash is.
//
// A checkpoint commits to every record before it: whoever keeps one apart, or has a witness cosign
// it, can tell later that no record was changed, left out or taken back. The formats are public:
// signed notes (https://c2sp.org/signed-note) that hold a checkpoint
// (https://c2sp.org/tlog-checkpoint), Ed25519 signatures, and cosignatures of witnesses
// (https://c2sp.org/tlog-cosignature).
//
// It leaves the tree to package merkle and files to package evidence, but for the key's.
//
//	key, err := checkpoint.LoadOrCreateKey(path, "proxy.example/records")
//	signed, err := checkpoint.Checkpoint{Origin: key.Origin(), Size: n, Root: root}.Sign(key)
//	c, err := checkpoint.Open(signed, key.Verifier())
package checkpoint

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/borderflow/borderflow/proxy/evidence/merkle"
)

// Checkpoint is a statement about a log.
type Checkpoint struct {
	Origin string // names the log
	Size   uint64 // number of records
	Root   merkle.Hash
}

// MaxBytes bounds a signed checkpoint, with all its cosignatures.
const MaxBytes = 64 << 10

// ErrNotACheckpoint is wrapped by errors about texts that are none.
var ErrNotACheckpoint = errors.New("not a checkpoint")

// Text is what is signed: origin, size and root, a line each.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatUint(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// Parse reads what Text gives. Lines behind the third are an extension that borderflow does not
// write and refuses.
func Parse(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] == "" {
		return Checkpoint{}, fmt.Errorf("%w: %d lines instead of origin, size and root", ErrNotACheckpoint, strings.Count(text, "\n"))
	}
	c := Checkpoint{Origin: lines[0]}
	var err error
	if c.Size, err = strconv.ParseUint(lines[1], 10, 63); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: the size is no number", ErrNotACheckpoint)
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != len(c.Root) {
		return Checkpoint{}, fmt.Errorf("%w: the root is no SHA-256 hash in base64", ErrNotACheckpoint)
	}
	copy(c.Root[:], root)
	if c.Text() != text {
		return Checkpoint{}, fmt.Errorf("%w: it can be written in another way", ErrNotACheckpoint)
	}
	return c, nil
}

// Sign returns the checkpoint as a note signed by key.
func (c Checkpoint) Sign(key *Key) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.Text()}, key.signer)
}

// Open reads a signed checkpoint that must bear the log's own signature; its name is the origin.
func Open(signed []byte, log note.Verifier) (Checkpoint, error) {
	c, _, err := OpenCosigned(signed, log)
	return c, err
}

// OpenCosigned is Open, and says which of the witnesses have signed as well. A signature that is in
// a known name and is not good makes the whole checkpoint bad.
func OpenCosigned(signed []byte, log note.Verifier, witnesses ...note.Verifier) (Checkpoint, []string, error) {
	if len(signed) > MaxBytes {
		return Checkpoint{}, nil, fmt.Errorf("%w: longer than %d bytes", ErrNotACheckpoint, MaxBytes)
	}
	opened, err := note.Open(signed, note.VerifierList(append([]note.Verifier{log}, witnesses...)...))
	if err != nil {
		return Checkpoint{}, nil, fmt.Errorf("open the checkpoint's signature: %w", err)
	}
	c, err := Parse(opened.Text)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	signedByLog := false
	var by []string
	for _, signature := range opened.Sigs {
		// The decoder of package note overlooks the bits behind the last byte.
		if _, err := base64.StdEncoding.Strict().DecodeString(signature.Base64); err != nil {
			return Checkpoint{}, nil, fmt.Errorf("open the checkpoint's signature: it can be written in another way: %w", err)
		}
		if signature.Name == log.Name() && signature.Hash == log.KeyHash() {
			signedByLog = true
		} else {
			by = append(by, signature.Name)
		}
	}
	switch {
	case !signedByLog:
		return Checkpoint{}, nil, fmt.Errorf("open the checkpoint's signature: it is not signed by %s", log.Name())
	case c.Origin != log.Name():
		return Checkpoint{}, nil, fmt.Errorf("the checkpoint is of the log %q, its key of %q", c.Origin, log.Name())
	}
	return c, by, nil
}

// Unsigned reads a checkpoint without asking who signed it, for a log whose key is not at hand.
func Unsigned(signed []byte) (Checkpoint, error) {
	text, _, found := strings.Cut(string(signed), "\n\n")
	if !found || len(signed) > MaxBytes {
		return Checkpoint{}, fmt.Errorf("%w: no signature behind its text", ErrNotACheckpoint)
	}
	return Parse(text + "\n")
}
