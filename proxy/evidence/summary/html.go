package summary

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"time"
)

//go:embed report.html
var page string

// WriteHTML writes the report as one page that needs nothing else: no script, no network, no font.
func (r *Report) WriteHTML(w io.Writer, language Language) error {
	words := language.words()
	view := &view{Report: r, words: words}
	t, err := template.New("report").Funcs(template.FuncMap{
		"say": words.say, "grouped": grouped, "groupedUnsigned": func(n uint64) string { return grouped(int64(n)) }, "moment": readable,
	}).Parse(page)
	if err == nil {
		err = t.Execute(w, view)
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// view is the report as the page shows it.
type view struct {
	*Report
	words words
}

// Charts draws the numbers.
func (v *view) Charts() []chart { return v.charts(v.words) }

// Limits says what the numbers do not say.
func (v *view) Limits() []string { return v.words.list("limit") }

// Proves reports whether there is a checkpoint to prove records against.
func (v *view) Proves() bool { return v.Log.proves() }

// Period is the period in words.
func (v *view) Period() string {
	return v.words.say("period", readable(v.Report.From), readable(v.Report.Until))
}

// tile is a number of the summary, with the table that it stands in.
type tile struct{ Name, Label, Value, Table string }

// Tiles are the numbers that a reader looks for first.
func (v *view) Tiles() []tile {
	var sent, people int64
	for _, row := range v.Table("mechanisms").all() {
		sent += row.Sent
		people += row.PeopleSum
	}
	places := make(map[string]bool)
	for _, row := range v.Table("jurisdictions").Rows {
		if country := row.Key[1]; country != "" {
			places[country] = true
		}
	}
	recipients := v.Table("recipients")
	tiles := []tile{
		{Name: "flows", Value: grouped(v.Read.Flows), Table: "outcomes"},
		{Name: "transfers", Value: grouped(recipients.Flows), Table: "register"},
		{Name: "blocked", Value: grouped(v.Table("blocked").Flows), Table: "blocked"},
		{Name: "refused", Value: grouped(v.Table("refused").Flows), Table: "refused"},
		{Name: "sent", Value: grouped(sent), Table: "mechanisms"},
		{Name: "people", Value: grouped(people), Table: "mechanisms"},
		{Name: "recipients", Value: grouped(int64(len(recipients.Rows) + recipients.Hidden)), Table: "recipients"},
		{Name: "jurisdictions", Value: grouped(int64(len(places))), Table: "jurisdictions"},
	}
	for i := range tiles {
		tiles[i].Label = v.words.say("tile." + tiles[i].Name)
	}
	return tiles
}

// cell is what stands in a row under a column.
type cell struct {
	Text    string
	Class   string // "number", "text", "long" or "time"
	Missing bool   // the record holds no such value
}

// Cells are those of a row, one for each of Headings.
func (v *view) Cells(t *Table, row *Row) []cell {
	var cells []cell
	for i, column := range t.Columns {
		c := cell{Class: class(column)}
		switch {
		case column.Name == readColumn:
			continue
		case column.Measure == First:
			c.Text = row.First.Format(dateOverTime)
		case column.Measure == Last:
			c.Text = row.Last.Format(dateOverTime)
		case column.Measure == Share:
			c.Text = strconv.FormatFloat(row.Share, 'f', 2, 64) + " %"
		case column.Measure != "":
			c.Text = grouped(row.number(column.Measure))
		case row.Key == nil && i == 0:
			c.Text = v.words.say("others", grouped(int64(t.Hidden)))
		case row.Key == nil:
		case row.Key[i] == "" && i+1 < len(t.Columns) && t.Columns[i+1].Name == readColumn:
			c.Text, c.Missing = v.words.value(readColumn, row.Key[i+1]), true
		default:
			c.Text, c.Missing = v.words.value(column.Name, row.Key[i]), row.Key[i] == ""
		}
		cells = append(cells, c)
	}
	return cells
}

// readColumn says how much was read of what has no category: the page shows it in the category's place.
const readColumn = "read"

const dateOverTime = "2006-01-02\n15:04:05"

func class(c Column) string {
	switch {
	case c.Measure == First || c.Measure == Last:
		return "time"
	case c.Measure != "":
		return "number"
	case c.Name == "host" || c.Name == "policy_hash" || c.Name == "exemption":
		return "long"
	}
	return "text"
}

// heading is the name of a column.
type heading struct{ Text, Class string }

// Headings are those of the columns that the page shows.
func (v *view) Headings(t *Table) (shown []heading) {
	for _, column := range t.Columns {
		if column.Name != readColumn {
			shown = append(shown, heading{v.words.say("column." + column.Name), class(column)})
		}
	}
	return shown
}

// All are the rows of a table with that of the others.
func (v *view) All(t *Table) []*Row { return t.all() }

// Numbers spells out the records of a row.
func (v *view) Numbers(row *Row) string {
	numbers := row.Records.ranges("–", ", ")
	if row.Records.Whole {
		return numbers
	}
	if numbers != "" {
		numbers += ", "
	}
	return numbers + v.words.say("behind.more", row.Records.Last)
}

// Behind says how many records a row counts.
func (v *view) Behind(row *Row) string {
	if row.Records.Count == 1 {
		return v.words.say("behind.one")
	}
	return v.words.say("behind.count", grouped(row.Records.Count))
}

// shownLaw is a law in words.
type shownLaw struct {
	Name, Title string
	Items       []shownItem
}

type shownItem struct {
	Asks, Answer, Remarks, Class string
	Tables                       []string
}

// Laws says what laws ask for, and what answers them.
func (v *view) Laws() (shown []shownLaw) {
	for _, l := range laws {
		s := shownLaw{Name: l.name, Title: v.words.say("law." + l.name)}
		for _, i := range l.items {
			prefix := "law." + l.name + "." + i.name
			s.Items = append(s.Items, shownItem{v.words.say(prefix + ".asks"), v.words.say("answer." + string(i.answer)),
				v.words.say(prefix + ".remarks"), string(i.answer), i.tables})
		}
		shown = append(shown, s)
	}
	return shown
}

// readable is a time to the second, or the date when it is the beginning of one.
func readable(t time.Time) string {
	t = t.UTC()
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.DateTime)
}

// grouped writes a number in groups of three digits, with a narrow space that does not break between
// them (ISO 80000-1): no language takes it for a decimal sign.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var out []byte
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			out = append(out, "\u202f"...)
		}
		out = append(out, digits[i])
	}
	return string(out)
}
