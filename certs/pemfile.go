package certs

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

const (
	maxCertificateBytes = 8 << 20  // of a file; the bundle of all public roots has about 230 KB
	maxKeyBytes         = 64 << 10 // of a file; RSA of 8192 bits has 6.5 KB, and checking larger keys takes seconds
	maxMistakes         = 20       // told about one file
)

// readFile returns a regular file's content, of limit bytes at most, and its mode. Both are of the same
// open file, so a file that is exchanged meanwhile cannot pass the mode check in another's place.
func readFile(path, expected string, limit int) ([]byte, fs.FileMode, error) {
	wrong := func(found string, err error) error {
		return &FileError{File: path, Found: found, Expected: expected, Err: err}
	}
	// Asked before opening, because opening a named pipe would wait for a writer.
	if info, err := os.Stat(path); err != nil {
		return nil, 0, wrong(describeIOError(err), err)
	} else if !info.Mode().IsRegular() {
		return nil, 0, wrong("a "+describeFileType(info.Mode()), nil)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, wrong(describeIOError(err), err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, wrong(describeIOError(err), err)
	}
	content, err := io.ReadAll(io.LimitReader(file, int64(limit)+1))
	if err != nil {
		return nil, 0, wrong(describeIOError(err), err)
	}
	if len(content) > limit {
		return nil, 0, wrong(fmt.Sprintf("more than %d bytes", limit), nil)
	}
	return content, info.Mode(), nil
}

// describeIOError drops the path from an error of package os: FileError has it already.
func describeIOError(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "no such file"
	case errors.Is(err, fs.ErrPermission):
		return "a file that this process may not read"
	}
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Op + ": " + pathError.Err.Error()
	}
	return err.Error()
}

func describeFileType(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}

// pemBlock is a PEM block and the line on which it begins.
type pemBlock struct {
	*pem.Block
	line int
}

// pemBlocks returns the PEM blocks of a file and every mistake in it. Text around the blocks is allowed
// (openssl and public bundles put comments there), a block that cannot be decoded is not: package
// encoding/pem skips those without a word, and a root would be missing that the operator believes in.
func pemBlocks(file string, content []byte) (blocks []pemBlock, mistakes []error) {
	const begin = "-----BEGIN "
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	var starts, lines []int
	line := 1
	for offset := 0; offset < len(content); line++ {
		text := content[offset:]
		if end := bytes.IndexByte(text, '\n'); end >= 0 {
			text = text[:end+1]
		}
		indent := len(text) - len(bytes.TrimLeft(text, " \t"))
		if bytes.HasPrefix(text[indent:], []byte(begin)) {
			starts, lines = append(starts, offset+indent), append(lines, line)
		}
		offset += len(text)
	}
	for i, start := range starts {
		end := len(content)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		block, _ := pem.Decode(content[start:end])
		if block == nil {
			mistakes = append(mistakes, &FileError{File: file, Line: lines[i],
				Found:    "a PEM block that cannot be decoded",
				Expected: "base64 text up to the END line of the same name, not indented",
				Fix:      "copy the file again, it may be cut short or re-wrapped"})
			continue
		}
		blocks = append(blocks, pemBlock{block, lines[i]})
	}
	return blocks, mistakes
}

// notPEM explains a file in which no PEM block was found.
func notPEM(file string, content []byte, expected, convert string) error {
	e := &FileError{File: file, Found: "no PEM block", Expected: expected}
	switch {
	case len(content) == 0:
		e.Found = "an empty file"
	case content[0] == 0x30: // ASN.1 SEQUENCE
		e.Found = "binary data (DER or PKCS#12)"
		e.Fix = "convert DER with: " + convert
	}
	return e
}

// joinMistakes joins what is wrong with one file, up to a number that somebody may still read.
func joinMistakes(file string, mistakes []error) error {
	if more := len(mistakes) - maxMistakes; more > 0 {
		mistakes = append(slices.Clip(mistakes[:maxMistakes]), fmt.Errorf("%s: and %d mistakes more", file, more))
	}
	return errors.Join(mistakes...)
}

// shellQuote returns s as one word of a POSIX shell.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:@,=", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
