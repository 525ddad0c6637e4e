package classify

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// charsetDecoder turns text of another charset into UTF-8, so that keys and words are read in it too.
type charsetDecoder struct {
	next    sink
	decoder transform.Transformer
	held    [16]byte // the beginning of a character at the end of a write
	n       int
	out     [1 << 10]byte
}

// charsetDecoded stands for the charset of what has been decoded.
const charsetDecoded = "decoded"

// inCharset decodes what goes on to next; nil stands for UTF-8.
func inCharset(charset encoding.Encoding, next sink) sink {
	if charset == nil {
		return next
	}
	return &charsetDecoder{next: next, decoder: charset.NewDecoder().Transformer}
}

func (d *charsetDecoder) write(p []byte) {
	for d.n > 0 && len(p) > 0 {
		d.held[d.n] = p[0]
		d.n++
		p = p[1:]
		rest := d.decode(d.held[:d.n], d.n == len(d.held))
		d.n = copy(d.held[:], rest)
	}
	if len(p) > 0 {
		d.n = copy(d.held[:], d.decode(p, false))
	}
}

// decode passes on what p is and returns the beginning of a character at its end.
func (d *charsetDecoder) decode(p []byte, last bool) []byte {
	for {
		n, used, err := d.decoder.Transform(d.out[:], p, last)
		if n > 0 {
			d.next.write(d.out[:n])
		}
		p = p[used:]
		if err != transform.ErrShortDst || n+used == 0 {
			return p
		}
	}
}

func (d *charsetDecoder) pending() bool { return d.n > 0 || d.next.pending() }

func (d *charsetDecoder) close() {
	if d.n > 0 {
		d.decode(d.held[:d.n], true)
		d.n = 0
	}
	d.next.close()
}

// charsetOf returns the encoding of a charset that is decoded; nil for UTF-8, ASCII, and those that can be
// read as ASCII and of which no more is known. Charsets that switch between alphabets, in which the bytes
// of ASCII may be anything, are not decoded: see keepsASCII.
func charsetOf(charset string) encoding.Encoding {
	charset = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(charset)), "_", "-")
	switch charset {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return nil
	case "utf-16":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case "utf-16le", "utf16le":
		return utf16LittleEndian
	case "utf-16be", "utf16be":
		return utf16BigEndian
	case "cp936", "ms936":
		charset = "gbk"
	case "cp932", "windows-31j", "sjis":
		charset = "shift_jis"
	case "cp949", "ms949":
		charset = "euc-kr"
	case "cp950":
		charset = "big5"
	}
	if known, err := htmlindex.Get(charset); err == nil && keepsASCII(charset) {
		if name, _ := htmlindex.Name(known); name != "utf-8" && name != "replacement" {
			return known
		}
	}
	return nil
}

var (
	utf16LittleEndian = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	utf16BigEndian    = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
)

func isUTF16(charset string) bool {
	charset = strings.ToLower(strings.TrimSpace(charset))
	return strings.HasPrefix(charset, "utf-16") || strings.HasPrefix(charset, "utf16") || strings.HasPrefix(charset, "utf_16")
}

// utf16Of tells UTF-16 by its byte order mark, or by ASCII characters with a zero byte beside each.
func utf16Of(head []byte) encoding.Encoding {
	if len(head) < 2 {
		return nil
	}
	switch {
	case head[0] == 0xff && head[1] == 0xfe:
		return utf16LittleEndian
	case head[0] == 0xfe && head[1] == 0xff:
		return utf16BigEndian
	}
	if len(head) < 4 || len(head)%2 != 0 {
		return nil
	}
	zeros := [2]int{}
	for i, b := range head {
		if b == 0 {
			zeros[i%2]++
		} else if b >= utf8.RuneSelf || b < ' ' && b != '\t' && b != '\n' && b != '\r' {
			return nil
		}
	}
	switch half := len(head) / 2; {
	case zeros[0] == 0 && zeros[1] == half:
		return utf16LittleEndian
	case zeros[1] == 0 && zeros[0] == half:
		return utf16BigEndian
	}
	return nil
}
