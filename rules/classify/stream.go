package classify

import (
	"iter"
	"slices"

	"github.com/borderflow/borderflow/rules/flow"
)

// Stream classifies one payload. Its memory does not grow with the payload.
//
// A Stream belongs to one goroutine. Exactly one of Finish and Abort must be called, once; after that the
// Stream belongs to its Classifier again and must not be touched. Forgetting both leaks the coroutines of
// its decompressors.
type Stream struct {
	classifier *Classifier
	meta       Meta
	body       sink
	scan       scanner
	tally      tally
	leaf       leaf
	coverage   coverage
	budget     budget
	bytes      int64
	histogram  histogram
	running    []*inflater
	asSent     []*Stream // second readings of what is being decoded
}

// sink is one stage of a payload's way to the scanner. write never keeps p. close ends the stage's
// input and everything behind it. pending says whether it, or a stage behind it, holds bytes back that
// the scanner has not seen, or waits for the rest of something it has begun.
type sink interface {
	write(p []byte)
	pending() bool
	close()
}

// NewStream starts a payload. It reads meta's path and query at once.
func (c *Classifier) NewStream(meta Meta) *Stream {
	s := c.blank()
	s.meta = meta
	s.budget.options = c.options
	s.scan.found = meta.Found
	s.readTarget(meta.Path, meta.Query)
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
		s.tally.init(c.seed, len(c.table.rules))
		s.scan.init(c.table, &s.tally)
		s.leaf.stream = s
	}
	return s
}

// readTarget scans the request's path and query as a record of their own.
func (s *Stream) readTarget(path, query string) {
	if path == "" && query == "" {
		return
	}
	for _, target := range []struct {
		place, text string
		form        bool
	}{{"path", path, false}, {"query", query, true}} {
		s.scan.at(place{name: target.place})
		s.scan.begin("", recordWhole)
		decoder := percentDecoder{outlet: outlet{next: scannerSink{&s.scan}}, form: target.form}
		decoder.write([]byte(target.text))
		decoder.close()
	}
	s.tally.endRecord()
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
	coverage, tally := s.soFar()
	if s.body.pending() {
		coverage.missed("not decoded yet")
	}
	return s.facts(coverage, tally)
}

// soFar is what would be known if the text ended here. The tally must not be changed.
func (s *Stream) soFar() (coverage, *tally) {
	coverage, tally := s.coverage, &s.tally
	s.leaf.judge(&coverage)
	if !s.scan.drained() {
		s.scan.settle()
		tally = s.tally.clone()
		s.scan.preview(tally)
	}
	for _, other := range s.asSent {
		if tally == &s.tally {
			tally = s.tally.clone()
		}
		otherCoverage, otherTally := other.soFar()
		coverage.absorb(otherCoverage)
		tally.absorb(otherTally)
	}
	return coverage, tally
}

// Finish ends the payload and returns all that was found. Data that breaks off (truncated gzip, a
// multipart body without its last boundary) is Undecodable.
func (s *Stream) Finish() flow.Data {
	s.body.close()
	s.scan.flush()
	s.tally.endRecord()
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

// coroutine starts run as a coroutine that ends with the stream at the latest.
func (s *Stream) coroutine(d *inflater) {
	d.resume, d.stop = iter.Pull(d.run)
	s.running = append(s.running, d)
}

// ended forgets a coroutine that has run to its end.
func (s *Stream) ended(d *inflater) {
	d.stop()
	s.running = slices.DeleteFunc(s.running, func(other *inflater) bool { return other == d })
}

func (s *Stream) release() {
	for _, d := range s.running {
		d.stop()
	}
	clear(s.running)
	s.running = s.running[:0]
	for _, other := range s.asSent {
		other.release()
	}
	clear(s.asSent)
	s.asSent = s.asSent[:0]
	s.meta, s.body, s.bytes = Meta{}, nil, 0
	s.coverage, s.budget, s.histogram = coverage{}, budget{}, histogram{}
	s.leaf.reset()
	s.scan.reset()
	s.tally.reset()
	s.classifier.streams.Put(s)
}
