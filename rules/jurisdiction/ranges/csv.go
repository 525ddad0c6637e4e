package ranges

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
)

// headings are what the first field of a heading is called in the tables that have one.
var headings = []string{"network", "prefix", "ip_prefix", "cidr", "ip_range", "start", "start_ip", "ip_range_start", "first", "from"}

// readCSV reads rows of "start,end,country" or "network,country"; further fields are passed over, as
// are empty lines and those that begin with "#" (RFC 8805).
func (l *list) readCSV(ctx context.Context, content []byte) {
	reader := csv.NewReader(bytes.NewReader(content))
	reader.FieldsPerRecord, reader.Comment, reader.ReuseRecord, reader.TrimLeadingSpace = -1, '#', true, true
	for number := 0; !l.full(); number++ {
		fields, err := reader.Read()
		if errors.Is(err, io.EOF) || number%4096 == 0 && ctx.Err() != nil {
			return
		}
		if err != nil {
			var malformed *csv.ParseError
			if errors.As(err, &malformed) {
				l.problem(malformed.Line, "column %d: %v", malformed.Column, malformed.Err)
			}
			return
		}
		line, _ := reader.FieldPos(0)
		if number == 0 && slices.Contains(headings, strings.ToLower(strings.TrimSpace(fields[0]))) {
			continue
		}
		l.addCountry(fields, line)
	}
}

func (l *list) addCountry(fields []string, line int) {
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	if len(fields) < 2 {
		l.problem(line, "one field; expected start,end,country or network,country")
		return
	}
	first, err := netip.ParseAddr(fields[0])
	last, errLast := netip.ParseAddr(fields[1])
	if isRange := err == nil && errLast == nil; isRange && len(fields) < 3 {
		l.problem(line, "no country; expected start,end,country")
	} else if isRange {
		l.addAddresses(first, last, fields[2], line)
	} else if country, ok := l.country(fields[1], line); ok && err == nil {
		l.addAddresses(first, first, country, line)
	} else if ok {
		network, ok := l.network(fields[0], line)
		switch {
		case ok && country == "":
			l.skipped++
		case ok:
			l.addNetwork(network, country, line)
		}
	}
}

func (l *list) addAddresses(first, last netip.Addr, text string, line int) {
	country, ok := l.country(text, line)
	switch {
	case !ok:
	case first.BitLen() != last.BitLen() || first.Zone()+last.Zone() != "" || first.Is4In6() || last.Is4In6():
		l.problem(line, "%s and %s are not two addresses of one family in their plain form", quote(first.String()), quote(last.String()))
	case last.Less(first):
		l.problem(line, "the range ends at %s, before it starts at %s", last, first)
	case country == "":
		l.skipped++
	default:
		l.rows = append(l.rows, row{first, last, country, line})
	}
}

// country checks a country code; "" and ZZ, which ISO 3166 leaves to users for "unknown", are none.
func (l *list) country(text string, line int) (code string, ok bool) {
	code = strings.ToUpper(text)
	if code == "" || code == "ZZ" || code == "-" {
		return "", true
	}
	if len(code) != 2 || code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z' {
		l.problem(line, "country %s: expected two letters (ISO 3166-1 alpha-2)", quote(text))
		return "", false
	}
	return code, true
}
