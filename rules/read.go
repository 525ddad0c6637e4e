package rules

import (
	"fmt"
	"regexp"
	"strings"

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
	everything = [len(groupNames)]bool{true, true, true, true}
	atConnect  = [len(groupNames)]bool{sourceGroup: true, destinationGroup: true}
)

// reader turns files into policies and collects everything that is wrong with them.
type reader struct {
	previous map[string]*condition // of the snapshot before
	compiled map[string]*condition // of this one, by text
	names    map[string]string     // policy name → where it stands
	rules    int
	policies []*legalRegime
	problems document.Problems
}

// read reads one file and returns its documents.
func (r *reader) read(file string, data []byte) []policyFile {
	documents, positions, problems := document.DecodeAllWithPositions[policyFile](file, data)
	r.problems = append(r.problems, problems...)
	if len(documents) == 0 && len(problems) == 0 {
		// An editor that saves in two steps leaves an empty file between them.
		r.problems = append(r.problems, document.Problem{File: file, Message: "the file holds no policy", Hint: "remove it if that is meant"})
	}
	for i := range documents {
		check := &documentReader{reader: r, positions: positions[i], file: &documents[i]}
		check.read()
	}
	return documents
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

// require reports a field that is missing. A field that is there and wrong is reported already.
func (d *documentReader) require(path, hint string) bool {
	if d.positions.Has(path) {
		return true
	}
	name := path[strings.LastIndex(path, ".")+1:]
	d.problem(path, hint, "%s is required", name)
	return false
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
	regime := &legalRegime{
		name: f.Name, fallback: f.Default.Verdict, blind: f.OnUninspectable.Verdict, shadow: f.Mode == Shadow,
		info: Info{Name: f.Name, Description: f.Description, Contact: f.Contact, Mode: f.Mode, Default: f.Default.Verdict,
			OnUninspectable: f.OnUninspectable.Verdict, File: d.positions.File(), Rules: len(f.Rules)},
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
		d.problem("name", "first at "+before, "policy name %q is taken", name)
		return
	}
	line, column := d.positions.At("name")
	d.names[name] = fmt.Sprintf("%s:%d:%d", d.positions.File(), line, column)
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

// condition compiles the expression at path, unless it is compiled already.
func (d *documentReader) condition(path, text string, allowed [len(groupNames)]bool) *condition {
	if !d.require(path, "a condition in CEL; "+everyFlow) || strings.TrimSpace(text) == "" {
		return nil // an empty text, or something other than text, was reported when it was read
	}
	if ready := d.ready(text); ready != nil && within(ready.groups, allowed) {
		return ready
	}
	c, mistakes := compile(text, allowed)
	for _, m := range mistakes {
		line, column := d.positions.Inside(path, m.line, m.column)
		d.problems = append(d.problems, document.Problem{File: d.positions.File(), Line: line, Column: column, Message: m.message, Hint: m.hint})
	}
	if c != nil {
		d.compiled[text] = c
	}
	return c
}

// ready returns the condition with this text that this snapshot or the one before has compiled.
func (r *reader) ready(text string) *condition {
	if c, ok := r.compiled[text]; ok {
		return c
	}
	if c, ok := r.previous[text]; ok {
		r.compiled[text] = c
		return c
	}
	return nil
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
