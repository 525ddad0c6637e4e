package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/borderflow/borderflow/rules/classify/exact"
	"github.com/spf13/cobra"
)

// hashProgress is after how many values the count so far is printed.
const hashProgress = 1_000_000

func classifyHashCommand() *cobra.Command {
	var saltFile, out string
	var column int
	command := &cobra.Command{
		Use:   "hash --salt-file FILE --out FILE FILE|-",
		Short: "Make a table of values that a detector finds, of salted hashes",
		Long: `Make a table of values that a detector finds exactly: the customer numbers or e-mail addresses of a database,
say. The file holds salted hashes and no values. A document of kind Detector in the policy directory names
it and its salt, which both lie beside it:

  exact: {file: customers.hashes, salt: customers.salt}

Values stand one a line, or with --column in that column of comma-separated values. What can be found are
e-mail addresses, and numbers and codes of 6 to 63 letters and digits with at least one digit; how they
are grouped and whether letters are capitals does not matter. Other lines are left out, and named.

The salt file is made if it does not exist, so that only its owner can read it. Who has it and the hashes can
try guesses: keep it as you keep a password.`,
		Example: "  borderflow classify hash --salt-file policies/customers.salt --out policies/customers.hashes --column 3 customers.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			salt, err := openSalt(saltFile)
			if err != nil {
				return badInput(fmt.Errorf("classify hash: %w", err))
			}
			source := command.InOrStdin()
			if args[0] != "-" {
				file, err := os.Open(args[0])
				if err != nil {
					return badInput(fmt.Errorf("classify hash: %w", err))
				}
				defer file.Close()
				source = file
			}
			table := &hashedTable{builder: exact.NewBuilder(salt), progress: command.ErrOrStderr()}
			if err := table.read(source, column); err != nil {
				return badInput(fmt.Errorf("classify hash: read %s: %w", args[0], err))
			}
			if table.builder.Len() == 0 {
				return badInput(fmt.Errorf("classify hash: read %s: none of %s can be found in a text: each is %w", args[0], counted(table.values, "value"), exact.ErrNotMatchable))
			}
			if err := writeHashes(out, table.builder); err != nil {
				return fmt.Errorf("classify hash: %w", err)
			}
			text := fmt.Sprintf("%s: %s\n", out, counted(table.builder.Len(), "different value"))
			if table.refused > 0 {
				text += fmt.Sprintf("%s left out, which could never be found (the first on lines %v): %v\n", counted(table.refused, "value"), table.lines, exact.ErrNotMatchable)
			}
			return writeText(command.OutOrStdout(), text)
		},
	}
	command.Flags().StringVar(&saltFile, "salt-file", "", "the file with the salt; it is made if it does not exist")
	command.Flags().StringVar(&out, "out", "", "the file of hashes, whose name ends in .hashes")
	command.Flags().IntVar(&column, "column", 0, "the column of comma-separated values, from 1 (default: whole lines)")
	_ = command.MarkFlagRequired("salt-file") // both are defined above
	_ = command.MarkFlagRequired("out")
	return command
}

// openSalt reads the salt, or makes one.
func openSalt(path string) (exact.Salt, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		salt, err := exact.ParseSalt(text)
		if err != nil {
			return salt, fmt.Errorf("read the salt %s: %w", path, err)
		}
		return salt, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return exact.Salt{}, fmt.Errorf("read the salt: %w", err)
	}
	salt := exact.NewSalt()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return salt, fmt.Errorf("make the salt: %w", err)
	}
	_, err = file.Write(salt.Text())
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return salt, fmt.Errorf("make the salt: %w", err)
	}
	return salt, nil
}

// hashedTable reads values into a builder.
type hashedTable struct {
	builder  *exact.Builder
	progress io.Writer

	values, refused int
	lines           []int // of the first values that were refused
}

func (t *hashedTable) read(source io.Reader, column int) error {
	if column > 0 {
		return t.readColumn(source, column)
	}
	lines := bufio.NewScanner(source)
	for line := 1; lines.Scan(); line++ {
		if lines.Text() == "" {
			continue
		}
		if err := t.add(lines.Text(), line); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (t *hashedTable) readColumn(source io.Reader, column int) error {
	rows := csv.NewReader(bufio.NewReader(source))
	rows.FieldsPerRecord, rows.ReuseRecord, rows.LazyQuotes = -1, true, true
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		value := ""
		line, _ := rows.FieldPos(0)
		if len(row) >= column {
			value = row[column-1]
		}
		if err := t.add(value, line); err != nil {
			return err
		}
	}
}

func (t *hashedTable) add(value string, line int) error {
	const mostLines = 5
	if t.values++; t.values%hashProgress == 0 {
		fmt.Fprintf(t.progress, "%d values\n", t.values)
	}
	err := t.builder.Add(value)
	if errors.Is(err, exact.ErrNotMatchable) {
		if t.refused++; len(t.lines) < mostLines {
			t.lines = append(t.lines, line)
		}
		return nil
	}
	return err
}

// writeHashes puts the table in the place of path, at once: a proxy that watches the directory sees the one before
// or the whole of this one.
func writeHashes(path string, table *exact.Builder) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".hashes-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // nothing is left to remove when it was renamed
	_, err = table.WriteTo(file)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
