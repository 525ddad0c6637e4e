package sealed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Seal puts the sealed form of a complete segment in its place. The plain file is removed only after the
// sealed one is on stable storage and was read back; a crash in between leaves both, of which the plain
// one counts, and the next Seal ends the work.
func Seal(path string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("seal %s: %w", filepath.Base(path), err)
		}
	}()
	plain, err := Open(path)
	if err != nil {
		return err
	}
	defer plain.Close()
	if plain.frames != nil {
		return nil
	}
	temporary := path + Suffix + ".new"
	if err := writeSealed(temporary, plain); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	written, err := openSealed(temporary)
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	same, err := sameContent(plain, written)
	if err = errors.Join(err, written.Close()); err == nil && !same {
		err = errors.New("what was written does not read back as the segment")
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if err := os.Rename(temporary, path+Suffix); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if err := syncDirectory(filepath.Dir(path)); err != nil {
		return err
	}
	return os.Remove(path)
}

func writeSealed(path string, plain *File) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := plain.file.Seek(0, 0); err != nil {
		return errors.Join(err, file.Close())
	}
	return errors.Join(Compress(file, plain.file), file.Sync(), file.Close())
}

func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
