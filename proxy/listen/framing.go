package listen

import (
	"bytes"
	"strconv"
	"sync/atomic"
)

// framing follows the message framing of the HTTP/1 requests on one connection, because net/http
// accepts a request that has both Content-Length and Transfer-Encoding and forgets the former.
// RFC 9112 section 6.1 calls such a request an attack in the making, so that it must be told apart.
//
// It changes no byte, and the server has the last word on what is well-formed. Where this reading
// could differ from the server's, it refuses: a request that is framed in a way that only attacks
// are, one that follows bytes that could not be followed, and one whose head it did not see end.
type framing struct {
	state  framingState
	line   []byte // the current line of a head, chunk size or trailer, cut at maxFramingLine
	inHead bool   // the request line of the current head has been seen
	http10 bool   // the current head is of HTTP/1.0
	odd    bool   // the current head has lines that are read in more than one way
	length int64

	hasLength bool
	hasCoding bool

	// Read by the handler while the server may be reading ahead.
	heads     atomic.Int64 // heads that have ended so far
	ambiguous atomic.Int64 // number (from 1) of the first head to refuse, 0 while there is none
}

type framingState uint8

const (
	readHead framingState = iota
	skipLength
	readChunkSize
	skipChunk
	skipChunkEnd
	readTrailer
	framingLost // ambiguous or unreadable: nothing behind this point can be attributed
)

// maxFramingLine bounds what is kept of a line; all that matters fits with much to spare.
const maxFramingLine = 256

// refused reports whether the request with this number (from 1) must not be served.
func (f *framing) refused(request int64) bool {
	first := f.ambiguous.Load()
	return first != 0 && request >= first || request > f.heads.Load()
}

// feed takes the next bytes that the server read.
func (f *framing) feed(p []byte) {
	for len(p) > 0 {
		switch f.state {
		case framingLost:
			return
		case skipLength, skipChunk:
			skip := min(f.length, int64(len(p)))
			f.length -= skip
			p = p[skip:]
			if f.length == 0 {
				if f.state == skipChunk {
					f.state = skipChunkEnd
				} else {
					f.state = readHead
				}
			}
		default:
			end := bytes.IndexByte(p, '\n')
			part := p
			if end >= 0 {
				part = p[:end]
			}
			if room := maxFramingLine - len(f.line); room > 0 {
				f.line = append(f.line, part[:min(room, len(part))]...)
			}
			if end < 0 {
				return
			}
			p = p[end+1:]
			f.endLine(bytes.TrimRight(f.line, "\r"))
			f.line = f.line[:0]
		}
	}
}

func (f *framing) endLine(line []byte) {
	switch f.state {
	case readHead:
		f.endHeadLine(line)
	case readChunkSize:
		digits, _, _ := bytes.Cut(line, []byte(";"))
		size, err := strconv.ParseInt(string(bytes.TrimSpace(digits)), 16, 64)
		switch {
		case err != nil || size < 0:
			f.lose(f.heads.Load() + 1) // the server cannot read on either
		case size == 0:
			f.state = readTrailer
		default:
			f.state, f.length = skipChunk, size
		}
	case skipChunkEnd:
		f.state = readChunkSize
	case readTrailer:
		if len(line) == 0 {
			f.state = readHead
		}
	}
}

func (f *framing) endHeadLine(line []byte) {
	switch {
	case len(line) == 0 && f.inHead:
		f.endHead()
	case len(line) == 0: // the server knows whether it takes empty lines here
	case !f.inHead:
		f.inHead, f.hasLength, f.hasCoding, f.odd, f.length = true, false, false, false, 0
		f.http10 = bytes.HasSuffix(line, []byte("HTTP/1.0"))
	case line[0] == ' ' || line[0] == '\t':
		f.odd = true // obsolete folding (RFC 9112 section 5.2): part of the line before
	default:
		f.endField(line)
	}
}

// endField takes in a header field of the current head.
func (f *framing) endField(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch name = bytes.TrimSpace(name); {
	case bytes.EqualFold(name, []byte("content-length")):
		length, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
		f.odd = f.odd || err != nil || length < 0 || f.hasLength && length != f.length
		f.hasLength, f.length = true, length
	case bytes.EqualFold(name, []byte("transfer-encoding")):
		f.hasCoding = true
	}
}

func (f *framing) endHead() {
	f.inHead = false
	head := f.heads.Add(1)
	switch {
	case f.odd, f.hasCoding && (f.hasLength || f.http10): // RFC 9112 section 6.1, for HTTP/1.0 too
		f.lose(head)
	case f.hasCoding:
		f.state = readChunkSize
	case f.length > 0:
		f.state = skipLength
	}
}

// lose gives up following: the head with this number and all behind it are to be refused.
func (f *framing) lose(head int64) {
	f.state = framingLost
	f.ambiguous.Store(head)
}
