package admin

import "github.com/prometheus/client_golang/prometheus"

// spoolCollector reads the state once per scrape.
type spoolCollector struct {
	read                            func() SpoolStats
	bytes, files, written, refusals *prometheus.Desc
}

func newSpoolCollector(read func() SpoolStats) *spoolCollector {
	describe := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "spool", name), help, nil, nil)
	}
	return &spoolCollector{
		read:     read,
		bytes:    describe("bytes", "Bytes of request bodies that are on disk until they are decided."),
		files:    describe("files", "Request bodies that are on disk until they are decided."),
		written:  describe("written_bytes_total", "Bytes of request bodies that were written to disk."),
		refusals: describe("refusals_total", "Requests refused because their body found no place on disk."),
	}
}

// Describe implements prometheus.Collector.
func (c *spoolCollector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, description := range []*prometheus.Desc{c.bytes, c.files, c.written, c.refusals} {
		descriptions <- description
	}
}

// Collect implements prometheus.Collector.
func (c *spoolCollector) Collect(metrics chan<- prometheus.Metric) {
	s := c.read()
	metrics <- prometheus.MustNewConstMetric(c.bytes, prometheus.GaugeValue, float64(s.Bytes))
	metrics <- prometheus.MustNewConstMetric(c.files, prometheus.GaugeValue, float64(s.Files))
	metrics <- prometheus.MustNewConstMetric(c.written, prometheus.CounterValue, float64(s.Written))
	metrics <- prometheus.MustNewConstMetric(c.refusals, prometheus.CounterValue, float64(s.Refused))
}
