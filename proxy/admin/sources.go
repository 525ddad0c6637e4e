package admin

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Sources are numbers that live elsewhere and are read at each scrape. Functions may be nil: their
// metrics are then left out. They are called from several goroutines and must be quick.
type Sources struct {
	Evidence           func() EvidenceStats
	Delivery           func() []DeliveryStats
	Policy             func() PolicyState
	Connections        func() Connections
	Jurisdiction       func() []DataState
	CertificatesMinted func() uint64
	Spool              func() SpoolStats
	Build              Build
	// Process adds the metrics of the Go runtime and of the process (go_*, process_*).
	Process bool
}

// Connections is what clients hold open.
type Connections struct {
	Client, Intercepted, Tunnels, WebSockets int    // open now; the last three are among the first
	Limited                                  uint64 // turned away because a limit was reached, so far
}

// EvidenceStats is the state of the evidence log.
type EvidenceStats struct {
	Records  uint64 // written
	Failures uint64 // attempts to write that failed
	Dropped  uint64 // records that were not kept
	Pending  int    // records accepted and not written
	Writable bool   // records can be written now
}

// DeliveryStats is the state of one sink of records. Counts are since the start.
type DeliveryStats struct {
	Name       string
	Delivered  uint64        // records that arrived; one that was sent again counts again
	Failures   uint64        // attempts that did not succeed
	Rejected   uint64        // records that the receiver refused for good
	Missing    uint64        // records that were gone before they were delivered
	LagRecords uint64        // records that are not known to have arrived
	Lag        time.Duration // how long the oldest of them has been waiting
}

// SpoolStats is the state of the bodies that are kept on disk until they are decided.
type SpoolStats struct {
	Bytes   int64  // on disk now
	Files   int    // on disk now
	Written uint64 // bytes so far
	Refused uint64 // bodies that found no place
}

// DataState is one set of data by which destinations are located.
type DataState struct {
	Name    string
	Version string
	Age     time.Duration // since its publication; 0 if it does not say
	Stale   bool          // older than its limit, or without a date
	Refused bool          // the file that should replace it is broken
}

// Build names the program for borderflow_build_info.
type Build struct {
	Version   string // e.g. "1.2.0"
	Revision  string // commit
	GoVersion string // e.g. runtime.Version()
}

func (s Sources) collectors() []prometheus.Collector {
	list := []prometheus.Collector{s.Build.collector()}
	if s.Evidence != nil {
		list = append(list, newEvidenceCollector(s.Evidence))
	}
	if s.Delivery != nil {
		list = append(list, newDeliveryCollector(s.Delivery))
	}
	if s.Policy != nil {
		list = append(list, newPolicyCollector(s.Policy))
	}
	if s.Connections != nil {
		list = append(list, newConnectionCollector(s.Connections))
	}
	if s.Spool != nil {
		list = append(list, newSpoolCollector(s.Spool))
	}
	if s.Jurisdiction != nil {
		list = append(list, newDataCollector(s.Jurisdiction))
	}
	if minted := s.CertificatesMinted; minted != nil {
		list = append(list, prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: namespace, Name: "certificates_minted_total", Help: "Leaf certificates minted for intercepted connections.",
		}, func() float64 { return float64(minted()) }))
	}
	if s.Process {
		list = append(list, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	return list
}

func (b Build) collector() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "Always 1; the labels name the build.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "goversion": b.GoVersion},
	}, func() float64 { return 1 })
}

// evidenceCollector reads the state once per scrape, so that its metrics agree with each other.
type evidenceCollector struct {
	read                                          func() EvidenceStats
	records, failures, dropped, pending, writable *prometheus.Desc
}

func newEvidenceCollector(read func() EvidenceStats) *evidenceCollector {
	describe := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "evidence", name), help, nil, nil)
	}
	return &evidenceCollector{
		read:     read,
		records:  describe("records_total", "Records handed to the operating system."),
		failures: describe("failures_total", "Attempts to write records that failed."),
		dropped:  describe("dropped_total", "Records that were not kept: these flows are not recorded."),
		pending:  describe("pending", "Records accepted and not written yet."),
		writable: describe("writable", "1 while records can be written, else 0."),
	}
}

// Describe implements prometheus.Collector.
func (c *evidenceCollector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, description := range []*prometheus.Desc{c.records, c.failures, c.dropped, c.pending, c.writable} {
		descriptions <- description
	}
}

// Collect implements prometheus.Collector.
func (c *evidenceCollector) Collect(metrics chan<- prometheus.Metric) {
	s := c.read()
	metrics <- prometheus.MustNewConstMetric(c.records, prometheus.CounterValue, float64(s.Records))
	metrics <- prometheus.MustNewConstMetric(c.failures, prometheus.CounterValue, float64(s.Failures))
	metrics <- prometheus.MustNewConstMetric(c.dropped, prometheus.CounterValue, float64(s.Dropped))
	metrics <- prometheus.MustNewConstMetric(c.pending, prometheus.GaugeValue, float64(s.Pending))
	metrics <- prometheus.MustNewConstMetric(c.writable, prometheus.GaugeValue, oneIf(s.Writable))
}

func oneIf(condition bool) float64 {
	if condition {
		return 1
	}
	return 0
}

// connectionCollector reads the counts once per scrape.
type connectionCollector struct {
	read            func() Connections
	active, limited *prometheus.Desc
}

func newConnectionCollector(read func() Connections) *connectionCollector {
	return &connectionCollector{
		read:    read,
		active:  prometheus.NewDesc(namespace+"_active_connections", "Client connections that are open now, by kind.", []string{"kind"}, nil),
		limited: prometheus.NewDesc(namespace+"_connections_limited_total", "Client connections turned away because a limit was reached.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *connectionCollector) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- c.active
	descriptions <- c.limited
}

// Collect implements prometheus.Collector.
func (c *connectionCollector) Collect(metrics chan<- prometheus.Metric) {
	now := c.read()
	for kind, count := range map[string]int{"client": now.Client, "intercepted": now.Intercepted,
		"tunnel": now.Tunnels, "websocket": now.WebSockets} {
		metrics <- prometheus.MustNewConstMetric(c.active, prometheus.GaugeValue, float64(count), kind)
	}
	metrics <- prometheus.MustNewConstMetric(c.limited, prometheus.CounterValue, float64(now.Limited))
}
