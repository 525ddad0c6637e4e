package convert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
)

// record is a line of the log as JSON has it. Numbers are json.Number, so that none loses a digit.
type record map[string]any

// kindUnreadable stands in for a line that is no record.
const kindUnreadable = "unreadable"

func decode(line []byte) (record, error) {
	if err := checkLine(line); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	var r record
	if err := decoder.Decode(&r); err != nil {
		return nil, errors.New("not a JSON object")
	}
	return r, nil
}

// checkLine holds a line to what every record has.
func checkLine(line []byte) error {
	var head struct {
		Schema string    `json:"schema"`
		Seq    uint64    `json:"seq"`
		Time   time.Time `json:"time"`
	}
	err := json.Unmarshal(line, &head)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("column %d: not JSON", syntax.Offset)
	case err != nil:
		return errors.New("not a JSON object with schema, seq and time")
	case head.Schema != evidence.Schema:
		return fmt.Errorf("not a record of schema %q", evidence.Schema)
	case head.Seq == 0:
		return errors.New("the sequence number is missing")
	case head.Time.IsZero():
		return errors.New("the time is missing")
	}
	return nil
}

func unreadable(segment string, offset int64) record {
	return record{
		"schema": evidence.Schema, "kind": kindUnreadable, "time": time.Now().UTC().Format(time.RFC3339Nano),
		"recovery": map[string]any{"segment": segment, "reason": "a line that is not a record", "offset": offset},
	}
}

// get returns the value at a path such as "destination.host", nil when there is none.
func (r record) get(path string) any {
	var value any = map[string]any(r)
	for key := range strings.SplitSeq(path, ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[key]
	}
	return value
}

func (r record) text(path string) string {
	text, _ := r.get(path).(string)
	return text
}

// number returns the whole number at path, 0 when there is none.
func (r record) number(path string) int64 { return whole(r.get(path)) }

func whole(value any) int64 {
	switch n := value.(type) {
	case int64:
		return n
	case json.Number:
		if i, err := n.Int64(); err == nil {
			return i
		}
		f, _ := n.Float64()
		return int64(f)
	}
	return 0
}

// UID identifies what a record is about once: a flow's outcome by the flow's id, its opening and what
// is not about a flow by names of their own. It is the same however often the record is delivered.
func UID(kind, id string, seq uint64) string {
	switch {
	case id == "" && kind == evidence.KindFlow:
		return fmt.Sprintf("flow-%d", seq)
	case id == "":
		return fmt.Sprintf("%s-%d", kind, seq)
	case kind != evidence.KindFlow:
		return id + "-" + kind
	}
	return id
}

func (r record) uid() string {
	return UID(r.text("kind"), r.text("id"), uint64(r.number("seq")))
}

// ofFlow is false for what the log says about itself.
func (r record) ofFlow() bool { return r.get("recovery") == nil }

func (r record) started() time.Time {
	at, _ := time.Parse(time.RFC3339Nano, r.text("time")) // checked by decode
	return at
}

func (r record) duration() time.Duration {
	n, _ := r.get("duration_ms").(json.Number)
	ms, _ := n.Float64()
	return time.Duration(ms * float64(time.Millisecond))
}

// categories returns the names of what was found, sorted, and how often.
func (r record) categories() (names []string, counts map[string]int64) {
	found, _ := r.get("data.categories").(map[string]any)
	counts = make(map[string]int64, len(found))
	for name, value := range found {
		category, _ := value.(map[string]any)
		counts[name] = whole(category["count"])
	}
	return sortedKeys(counts), counts
}

func trimNewline(line []byte) []byte { return bytes.TrimSuffix(line, []byte{'\n'}) }
