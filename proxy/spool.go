package proxy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/borderflow/borderflow/proxy/admin"
)

var errSpoolFull = errors.New("the spool is full")

// spool keeps bodies on disk that are too large to be held in memory. A file has no name by the time
// anything is written to it, so that no crash leaves a payload behind.
type spool struct {
	directory string
	body      int64 // bytes of one body at most
	total     int64 // bytes of all bodies at most

	used    atomic.Int64
	files   atomic.Int64
	written atomic.Uint64 // bytes so far
	refused atomic.Uint64 // bodies that found no place
}

// openSpool makes the directory, and removes what a crash left between making a file and taking its
// name away: files without content.
func openSpool(directory string, body, total int64) (*spool, error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, fmt.Errorf("create the spool's directory: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(directory, spoolPattern))
	if err != nil {
		return nil, fmt.Errorf("look through the spool's directory: %w", err)
	}
	for _, file := range left {
		if err := os.Remove(file); err != nil {
			return nil, fmt.Errorf("clear the spool's directory: %w", err)
		}
	}
	s := &spool{directory: directory, body: body, total: total}
	return s, s.probe()
}

const spoolPattern = "body-*"

// create returns an empty file that nobody else can open.
func (s *spool) create() (*spooledBody, error) {
	file, err := os.CreateTemp(s.directory, spoolPattern) // with permissions 0600
	if err != nil {
		return nil, fmt.Errorf("spool a body: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("spool a body: %w", err)
	}
	s.files.Add(1)
	return &spooledBody{spool: s, file: file}, nil
}

// probe reports why bodies cannot be spooled.
func (s *spool) probe() error {
	body, err := s.create()
	if err != nil {
		return err
	}
	body.release()
	return nil
}

func (s *spool) stats() admin.SpoolStats {
	return admin.SpoolStats{Bytes: s.used.Load(), Files: int(s.files.Load()), Written: s.written.Load(), Refused: s.refused.Load()}
}

// spooledBody is one body on disk.
type spooledBody struct {
	spool *spool
	file  *os.File

	mutex    sync.Mutex
	length   int64
	released bool
}

// Write appends p. It returns errOversize or errSpoolFull, with nothing written, if there is no room.
func (b *spooledBody) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	size := int64(len(p))
	switch {
	case b.released:
		return 0, errReleased
	case b.length+size > b.spool.body:
		return 0, errOversize
	case b.spool.used.Add(size) > b.spool.total:
		b.spool.used.Add(-size)
		return 0, errSpoolFull
	}
	n, err := b.file.Write(p)
	b.length += int64(n)
	b.spool.used.Add(int64(n) - size)
	b.spool.written.Add(uint64(n))
	if err != nil {
		return n, fmt.Errorf("spool a body: %w", err)
	}
	return n, nil
}

// reader reads the body from its beginning. Once the body is released, it fails.
func (b *spooledBody) reader() io.Reader {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return io.NewSectionReader(b.file, 0, b.length)
}

// release gives the space back. It may be called more than once.
func (b *spooledBody) release() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.released {
		return
	}
	b.released = true
	_ = b.file.Close() // nothing that was written is needed any more
	b.spool.used.Add(-b.length)
	b.spool.files.Add(-1)
}
