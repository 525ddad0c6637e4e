package summary

import (
	"strconv"
	"strings"
	"time"
)

// The queries are conditions over records, as "borderflow evidence query" takes them: CEL over the
// record's keys, in which what was left out is empty, zero or false.

// scope is the condition for the flows that the report counts.
func (r *Report) scope() string {
	scope := `kind == "" && time >= ` + moment(r.From) + ` && time < ` + moment(r.Until)
	if r.Log.proves() {
		scope += " && seq <= " + strconv.FormatUint(r.Log.Size, 10)
	}
	return scope
}

func moment(t time.Time) string { return `timestamp("` + t.UTC().Format(time.RFC3339Nano) + `")` }

// during is the condition for a day, 2006-01-02.
func during(day string) string {
	from, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return "false"
	}
	return "time >= " + moment(from) + " && time < " + moment(from.AddDate(0, 0, 1))
}

func and(condition string) string {
	if condition == "" {
		return ""
	}
	return " && " + condition
}

func is(name, value string) string { return name + " == " + quote(value) }

// fields is the condition that each of names has its value of the key.
func fields(names ...string) func(key) string {
	return func(k key) string {
		conditions := make([]string, len(names))
		for i, name := range names {
			conditions[i] = is(name, k[i])
		}
		return strings.Join(conditions, " && ")
	}
}

// ofCategory is the condition for flows with data of a category, or for flows without any.
func ofCategory(name, read string) string {
	if name != "" {
		return quote(name) + " in data.categories"
	}
	return "size(data.categories) == 0 && " + is("data.inspected", read)
}

// quote returns value as a literal of CEL.
func quote(value string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range value {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c < ' ' || c == 0x7f:
			b.WriteString(`\u00`)
			b.WriteByte("0123456789abcdef"[c>>4])
			b.WriteByte("0123456789abcdef"[c&15])
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
