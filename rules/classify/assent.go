package classify

import "slices"

// twice reads a body in both of its meanings: decoded, and as it was sent. The two need not agree on what
// the receiver will make of it. Servers ignore the transfer encodings of form fields (RFC 7578 section
// 4.7), and what begins like a compressed message may be none.
type twice struct {
	stream  *Stream
	asSent  *Stream
	decoded sink
}

// readTwice opens the second reading of what d describes: as text, with the escapes of JSON or of a form
// where it is one, and never decompressed, so that it needs no budget.
func (s *Stream) readTwice(d declaration, decoded sink) sink {
	other := s.beside("body as sent")
	media, _, _ := parseType(d.contentType)
	if media == formType {
		other.body = &percentDecoder{outlet: outlet{next: other.openLeaf(d.name, recordWhole, "")}, form: true}
	} else {
		other.body = &sniffer{stream: other, declaration: declaration{name: d.name, file: d.file}, media: media, asSent: true}
	}
	return &twice{stream: s, asSent: other, decoded: decoded}
}

// readInDoubt opens a second reading of what claims to be of a binary format or a charset in which text
// would look like another: nearly all text is a valid MessagePack document, and any is UTF-16. What the
// second reading cannot read is nothing that the first has not judged, and it only counts if it finds
// what the first does not.
func (s *Stream) readInDoubt(d declaration, decoded sink) sink {
	both := s.readTwice(d, decoded).(*twice)
	both.asSent.doubted = true
	return both
}

func (t *twice) write(p []byte) {
	t.asSent.body.write(p)
	t.decoded.write(p)
}

func (t *twice) pending() bool { return t.asSent.body.pending() || t.decoded.pending() }

func (t *twice) close() {
	t.decoded.close()
	t.asSent.body.close()
	t.stream.absorb(t.asSent)
}

// beside returns a stream for another reading of some of s's bytes.
func (s *Stream) beside(name string) *Stream {
	other := s.classifier.blank()
	other.root = s.root
	other.scan.found = s.root.meta.Found
	other.scan.at(place{name: name})
	s.readings = append(s.readings, other)
	return other
}

// absorb ends another reading and adds what it found.
func (s *Stream) absorb(other *Stream) {
	other.absorbAll()
	other.scan.flush()
	other.tally.endRecord()
	other.joinTo(&s.coverage, &s.tally, other.coverage, &other.tally)
	s.readings = slices.DeleteFunc(s.readings, func(open *Stream) bool { return open == other })
	other.release()
}

// joinTo adds what s, another reading, has read and found to what is known of the same bytes.
func (s *Stream) joinTo(c *coverage, t *tally, read coverage, found *tally) {
	if !s.doubted {
		c.absorb(read)
	} else if !found.hasMoreThan(t) {
		return
	}
	t.absorb(found)
}

// hasMoreThan reports whether a detector found something in t and nothing in other.
func (t *tally) hasMoreThan(other *tally) bool {
	for i, strength := range t.strength {
		if strength > 0 && other.strength[i] == 0 {
			return true
		}
	}
	return false
}

// absorbAll ends all other readings.
func (s *Stream) absorbAll() {
	for len(s.readings) > 0 {
		s.absorb(s.readings[0])
	}
}

// absorb adds what another reading of the same bytes could not read. What it could read does not count:
// the base64 of an image is text, and still nobody has read the image.
func (c *coverage) absorb(other coverage) {
	if other.unread {
		c.missed(other.reason)
	}
}

// absorb adds the findings of another tally of the same classifier, the people of its open record included.
func (t *tally) absorb(other *tally) {
	t.values.absorb(&other.values)
	for i, strength := range other.strength {
		t.strength[i] = max(t.strength[i], strength)
	}
	for _, key := range other.record {
		t.values.markPerson(key)
	}
}
