package evidence

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"
)

// FileSystem is what the writer needs of one; tests put one in between that fails.
type FileSystem interface {
	// Create makes a new file, 0600, whose name survives a power cut. It is an error if it exists.
	Create(path string) (File, error)
	// Open opens an existing file for appending.
	Open(path string) (File, error)
	// Put writes a whole file, 0600, over what may be there, and makes the directories that lead to it
	// (0700). It may be seen half written, and need not survive a power cut before SyncAll.
	Put(path string, content []byte) error
	// SyncAll brings files that were put, and their names, to stable storage.
	SyncAll(paths []string) error
	// Replace puts content in the place of what is there, at once: a reader, and with sync a power cut
	// too, sees the one or the other.
	Replace(path string, content []byte, sync bool) error
	// Rename gives a file another name, which survives a power cut.
	Rename(from, to string) error
	// Remove removes a file. That it is not there is no error.
	Remove(path string) error
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
	if err := syncPath(filepath.Dir(path)); err != nil {
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

// Put implements FileSystem.
func (OperatingSystem) Put(path string, content []byte) error {
	err := os.WriteFile(path, content, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			err = os.WriteFile(path, content, 0o600)
		}
	}
	return err
}

// syncAtOnce is how many files are synced at the same time: a file system's journal takes them
// together.
const syncAtOnce = 8

// SyncAll implements FileSystem.
func (OperatingSystem) SyncAll(paths []string) error {
	// The directories above may be new as well.
	directories := make(map[string]bool)
	for _, path := range paths {
		for range 3 {
			path = filepath.Dir(path)
			directories[path] = true
		}
	}
	var group errgroup.Group
	group.SetLimit(syncAtOnce)
	for _, path := range slices.Concat(paths, slices.Sorted(maps.Keys(directories))) {
		group.Go(func() error { return syncPath(path) })
	}
	return group.Wait()
}

// Replace implements FileSystem.
func (OperatingSystem) Replace(path string, content []byte, sync bool) error {
	temporary := path + ".new"
	file, err := os.OpenFile(temporary, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil && sync {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if !sync {
		return nil
	}
	return syncPath(filepath.Dir(path))
}

// Rename implements FileSystem.
func (OperatingSystem) Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncPath(filepath.Dir(to))
}

// Remove implements FileSystem.
func (OperatingSystem) Remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// syncPath makes a file's bytes durable, or the names in a directory: fsync of a file does not cover the
// entry that leads to it (fsync(2)).
func syncPath(path string) error {
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
