package summary

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// WriteCSV writes one table, with a heading of the columns' stable names. Behind the measures stand the
// numbers of the records, the query that lists them, and the checkpoint that they can be proved against.
func (r *Report) WriteCSV(w io.Writer, t *Table) error {
	out := csv.NewWriter(w)
	heading := make([]string, 0, len(t.Columns)+8)
	for _, column := range t.Columns {
		heading = append(heading, column.Name)
	}
	heading = append(heading, "records", "first_record", "last_record", "record_numbers", "all_numbers", "query",
		"checkpoint_origin", "checkpoint_size", "checkpoint_root")
	rows := [][]string{heading}
	for _, row := range t.all() {
		rows = append(rows, r.csvRow(t, row))
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("write table %s: %w", t.Name, err)
	}
	return nil
}

func (r *Report) csvRow(t *Table, row *Row) []string {
	var cells []string
	for i, column := range t.Columns {
		switch {
		case column.Measure == "" && row.Key == nil && i == 0:
			cells = append(cells, fmt.Sprintf("(others: %d rows)", t.Hidden))
		case column.Measure == "" && row.Key == nil:
			cells = append(cells, "")
		case column.Measure == "":
			cells = append(cells, inert(row.Key[i]))
		case column.Measure == First:
			cells = append(cells, row.First.Format(time.RFC3339Nano))
		case column.Measure == Last:
			cells = append(cells, row.Last.Format(time.RFC3339Nano))
		case column.Measure == Share:
			cells = append(cells, strconv.FormatFloat(row.Share, 'f', 2, 64))
		default:
			cells = append(cells, strconv.FormatInt(row.number(column.Measure), 10))
		}
	}
	n := &row.Records
	return append(cells, strconv.FormatInt(n.Count, 10), strconv.FormatUint(n.First, 10), strconv.FormatUint(n.Last, 10),
		n.ranges("-", " "), strconv.FormatBool(n.Whole), row.Query, inert(r.Log.Origin), strconv.FormatUint(r.Log.Size, 10), inert(r.Log.Root))
}

// inert keeps a spreadsheet from taking a text for a formula: destinations choose their names.
func inert(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// ranges spells the numbers out.
func (r *Records) ranges(to, between string) string {
	var b strings.Builder
	for i, s := range r.Ranges {
		if i > 0 {
			b.WriteString(between)
		}
		b.WriteString(strconv.FormatUint(s.From, 10))
		if s.To > s.From {
			b.WriteString(to)
			b.WriteString(strconv.FormatUint(s.To, 10))
		}
	}
	return b.String()
}
