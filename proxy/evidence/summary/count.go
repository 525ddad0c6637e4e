package summary

import (
	"math"
	"sync"
)

// count is one run over the log.
type count struct {
	report *Report
	rows   int
	tally  []*tally
	chunks sync.Pool // that were counted
}

// tally counts for one table.
type tally struct {
	plan   *plan
	table  *Table
	rows   map[key]*Row
	others *Row  // beyond MaxRows
	last   int64 // number of the last flow that was counted, for Table.Flows
	flow   int64

	day       string // the last that was asked for
	dayNumber int64  // since 1970
}

func newCount(r *Report, rows int) *count {
	c := &count{report: r, rows: rows}
	for i := range plans {
		p := &plans[i]
		t := &tally{plan: p, rows: make(map[key]*Row), table: &Table{Name: p.name, order: p.order}}
		for _, by := range p.by {
			t.table.Columns = append(t.table.Columns, Column{Name: by})
		}
		for _, m := range p.measures {
			t.table.Columns = append(t.table.Columns, Column{string(m), m})
		}
		c.tally = append(c.tally, t)
		r.Tables = append(r.Tables, t.table)
	}
	return c
}

func (c *count) add(chunk *chunk) {
	read := &c.report.Read
	c.report.Log.NotCounted += uint64(chunk.behind)
	read.Openings += chunk.open
	read.Unreadable += chunk.odd
	for i := range chunk.facts {
		f := &chunk.facts[i]
		read.Flows++
		if f.Truncated {
			read.Truncated++
		}
		for _, t := range c.tally {
			t.flow = read.Flows
			t.plan.count(t, f)
		}
	}
}

// add counts a flow in the row of k. A table counts a flow in several rows where it has several of what
// the table counts by.
func (t *tally) add(k key, f *fact, findings int64) {
	if t.last != t.flow {
		t.last = t.flow
		t.table.Flows++
	}
	row := t.rows[k]
	switch {
	case row != nil:
	case len(t.rows) < MaxRows:
		row = new(Row)
		t.rows[k] = row
	case t.others == nil:
		t.others = new(Row)
		fallthrough
	default:
		row = t.others
	}
	row.add(f, findings)
}

// finish turns what was counted into rows.
func (c *count) finish() {
	scope := c.report.scope()
	for _, t := range c.tally {
		t.table.Query = scope + and(t.plan.counted)
		for k, row := range t.rows {
			row.Key = append([]string(nil), k[:len(t.plan.by)]...)
			t.table.Rows = append(t.table.Rows, row)
		}
		if t.table.sort(); t.others != nil {
			t.table.Others = t.others
			t.table.Hidden = 1
		}
		if !t.plan.whole {
			t.table.cut(c.rows)
		}
		for _, row := range t.table.Rows {
			row.Query = t.table.Query + and(t.plan.query(key(append(row.Key, make([]string, maxKey-len(row.Key))...))))
		}
		for _, row := range t.table.all() {
			row.Share = percent(row.Flows, c.report.Read.Flows)
		}
	}
}

// all returns the rows, with the one of the others if there is one.
func (t *Table) all() []*Row {
	if t.Others == nil {
		return t.Rows
	}
	return append(t.Rows[:len(t.Rows):len(t.Rows)], t.Others)
}

func percent(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return math.Round(float64(part)/float64(whole)*10_000) / 100
}
