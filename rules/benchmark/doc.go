// Package benchmark compares the rule engine with plain evaluation in order, with hand-written Go
// behind an index, and with prepared queries of Open Policy Agent, on the same rules and flows, in
// one run:
//
//	cd rules/benchmark && go test -bench . -benchmem
//
// Each line is one number of rules; besides ns/op, which is borderflow's, it reports what the other
// engines took (ns) and how many times as long that is (the ratios). The engines take turns in short
// rounds and the median round counts, so that a busy machine slows them down alike.
//
// It is a module of its own, so that OPA is no part of borderflow. Before anything is measured all
// engines have to agree on every flow.
package benchmark
