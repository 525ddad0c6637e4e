package summary

import (
	"cmp"
	"slices"
	"strings"
)

// chart is a drawing of bars. Lengths are in units of the drawing, which is chartWidth wide.
type chart struct {
	ID, Title string
	Source    *Table // whose numbers it shows
	Height    int
	Columns   []bar    // upright, in stacks
	Bars      []bar    // lying, one under the other
	Legend    []legend // of Columns
	Scale     string   // what the full height of Columns means
	Axis      []label  // under Columns
}

type bar struct {
	Class               string
	X, Y, Width, Height float64
	Label, Value        string // in words
	TextY               float64
}

type legend struct{ Class, Label string }

type label struct {
	X    float64
	Text string
}

const (
	chartWidth   = 640
	labelWidth   = 200.0
	valueWidth   = 120.0
	columnHeight = 150.0
	lineHeight   = 24.0
	mostBars     = 10
	mostDays     = 92 // more are summed by month
)

// Width is that of the drawing.
func (c *chart) Width() int { return chartWidth }

// charts draws the report's numbers.
func (r *Report) charts(w words) []chart {
	return []chart{
		r.verdictsByDay(w),
		lying(w, "jurisdictions", r.Table("jurisdictions"), 1, Sent),
		lying(w, "categories", r.Table("categories"), 0, Flows),
		lying(w, "people", r.Table("recipients"), 0, PeopleSum),
	}
}

var verdicts = [...]string{"allow", "block", ""}

// verdictsByDay stacks the flows of each day, or month, by verdict.
func (r *Report) verdictsByDay(w words) chart {
	table := r.Table("days")
	c := chart{ID: "days", Title: w.say("chart.days"), Source: table, Height: int(columnHeight) + 30}
	length := len("2006-01-02")
	if r.Until.Sub(r.From).Hours() > 24*mostDays {
		length = len("2006-01")
		c.Title = w.say("chart.months")
	}
	counted := make(map[string][len(verdicts)]int64)
	var names []string
	for day := r.From; day.Before(r.Until) && len(names) < 2000; day = day.AddDate(0, 0, 1) {
		if name := day.Format("2006-01-02")[:length]; len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
	}
	if last := r.Until.Add(-1).Format("2006-01-02")[:length]; names[len(names)-1] < last {
		names = append(names, last)
	}
	var most int64
	for _, row := range table.Rows {
		name := row.Key[0][:min(length, len(row.Key[0]))]
		of := counted[name]
		of[max(0, slices.Index(verdicts[:], row.Key[1]))] += row.Flows
		counted[name] = of
		most = max(most, of[0]+of[1]+of[2])
	}
	if most == 0 {
		return c
	}
	step := float64(chartWidth) / float64(len(names))
	for i, name := range names {
		y := columnHeight
		for v, n := range counted[name] {
			if n == 0 {
				continue
			}
			height := max(1, float64(n)/float64(most)*(columnHeight-10))
			y -= height
			c.Columns = append(c.Columns, bar{Class: verdictClass(verdicts[v]), X: float64(i)*step + step*0.1, Y: y, Width: step * 0.8, Height: height,
				Label: name + " " + w.value("verdict", verdicts[v]), Value: grouped(n)})
		}
		if every := max(1, (len(names)+5)/6); i%every == 0 && float64(i)*step < chartWidth-80 {
			c.Axis = append(c.Axis, label{float64(i)*step + step*0.1, name})
		}
	}
	for _, v := range verdicts {
		c.Legend = append(c.Legend, legend{verdictClass(v), w.value("verdict", v)})
	}
	c.Scale = w.say("scale", grouped(most))
	return c
}

func verdictClass(verdict string) string {
	if verdict == "" {
		return "none"
	}
	return verdict
}

// lying draws the largest values of one column of a table, rows of the same value summed.
func lying(w words, name string, table *Table, column int, measure Measure) chart {
	c := chart{ID: name, Title: w.say("chart." + name), Source: table}
	type item struct {
		label string
		n     int64
	}
	sums := make(map[string]int64)
	var rest int64
	for _, row := range table.all() {
		switch {
		case row.Key == nil:
			rest += row.number(measure)
		case table.Columns[column].Name == "category" && row.Key[column] == "":
			sums[w.value("read", row.Key[column+1])] += row.number(measure)
		default:
			sums[w.value(table.Columns[column].Name, row.Key[column])] += row.number(measure)
		}
	}
	var items []item
	for label, n := range sums {
		if n > 0 {
			items = append(items, item{label, n})
		}
	}
	slices.SortFunc(items, func(a, b item) int {
		return cmp.Or(cmp.Compare(b.n, a.n), strings.Compare(a.label, b.label))
	})
	for _, i := range items[min(mostBars, len(items)):] {
		rest += i.n
	}
	items = items[:min(mostBars, len(items))]
	if rest > 0 {
		items = append(items, item{w.say("chart.rest"), rest})
	}
	var most int64
	for _, i := range items {
		most = max(most, i.n)
	}
	for n, i := range items {
		y := float64(n) * lineHeight
		c.Bars = append(c.Bars, bar{Class: "bar", X: labelWidth, Y: y + 4, Height: lineHeight - 8, TextY: y + lineHeight - 7,
			Width: max(1, float64(i.n)/float64(most)*(chartWidth-labelWidth-valueWidth)), Label: i.label, Value: grouped(i.n)})
	}
	c.Height = int(lineHeight) * max(1, len(items))
	return c
}

// Short returns the bar's label so that it fits before the bar.
func (b bar) Short() string {
	const most = 23
	width := 0
	for i, c := range b.Label {
		if c > 0x2e80 { // as wide as two letters
			width++
		}
		if width++; width > most {
			return b.Label[:i] + "…"
		}
	}
	return b.Label
}

// ValueX is where the value stands.
func (b bar) ValueX() float64 { return b.X + b.Width + 6 }
