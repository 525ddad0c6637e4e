package rangetable

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
)

// Builder collects networks and encodes them as a table. Its zero value is ready for use.
type Builder struct {
	codes map[string]byte
	names []string
	v4    column
	v6    column
}

type column struct {
	entries []entry
	end     uint64 // first start that is not covered yet
	full    bool   // the family's last address is covered
}

type entry struct {
	start   uint64
	country byte
}

// Add appends a network with its country, "" for none. Networks of a family must come in ascending
// order and must not overlap; what lies between them has no country. IPv6 networks longer than /64
// may repeat a /64, which then has no country unless all of them agree.
func (b *Builder) Add(network netip.Prefix, country string) error {
	if !network.IsValid() || network.Masked() != network || network.Addr().Is4In6() {
		return fmt.Errorf("network %s: not a network in its plain form", network)
	}
	code, err := b.code(country)
	if err != nil {
		return fmt.Errorf("network %s: %w", network, err)
	}
	if network.Addr().Is4() {
		bytes := network.Addr().As4()
		start := uint64(binary.BigEndian.Uint32(bytes[:]))
		return b.v4.add(network, start, 1<<(32-network.Bits()), 1<<32, code)
	}
	bytes := network.Addr().As16()
	start := binary.BigEndian.Uint64(bytes[:8])
	if network.Bits() > 64 {
		if b.v6.shares(start, code) {
			return nil
		}
		return b.v6.add(network, start, 1, 0, code)
	}
	// Bits 0 makes the length 1<<64, which wraps to 0 like the end of the address space does.
	return b.v6.add(network, start, 1<<(64-network.Bits()), 0, code)
}

func (b *Builder) code(country string) (byte, error) {
	if country == "" {
		return 0, nil
	}
	if code, ok := b.codes[country]; ok {
		return code, nil
	}
	if !isCode(country) {
		return 0, fmt.Errorf("country %q is not two capital letters", country)
	}
	if len(b.names) == 255 {
		return 0, fmt.Errorf("country %q is the 256th, a table holds 255", country)
	}
	if b.codes == nil {
		b.codes = make(map[string]byte)
	}
	b.names = append(b.names, country)
	b.codes[country] = byte(len(b.names))
	return b.codes[country], nil
}

// shares reports whether start is the /64 that was added last, and then drops its country if code
// disagrees with it.
func (c *column) shares(start uint64, code byte) bool {
	if len(c.entries) == 0 || c.end != start+1 || c.full {
		return false
	}
	last := &c.entries[len(c.entries)-1]
	if last.country == code {
		return true
	}
	if last.start == start {
		last.country = 0
	} else {
		c.entries = append(c.entries, entry{start, 0})
	}
	return true
}

func (c *column) add(network netip.Prefix, start, length, limit uint64, code byte) error {
	if c.full || start < c.end {
		return fmt.Errorf("network %s: starts before the end of the network added before it", network)
	}
	if start > c.end {
		c.append(c.end, 0)
	}
	c.append(start, code)
	c.end = start + length
	c.full = c.end == limit
	return nil
}

func (c *column) append(start uint64, code byte) {
	if n := len(c.entries); n > 0 && c.entries[n-1].country == code || n == 0 && code == 0 {
		return
	}
	c.entries = append(c.entries, entry{start, code})
}

// Encode returns the table's bytes, as Decode reads them.
func (b *Builder) Encode(name string, published time.Time) ([]byte, error) {
	if len(name) > maxName {
		return nil, fmt.Errorf("encode range table: name of %d bytes, at most %d allowed", len(name), maxName)
	}
	if published.Unix() < 0 {
		return nil, fmt.Errorf("encode range table: published %s, before 1970", published)
	}
	out := bytes.NewBufferString(magic)
	appendUvarint(out, uint64(published.Unix()))
	appendUvarint(out, uint64(len(name)))
	out.WriteString(name)
	appendUvarint(out, uint64(len(b.names)))
	for _, country := range b.names {
		out.WriteString(country)
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
		if last := entries[len(entries)-1]; last.country != 0 {
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
		out.WriteByte(e.country)
	}
	return out.Bytes()
}

func appendUvarint(out *bytes.Buffer, value uint64) {
	out.Write(binary.AppendUvarint(out.AvailableBuffer(), value))
}
