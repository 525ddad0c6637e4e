package rules

import (
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/flow"
)

// MaxRules bounds the rules of a snapshot.
const MaxRules = 20_000

// identifier is the form of rule ids and policy names: fit for records, URLs and metrics labels.
var identifier = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,127}$`)

const identifierForm = "lower-case letters, digits, '.', '_' and '-', at most 128, beginning with a letter or digit"

// everything and atConnect say which groups a condition may read.
var (
	everything = [len(groupNames)]bool{true, true, true, true, true}
	atConnect  = [len(groupNames)]bool{sourceGroup: true, destinationGroup: true, transferGroup: true}
)

// reader turns files into policies and collects everything that is wrong with them.
type reader struct {
	previous map[string]*condition // of the snapshot before
	compiled map[string]*condition // of this one, by text
	mistakes map[string][]mistake  // of texts that do not compile

	previousOwn ownNames // of the snapshot before

	names, listNames, groupNames, exemptionNames map[string]place // where each name stands; of groups in lower case

	rules              int
	policies           []*legalRegime
	documents          []*policyFile
	lists              map[string]*list
	groups             map[string]*GroupInfo
	groupDocuments     []*groupDocument
	detectors          []classify.Custom
	detectorNames      map[string]place
	detectorDocuments  []hashedDetector
	own                ownNames
	keywords, slow     int // of all detectors
	exemptions         []*Exemption
	exemptionDocuments []*exemptionDocument
	problems           document.Problems
}

func newReader(previous *Policy) *reader {
	r := &reader{compiled: map[string]*condition{}, mistakes: map[string][]mistake{}, lists: map[string]*list{}, groups: map[string]*GroupInfo{},
		names: map[string]place{}, listNames: map[string]place{}, groupNames: map[string]place{}, exemptionNames: map[string]place{}, detectorNames: map[string]place{}}
	if previous != nil {
		r.previous, r.previousOwn = previous.conditions, namesOf(previous.detectors)
	}
	return r
}

// listExtension ends the names of files that hold the entries of a list.
const listExtension = ".txt"

// part is one document of a file.
type part struct {
	content   any // *policyFile, *listDocument, *groupDocument, *detectorDocument or *exemptionDocument
	positions *document.Positions
}

// read reads every file: lists, groups and detectors first, because conditions name them, and exemptions
// last, because they name rules.
func (r *reader) read(files map[string][]byte) {
	parts := r.decode(files)
	for _, p := range parts {
		if d, ok := p.content.(*listDocument); ok {
			r.readList(d, p.positions, files)
		}
	}
	for _, p := range parts {
		if d, ok := p.content.(*groupDocument); ok {
			r.readGroup(d, p.positions)
		}
	}
	for _, p := range parts {
		if d, ok := p.content.(*detectorDocument); ok {
			r.readDetector(d, p.positions, files)
		}
	}
	if r.own = namesOf(r.detectors); !r.own.equal(r.previousOwn) {
		r.previous = nil // what a condition may name has changed
	}
	r.compileAll(parts)
	for _, p := range parts {
		if d, ok := p.content.(*policyFile); ok {
			r.documents = append(r.documents, d)
			check := &documentReader{reader: r, positions: p.positions, file: d}
			check.read()
		}
	}
	for _, p := range parts {
		if d, ok := p.content.(*exemptionDocument); ok {
			r.exemptionDocuments = append(r.exemptionDocuments, d)
			r.readExemption(d, p.positions)
		}
	}
	if len(r.policies) == 0 && len(r.problems) == 0 {
		r.problems = append(r.problems, document.Problem{Message: "there is no policy", Hint: "a policy file ends in .yaml or .yml"})
	}
}

// decode returns the documents of every file, in the order of their names.
func (r *reader) decode(files map[string][]byte) []part {
	var parts []part
	for _, name := range sortedKeys(files) {
		if !isDocument(name) {
			continue
		}
		values, positions, problems := document.DecodeKinds(name, files[name], newDocument)
		r.problems = append(r.problems, problems...)
		if len(values) == 0 && len(problems) == 0 {
			// An editor that saves in two steps leaves an empty file between them.
			r.problems = append(r.problems, document.Problem{File: name, Message: "the file holds no policy", Hint: "remove it if that is meant"})
		}
		for i := range values {
			parts = append(parts, part{values[i], positions[i]})
		}
	}
	return parts
}

// newDocument returns what a document of that kind is decoded into. One of no known kind is read as a
// policy, which reports the kind.
func newDocument(kind string) any {
	switch kind {
	case listKind:
		return new(listDocument)
	case exemptionKind:
		return new(exemptionDocument)
	case detectorKind:
		return new(detectorDocument)
	case groupKind:
		return new(groupDocument)
	}
	return new(policyFile)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// require reports a field that is missing. A field that is there and wrong is reported already.
func require(r *reader, positions *document.Positions, path, hint string) bool {
	if positions.Has(path) {
		return true
	}
	name := path[strings.LastIndex(path, ".")+1:]
	r.problems = append(r.problems, positions.Problem(path, name+" is required", hint))
	return false
}

// documentReader reads one policy document.
type documentReader struct {
	*reader
	positions *document.Positions
	file      *policyFile
}

func (d *documentReader) problem(path, hint, format string, arguments ...any) {
	d.problems = append(d.problems, d.positions.Problem(path, fmt.Sprintf(format, arguments...), hint))
}

func (d *documentReader) require(path, hint string) bool {
	return require(d.reader, d.positions, path, hint)
}

func (d *documentReader) read() {
	f := d.file
	d.require("apiVersion", "apiVersion: borderflow/v1")
	d.require("kind", "kind: Policy")
	d.require("default", "default: allow, or default: block")
	if d.require("name", "one policy per legal regime, for example eu-personal-data") {
		d.checkName(f.Name)
	}
	if f.Mode == "" {
		f.Mode = Enforce
	}
	if f.OnUninspectable.Verdict == flow.Undecided {
		f.OnUninspectable.Verdict = flow.Block
	}
	large := f.OnLargeBody
	if large == "" {
		// Whoever lets pass what cannot be read wants large bodies to pass too; they are read on their way.
		if large = LargeBlock; f.OnUninspectable.Verdict == flow.Allow {
			large = LargeStream
		}
	}
	if d.redacts() {
		large = d.largeWithRedaction()
	}
	regime := &legalRegime{
		name: f.Name, fallback: f.Default.Verdict, blind: f.OnUninspectable.Verdict, large: large, shadow: f.Mode == Shadow,
		info: Info{Name: f.Name, Description: f.Description, Contact: f.Contact, Mode: f.Mode, Default: f.Default.Verdict,
			OnUninspectable: f.OnUninspectable.Verdict, OnLargeBody: large, File: d.positions.File(), Rules: len(f.Rules)},
	}
	for i := range f.Inspect {
		regime.inspect = append(regime.inspect, d.inspectEntry(i))
	}
	ids := map[string]int{}
	for i := range f.Rules {
		regime.rules = append(regime.rules, d.rule(i, ids))
	}
	if d.rules += len(f.Rules); d.rules > MaxRules && d.rules-len(f.Rules) <= MaxRules {
		d.problem("rules", "", "more than %d rules in all", MaxRules)
	}
	d.policies = append(d.policies, regime)
}

func (d *documentReader) checkName(name string) {
	if !identifier.MatchString(name) {
		d.problem("name", "", "name must be of %s", identifierForm)
		return
	}
	if before, taken := d.names[name]; taken {
		d.problem("name", "first at "+before.String(), "policy name %q is taken", name)
		return
	}
	line, column := d.positions.At("name")
	d.names[name] = place{d.positions.File(), line, column}
}

func (d *documentReader) inspectEntry(i int) inspectRule {
	at := fmt.Sprintf("inspect[%d]", i)
	d.require(at+".level", "level: full, level: sni or level: none")
	return inspectRule{condition: d.condition(at+".when", string(d.file.Inspect[i].When), atConnect), level: d.file.Inspect[i].Level.Inspection}
}

func (d *documentReader) rule(i int, ids map[string]int) *compiledRule {
	entry, at := &d.file.Rules[i], fmt.Sprintf("rules[%d]", i)
	line, _ := d.positions.At(at)
	if d.require(at+".id", "a name for records and answers, for example no-cards-to-us") {
		d.checkID(at, entry.ID, line, ids)
	}
	d.require(at+".verdict", "verdict: allow, verdict: block or verdict: log")
	if entry.Mode == "" {
		entry.Mode = Enforce
	}
	if entry.OnError == "" {
		entry.OnError = OnErrorMatch
		if entry.Verdict.Verdict == flow.Allow {
			entry.OnError = OnErrorSkip
		}
	}
	if !entry.ValidUntil.IsZero() && !entry.ValidFrom.Before(entry.ValidUntil.Time) {
		d.problem(at+".validUntil", "", "validUntil is not after validFrom")
	}
	rule := &compiledRule{condition: d.condition(at+".when", string(entry.When), everything)}
	rule.Rule = Rule{
		ID: entry.ID, Policy: d.file.Name, Description: entry.Description, When: string(entry.When), Verdict: entry.Verdict.Verdict,
		Mode: entry.Mode, OnError: entry.OnError, Reason: first(entry.Reason, entry.Description), LegalBasis: entry.LegalBasis,
		Purpose: entry.Purpose, Evidence: entry.Evidence, Owner: entry.Owner, Contact: first(entry.Contact, d.file.Contact),
		ValidFrom: entry.ValidFrom.Time, ValidUntil: entry.ValidUntil.Time, File: d.positions.File(), Line: line,
	}
	if entry.Redact != nil {
		rule.Redact = d.redaction(at, entry)
	}
	rule.verdict = PolicyVerdict{Policy: d.file.Name, Verdict: rule.Verdict, Rule: &rule.Rule, Shadow: d.file.Mode == Shadow}
	return rule
}

func (d *documentReader) checkID(at, id string, line int, ids map[string]int) {
	if !identifier.MatchString(id) {
		d.problem(at+".id", "", "id must be of %s", identifierForm)
		return
	}
	if before, taken := ids[id]; taken {
		d.problem(at+".id", fmt.Sprintf("first on line %d", before), "rule id %q is taken in this policy", id)
		return
	}
	ids[id] = line
}

// condition returns the compiled expression at path, nil after reporting what is wrong with it.
func (d *documentReader) condition(path, text string, allowed [len(groupNames)]bool) *condition {
	if !d.require(path, "a condition in CEL; "+everyFlow) || strings.TrimSpace(text) == "" {
		return nil // an empty text, or something other than text, was reported when it was read
	}
	c := d.compiled[text]
	if c == nil || !within(c.groups, allowed) {
		found := d.mistakes[text]
		if c != nil {
			_, found = compile(text, allowed, d.own) // to say where it reads what it may not
		}
		d.report(path, found)
		return nil
	}
	d.report(path, d.checkLists(c))
	return c
}

// report adds mistakes of the expression at path.
func (d *documentReader) report(path string, mistakes []mistake) {
	for _, m := range mistakes {
		line, column := d.positions.Inside(path, m.line, m.column)
		d.problems = append(d.problems, document.Problem{File: d.positions.File(), Line: line, Column: column, Message: m.message, Hint: m.hint})
	}
}

// compileAll compiles every condition that the snapshot before has not compiled, on all processors: a
// third of a millisecond each adds up.
func (r *reader) compileAll(parts []part) {
	var texts []string
	want := func(text string) {
		if _, known := r.compiled[text]; known || strings.TrimSpace(text) == "" {
			return
		}
		r.compiled[text] = r.previous[text]
		if r.compiled[text] == nil {
			texts = append(texts, text)
		}
	}
	for _, p := range parts {
		if d, ok := p.content.(*policyFile); ok {
			for i := range d.Inspect {
				want(string(d.Inspect[i].When))
			}
			for i := range d.Rules {
				want(string(d.Rules[i].When))
			}
		}
	}
	compiled, mistakes := make([]*condition, len(texts)), make([][]mistake, len(texts))
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(texts)) {
		wait.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(texts)); i = next.Add(1) - 1 {
				compiled[i], mistakes[i] = compileSafely(texts[i], r.own)
			}
		})
	}
	wait.Wait()
	for i, text := range texts {
		if compiled[i] == nil {
			delete(r.compiled, text)
			r.mistakes[text] = mistakes[i]
			continue
		}
		r.compiled[text] = compiled[i]
	}
}

// compileSafely turns a panic of the compiler, which would end the process from this goroutine, into
// a mistake.
func compileSafely(text string, own ownNames) (c *condition, found []mistake) {
	defer func() {
		if recover() != nil {
			c, found = nil, []mistake{{1, 1, "the condition cannot be compiled: internal error", ""}}
		}
	}()
	return compile(text, everything, own)
}

func within(groups, allowed [len(groupNames)]bool) bool {
	for g, read := range groups {
		if read && !allowed[g] {
			return false
		}
	}
	return true
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
