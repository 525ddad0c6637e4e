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

func (l *leaf) reset() { *l = leaf{stream: l.stream} }

func (l *leaf) write(p []byte) {
	l.sample(p)
	l.stream.scan.write(p)
}

func (l *leaf) pending() bool { return false } // Facts reads what the scanner holds

func (l *leaf) sample(p []byte) {
	for len(p) > 0 {
		n := min(len(p), binaryWindow-l.offset%binaryWindow)
		l.controls += countControls(p[:n])
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
	case l.offset == 0:
	case l.opaque != "":
		c.missed(l.opaque)
	case l.isBinary() && !(l.field && l.offset <= smallField):
		c.missed("binary content")
		c.read = c.read || l.text
	default:
		c.read = true
	}
}

// scannerSink writes straight to the scanner what does not count into coverage.
type scannerSink struct{ scan *scanner }

func (s scannerSink) write(p []byte) { s.scan.write(p) }
func (s scannerSink) pending() bool  { return false }
func (s scannerSink) close()         { s.scan.flush() }
