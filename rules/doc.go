// Package rules decides: policy files become compiled CEL conditions, and a flow becomes a Decision.
//
// A Policy is an immutable snapshot of every policy document in a directory, one document per legal
// regime. Within a document the first rule that matches decides; across documents the strictest
// verdict wins, because complying with one law never excuses from another; log marks the flow and
// goes on. When no rule matches, the document's default holds.
//
// Two ideas make it work. Facts that are not established yet are CEL unknowns, so one evaluation
// tells which rules wait for what, and a verdict that no outstanding fact can change is given at
// once: most flows are decided before their payload is read. And facts that cannot be had never
// look like facts that are not there: an unavailable attribute makes a block rule match and an
// allow rule not match, and a payload that cannot be read has the outcome that the policy states.
//
// Rules are found through an index on what is necessary for them to be true (index.go), so that a
// flow pays for the rules it could match and not for all there are. Lists of hosts, domains, networks,
// countries and words, groups of countries with the time of each membership, and exemptions from single
// rules, are documents of their own beside the policies, so that others can own them:
//
//	{apiVersion: borderflow/v1, kind: List, name: partners, type: suffixes, file: partners.txt}
//
//	{apiVersion: borderflow/v1, kind: Group, name: OurPartners, members: [{country: JP, from: 2026-01-01, source: contract 2025-11}]}
//
//	{apiVersion: borderflow/v1, kind: Exemption, name: migration, rule: eu/no-transfer, source: {identity: shop},
//	 destination: {host: api.example.com}, approvedBy: dpo@example.com, reason: ticket 4711, from: 2026-07-01, until: 2026-09-30}
//
//	policy, problems, err := rules.Load("/etc/borderflow/policy")
//	decision := policy.Decide(f, flow.Connect)
//	if decision.Verdict == flow.Undecided && decision.NeedsData { … read the payload, decide again … }
//
// An allow rule may let a payload pass on condition that values are taken out of it. Its policy then waits
// for the payload, Decision.Redact adds up what the policies ask for, and a payload that is not read
// whole is blocked:
//
//	{id: ai, when: 'destination.under("ai.example")', verdict: allow, redact: {categories: [government-id], with: mask}}
//
// Store keeps the newest good snapshot of a directory while people edit it, asks its Gate before a
// snapshot comes into force, and keeps the last good one for the next start. Reference lists what
// conditions can say, taken from the tables that the evaluation itself runs on; reference.md is it.
//
// It leaves finding the facts to the data plane, the classifier and package jurisdiction, and
// carrying verdicts out to package proxy.
package rules
