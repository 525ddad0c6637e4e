// Package classify answers one question: what kinds of data are in this payload, and of how many people?
//
// Bytes go in as they come off the wire; a small set of facts of fixed size comes out: categories with
// counts and strength, the number of distinct people, and how much could be read at all. Nothing of the
// payload is kept: of each value found only a hash under a key that dies with the process, so that a
// value that occurs a thousand times counts once.
//
// Three ideas make it work. A payload is a chain of small stages (decompress, split into parts, undo the
// escapes), each of which is pushed bytes and pushes on what it made of them; decompressors, which want to
// pull, run as coroutines that are resumed by each Write. All text ends in one scanner that looks at a byte
// more closely only if a digit run of an admissible shape or an "@" stands there; a checksum and the field
// key or words around it then decide. Every look at the neighbourhood is bounded by the same distances, so
// the findings do not depend on how the payload was cut into writes.
//
// What cannot be read is said, never passed over: an unknown or broken encoding, an encrypted or binary
// body and an exhausted budget all end in Undecodable with less than full coverage. "Clean" means read.
//
//	c := classify.New(classify.Options{})
//	s := c.NewStream(classify.Meta{ContentType: "application/json", ContentEncoding: "gzip"})
//	io.Copy(s, body)
//	data := s.Finish()
//
// It leaves the verdict to package rules and the forwarding of the original bytes to the data plane.
package classify

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/borderflow/borderflow/rules/flow"
)

const mebibyte = 1 << 20

// Options bound what one payload may cost. The zero value of each field stands for its default.
type Options struct {
	// MaxDecoded is how many bytes decompression may produce per payload, over all its parts and layers;
	// 1 GiB by default. It bounds time alone, for memory does not grow with what is decoded; MaxRatio keeps
	// it from being reached by little. Text that arrives as it is has no limit: it is read in a fixed window.
	MaxDecoded int64
	// MaxRatio is how many bytes decompression may produce per payload byte once it has produced the
	// first MiB; 100 by default.
	MaxRatio int
	// MaxDepth is how deep content encodings, transfer encodings, multipart bodies and archives may nest, and
	// how deep values that are encoded within text; 3 by default.
	MaxDepth int
	// MaxParts is how many parts the multipart bodies of one payload, and entries its archives, may have
	// together; 1000 by default.
	MaxParts int
	// MaxEncoded is how many values that are encoded within text (base64, hexadecimal, tokens with escapes)
	// are decoded per payload; 100,000 by default.
	MaxEncoded int
	// TestCards makes the card numbers that payment processors publish for testing count as payment cards.
	// By default they are kept apart, as the weak detector "payment-card-test", and like everything weak
	// they are reported only with a key or word beside them that speaks of a card.
	TestCards bool
	// Custom are detectors of the operator's own, at most MaxCustom, beside those that Detectors lists.
	Custom []Custom
}

func (o Options) withDefaults() Options {
	if o.MaxDecoded <= 0 {
		o.MaxDecoded = 1024 * mebibyte
	}
	if o.MaxRatio <= 0 {
		o.MaxRatio = 100
	}
	if o.MaxDepth <= 0 {
		o.MaxDepth = 3
	}
	if o.MaxParts <= 0 {
		o.MaxParts = 1000
	}
	if o.MaxEncoded <= 0 {
		o.MaxEncoded = 100_000
	}
	return o
}

// Classifier makes Streams. It is immutable and safe for concurrent use.
type Classifier struct {
	options  Options
	table    *table
	seed     maphash.Seed
	decoders map[string]*sync.Pool
	streams  sync.Pool
	tallies  sync.Pool // for facts while a payload is still read
}

// New builds a classifier with every detector that Detectors lists, and those of the options.
func New(options Options) *Classifier {
	options = options.withDefaults()
	year := time.Now().Year() + 1 // the process may outlive this one
	own := customRules(options.Custom)
	table := newTable(slices.Concat(catalogue(options, year), own), len(own) == 0)
	table.custom = newCustom(options.Custom, own)
	return &Classifier{
		options:  options,
		table:    table,
		seed:     maphash.MakeSeed(),
		decoders: decoderPools(),
	}
}

// Meta is what is known of a payload before its first byte.
type Meta struct {
	// ContentType as in the header; several headers are joined by ", ", and are then Undecodable.
	ContentType     string
	ContentEncoding string // as in the header: names in the order applied, separated by commas
	// Message says that the payload is one of several that a connection carries (a WebSocket message), so
	// that nothing declared for the connection holds for it: ContentType and ContentEncoding are ignored,
	// and it is JSON or text by its own first bytes. What begins like a compressed file is decompressed,
	// and its bytes are read as they are too; for it, coverage is full only if they are text as well.
	Message bool
	// Path and Query of the request are read as well, percent-decoded, the query's keys as evidence. They
	// do not count into flow.Data.Bytes or its coverage.
	Path, Query string
	// UserInfo is what stands before the "@" of the request's URL, percent-encoded, and Host its host without
	// the port. They are read like Path and Query.
	UserInfo, Host string
	// Header holds the request's headers under names of any case. All are read but those that speak of the
	// connection; credentials in Authorization and Cookie are no finding, for they are meant for the origin.
	Header map[string][]string
	// Found, if set, is called for each finding as it is made, repeated values included, from within
	// NewStream, Write and Finish. It must not call the Stream.
	Found func(Position)
}

// Position is where a detector found something. It never holds the value.
type Position struct {
	Detector string
	// Place is "body", "body as sent" (before its transfer encoding is undone), "encoded value" (in any other
	// place), "part header" (and the names of an archive's files), "path", "query", "url user", "host",
	// "header", "cookie" or "trailer".
	Place    string
	Offset   int64 // in bytes from the start of that place's decoded text (all parts of a body counted on)
	Length   int   // in bytes of decoded text, separators included
	Strength flow.Strength
}
