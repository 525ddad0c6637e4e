package classify

import (
	"bytes"
	"strings"

	"golang.org/x/text/encoding"
)

const (
	// sniffLength is how many leading bytes at most, white space included, are held until it is clear what a
	// body is. A handful suffices as a rule; only a tar archive shows what it is as late as this.
	sniffLength = 262
	// sniffEnough tells UTF-16 from other text.
	sniffEnough = 4
)

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
	text := textStart(head)
	return len(head) >= sniffEnough && len(text) > 0 && (!d.untyped() || strings.IndexByte("{[<\"", text[0]) >= 0 || text[0] >= 0x80)
}

// untyped says whether nothing is known of the body, so that it may well be an archive.
func (d *sniffer) untyped() bool {
	return (d.media == "" || d.media == "application/octet-stream") && d.declaration.name == "" && !d.message && !d.asSent
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
	if d.asSent {
		return d.text(head)
	}
	if charset, doubt := d.charset(head); charset != nil {
		inner := d.declaration
		inner.charset = charsetDecoded
		decoded := inCharset(charset, &sniffer{stream: s, declaration: inner, media: d.media, depth: d.depth})
		if isUTF16(d.declaration.charset) || !keepsASCII(d.declaration.charset) || utf16Of(head[:len(head)&^1]) != nil {
			return s.readInDoubt(d.declaration, decoded) // two bytes or a word say so, which the receiver need not believe
		}
		return decoded
	} else if doubt != "" {
		d.declaration.opaque = doubt
	}
	if isTar(head) && d.untyped() {
		if s.tooDeep(d.depth + 1) {
			return s.document(d.declaration, recordLines, "archive")
		}
		return s.openTar(d.depth)
	}
	for _, known := range signatures {
		if !bytes.HasPrefix(head, []byte(known.magic)) {
			continue
		}
		if known.magic == zipMagic {
			return d.orText(s.openZip(d.depth))
		}
		if known.encoding == "" {
			return s.document(d.declaration, recordLines, known.opaque)
		}
		if s.tooDeep(d.depth + 1) {
			return s.document(d.declaration, recordLines, "compressed")
		}
		inner := d.declaration
		inner.contentType = ""
		return d.orText(s.inflate(known.encoding, s.openType(inner, d.depth+1)))
	}
	if d.media == "" || d.media == "application/octet-stream" {
		if tree := s.openTree(treeType(head), d.declaration); tree != nil {
			return d.orText(tree)
		}
	}
	return d.text(head)
}

// orText has a message read as text too, for nobody declared that it is anything else.
func (d *sniffer) orText(decoded sink) sink {
	if d.message {
		return d.stream.readTwice(declaration{}, decoded)
	}
	return decoded
}

// charset is what the body is to be decoded from, nil if nothing; doubt says why that is not certain.
func (d *sniffer) charset(head []byte) (charset encoding.Encoding, doubt string) {
	declared := d.declaration.charset
	if found := utf16Of(head[:len(head)&^1]); found != nil && declared != charsetDecoded {
		return found, ""
	}
	if isUTF16(declared) && isText(head) {
		return nil, "text in another charset than declared"
	}
	return charsetOf(declared), ""
}

// text is the stage for what is neither compressed nor binary.
func (d *sniffer) text(head []byte) sink {
	s := d.stream
	text := textStart(head)
	if isXML(d.media) || len(text) > 1 && text[0] == '<' && (isAlpha(text[1]) || text[1] == '?' || text[1] == '!') {
		return &xmlDecoder{stream: s, outlet: outlet{next: s.document(d.declaration, recordLines, "")}}
	}
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

// hasSignature says whether what begins with p is compressed, encrypted or binary. Of a compressed body
// the method must be there too, for two bytes are soon met by chance.
func hasSignature(p []byte) bool {
	for _, known := range signatures {
		if len(known.magic) > 2 && bytes.HasPrefix(p, []byte(known.magic)) {
			return true
		}
	}
	return bytes.HasPrefix(p, []byte("\x1f\x8b\x08"))
}

const zipMagic = "PK\x03\x04"

// treeType is the media type of a binary format of objects that a body without one begins as: an object
// whose first key is a word.
func treeType(head []byte) string {
	if len(head) < sniffEnough {
		return ""
	}
	word := isAlnum(head[2]) && (isAlnum(head[3]) || head[1]&0x1f == 1)
	switch {
	case head[0] > 0x80 && head[0] < 0x90 && head[1] > 0xa0 && head[1] < 0xc0 && word:
		return "application/msgpack"
	case (head[0] > 0xa0 && head[0] < 0xb8 || head[0] == 0xbf) && head[1] > 0x60 && head[1] < 0x78 && word:
		return "application/cbor"
	}
	return ""
}

// signatures are the first bytes of what is compressed, encrypted or binary.
var signatures = []struct{ magic, encoding, opaque string }{
	{"\x1f\x8b", "gzip", ""},
	{"\x28\xb5\x2f\xfd", "zstd", ""},
	{zipMagic, "", ""},
	{"SQLite format 3\x00", "", "database file"},
	{"PAR1", "", "database file"},
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
