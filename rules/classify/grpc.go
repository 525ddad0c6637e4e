package classify

import (
	"encoding/binary"
	"strings"
)

// messageReader splits a gRPC or gRPC-Web body into its messages ("gRPC over HTTP2": a flag byte, four
// bytes of length, the message) and opens each one as a body of its own. A message is a record.
type messageReader struct {
	stream   *Stream
	json     bool
	encoding string // of messages whose flag says that they are compressed
	prefix   [5]byte
	n        int
	left     uint32
	message  sink
}

func (s *Stream) openMessages(media string) sink {
	m := &messageReader{stream: s, json: strings.HasSuffix(media, "+json")}
	for name, values := range s.meta.Header {
		if strings.EqualFold(name, "grpc-encoding") && len(values) > 0 {
			m.encoding = strings.ToLower(strings.TrimSpace(values[0]))
		}
	}
	return m
}

func (m *messageReader) write(p []byte) {
	for len(p) > 0 {
		if m.message == nil {
			c := copy(m.prefix[m.n:], p)
			m.n += c
			p = p[c:]
			if m.n == len(m.prefix) {
				m.begin()
			}
			continue
		}
		c := int(min(uint64(len(p)), uint64(m.left)))
		m.message.write(p[:c])
		p = p[c:]
		m.left -= uint32(c)
		if m.left == 0 {
			m.end()
		}
	}
}

const (
	compressedFlag = 0x01
	trailersFlag   = 0x80 // gRPC-Web
)

func (m *messageReader) begin() {
	s := m.stream
	m.left = binary.BigEndian.Uint32(m.prefix[1:])
	switch flags := m.prefix[0]; {
	case flags&^(compressedFlag|trailersFlag) != 0:
		s.coverage.missed("invalid gRPC message prefix")
		m.message = s.openLeaf("", recordLines, "")
	case flags&compressedFlag == 0:
		m.message = m.content(flags)
	case !s.knownEncoding(m.encoding):
		m.message = s.openLeaf("", recordLines, "unknown gRPC encoding")
	case s.tooDeep(1):
		m.message = s.openLeaf("", recordLines, "compressed")
	default:
		m.message = s.inflate(m.encoding, m.content(flags))
	}
	if m.left == 0 {
		m.end()
	}
}

func (m *messageReader) content(flags byte) sink {
	switch {
	case flags&trailersFlag != 0:
		return m.stream.openLeaf("", recordWhole, "")
	case m.json:
		return &jsonDecoder{outlet: outlet{next: m.stream.openLeaf("", recordObjects, "")}}
	}
	return &protobufReader{stream: m.stream}
}

func (m *messageReader) end() {
	m.message.close()
	m.message, m.n = nil, 0
	m.stream.tally.endRecord()
}

func (m *messageReader) pending() bool { return m.message != nil || m.n > 0 }

func (m *messageReader) close() {
	if m.message != nil || m.n > 0 {
		m.stream.coverage.missed("truncated gRPC message")
	}
	if m.message != nil {
		m.end()
	}
}
