package bundle

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// archiveSuffix is what the name of a bundle in one file ends in.
const archiveSuffix = ".tar.zst"

// target takes the files of a bundle.
type target interface {
	file(name string, content []byte) error
	stream(name string, size int64, content io.Reader) error
	close() error
}

// create refuses what is there already: a bundle is handed to others, and must hold nothing else.
func create(path string) (target, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%s is there already", path)
	}
	if !strings.HasSuffix(path, archiveSuffix) {
		return directory(path), os.Mkdir(path, 0o700)
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	packed, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return &packedFile{out: out, packed: packed, tar: tar.NewWriter(packed)}, nil
}

type directory string

func (d directory) file(name string, content []byte) error {
	return d.stream(name, int64(len(content)), bytes.NewReader(content))
}

func (d directory) stream(name string, size int64, content io.Reader) error {
	path := filepath.Join(string(d), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(file, content)
	if err == nil && n != size {
		err = fmt.Errorf("write %s: %d of %d bytes", name, n, size)
	}
	return errors.Join(err, file.Sync(), file.Close())
}

func (d directory) close() error { return nil }

type packedFile struct {
	out    *os.File
	packed *zstd.Encoder
	tar    *tar.Writer
}

func (p *packedFile) file(name string, content []byte) error {
	return p.stream(name, int64(len(content)), bytes.NewReader(content))
}

func (p *packedFile) stream(name string, size int64, content io.Reader) error {
	if err := p.tar.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o600, Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err := io.Copy(p.tar, content)
	return err
}

func (p *packedFile) close() error {
	return errors.Join(p.tar.Close(), p.packed.Close(), p.out.Sync(), p.out.Close())
}
