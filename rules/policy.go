package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/borderflow/borderflow/rules/classify"
	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/redact"
)

// Policy is an immutable compiled snapshot of a set of policy documents. It is safe for concurrent
// use.
type Policy struct {
	hash          string
	policies      []*legalRegime // by name
	lists         map[string]*list
	groups        map[string]*GroupInfo // of countries
	exemptions    []*Exemption          // by name
	detectors     []classify.Custom     // of the directory\'s own, by id
	detectorsHash string
	boundaries    []time.Time // when rules, exemptions and memberships begin or end, ascending
	index         *index
	conditions    map[string]*condition
	undisputed    []PolicyVerdict // every policy's verdict when no rule matches
	scopes        *sync.Pool
}

// legalRegime is one policy document.
type legalRegime struct {
	name     string
	info     Info
	fallback flow.Verdict // when no rule matches
	blind    flow.Verdict // when what a rule needs cannot be read
	large    LargeBody    // when what a rule needs is larger than what is held in memory
	shadow   bool
	inspect  []inspectRule
	rules    []*compiledRule
	first    int // position of its first rule in the index
	last     int // the position behind its last one
}

type inspectRule struct {
	condition *condition
	level     flow.Inspection
}

// compiledRule is a rule that can be evaluated.
type compiledRule struct {
	Rule
	condition  *condition
	verdict    PolicyVerdict   // what its policy says when it decides
	alone      []PolicyVerdict // the same, where there is no other policy
	exemptions []*Exemption    // that can keep it from matching
}

// Rule is one rule as the record and the answer to a blocked client name it. It is not to be
// changed.
type Rule struct {
	ID          string
	Policy      string
	Description string
	When        string // the condition, in CEL
	Verdict     flow.Verdict
	Mode        Mode
	OnError     OnError
	Reason      string // for the blocked client; the description unless the rule says otherwise
	LegalBasis  string
	Purpose     string
	Evidence    string
	Owner       string
	Contact     string    // whom to ask; the policy's unless the rule says otherwise
	ValidFrom   time.Time // zero: always was
	ValidUntil  time.Time // the first moment at which it no longer applies; zero: without end
	File        string
	Line        int

	// Redact is what an allow rule takes out of the payload before it lets it pass; nil: nothing.
	Redact *redact.Redaction
}

// Info describes one policy document of a snapshot.
type Info struct {
	Name            string
	Description     string
	Contact         string
	Mode            Mode
	Default         flow.Verdict
	OnUninspectable flow.Verdict
	OnLargeBody     LargeBody
	File            string
	Rules           int
}

// Parse compiles the documents in files, which are keyed by path, and reports every mistake in all of
// them. Files with names that end in .txt are the entries of lists. The policy is nil if there is any
// mistake.
func Parse(files map[string][]byte) (*Policy, document.Problems) { return parse(files, nil) }

// parse is Parse, and takes over from previous what is compiled already.
func parse(files map[string][]byte, previous *Policy) (*Policy, document.Problems) {
	r := newReader(previous)
	r.read(files)
	if len(r.problems) > 0 {
		return nil, r.problems.Sort()
	}
	p := &Policy{conditions: r.compiled, policies: r.policies, lists: r.lists, groups: r.groups, exemptions: r.exemptions}
	slices.SortFunc(p.policies, func(a, b *legalRegime) int { return strings.Compare(a.name, b.name) })
	slices.SortFunc(p.exemptions, func(a, b *Exemption) int { return strings.Compare(a.Name, b.Name) })
	for _, regime := range p.policies {
		p.undisputed = append(p.undisputed, PolicyVerdict{Policy: regime.name, Verdict: regime.fallback, Shadow: regime.shadow})
	}
	if len(p.policies) == 1 {
		for _, rule := range p.policies[0].rules {
			rule.alone = []PolicyVerdict{rule.verdict}
		}
	}
	p.boundaries = boundariesOf(p.policies, p.exemptions, p.groupBoundaries())
	p.index = newIndex(p.policies)
	p.scopes = &sync.Pool{New: func() any { return newScope(p.lists, p.groups, p.index) }}
	r.addDetectors(p)
	p.hash = r.hash(p)
	return p, nil
}

// hash identifies what the documents say, whatever files, order, layout and comments they have. Lists
// are named in it with the hash of their entries.
func (r *reader) hash(p *Policy) string {
	slices.SortFunc(r.documents, func(a, b *policyFile) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(r.exemptionDocuments, func(a, b *exemptionDocument) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(r.groupDocuments, func(a, b *groupDocument) int { return strings.Compare(a.Name, b.Name) })
	said := struct {
		Policies   []*policyFile
		Lists      []hashedList         `json:",omitempty"`
		Groups     []*groupDocument     `json:",omitempty"`
		Detectors  string               `json:",omitempty"` // their hash
		Exemptions []*exemptionDocument `json:",omitempty"`
	}{Policies: r.documents, Groups: r.groupDocuments, Detectors: p.detectorsHash, Exemptions: r.exemptionDocuments}
	for _, info := range p.Lists() {
		said.Lists = append(said.Lists, hashedList{info.Name, info.Type, info.Hash})
	}
	text, err := json.Marshal(said)
	if err != nil {
		panic(fmt.Sprintf("rules: policy documents are plain data: %v", err))
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// addDetectors takes over the detectors, and their hash.
func (r *reader) addDetectors(p *Policy) {
	if len(r.detectors) == 0 {
		return
	}
	p.detectors = r.detectors
	slices.SortFunc(p.detectors, func(a, b classify.Custom) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(r.detectorDocuments, func(a, b hashedDetector) int { return strings.Compare(a.Detector.ID, b.Detector.ID) })
	text, err := json.Marshal(r.detectorDocuments)
	if err != nil {
		panic(fmt.Sprintf("rules: detector documents are plain data: %v", err))
	}
	sum := sha256.Sum256(text)
	p.detectorsHash = hex.EncodeToString(sum[:])
}

// hashedList is a list as the hash of a snapshot names it.
type hashedList struct {
	Name string
	Type ListType
	Hash string
}

// Hash returns the SHA-256 of what the policy says, in lower-case hexadecimal digits.
func (p *Policy) Hash() string { return p.hash }

// ShortHash returns the first 12 digits of Hash, for people.
func (p *Policy) ShortHash() string { return p.hash[:12] }

// Policies describes the policy documents, sorted by name.
func (p *Policy) Policies() []Info {
	infos := make([]Info, len(p.policies))
	for i, regime := range p.policies {
		infos[i] = regime.info
	}
	return infos
}

// Rules returns every rule, by policy and in the order of evaluation.
func (p *Policy) Rules() []*Rule {
	var all []*Rule
	for _, regime := range p.policies {
		for _, rule := range regime.rules {
			all = append(all, &rule.Rule)
		}
	}
	return all
}
