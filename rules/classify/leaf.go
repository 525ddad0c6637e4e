package classify

const (
	denseSample  = 1024 // every byte is looked at up to here,
	sampleStride = 32   // then one in so many
	// A text has next to no control characters; of random bytes, one in ten is one.
	binaryShare = 50
	// Binary fields of protobuf messages up to this length (keys, digests, identifiers) are no payload
	// that would have to be read.
	smallField = 256
)

// leaf is the end of the chain: it hands decoded text to the scanner, and judges by sampling control
// characters at fixed offsets whether it was text at all. Only one leaf of a stream is open at a time.
type leaf struct {
	stream   *Stream
	opaque   string // why nothing here can be understood, whatever it looks like; "" if text is expected
	field    bool   // a field of a message, not a document
	separate bool   // what stands here is no part of the records around it
	offset   int
	sampled  int
	controls int
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

func (l *leaf) sample(p []byte) {
	i := 0
	for ; i < len(p) && l.offset+i < denseSample; i++ {
		l.count(p[i])
	}
	if past := (l.offset + i) % sampleStride; past != 0 {
		i += sampleStride - past
	}
	for ; i < len(p); i += sampleStride {
		l.count(p[i])
	}
	l.offset += len(p)
}

func (l *leaf) count(b byte) {
	l.sampled++
	if b < ' ' && b != '\n' && b != '\r' && b != '\t' || b == 0x7f {
		l.controls++
	}
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
	switch binary := l.controls*binaryShare > l.sampled; {
	case l.offset == 0:
	case l.opaque != "":
		c.missed(l.opaque)
	case binary && !(l.field && l.offset <= smallField):
		c.missed("binary content")
	default:
		c.read = true
	}
}

// scannerSink writes straight to the scanner what does not count into coverage.
type scannerSink struct{ scan *scanner }

func (s scannerSink) write(p []byte) { s.scan.write(p) }
func (s scannerSink) close()         { s.scan.flush() }
