package main

import (
	"fmt"
	"io"
	"maps"
	"mime"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/spf13/cobra"
)

// classification is classify's answer for one file; its field names are kept stable.
type classification struct {
	File        string                   `json:"file,omitempty"`
	Categories  map[string]foundCategory `json:"categories"`
	Findings    []foundValue             `json:"findings"`
	Subjects    int                      `json:"subjects"`
	Inspected   string                   `json:"inspected"`
	Undecodable string                   `json:"undecodable,omitempty"`
	Bytes       int64                    `json:"bytes"`
}

type foundCategory struct {
	Count    int    `json:"count"`
	Strength string `json:"strength"`
}

// foundValue is where something was found, never what.
type foundValue struct {
	Detector string `json:"detector"`
	Offset   int64  `json:"offset"`
	Length   int    `json:"length"`
	Strength string `json:"strength"`
}

// maxFindings bounds the positions that are kept of one file.
const maxFindings = 100_000

func classifyCommand() *cobra.Command {
	var output, contentType, contentEncoding, policyDir string
	var positions, list bool
	command := &cobra.Command{
		Use:   "classify FILE...|-|--list",
		Short: "Say what kinds of data files contain, as the proxy would",
		Long: `Say what kinds of data files contain, as the proxy would: categories, how many distinct values and
people, and how much could be read. Values are never printed.

The content type is taken from the file's name unless --type gives it; "-" reads standard input. With
--output json, one JSON object is printed a line.

--list prints every detector instead: what it finds, in which country, how far a value is to be trusted on
its own (weak, medium, strong), whether it needs evidence beside it (a field's key or a word near by), and
the legal notions it stands for.`,
		Example: `  borderflow classify order.json
  curl -s https://api.example.com/customers | borderflow classify --type application/json -
  borderflow classify --list`,
		Args: func(command *cobra.Command, args []string) error {
			if list {
				return cobra.NoArgs(command, args)
			}
			return cobra.MinimumNArgs(1)(command, args)
		},
		RunE: func(command *cobra.Command, args []string) error {
			if list {
				return writeDetectors(command.OutOrStdout(), output)
			}
			policy, err := policyOrEmbedded(policyDir)
			if err != nil {
				return err
			}
			classifier := rules.NewClassifiers(classify.Options{}).Of(policy)
			for _, name := range args {
				meta := classify.Meta{ContentType: contentType, ContentEncoding: contentEncoding}
				if meta.ContentType == "" {
					meta.ContentType, meta.ContentEncoding = typeOf(name, contentEncoding)
				}
				answer, err := classifyFile(classifier, name, meta, command.InOrStdin())
				if err != nil {
					return err
				}
				if len(args) > 1 {
					answer.File = name
				}
				if err := answer.write(command.OutOrStdout(), output, positions); err != nil {
					return err
				}
			}
			return nil
		},
	}
	addOutput(command, &output)
	command.AddCommand(evaluateCommand(), classifyHashCommand())
	command.Flags().StringVar(&policyDir, "policy", "", "policy directory whose own detectors look for values as well")
	command.Flags().StringVar(&contentType, "type", "", "content type, e.g. application/json (default: by the file's name)")
	command.Flags().StringVar(&contentEncoding, "encoding", "", "content encoding, e.g. gzip (default: by the file's name)")
	command.Flags().BoolVar(&list, "list", false, "print every detector and what it stands for")
	command.Flags().BoolVar(&positions, "positions", false, "print where each finding stands, in bytes of the decoded text")
	return command
}

// typeOf guesses from a file's name what a client would have declared.
func typeOf(name, encoding string) (contentType, contentEncoding string) {
	known := map[string]string{".gz": "gzip", ".br": "br", ".zst": "zstd"}
	extension := strings.ToLower(filepath.Ext(name))
	if found, ok := known[extension]; ok && encoding == "" {
		name, encoding = strings.TrimSuffix(name, filepath.Ext(name)), found
		extension = strings.ToLower(filepath.Ext(name))
	}
	return mime.TypeByExtension(extension), encoding
}

func classifyFile(classifier *classify.Classifier, name string, meta classify.Meta, stdin io.Reader) (classification, error) {
	answer := classification{Categories: map[string]foundCategory{}, Findings: []foundValue{}}
	source := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return answer, badInput(fmt.Errorf("classify: %w", err))
		}
		defer file.Close()
		source = file
	}
	meta.Found = func(at classify.Position) {
		if len(answer.Findings) < maxFindings {
			answer.Findings = append(answer.Findings, foundValue{at.Detector, at.Offset, at.Length, at.Strength.String()})
		}
	}
	stream := classifier.NewStream(meta)
	if _, err := io.Copy(stream, source); err != nil {
		stream.Abort()
		return answer, badInput(fmt.Errorf("classify: %w", err))
	}
	answer.fill(stream.Finish())
	return answer, nil
}

func (a *classification) fill(data flow.Data) {
	for _, category := range data.Categories {
		a.Categories[category.Name] = foundCategory{category.Count, category.Strength.String()}
	}
	a.Subjects, a.Inspected, a.Undecodable, a.Bytes = data.Subjects, data.Coverage.String(), data.Undecodable, data.Bytes
}

func (a classification) write(w io.Writer, output string, positions bool) error {
	if output == "json" {
		return writeJSON(w, a)
	}
	var b strings.Builder
	if a.File != "" {
		fmt.Fprintf(&b, "%s: ", a.File)
	}
	fmt.Fprintf(&b, "%s, inspected: %s", counted(int(a.Bytes), "byte"), a.Inspected)
	if a.Undecodable != "" {
		fmt.Fprintf(&b, " (%s)", a.Undecodable)
	}
	fmt.Fprintf(&b, "\n")
	if len(a.Categories) == 0 {
		fmt.Fprintf(&b, "  nothing found\n")
	}
	for _, name := range slices.Sorted(maps.Keys(a.Categories)) {
		fmt.Fprintf(&b, "  %-15s %6d  %s\n", name, a.Categories[name].Count, a.Categories[name].Strength)
	}
	if a.Subjects > 0 {
		fmt.Fprintf(&b, "  distinct people %6d\n", a.Subjects)
	}
	if positions {
		for _, at := range a.Findings {
			fmt.Fprintf(&b, "  at %-8d length %-4d %-22s %s\n", at.Offset, at.Length, at.Detector, at.Strength)
		}
	}
	return writeText(w, b.String())
}
