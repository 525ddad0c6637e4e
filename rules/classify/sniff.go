package classify

import (
	"bytes"
	"strings"
)

// sniffLength is how many leading bytes at most, white space included, are held until it is clear what a
// body is. A handful suffices as a rule.
const sniffLength = 64

// sniffer looks at the first bytes of a body before it chooses the next stage. A declared type is not
// believed where the bytes say that they are compressed or encrypted.
type sniffer struct {
	stream      *Stream
	declaration declaration
	media       string
	depth       int
	message     bool // a message on its own: compression that it seems to have does not hide its bytes
	asSent      bool // the second reading of a body: what is not text is left as it is
	head        [sniffLength]byte
	n           int
	next        sink
}

func (d *sniffer) write(p []byte) {
	for d.next == nil {
		if len(p) == 0 {
			return
		}
		d.head[d.n] = p[0]
		d.n++
		p = p[1:]
		if d.n == sniffLength || d.decided() {
			d.choose()
		}
	}
	if len(p) > 0 {
		d.next.write(p)
	}
}

// pending leaves out white space: it holds nothing to find.
func (d *sniffer) pending() bool {
	if d.next != nil {
		return d.next.pending()
	}
	return len(textStart(d.head[:d.n])) > 0
}

// decided says whether more bytes could not change the choice.
func (d *sniffer) decided() bool {
	head := d.head[:d.n]
	for _, known := range signatures {
		if len(known.magic) > len(head) && strings.HasPrefix(known.magic, string(head)) {
			return false
		}
	}
	return len(textStart(head)) > 0
}

// textStart is head without what may precede JSON: a byte order mark, white space, the separator of
// RFC 7464.
func textStart(head []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n\x1e")
}

func (d *sniffer) close() {
	if d.next == nil {
		d.choose()
	}
	d.next.close()
}

func (d *sniffer) choose() {
	head := d.head[:d.n]
	d.next = d.stage(head)
	if len(head) > 0 {
		d.next.write(head)
	}
}

func (d *sniffer) stage(head []byte) sink {
	s := d.stream
	for _, known := range signatures {
		if d.asSent || !bytes.HasPrefix(head, []byte(known.magic)) {
			continue
		}
		if known.encoding == "" {
			return s.document(d.declaration, recordLines, known.opaque)
		}
		if s.tooDeep(d.depth + 1) {
			return s.document(d.declaration, recordLines, "compressed")
		}
		inner := d.declaration
		inner.contentType = ""
		inflated := s.inflate(known.encoding, s.openType(inner, d.depth+1))
		if d.message {
			return s.readTwice(declaration{}, inflated)
		}
		return inflated
	}
	text := textStart(head)
	if isJSON(d.media) || len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		return &jsonDecoder{outlet: outlet{next: s.document(d.declaration, recordObjects, "")}}
	}
	if d.declaration.name != "" && !d.declaration.file {
		return s.document(d.declaration, recordWhole, "")
	}
	return s.document(d.declaration, recordLines, "")
}

// document opens the leaf of a body that d describes.
func (s *Stream) document(d declaration, mode recordMode, opaque string) *leaf {
	if d.file {
		s.tally.endRecord()
	}
	if opaque == "" {
		opaque = d.opaque
	}
	l := s.openLeaf(strings.ToValidUTF8(d.name, ""), mode, opaque)
	l.separate = d.file
	return l
}

// signatures are the first bytes of what is compressed, encrypted or binary.
var signatures = []struct{ magic, encoding, opaque string }{
	{"\x1f\x8b", "gzip", ""},
	{"\x28\xb5\x2f\xfd", "zstd", ""},
	{"\xff\xfe", "", "UTF-16 text"},
	{"\xfe\xff", "", "UTF-16 text"},
	{"PK\x03\x04", "", "binary document or archive"},
	{"%PDF-", "", "binary document or archive"},
	{"7z\xbc\xaf\x27\x1c", "", "binary document or archive"},
	{"Rar!\x1a\x07", "", "binary document or archive"},
	{"BZh", "", "binary document or archive"},
	{"\xfd7zXZ\x00", "", "binary document or archive"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "", "binary document or archive"},
	{"\x89PNG\r\n\x1a\n", "", "image content"},
	{"\xff\xd8\xff", "", "image content"},
	{"GIF8", "", "image content"},
	{"age-encryption.org/", "", "encrypted content"},
	{"-----BEGIN AGE ENCRYPTED FILE-----", "", "encrypted content"},
	{"-----BEGIN PGP MESSAGE-----", "", "encrypted content"},
	{"Salted__", "", "encrypted content"},
}
