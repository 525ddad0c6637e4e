package query

import (
	"fmt"
	"strings"
)

// Columns are fields of records, to be shown side by side.
type Columns struct {
	fields []*field
	paths  []string
}

// DefaultColumns are those of a table, when none are asked for.
const DefaultColumns = "seq,time,verdict,destination.host,destination.country,policy,rule,outcome,bytes.sent"

// ParseColumns reads a list of paths with commas between, e.g. "seq,destination.host".
func ParseColumns(text string) (Columns, error) {
	var c Columns
	var mistakes []string
	for _, path := range strings.Split(text, ",") {
		path = strings.TrimSpace(path)
		at := record
		for _, name := range strings.Split(path, ".") {
			next := at.child(name)
			if next == nil || at.kind != objectKind {
				owner := "a record"
				if at != record {
					owner = at.path
				}
				mistakes = append(mistakes, fmt.Sprintf("%q: %s has no field %q (%s)", path, owner, name, nearest(name, at.names())))
				at = nil
				break
			}
			at = next
		}
		if at != nil {
			c.fields, c.paths = append(c.fields, at), append(c.paths, path)
		}
	}
	if len(mistakes) > 0 {
		return Columns{}, fmt.Errorf("fields: %s", strings.Join(mistakes, "; "))
	}
	return c, nil
}

// Paths are the names of the columns.
func (c Columns) Paths() []string { return c.paths }

// raw returns the bytes of each column, nil for what the line leaves out.
func (c Columns) raw(line []byte) ([][]byte, error) {
	values := make([][]byte, len(c.fields))
	for i := range c.fields {
		value := line
		for _, name := range strings.Split(c.paths[i], ".") {
			var err error
			if value, err = (&object{field: record, raw: value}).member(name); err != nil {
				return nil, err
			}
		}
		values[i] = value
	}
	return values, nil
}

// Texts returns the values of a line as texts: "" for what it leaves out, JSON for lists and objects.
func (c Columns) Texts(line []byte) ([]string, error) {
	raw, err := c.raw(line)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(raw))
	for i, value := range raw {
		texts[i] = string(value)
		if len(value) > 0 && value[0] == '"' {
			if texts[i], err = stringOf(value); err != nil {
				return nil, err
			}
		}
	}
	return texts, nil
}

// JSON returns the values of a line as one object, by path. What the line leaves out is left out.
func (c Columns) JSON(line []byte) ([]byte, error) {
	raw, err := c.raw(line)
	if err != nil {
		return nil, err
	}
	text := []byte{'{'}
	for i, value := range raw {
		if value == nil {
			continue
		}
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(append(text, '"'), c.paths[i]...)
		text = append(append(text, '"', ':'), value...)
	}
	return append(text, '}'), nil
}
