package redact

import (
	"bytes"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/borderflow/borderflow/rules/classify"
)

// view is a body as the classifier reads it: its text with escapes undone, where each byte of that text
// comes from, and which parts of it hold values.
type view struct {
	raw    []byte
	text   []byte
	origin []int32 // where in raw each byte of text begins
	leaves []leaf  // ascending, none overlaps
	fixes  []fix
	object int32    // how many JSON objects there are
	keys   keyNames // of them, once one is replaced

	format    format
	delimiter []byte // of a multipart body
}

const (
	maxLeaves = 1 << 19 // bounds what is kept of a body
	leafBytes = 16      // of body for each leaf, as a rule
)

// format is what a body is as a whole.
type format uint8

const (
	textFormat format = iota
	jsonFormat
	formFormat
	multipartFormat
)

// leaf is a part of a text that is a value, a key or running text.
type leaf struct {
	from, to int   // in text, without quotes
	end      int   // where it ends in raw
	object   int32 // of a jsonKey: which object it belongs to, from 1
	kind     kind
	syntax   syntax // what it is written in
	nested   bool   // it is JSON within a string
}

type kind uint8

const (
	plainText  kind = iota // a form field, a cell, a document
	jsonString             // what stands between the quotes
	jsonKey
	jsonNumber
	jsonWord // true, false, null
)

// syntax is how a replacement must be written, or why nothing can be replaced.
type syntax uint8

const (
	verbatim syntax = iota
	inJSON
	inForm
	sealedType
	sealedCell
)

// seals are the reasons of a refusal.
var seals = map[syntax]string{
	sealedType: "a value was found in a body of a type that is not rewritten",
	sealedCell: "a value was found in JSON within a cell of a table, which is not rewritten",
}

// fix is a number in raw that tells the length of a part, and changes with it.
type fix struct{ at, length, from, to int }

// newView reads body, which is not compressed.
func newView(body []byte, meta classify.Meta) (*view, error) {
	v := &view{raw: body, text: make([]byte, 0, len(body)), origin: make([]int32, 0, len(body)), leaves: make([]leaf, 0, len(body)/leafBytes+1)}
	if err := v.read(body, 0, meta.ContentType, meta.Message, false); err != nil {
		return nil, err
	}
	v.foldText()
	return v, nil
}

// read appends the part of raw that begins at at. It chooses between formats as package classify does.
func (v *view) read(part []byte, at int, contentType string, message, nested bool) error {
	media, parameters := "", map[string]string(nil)
	if !message && contentType != "" {
		var err error
		if media, parameters, err = mime.ParseMediaType(contentType); err != nil {
			return refuse("the content type is malformed")
		}
	}
	if !readable(parameters["charset"], part) {
		return refuse("the body is not UTF-8 text")
	}
	switch {
	case strings.HasPrefix(media, "multipart/"):
		if nested {
			return refuse("a part is multipart itself")
		}
		v.format = multipartFormat
		return v.readMultipart(part, parameters["boundary"])
	case media == "application/x-www-form-urlencoded":
		v.is(formFormat, nested)
		return v.readForm(part, at)
	case strings.HasPrefix(media, "application/grpc"), strings.Contains(media, "protobuf"):
		return refuse("messages of gRPC and protobuf are not rewritten")
	}
	head := bytes.TrimLeft(bytes.TrimPrefix(part, []byte("\xef\xbb\xbf")), " \t\r\n\x1e")
	if isJSON(media) || len(head) > 0 && (head[0] == '{' || head[0] == '[') {
		v.is(jsonFormat, nested)
		return v.readJSON(part, at, isJSON(media), syntaxOf(media))
	}
	v.keep(part, at)
	from := len(v.text) - len(part)
	if media == "text/csv" || media == "text/tab-separated-values" {
		return v.addCells(part, from, at, media)
	}
	return v.add(leaf{from: from, to: len(v.text), end: at + len(part), syntax: syntaxOf(media)})
}

// add takes a leaf that ends where the text does.
func (v *view) add(l leaf) error {
	if len(v.leaves) == maxLeaves {
		return refuse("the body holds too many values")
	}
	v.leaves = append(v.leaves, l)
	return nil
}

// is notes the format of a body that is no part of another.
func (v *view) is(f format, nested bool) {
	if !nested {
		v.format = f
	}
}

// readable says whether text is UTF-8, or nothing but ASCII in another charset that begins with ASCII.
func readable(charset string, text []byte) bool {
	if bytes.IndexByte(text, 0) >= 0 {
		return false
	}
	switch charset = strings.ToLower(strings.TrimSpace(charset)); charset {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return utf8.Valid(text)
	}
	return !bytes.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) && keepsASCII(charset)
}

func keepsASCII(charset string) bool {
	for _, family := range []string{"iso-8859-", "windows-125"} {
		if strings.HasPrefix(charset, family) {
			return true
		}
	}
	return false
}

func isJSON(media string) bool {
	for _, suffix := range []string{"+json", "/json", "json-seq", "ndjson", "jsonl", "jsonlines"} {
		if strings.HasSuffix(media, suffix) {
			return true
		}
	}
	return false
}

// syntaxOf seals text of types with a syntax that replacing could break.
func syntaxOf(media string) syntax {
	switch {
	case media == "", media == "text/plain", media == "text/markdown", isJSON(media):
		return verbatim
	}
	return sealedType
}

// keep appends raw bytes that are read as they are.
func (v *view) keep(part []byte, at int) {
	v.text = append(v.text, part...)
	for i := range part {
		v.origin = append(v.origin, int32(at+i))
	}
}

// put appends text that stands for what begins at at in raw.
func (v *view) put(text []byte, at int) {
	v.text = append(v.text, text...)
	for range text {
		v.origin = append(v.origin, int32(at))
	}
}

// whole widens a span to the characters, and the escapes, that it cuts.
func (v *view) whole(from, to, low, high int) (int, int) {
	cuts := func(at int) bool {
		return at > low && at < high && (v.origin[at] == v.origin[at-1] || !utf8.RuneStart(v.text[at]))
	}
	for cuts(from) {
		from--
	}
	for cuts(to) {
		to++
	}
	return from, to
}
