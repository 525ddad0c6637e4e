package corpus_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/classify/corpus"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/google/go-cmp/cmp"
)

// What the classifier is held to, for detectors that stand alone and for each that enough is known of.
const (
	leastPrecision, leastRecall         = 0.99, 0.97
	leastPrecisionEach, leastRecallEach = 0.98, 0.95
	leastSamples                        = 100
	mostUnsupported                     = 0.005
)

func TestClassifierIsPreciseAndComplete(t *testing.T) {
	report := corpus.Evaluate(classify.New(classify.Options{}), corpus.Generate(1, 12_000))
	var table strings.Builder
	if err := report.WriteMisses(&table); err != nil {
		t.Fatal(err)
	}
	all := report.Total(false)
	t.Logf("all that stand alone: precision %.4f, recall %.4f of %d values", all.Precision(), all.Recall(), all.TruePositives+all.FalseNegatives)
	if all.Precision() < leastPrecision || all.Recall() < leastRecall {
		t.Errorf("precision %.4f and recall %.4f, want %.2f and %.2f\n%s", all.Precision(), all.Recall(), leastPrecision, leastRecall, table.String())
	}
	for _, s := range report.Scores {
		if s.TruePositives+s.FalseNegatives < leastSamples {
			continue
		}
		if s.Precision() < leastPrecisionEach || s.Recall() < leastRecallEach {
			t.Errorf("%s: precision %.4f and recall %.4f of %d values, want %.2f and %.2f", s.Detector, s.Precision(), s.Recall(),
				s.TruePositives+s.FalseNegatives, leastPrecisionEach, leastRecallEach)
		}
	}
	weak := report.Total(true)
	t.Logf("all that need evidence: precision %.4f, recall %.4f; %d of %d reported without", weak.Precision(), weak.Recall(), weak.Reported, weak.Unsupported)
	if weak.Unsupported < 1000 || float64(weak.Reported) > mostUnsupported*float64(weak.Unsupported) {
		t.Errorf("%d of %d values without the evidence that they need are reported, want at most %.1f %%", weak.Reported, weak.Unsupported, 100*mostUnsupported)
	}
}

func TestEveryDetectorIsMeasuredOrNamed(t *testing.T) {
	// Their values are bytes that cannot stand in text; other tests hold them to real files.
	binary := []string{"biometric-record", "dicom", "wsq-image"}
	seen := map[string]int{}
	for _, d := range corpus.Generate(1, 6000) {
		for _, l := range d.Labels {
			seen[l.Detector]++
		}
	}
	var missing []string
	for _, d := range classify.Detectors() {
		if seen[d.ID] < 10 {
			missing = append(missing, d.ID)
		}
	}
	slices.Sort(missing)
	if diff := cmp.Diff(binary, missing); diff != "" {
		t.Errorf("detectors without labels (-want +got):\n%s", diff)
	}
}

func TestTheSameSeedMakesTheSameDocuments(t *testing.T) {
	if diff := cmp.Diff(bodies(corpus.Generate(7, 200)), bodies(corpus.Generate(7, 200))); diff != "" {
		t.Errorf("they differ (-first +second):\n%s", diff)
	}
	if cmp.Equal(bodies(corpus.Generate(7, 200)), bodies(corpus.Generate(8, 200))) {
		t.Error("another seed makes the same ones")
	}
}

func bodies(documents []corpus.Document) []string {
	var out []string
	for _, d := range documents {
		out = append(out, string(d.Body))
	}
	return out
}

func TestEvaluationCountsWhatDiffers(t *testing.T) {
	document := corpus.Document{Name: "d", Kind: "k", ContentType: "text/plain", Body: []byte("erika@example.com and jane@example.com and erika@example.com\n"), Labels: []corpus.Label{
		{Detector: "email", Value: "erika@example.com"}, {Detector: "email", Value: "nobody at example"}, {Detector: "iban", Value: "nothing", Unsupported: true},
	}}
	report := corpus.Evaluate(classify.New(classify.Options{}), []corpus.Document{document})
	report.Only([]string{"email", "iban"})
	want := []corpus.Score{
		{Detector: "email", Strength: flow.Strong, TruePositives: 1, FalsePositives: 1, FalseNegatives: 1},
		{Detector: "iban", Strength: flow.Strong, Unsupported: 1},
	}
	if diff := cmp.Diff(want, report.Scores); diff != "" {
		t.Errorf("scores (-want +got):\n%s", diff)
	}
	for _, m := range report.Misses {
		if text := fmt.Sprint(m); strings.Contains(text, "jane") || strings.Contains(text, "nobody") {
			t.Errorf("a value is shown: %s", strings.Repeat("*", len(text)))
		}
	}
}
