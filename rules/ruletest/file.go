package ruletest

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/flow"
)

// Limits of a policy's tests.
const (
	MaxFiles = 1024
	MaxCases = 100_000
)

// Suite is the tests of one policy directory.
type Suite struct {
	Cases []Case

	positions []*document.Positions // by Case.document
}

// Case is one flow and what the policy is to say about it.
type Case struct {
	Name   string      `yaml:"name"`
	Now    Moment      `yaml:"now"` // of the decision; the document's unless stated
	Flow   Flow        `yaml:"flow"`
	Expect Expectation `yaml:"expect"`

	File string `yaml:"-"`
	Line int    `yaml:"-"`

	document int    // index in Suite.positions
	path     string // within the document
}

// Expectation is what a case expects. What it does not state is not compared. Rules are named
// "rule" or "policy/rule"; the default of a policy is "policy/default".
type Expectation struct {
	Verdict       Verdict            `yaml:"verdict"`
	Policy        *string            `yaml:"policy"`
	Rule          *string            `yaml:"rule"` // "": no rule, but a default
	Phase         Phase              `yaml:"phase"`
	Inspection    Inspection         `yaml:"inspection"`
	Uninspectable *bool              `yaml:"uninspectable"`
	Logged        []string           `yaml:"logged"`   // every log rule that matches
	Shadow        []string           `yaml:"shadow"`   // everything that shadow rules and policies would have done, but for an allowing default
	Errors        []string           `yaml:"errors"`   // every rule that could not be evaluated
	Policies      map[string]Verdict `yaml:"policies"` // what these policies say on their own
	Redact        []string           `yaml:"redact"`   // every detector and category whose values are taken out of the payload
}

// testFile is one document of a test file as it is written.
type testFile struct {
	APIVersion  testVersion `yaml:"apiVersion"`
	Kind        testKind    `yaml:"kind"`
	Description string      `yaml:"description"`
	Now         Moment      `yaml:"now"`
	Cases       []Case      `yaml:"cases"`
}

// Load reads the test files of a policy directory. The error is for a directory that cannot be read;
// mistakes in files are problems. A directory without tests gives an empty suite.
func Load(dir string) (*Suite, document.Problems, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("read policy directory: %w", err)
	}
	files, problems := map[string][]byte{}, document.Problems(nil)
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if strings.HasPrefix(entry.Name(), ".") || !rules.IsTestFile(entry.Name()) {
			continue
		}
		if len(files) == MaxFiles {
			return nil, nil, fmt.Errorf("read policy directory %q: more than %d test files", dir, MaxFiles)
		}
		data, err := readFile(path)
		if err != nil {
			problems = append(problems, document.Problem{File: path, Message: err.Error()})
			continue
		}
		files[path] = data
	}
	suite, more := Parse(files)
	if problems = append(problems, more...); len(problems) > 0 {
		return nil, problems.Sort(), nil
	}
	return suite, nil, nil
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path) // follows links, as a mounted ConfigMap has them
	if err != nil {
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("this is not a file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, document.MaxBytes+1))
}

// Parse reads test files, which are keyed by name, and reports every mistake in all of them.
func Parse(files map[string][]byte) (*Suite, document.Problems) {
	suite := &Suite{}
	var problems document.Problems
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		documents, positions, found := document.DecodeAllWithPositions[testFile](name, files[name])
		problems = append(problems, found...)
		for i := range documents {
			problems = append(problems, suite.add(&documents[i], positions[i])...)
		}
	}
	if len(suite.Cases) > MaxCases {
		problems = append(problems, document.Problem{Message: fmt.Sprintf("%d test cases, at most %d are run", len(suite.Cases), MaxCases)})
	}
	if len(problems) > 0 {
		return nil, problems.Sort()
	}
	return suite, nil
}

// add takes over the cases of one document.
func (s *Suite) add(file *testFile, positions *document.Positions) document.Problems {
	var problems document.Problems
	require := func(path, hint string) {
		if !positions.Has(path) {
			problems = append(problems, positions.Problem(path, path[strings.LastIndex(path, ".")+1:]+" is required", hint))
		}
	}
	require("apiVersion", "apiVersion: borderflow/v1")
	require("kind", "kind: PolicyTest")
	require("cases", "a list of name, flow and expect")
	s.positions = append(s.positions, positions)
	names := map[string]int{}
	for i := range file.Cases {
		c := file.Cases[i]
		c.path, c.document, c.File = fmt.Sprintf("cases[%d]", i), len(s.positions)-1, positions.File()
		c.Line, _ = positions.At(c.path)
		if c.Now.IsZero() {
			c.Now = file.Now
		}
		require(c.path+".name", "a sentence that says what is to hold")
		require(c.path+".flow.destination.host", "flow: {destination: {host: api.example.com}}")
		require(c.path+".expect.verdict", "verdict: allow or verdict: block")
		if before, twice := names[c.Name]; twice && c.Name != "" {
			problems = append(problems, positions.Problem(c.path+".name", "two cases have this name", fmt.Sprintf("the first is on line %d", before)))
		}
		names[c.Name] = c.Line
		problems = append(problems, c.Flow.check(positions, c.path+".flow.")...)
		s.Cases = append(s.Cases, c)
	}
	return problems
}

// ParseFlows reads flows that stand in a file of their own, one a document.
func ParseFlows(file string, data []byte) ([]Flow, document.Problems) {
	flows, positions, problems := document.DecodeAllWithPositions[Flow](file, data)
	for i := range flows {
		if !positions[i].Has("destination.host") {
			problems = append(problems, positions[i].Problem("destination.host", "host is required", "destination: {host: api.example.com}"))
		}
		problems = append(problems, flows[i].check(positions[i], "")...)
	}
	if len(flows) == 0 && len(problems) == 0 {
		problems = document.Problems{{File: file, Message: "the file holds no flow", Hint: "destination: {host: api.example.com}"}}
	}
	return flows, problems.Sort()
}

// check reports names that no detector has, counts that cannot be, and contradictions.
func (d *Flow) check(positions *document.Positions, prefix string) document.Problems {
	var problems document.Problems
	add := func(path, message, hint string) {
		problems = append(problems, positions.Problem(prefix+path, message, hint))
	}
	var categories, detectors []string
	for _, detector := range classify.Detectors() {
		detectors = append(detectors, detector.ID)
	}
	for _, category := range classify.Categories() {
		categories = append(categories, category.Name)
	}
	for _, counts := range []struct {
		field, what string
		given       map[string]int
		known       []string
	}{{"data.categories", "category", d.Data.Categories, categories}, {"data.findings", "detector", d.Data.Findings, detectors}} {
		for _, name := range sortedKeys(counts.given) {
			// A category may be one that no detector of this version finds; a slip of the pen is none.
			// Suite.Check knows the detectors of the policy directory.
			own := counts.what == "detector" && strings.HasPrefix(name, rules.DetectorPrefix)
			if hint := nearest(name, counts.known); !own && !slices.Contains(counts.known, name) && (hint != "" || counts.what == "detector") {
				add(counts.field+"."+name, fmt.Sprintf("%q is no %s that the classifier knows", name, counts.what), hint)
			}
			if counts.given[name] < 0 {
				add(counts.field+"."+name, "a count cannot be negative", "")
			}
		}
	}
	for i, name := range d.Covers {
		if hint := nearest(name, categories); !slices.Contains(categories, name) && hint != "" {
			add(fmt.Sprintf("covers[%d]", i), fmt.Sprintf("%q is no category that the classifier knows", name), hint)
		}
	}
	if d.Data.Subjects < 0 {
		add("data.subjects", "a count cannot be negative", "")
	}
	if !(d.Data.Entropy >= 0 && d.Data.Entropy <= 8) {
		add("data.entropy", "the entropy of bytes is from 0 to 8 bits", "entropy: 7.9 for what is encrypted or compressed")
	}
	for i, group := range d.Unavailable {
		if slices.Contains(d.Absent, group) {
			add(fmt.Sprintf("unavailable[%d]", i), fmt.Sprintf("%s is both unavailable and absent", group), "")
		}
		if field := group.field(); positions.Has(prefix + field) {
			add(fmt.Sprintf("unavailable[%d]", i), fmt.Sprintf("%s is unavailable, and %s is stated", group, field), "leave one of them out")
		}
	}
	return problems
}

// field returns a field that cannot be stated when the group is unavailable.
func (g Group) field() string {
	if g == "destination.location" {
		return "destination.country"
	}
	if g == "source.workload" {
		return "source.namespace"
	}
	return string(g)
}

func nearest(name string, known []string) string {
	if found, ok := document.Nearest(name, known); ok {
		return fmt.Sprintf("did you mean %q?", found)
	}
	return ""
}

type testVersion string

// UnmarshalText reads the version of the language of tests.
func (v *testVersion) UnmarshalText(text []byte) error {
	*v = testVersion(text)
	return document.OneOf(string(text), "borderflow/v1")
}

type testKind string

// UnmarshalText reads the kind of the document.
func (k *testKind) UnmarshalText(text []byte) error {
	*k = testKind(text)
	return document.OneOf(string(text), "PolicyTest")
}

// Moment is a time, or a date that stands for its first moment in UTC. The zero value is now.
type Moment struct{ time.Time }

// UnmarshalText reads a time or date.
func (m *Moment) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, string(text)); err == nil {
			m.Time = at
			return nil
		}
	}
	return fmt.Errorf("expected a date or time, for example 2027-01-31 or 2027-01-31T12:00:00Z, found %.40q", text)
}

// Verdict is a verdict that ends a decision.
type Verdict struct{ flow.Verdict }

// UnmarshalText reads a verdict.
func (v *Verdict) UnmarshalText(text []byte) error {
	for _, verdict := range []flow.Verdict{flow.Allow, flow.Block} {
		if verdict.String() == string(text) {
			v.Verdict = verdict
		}
	}
	return document.OneOf(string(text), "allow", "block")
}

// Phase is a phase's name; "" is not compared.
type Phase string

// UnmarshalText reads a phase.
func (p *Phase) UnmarshalText(text []byte) error {
	*p = Phase(text)
	return document.OneOf(string(text), "connect", "headers", "body")
}

// Inspection is an inspection level's name; "" is not compared.
type Inspection string

// UnmarshalText reads an inspection level.
func (i *Inspection) UnmarshalText(text []byte) error {
	*i = Inspection(text)
	return document.OneOf(string(text), "full", "sni", "none")
}

// Check reports what is wrong with a flow that was not read from a file.
func (d *Flow) Check() document.Problems {
	positions, _ := document.DecodeWithPositions("", nil, &struct{}{})
	problems := d.check(positions, "")
	for i := range problems {
		problems[i].Line, problems[i].Column = 0, 0
	}
	return problems
}
