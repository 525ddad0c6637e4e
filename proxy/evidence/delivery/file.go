package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// file appends events to a file, one a line. When the file was moved away, as logrotate does, it goes
// on in a new one of the name; when it was emptied in place, at its new end.
type file struct {
	options Sink
	open    *os.File
	buffer  []byte
	lost    error // a sync that failed as the file was closed; told by the next confirm
}

func newFile(options Sink) *file { return &file{options: options} }

func (f *file) send(_ context.Context, _ uint64, messages []message) error {
	if err := f.ensure(); err != nil {
		return fmt.Errorf("write evidence to %s: %w", f.options.Path, err)
	}
	f.buffer = appendLines(f.buffer[:0], messages)
	size, err := f.size()
	if err == nil {
		_, err = f.open.Write(f.buffer)
	}
	if err != nil {
		// A part of a line at the end would be read together with the next attempt's first.
		if size >= 0 {
			err = errors.Join(err, f.open.Truncate(size))
		}
		return errors.Join(fmt.Errorf("write evidence to %s: %w", f.options.Path, err), f.shut())
	}
	return nil
}

func appendLines(dst []byte, messages []message) []byte {
	for i := range messages {
		dst = append(dst, messages[i].event...)
		dst = append(dst, '\n')
	}
	return dst
}

func (f *file) size() (int64, error) {
	info, err := f.open.Stat()
	if err != nil {
		return -1, err
	}
	return info.Size(), nil
}

// ensure opens the file when it is not open, was moved away or is full.
func (f *file) ensure() error {
	if f.open != nil {
		here, err := f.open.Stat()
		if err != nil {
			return errors.Join(err, f.shut())
		}
		there, err := os.Stat(f.options.Path)
		full := f.options.MaxMegabytes > 0 && here.Size() >= int64(f.options.MaxMegabytes)<<20
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			return err
		case !os.SameFile(here, there):
		case full:
			aside := f.options.Path + "." + time.Now().UTC().Format("20060102T150405.000000000Z")
			if err := os.Rename(f.options.Path, aside); err != nil {
				return err
			}
		default:
			return nil
		}
		if err := f.shut(); err != nil {
			return err
		}
	}
	opened, err := os.OpenFile(f.options.Path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	f.open = opened
	return f.endLine()
}

// endLine ends a line that a crash has left unfinished. It is not cut off: whoever reads the file may
// have it already, and gets the whole one next.
func (f *file) endLine() error {
	info, err := f.open.Stat()
	if err != nil || info.Size() == 0 || !info.Mode().IsRegular() {
		return err
	}
	last := make([]byte, 1)
	if _, err := f.open.ReadAt(last, info.Size()-1); err != nil && err != io.EOF {
		return err
	}
	if last[0] == '\n' {
		return nil
	}
	_, err = f.open.Write([]byte{'\n'})
	return err
}

// shut closes the file after what was written to it is on stable storage.
func (f *file) shut() error {
	open := f.open
	if open == nil {
		return nil
	}
	f.open = nil
	err := errors.Join(open.Sync(), open.Close())
	f.lost = errors.Join(f.lost, err)
	return err
}

func (f *file) confirm() (uint64, error) {
	if err := f.lost; err != nil {
		f.lost = nil
		return 0, fmt.Errorf("sync %s: %w", f.options.Path, err)
	}
	if f.open == nil {
		return everything, nil // shut has synced
	}
	if err := f.open.Sync(); err != nil {
		_ = f.shut()
		f.lost = nil
		return 0, fmt.Errorf("sync %s: %w", f.options.Path, err)
	}
	return everything, nil
}

func (f *file) close() bool { return f.shut() == nil && f.lost == nil }
