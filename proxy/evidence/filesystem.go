package evidence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// FileSystem is what the writer needs of one; tests put one in between that fails.
type FileSystem interface {
	// Create makes a new file, 0600, whose name survives a power cut. It is an error if it exists.
	Create(path string) (File, error)
	// Open opens an existing file for appending.
	Open(path string) (File, error)
}

// File is a segment that is appended to.
type File interface {
	Write(p []byte) (int, error) // appends; n < len(p) only with an error
	Truncate(size int64) error
	Sync() error
	// Verify is an error unless the file still stands under its name and is size bytes long.
	Verify(size int64) error
	Close() error
}

// OperatingSystem is the FileSystem of the machine.
type OperatingSystem struct{}

type systemFile struct{ *os.File }

// Create implements FileSystem.
func (OperatingSystem) Create(path string) (File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syncDirectory(filepath.Dir(path)); err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(path))
	}
	return systemFile{file}, nil
}

// Open implements FileSystem.
func (OperatingSystem) Open(path string) (File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	return systemFile{file}, nil
}

// syncDirectory makes the names in a directory durable: fsync of a file covers its bytes, not the
// entry that leads to it (fsync(2)).
func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

// Verify implements File.
func (f systemFile) Verify(size int64) error {
	own, err := f.Stat()
	if err != nil {
		return err
	}
	named, err := os.Stat(f.Name())
	if err != nil {
		return err
	}
	if !os.SameFile(own, named) {
		return errors.New("another file stands under its name")
	}
	if own.Size() != size {
		return fmt.Errorf("%d bytes long instead of %d", own.Size(), size)
	}
	return nil
}
