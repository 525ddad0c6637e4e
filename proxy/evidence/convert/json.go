package convert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// marshal returns value as one line without a newline, with sorted keys. It knows the few types that
// events are made of and does without reflection, which takes most of encoding/json's time for maps.
func marshal(value any) ([]byte, error) {
	return appendJSON(make([]byte, 0, 4<<10), value)
}

func appendJSON(dst []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case json.Number: // as it stood in the record
		return append(dst, v...), nil
	case string:
		return appendText(dst, v)
	case []string:
		return appendList(dst, v, appendText)
	case []any:
		return appendList(dst, v, appendJSON)
	case map[string]any:
		return appendObject(dst, v)
	case record:
		return appendObject(dst, v)
	}
	return nil, fmt.Errorf("encode event: a value of type %T", value)
}

func appendObject(dst []byte, object map[string]any) ([]byte, error) {
	dst = append(dst, '{')
	var err error
	for i, key := range slices.Sorted(maps.Keys(object)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendText(dst, key); err != nil {
			return nil, err
		}
		if dst, err = appendJSON(append(dst, ':'), object[key]); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func appendList[T any](dst []byte, list []T, one func([]byte, T) ([]byte, error)) ([]byte, error) {
	dst = append(dst, '[')
	var err error
	for i, value := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = one(dst, value); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func appendText(dst []byte, text string) ([]byte, error) {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || (c >= utf8.RuneSelf && !utf8.ValidString(text)) {
			return appendEscaped(dst, text)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, text...)
	return append(dst, '"'), nil
}

func appendEscaped(dst []byte, text string) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return append(dst, trimNewline(out.Bytes())...), nil
}
