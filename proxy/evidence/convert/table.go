package convert

import (
	"maps"
	"slices"
	"strings"
)

// row says where a field of ours goes. A row without from is derived from the whole record.
type row struct {
	from string // path in the record
	to   string // path in the event
	as   value  // nil: as it is
}

// value makes a row's value. nil, "" and an empty list are left out.
type value func(r record, found any) any

// fill puts a record into an event, row by row.
func fill(event map[string]any, r record, rows []row) {
	for _, row := range rows {
		var found any
		if row.from != "" {
			if found = r.get(row.from); found == nil {
				continue
			}
		}
		if row.as != nil {
			found = row.as(r, found)
		}
		if !empty(found) {
			put(event, row.to, found)
		}
	}
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []string:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func put(event map[string]any, path string, v any) {
	for {
		key, rest, deeper := strings.Cut(path, ".")
		if !deeper {
			event[key] = v
			return
		}
		next, ok := event[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			event[key] = next
		}
		event, path = next, rest
	}
}

// The values that tables share.

func constant(v any) value { return func(record, any) any { return v } }

// named translates a short word; one that the table does not have becomes otherwise.
func named(words map[string]any, otherwise any) value {
	return func(_ record, found any) any {
		word, _ := found.(string)
		if v, ok := words[word]; ok {
			return v
		}
		return otherwise
	}
}

func derived(make func(r record) any) value {
	return func(r record, _ any) any { return make(r) }
}

func uid(r record, _ any) any { return r.uid() }

func totalBytes(r record, _ any) any {
	return r.number("bytes.sent") + r.number("bytes.received")
}

// traceID and spanID are the second and third field of a traceparent (W3C Trace Context).
func traceID(_ record, found any) any { return traceField(found, 1) }
func spanID(_ record, found any) any  { return traceField(found, 2) }

func traceField(found any, n int) any {
	parent, _ := found.(string)
	fields := strings.Split(parent, "-")
	if len(fields) != 4 {
		return nil
	}
	return fields[n]
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
