package rules

import (
	"fmt"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"
)

// Limits of one condition.
const (
	maxConditionLength = 32 << 10 // characters
	maxNestedLoops     = 2
)

// environment returns the CEL environment of apiVersion borderflow/v1. It is made from constant
// tables once, and is safe for concurrent use.
var environment = sync.OnceValues(newEnvironment)

func newEnvironment() (*cel.Env, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, fmt.Errorf("prepare the language of conditions: %w", err)
	}
	options := []cel.EnvOption{
		cel.CustomTypeAdapter(registry),
		cel.CustomTypeProvider(newProvider(registry)),
		cel.Variable(nowName, cel.TimestampType),
		cel.DefaultUTCTimeZone(true),
		cel.HomogeneousAggregateLiterals(),
		cel.ParserExpressionSizeLimit(maxConditionLength),
		// The has(…) macro is left out: it tells a field that could not be established from one that
		// is empty as little as anything else does, and could not say so.
		cel.ClearMacros(),
		cel.Macros(cel.AllMacro, cel.ExistsMacro, cel.ExistsOneMacro, cel.MapMacro, cel.MapFilterMacro, cel.FilterMacro),
		cel.ASTValidators(cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateRegexLiterals(),
			cel.ValidateHomogeneousAggregateLiterals(), cel.ValidateComprehensionNestingLimit(maxNestedLoops)),
		ext.Strings(),
		cel.Lib(listLibrary{}),
	}
	for i, name := range groupNames {
		options = append(options, cel.Variable(name, groupTypes[i]))
	}
	for i := range functions {
		options = append(options, functions[i].declare())
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("prepare the language of conditions: %w", err)
	}
	return env, nil
}

// provider tells CEL the fields of the groups, and reads them from a scope.
type provider struct {
	types.Provider
	fields map[string]map[string]*types.FieldType // by type and field
	names  map[string][]string                    // by type, in the order of the tables
}

func newProvider(base types.Provider) *provider {
	p := &provider{Provider: base, fields: map[string]map[string]*types.FieldType{}, names: map[string][]string{}}
	for i := range attributes {
		a := &attributes[i]
		p.add(groupTypes[a.group], a.name, a.kind, func(target any) ref.Val {
			g, ok := target.(*group)
			if !ok {
				return nil
			}
			return g.scope.attribute(a)
		})
	}
	for i := range claimFields {
		f := &claimFields[i]
		p.add(claimType, f.name, f.kind, func(target any) ref.Val {
			c, ok := target.(*claim)
			if !ok {
				return nil
			}
			return f.read(c)
		})
	}
	return p
}

// add declares one field. What get returns nil for is itself unknown or an error, as an element of
// an unknown list is, and stays so.
func (p *provider) add(owner *types.Type, name string, kind *types.Type, get func(target any) ref.Val) {
	if p.fields[owner.TypeName()] == nil {
		p.fields[owner.TypeName()] = map[string]*types.FieldType{}
	}
	p.names[owner.TypeName()] = append(p.names[owner.TypeName()], name)
	p.fields[owner.TypeName()][name] = &types.FieldType{
		Type:  kind,
		IsSet: func(any) bool { return true },
		GetFrom: func(target any) (any, error) {
			value := get(target)
			if value == nil {
				value, _ = target.(ref.Val)
			}
			switch v := value.(type) {
			case nil:
				return nil, fmt.Errorf("field %s of something that has no fields", name)
			case *types.Err:
				return nil, v
			}
			return value, nil
		},
	}
}

// FindStructType is part of types.Provider.
func (p *provider) FindStructType(name string) (*types.Type, bool) {
	if _, ok := p.fields[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Provider.FindStructType(name)
}

// FindStructFieldNames is part of types.Provider.
func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	if names, ok := p.names[name]; ok {
		return names, true
	}
	return p.Provider.FindStructFieldNames(name)
}

// FindStructFieldType is part of types.Provider.
func (p *provider) FindStructFieldType(owner, name string) (*types.FieldType, bool) {
	if fields, ok := p.fields[owner]; ok {
		field, found := fields[name]
		return field, found
	}
	return p.Provider.FindStructFieldType(owner, name)
}

// NewValue is part of types.Provider. Conditions read facts, they do not make them.
func (p *provider) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if _, ok := p.fields[name]; ok {
		return types.NewErr("%s cannot be made", name)
	}
	return p.Provider.NewValue(name, fields)
}
