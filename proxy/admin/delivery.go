package admin

import "github.com/prometheus/client_golang/prometheus"

// deliveryCollector reads the state of the sinks once per scrape.
type deliveryCollector struct {
	read    func() []DeliveryStats
	metrics []deliveryMetric
}

type deliveryMetric struct {
	description *prometheus.Desc
	kind        prometheus.ValueType
	value       func(*DeliveryStats) float64
}

func newDeliveryCollector(read func() []DeliveryStats) *deliveryCollector {
	describe := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "delivery", name), help, []string{"sink"}, nil)
	}
	return &deliveryCollector{read: read, metrics: []deliveryMetric{
		{describe("records_total", "Records that arrived at the sink."), prometheus.CounterValue,
			func(s *DeliveryStats) float64 { return float64(s.Delivered) }},
		{describe("failures_total", "Attempts to deliver records that failed."), prometheus.CounterValue,
			func(s *DeliveryStats) float64 { return float64(s.Failures) }},
		{describe("rejected_total", "Records that the sink refused for good."), prometheus.CounterValue,
			func(s *DeliveryStats) float64 { return float64(s.Rejected) }},
		{describe("missing_total", "Records that were gone before they were delivered."), prometheus.CounterValue,
			func(s *DeliveryStats) float64 { return float64(s.Missing) }},
		{describe("lag_records", "Records that are not known to have arrived yet."), prometheus.GaugeValue,
			func(s *DeliveryStats) float64 { return float64(s.LagRecords) }},
		{describe("lag_seconds", "How long the oldest of them has been waiting."), prometheus.GaugeValue,
			func(s *DeliveryStats) float64 { return s.Lag.Seconds() }},
	}}
}

// Describe implements prometheus.Collector.
func (c *deliveryCollector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		descriptions <- m.description
	}
}

// Collect implements prometheus.Collector.
func (c *deliveryCollector) Collect(metrics chan<- prometheus.Metric) {
	for _, sink := range c.read() {
		for _, m := range c.metrics {
			metrics <- prometheus.MustNewConstMetric(m.description, m.kind, m.value(&sink), sink.Name)
		}
	}
}
