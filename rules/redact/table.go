package redact

import "bytes"

// addCells adds the cells of a table (RFC 4180), which is kept as it is. text begins at from in the view
// and at at in raw.
func (v *view) addCells(text []byte, from, at int, media string) error {
	separator := byte('\t')
	if media == "text/csv" {
		separator = separatorOf(text)
	}
	for i := 0; i < len(text); {
		start, end := i, len(text)
		if text[i] == '"' {
			start++
			if end = closingQuote(text, start); end < 0 {
				return refuse("a quoted cell of a table does not end")
			}
			i = end + 1
			if i < len(text) && text[i] != separator && text[i] != '\r' && text[i] != '\n' {
				return refuse("text follows the quotes of a cell of a table")
			}
		} else {
			if next := bytes.IndexFunc(text[i:], func(r rune) bool { return r == rune(separator) || r == '\n' || r == '\r' }); next >= 0 {
				end = i + next
			}
			i = end
		}
		l := leaf{from: from + start, to: from + end, end: at + end}
		if content := bytes.TrimSpace(text[start:end]); bytes.HasPrefix(content, []byte(`{""`)) || bytes.HasPrefix(content, []byte(`[{""`)) {
			l.syntax = sealedCell
		}
		if err := v.add(l); err != nil {
			return err
		}
		if i < len(text) && text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n' {
			i++
		}
		i++
	}
	return nil
}

// closingQuote is where the quote stands that ends a quoted cell; -1 if there is none. Two quotes stand
// for one.
func closingQuote(text []byte, from int) int {
	for i := from; i < len(text); i++ {
		if text[i] != '"' {
			continue
		}
		if i+1 == len(text) || text[i+1] != '"' {
			return i
		}
		i++
	}
	return -1
}

// separatorOf is the separator that the first line has most of.
func separatorOf(text []byte) byte {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	best, most := byte(','), 0
	for _, c := range []byte(",;\t|") {
		if n := bytes.Count(line, []byte{c}); n > most {
			best, most = c, n
		}
	}
	return best
}
