package summary

import (
	"cmp"
	"slices"
	"time"
)

// Table is the records of the period counted by something: recipients, rules, days.
type Table struct {
	Name    string    // e.g. "recipients"; stable
	Columns []Column  // by what, then how much
	Rows    []*Row    // the largest first, or in the order of time
	Others  *Row      // what is beyond the rows that are listed, summed; nil when there is none
	Hidden  int       // how many rows Others sums; of a table beyond any memory, at least so many
	Query   string    // lists all records that the table counts
	Flows   int64     // records that the table counts, each once
	order   []Measure // what rows are sorted by
}

// Column is a column of a table: what its records are counted by, or a measure.
type Column struct {
	Name    string // stable, e.g. "host", "bytes_sent"
	Measure Measure
}

// Measure is what is counted of a row's records.
type Measure string

// The measures. The zero value is none: the column is one that records are counted by.
const (
	Flows     Measure = "flows"      // records
	Sent      Measure = "bytes_sent" // bytes that really left
	Received  Measure = "bytes_received"
	Payload   Measure = "payload_bytes" // bytes of payload that were seen, before decompression
	PeopleSum Measure = "people_sum"    // people of each flow, summed: one who is in two flows counts twice
	PeopleMax Measure = "people_max"    // most people in one flow
	Findings  Measure = "findings"      // distinct findings of each flow, summed
	Share     Measure = "share"         // of all flows of the period, percent with two decimals
	First     Measure = "first"         // when the first of the flows began
	Last      Measure = "last"          // and the last
)

// maxKey is the most columns that a table counts by.
const maxKey = 8

// key is what a row counts: a value for each column.
type key [maxKey]string

// Row is one line of a table.
type Row struct {
	Key       []string // values of the columns that are no measures, in their order
	Flows     int64
	Sent      int64
	Received  int64
	Payload   int64
	PeopleSum int64
	PeopleMax int64
	Findings  int64
	Share     float64
	First     time.Time
	Last      time.Time
	Records   Records
	Query     string // lists exactly the records of this row; "" for Others
}

// Records are the numbers of the records that a row counts.
type Records struct {
	Count  int64      // how many
	First  uint64     // the lowest
	Last   uint64     // the highest
	Ranges []Sequence // the numbers, from the lowest; at most 24 ranges
	Whole  bool       // Ranges are all of them
}

// Sequence is numbers without a gap, both ends included.
type Sequence struct{ From, To uint64 }

const maxRanges = 24

func (r *Records) add(seq uint64) {
	r.Count++
	if r.Count == 1 {
		*r = Records{Count: 1, First: seq, Last: seq, Ranges: []Sequence{{seq, seq}}, Whole: true}
		return
	}
	r.First, r.Last = min(r.First, seq), max(r.Last, seq)
	switch last := &r.Ranges[len(r.Ranges)-1]; {
	case !r.Whole:
	case seq == last.To+1:
		last.To = seq
	case len(r.Ranges) < maxRanges:
		r.Ranges = append(r.Ranges, Sequence{seq, seq})
	default:
		r.Whole = false
	}
}

// join adds what another row counts. Records may be in both.
func (r *Row) join(other *Row) {
	if r.Flows == 0 || other.First.Before(r.First) {
		r.First = other.First
	}
	if other.Last.After(r.Last) {
		r.Last = other.Last
	}
	if r.Records.Count == 0 {
		r.Records.First = other.Records.First
	}
	r.Records.First = min(r.Records.First, other.Records.First)
	r.Records.Last = max(r.Records.Last, other.Records.Last)
	r.Records.Count += other.Records.Count
	r.Flows += other.Flows
	r.Sent += other.Sent
	r.Received += other.Received
	r.Payload += other.Payload
	r.PeopleSum += other.PeopleSum
	r.PeopleMax = max(r.PeopleMax, other.PeopleMax)
	r.Findings += other.Findings
}

func (r *Row) add(f *fact, findings int64) {
	if r.Flows == 0 || f.Time.Before(r.First) {
		r.First = f.Time
	}
	if f.Time.After(r.Last) {
		r.Last = f.Time
	}
	r.Flows++
	r.Sent += f.Bytes.Sent
	r.Received += f.Bytes.Received
	r.Payload += f.Data.Bytes
	r.PeopleSum += f.Data.Subjects
	r.PeopleMax = max(r.PeopleMax, f.Data.Subjects)
	r.Findings += findings
	r.Records.add(f.Seq)
}

// number returns a measure that is a whole number.
func (r *Row) number(m Measure) int64 {
	switch m {
	case Flows:
		return r.Flows
	case Sent:
		return r.Sent
	case Received:
		return r.Received
	case Payload:
		return r.Payload
	case PeopleSum:
		return r.PeopleSum
	case PeopleMax:
		return r.PeopleMax
	case Findings:
		return r.Findings
	}
	return 0
}

// sort puts the largest rows first, or the earliest.
func (t *Table) sort() {
	slices.SortFunc(t.Rows, func(a, b *Row) int {
		for _, m := range t.order {
			if m == First {
				if c := a.First.Compare(b.First); c != 0 {
					return c
				}
			} else if c := cmp.Compare(b.number(m), a.number(m)); c != 0 {
				return c
			}
		}
		return slices.Compare(a.Key, b.Key)
	})
}

// cut sums what is beyond the first rows.
func (t *Table) cut(rows int) {
	if len(t.Rows) <= rows {
		return
	}
	if t.Others == nil {
		t.Others = new(Row)
	}
	for _, row := range t.Rows[rows:] {
		t.Others.join(row)
		t.Hidden++
	}
	t.Rows = t.Rows[:rows:rows]
}
