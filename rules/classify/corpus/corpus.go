// Package corpus measures the classifier: it makes documents whose contents are known, has them read, and
// counts what was found rightly, wrongly and not at all, by detector.
//
// Two ideas make the numbers worth something. Values are made from the standards by arithmetic of their own,
// which shares nothing with the classifier's validators, and are written as people write them, in the formats
// and languages that a gateway sees. And for each document with something to find there is one with nothing
// to find that looks as if: hashes, times, order numbers, lock files, presigned URLs, forms with their labels.
//
// Nothing in it belongs to anybody: numbers are random, names are common ones combined at random.
//
//	documents := corpus.Generate(1, 4000)
//	report := corpus.Evaluate(classify.New(classify.Options{}), documents)
//	report.Write(os.Stdout)
//
// ReadDirectory takes documents of others, with their labels, in place of generated ones.
package corpus

import "fmt"

// Document is a payload with what is to be found in it.
type Document struct {
	Name        string // tells it from others: its number, or its file
	Kind        string // what it is, for grouping misses, e.g. "json/records"
	ContentType string
	Body        []byte
	Labels      []Label
}

// Label is one value that a document holds.
type Label struct {
	Detector string
	Value    string // as it stands in the document
	// Unsupported: the value would need evidence and has none; it must not be reported.
	Unsupported bool

	also string
}

// Generate makes n documents, the same ones for the same seed. Of five, three hold values that are to be
// found; the others hold none.
func Generate(seed uint64, n int) []Document {
	all := kinds()
	documents := make([]Document, 0, n)
	for i := range n {
		s := newSource(seed<<20 + uint64(i))
		var d Document
		switch turn := i / 5; i % 5 {
		case 0:
			d = recordDocument(s, all, turn)
		case 1:
			d = textDocument(s, all, turn)
		case 2:
			d = wholeDocument(s, turn)
		case 3:
			d = unsupportedDocument(s, all, turn)
		default:
			d = cleanDocument(s, turn)
		}
		d.Name = fmt.Sprintf("generated-%d-%d", seed, i)
		documents = append(documents, d)
	}
	return append(documents, handmade()...)
}
