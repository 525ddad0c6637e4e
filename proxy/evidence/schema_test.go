package evidence

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// documented reads the tables of SCHEMA.md: the key of each row, in the order of the document.
func documented(t *testing.T) map[string]bool {
	t.Helper()
	document, err := os.ReadFile("SCHEMA.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(document), "`"+Schema+"`") {
		t.Errorf("SCHEMA.md is not about %s", Schema)
	}
	keys := make(map[string]bool)
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]+ \\| [^|]+ \\|$").FindAllStringSubmatch(string(document), -1) {
		if keys[row[1]] {
			t.Errorf("SCHEMA.md has %s twice", row[1])
		}
		keys[row[1]] = true
	}
	return keys
}

// structured lists the keys of a struct as they stand in a line, with those of structs in it.
func structured(keys map[string]bool, prefix string, of reflect.Type) {
	for i := range of.NumField() {
		field := of.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		keys[prefix+name] = true
		inner, list := field.Type, ""
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Slice {
			inner, list = inner.Elem(), "[]"
		}
		switch name {
		case "categories":
			keys[prefix+name+".*.count"], keys[prefix+name+".*.strength"] = true, true
		case "findings", "redacted":
			keys[prefix+name+".*"] = true
		default:
			if inner.Kind() == reflect.Struct && inner.PkgPath() != "time" && inner.PkgPath() != "net/netip" {
				structured(keys, prefix+name+list+".", inner)
			}
		}
	}
}

func TestSchemaIsDocumentedFieldByField(t *testing.T) {
	keys := map[string]bool{"schema": true}
	structured(keys, "", reflect.TypeFor[Record]())
	document := documented(t)
	for key := range keys {
		if !document[key] {
			t.Errorf("SCHEMA.md says nothing of %s", key)
		}
	}
	for key := range document {
		if !keys[key] {
			t.Errorf("SCHEMA.md has %s, which no record has", key)
		}
	}
}

// TestEveryFieldOfARecordIsWritten: a field that is filled in and never written would be lost in
// silence.
func TestEveryFieldOfARecordIsWritten(t *testing.T) {
	r := exampleRecord()
	r.Timings = Timings{1, 1, 1}
	r.Timings.Decided, r.Timings.Connected, r.Timings.Answered = 1e6, 1e6, 1e6
	r.Mechanism, r.Trace, r.Truncated = "SCC 2021/914", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true
	r.Source.Country, r.Source.AddressHash, r.Source.IdentityHash = "DE", "2026-03:a", "2026-03:b"
	r.Redacted, r.Cut, r.Data.Mismatch = Findings{{Detector: "email", Count: 1}}, true, true
	r.Destination.Possible, r.Destination.Anycast = []string{"JP", "US"}, true
	recovery := &Record{Kind: KindRecovery, Time: r.Time, Recovery: &Recovery{Segment: "s", Reason: "r", Offset: 1, CutBytes: 1, Since: 1, Until: 2, CausedBy: "c", Abandoned: true}}
	written := make(map[string]bool)
	for _, record := range []*Record{r, recovery} {
		var line map[string]any
		if err := json.Unmarshal([]byte(encodeLine(t, record, 1)), &line); err != nil {
			t.Fatal(err)
		}
		flatten(written, "", line)
	}
	keys := make(map[string]bool)
	structured(keys, "", reflect.TypeFor[Record]())
	for key := range keys {
		if !strings.Contains(key, "*") && !written[key] {
			t.Errorf("%s is not written", key)
		}
	}
}

func flatten(keys map[string]bool, prefix string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			keys[prefix+name] = true
			flatten(keys, prefix+name+".", inner)
		}
	case []any:
		for _, inner := range value {
			flatten(keys, strings.TrimSuffix(prefix, ".")+"[].", inner)
		}
	}
}
