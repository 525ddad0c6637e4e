package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/ruletest"
	"github.com/spf13/cobra"
)

// benchAnswer is bench's answer; its field names are kept stable. Times are of one decision, measured
// over batches, because a single one is too short for the clock.
type benchAnswer struct {
	Policies int             `json:"policies"`
	Rules    int             `json:"rules"`
	Flows    []benchedFlow   `json:"flows"`
	Costs    []benchedRule   `json:"costs"`
	Machine  benchedPlatform `json:"machine"`
}

type benchedPlatform struct {
	Go       string `json:"go"`
	Platform string `json:"platform"`
	CPUs     int    `json:"cpus"`
}

type benchedFlow struct {
	Host        string  `json:"host"`
	Verdict     string  `json:"verdict"`
	Phase       string  `json:"phase"`
	Held        bool    `json:"held"` // the payload is read before the verdict
	Decisions   int     `json:"decisions"`
	Nanoseconds float64 `json:"ns"` // median
	P90         float64 `json:"ns_p90"`
	P99         float64 `json:"ns_p99"`
	Allocations float64 `json:"allocations"`
	Bytes       float64 `json:"bytes"`
}

type benchedRule struct {
	Policy       string   `json:"policy"`
	Rule         string   `json:"rule"`
	File         string   `json:"file"`
	Line         int      `json:"line"`
	Least        uint64   `json:"cost_least"`
	Most         *uint64  `json:"cost_most"` // null: there is no bound
	Metered      bool     `json:"metered"`
	Reads        []string `json:"reads"`
	HoldsPayload bool     `json:"holds_payload"`
}

func benchCommand() *cobra.Command {
	var flags settings
	var output string
	var duration time.Duration
	command := &cobra.Command{
		Use:   "bench [FLOWS.yaml]",
		Short: "Measure how long the policy takes to decide, and say which rules cost what",
		Long: `Measure how long the policy takes to decide, over flows of your own (documents as explain reads them) or
a few built-in ones: nanoseconds and allocations of the last decision on each flow. The times are of
this machine as it is loaded now; compare them within one run.

For each rule it says what one evaluation can cost in CEL's steps, whether it is metered for that, and
whether flows are held back until their payload has been read because of it.`,
		Example: `  borderflow bench --policy policies
  borderflow bench --policy policies flows.yaml --duration 2s`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if duration < 10*time.Millisecond || duration > time.Minute {
				return badInput(fmt.Errorf("--duration: found %v, expected 10ms to 1m", duration))
			}
			config, err := flags.load(os.Getenv)
			if err != nil {
				return err
			}
			policy, err := policyOrEmbedded(config.Policy.Dir)
			if err != nil {
				return err
			}
			flows := builtinFlows()
			if len(args) == 1 {
				if flows, err = readFlows(args[0], command.InOrStdin()); err != nil {
					return err
				}
			}
			answer := bench(policy, flows, duration)
			if output == "json" {
				return writeJSON(command.OutOrStdout(), answer)
			}
			return writeText(command.OutOrStdout(), answer.text())
		},
	}
	addSettings(command, &flags, "config", "policy")
	addOutput(command, &output)
	command.Flags().DurationVar(&duration, "duration", 300*time.Millisecond, "how long each flow is measured")
	return command
}

// builtinFlows are flows of the kinds that most policies tell apart.
func builtinFlows() []ruletest.Flow {
	get := ruletest.Flow{Destination: ruletest.Destination{Host: "www.example.com", Country: "US"}}
	nowhere := ruletest.Flow{Destination: ruletest.Destination{Host: "unlisted.example"}}
	personal := ruletest.Flow{Destination: ruletest.Destination{Host: "crm.example.net", Country: "DE"}, Request: ruletest.Request{Method: "POST"},
		Data: ruletest.Data{Categories: map[string]int{"personal": 3}, Subjects: 3}}
	cards := ruletest.Flow{Destination: ruletest.Destination{Host: "pay.example.org", Country: "US"}, Request: ruletest.Request{Method: "POST"},
		Data: ruletest.Data{Categories: map[string]int{"financial": 1}, Subjects: 1}}
	tunnel := ruletest.Flow{Destination: ruletest.Destination{Host: "pinned.example.com", Country: "IE"}, Unavailable: []ruletest.Group{"request", "data"}}
	return []ruletest.Flow{get, nowhere, personal, cards, tunnel}
}

func bench(policy *rules.Policy, flows []ruletest.Flow, duration time.Duration) benchAnswer {
	answer := benchAnswer{Policies: len(policy.Policies()), Rules: len(policy.Rules()), Costs: []benchedRule{},
		Machine: benchedPlatform{runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, runtime.NumCPU()}}
	now := time.Now()
	for i := range flows {
		f := flows[i].Flow()
		f.Started = now
		outcome := ruletest.Settle(policy, f, now)
		b := benchedFlow{Host: f.Destination.Host, Verdict: outcome.Decision.Verdict.String(), Phase: outcome.Phase.String(), Held: outcome.Held}
		b.measure(func() { _ = policy.DecideAt(outcome.Seen, outcome.Decision.Phase, now) }, duration)
		answer.Flows = append(answer.Flows, b)
	}
	for _, cost := range policy.Costs() {
		b := benchedRule{Policy: cost.Rule.Policy, Rule: cost.Rule.ID, File: cost.Rule.File, Line: cost.Rule.Line, Least: cost.Least,
			Metered: cost.Metered, Reads: cost.Reads, HoldsPayload: cost.HoldsPayload}
		if cost.Most != math.MaxUint64 {
			b.Most = &cost.Most
		}
		answer.Costs = append(answer.Costs, b)
	}
	return answer
}

// measure times decide in batches that are long enough for the clock.
func (b *benchedFlow) measure(decide func(), duration time.Duration) {
	const aim = 50 * time.Microsecond
	batch := 1
	for ; batch < 1<<20; batch *= 2 {
		if took := timed(decide, batch); took >= aim {
			break
		}
	}
	samples := make([]float64, 0, 1<<14)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for started := time.Now(); time.Since(started) < duration && len(samples) < cap(samples); {
		samples = append(samples, float64(timed(decide, batch).Nanoseconds())/float64(batch))
	}
	runtime.ReadMemStats(&after)
	b.Decisions = batch * len(samples)
	b.Allocations = float64(after.Mallocs-before.Mallocs) / float64(b.Decisions)
	b.Bytes = float64(after.TotalAlloc-before.TotalAlloc) / float64(b.Decisions)
	slices.Sort(samples)
	b.Nanoseconds, b.P90, b.P99 = at(samples, 0.5), at(samples, 0.9), at(samples, 0.99)
}

func timed(decide func(), times int) time.Duration {
	started := time.Now()
	for range times {
		decide()
	}
	return time.Since(started)
}

func at(sorted []float64, quantile float64) float64 {
	return sorted[min(len(sorted)-1, int(quantile*float64(len(sorted))))]
}

func (a benchAnswer) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s; %s, %s, %d CPUs\n\n", counted(a.Rules, "rule"), counted(a.Policies, "policy"), a.Machine.Go, a.Machine.Platform, a.Machine.CPUs)
	fmt.Fprintf(&b, "%-32s %-8s %-8s %9s %9s %9s %7s\n", "flow to", "verdict", "phase", "ns p50", "p90", "p99", "allocs")
	for _, f := range a.Flows {
		held := ""
		if f.Held {
			held = "  payload held"
		}
		fmt.Fprintf(&b, "%-32s %-8s %-8s %9.0f %9.0f %9.0f %7.1f%s\n", f.Host, f.Verdict, f.Phase, f.Nanoseconds, f.P90, f.P99, f.Allocations, held)
	}
	fmt.Fprintf(&b, "\n%-44s %16s\n", "rule", "steps")
	for _, c := range a.Costs {
		most := "unbounded"
		if c.Most != nil {
			most = fmt.Sprint(*c.Most)
		}
		notes := ""
		if c.Metered {
			notes += "  metered"
		}
		if c.HoldsPayload {
			notes += "  holds payloads"
		}
		fmt.Fprintf(&b, "%-44s %16s%s\n", c.Policy+"/"+c.Rule, fmt.Sprintf("%d to %s", c.Least, most), notes)
	}
	if !slices.ContainsFunc(a.Costs, func(c benchedRule) bool { return c.HoldsPayload }) {
		fmt.Fprintf(&b, "no rule makes a flow wait for its payload\n")
	}
	return b.String()
}
