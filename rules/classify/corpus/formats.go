package corpus

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"net/url"
	"strings"
)

// field is a name, in words, and a value.
type field struct {
	words, value string
	number       bool // written without quotes where the format can tell
}

// format writes records that all have the same names.
type format struct {
	name, contentType string
	write             func(s *source, style func(string) string, records [][]field) string
}

func formats() []format {
	return []format{
		{"json/object", "application/json", writeObject},
		{"json/nested", "application/json", writeNested},
		{"json/records", "application/json", writeArray},
		{"ndjson", "application/x-ndjson", writeLines},
		{"csv", "text/csv", func(s *source, style func(string) string, r [][]field) string { return writeTable(style, r, ',') }},
		{"tsv", "text/tab-separated-values", func(s *source, style func(string) string, r [][]field) string { return writeTable(style, r, '\t') }},
		{"form", "application/x-www-form-urlencoded", writeForm},
		{"xml", "application/xml", writeXML},
		{"yaml", "application/yaml", writeYAML},
		{"log", "text/plain", writeLog},
		{"sql", "application/sql", writeSQL},
		{"mail", "message/rfc822", writeMail},
	}
}

// styles are the manners in which names are spelt.
func styles() []func(string) string {
	joined := func(separator string, each func(i int, word string) string) func(string) string {
		return func(words string) string {
			parts := strings.Fields(strings.NewReplacer("-", " ", "'", " ").Replace(words))
			for i := range parts {
				parts[i] = each(i, parts[i])
			}
			return strings.Join(parts, separator)
		}
	}
	lower := func(_ int, word string) string { return strings.ToLower(word) }
	capital := func(_ int, word string) string { return capitalised(word) }
	return []func(string) string{
		joined("_", lower), joined("_", lower), joined("-", lower), joined("", capital), joined(" ", capital),
		joined("", func(i int, word string) string {
			if i == 0 {
				return strings.ToLower(word)
			}
			return capitalised(word)
		}),
		joined("_", func(_ int, word string) string { return strings.ToUpper(word) }),
	}
}

func capitalised(word string) string {
	if word == "" || word[0] >= 0x80 {
		return word
	}
	return strings.ToUpper(word[:1]) + word[1:]
}

func quote(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		return `""` // strings always encode
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (f field) json() string {
	if f.number {
		return f.value
	}
	return quote(f.value)
}

func members(style func(string) string, record []field, colon, comma string) string {
	var out []string
	for _, f := range record {
		out = append(out, quote(style(f.words))+colon+f.json())
	}
	return strings.Join(out, comma)
}

func writeObject(s *source, style func(string) string, records [][]field) string {
	if s.chance(50) {
		return "{" + members(style, records[0], ":", ",") + "}"
	}
	return "{\n  " + members(style, records[0], ": ", ",\n  ") + "\n}\n"
}

func writeNested(s *source, style func(string) string, records [][]field) string {
	half := len(records[0]) / 2
	return `{"` + s.one("data|payload|request|event") + `": {"` + s.one("customer|profile|attributes|person") + `": {` + members(style, records[0][:half], ": ", ", ") +
		`}, "` + s.one("details|body|extra") + `": {` + members(style, records[0][half:], ": ", ", ") + `}}, "ok": true}`
}

func writeArray(s *source, style func(string) string, records [][]field) string {
	var rows []string
	for _, r := range records {
		rows = append(rows, "{"+members(style, r, ": ", ", ")+"}")
	}
	if s.chance(50) {
		return "[" + strings.Join(rows, ",") + "]"
	}
	return `{"items": [` + "\n" + strings.Join(rows, ",\n") + `], "total": ` + s.digits(2) + "}"
}

func writeLines(_ *source, style func(string) string, records [][]field) string {
	var b strings.Builder
	for _, r := range records {
		b.WriteString("{" + members(style, r, ":", ",") + "}\n")
	}
	return b.String()
}

func writeTable(style func(string) string, records [][]field, comma rune) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Comma = comma
	row := func(text func(field) string, r []field) {
		var cells []string
		for _, f := range r {
			cells = append(cells, text(f))
		}
		w.Write(cells) // a strings.Builder takes everything
	}
	row(func(f field) string { return style(f.words) }, records[0])
	for _, r := range records {
		row(func(f field) string { return f.value }, r)
	}
	w.Flush()
	return b.String()
}

func writeForm(_ *source, style func(string) string, records [][]field) string {
	var pairs []string
	for _, f := range records[0] {
		pairs = append(pairs, url.QueryEscape(style(f.words))+"="+url.QueryEscape(f.value))
	}
	return strings.Join(pairs, "&")
}

func writeXML(_ *source, style func(string) string, records [][]field) string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<records>\n")
	for _, r := range records {
		b.WriteString("  <record>\n")
		for _, f := range r {
			name := strings.ReplaceAll(style(f.words), " ", "_")
			b.WriteString("    <" + name + ">")
			xml.EscapeText(&b, []byte(f.value)) // a strings.Builder takes everything
			b.WriteString("</" + name + ">\n")
		}
		b.WriteString("  </record>\n")
	}
	b.WriteString("</records>\n")
	return b.String()
}

func writeYAML(s *source, style func(string) string, records [][]field) string {
	var b strings.Builder
	for _, r := range records {
		for i, f := range r {
			lead := "  "
			if i == 0 {
				lead = "- "
			}
			value := f.value
			if strings.ContainsAny(value, ":#{}[]&*!|>'\"%@`,") || s.chance(30) {
				value = quote(value)
			}
			b.WriteString(lead + style(f.words) + ": " + value + "\n")
		}
	}
	return b.String()
}

func writeLog(s *source, style func(string) string, records [][]field) string {
	var b strings.Builder
	for _, r := range records {
		b.WriteString("2026-03-" + two(s.from(1, 28)) + "T" + two(s.IntN(24)) + ":" + two(s.IntN(60)) + ":07.251Z INFO request handled")
		for _, f := range r {
			value := f.value
			if strings.ContainsAny(value, " =") {
				value = quote(value)
			}
			b.WriteString(" " + strings.ReplaceAll(style(f.words), " ", "_") + "=" + value)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func writeSQL(_ *source, style func(string) string, records [][]field) string {
	var names []string
	for _, f := range records[0] {
		names = append(names, strings.ReplaceAll(style(f.words), " ", "_"))
	}
	var b strings.Builder
	for _, r := range records {
		var values []string
		for _, f := range r {
			values = append(values, "'"+strings.ReplaceAll(f.value, "'", "''")+"'")
		}
		b.WriteString("INSERT INTO records (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(values, ", ") + ");\n")
	}
	return b.String()
}

func writeMail(s *source, _ func(string) string, records [][]field) string {
	var b strings.Builder
	b.WriteString("Subject: your request\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\nDear colleague,\n\nhere is what was asked for:\n\n")
	for _, f := range records[0] {
		b.WriteString(capitalised(f.words) + ": " + f.value + s.one("\n|\r\n"))
	}
	b.WriteString("\nBest regards\n")
	return b.String()
}
