package queue

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// createMapping makes a file whose blocks are reserved, and maps it. A block that is not reserved
// would be asked for when the memory is first written to, and a full disk answers that with SIGBUS.
func createMapping(path string, size int64) (mapping []byte, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, file.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	if err := unix.Fallocate(int(file.Fd()), 0, 0, size); err != nil {
		if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
			err = fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		return nil, fmt.Errorf("reserve %d bytes: %w", size, err)
	}
	mapping, err = unix.Mmap(int(file.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("%w: map: %w", ErrUnsupported, err)
	}
	return mapping, nil
}

func unmap(mapping []byte) error { return unix.Munmap(mapping) }
