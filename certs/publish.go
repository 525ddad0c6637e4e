package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// staleTemporary is the age at which a temporary file must be a crash's remains: publishing takes
// milliseconds.
const staleTemporary = time.Hour

// publish writes content to a temporary file, syncs it, and links it to its name: link(2) fails if the
// name exists, which settles a race between processes, and what it names is complete. The directory is
// synced by the loser too, because it will build on a file that the winner may not have synced yet.
func publish(dir, name string, content []byte, mode fs.FileMode) (won bool, err error) {
	temporary, err := os.CreateTemp(dir, "."+name+".*.tmp") // mode 0600
	if err != nil {
		return false, err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(content)
	if err == nil {
		err = temporary.Chmod(mode)
	}
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return false, err
	}
	err = os.Link(temporary.Name(), filepath.Join(dir, name))
	switch {
	case err == nil:
		won = true
	case errors.Is(err, fs.ErrExist):
	case errors.Is(err, syscall.EPERM) || errors.Is(err, errors.ErrUnsupported):
		return false, fmt.Errorf("%w: this file system has no hard links; use another for the state directory, or give the authority as files", err)
	default:
		return false, err
	}
	return won, syncDirectory(dir)
}

// prepareDirectory creates dir if needed, refuses one in which others could exchange the files, and
// removes temporary files that a crash left: one of them may hold a key.
func prepareDirectory(dir string) error {
	info, err := os.Stat(dir)
	if os.IsNotExist(err) {
		if err = os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err = syncDirectory(filepath.Dir(filepath.Clean(dir))); err != nil {
			return err
		}
		info, err = os.Stat(dir)
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &FileError{File: dir, Found: "a file", Expected: "a directory"}
	}
	if info.Mode().Perm()&0o022 != 0 {
		return &FileError{File: dir, Found: fmt.Sprintf("mode %04o, which others may write", info.Mode().Perm()),
			Expected: "0700", Fix: "run: chmod 700 " + shellQuote(dir)}
	}
	return removeStale(dir)
}

func removeStale(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		ours, _ := filepath.Match(".ca*.pem.*.tmp", e.Name())
		if !ours {
			continue
		}
		// Another process may remove its own file meanwhile; what stays is 0600 and tried again next time.
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > staleTemporary {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
	return nil
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
