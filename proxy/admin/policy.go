package admin

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// PolicyState says which policy is in force, and how attempts to change it went.
type PolicyState struct {
	Hash            string    // of the snapshot in force
	LoadedAt        time.Time // when it was loaded
	LastAttemptGood bool      // the last attempt to load the policies succeeded
	Reloads         int       // attempts that brought another snapshot into force
	FailedReloads   int
}

// policyCollector shows which policy is in force. It is a collector of its own so that a scrape
// never sees two hashes, or none in between.
type policyCollector struct {
	read                             func() PolicyState
	succeeded, since, info, attempts *prometheus.Desc
}

func newPolicyCollector(read func() PolicyState) *policyCollector {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "policy", name), help, labels, nil)
	}
	return &policyCollector{
		read:      read,
		succeeded: describe("last_reload_successful", "1 if the last attempt to load the policies succeeded, else 0."),
		since:     describe("last_reload_success_timestamp_seconds", "When the policies in force were loaded, Unix time."),
		info:      describe("info", "Always 1; the label names the policy snapshot in force.", "hash"),
		attempts:  describe("reloads_total", "Attempts to change the policies, by result.", "result"),
	}
}

// Describe implements prometheus.Collector.
func (c *policyCollector) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- c.succeeded
	descriptions <- c.since
	descriptions <- c.info
	descriptions <- c.attempts
}

// maxHash bounds the label; a SHA-256 in hexadecimal digits has 64.
const maxHash = 128

// Collect implements prometheus.Collector.
func (c *policyCollector) Collect(metrics chan<- prometheus.Metric) {
	state := c.read()
	gauge := func(description *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(description, prometheus.GaugeValue, value, labels...)
	}
	gauge(c.succeeded, oneIf(state.LastAttemptGood))
	gauge(c.since, float64(state.LoadedAt.UnixMilli())/1000)
	gauge(c.info, 1, strings.ToValidUTF8(state.Hash[:min(len(state.Hash), maxHash)], ""))
	for result, count := range map[string]int{"success": state.Reloads, "failure": state.FailedReloads} {
		metrics <- prometheus.MustNewConstMetric(c.attempts, prometheus.CounterValue, float64(count), result)
	}
}
