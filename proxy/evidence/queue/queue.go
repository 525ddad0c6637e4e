// Package queue is memory for lines that wait to be written, which outlives the process.
//
// The memory is a file that is mapped: once a line has been copied into it, the operating system has
// it, without a system call, and the end of the process, however it comes, does not take it away.
// The next process reads the lines from the file. A power cut is not what it guards against: nothing
// is synced, and checksums tell apart what a power cut left half written.
//
// A File has two areas, one that lines are put into while the other is being written to the log. Its
// blocks are reserved when it is made, so that a disk that fills up later does not take the memory
// away; a fault all the same, as of a file system that breaks, is an error and not a crash.
//
// It leaves locking to its caller, and writing the lines to where they belong.
package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime/debug"
	"sync/atomic"
	"unsafe"
)

// ErrUnsupported is wrapped by the error of Create where files cannot be mapped or reserved.
var ErrUnsupported = errors.New("mapped memory is not supported here")

// The file: a header of one page with magic, records and bytes of an area; then the two areas, each
// a page whose first word counts its lines, a table of where each line ends and its checksum, and
// the lines. Numbers are little-endian; the count is the machine's, which is the same wherever it
// is read by a process of this machine.
const (
	magic     = "bfqueue1"
	page      = 4096
	tableWord = 8 // bytes of an entry: where the line ends and its checksum
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type geometry struct{ records, bytes int }

func (g geometry) tableSize() int { return (g.records*tableWord + page - 1) / page * page }
func (g geometry) areaSize() int  { return page + g.tableSize() + g.bytes }
func (g geometry) fileSize() int  { return page + 2*g.areaSize() }

// File is mapped memory. Its methods and those of its areas need a lock of the caller's.
type File struct {
	path    string
	mapping []byte
	areas   [2]Area
}

// Area holds lines one behind the other.
type Area struct {
	count   *atomic.Uint64
	table   []byte
	lines   []byte // its capacity is what the area can hold
	broken  bool
	records int
}

// Create makes a file at path beside the one that may be there, for areas of at least the given
// number of lines and bytes. The one that was there stays until Publish.
func Create(path string, records, bytes int) (*File, error) {
	g := geometry{records, (bytes + page - 1) / page * page}
	mapping, err := createMapping(path+".new", int64(g.fileSize()))
	if err != nil {
		return nil, fmt.Errorf("make the queue's memory: %w", err)
	}
	copy(mapping, magic)
	binary.LittleEndian.PutUint64(mapping[8:], uint64(g.records))
	binary.LittleEndian.PutUint64(mapping[16:], uint64(g.bytes))
	f := &File{path: path, mapping: mapping}
	for i := range f.areas {
		start := page + i*g.areaSize()
		lines := start + page + g.tableSize()
		f.areas[i] = Area{
			count: (*atomic.Uint64)(unsafe.Pointer(&mapping[start])),
			table: mapping[start+page:][:g.records*tableWord],
			lines: mapping[lines : lines : lines+g.bytes],
		}
	}
	return f, nil
}

// Publish puts the file in the place of the one before, whose lines nobody will find again.
func (f *File) Publish() error { return os.Rename(f.path+".new", f.path) }

// Close gives the memory back. No area may be used after it, nor any line of one.
func (f *File) Close() error {
	if f.mapping == nil {
		return nil
	}
	mapping := f.mapping
	f.mapping = nil
	return unmap(mapping)
}

// Areas returns the two areas.
func (f *File) Areas() (*Area, *Area) { return &f.areas[0], &f.areas[1] }

// Lines returns what was appended since the last Reset. It is valid until the next one.
func (a *Area) Lines() []byte { return a.lines }

// Fits reports whether the area has room for one more line of n bytes.
func (a *Area) Fits(n int) bool {
	return !a.broken && (a.records+1)*tableWord <= len(a.table) && len(a.lines)+n <= cap(a.lines)
}

// Append copies the line, which comes in parts, into the area. When it returns nil, the line
// outlives the process. After an error the area takes no more lines; those before can be read if
// the memory can.
func (a *Area) Append(parts ...[]byte) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			a.broken = true
			err = asFault(fault)
		}
	}()
	start := len(a.lines)
	lines := a.lines
	for _, part := range parts {
		if len(part) > cap(lines)-len(lines) {
			return errors.New("the queue's memory is full")
		}
		lines = append(lines, part...)
	}
	entry := a.table[a.records*tableWord:][:tableWord]
	binary.LittleEndian.PutUint32(entry, uint32(len(lines)))
	binary.LittleEndian.PutUint32(entry[4:], crc32.Checksum(lines[start:], castagnoli))
	// The count is what makes it a line: it comes last.
	a.count.Store(uint64(a.records + 1))
	a.lines, a.records = lines, a.records+1
	return nil
}

// Reset forgets the lines, which are written.
func (a *Area) Reset() (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			a.broken = true
			err = asFault(fault)
		}
	}()
	a.lines, a.records = a.lines[:0], 0
	a.count.Store(0)
	return nil
}

// asFault tells a fault of the memory from a mistake in this program.
func asFault(cause any) error {
	if fault, is := cause.(interface {
		error
		Addr() uintptr
	}); is {
		return fmt.Errorf("the queue's memory cannot be used: %w", error(fault))
	}
	panic(cause)
}

// Read returns the lines that a process left in the file at path, from each area. A file that is
// not there, or that is no queue, has none.
func Read(path string) ([][][]byte, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the queue of the last process: %w", err)
	}
	if len(content) < page || string(content[:len(magic)]) != magic {
		return nil, nil
	}
	g := geometry{
		int(min(binary.LittleEndian.Uint64(content[8:]), 1<<30)),
		int(min(binary.LittleEndian.Uint64(content[16:]), 1<<40)),
	}
	if g.fileSize() != len(content) {
		return nil, nil
	}
	var areas [][][]byte
	for i := range 2 {
		areas = append(areas, readArea(content[page+i*g.areaSize():][:g.areaSize()], g))
	}
	return areas, nil
}

// readArea returns lines until the first that is not what its checksum says.
func readArea(area []byte, g geometry) [][]byte {
	count := min(binary.NativeEndian.Uint64(area), uint64(g.records))
	table, text := area[page:], area[page+g.tableSize():]
	var lines [][]byte
	start := 0
	for i := range int(count) {
		entry := table[i*tableWord:][:tableWord]
		end := int(binary.LittleEndian.Uint32(entry))
		if end <= start || end > len(text) || crc32.Checksum(text[start:end], castagnoli) != binary.LittleEndian.Uint32(entry[4:]) {
			break
		}
		lines = append(lines, text[start:end:end])
		start = end
	}
	return lines
}
