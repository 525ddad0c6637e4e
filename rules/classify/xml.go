package classify

import (
	"bytes"
	"strings"
)

// xmlDecoder undoes character references and CDATA sections of XML and HTML, and leaves the tags as they
// are: they name what they hold. It expands nothing that a document type declares; what declares entities
// may say something else to its receiver than it says here, and is Undecodable.
type xmlDecoder struct {
	outlet
	stream *Stream
	// paragraphs says that tags divide text that belongs together, as they do in office documents: they
	// are left out, but for those that end a paragraph, a cell or a string.
	paragraphs bool
	state      xmlState
	held       [16]byte // the beginning of something at the end of a write
	n          int
	tag        [16]byte // the beginning of the tag that is being left out
	tagged     int
}

type xmlState uint8

const (
	xmlText xmlState = iota
	xmlData          // within a CDATA section
	xmlTag           // within a tag that is left out
)

func (d *xmlDecoder) write(p []byte) {
	for len(p) > 0 {
		if d.n > 0 {
			d.held[d.n] = p[0]
			d.n++
			p = p[1:]
			d.complete()
			continue
		}
		plain := d.plain(p)
		if d.state == xmlTag {
			d.tagged += copy(d.tag[d.tagged:], p[:plain])
		} else if plain > 0 {
			d.pass(p[:plain])
		}
		if p = p[plain:]; len(p) > 0 {
			d.held[0], d.n = p[0], 1
			p = p[1:]
			d.complete()
		}
	}
	d.flush()
}

// plain is how many bytes of p mean themselves.
func (d *xmlDecoder) plain(p []byte) int {
	switch d.state {
	case xmlData:
		return indexOrAll(p, ']')
	case xmlTag:
		return indexOrAll(p, '>')
	}
	n := indexOrAll(p, '&')
	if d.paragraphs {
		return indexOrAll(p[:n], '<')
	}
	// Of the markup, only "<!" matters, and "!" is rarer than "<".
	for at := 0; at < n; at++ {
		k := bytes.IndexByte(p[at:n], '!')
		if k < 0 {
			break
		}
		if at += k; at > 0 && p[at-1] == '<' {
			return at - 1
		}
	}
	if n == len(p) && p[n-1] == '<' {
		return n - 1
	}
	return n
}

func indexOrAll(p []byte, b byte) int {
	if i := bytes.IndexByte(p, b); i >= 0 {
		return i
	}
	return len(p)
}

const (
	cdataStart  = "<![CDATA["
	cdataEnd    = "]]>"
	entityStart = "<!ENTITY"
)

// complete acts on what is held as soon as it is clear what it is.
func (d *xmlDecoder) complete() {
	held := d.held[:d.n]
	switch {
	case d.state == xmlTag: // ">"
		d.n, d.state = 0, xmlText
		if endsParagraph(d.tag[:d.tagged]) {
			d.put('\n')
		}
	case d.state == xmlData:
		if string(held) == cdataEnd {
			d.n, d.state = 0, xmlText
		} else if !strings.HasPrefix(cdataEnd, string(held)) {
			d.literal()
		}
	case held[0] == '&':
		value, size, more := entityAt(held)
		if size > 0 {
			d.n = 0
			d.putRune(value)
		} else if !more {
			d.literal()
		}
	case string(held) == cdataStart:
		d.n, d.state = 0, xmlData
	case strings.HasPrefix(cdataStart, string(held)), strings.HasPrefix(entityStart, string(held)) && string(held) != entityStart:
	default:
		if string(held) == entityStart {
			d.stream.coverage.missed("XML that declares entities")
		}
		if d.paragraphs {
			d.n, d.state = 0, xmlTag
			d.tagged = copy(d.tag[:], held[1:])
			if i := bytes.IndexByte(held, '>'); i >= 0 { // "<>"
				d.state = xmlText
			}
			return
		}
		d.literal()
	}
}

// literal passes on the first byte that is held, and takes the others anew.
func (d *xmlDecoder) literal() {
	held, n := d.held, d.n
	d.n = 0
	d.put(held[0])
	if n > 1 {
		d.write(held[1:n])
	}
}

// endsParagraph says whether a tag ends or divides text: paragraphs, cells, rows and breaks of the Office
// Open XML and OpenDocument formats, and strings and values of spreadsheets.
func endsParagraph(tag []byte) bool {
	name, _, _ := bytes.Cut(bytes.Trim(tag, "/"), []byte(" "))
	if i := bytes.IndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	switch string(name) {
	case "p", "tc", "tr", "br", "cr", "tab", "si", "c", "v", "h", "line-break", "table-cell", "table-row", "list-item", "comment":
		return true
	}
	return false
}

func (d *xmlDecoder) pending() bool { return d.n > 0 || d.outlet.pending() }

func (d *xmlDecoder) close() {
	for d.n > 0 {
		d.literal()
	}
	d.outlet.close()
}

func isXML(media string) bool {
	return strings.HasSuffix(media, "+xml") || strings.HasSuffix(media, "/xml") || media == "text/html"
}
