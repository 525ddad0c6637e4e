package rules

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/flow"
)

// exemptionDocument is one exemption as it is written.
type exemptionDocument struct {
	APIVersion  apiVersion           `yaml:"apiVersion"`
	Kind        kind                 `yaml:"kind"`
	Name        string               `yaml:"name"`
	Description string               `yaml:"description"`
	Rule        string               `yaml:"rule"`
	Inspect     inspectionLevel      `yaml:"inspect"`
	Source      exemptionSource      `yaml:"source"`
	Destination exemptionDestination `yaml:"destination"`
	ApprovedBy  string               `yaml:"approvedBy"`
	Reason      string               `yaml:"reason"`
	From        firstMoment          `yaml:"from"`
	Until       lastMoment           `yaml:"until"`
}

type exemptionSource struct {
	Address  string `yaml:"address"`
	Network  string `yaml:"network"`
	Identity string `yaml:"identity"`
}

type exemptionDestination struct {
	Host   string `yaml:"host"`
	Suffix string `yaml:"suffix"`
}

// exemptionReader reads one exemption document.
type exemptionReader struct {
	*reader
	positions *document.Positions
	document  *exemptionDocument
	exemption *Exemption
}

func (r *reader) readExemption(d *exemptionDocument, positions *document.Positions) {
	line, _ := positions.At("name")
	e := &exemptionReader{reader: r, positions: positions, document: d, exemption: &Exemption{
		Name: d.Name, Description: d.Description, Inspect: d.Inspect.Inspection, SourceIdentity: d.Source.Identity,
		ApprovedBy: d.ApprovedBy, Reason: d.Reason, From: d.From.Time, Until: d.Until.Time, File: positions.File(), Line: line,
	}}
	require(r, positions, "apiVersion", "apiVersion: borderflow/v1")
	if require(r, positions, "name", "a name for records, for example payroll-migration") {
		e.checkName()
	}
	for _, field := range []struct{ path, hint string }{
		{"approvedBy", "who answers for it, for example dpo@example.com"}, {"reason", "why, for whoever reads the records"},
		{"from", "from: 2026-07-01"}, {"until", "until: 2026-09-30; it then ends by itself"},
	} {
		require(r, positions, field.path, field.hint)
	}
	for path, text := range map[string]string{"approvedBy": d.ApprovedBy, "reason": d.Reason} {
		if positions.Has(path) && strings.TrimSpace(text) == "" {
			e.problem(path, "", "%s is empty", path)
		}
	}
	e.checkTime()
	e.readSource()
	e.readDestination()
	e.bind()
	r.exemptions = append(r.exemptions, e.exemption)
	if len(r.exemptions) == MaxExemptions+1 {
		e.problem("name", "", "more than %d exemptions", MaxExemptions)
	}
}

func (e *exemptionReader) problem(path, hint, format string, arguments ...any) {
	e.problems = append(e.problems, e.positions.Problem(path, fmt.Sprintf(format, arguments...), hint))
}

func (e *exemptionReader) checkName() {
	name := e.document.Name
	line, column := e.positions.At("name")
	switch before, taken := e.exemptionNames[name]; {
	case !identifier.MatchString(name):
		e.problem("name", "", "name must be of %s", identifierForm)
	case taken:
		e.problem("name", "first at "+before.String(), "exemption name %q is taken", name)
	default:
		e.exemptionNames[name] = place{e.positions.File(), line, column}
	}
}

func (e *exemptionReader) checkTime() {
	from, until := e.exemption.From, e.exemption.Until
	switch {
	case from.IsZero() || until.IsZero(): // reported already
	case !from.Before(until):
		e.problem("until", "", "until is not after from")
	case until.Sub(from) > MaxExemption:
		e.problem("until", fmt.Sprintf("%d days are usual; what should last belongs into the rule", int(RecommendedExemption.Hours()/24)),
			"an exemption lasts a year at most")
	}
}

func (e *exemptionReader) readSource() {
	source := e.document.Source
	if source.Address == "" && source.Network == "" && source.Identity == "" {
		e.problem("source", "source: {address: 192.0.2.7}, {network: 192.0.2.0/24} or {identity: name}", "source is required")
	}
	if source.Address != "" {
		address, err := netip.ParseAddr(source.Address)
		if err != nil || address.Zone() != "" {
			e.problem("source.address", "for example 192.0.2.7", "%q is not an address", shorten(source.Address))
		}
		e.exemption.SourceAddress = address.Unmap()
	}
	if source.Network != "" {
		network, message, hint := parseNetwork(source.Network)
		if message == "" && network.Bits() == 0 {
			message, hint = "this network is every source", "an exemption is for one source"
		}
		if message != "" {
			e.problem("source.network", hint, "%s", message)
		}
		e.exemption.SourceNetwork = network
	}
}

func (e *exemptionReader) readDestination() {
	destination := e.document.Destination
	var message, hint string
	switch {
	case destination.Host != "" && destination.Suffix != "":
		e.problem("destination.suffix", "keep one of them", "both host and suffix are given")
	case destination.Host != "":
		if e.exemption.Host, message, hint = canonicalHostEntry(destination.Host); message != "" {
			e.problem("destination.host", hint, "%s", message)
		}
	case destination.Suffix != "":
		if e.exemption.Suffix, message, hint = canonicalSuffixEntry(destination.Suffix); message != "" {
			e.problem("destination.suffix", hint, "%s", message)
		}
	default:
		e.problem("destination", "destination: {host: api.example.com} or {suffix: example.com}", "destination is required")
	}
}

// bind finds the rule that the exemption lifts. Only block rules can be lifted: without an allow rule
// less would be permitted, and an exemption that is not certain to apply has to change nothing.
func (e *exemptionReader) bind() {
	if !e.positions.Has("rule") {
		if !e.positions.Has("inspect") {
			e.problem("rule", "rule: policy/rule-id, or inspect: sni, or inspect: none", "rule or inspect is required")
		} else if e.exemption.Inspect == flow.InspectFull {
			e.problem("inspect", "inspect: sni, or inspect: none", "an exemption cannot ask for more inspection")
		}
		return
	}
	policy, id, _ := strings.Cut(e.document.Rule, "/")
	e.exemption.Policy, e.exemption.Rule = policy, id
	i := slices.IndexFunc(e.policies, func(regime *legalRegime) bool { return regime.name == policy })
	if i < 0 {
		var names []string
		for _, regime := range e.policies {
			names = append(names, regime.name)
		}
		e.problem("rule", nearestName(policy, names), "there is no policy %q; a rule is named policy/rule-id", shorten(policy))
		return
	}
	var ids []string
	for _, rule := range e.policies[i].rules {
		if ids = append(ids, rule.ID); rule.ID != id {
			continue
		}
		if rule.Verdict != flow.Block {
			e.problem("rule", "", "rule %q has verdict %s, and only block rules can be lifted", id, rule.Verdict)
		}
		rule.exemptions = append(rule.exemptions, e.exemption)
		return
	}
	e.problem("rule", nearestName(id, ids), "policy %q has no rule %q", policy, shorten(id))
}
