// Package rangetable is a compact, read-only table from address ranges to labels: countries, or the
// regions of a cloud provider.
//
// A table is sorted starts with one byte of label each; a range ends where the next begins. An
// index over the first 16 bits leaves a binary search of a few entries. IPv6 is kept to its first
// 64 bits, the smallest network that is delegated to one site (RFC 6177), and a /64 that several
// labels share has none. Encoded, the starts are differences and the whole is deflated: about
// one byte per range, small enough to embed. The same ranges make the same bytes.
//
//	table, err := rangetable.Decode(file)
//	country := table.Label(netip.MustParseAddr("193.0.6.139"))
//
// It leaves what the labels mean to package jurisdiction, and reading other formats to package
// ranges.
package rangetable

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"
	"unicode"
	"unicode/utf8"
)

// Magic is how an encoded table begins.
const Magic = "BFRT\x02"

const (
	maxRanges   = 8 << 20 // per address family; eight times what the largest country database needs
	maxLabels   = 255
	indexBits   = 16
	indexLength = 1<<indexBits + 1
)

// Longest texts of a Header, and longest label, in bytes.
const (
	MaxName        = 100
	MaxAttribution = 1000
	MaxLabel       = 64
)

// Header describes the data of a table.
type Header struct {
	Name        string    // the data set, e.g. "geo-whois-asn-country"
	Kind        string    // what the labels are; the reader's affair
	License     string    // SPDX identifier, or where the terms are; "" if not stated
	Attribution string    // to be shown wherever the data is passed on; "" if not stated
	Published   time.Time // when the data set was published, to the second, not before 1970
}

// Table answers which label an address range has. It is immutable, so safe for concurrent use.
type Table struct {
	Header
	Checksum string // SHA-256 of the encoded table without its end, lower-case hexadecimal

	labels []string // by code in family.label; labels[0] is "": nothing known
	v4, v6 family
}

// family holds one address family. Starts are left-aligned in 64 bits for IPv6, the plain 32-bit
// value for IPv4.
type family struct {
	starts32 []uint32
	starts64 []uint64
	label    []byte
	index    []uint32 // index[h] is the first range that starts at or after the prefix h
}

// Label returns the label of addr, or "" when the table has none. It does not allocate.
func (t *Table) Label(addr netip.Addr) string { return t.labels[t.Code(addr)] }

// Code returns the position in Labels of addr's label, 0 when the table has none. It does not allocate.
func (t *Table) Code(addr netip.Addr) int {
	addr = addr.Unmap()
	switch {
	case addr.Is4():
		bytes := addr.As4()
		return int(t.v4.find32(binary.BigEndian.Uint32(bytes[:])))
	case addr.Is6():
		bytes := addr.As16()
		return int(t.v6.find64(binary.BigEndian.Uint64(bytes[:8])))
	}
	return 0
}

// Labels returns the labels by their codes; the first is "". It is not to be changed.
func (t *Table) Labels() []string { return t.labels }

// Len returns the number of IPv4 and of IPv6 ranges.
func (t *Table) Len() (ipv4, ipv6 int) { return len(t.v4.label), len(t.v6.label) }

func (f *family) find32(address uint32) byte {
	prefix := address >> (32 - indexBits)
	low, high := int(f.index[prefix]), int(f.index[prefix+1])
	for low < high {
		middle := int(uint(low+high) >> 1)
		if f.starts32[middle] <= address {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return f.before(low)
}

func (f *family) find64(address uint64) byte {
	prefix := address >> (64 - indexBits)
	low, high := int(f.index[prefix]), int(f.index[prefix+1])
	for low < high {
		middle := int(uint(low+high) >> 1)
		if f.starts64[middle] <= address {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return f.before(low)
}

// before returns the label of the range in front of position; 0 before the first range.
func (f *family) before(position int) byte {
	if position == 0 {
		return 0
	}
	return f.label[position-1]
}

// Decode reads an encoded table. The error says what is wrong with it; a table that decodes
// answers every address without a panic.
func Decode(encoded []byte) (*Table, error) {
	if len(encoded) < len(Magic)+sha256.Size || string(encoded[:len(Magic)]) != Magic {
		return nil, errors.New("not a range table: no BFRT version 2 header")
	}
	body, sum := encoded[:len(encoded)-sha256.Size], encoded[len(encoded)-sha256.Size:]
	actual := sha256.Sum256(body)
	if !bytes.Equal(actual[:], sum) {
		return nil, errors.New("range table is damaged: its checksum does not match its content")
	}
	table := &Table{Checksum: hex.EncodeToString(sum)}
	input := bytes.NewReader(body[len(Magic):])
	if err := table.readHeader(input); err != nil {
		return nil, fmt.Errorf("range table header: %w", err)
	}
	inflated := flate.NewReader(input)
	source := byteReader{reader: inflated}
	if err := table.v4.read(&source, 32, len(table.labels)); err != nil {
		return nil, fmt.Errorf("range table, IPv4 ranges: %w", err)
	}
	if err := table.v6.read(&source, 64, len(table.labels)); err != nil {
		return nil, fmt.Errorf("range table, IPv6 ranges: %w", err)
	}
	return table, nil
}

func (t *Table) readHeader(input *bytes.Reader) error {
	published, err := binary.ReadUvarint(input)
	if err != nil {
		return err
	}
	if published > 1<<40 {
		return errors.New("publication time out of range")
	}
	t.Published = time.Unix(int64(published), 0).UTC()
	for _, field := range t.texts() {
		if *field.text, err = readText(input, field.limit); err != nil {
			return fmt.Errorf("%s: %w", field.name, err)
		}
	}
	count, err := binary.ReadUvarint(input)
	if err != nil {
		return err
	}
	if count > maxLabels {
		return fmt.Errorf("more than %d labels", maxLabels)
	}
	t.labels = make([]string, 1, count+1)
	for range count {
		label, err := readText(input, MaxLabel)
		if err != nil {
			return fmt.Errorf("label: %w", err)
		}
		if label == "" {
			return errors.New("an empty label")
		}
		t.labels = append(t.labels, label)
	}
	return nil
}

type headerText struct {
	name  string
	text  *string
	limit int
}

// texts lists the texts of a header in the order in which they are written.
func (h *Header) texts() [4]headerText {
	return [4]headerText{
		{"name", &h.Name, MaxName}, {"kind", &h.Kind, MaxName}, {"licence", &h.License, MaxName},
		{"attribution", &h.Attribution, MaxAttribution},
	}
}

func readText(input *bytes.Reader, limit int) (string, error) {
	length, err := binary.ReadUvarint(input)
	if err != nil {
		return "", err
	}
	if length > uint64(limit) {
		return "", fmt.Errorf("%d bytes long, at most %d allowed", length, limit)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(input, text); err != nil {
		return "", err
	}
	return string(text), validText(string(text))
}

// validText refuses what would garble a terminal or a log.
func validText(text string) error {
	for _, r := range text {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return errors.New("a character that cannot be printed")
		}
	}
	return nil
}

// read fills the family from its encoded form: the number of ranges, the difference of each start
// to the one before, and one byte of label each.
func (f *family) read(source *byteReader, bits, labels int) error {
	count, err := binary.ReadUvarint(source)
	if err != nil {
		return err
	}
	if count > maxRanges {
		return fmt.Errorf("%d ranges, at most %d allowed", count, maxRanges)
	}
	// Grown as the data arrives: a small file that claims many ranges must not reserve memory.
	var start uint64
	for i := range count {
		difference, err := binary.ReadUvarint(source)
		if err != nil {
			return err
		}
		next := start + difference
		if i > 0 && (difference == 0 || next < start) || bits == 32 && next > 1<<32-1 {
			return errors.New("starts are not in ascending order")
		}
		start = next
		if bits == 32 {
			f.starts32 = append(f.starts32, uint32(start))
		} else {
			f.starts64 = append(f.starts64, start)
		}
	}
	f.label = make([]byte, count)
	if _, err := io.ReadFull(source, f.label); err != nil {
		return err
	}
	for _, code := range f.label {
		if int(code) >= labels {
			return errors.New("a range has a label that the header does not list")
		}
	}
	f.buildIndex()
	return nil
}

func (f *family) buildIndex() {
	f.index = make([]uint32, indexLength)
	position := 0
	for prefix := range uint64(indexLength - 1) {
		for position < len(f.label) && f.prefix(position) < prefix {
			position++
		}
		f.index[prefix] = uint32(position)
	}
	f.index[indexLength-1] = uint32(len(f.label))
}

// prefix returns the first 16 bits of the address with which the range at position starts.
func (f *family) prefix(position int) uint64 {
	if f.starts64 != nil {
		return f.starts64[position] >> (64 - indexBits)
	}
	return uint64(f.starts32[position] >> (32 - indexBits))
}

// byteReader buffers single bytes out of an inflating reader.
type byteReader struct {
	reader     io.Reader
	buffer     [4096]byte
	start, end int
}

func (b *byteReader) ReadByte() (byte, error) {
	if b.start == b.end {
		n, err := io.ReadAtLeast(b.reader, b.buffer[:], 1)
		if err != nil {
			return 0, err
		}
		b.start, b.end = 0, n
	}
	b.start++
	return b.buffer[b.start-1], nil
}

func (b *byteReader) Read(into []byte) (int, error) {
	if b.start == b.end {
		return b.reader.Read(into)
	}
	n := copy(into, b.buffer[b.start:b.end])
	b.start += n
	return n, nil
}
