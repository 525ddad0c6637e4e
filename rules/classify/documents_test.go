package classify

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/borderflow/borderflow/rules/flow"
)

func zipped(files ...string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, _ := w.Create(files[i])
		io.WriteString(f, files[i+1])
	}
	w.Close()
	return b.String()
}

// stored is a zip archive of one file without compression, written by hand.
func stored(name, text string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	header := &zip.FileHeader{Name: name, Method: zip.Store, UncompressedSize64: uint64(len(text)), CompressedSize64: uint64(len(text)), CRC32: checksum(text)}
	f, _ := w.CreateRaw(header)
	io.WriteString(f, text)
	w.Close()
	return b.String()
}

func checksum(text string) uint32 {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, _ := w.CreateHeader(&zip.FileHeader{Name: "x"})
	io.WriteString(f, text)
	w.Close()
	r, _ := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	return r.File[0].CRC32
}

func tarred(files ...string) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o600, Size: int64(len(files[i+1])), ModTime: time.Unix(1, 0)})
		io.WriteString(w, files[i+1])
	}
	w.Close()
	return b.String()
}

const document = `<?xml version="1.0"?><w:document><w:body><w:p><w:r><w:t>card 4539 57</w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>87 6362 1486</w:t></w:r></w:p><w:p><w:r><w:t>anna@example.com</w:t></w:r></w:p></w:body></w:document>`

func TestDocumentsAndArchivesAreRead(t *testing.T) {
	for name, c := range map[string]struct{ contentType, body string }{
		"zip":                            {"application/zip", zipped("readme.txt", "hello", "data/order.json", order)},
		"zip, unnamed":                   {"", zipped("order", order)},
		"zip, stored":                    {"application/octet-stream", stored("order.json", order)},
		"zip in a zip":                   {"", zipped("inner.zip", zipped("order.json", order))},
		"docx":                           {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", zipped("[Content_Types].xml", "<Types/>", "word/document.xml", document)},
		"xlsx":                           {"", zipped("xl/sharedStrings.xml", "<sst><si><t>card "+card+"</t></si><si><t>anna@example.com</t></si></sst>")},
		"tar":                            {"application/x-tar", tarred("a.txt", "hello", "order.json", order)},
		"tar, unnamed":                   {"", tarred("order.json", order)},
		"tar.gz":                         {"application/gzip", pack(tarred("order.json", order), "gzip")},
		"file name":                      {"", zipped("anna@example.com/card 4539578763621486.txt", "hello")},
		"two gzip members":               {"application/gzip", pack("card "+card+" ", "gzip") + pack("anna@example.com", "gzip")},
		"XML":                            {"application/xml", `<o><card>&#52;539578763621486</card><mail><![CDATA[anna@example.com]]></mail></o>`},
		"XML attribute":                  {"text/xml", `<?xml version="1.0"?><o card="4539578763621486" mail="anna&#x40;example.com"/>`},
		"HTML":                           {"text/html; charset=utf-8", `<!DOCTYPE html><p>card 4539578763621486 of anna&commat;example.com`},
		"events":                         {"text/event-stream", "event: order\ndata: {\"card\":\"" + card + "\",\ndata:\"mail\":\"anna\\u0040example.com\"}\n\n: ping\n"},
		"GraphQL":                        {"application/json", `{"query":"mutation { pay(card: \"` + card + `\", by: $m) { id } }","variables":{"m":"anna@example.com"}}`},
		"CSV":                            {"text/csv", "card,email\n4539578763621486,anna@example.com\n"},
		"NDJSON":                         {"application/x-ndjson", order + "\n" + order + "\n"},
		"YAML":                           {"application/yaml", "card: 4539578763621486\nemail: anna@example.com\n"},
		"MessagePack":                    {"application/msgpack", "\x82\xa4card\xcf" + big(4539578763621486) + "\xa5email\xb0anna@example.com"},
		"MessagePack by its first bytes": {"", "\x82\xa4card\xcb" + big(math.Float64bits(4539578763621486)) + "\xa5email\xb0anna@example.com"},
		"CBOR":                           {"application/cbor", "\xbf\x64card\x1b" + big(4539578763621486) + "\x65email\x7f\x64anna\x6c@example.com\xff\xff"},
		"BSON":                           {"application/bson", bsonOrder()},
		"UTF-16":                         {"application/json", inUTF16(order, binary.LittleEndian, true)},
		"UTF-16BE without a mark":        {"text/plain", inUTF16(order, binary.BigEndian, false)},
		"UTF-16, declared":               {"application/json; charset=utf-16le", inUTF16(order, binary.LittleEndian, false)},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, read(Meta{ContentType: c.contentType}, c.body), inOrder, flow.CoverageFull, "")
		})
	}
}

func big(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }

func bsonOrder() string {
	fields := "\x12card\x00" + string(binary.LittleEndian.AppendUint64(nil, 4539578763621486)) + "\x02email\x00\x11\x00\x00\x00anna@example.com\x00\x00"
	return string(binary.LittleEndian.AppendUint32(nil, uint32(len(fields)+4))) + fields
}

func inUTF16(text string, order binary.AppendByteOrder, mark bool) string {
	var b []byte
	if mark {
		b = order.AppendUint16(b, 0xfeff)
	}
	for _, unit := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

func TestKeysAreReadInTheirCharset(t *testing.T) {
	for charset, c := range map[string]struct {
		encoding encoding.Encoding
		key      string
	}{
		"gbk": {simplifiedchinese.GBK, "社会安全号"}, "gb18030": {simplifiedchinese.GB18030, "社会安全号"},
		"big5": {traditionalchinese.Big5, "社會安全號碼"}, "euc-kr": {korean.EUCKR, "사회보장번호"},
	} {
		text := `{"` + c.key + `":"` + card + `"}`
		body, err := c.encoding.NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		want := read(jsonMeta(), text)
		d := read(Meta{ContentType: "application/json; charset=" + charset}, body)
		expect(t, d, counts(want), flow.CoverageFull, "")
		if strengthOf(d, "payment-card") != strengthOf(want, "payment-card") {
			t.Errorf("%s: another strength than in UTF-8", charset)
		}
	}
}

func TestWhatArchivesHideIsSaid(t *testing.T) {
	whole := zipped("a.txt", "hello", "b.txt", "world")
	encrypted := []byte(stored("a.txt", "secret text"))
	encrypted[6] |= 1
	encrypted[bytes.Index(encrypted, []byte("PK\x01\x02"))+8] |= 1
	renamed := strings.Replace(whole, "PK\x01\x02", "PK\x01\x02", 1)
	at := strings.LastIndex(renamed, "b.txt")
	renamed = renamed[:at] + "c" + renamed[at+1:]
	deep := "x"
	for range 4 {
		deep = zipped("x.zip", deep)
	}
	for name, c := range map[string]struct{ body, reason string }{
		"encrypted entry":            {string(encrypted), "encrypted zip entry"},
		"directory that disagrees":   {renamed, "directory does not fit"},
		"without directory":          {whole[:strings.Index(whole, "PK\x01\x02")], "truncated zip"},
		"cut":                        {whole[:len(whole)-3], "truncated zip"},
		"something behind it":        {whole + "more", "data after the end of zip archive"},
		"something between":          {strings.Replace(whole, "PK\x01\x02", "xxxxPK\x01\x02", 1), "between its entries"},
		"too deep":                   {deep, "nested deeper than 3"},
		"bomb":                       {zipped("a", strings.Repeat("\x00", 16*mebibyte)), "budget: "},
		"many entries":               {zipped(manyFiles(1100)...), "budget: more than 1000 parts"},
		"tar with many entries":      {tarred(manyFiles(1100)...), "budget: more than 1000 parts"},
		"tar, damaged":               {strings.Replace(tarred("a", "b"), "ustar\x0000", "ustar\x0001", 1), "invalid tar"},
		"tar, cut":                   {tarred("a", strings.Repeat("hello ", 200))[:1000], "truncated tar"},
		"tar with something behind":  {tarred("a", "b") + "more", "data after the end of tar"},
		"MessagePack, cut":           {"\x82\xa4card\xb0453957876362", "truncated MessagePack"},
		"MessagePack, deep":          {"\x81\xa4card" + strings.Repeat("\x91", 1000), "nested deeper than 128"},
		"XML that declares entities": {`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>`, "declares entities"},
		"SQLite":                     {"SQLite format 3\x00" + strings.Repeat("\x00", 100), "database file"},
		"PDF":                        {"%PDF-1.7\n1 0 obj", "binary document"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			d := read(Meta{}, c.body)
			if d.Coverage == flow.CoverageFull || !strings.Contains(d.Undecodable, c.reason) {
				t.Errorf("coverage %v, %q; want %q", d.Coverage, d.Undecodable, c.reason)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func manyFiles(n int) (files []string) {
	for i := range n {
		files = append(files, fmt.Sprint(i), "")
	}
	return files
}

func TestDeepJSONIsReadToItsBottom(t *testing.T) {
	deep := strings.Repeat(`{"a":[`, 200_000) + `{"email":"anna@example.com"}` + strings.Repeat(`]}`, 200_000)
	expect(t, read(jsonMeta(), deep), map[string]int{"email": 1}, flow.CoverageFull, "")
}

func TestZstandardWindowsAreBounded(t *testing.T) {
	frame, _ := hex.DecodeString("28b52ffd00" + "a8" + "010000") // a window of 2 GiB
	expect(t, read(Meta{ContentEncoding: "zstd"}, string(frame)), map[string]int{}, flow.CoverageNone, "zstd")
}

func TestNumbersInProtobufMessagesAreRead(t *testing.T) {
	var inner, b []byte
	inner = protowire.AppendFixed64(protowire.AppendTag(inner, 1, protowire.Fixed64Type), 4539578763621486)
	b = protowire.AppendVarint(protowire.AppendTag(b, 1, protowire.VarintType), 5555555555554444)
	b = protowire.AppendVarint(protowire.AppendTag(b, 3, protowire.VarintType), 17)
	b = protowire.AppendBytes(protowire.AppendTag(b, 2, protowire.BytesType), inner)
	d := readWith(Options{TestCards: true}, Meta{ContentType: "application/protobuf"}, string(b))
	expect(t, d, map[string]int{"payment-card": 2}, flow.CoverageFull, "")
}
