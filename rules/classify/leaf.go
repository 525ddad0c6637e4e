package classify

const (
	// Text is judged in windows, so that no length of text before or after it hides what is none.
	binaryWindow = 1 << 10
	// A text has next to no control characters; of random bytes, one in nine is one.
	binaryShare = 50
	// The last window, if shorter than this, is judged like one of this length: a stray control
	// character or two at the end of a long text make nothing of it unreadable.
	binaryTail = 256
	// Binary fields of protobuf messages up to this length (keys, digests, identifiers) are no payload
	// that would have to be read.
	smallField = 256
)

// leaf is the end of the chain: it hands decoded text to the scanner, and judges by the control characters
// in windows at fixed offsets whether it was text at all. Only one leaf of a stream is open at a time.
type leaf struct {
	stream   *Stream
	opaque   string // why nothing here can be understood, whatever it looks like; "" if text is expected
	field    bool   // a field of a message, not a document
	separate bool   // what stands here is no part of the records around it
	aside    bool   // the request around the payload: it does not count into coverage
	offset   int
	controls int  // in the open window
	text     bool // a window before it was text
	binary   bool // a window before it was none
}

// openLeaf starts a segment of text. key is the name that the container gives it, "" for none.
func (s *Stream) openLeaf(key string, mode recordMode, opaque string) *leaf {
	s.scan.begin(key, mode)
	s.leaf = leaf{stream: s, opaque: opaque}
	return &s.leaf
}

// aside starts a segment of the request around the payload.
func (s *Stream) aside(key string) *leaf {
	l := s.openLeaf(key, recordWhole, "")
	l.aside = true
	return l
}

func (l *leaf) reset() { *l = leaf{stream: l.stream} }

func (l *leaf) write(p []byte) {
	v := &l.stream.survey
	for len(p) > 0 {
		n := min(len(p), surveySize)
		v.take(p[:n])
		l.sample(p[:n], v.controls)
		l.stream.text.write(p[:n], v)
		p = p[n:]
	}
}

// pending leaves out what the scanner holds: Facts reads that.
func (l *leaf) pending() bool { return l.stream.text.pending() }

// sample judges text in windows. controls says that there are control characters in it.
func (l *leaf) sample(p []byte, controls bool) {
	for len(p) > 0 {
		n := min(len(p), binaryWindow-l.offset%binaryWindow)
		if controls {
			l.controls += countControls(p[:n])
		}
		p = p[n:]
		if l.offset += n; l.offset%binaryWindow == 0 {
			if l.controls*binaryShare > binaryWindow {
				l.binary = true
			} else {
				l.text = true
			}
			l.controls = 0
		}
	}
}

// isBinary judges what came so far.
func (l *leaf) isBinary() bool {
	size := l.offset % binaryWindow
	if l.offset >= binaryWindow {
		size = max(size, binaryTail)
	}
	return l.binary || l.controls*binaryShare > size
}

func (l *leaf) close() {
	l.stream.text.end()
	l.stream.scan.flush()
	if l.separate {
		l.stream.tally.endRecord()
	}
	l.judge(&l.stream.coverage)
	l.reset()
}

// judge enters into c whether what came so far could be read.
func (l *leaf) judge(c *coverage) {
	switch {
	case l.offset == 0, l.aside:
	case l.opaque != "":
		c.missed(l.opaque)
	case l.isBinary() && !(l.field && l.offset <= smallField):
		c.missed("binary content")
		c.read = c.read || l.text
	default:
		c.read = true
	}
}
