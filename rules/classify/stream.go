package classify

import (
	"github.com/borderflow/borderflow/rules/flow"
)

// Stream classifies one payload. Its memory does not grow with the payload.
//
// A Stream belongs to one goroutine. Exactly one of Finish and Abort must be called, once; after that the
// Stream belongs to its Classifier again and must not be touched. Forgetting both leaks the coroutines of
// its decompressors.
type Stream struct {
	classifier *Classifier
	root       *Stream // whose budget and length count: itself, unless it reads a part of another once more
	meta       Meta
	body       sink
	scan       scanner
	tally      tally
	leaf       leaf
	coverage   coverage
	budget     budget
	bytes      int64
	histogram  histogram
	running    []*coroutine
	readings   []*Stream // of the same bytes in other ways, beside this one
	doubted    bool      // a reading of what claims to be something else, see readInDoubt
	level      int       // how many readings of what was encoded within another this one is in
	text       text
	survey     survey // of the piece of text that is on its way to the scanner
}

// sink is one stage of a payload's way to the scanner. write never keeps p. close ends the stage's
// input and everything behind it. pending says whether it, or a stage behind it, holds bytes back that
// the scanner has not seen, or waits for the rest of something it has begun.
type sink interface {
	write(p []byte)
	pending() bool
	close()
}

// NewStream starts a payload. It reads the request around it at once.
func (c *Classifier) NewStream(meta Meta) *Stream {
	s := c.blank()
	s.meta = meta
	s.budget.options = c.options
	s.scan.found = meta.Found
	s.readRequest(&meta)
	s.scan.at(place{name: "body"})
	if meta.Message {
		s.body = &sniffer{stream: s, message: true}
	} else {
		s.body = s.open(declaration{contentType: meta.ContentType, contentEncoding: meta.ContentEncoding}, 0)
	}
	return s
}

// blank returns a stream that has nothing open yet.
func (c *Classifier) blank() *Stream {
	s, _ := c.streams.Get().(*Stream)
	if s == nil {
		s = &Stream{classifier: c}
		s.root = s
		s.tally.init(c.seed, c.table.rules)
		s.scan.init(c.table, &s.tally)
		s.scan.custom.overBudget = s.overBudget
		s.leaf.stream = s
		s.text.stream, s.text.encoded.stream = s, s
	}
	return s
}

// Write takes the payload's next bytes. It never keeps p, never waits for anything and always returns
// len(p) and nil: what is wrong with the content is a fact, not an error.
func (s *Stream) Write(p []byte) (int, error) {
	if len(p) > 0 {
		s.bytes += int64(len(p))
		s.histogram.add(p)
		s.body.write(p)
	}
	return len(p), nil
}

// Facts returns what is known so far, as if the text read until now were complete. While something
// received cannot be read yet (a compressed body until it ends, an open part, half a message, half an
// escape) that is Undecodable, "not decoded yet". Whole gRPC messages are always included.
func (s *Stream) Facts() flow.Data {
	tally := s.classifier.borrowTally()
	defer s.classifier.tallies.Put(tally)
	coverage := s.soFar(tally)
	if s.body.pending() {
		coverage.missed("not decoded yet")
	}
	return s.facts(coverage, tally)
}

// soFar is what would be known if the text ended here. It fills in into, which is nobody else's.
func (s *Stream) soFar(into *tally) coverage {
	coverage := s.coverage
	s.leaf.judge(&coverage)
	if !s.scan.drained() {
		s.scan.settle()
	}
	s.tally.copyTo(into)
	if !s.scan.drained() {
		s.scan.preview(into)
	}
	for _, other := range s.readings {
		tally := s.classifier.borrowTally()
		read := other.soFar(tally)
		other.joinTo(&coverage, into, read, tally)
		s.classifier.tallies.Put(tally)
	}
	return coverage
}

func (c *Classifier) borrowTally() *tally {
	if t, _ := c.tallies.Get().(*tally); t != nil {
		return t
	}
	return new(tally)
}

// Finish ends the payload and returns all that was found. Data that breaks off (truncated gzip, a
// multipart body without its last boundary) is Undecodable.
func (s *Stream) Finish() flow.Data {
	s.body.close()
	s.scan.flush()
	s.tally.endRecord()
	s.absorbAll()
	data := s.facts(s.coverage, &s.tally)
	s.release()
	return data
}

// Abort ends the payload without a result.
func (s *Stream) Abort() { s.release() }

func (s *Stream) facts(c coverage, t *tally) flow.Data {
	data := flow.Data{State: flow.Known, Bytes: s.bytes, Coverage: c.level(), Undecodable: c.reason, Entropy: s.histogram.entropy()}
	t.report(&data, s.classifier.table.rules)
	return data
}

func (s *Stream) release() {
	for _, c := range s.running {
		c.stop()
	}
	clear(s.running)
	s.running = s.running[:0]
	for _, other := range s.readings {
		other.release()
	}
	clear(s.readings)
	s.readings = s.readings[:0]
	s.doubted = false
	s.root, s.level, s.meta, s.body, s.bytes = s, 0, Meta{}, nil, 0
	s.text.reset()
	s.coverage, s.budget, s.histogram = coverage{}, budget{}, histogram{}
	s.leaf.reset()
	s.scan.reset()
	s.tally.reset()
	s.classifier.streams.Put(s)
}
