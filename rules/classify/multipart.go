package classify

import (
	"bytes"
	"mime"
	"strings"
)

const (
	// RFC 2046 allows boundaries of 70 characters; some senders and most servers take more.
	maxBoundary   = 256
	maxPartHeader = 16 << 10
	maxDelimiter  = maxBoundary + 64
)

// multipartReader splits a multipart body (RFC 2046 section 5.1) and opens each part as a body of its own.
// What stands before the first boundary and after the last is read as text: a server may ignore it, the
// person at the other end need not.
type multipartReader struct {
	stream    *Stream
	digest    bool
	depth     int
	delimiter []byte // "--" and the boundary
	state     multipartState
	part      sink
	plain     bool // no more delimiters: the epilogue, or structure was given up
	lineStart bool
	lineBreak []byte // the line break before the current line, part of the delimiter if one follows
	matched   int    // bytes of the delimiter seen at the start of this line
	line      []byte // what follows the delimiter on its line
	header    []byte
}

type multipartState uint8

const (
	inBody multipartState = iota // preamble, part or epilogue
	afterDelimiter
	inHeader
)

func (s *Stream) openMultipart(d declaration, media, boundary string, depth int) sink {
	switch {
	case s.tooDeep(depth + 1):
		return s.openLeaf(d.name, recordLines, "")
	case media == "multipart/encrypted":
		return s.openLeaf(d.name, recordLines, "encrypted content")
	case boundary == "" || len(boundary) > maxBoundary:
		s.coverage.missed("multipart without a usable boundary")
		return s.openLeaf(d.name, recordLines, "")
	}
	return &multipartReader{
		stream:    s,
		digest:    media == "multipart/digest",
		depth:     depth + 1,
		delimiter: []byte("--" + boundary),
		part:      s.openLeaf("", recordLines, ""),
		lineStart: true,
		line:      make([]byte, 0, maxDelimiter),
	}
}

func (m *multipartReader) write(p []byte) {
	for len(p) > 0 {
		switch m.state {
		case inBody:
			p = m.body(p)
		case afterDelimiter:
			p = m.delimiterLine(p)
		case inHeader:
			p = m.headerLine(p)
		}
	}
}

// body passes on a part's bytes up to the next delimiter and returns the rest.
func (m *multipartReader) body(p []byte) []byte {
	if m.plain {
		m.emit(p)
		return nil
	}
	if !m.lineStart {
		return m.restOfLine(p)
	}
	for m.matched < len(m.delimiter) {
		if len(p) == 0 {
			return nil
		}
		if p[0] != m.delimiter[m.matched] {
			m.noDelimiter()
			return p
		}
		m.matched++
		p = p[1:]
	}
	m.state, m.line = afterDelimiter, m.line[:0]
	return p
}

// noDelimiter passes on what looked like the start of a delimiter.
func (m *multipartReader) noDelimiter() {
	m.emit(m.lineBreak)
	m.emit(m.delimiter[:m.matched])
	m.lineStart, m.matched, m.lineBreak = false, 0, nil
}

func (m *multipartReader) emit(p []byte) {
	if len(p) > 0 {
		m.part.write(p)
	}
}

var (
	crlf = []byte("\r\n")
	lf   = crlf[1:]
	cr   = crlf[:1]
)

// restOfLine passes on p up to the end of the line, and keeps the line break back. A line break in two
// writes is kept back as its "\r" first.
func (m *multipartReader) restOfLine(p []byte) []byte {
	if m.lineBreak != nil { // "\r" at the end of the last write
		if p[0] == '\n' {
			m.lineStart, m.lineBreak = true, crlf
			return p[1:]
		}
		m.emit(cr)
		m.lineBreak = nil
	}
	end := bytes.IndexByte(p, '\n')
	if end < 0 {
		if p[len(p)-1] == '\r' {
			p, m.lineBreak = p[:len(p)-1], cr
		}
		m.emit(p)
		return nil
	}
	text := p[:end]
	m.lineStart, m.lineBreak = true, lf
	if end > 0 && p[end-1] == '\r' {
		text, m.lineBreak = p[:end-1], crlf
	}
	m.emit(text)
	return p[end+1:]
}

// delimiterLine reads what follows a delimiter on its line: nothing, or "--" for the last one. Anything
// else means that it was none.
func (m *multipartReader) delimiterLine(p []byte) []byte {
	end := bytes.IndexByte(p, '\n')
	taken := p
	if end >= 0 {
		taken = p[:end]
	}
	if len(m.line)+len(taken) > cap(m.line) {
		m.textAfterDelimiter()
		return p
	}
	m.line = append(m.line, taken...)
	if end < 0 {
		return nil
	}
	if !m.delimit() {
		m.textAfterDelimiter()
		return p[end:]
	}
	return p[end+1:]
}

func (m *multipartReader) textAfterDelimiter() {
	m.state = inBody
	m.noDelimiter()
	m.emit(m.line)
}

// delimit acts on a complete delimiter line; false if it is none.
func (m *multipartReader) delimit() bool {
	rest := bytes.TrimRight(m.line, " \t\r")
	last := bytes.HasPrefix(rest, []byte("--")) && len(bytes.TrimLeft(rest[2:], " \t")) == 0
	if len(rest) > 0 && !last {
		return false
	}
	m.part.close()
	m.matched, m.lineBreak = 0, nil
	if last {
		m.readAsText()
		return true
	}
	m.state, m.header = inHeader, m.header[:0]
	if m.stream.countPart() != nil {
		m.readAsText()
	}
	return true
}

// readAsText takes the rest of the body as one text.
func (m *multipartReader) readAsText() {
	m.state, m.plain = inBody, true
	m.part = m.stream.openLeaf("", recordLines, "")
}

// headerLine gathers header lines until the empty one.
func (m *multipartReader) headerLine(p []byte) []byte {
	end := bytes.IndexByte(p, '\n')
	taken := p
	if end >= 0 {
		taken = p[:end+1]
	}
	if len(m.header)+len(taken) > maxPartHeader {
		m.stream.coverage.missed("part header too long")
		m.readAsText()
		m.emit(m.header)
		return p
	}
	m.header = append(m.header, taken...)
	if end < 0 {
		return nil
	}
	if h := m.header; bytes.Equal(h, lf) || bytes.Equal(h, crlf) || bytes.HasSuffix(h, []byte("\n\n")) ||
		bytes.HasSuffix(h, []byte("\n\r\n")) {
		m.openPart()
	}
	return p[end+1:]
}

// openPart reads the header and opens the part. The header itself is scanned too: file and field names
// can be data.
func (m *multipartReader) openPart() {
	s := m.stream
	var d declaration
	body := s.scan.at(place{name: "part header"})
	for _, line := range strings.Split(unfold(string(m.header)), "\n") {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "content-type":
			d.contentType = joined(d.contentType, value)
		case "content-encoding":
			d.contentEncoding = joined(d.contentEncoding, value)
		case "content-transfer-encoding":
			d.transferEncoding = joined(d.transferEncoding, value)
		case "content-disposition":
			_, parameters, _ := mime.ParseMediaType(value)
			d.name = parameters["name"]
			d.file = parameters["filename"] != ""
		case "content-id", "message-id", "references", "in-reply-to": // written like addresses, but none
			continue
		}
		s.readAside(s.aside(""), decodedWords(line))
	}
	s.scan.at(body)
	if d.contentType == "" { // RFC 2046 sections 5.1 and 5.1.5
		d.contentType = "text/plain"
		if m.digest {
			d.contentType = "message/rfc822"
		}
	}
	m.state, m.lineStart, m.lineBreak = inBody, true, nil
	m.part = s.open(d, m.depth)
}

// decodedWords undoes the encoded words of a header line (RFC 2047) and its extended parameters (RFC 8187).
func decodedWords(line string) string {
	decoded, err := new(mime.WordDecoder).DecodeHeader(line)
	if err != nil {
		return line
	}
	return decoded
}

// joined is the value of a header that stands there more than once (RFC 9110 section 5.3).
func joined(before, value string) string {
	if before == "" {
		return value
	}
	return before + ", " + value
}

// unfold joins header lines that continue on the next one (RFC 5322 section 2.2.3).
func unfold(header string) string {
	return strings.NewReplacer("\r\n ", " ", "\r\n\t", " ", "\n ", " ", "\n\t", " ").Replace(header)
}

// pending holds until the last boundary.
func (m *multipartReader) pending() bool {
	return !m.plain && m.stream.root.bytes > 0 || m.part.pending()
}

func (m *multipartReader) close() {
	if !m.terminated() {
		m.stream.coverage.missed("unterminated multipart")
	}
	m.part.close()
}

// terminated says whether the body ended as it should, and reads what was held back if it did not.
func (m *multipartReader) terminated() bool {
	switch {
	case m.plain, m.stream.root.bytes == 0:
		return true
	case m.state == afterDelimiter:
		if !m.delimit() {
			m.textAfterDelimiter()
		}
		if m.plain {
			return true
		}
	case m.state == inBody:
		m.noDelimiter()
	}
	if m.state == inHeader {
		m.readAsText()
		m.emit(m.header)
	}
	return false
}
