package benchmark

import (
	"context"
	"fmt"
	"strings"

	"github.com/borderflow/borderflow/rules/flow"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// openPolicyAgent is a prepared query. It is given its best case: one complete rule, whose bodies OPA
// indexes by their equalities and leaves at the first that holds, and inputs that are parsed already.
type openPolicyAgent struct{ query rego.PreparedEvalQuery }

func newOpenPolicyAgent(ctx context.Context, rules []rule) (*openPolicyAgent, error) {
	query, err := rego.New(rego.Query("data.measured.block"), rego.Module("measured.rego", module(rules)), rego.SetRegoVersion(ast.RegoV1)).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("prepare the query: %w", err)
	}
	return &openPolicyAgent{query}, nil
}

func module(rules []rule) string {
	var b strings.Builder
	b.WriteString("package measured\n\ndefault block := false\n")
	for _, r := range rules {
		b.WriteString("\nblock if {\n")
		add := func(present bool, format string, value any) {
			if present {
				fmt.Fprintf(&b, "\t"+format+"\n", value)
			}
		}
		add(r.host != "", "input.destination.host == %q", r.host)
		add(r.suffix != "", "input.destination.domains[_] == %q", r.suffix)
		if len(r.countries) == 1 {
			add(true, "input.destination.country == %q", r.countries[0])
		} else {
			add(len(r.countries) > 1, "input.destination.country in {%s}", quoted(r.countries))
		}
		add(r.port != 0, "input.destination.port == %d", r.port)
		add(r.method != "", "input.request.method == %q", r.method)
		add(r.identity != "", "input.source.identity == %q", r.identity)
		add(r.category != "", "input.data.counts[%q] > 0", r.category)
		if r.counted != "" {
			fmt.Fprintf(&b, "\tinput.data.counts[%q] > %d\n", r.counted, r.above)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// input returns the flow as the query's input. Domains are the host and all above it, made outside of
// the measurement.
func input(f *flow.Flow) (ast.Value, error) {
	var domains []any
	for host, more := f.Destination.Host, true; more; _, host, more = strings.Cut(host, ".") {
		domains = append(domains, host)
	}
	counts := map[string]any{}
	for _, c := range f.Data.Categories {
		counts[c.Name] = count(f, c.Name)
	}
	return ast.InterfaceToValue(map[string]any{
		"source":      map[string]any{"identity": f.Source.Identity},
		"destination": map[string]any{"host": f.Destination.Host, "domains": domains, "country": f.Destination.Location.Country, "port": int(f.Destination.Port)},
		"request":     map[string]any{"method": f.Request.Method},
		"data":        map[string]any{"counts": counts},
	})
}

func (o *openPolicyAgent) blocks(ctx context.Context, input ast.Value) (bool, error) {
	results, err := o.query.Eval(ctx, rego.EvalParsedInput(input))
	if err != nil {
		return false, fmt.Errorf("evaluate the query: %w", err)
	}
	blocked, ok := results[0].Expressions[0].Value.(bool)
	if !ok {
		return false, fmt.Errorf("the query answered %v", results[0].Expressions[0].Value)
	}
	return blocked, nil
}
