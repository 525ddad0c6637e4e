package evidence

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/borderflow/borderflow/proxy/evidence/checkpoint"
)

// cosignedDirectory holds checkpoints that witnesses have signed, each under its size.
const cosignedDirectory = "cosigned"

// KeepCosignatures keeps a checkpoint of the log with the signatures of witnesses on it, and returns
// the names of those that are in keys. The signatures are checked, and that the log begins with what
// the checkpoint commits to; signatures that were kept before stay.
func KeepCosignatures(directory string, signed []byte, keys Keys) ([]string, error) {
	c, witnesses, err := keys.Open(signed)
	if err != nil {
		return nil, fmt.Errorf("keep cosignatures: %w", err)
	}
	if len(witnesses) == 0 {
		return nil, errors.New("keep cosignatures: none is of a witness whose key is known")
	}
	archive, err := OpenArchive(directory)
	if err != nil {
		return nil, fmt.Errorf("keep cosignatures: %w", err)
	}
	proof, err := archive.ProveConsistency(c.Size)
	if err != nil {
		return nil, fmt.Errorf("keep cosignatures: %w", err)
	}
	if err := proof.Verify(signed, keys); err != nil {
		return nil, fmt.Errorf("keep cosignatures: %w", err)
	}
	path := filepath.Join(directory, cosignedDirectory, strconv.FormatUint(c.Size, 10))
	before, err := os.ReadFile(path)
	switch {
	case err == nil:
		if signed, err = checkpoint.Join(before, signed); err != nil {
			return nil, fmt.Errorf("keep cosignatures: %w", err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("keep cosignatures: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("keep cosignatures: %w", err)
	}
	if err := (OperatingSystem{}).Replace(path, signed, true); err != nil {
		return nil, fmt.Errorf("keep cosignatures: %w", err)
	}
	return witnesses, nil
}

// cosigned returns the newest checkpoint with what witnesses have signed it.
func (a *Archive) cosigned() []byte {
	kept, err := os.ReadFile(filepath.Join(a.directory, cosignedDirectory, strconv.FormatUint(a.checkpoint.Size, 10)))
	if err != nil || a.signed == nil {
		return a.signed
	}
	joined, err := checkpoint.Join(a.signed, kept)
	if err != nil {
		return a.signed
	}
	return joined
}

// cosignedFiles lists the checkpoints that were kept with cosignatures.
func cosignedFiles(directory string) []string {
	files, _ := filepath.Glob(filepath.Join(directory, cosignedDirectory, "[0-9]*"))
	return files
}
