//go:build !linux

package queue

// createMapping has no way here to reserve a file's blocks before they are mapped.
func createMapping(string, int64) ([]byte, error) { return nil, ErrUnsupported }

func unmap([]byte) error { return nil }
