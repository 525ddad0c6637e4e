package checkpoint

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// algCosignature is the signature type of Ed25519 cosignatures with a time.
const algCosignature = 4

// NewWitness returns the verifier of a witness from its public key, "<name>+<key id>+<base64>": of
// cosignatures with a time (type 4) or of plain note signatures (type 1).
func NewWitness(public string) (note.Verifier, error) {
	name, rest, _ := strings.Cut(public, "+")
	id, encoded, _ := strings.Cut(rest, "+")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) == 0 || key[0] != algCosignature {
		verifier, err := note.NewVerifier(public)
		if err != nil {
			return nil, fmt.Errorf("read the public key of a witness: %w", err)
		}
		return verifier, nil
	}
	hash, err := strconv.ParseUint(id, 16, 32)
	switch {
	case err != nil || len(id) != 8:
		return nil, errors.New("read the public key of a witness: its id is not 8 hexadecimal digits")
	case len(key) != 1+ed25519.PublicKeySize:
		return nil, errors.New("read the public key of a witness: it has another length than Ed25519 keys")
	case name == "" || strings.ContainsAny(name, " \t\r\n"):
		return nil, errors.New("read the public key of a witness: it has no name, or one with spaces")
	case uint32(hash) != cosignerID(name, key):
		return nil, errors.New("read the public key of a witness: its id is not that of name and key")
	}
	return &cosigner{name: name, hash: uint32(hash), key: ed25519.PublicKey(key[1:])}, nil
}

func cosignerID(name string, key []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	return binary.BigEndian.Uint32(sum[:])
}

// cosigner verifies signatures over the checkpoint and the time at which the witness saw it.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

func (c *cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(signature)
	return time <= math.MaxInt64 && ed25519.Verify(c.key, cosigned(time, text), signature[8:])
}

func cosigned(time uint64, text []byte) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", time, text)
}

// Join puts the signatures of two copies of one checkpoint together, the first one's before.
func Join(a, b []byte) ([]byte, error) {
	textA, linesA, foundA := bytes.Cut(a, []byte("\n\n"))
	textB, linesB, foundB := bytes.Cut(b, []byte("\n\n"))
	if !foundA || !foundB || !bytes.Equal(textA, textB) {
		return nil, errors.New("join signatures: they are not of one checkpoint")
	}
	joined := bytes.Clone(a)
	for line := range bytes.Lines(linesB) {
		if !bytes.Contains(linesA, line) {
			joined = append(joined, line...)
		}
	}
	if len(joined) > MaxBytes {
		return nil, fmt.Errorf("join signatures: more than %d bytes", MaxBytes)
	}
	return joined, nil
}
