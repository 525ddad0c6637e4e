package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/evidence/convert"
)

// maxConvertMistakes bounds the lines of one file that are reported; whoever has more has another file.
const maxConvertMistakes = 20

func newEvidenceConvert() *cobra.Command {
	var to string
	command := &cobra.Command{
		Use:   "convert FILE...|-",
		Short: "Print records as OCSF, ECS or CEF events",
		Long: `Print records as events of other formats, one a line: OCSF ` + convert.OCSFVersion + ` (HTTP Activity, and a Data Security
Finding for each blocked flow with protected data), ECS ` + convert.ECSVersion + `, or CEF.

Each FILE is a segment of the log, plain or compressed (.gz, .zst); "-" reads standard input. A line that is
no record is reported with its number and left out, and the exit code is then 2. Identifiers stay as the
records have them.`,
		Example: `  borderflow evidence convert --to ocsf .borderflow/evidence/flows-*.jsonl > events.json
  zcat flows.jsonl.gz | borderflow evidence convert --to ecs -`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			host, err := os.Hostname()
			if err != nil {
				host = ""
			}
			converter, err := convert.New(to, convert.Producer{Version: buildVersion(), Hostname: host})
			if err != nil {
				return badInput(fmt.Errorf("--to: %w", err))
			}
			mistakes := 0
			for _, name := range args {
				wrong, err := convertFile(command, converter, name)
				if err != nil {
					return err
				}
				mistakes += wrong
			}
			if mistakes > 0 {
				return badInput(fmt.Errorf("convert: %d lines are no records", mistakes))
			}
			return nil
		},
	}
	command.Flags().StringVar(&to, "to", "ocsf", "format: "+strings.Join(convert.Formats(), ", "))
	_ = command.RegisterFlagCompletionFunc("to", cobra.FixedCompletions(convert.Formats(), cobra.ShellCompDirectiveNoFileComp))
	return command
}

// convertFile prints the events of one file and returns how many of its lines are no records.
func convertFile(command *cobra.Command, converter *convert.Converter, name string) (mistakes int, err error) {
	source, err := openConvertible(name, command.InOrStdin())
	if err != nil {
		return 0, badInput(fmt.Errorf("convert: %w", err))
	}
	defer source.Close()
	out := bufio.NewWriter(command.OutOrStdout())
	lines := bufio.NewScanner(source)
	lines.Buffer(make([]byte, 64<<10), evidence.MaxLine)
	lines.Split(splitRecords)
	for n := 1; lines.Scan(); n++ {
		var events [][]byte
		_, err := evidence.Parse(lines.Bytes())
		if err == nil {
			events, err = converter.Events(lines.Bytes())
		}
		if err != nil {
			if mistakes++; mistakes <= maxConvertMistakes {
				fmt.Fprintf(command.ErrOrStderr(), "%s: line %d%s\n", name, n, strings.TrimPrefix(err.Error(), "line 1"))
			}
			continue
		}
		for _, event := range events {
			_, _ = out.Write(event) // Flush tells
			_ = out.WriteByte('\n')
		}
	}
	if err := out.Flush(); err != nil {
		return mistakes, failed(fmt.Errorf("write the events: %w", err))
	}
	if err := lines.Err(); err != nil {
		return mistakes, badInput(fmt.Errorf("convert: %s: %w", name, err))
	}
	return mistakes, nil
}

// splitRecords is bufio.ScanLines, but leaves a carriage return where it stands: no record has one.
func splitRecords(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if end := bytes.IndexByte(data, '\n'); end >= 0 {
		return end + 1, data[:end], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// openConvertible opens a file of records, "-" being standard input, and decompresses it.
func openConvertible(name string, stdin io.Reader) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(stdin), nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	var unpacked io.Reader
	switch {
	case strings.HasSuffix(name, ".gz"):
		unpacked, err = gzip.NewReader(file)
	case strings.HasSuffix(name, ".zst"):
		var decoder *zstd.Decoder
		decoder, err = zstd.NewReader(file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		unpacked = decoder
	default:
		return file, nil
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &convertibleFile{unpacked, file}, nil
}

// convertibleFile reads what a compressed file holds.
type convertibleFile struct {
	io.Reader
	file *os.File
}

func (u *convertibleFile) Close() error { return u.file.Close() }
