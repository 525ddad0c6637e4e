package ranges

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// document walks over a JSON object and knows the line it is on. Members that nobody asks for are
// passed over: providers add some from time to time.
type document struct {
	list    *list
	decoder *json.Decoder // nil once the rest cannot be read
	lines   lines
}

// readObject calls the function that members has for each member of the object in content.
func (l *list) readObject(content []byte, members map[string]func(*document)) {
	d := &document{list: l, decoder: json.NewDecoder(bytes.NewReader(content)), lines: lines{content: content}}
	if !d.opens('{') {
		return
	}
	seen := map[string]bool{}
	for d.decoder.More() && !l.full() {
		name, err := d.decoder.Token()
		if err != nil {
			d.fail(err)
			return
		}
		read, wanted := members[name.(string)]
		if !wanted {
			read = func(d *document) { decode[json.RawMessage](d) }
		}
		seen[name.(string)] = true
		if read(d); d.decoder == nil {
			return
		}
	}
	if l.full() {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !seen[name] {
			l.problem(0, "member %q is missing", name)
		}
	}
	if _, err := d.decoder.Token(); err != nil { // the closing brace
		d.fail(err)
		return
	}
	if _, err := d.decoder.Token(); !errors.Is(err, io.EOF) {
		l.problem(d.line(), "something follows the end of the object")
	}
}

func (d *document) line() int { return d.lines.at(int(d.decoder.InputOffset())) }

// opens reads the next token, which must be the delimiter.
func (d *document) opens(delimiter json.Delim) bool {
	line := d.line()
	token, err := d.decoder.Token()
	if err != nil {
		d.fail(err)
		return false
	}
	if token != delimiter {
		d.list.problem(line, "found %s, expected %q", quote(fmt.Sprint(token)), delimiter.String())
		d.decoder = nil
		return false
	}
	return true
}

// fail notes that the rest cannot be read.
func (d *document) fail(err error) {
	line := d.line()
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		line = d.lines.at(max(0, int(syntax.Offset)-1))
		d.list.problem(line, "not JSON: %s", syntax.Error())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		d.list.problem(line, "the file ends in the middle, or is empty")
	default:
		d.list.problem(line, "not JSON: %v", err)
	}
	d.decoder = nil
}

// decode reads one value. A value of another type is noted and passed over; ok is false then.
func decode[T any](d *document) (value T, line int, ok bool) {
	line = d.line()
	err := d.decoder.Decode(&value)
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mismatch):
		d.list.problem(line, "field %q is a %s, expected a %s", mismatch.Field, mismatch.Value, mismatch.Type)
		return value, line, false
	case err != nil:
		d.fail(err)
		return value, line, false
	}
	return value, line, true
}

// each reads an array and calls visit with each of its elements.
func each[T any](visit func(element T, line int)) func(*document) {
	return func(d *document) {
		if !d.opens('[') {
			return
		}
		for d.decoder.More() && !d.list.full() {
			element, line, ok := decode[T](d)
			if d.decoder == nil {
				return
			}
			if ok {
				visit(element, line)
			}
		}
		if d.list.full() {
			return
		}
		if _, err := d.decoder.Token(); err != nil { // the closing bracket
			d.fail(err)
		}
	}
}

// date reads the publication date in one of the layouts.
func (l *list) date(layouts ...string) func(*document) {
	return func(d *document) {
		text, line, ok := decode[string](d)
		if !ok {
			return
		}
		for _, layout := range layouts {
			if moment, err := time.Parse(layout, text); err == nil {
				l.published = moment.UTC()
				return
			}
		}
		l.problem(line, "%s is not a date such as %s", quote(text), layouts[0])
	}
}

// region checks the name of a region and returns it as a label's second half.
func (l *list) region(text string, line int) (region string, ok bool) {
	region = strings.ToLower(text)
	for _, r := range region {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			l.problem(line, "region %s: expected letters, digits and dashes", quote(text))
			return "", false
		}
	}
	if len(region) > 40 {
		l.problem(line, "region %s is longer than 40 characters", quote(text))
		return "", false
	}
	return region, true
}
