package jurisdiction

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// mmdbWriter writes the MaxMind DB format 2.0 (https://maxmind.github.io/MaxMind-DB/) as far as
// the tests need it: a tree over ::/0 with 24-bit records, IPv4 under ::/96, and records of maps,
// strings, booleans and integers.
type mmdbWriter struct {
	databaseType string
	epoch        uint64
	networks     map[string]any // CIDR to record
}

type mmdbNode struct {
	children [2]*mmdbNode
	data     int // offset in the data section plus 1; 0: none
}

func (w mmdbWriter) bytes() []byte {
	root := &mmdbNode{}
	var data bytes.Buffer
	for _, cidr := range slices.Sorted(maps.Keys(w.networks)) {
		network := netip.MustParsePrefix(cidr)
		address, bits := network.Addr().As16(), network.Bits()
		if network.Addr().Is4() {
			bytes := network.Addr().As4()
			address = [16]byte{}
			copy(address[12:], bytes[:])
			bits += 96
		}
		offset := data.Len()
		encodeMMDB(&data, w.networks[cidr])
		node := root
		for i := range bits {
			bit := address[i/8] >> (7 - i%8) & 1
			if node.children[bit] == nil {
				node.children[bit] = &mmdbNode{}
			}
			node = node.children[bit]
		}
		node.data = offset + 1
	}
	nodes, index := []*mmdbNode{root}, map[*mmdbNode]int{root: 0}
	for i := 0; i < len(nodes); i++ {
		for _, child := range nodes[i].children {
			if child != nil && child.data == 0 {
				index[child] = len(nodes)
				nodes = append(nodes, child)
			}
		}
	}
	tree := make([][2]int, len(nodes))
	for i, node := range nodes {
		for bit, child := range node.children {
			switch {
			case child == nil:
				tree[i][bit] = len(nodes)
			case child.data > 0:
				tree[i][bit] = len(nodes) + 16 + child.data - 1
			default:
				tree[i][bit] = index[child]
			}
		}
	}
	return w.assemble(tree, data)
}

// assemble writes the tree, the data section and the metadata.
func (w mmdbWriter) assemble(tree [][2]int, data bytes.Buffer) []byte {
	var out bytes.Buffer
	for _, node := range tree {
		for _, value := range node {
			out.Write([]byte{byte(value >> 16), byte(value >> 8), byte(value)})
		}
	}
	out.Write(make([]byte, 16))
	out.Write(data.Bytes())
	out.WriteString("\xab\xcd\xefMaxMind.com")
	encodeMMDB(&out, map[string]any{
		"binary_format_major_version": uint64(2), "binary_format_minor_version": uint64(0),
		"build_epoch": w.epoch, "database_type": w.databaseType, "description": map[string]any{"en": "test"},
		"ip_version": uint64(6), "languages": []any{}, "node_count": uint64(len(tree)), "record_size": uint64(24),
	})
	return out.Bytes()
}

func encodeMMDB(out *bytes.Buffer, value any) {
	control := func(kind, size int) {
		if size > 28 {
			panic("test value too long")
		}
		if kind > 7 {
			out.Write([]byte{byte(size), byte(kind - 7)})
			return
		}
		out.WriteByte(byte(kind<<5 | size))
	}
	switch value := value.(type) {
	case string:
		control(2, len(value))
		out.WriteString(value)
	case uint64:
		if value > math.MaxUint32 {
			control(9, 8)
			out.Write(binary.BigEndian.AppendUint64(nil, value))
			return
		}
		control(6, 4)
		out.Write(binary.BigEndian.AppendUint32(nil, uint32(value)))
	case bool:
		size := 0
		if value {
			size = 1
		}
		control(14, size)
	case []any:
		control(11, len(value))
		for _, element := range value {
			encodeMMDB(out, element)
		}
	case map[string]any:
		control(7, len(value))
		for _, key := range slices.Sorted(maps.Keys(value)) {
			encodeMMDB(out, key)
			encodeMMDB(out, value[key])
		}
	default:
		panic("test value of another type")
	}
}

const testEpoch = 1_780_272_000 // 2026-06-01T00:00:00Z

// countryDatabase has flat records, as ip-location-db and IPinfo write them.
func countryDatabase(countries map[string]string) []byte {
	networks := map[string]any{}
	for cidr, code := range countries {
		networks[cidr] = map[string]any{"country_code": code}
	}
	return mmdbWriter{databaseType: "test-country", epoch: testEpoch, networks: networks}.bytes()
}

func writeDatabase(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	replaceFile(t, path, content)
	return path
}

// replaceFile puts a new file in place of the old one, as a careful updater does.
func replaceFile(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
