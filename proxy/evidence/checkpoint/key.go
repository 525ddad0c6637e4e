package checkpoint

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Key signs the checkpoints of one log. Its name is the log's origin.
type Key struct {
	signer   note.Signer
	verifier note.Verifier
	public   string
}

// Origin is the name of the log.
func (k *Key) Origin() string { return k.signer.Name() }

// Public is the key that others verify with, "<origin>+<key id>+<base64>" (https://c2sp.org/signed-note).
func (k *Key) Public() string { return k.public }

// Verifier checks signatures of the key.
func (k *Key) Verifier() note.Verifier { return k.verifier }

// PublicSuffix is what the name of the public key's file adds to that of the key.
const PublicSuffix = ".pub"

// LoadOrCreateKey reads the key from a file, 0600, or makes it there. The public key is kept beside
// it for whoever verifies, in a file whose name ends in PublicSuffix. An origin of "" takes the
// key's own name; a new key needs one.
func LoadOrCreateKey(path, origin string) (*Key, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createKey(path, origin)
	}
	if err != nil {
		return nil, fmt.Errorf("read the evidence key: %w", err)
	}
	key, err := parseKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("read the evidence key %s: %w", path, err)
	}
	if origin != "" && origin != key.Origin() {
		return nil, fmt.Errorf("the evidence key %s is of the log %q, not of %q: a log keeps its name, or gets a new key and directory",
			path, key.Origin(), origin)
	}
	return key, nil
}

// parseKey reads the file: private and public key, a line each.
func parseKey(text string) (*Key, error) {
	private, public, _ := strings.Cut(strings.TrimSpace(text), "\n")
	signer, err := note.NewSigner(private)
	if err != nil {
		// The library's error does not quote the key.
		return nil, err
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return nil, fmt.Errorf("its second line is not the public key: %w", err)
	}
	if verifier.Name() != signer.Name() || verifier.KeyHash() != signer.KeyHash() {
		return nil, errors.New("its two lines are not of one key")
	}
	return &Key{signer: signer, verifier: verifier, public: public}, nil
}

func createKey(path, origin string) (*Key, error) {
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return nil, fmt.Errorf("make an evidence key for the log %q: %w", origin, err)
	}
	key, err := parseKey(private + "\n" + public)
	if err != nil {
		return nil, fmt.Errorf("make an evidence key for the log %q: %w", origin, err)
	}
	for _, file := range []struct {
		path, text string
		mode       fs.FileMode
	}{
		// The public key first: a key whose public half nobody has is of no use to anybody.
		{path + PublicSuffix, public + "\n", 0o644},
		{path, private + "\n" + public + "\n", 0o600},
	} {
		if err := writeDurably(file.path, file.text, file.mode); err != nil {
			return nil, fmt.Errorf("keep the evidence key: %w", err)
		}
	}
	return key, nil
}

// writeDurably leaves the file whole or not at all.
func writeDurably(path, text string, mode fs.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	directory, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
