package main

import (
	"context"
	"net/netip"
	"time"

	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/rogpeppe/go-internal/testscript"
)

// writeRecord is "writerecord DIR ID": it writes the record of a blocked upload to the United States,
// as a proxy with that state directory would.
func writeRecord(script *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 2 {
		script.Fatalf("usage: writerecord DIR ID")
	}
	f := &flow.Flow{ID: args[1], Started: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC),
		Source: flow.Source{Address: netip.MustParseAddr("192.0.2.7"), IdentityState: flow.Absent, CountryState: flow.Absent},
		Destination: flow.Destination{Host: "api.example.com", Port: 443, Address: netip.MustParseAddr("198.51.100.9"), AddressState: flow.Known,
			LocationState: flow.Known, Location: flow.Location{Country: "US", Confidence: 0.9}},
		Request: flow.Request{State: flow.Known, Method: "POST", Scheme: "https", Protocol: "h2", Path: "/orders"},
		Data: flow.Data{State: flow.Known, Categories: []flow.Category{{Name: "financial", Count: 1, Strength: flow.Strong}},
			Coverage: flow.CoverageFull, Bytes: 10}}
	record := new(evidence.Record)
	record.SetFlow(f)
	record.Verdict, record.Rule, record.Policy, record.Phase, record.Outcome = "block", "upload", "cards", "body", evidence.Blocked
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	log, err := evidence.Open(script.MkAbs(args[0]), evidence.Options{Identifiers: evidence.Clear})
	script.Check(err)
	ended := make(chan error, 1)
	go func() { ended <- log.Run(ctx) }()
	script.Check(log.AppendAndWait(ctx, record))
	script.Check(log.Close(ctx))
	script.Check(<-ended)
}
