package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/classify/corpus"
	"github.com/borderflow/borderflow/rules/document"
	"github.com/spf13/cobra"
)

// evaluation is evaluate's answer; its field names are kept stable.
type evaluation struct {
	Documents   int              `json:"documents"`
	StandAlone  evaluatedScore   `json:"stand_alone"`   // medium and strong detectors together
	NeedSupport evaluatedScore   `json:"need_evidence"` // weak detectors together
	Detectors   []evaluatedScore `json:"detectors"`
	Misses      []evaluatedMiss  `json:"misses,omitempty"`
}

type evaluatedScore struct {
	Detector            string  `json:"detector,omitempty"`
	Strength            string  `json:"strength,omitempty"`
	TruePositives       int     `json:"true_positives"`
	FalsePositives      int     `json:"false_positives"`
	FalseNegatives      int     `json:"false_negatives"`
	Precision           float64 `json:"precision"`
	Recall              float64 `json:"recall"`
	Unsupported         int     `json:"unsupported"`
	UnsupportedReported int     `json:"unsupported_reported"`
}

type evaluatedMiss struct {
	Detector     string `json:"detector"`
	What         string `json:"what"` // "missed" or "wrong"
	DocumentKind string `json:"document_kind"`
	Shape        string `json:"shape"`
	Count        int    `json:"count"`
	Document     string `json:"document"`
	Offset       int64  `json:"offset"`
}

// evaluateFlags are the flags of classify evaluate.
type evaluateFlags struct {
	seed       uint64
	documents  int
	detectors  []string
	showMisses bool
	directory  string
	output     string
}

// maxEvaluated bounds how many documents one run makes.
const maxEvaluated = 1_000_000

func evaluateCommand() *cobra.Command {
	flags := evaluateFlags{}
	command := &cobra.Command{
		Use:   "evaluate",
		Short: "Measure the classifier's precision and recall on labelled documents",
		Long: `Measure the classifier's precision and recall on labelled documents, by detector.

The documents are generated, the same ones for the same --seed: records and sentences in many formats and
languages with values whose check digits are right, and as many documents with nothing to find that look as
if. --dir takes documents of your own instead: files, and labels.json, which says what they hold:

  {"orders/1.json": {"email": ["erika@example.com"], "payment-card": ["4000 1234 5678 9017"]}}

A file that it does not name holds nothing. A value is counted once for each document. --show-misses prints
what differs, the values by their shape only.`,
		Example: `  borderflow classify evaluate --documents 20000
  borderflow classify evaluate --dir corpus/ --show-misses
  borderflow classify evaluate --detector iban --detector payment-card`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			report, err := flags.evaluate()
			if err != nil {
				return badInput(fmt.Errorf("classify evaluate: %w", err))
			}
			return flags.write(command.OutOrStdout(), report)
		},
	}
	addOutput(command, &flags.output)
	command.Flags().Uint64Var(&flags.seed, "seed", 1, "which documents are generated")
	command.Flags().IntVar(&flags.documents, "documents", 4000, "how many documents are generated")
	command.Flags().StringSliceVar(&flags.detectors, "detector", nil, "only this detector; may be repeated")
	command.Flags().BoolVar(&flags.showMisses, "show-misses", false, "print what was missed and what was found wrongly")
	command.Flags().StringVar(&flags.directory, "dir", "", "directory of documents with a labels.json, in place of generated ones")
	command.MarkFlagsMutuallyExclusive("dir", "seed")
	command.MarkFlagsMutuallyExclusive("dir", "documents")
	return command
}

func (f *evaluateFlags) evaluate() (*corpus.Report, error) {
	var known []string
	for _, d := range classify.Detectors() {
		known = append(known, d.ID)
	}
	for _, id := range f.detectors {
		if slices.Contains(known, id) {
			continue
		}
		if nearest, ok := document.Nearest(id, known); ok {
			return nil, fmt.Errorf("--detector: unknown detector %q (did you mean %q?)", id, nearest)
		}
		return nil, fmt.Errorf("--detector: unknown detector %q; classify --list prints all", id)
	}
	if f.documents < 1 || f.documents > maxEvaluated {
		return nil, fmt.Errorf("--documents: found %d, expected 1 to %d", f.documents, maxEvaluated)
	}
	var documents []corpus.Document
	if f.directory == "" {
		documents = corpus.Generate(f.seed, f.documents)
	} else {
		var err error
		if documents, err = corpus.ReadDirectory(f.directory); err != nil {
			return nil, err
		}
	}
	report := corpus.Evaluate(classify.New(classify.Options{}), documents)
	if len(f.detectors) > 0 {
		report.Only(f.detectors)
	}
	return report, nil
}

func (f *evaluateFlags) write(w io.Writer, report *corpus.Report) error {
	if f.output == "json" {
		return writeJSON(w, f.answer(report))
	}
	err := report.Write(w)
	if err == nil && f.showMisses {
		if err = writeText(w, "\n"); err == nil {
			err = report.WriteMisses(w)
		}
	}
	if err != nil {
		return failed(fmt.Errorf("write the answer: %w", err))
	}
	return nil
}

func (f *evaluateFlags) answer(report *corpus.Report) evaluation {
	answer := evaluation{
		Documents: report.Documents, StandAlone: scored(report.Total(false)), NeedSupport: scored(report.Total(true)), Detectors: []evaluatedScore{},
	}
	for _, s := range report.Scores {
		score := scored(s)
		score.Detector, score.Strength = s.Detector, s.Strength.String()
		answer.Detectors = append(answer.Detectors, score)
	}
	if f.showMisses {
		for _, g := range report.Groups() {
			what := "wrong"
			if g.Missing {
				what = "missed"
			}
			answer.Misses = append(answer.Misses, evaluatedMiss{g.Detector, what, g.Kind, g.Shape, g.Count, g.Document, g.Offset})
		}
	}
	return answer
}

func scored(s corpus.Score) evaluatedScore {
	return evaluatedScore{
		TruePositives: s.TruePositives, FalsePositives: s.FalsePositives, FalseNegatives: s.FalseNegatives,
		Precision: s.Precision(), Recall: s.Recall(), Unsupported: s.Unsupported, UnsupportedReported: s.Reported,
	}
}
