package jurisdiction

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// eachRow calls visit with every row of an embedded table except its heading. Errors name the table
// and the line.
func eachRow(text, name string, columns int, visit func(row []string) error) error {
	reader := csv.NewReader(strings.NewReader(text))
	reader.FieldsPerRecord = columns
	for first := true; ; first = false {
		row, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		if first {
			continue
		}
		if err := visit(row); err != nil {
			line, _ := reader.FieldPos(0)
			return fmt.Errorf("table %s, line %d: %w", name, line, err)
		}
	}
}
