package evidence

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"time"

	"github.com/borderflow/borderflow/rules/flow"
)

// LineError says which line of a segment is not a record, and where in it the mistake stands.
type LineError struct {
	Line   int // from 1
	Column int // byte of the line, from 1; 0 when the mistake is the line as a whole
	Err    error
}

func (e *LineError) Error() string {
	if e.Column == 0 {
		return fmt.Sprintf("line %d: %v", e.Line, e.Err)
	}
	return fmt.Sprintf("line %d, column %d: %v", e.Line, e.Column, e.Err)
}

func (e *LineError) Unwrap() error { return e.Err }

var (
	// ErrTorn marks a last line without its newline: the write of it did not come to its end.
	ErrTorn = errors.New("the line has no end")
	// ErrNotCanonical marks a line that means a record but is not what borderflow writes: keys in
	// another order or twice, spaces, another spelling of a time, a text beyond its bound.
	ErrNotCanonical = errors.New("not as borderflow writes it")
)

// Read reads records until the end of r, one per line. It yields a *LineError for a line that is
// not exactly what a Log writes and goes on behind it, or ends after an error of r itself.
func Read(r io.Reader) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		lines := bufio.NewReaderSize(r, 64<<10)
		for number := 1; ; number++ {
			text, err := readLine(lines)
			if err == io.EOF && len(text) == 0 {
				return
			}
			var record *Record
			switch {
			case err == nil:
				record, err = parse(text)
			case err == io.EOF:
				err = ErrTorn
			case !errors.Is(err, errTooLong):
				yield(nil, fmt.Errorf("read line %d: %w", number, err))
				return
			}
			if err != nil {
				record, err = nil, atLine(number, err)
			}
			if !yield(record, err) {
				return
			}
		}
	}
}

// Parse reads one line, with or without its newline.
func Parse(text []byte) (*Record, error) {
	record, err := parse(bytes.TrimSuffix(text, []byte{'\n'}))
	if err != nil {
		return nil, atLine(1, err)
	}
	return record, nil
}

var errTooLong = fmt.Errorf("longer than %d bytes", MaxLine)

// readLine returns the next line without its newline, io.EOF when there is none at its end. A line
// that is too long is skipped to its end.
func readLine(r *bufio.Reader) ([]byte, error) {
	var long []byte
	for {
		part, err := r.ReadSlice('\n')
		if err == nil && long == nil {
			return part[:len(part)-1], nil
		}
		if len(long)+len(part) > MaxLine {
			for err == bufio.ErrBufferFull {
				_, err = r.ReadSlice('\n')
			}
			if err != nil && err != io.EOF {
				return nil, err
			}
			return nil, errTooLong
		}
		long = append(long, part...)
		switch err {
		case nil:
			return long[:len(long)-1], nil
		case bufio.ErrBufferFull:
		default:
			return long, err
		}
	}
}

func atLine(number int, err error) *LineError {
	var at *columnError
	if errors.As(err, &at) {
		return &LineError{Line: number, Column: at.column, Err: at.err}
	}
	return &LineError{Line: number, Err: err}
}

type columnError struct {
	column int
	err    error
}

func (e *columnError) Error() string { return e.err.Error() }

// wireRecord is a line as encoding/json reads it: the record and what stands differently on disk.
type wireRecord struct {
	Schema string `json:"schema"`
	*plainRecord
	Duration float64     `json:"duration_ms"` // milliseconds
	Timings  wireTimings `json:"timings"`
}

type wireTimings struct {
	Decided   float64 `json:"decided_ms"`
	Connected float64 `json:"connected_ms"`
	Answered  float64 `json:"answered_ms"`
}

func fromMilliseconds(ms float64) time.Duration {
	return time.Duration(math.Round(ms*1000)) * time.Microsecond
}

type plainRecord Record

// parse accepts exactly the lines that a Log writes: after decoding, the record is encoded again
// and must give the same bytes. encoding/json alone lets pass what would be read in two ways:
// duplicate keys, keys in another case, a field left out.
func parse(text []byte) (*Record, error) {
	record := new(Record)
	wire := wireRecord{plainRecord: (*plainRecord)(record)}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&wire); err != nil {
		return nil, decodeError(err, len(text))
	}
	if wire.Schema != Schema {
		return nil, fmt.Errorf("schema %q is not %q", bounded(wire.Schema, maxToken), Schema)
	}
	record.Duration = fromMilliseconds(wire.Duration)
	record.Timings = Timings{
		Decided:   fromMilliseconds(wire.Timings.Decided),
		Connected: fromMilliseconds(wire.Timings.Connected),
		Answered:  fromMilliseconds(wire.Timings.Answered),
	}
	if err := record.check(); err != nil {
		return nil, err
	}
	encoded := encode(record, nil)
	defer release(encoded)
	again := appendHead(make([]byte, 0, len(text)+1), record.Seq)
	again = append(again, (*encoded)[1:len(*encoded)-1]...)
	if !bytes.Equal(text, again) {
		return nil, &columnError{firstDifference(text, again) + 1, ErrNotCanonical}
	}
	return record, nil
}

// check holds the record to what every record has.
func (r *Record) check() error {
	switch {
	case r.Seq == 0:
		return errors.New("the sequence number is missing")
	case r.Time.IsZero():
		return errors.New("the time is missing")
	case r.Kind == KindRecovery:
		if r.Recovery == nil {
			return errors.New("a recovery record without its recovery")
		}
		return nil
	case r.Kind != KindFlow && r.Kind != KindOpening:
		return fmt.Errorf("unknown kind %q", bounded(r.Kind, maxToken))
	}
	switch r.Verdict {
	case "", flow.Allow.String(), flow.Block.String(), flow.Undecided.String():
	default:
		return fmt.Errorf("unknown verdict %q", bounded(r.Verdict, maxToken))
	}
	if r.Kind == KindOpening {
		if r.Outcome != "" {
			return errors.New("an opening record with an outcome")
		}
		return nil
	}
	switch r.Outcome {
	case Completed, Blocked, Refused, Failed, Aborted, Redecided:
		return nil
	}
	return fmt.Errorf("unknown outcome %q", bounded(string(r.Outcome), maxToken))
}

func decodeError(err error, length int) error {
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return &columnError{int(syntax.Offset), err}
	case errors.As(err, &mismatch):
		return &columnError{int(mismatch.Offset), fmt.Errorf("%s: a %s where a %s belongs", mismatch.Field, mismatch.Value, mismatch.Type)}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &columnError{length, errors.New("the object has no end")}
	}
	return err
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
