package main

import (
	"fmt"
	"io"
	"os"
)

// readInput reads a file of at most limit bytes; "-" is standard input, where there is one.
func readInput(path string, stdin io.Reader, limit int64) ([]byte, error) {
	in := stdin
	if path != "-" || stdin == nil {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	content, err := io.ReadAll(io.LimitReader(in, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", path, err)
	case int64(len(content)) > limit:
		return nil, fmt.Errorf("read %s: it is longer than %d bytes", path, limit)
	}
	return content, nil
}
