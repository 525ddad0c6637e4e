package rangetable

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Builder collects ranges and encodes them as a table. Its zero value is ready for use.
type Builder struct {
	codes  map[string]byte
	labels []string
	v4     column
	v6     column
}

type column struct {
	entries []entry
	end     uint64 // first start that is not covered yet
	full    bool   // the family's last address is covered
}

type entry struct {
	start uint64
	label byte
}

// Add appends a network with its label, "" for none, as AddRange does.
func (b *Builder) Add(network netip.Prefix, label string) error {
	if !network.IsValid() || network.Masked() != network || network.Addr().Is4In6() {
		return fmt.Errorf("network %s: not a network in its plain form", network)
	}
	return b.AddRange(network.Addr(), lastOf(network), label)
}

func lastOf(network netip.Prefix) netip.Addr {
	bytes := network.Addr().AsSlice()
	for bit := network.Bits(); bit < 8*len(bytes); bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}

// AddRange appends the addresses from first to last with their label, "" for none. Ranges of a family
// must come in ascending order and must not overlap; what lies between them has no label. IPv6 ranges
// that share a /64 leave it without a label unless all of them agree.
func (b *Builder) AddRange(first, last netip.Addr, label string) error {
	if !first.IsValid() || first.BitLen() != last.BitLen() || last.Less(first) || first.Is4In6() || first.Zone()+last.Zone() != "" {
		return fmt.Errorf("range %s-%s: not a range of one address family in its plain form", first, last)
	}
	code, err := b.code(label)
	if err != nil {
		return fmt.Errorf("range %s-%s: %w", first, last, err)
	}
	if first.Is4() {
		from, to := first.As4(), last.As4()
		start, end := uint64(binary.BigEndian.Uint32(from[:])), uint64(binary.BigEndian.Uint32(to[:]))
		if b.v4.full || start < b.v4.end {
			return fmt.Errorf("range %s-%s: starts before the end of the range added before it", first, last)
		}
		b.v4.add(start, end, 1<<32-1, code)
		return nil
	}
	from, to := first.As16(), last.As16()
	start, end := binary.BigEndian.Uint64(from[:8]), binary.BigEndian.Uint64(to[:8])
	if b.v6.shares(start, code) {
		if start == end {
			return nil
		}
		start++
	}
	if b.v6.full || start < b.v6.end {
		return fmt.Errorf("range %s-%s: starts before the end of the range added before it", first, last)
	}
	b.v6.add(start, end, 1<<64-1, code)
	return nil
}

func (b *Builder) code(label string) (byte, error) {
	if label == "" {
		return 0, nil
	}
	if code, ok := b.codes[label]; ok {
		return code, nil
	}
	if len(label) > MaxLabel {
		return 0, fmt.Errorf("label of %d bytes, at most %d allowed", len(label), MaxLabel)
	}
	if err := validText(label); err != nil {
		return 0, fmt.Errorf("label %q: %w", label, err)
	}
	if len(b.labels) == maxLabels {
		return 0, fmt.Errorf("label %q is one too many, a table holds %d", label, maxLabels)
	}
	if b.codes == nil {
		b.codes = make(map[string]byte)
	}
	b.labels = append(b.labels, label)
	b.codes[label] = byte(len(b.labels))
	return b.codes[label], nil
}

// shares reports whether start is the /64 that was added last, and then drops its label if code
// disagrees with it.
func (c *column) shares(start uint64, code byte) bool {
	if len(c.entries) == 0 && c.end == 0 && !c.full || c.end != start+1 || c.full && start != 1<<64-1 {
		return false
	}
	c.relabel(start, code)
	return true
}

func (c *column) relabel(start uint64, code byte) {
	var before byte
	if len(c.entries) > 0 {
		before = c.entries[len(c.entries)-1].label
	}
	if before == code || before == 0 {
		return
	}
	if last := &c.entries[len(c.entries)-1]; last.start == start {
		last.label = 0
	} else {
		c.entries = append(c.entries, entry{start, 0})
	}
}

// add appends the range up to and including end; limit is the last address of the family.
func (c *column) add(start, end, limit uint64, code byte) {
	if start > c.end {
		c.append(c.end, 0)
	}
	c.append(start, code)
	c.end = end + 1
	c.full = end == limit
}

func (c *column) append(start uint64, code byte) {
	if n := len(c.entries); n > 0 && c.entries[n-1].label == code || n == 0 && code == 0 {
		return
	}
	c.entries = append(c.entries, entry{start, code})
}

// Encode returns the table's bytes, as Decode reads them.
func (b *Builder) Encode(header Header) ([]byte, error) {
	for _, field := range header.texts() {
		if len(*field.text) > field.limit {
			return nil, fmt.Errorf("encode range table: %s of %d bytes, at most %d allowed", field.name, len(*field.text), field.limit)
		}
		if err := validText(*field.text); err != nil {
			return nil, fmt.Errorf("encode range table: %s %q: %w", field.name, *field.text, err)
		}
	}
	if header.Published.Unix() < 0 {
		return nil, fmt.Errorf("encode range table: published %s, before 1970", header.Published)
	}
	out := bytes.NewBufferString(Magic)
	appendUvarint(out, uint64(header.Published.Unix()))
	for _, field := range header.texts() {
		appendText(out, *field.text)
	}
	appendUvarint(out, uint64(len(b.labels)))
	for _, label := range b.labels {
		appendText(out, label)
	}
	deflate, err := flate.NewWriter(out, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	for _, column := range []*column{&b.v4, &b.v6} {
		if _, err := deflate.Write(column.encode(column == &b.v4)); err != nil {
			return nil, err
		}
	}
	if err := deflate.Close(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(out.Bytes())
	out.Write(sum[:])
	return out.Bytes(), nil
}

func (c *column) encode(ipv4 bool) []byte {
	entries := c.entries
	if limit := uint64(1) << 32; !c.full && len(entries) > 0 && (!ipv4 || c.end < limit) {
		if last := entries[len(entries)-1]; last.label != 0 {
			entries = append(entries[:len(entries):len(entries)], entry{c.end, 0})
		}
	}
	var out bytes.Buffer
	appendUvarint(&out, uint64(len(entries)))
	var before uint64
	for _, e := range entries {
		appendUvarint(&out, e.start-before)
		before = e.start
	}
	for _, e := range entries {
		out.WriteByte(e.label)
	}
	return out.Bytes()
}

func appendUvarint(out *bytes.Buffer, value uint64) {
	out.Write(binary.AppendUvarint(out.AvailableBuffer(), value))
}

func appendText(out *bytes.Buffer, text string) {
	appendUvarint(out, uint64(len(text)))
	out.WriteString(text)
}
