package summary

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// WriteJSON writes the report as one JSON object, with what laws ask for in the words of the language.
func (r *Report) WriteJSON(w io.Writer, language Language) error {
	type item struct {
		Item    string   `json:"item"`
		Asks    string   `json:"asks"`
		Answer  string   `json:"answer"` // yes, partly or no
		Tables  []string `json:"tables"`
		Remarks string   `json:"remarks"`
	}
	type law struct {
		Law   string `json:"law"`
		Title string `json:"title"`
		Items []item `json:"items"`
	}
	words := language.words()
	answer := struct {
		Schema   string    `json:"schema"`
		Language Language  `json:"language"`
		From     time.Time `json:"from"`
		Until    time.Time `json:"until"` // not part of the period
		Log      Integrity `json:"log"`
		Read     Reading   `json:"read"`
		Tables   []*Table  `json:"tables"`
		Laws     []law     `json:"laws"`
		Limits   []string  `json:"limits"` // what the numbers do not say
	}{Schema, language, r.From, r.Until, r.Log, r.Read, r.Tables, nil, words.list("limit")}
	for _, l := range laws {
		shown := law{Law: l.name, Title: words.say("law." + l.name)}
		for _, i := range l.items {
			prefix := "law." + l.name + "." + i.name
			shown.Items = append(shown.Items, item{i.name, words.say(prefix + ".asks"), string(i.answer), append([]string{}, i.tables...), words.say(prefix + ".remarks")})
		}
		answer.Laws = append(answer.Laws, shown)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(answer); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// MarshalJSON writes rows as objects by the names of the columns.
func (t *Table) MarshalJSON() ([]byte, error) {
	rows := make([]json.RawMessage, 0, len(t.Rows))
	for _, row := range t.Rows {
		rows = append(rows, t.rowJSON(row))
	}
	type others struct {
		Rows int             `json:"rows"` // how many rows are summed; beyond 50,000, at least so many
		Sum  json.RawMessage `json:"sum"`
	}
	table := struct {
		Name   string            `json:"name"`
		Query  string            `json:"query"` // lists all records that the table counts
		Flows  int64             `json:"flows"` // of them, each once
		Rows   []json.RawMessage `json:"rows"`
		Others *others           `json:"others,omitempty"`
	}{Name: t.Name, Query: t.Query, Flows: t.Flows, Rows: rows}
	if t.Others != nil {
		table.Others = &others{t.Hidden, t.rowJSON(t.Others)}
	}
	return marshal(table), nil
}

func (t *Table) rowJSON(row *Row) json.RawMessage {
	b := []byte{'{'}
	member := func(name string, value any) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(b, marshal(name)...), ':')
		b = append(b, marshal(value)...)
	}
	for i, column := range t.Columns {
		switch column.Measure {
		case "":
			if row.Key != nil {
				member(column.Name, row.Key[i])
			}
		case First:
			member(column.Name, row.First)
		case Last:
			member(column.Name, row.Last)
		case Share:
			member(column.Name, row.Share)
		default:
			member(column.Name, row.number(column.Measure))
		}
	}
	member("records", row.Records)
	if row.Query != "" {
		member("query", row.Query)
	}
	return append(b, '}')
}

// MarshalJSON writes ranges as lists of two numbers.
func (r Records) MarshalJSON() ([]byte, error) {
	ranges := make([][2]uint64, 0, len(r.Ranges))
	for _, s := range r.Ranges {
		ranges = append(ranges, [2]uint64{s.From, s.To})
	}
	return marshal(struct {
		Count  int64       `json:"count"`
		First  uint64      `json:"first"`
		Last   uint64      `json:"last"`
		Ranges [][2]uint64 `json:"ranges"`
		Whole  bool        `json:"whole"` // the ranges are all of them
	}{r.Count, r.First, r.Last, ranges, r.Whole}), nil
}

// marshal encodes what cannot fail: texts, numbers, times, and structures of them.
func marshal(value any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return []byte("null")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}
