package admin

import "github.com/prometheus/client_golang/prometheus"

// dataCollector reads the state of the jurisdiction data once per scrape.
type dataCollector struct {
	read                func() []DataState
	age, stale, refused *prometheus.Desc
}

func newDataCollector(read func() []DataState) *dataCollector {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "jurisdiction_data", name), help, labels, nil)
	}
	return &dataCollector{
		read:    read,
		age:     describe("age_seconds", "Since the data was published; 0 if it does not say.", "name", "version"),
		stale:   describe("stale", "1 if the data is older than jurisdiction.maxAge or has no date, else 0.", "name"),
		refused: describe("refused", "1 if the file that should replace the data is broken, else 0.", "name"),
	}
}

// Describe implements prometheus.Collector.
func (c *dataCollector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, description := range []*prometheus.Desc{c.age, c.stale, c.refused} {
		descriptions <- description
	}
}

// Collect implements prometheus.Collector. Of two sets of data with one name the first, which is asked
// first, is shown: metrics must not repeat.
func (c *dataCollector) Collect(metrics chan<- prometheus.Metric) {
	shown := map[string]bool{}
	for _, data := range c.read() {
		if shown[data.Name] {
			continue
		}
		shown[data.Name] = true
		metrics <- prometheus.MustNewConstMetric(c.age, prometheus.GaugeValue, data.Age.Seconds(), data.Name, data.Version)
		metrics <- prometheus.MustNewConstMetric(c.stale, prometheus.GaugeValue, oneIf(data.Stale), data.Name)
		metrics <- prometheus.MustNewConstMetric(c.refused, prometheus.GaugeValue, oneIf(data.Refused), data.Name)
	}
}
