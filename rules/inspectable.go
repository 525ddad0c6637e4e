package rules

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/google/cel-go/common/ast"

	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/flow"
)

// Document is one policy document of a snapshot, with where each of its fields stands.
type Document struct {
	Info
	Positions *document.Positions
	Rules     []*Rule // in the order of evaluation; fields of the third stand at "rules[2].…"
}

// Documents returns the policy documents in files, which are those that p was made from, sorted by name.
func (p *Policy) Documents(files map[string][]byte) []Document {
	positions := map[string]*document.Positions{} // by policy
	for _, name := range sortedKeys(files) {
		if !isDocument(name) {
			continue
		}
		values, places, _ := document.DecodeKinds(name, files[name], newDocument)
		for i := range values {
			if d, ok := values[i].(*policyFile); ok {
				positions[d.Name] = places[i]
			}
		}
	}
	var found []Document
	for _, regime := range p.policies {
		if positions[regime.name] == nil {
			continue
		}
		d := Document{Info: regime.info, Positions: positions[regime.name]}
		for _, rule := range regime.rules {
			d.Rules = append(d.Rules, &rule.Rule)
		}
		found = append(found, d)
	}
	return found
}

// Files reads what Load would read: the policy files of dir and the files that their lists name.
func Files(dir string) (map[string][]byte, document.Problems, error) { return readDirectory(dir) }

// DocumentTypes returns the Go types that the documents of a policy directory are decoded into, by
// their kind.
func DocumentTypes() map[string]reflect.Type {
	return map[string]reflect.Type{
		policyKind: reflect.TypeFor[policyFile](), listKind: reflect.TypeFor[listDocument](), exemptionKind: reflect.TypeFor[exemptionDocument](),
		groupKind: reflect.TypeFor[groupDocument](), detectorKind: reflect.TypeFor[detectorDocument](),
	}
}

// Tree returns the checked syntax tree of a condition, before anything is folded away. Positions in
// it are lines and characters of the text.
func Tree(condition string) (*ast.AST, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	checked, issues := env.Compile(condition)
	if err := issues.Err(); err != nil {
		return nil, fmt.Errorf("check a condition: %w", err)
	}
	return checked.NativeRep(), nil
}

// ErrUndetermined is returned for a condition that depends on facts that f does not have.
var ErrUndetermined = errors.New("the condition depends on facts that are not known")

// Evaluate says whether the condition of rule, which is one of p's, is true of f. It asks neither for
// the rule's validity nor for the rules before it. The error is ErrUndetermined, or says why the
// condition could not be evaluated; it never repeats a value of the flow.
func (p *Policy) Evaluate(rule *Rule, f *flow.Flow, now time.Time) (bool, error) {
	for _, regime := range p.policies {
		for _, candidate := range regime.rules {
			if &candidate.Rule == rule {
				return p.evaluate(candidate, f, now)
			}
		}
	}
	return false, fmt.Errorf("rule %q is not of this policy", rule.ID)
}

func (p *Policy) evaluate(rule *compiledRule, f *flow.Flow, now time.Time) (bool, error) {
	s := p.scopes.Get().(*scope)
	defer p.scopes.Put(s)
	defer s.forget()
	s.flow, s.final, s.now = f, false, now.UTC()
	switch result, _, err := rule.condition.evaluate(s); result {
	case matched:
		return true, nil
	case unmatched:
		return false, nil
	case failed:
		return false, errors.New(reason(err))
	}
	return false, ErrUndetermined
}
