// Package convert says a record in the words of others: OCSF 1.5.0, ECS 8.17 and CEF 0.
//
// Each target is a table (ocsf.go, ecs.go, cef.go) whose rows read "our field, their field, what is
// done to the value on the way": to see where something goes, look there. What a target has no
// field for is kept in the place that it has for such things (unmapped, borderflow.*), so that no
// format says less than another, except CEF, which is flat and short. Hashes of identifiers stay the
// hashes they are; nothing is looked up or added that is not in the record.
//
// A record may become more than one event: OCSF has a class for the flow (HTTP Activity) and one for
// what was found in it (Data Security Finding), which a blocked flow with protected data gets too.
//
//	converter, err := convert.New("ocsf", convert.Producer{Version: "1.2.0"})
//	events, err := converter.Events(line) // one line of the log, with or without its newline
//
// It leaves reading the log and checking it to package evidence, and sending to package delivery.
package convert

import (
	"fmt"
	"strings"

	"github.com/borderflow/borderflow/rules/document"
)

// Formats are the names that New knows; "native" is the record as it stands in the log.
func Formats() []string { return []string{"native", "ocsf", "ecs", "cef"} }

// Producer is what events say of the process they come from.
type Producer struct {
	Version  string // of borderflow; "" is said as "unknown"
	Hostname string // of this machine; left out when ""
}

// Converter turns records into events of one format. It may be used from any goroutine.
type Converter struct {
	format   string
	producer Producer
}

// New returns the converter for one of Formats.
func New(format string, producer Producer) (*Converter, error) {
	for _, known := range Formats() {
		if format == known {
			if producer.Version == "" {
				producer.Version = "unknown"
			}
			return &Converter{format, producer}, nil
		}
	}
	message := fmt.Sprintf("unknown format %q: expected %s", format, strings.Join(Formats(), ", "))
	if nearest, ok := document.Nearest(format, Formats()); ok {
		message += fmt.Sprintf(" (did you mean %q?)", nearest)
	}
	return nil, fmt.Errorf("%s", message)
}

// Events returns what a line of the log becomes, one event a slice, none with a newline. The error is
// about the line's form and never repeats its text. The line itself is not kept, except by "native",
// whose event is the line.
func (c *Converter) Events(line []byte) ([][]byte, error) {
	line = trimNewline(line)
	if c.format == "native" {
		if err := checkLine(line); err != nil {
			return nil, err
		}
		return [][]byte{line}, nil
	}
	r, err := decode(line)
	if err != nil {
		return nil, err
	}
	return c.events(r)
}

// Unreadable returns an event that stands in for a line that is no record, so that whoever receives
// events sees that one is missing. It says where the line begins: segment by name, offset in bytes.
func (c *Converter) Unreadable(segment string, offset int64) ([]byte, error) {
	r := unreadable(segment, offset)
	if c.format == "native" {
		return marshal(r)
	}
	events, err := c.events(r)
	if err != nil {
		return nil, err
	}
	return events[0], nil
}

func (c *Converter) events(r record) ([][]byte, error) {
	if c.format == "cef" {
		return [][]byte{c.cef(r)}, nil
	}
	var trees []map[string]any
	if c.format == "ocsf" {
		trees = c.ocsf(r)
	} else {
		trees = append(trees, c.ecs(r))
	}
	events := make([][]byte, 0, len(trees))
	for _, tree := range trees {
		event, err := marshal(tree)
		if err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	return events, nil
}
