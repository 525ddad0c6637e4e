package lint_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/lint"
)

var update = flag.Bool("update", false, "write the golden files")

var june = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

func parse(t testing.TB, files map[string][]byte) *rules.Policy {
	t.Helper()
	policy, problems := rules.Parse(files)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return policy
}

// directory reads policy files, named by their base names.
func directory(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %v, %d files", pattern, err, len(paths))
	}
	files := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = data
	}
	return files
}

func printed(findings []lint.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintln(&b, f)
		if f.Witness != "" {
			fmt.Fprintf(&b, "    for example: %s\n", f.Witness)
		}
	}
	return b.String()
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestEachPlantedDefectIsFoundAndNothingElse(t *testing.T) {
	for name, data := range directory(t, "testdata/bad/*.yaml") {
		for _, principles := range []bool{false, true} {
			files := map[string][]byte{name: data}
			findings := lint.Check(parse(t, files), files, lint.Options{Now: june, Principles: principles})
			suffix := ".golden"
			if principles {
				suffix = ".principles.golden"
			}
			golden(t, filepath.Join("testdata/bad", strings.TrimSuffix(name, ".yaml")+suffix), printed(findings))
		}
	}
}

// planted names, for each check, a rule that was written to fail it.
var planted = map[string]string{
	"BF101": "order/never", "BF102": "order/many-uploads", "BF103": "order/the-same", "BF104": "conflict-a/partners-may",
	"BF105": "order/idle", "BF110": "reading/every-payload", "BF111": "reading/all-claims", "BF112": "reading/first-claim",
	"BF123": "names/host-case", "BF124": "groups/as-if-adequate",
	"BF132": "lists/partners", "BF133": "lists/partners", "BF150": "/", "BF151": "/", "BF152": "/", "BF153": "/", "BF154": "/",
	"BF130": "basis/old", "BF131": "basis/soon", "BF140": "basis/no-words", "BF141": "basis/no-words", "BF142": "conflict-b/",
	"BF201": "basis/named-country", "BF202": "basis/wide", "BF301": "basis/no-words", "BF302": "basis/no-words",
	"BF303": "basis/named-country", "BF304": "basis/named-country", "BF305": "basis/only-known-places", "BF190": "order/opaque-two",
}

func TestEveryCheckHasADefectPlantedForIt(t *testing.T) {
	for _, k := range lint.Kinds() {
		// BF143 needs tests, and BF121 a category that no detector finds.
		if _, ok := planted[k.Code]; !ok && k.Code != "BF143" && k.Code != "BF121" {
			t.Errorf("no defect is planted for %s %s", k.Code, k.Name)
		}
	}
}

func TestEveryCheckFindsTheDefectPlantedForIt(t *testing.T) {
	files := directory(t, "testdata/bad/*.yaml")
	found := map[string]bool{}
	for name, data := range files {
		one := map[string][]byte{name: data}
		for _, f := range lint.Check(parse(t, one), one, lint.Options{Now: june, Principles: true}) {
			found[f.Code+" "+f.Policy+"/"+f.Rule] = true
		}
	}
	for _, code := range slices.Sorted(maps.Keys(planted)) {
		if !found[code+" "+planted[code]] {
			t.Errorf("%s was not found at %s", code, planted[code])
		}
	}
}

func TestNothingIsFoundInGoodPolicies(t *testing.T) {
	files := directory(t, "testdata/good/*.yaml")
	for _, principles := range []bool{false, true} {
		if findings := lint.Check(parse(t, files), files, lint.Options{Now: june, Principles: principles}); len(findings) > 0 {
			t.Errorf("principles %v:\n%s", principles, printed(findings))
		}
	}
}

func TestTheEmbeddedPolicyIsClean(t *testing.T) {
	files := map[string][]byte{}
	data, err := os.ReadFile("../embedded.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files["embedded.yaml"] = data
	for _, f := range lint.Check(parse(t, files), files, lint.Options{Now: june, Principles: true}) {
		t.Error(f)
	}
}

type reached map[string]bool

func (r reached) Reached(policy, rule string) bool { return r[policy+"/"+rule] }

func TestRulesThatNoTestReachesAreReported(t *testing.T) {
	files := directory(t, "testdata/good/*.yaml")
	findings := lint.Check(parse(t, files), files, lint.Options{Now: june, Coverage: reached{"privacy/pseudonymised": true, "privacy/unreadable": true}})
	if len(findings) != 1 || findings[0].Code != "BF143" || findings[0].Rule != "bulk-personal-data" {
		t.Errorf("found:\n%s", printed(findings))
	}
}

// TestTheSameIsFoundWhicheverCountryIsNamed swaps countries in a policy and expects the findings to
// be swapped, and nothing more.
func TestTheSameIsFoundWhicheverCountryIsNamed(t *testing.T) {
	const text = `{apiVersion: borderflow/v1, kind: Policy, name: p, default: allow, contact: c, rules: [
{id: a, description: d, when: 'destination.country == "XX" && destination.port == 1', verdict: block},
{id: b, description: d, when: '!destination.onlyCountries(["XX"]) && data.has("personal")', verdict: block}]}`
	var first string
	for _, code := range []string{"CN", "US", "DE", "NP", "KE", "RU", "BR"} {
		files := map[string][]byte{"p.yaml": []byte(strings.ReplaceAll(text, "XX", code))}
		var b strings.Builder
		for _, f := range lint.Check(parse(t, files), files, lint.Options{Now: june, Principles: true}) {
			fmt.Fprintf(&b, "%s %s %s:%d:%d %s\n", f.Code, f.Severity, f.Rule, f.Line, f.Column, strings.ReplaceAll(f.Fix, code, "XX"))
		}
		if first == "" {
			first = b.String()
		}
		if diff := cmp.Diff(first, b.String()); diff != "" {
			t.Errorf("%s (-first +this):\n%s", code, diff)
		}
	}
	if !strings.Contains(first, "BF201") || !strings.Contains(first, "BF303") {
		t.Errorf("too little was found:\n%s", first)
	}
}

func TestEveryKindHasACodeOfItsOwnAndSaysEnough(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range lint.Kinds() {
		if seen[k.Code] || seen[k.Name] {
			t.Errorf("%s %s is taken", k.Code, k.Name)
		}
		seen[k.Code], seen[k.Name] = true, true
		if k.Summary == "" || k.Explanation == "" || k.Fix == "" {
			t.Errorf("%s is not explained", k.Code)
		}
	}
}

func TestSARIFHasWhatTheStandardRequires(t *testing.T) {
	files := directory(t, "testdata/bad/*.yaml")
	findings := lint.Check(parse(t, files), files, lint.Options{Now: june})
	findings[0].File = "policies/with blank#1.yaml"
	var out bytes.Buffer
	if err := lint.WriteSARIF(&out, findings, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Version string `json:"version"`
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct{ ID string }
				}
			}
			Results []struct {
				RuleID    string `json:"ruleId"`
				RuleIndex int    `json:"ruleIndex"`
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn int }
					}
				}
				Fixes []struct {
					ArtifactChanges []struct {
						Replacements []struct {
							DeletedRegion struct{ StartLine, EndColumn int }
						}
					}
				}
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || len(log.Runs) != 1 || log.Runs[0].Tool.Driver.Name == "" {
		t.Fatalf("version %q, %d runs", log.Version, len(log.Runs))
	}
	run, fixes := log.Runs[0], 0
	if len(run.Results) != len(findings) {
		t.Errorf("%d results of %d findings", len(run.Results), len(findings))
	}
	for i, result := range run.Results {
		location := result.Locations[0].PhysicalLocation
		if result.Message.Text == "" || run.Tool.Driver.Rules[result.RuleIndex].ID != result.RuleID || location.Region.StartLine < 1 ||
			location.Region.StartColumn < 1 || !slices.Contains([]string{"note", "warning", "error"}, result.Level) {
			t.Errorf("result %d: %+v", i, result)
		}
		fixes += len(result.Fixes)
	}
	if uri := run.Results[0].Locations[0].PhysicalLocation.ArtifactLocation.URI; uri != "policies/with%20blank%231.yaml" {
		t.Errorf("URI %q", uri)
	}
	if fixes == 0 {
		t.Error("no fix was written")
	}
}
