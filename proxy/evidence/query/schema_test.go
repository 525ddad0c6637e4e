package query

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// row of a table of SCHEMA.md: key, type.
var schemaRow = regexp.MustCompile("(?m)^\\| `([a-z_.*\\[\\]]+)` \\| ([a-z ]+) \\|")

var schemaKinds = map[string][]kind{
	"text": {textKind}, "address": {textKind}, "number": {intKind, doubleKind}, "time": {timeKind}, "true": {boolKind},
	"milliseconds": {doubleKind}, "list of texts": {textsKind}, "list": {objectsKind}, "object": {objectKind, mapKind, countsKind},
}

func TestEveryKeyOfTheSchemaCanBeAskedFor(t *testing.T) {
	schema, err := os.ReadFile("../SCHEMA.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := schemaRow.FindAllStringSubmatch(string(schema), -1)
	if len(rows) < 80 {
		t.Fatalf("%d rows were found", len(rows))
	}
	for _, row := range rows {
		path := strings.ReplaceAll(strings.ReplaceAll(row[1], "[]", ""), ".*", "")
		if strings.HasSuffix(row[1], ".*") {
			continue // the value of a map, which has the map's row
		}
		at := record
		for _, name := range strings.Split(path, ".") {
			if at != nil {
				at = at.child(name)
			}
		}
		if at == nil {
			t.Errorf("%s is not in the table", row[1])
			continue
		}
		known := false
		for _, kind := range schemaKinds[row[2]] {
			known = known || kind == at.kind
		}
		if !known {
			t.Errorf("%s is %q in the schema, kind %d in the table", row[1], row[2], at.kind)
		}
	}
}
