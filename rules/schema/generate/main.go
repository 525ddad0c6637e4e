// Command generate writes the descriptions of the configuration's fields, which are their comments in
// the Go source, to the file that package schema embeds. Run it with go generate in that package.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/borderflow/borderflow/rules/schema/comments"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(output string, directories []string) error {
	fields, err := comments.Fields(directories...)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(fields, "", "  ")
	if err != nil {
		return fmt.Errorf("write descriptions: %w", err)
	}
	if err := os.WriteFile(output, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write descriptions: %w", err)
	}
	return nil
}
