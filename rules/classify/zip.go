package classify

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"hash/maphash"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/klauspost/compress/flate"
)

// zipReader reads a zip archive (APPNOTE.TXT 6.3) from its first entry to its last, as it arrives. Other
// readers go by the directory at the end, so that the directory must describe exactly the entries that
// were met; where the two could be read differently, the archive is Undecodable.
type zipReader struct {
	*parser
	depth    int
	inflate  io.ReadCloser
	offset   uint64 // of the next byte
	entries  uint64
	met      uint64 // sum of the hashes of the entries that were met, and
	listed   uint64 // of those that the directory lists
	listings uint64
	buffer   [8 << 10]byte
}

const (
	zipEntry      = 0x04034b50
	zipListing    = 0x02014b50
	zipEnd        = 0x06054b50
	zip64End      = 0x06064b50
	zip64Locator  = 0x07064b50
	zipDescriptor = 0x08074b50

	zipEncrypted     = 1 << 0
	zipHasDescriptor = 1 << 3
	zipUnknown32     = 0xffffffff // the size is in a zip64 field
)

var errZipDirectory = unreadable("zip archive whose directory does not fit its entries")

func (s *Stream) openZip(depth int) sink {
	z := &zipReader{depth: depth}
	z.parser = s.parser("zip archive", func(*parser) error { return z.archive() })
	return z.parser
}

func (z *zipReader) archive() error {
	for {
		signature, err := z.number32()
		if err != nil {
			return unexpected(err)
		}
		switch signature {
		case zipEntry:
			err = z.entry(z.offset - 4)
		case zipListing:
			err = z.listing()
		case zip64End:
			err = z.end64()
		case zip64Locator:
			err = z.skip(16)
		case zipEnd:
			return z.end()
		default:
			return unreadable("zip archive with something between its entries")
		}
		if err != nil {
			return unexpected(err)
		}
	}
}

// Read reads the archive's next bytes.
func (z *zipReader) Read(p []byte) (int, error) {
	n, err := z.in.Read(p)
	z.offset += uint64(n)
	return n, err
}

// ReadByte keeps the decompressor from reading beyond an entry.
func (z *zipReader) ReadByte() (byte, error) {
	b, err := z.in.ReadByte()
	if err == nil {
		z.offset++
	}
	return b, err
}

func (z *zipReader) header(b []byte) error {
	_, err := io.ReadFull(z, b)
	return err
}

func (z *zipReader) number32() (uint32, error) {
	var b [4]byte
	err := z.header(b[:])
	return binary.LittleEndian.Uint32(b[:]), err
}

func (z *zipReader) skip(n int64) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.LimitReader(z, n), z.buffer[:])
	return err
}

// zipFields are what the local header of an entry and its listing in the directory have in common.
type zipFields struct {
	flags, method  uint16
	crc            uint32
	packed, length uint64
	name           []byte
}

// fields reads them from b, and what follows it: name and extra fields.
func (z *zipReader) fields(b []byte) (f zipFields, err error) {
	f.flags, f.method = binary.LittleEndian.Uint16(b[2:]), binary.LittleEndian.Uint16(b[4:])
	f.crc = binary.LittleEndian.Uint32(b[10:])
	f.packed, f.length = uint64(binary.LittleEndian.Uint32(b[14:])), uint64(binary.LittleEndian.Uint32(b[18:]))
	f.name = make([]byte, binary.LittleEndian.Uint16(b[22:]))
	return f, z.header(f.name)
}

// extra reads the extra fields, where sizes of more than four bytes are.
func (z *zipReader) extra(f *zipFields, size uint16) error {
	b := make([]byte, size)
	if err := z.header(b); err != nil {
		return err
	}
	for len(b) >= 4 {
		id, n := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		if b = b[4:]; n > len(b) {
			break
		}
		if field := b[:n]; id == 1 {
			for _, to := range []*uint64{&f.length, &f.packed} {
				if *to == zipUnknown32 && len(field) >= 8 {
					*to, field = binary.LittleEndian.Uint64(field), field[8:]
				}
			}
		}
		b = b[n:]
	}
	return nil
}

// hash stands for an entry at an offset in the comparison of entries and directory.
func (z *zipReader) hash(f *zipFields, offset uint64) uint64 {
	var b [8 + 2 + 4 + 16]byte
	binary.LittleEndian.PutUint64(b[:], offset)
	binary.LittleEndian.PutUint16(b[8:], f.method)
	binary.LittleEndian.PutUint32(b[10:], f.crc)
	binary.LittleEndian.PutUint64(b[14:], f.packed)
	binary.LittleEndian.PutUint64(b[22:], f.length)
	var h maphash.Hash
	h.SetSeed(z.stream.classifier.seed)
	h.Write(b[:])
	h.Write(f.name)
	return h.Sum64()
}

func (z *zipReader) entry(offset uint64) error {
	var b [26]byte
	if err := z.header(b[:]); err != nil {
		return err
	}
	f, err := z.fields(b[:])
	if err != nil {
		return err
	}
	if err := z.extra(&f, binary.LittleEndian.Uint16(b[24:])); err != nil {
		return err
	}
	z.entries++
	if z.listings > 0 {
		return errZipDirectory
	}
	if err := z.stream.countPart(); err != nil {
		return err
	}
	z.stream.readName(string(f.name))
	if err := z.content(&f); err != nil {
		return err
	}
	z.met += z.hash(&f, offset)
	return nil
}

// content reads an entry's bytes and, if there is one, the descriptor behind them.
func (z *zipReader) content(f *zipFields) error {
	s := z.stream
	var body io.Reader
	start := z.offset
	described := f.flags&zipHasDescriptor != 0
	switch {
	case f.flags&zipEncrypted != 0:
		s.coverage.missed("encrypted zip entry")
	case f.method == 0 && !described:
		body = io.LimitReader(z, int64(f.packed))
	case f.method == 8:
		if z.inflate == nil {
			z.inflate = flate.NewReader(z)
		} else if err := z.inflate.(flate.Resetter).Reset(z, nil); err != nil {
			return err
		}
		body = z.inflate
	default:
		s.coverage.missed("zip entry packed in an unknown way")
	}
	if body == nil {
		if described {
			return unreadable("zip entry of unknown length")
		}
		return z.skip(int64(f.packed))
	}
	length, crc, err := z.read(body, string(f.name))
	if err != nil {
		return err
	}
	packed := z.offset - start
	if described {
		return z.descriptor(f, packed, length, crc)
	}
	if f.packed != packed || f.length != length || f.crc != crc {
		return unreadable("invalid zip archive")
	}
	return nil
}

// read passes an entry on to a reader for its type.
func (z *zipReader) read(body io.Reader, name string) (length uint64, crc uint32, err error) {
	var next sink
	if s := z.stream; s.tooDeep(z.depth + 1) {
		next = s.openLeaf("", recordLines, "")
	} else {
		next = s.openFile(name, z.depth+1)
	}
	defer next.close()
	for {
		n, err := body.Read(z.buffer[:])
		if n > 0 {
			length += uint64(n)
			crc = crc32.Update(crc, crc32.IEEETable, z.buffer[:n])
			if over := z.stream.spend(n); over != "" {
				z.stream.overBudget(over)
				return length, crc, errOverBudget
			}
			next.write(z.buffer[:n])
		}
		if err == io.EOF {
			return length, crc, nil
		}
		if err != nil {
			return length, crc, err
		}
	}
}

// descriptor reads an entry's sizes behind it: of four or eight bytes, with or without a signature.
func (z *zipReader) descriptor(f *zipFields, packed, length uint64, crc uint32) error {
	f.crc, f.packed, f.length = crc, packed, length
	for _, form := range []struct{ head, size int }{{4, 4}, {4, 8}, {0, 4}, {0, 8}} {
		n := form.head + 4 + 2*form.size
		b, err := z.in.Peek(n)
		if err != nil {
			continue
		}
		if form.head == 4 && binary.LittleEndian.Uint32(b) != zipDescriptor {
			continue
		}
		b = b[form.head:]
		var sizes [2]uint64
		for i := range sizes {
			if sizes[i] = uint64(binary.LittleEndian.Uint32(b[4+i*form.size:])); form.size == 8 {
				sizes[i] = binary.LittleEndian.Uint64(b[4+i*form.size:])
			}
		}
		if binary.LittleEndian.Uint32(b) == crc && sizes == [2]uint64{packed, length} {
			return z.skip(int64(n))
		}
	}
	if _, err := z.in.Peek(4 + 8); err != nil {
		return err
	}
	return unreadable("invalid zip archive")
}

func (z *zipReader) listing() error {
	var b [42]byte
	if err := z.header(b[:]); err != nil {
		return err
	}
	f, err := z.fields(b[2:])
	if err != nil {
		return err
	}
	offset := uint64(binary.LittleEndian.Uint32(b[38:]))
	if err := z.extra(&f, binary.LittleEndian.Uint16(b[26:])); err != nil {
		return err
	}
	if err := z.skip(int64(binary.LittleEndian.Uint16(b[28:]))); err != nil {
		return err
	}
	if offset == zipUnknown32 {
		return unreadable("zip archive of more than 4 GiB")
	}
	z.listings++
	z.listed += z.hash(&f, offset)
	return nil
}

func (z *zipReader) end64() error {
	var b [8]byte
	if err := z.header(b[:]); err != nil {
		return err
	}
	size := binary.LittleEndian.Uint64(b[:])
	if size > 1<<16 {
		return errors.New("zip64 end record too long")
	}
	return z.skip(int64(size))
}

func (z *zipReader) end() error {
	var b [18]byte
	if err := z.header(b[:]); err != nil {
		return unexpected(err)
	}
	if z.entries != z.listings || z.met != z.listed {
		return errZipDirectory
	}
	return z.skip(int64(binary.LittleEndian.Uint16(b[16:])))
}

// countPart counts one more part or entry.
func (s *Stream) countPart() error {
	if s.root.budget.parts++; s.root.budget.parts > s.root.budget.options.MaxParts {
		s.overBudget("budget: more than " + strconv.Itoa(s.root.budget.options.MaxParts) + " parts")
		return errOverBudget
	}
	return nil
}

// openFile opens a file of an archive by what its name says that it is.
func (s *Stream) openFile(name string, depth int) sink {
	d := declaration{file: true}
	extension := strings.ToLower(path.Ext(name))
	switch extension {
	case ".xml", ".rels", ".svg", ".html", ".xhtml":
		if isOfficeText(name) {
			return s.openOffice(d, depth)
		}
		d.contentType = "application/xml"
	case ".json":
		d.contentType = "application/json"
	case ".csv":
		d.contentType = "text/csv"
	case ".tsv":
		d.contentType = "text/tab-separated-values"
	case ".tar":
		d.contentType = "application/x-tar"
	}
	return s.open(d, depth)
}

// isOfficeText knows the parts of Office Open XML and OpenDocument files that hold what the user wrote.
func isOfficeText(name string) bool {
	directory, file := path.Split(name)
	switch strings.ToLower(directory) {
	case "word/", "xl/", "ppt/slides/", "ppt/notesslides/", "ppt/comments/":
		return true
	case "":
		return strings.EqualFold(file, "content.xml")
	}
	return false
}

// openOffice reads the XML of an office document as it is, for its attributes, and as its user sees it:
// without the tags that divide what belongs together.
func (s *Stream) openOffice(d declaration, depth int) sink {
	other := s.beside("body")
	other.body = &xmlDecoder{stream: other, paragraphs: true, outlet: outlet{next: other.openLeaf("", recordLines, "")}}
	d.contentType = "application/xml"
	return &twice{stream: s, asSent: other, decoded: s.open(d, depth)}
}

// readName reads a file's name as a text of its own.
func (s *Stream) readName(name string) {
	body := s.scan.at(place{name: "part header"})
	l := s.aside("")
	l.write([]byte(name))
	l.close()
	s.scan.at(body)
}
