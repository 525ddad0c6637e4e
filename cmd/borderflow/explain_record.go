package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
)

// notRecorded are the facts that no record keeps, and what stands for them in conditions.
var notRecorded = []string{
	"request.path", "request.query", "request.header", "request.size",
	"source.namespace", "source.serviceAccount", "source.label", "data.labels",
	"data.entropy",
}

var (
	requestFacts = []string{"request.method", "request.scheme", "request.protocol"}
	dataFacts    = []string{"data.has", "data.count", "data.found", "data.categories", "data.subjects", "data.inspected", "data.undecodable"}
)

// explainRecord explains a recorded flow by what its record keeps.
func explainRecord(policy *rules.Policy, stateDir, id string, now time.Time) (explainAnswer, error) {
	record, err := findRecord(filepath.Join(stateDir, "evidence"), id)
	if err != nil {
		return explainAnswer{}, err
	}
	f, missing := recordedFlow(record)
	if now.IsZero() {
		now = record.Time
	}
	explainer := rules.NewExplainer(policy)
	explainer.Without(missing...)
	answer := newExplainAnswer(explainer.Explain(f, flow.Body, now))
	answer.Phase, answer.Inspection = record.Phase, record.Inspection
	answer.Record = &explainedRecord{ID: record.ID, Verdict: record.Verdict, Policy: record.Policy, Rule: record.Rule,
		SamePolicy: record.PolicyHash == policy.Hash(), Missing: known(missing)}
	// What would be decided now cannot be told from a record; what was decided stands in it.
	answer.Verdict, answer.Policy, answer.Rule, answer.Uninspectable = record.Verdict, record.Policy, record.Rule, record.Uninspectable
	return answer, nil
}

// known leaves out what conditions of this version do not have.
func known(names []string) []string {
	var found []string
	for _, entry := range rules.Reference() {
		name := entry.Name
		for i, r := range name {
			if r == '(' {
				name = name[:i]
				break
			}
		}
		if slices.Contains(names, name) && !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	return found
}

// findRecord returns the record of the flow's outcome, the newest if there are several.
func findRecord(dir, id string) (*evidence.Record, error) {
	archive, err := evidence.OpenArchive(dir)
	if err != nil {
		return nil, badInput(fmt.Errorf("read the records: %w", err))
	}
	found, err := archive.Find(id)
	if err != nil && !errors.Is(err, evidence.ErrNoRecord) {
		return nil, badInput(fmt.Errorf("read the records: %w", err))
	}
	for _, seq := range slices.Backward(found) {
		line, _, err := archive.Line(seq)
		if err != nil {
			return nil, badInput(fmt.Errorf("read the records: %w", err))
		}
		// A line that is none is for whoever verifies the log; the others can still be read.
		if record, err := evidence.Parse(line); err == nil && record.Kind == evidence.KindFlow {
			return record, nil
		}
	}
	return nil, failed(fmt.Errorf("there is no record of flow %q in %s", id, dir))
}

// recordedFlow returns what a record keeps of its flow, and which facts it does not keep.
func recordedFlow(r *evidence.Record) (*flow.Flow, []string) {
	missing := slices.Clone(notRecorded)
	unavailable := func(group string, state flow.State) flow.State {
		if slices.Contains(r.Unavailable, group) {
			return flow.Unavailable
		}
		return state
	}
	f := &flow.Flow{ID: r.ID, Started: r.Time,
		Source: recordedSource(r),
		Request: flow.Request{State: unavailable("request", flow.Known), Method: r.Request.Method, Scheme: r.Request.Scheme,
			Protocol: r.Request.Protocol, Size: -1},
		Data: flow.Data{State: unavailable("data", flow.Known), Categories: r.Data.Categories, Findings: r.Data.Findings,
			Subjects: r.Data.Subjects, Undecodable: r.Data.Undecodable, Bytes: r.Data.Bytes},
	}
	if r.Source.AddressHash != "" {
		missing = append(missing, "source.address")
	}
	if r.Source.IdentityHash != "" {
		missing = append(missing, "source.identity")
	}
	d := &r.Destination
	located := d.Country != "" || len(d.Jurisdictions) > 0 || d.Operator != "" || d.OperatorHome != "" || d.Cloud != "" || d.Anycast
	f.Destination = flow.Destination{Host: d.Host, Port: d.Port, Address: d.Address, Exemption: d.Exemption,
		AddressState: unavailable("destination.address", knownIf(d.Address.IsValid())), LocationState: unavailable("destination.location", knownIf(located)),
		Location: d.Location()}
	for _, coverage := range []flow.Coverage{flow.CoverageNone, flow.CoveragePartial, flow.CoverageFull} {
		if coverage.String() == r.Data.Inspected {
			f.Data.Coverage = coverage
		}
	}
	if r.Request.Protocol == "connect" && f.Request.State == flow.Known {
		missing = append(missing, requestFacts...) // of the tunnel; its requests have records of their own
	}
	if f.Data.State == flow.Known && f.Data.Coverage == flow.CoverageNone && r.Phase != flow.Body.String() {
		missing = append(missing, dataFacts...) // the verdict fell before the payload was read
	}
	return f, missing
}

// recordedSource is who sent. What a record keeps as a hash is pending: a condition on it cannot be
// decided again.
func recordedSource(r *evidence.Record) flow.Source {
	source := flow.Source{Address: r.Source.Address, Pseudonym: cmp.Or(r.Source.IdentityHash, r.Source.AddressHash), Port: r.Source.Port,
		Identity: r.Source.Identity, Assurance: r.Source.Assurance, IdentityState: recordedState(r, "source.identity", r.Source.Identity != ""),
		Country: r.Source.Country, CountryState: recordedState(r, "source.country", r.Source.Country != "")}
	if r.Source.IdentityHash != "" {
		source.IdentityState = flow.Pending
	}
	return source
}

func knownIf(stated bool) flow.State {
	if stated {
		return flow.Known
	}
	return flow.Absent
}
