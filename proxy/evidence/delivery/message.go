package delivery

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/convert"
)

// message is one event for a sink.
type message struct {
	header header
	uid    string
	event  []byte // without a newline; not changed by sinks
}

// header is what sinks need of a record for their envelopes.
type header struct {
	Schema      string    `json:"schema"`
	Kind        string    `json:"kind"`
	Seq         uint64    `json:"seq"`
	Time        time.Time `json:"time"`
	ID          string    `json:"id"`
	Verdict     string    `json:"verdict"`
	Outcome     string    `json:"outcome"`
	Policy      string    `json:"policy"`
	Rule        string    `json:"rule"`
	Status      int       `json:"status"`
	Trace       string    `json:"trace"`
	Destination struct {
		Host    string `json:"host"`
		Port    uint16 `json:"port"`
		Country string `json:"country"`
	} `json:"destination"`
	Request struct {
		Method string `json:"method"`
	} `json:"request"`
}

// level is how much a message deserves attention.
type level uint8

const (
	routine  level = iota
	notable        // a flow was stopped
	alarming       // the log was damaged
)

func (h *header) level() level {
	switch {
	case h.Kind == evidence.KindRecovery || h.Kind == kindUnreadable:
		return alarming
	case h.Outcome == string(evidence.Blocked) || h.Outcome == string(evidence.Refused):
		return notable
	}
	return routine
}

// title is a word for what the message is about.
func (h *header) title() string {
	if h.Kind == evidence.KindFlow {
		return "flow"
	}
	return h.Kind
}

const kindUnreadable = "unreadable"

func sequenceOf(line []byte) (uint64, error) {
	var h header
	if err := json.Unmarshal(line, &h); err != nil {
		return 0, err
	}
	return h.Seq, nil
}

var errNoRecord = errors.New("not a record")

// messages returns what the entries become, the cursor behind them, and how many of them are records,
// are none, and are missing before one. Where native is true a record is sent as it stands; where plain is true too, without an envelope.
func messages(converter *convert.Converter, native, plain bool, entries []entry, seq uint64) (all []message, end Cursor, n counts, err error) {
	for _, e := range entries {
		end = e.end
		var h header
		var events [][]byte
		var err error
		bare := plain && h.readBare(e.line)
		if !bare {
			err = json.Unmarshal(e.line, &h)
		}
		switch {
		case err != nil:
		case h.Schema != evidence.Schema || h.Seq == 0 || (!bare && h.Time.IsZero()):
			err = errNoRecord
		case native: // the header's decoding has checked the whole line
			events = [][]byte{e.line[:len(e.line)-1]}
		default:
			events, err = converter.Events(e.line)
		}
		if err != nil {
			n.unreadable++
			h = header{Kind: kindUnreadable, Time: time.Now()}
			event, err := converter.Unreadable(e.begin.Segment, e.begin.Offset)
			if err != nil {
				return nil, end, n, err
			}
			uid := fmt.Sprintf("unreadable-%s-%d", strings.TrimSuffix(e.begin.Segment, ".jsonl"), e.begin.Offset)
			all = append(all, message{h, uid, event})
			seq++ // the line most likely was the next record
			continue
		}
		if seq > 0 && h.Seq > seq+1 {
			n.missing += h.Seq - seq - 1
		}
		seq = h.Seq
		n.records++
		uid := convert.UID(h.Kind, h.ID, h.Seq)
		for i, event := range events {
			if i > 0 {
				uid = fmt.Sprintf("%s-%d", uid, i+1)
			}
			all = append(all, message{h, uid, event})
		}
	}
	end.Seq = seq
	return all, end, n, nil
}

// bareStart is how the log begins each line.
var bareStart = []byte(`{"schema":"` + evidence.Schema + `","seq":`)

// readBare reads no more than the number of a line that begins as the log has it, which takes a third of
// the time. False: it has to be read as a whole.
func (h *header) readBare(line []byte) bool {
	rest, found := bytes.CutPrefix(line, bareStart)
	end := bytes.IndexByte(rest, ',')
	if !found || end < 1 || end > 19 || !json.Valid(line) {
		return false
	}
	seq, err := strconv.ParseUint(string(rest[:end]), 10, 64)
	if err != nil {
		return false
	}
	h.Schema, h.Seq = evidence.Schema, seq
	return true
}

type counts struct{ records, unreadable, missing uint64 }
