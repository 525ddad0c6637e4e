// Package sealed compresses complete segments of the evidence log, and reads them at any place.
//
// A sealed segment is a Zstandard file (RFC 8878) of independent frames, one for each MiB of lines, with
// the public seek table behind them, which every other reader skips: "zstdcat FILE | jq" reads it. A line
// in the middle costs one frame, so that an index made for the plain file keeps its meaning: offsets are
// those of the plain file.
//
// It leaves to package keep when a segment is sealed, and to its callers what is in it.
//
//	err := sealed.Seal("flows-….jsonl")      // leaves flows-….jsonl.zst in its place
//	file, err := sealed.Open("flows-….jsonl") // the plain one or the sealed one, whichever is there
//	n, err := file.ReadAt(buffer, offset)
package sealed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Suffix is what the name of a sealed segment adds to that of the plain one.
const Suffix = ".zst"

// The seek table, as the "Zstandard Seekable Format" of the reference implementation has it: a skippable
// frame with an entry for each frame and a footer.
const (
	skippable   = 0x184D2A5E
	seekable    = 0x8F92EAB1
	headBytes   = 8
	entryBytes  = 8 // compressed and plain length
	footerBytes = 9
)

const (
	frameBytes = 1 << 20
	maxFrame   = 8 << 20 // of a file that we read
	maxFrames  = 1 << 22
)

// ErrNotSealed is wrapped by errors about files that are no sealed segments.
var ErrNotSealed = errors.New("not a sealed segment")

// File is a segment open for reading. ReadAt and Size may be called from any goroutine.
type File struct {
	file   *os.File
	size   int64
	frames []frame // nil for a plain segment
	reader *zstd.Decoder

	mu    sync.Mutex
	cache []byte // the frame that was read last
	index int    // which it is
}

// frame is where a frame stands in the file, and its bytes in the plain segment.
type frame struct{ at, plain int64 }

// Open opens a segment by the name of its plain or its sealed file, whichever of the two is there.
func Open(path string) (*File, error) {
	plain := strings.TrimSuffix(path, Suffix)
	file, err := os.Open(plain)
	if errors.Is(err, fs.ErrNotExist) {
		return openSealed(plain + Suffix)
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &File{file: file, size: info.Size()}, nil
}

func openSealed(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f := &File{file: file, index: -1}
	if err := f.readTable(); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), file.Close())
	}
	// A frame is decoded by whoever asks for it, without goroutines of the library's.
	f.reader, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxFrame))
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return f, nil
}

// readTable reads where the frames stand.
func (f *File) readTable() error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	var footer [footerBytes]byte
	if info.Size() < headBytes+footerBytes {
		return fmt.Errorf("%w: too short", ErrNotSealed)
	}
	if _, err := f.file.ReadAt(footer[:], info.Size()-footerBytes); err != nil {
		return err
	}
	count := int64(binary.LittleEndian.Uint32(footer[:]))
	length := headBytes + count*entryBytes + footerBytes
	if binary.LittleEndian.Uint32(footer[5:]) != seekable || footer[4] != 0 || count > maxFrames || length > info.Size() {
		return fmt.Errorf("%w: it has no seek table", ErrNotSealed)
	}
	table := make([]byte, length)
	if _, err := f.file.ReadAt(table, info.Size()-length); err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(table) != skippable || int64(binary.LittleEndian.Uint32(table[4:])) != length-headBytes {
		return fmt.Errorf("%w: it has no seek table", ErrNotSealed)
	}
	f.frames = make([]frame, 0, count+1)
	var at frame
	for entry := range slices.Chunk(table[headBytes:length-footerBytes], entryBytes) {
		f.frames = append(f.frames, at)
		plain := int64(binary.LittleEndian.Uint32(entry[4:]))
		if plain == 0 || plain > maxFrame {
			return fmt.Errorf("%w: a frame of %d bytes", ErrNotSealed, plain)
		}
		at.at += int64(binary.LittleEndian.Uint32(entry))
		at.plain += plain
	}
	if at.at != info.Size()-length {
		return fmt.Errorf("%w: its seek table is of another file", ErrNotSealed)
	}
	f.frames = append(f.frames, at)
	f.size = at.plain
	return nil
}

// Size is the length of the plain segment in bytes.
func (f *File) Size() int64 { return f.size }

// ReadAt reads bytes of the plain segment, as io.ReaderAt has it.
func (f *File) ReadAt(p []byte, offset int64) (int, error) {
	if f.frames == nil {
		return f.file.ReadAt(p, offset)
	}
	if offset < 0 {
		return 0, errors.New("read a sealed segment: a negative offset")
	}
	read := 0
	for read < len(p) {
		if offset >= f.size {
			return read, io.EOF
		}
		n, err := f.readFrame(p[read:], offset)
		read += n
		offset += int64(n)
		if err != nil {
			return read, err
		}
	}
	return read, nil
}

// readFrame copies what the frame at offset has from there on.
func (f *File) readFrame(p []byte, offset int64) (int, error) {
	i, found := slices.BinarySearchFunc(f.frames, offset, func(at frame, offset int64) int {
		return int(min(max(at.plain-offset, -1), 1))
	})
	if !found {
		i--
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.index != i {
		f.index = -1
		packed := make([]byte, f.frames[i+1].at-f.frames[i].at)
		if _, err := f.file.ReadAt(packed, f.frames[i].at); err != nil {
			return 0, fmt.Errorf("read a sealed segment: %w", err)
		}
		plain, err := f.reader.DecodeAll(packed, f.cache[:0])
		if err != nil || int64(len(plain)) != f.frames[i+1].plain-f.frames[i].plain {
			return 0, fmt.Errorf("read a sealed segment: frame %d is damaged: %w", i+1, errors.Join(err, ErrNotSealed))
		}
		f.cache, f.index = plain, i
	}
	return copy(p, f.cache[offset-f.frames[i].plain:]), nil
}

// Close closes the file.
func (f *File) Close() error {
	if f.reader != nil {
		f.reader.Close()
	}
	return f.file.Close()
}

// Compress writes the sealed form of a plain segment.
func Compress(to io.Writer, from io.Reader) error {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	if err != nil {
		return err
	}
	defer encoder.Close()
	plain := make([]byte, frameBytes)
	var packed, entries []byte
	for count := uint32(0); ; count++ {
		n, err := io.ReadFull(from, plain)
		if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		if n == 0 {
			_, err = to.Write(seekTable(entries, count))
			return err
		}
		packed = encoder.EncodeAll(plain[:n], packed[:0])
		if _, err := to.Write(packed); err != nil {
			return err
		}
		entries = binary.LittleEndian.AppendUint32(entries, uint32(len(packed)))
		entries = binary.LittleEndian.AppendUint32(entries, uint32(n))
	}
}

func seekTable(entries []byte, count uint32) []byte {
	table := binary.LittleEndian.AppendUint32(nil, skippable)
	table = binary.LittleEndian.AppendUint32(table, uint32(len(entries)+footerBytes))
	table = append(table, entries...)
	table = binary.LittleEndian.AppendUint32(table, count)
	return binary.LittleEndian.AppendUint32(append(table, 0), seekable)
}

// sameContent reports whether two segments have the same bytes.
func sameContent(a, b *File) (bool, error) {
	if a.Size() != b.Size() {
		return false, nil
	}
	one, other := make([]byte, frameBytes), make([]byte, frameBytes)
	for offset := int64(0); offset < a.Size(); offset += frameBytes {
		n := min(frameBytes, a.Size()-offset)
		if _, err := a.ReadAt(one[:n], offset); err != nil && err != io.EOF {
			return false, err
		}
		if _, err := b.ReadAt(other[:n], offset); err != nil && err != io.EOF {
			return false, err
		}
		if !bytes.Equal(one[:n], other[:n]) {
			return false, nil
		}
	}
	return true, nil
}
