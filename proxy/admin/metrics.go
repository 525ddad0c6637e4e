package admin

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const namespace = "borderflow"

// flowSeconds are the classic buckets of a flow's duration: requests from a millisecond on, and
// tunnels that stay for an hour.
var flowSeconds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600}

// Metrics are the numbers that the data plane keeps. Its methods may be called from any goroutine
// and allocate nothing once a label value has been seen.
//
// Labels are bounded: a value outside of the documented ones is counted as "other".
type Metrics struct {
	flows          *prometheus.CounterVec
	duration       prometheus.Histogram
	sent, received prometheus.Counter
	refused        *prometheus.CounterVec
	classified     prometheus.Counter
	ruleErrors     prometheus.Counter
	rejections     prometheus.Counter
	cut, cutSent   prometheus.Counter
	reasons        *wordSet
}

// NewMetrics registers the metrics on registry. A registry takes them once.
func NewMetrics(registry prometheus.Registerer, sources Sources) (*Metrics, error) {
	bytes := counterVec("bytes_total", "Payload bytes passed on, by direction as the client sees it.", "direction")
	m := &Metrics{
		flows:      counterVec("flows_total", "Flows that have ended.", "verdict", "outcome", "protocol"),
		sent:       bytes.WithLabelValues("sent"),
		received:   bytes.WithLabelValues("received"),
		refused:    counterVec("refused_total", "Flows refused for another reason than a policy.", "reason"),
		classified: counter("classify_bytes_total", "Payload bytes read by the classifier."),
		ruleErrors: counter("rule_errors_total", "Rules that could not be evaluated for a flow."),
		rejections: counter("client_tls_rejections_total", "Clients that answered the certificate made for them with a TLS alert: they do not trust the CA, or pin another certificate."),
		cut:        counter("uploads_cut_total", "Request bodies that a rule stopped when a part of them had left."),
		cutSent:    counter("uploads_cut_sent_bytes_total", "Bytes of request bodies that had left when a rule stopped the rest."),
		reasons:    newWordSet(maxReasons),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "flow_duration_seconds",
			Help:    "Time from a flow's first byte to its outcome.",
			Buckets: flowSeconds,
			// Native buckets beside the classic ones, for servers that read them; bounded, because
			// durations spread over seven orders of magnitude.
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  160,
			NativeHistogramMinResetDuration: time.Hour,
		}),
	}
	all := append(sources.collectors(), m.flows, bytes, m.duration, m.refused, m.classified, m.ruleErrors, m.rejections, m.cut, m.cutSent)
	var failures []error
	for _, collector := range all {
		failures = append(failures, registry.Register(collector))
	}
	if err := errors.Join(failures...); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
}

func counterVec(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

// FlowEnded counts a flow at its outcome. Verdict, outcome and protocol are spelled as in the
// flow's record, where a flow that ended undecided may have no verdict; sent left towards the
// destination, received came back, both payload bytes.
func (m *Metrics) FlowEnded(verdict, outcome, protocol string, duration time.Duration, sent, received int64) {
	if verdict == "" {
		verdict = "undecided"
	}
	m.flows.WithLabelValues(known(verdicts, verdict), known(outcomes, outcome), known(protocols, protocol)).Inc()
	m.duration.Observe(duration.Seconds())
	addPositive(m.sent, sent)
	addPositive(m.received, received)
}

// Refused counts a flow that was not admitted. Reason is a word of the program, such as a proxy
// error type of RFC 9209, never text of a request: lower-case letters and underscores.
func (m *Metrics) Refused(reason string) { m.refused.WithLabelValues(m.reasons.bounded(reason)).Inc() }

// Classified counts payload bytes that the classifier has read.
func (m *Metrics) Classified(bytes int64) { addPositive(m.classified, bytes) }

// UploadCut counts a request body that a rule stopped when sent bytes of it had left.
func (m *Metrics) UploadCut(sent int64) {
	m.cut.Inc()
	addPositive(m.cutSent, sent)
}

// RuleErrors counts n rules that could not be evaluated for a flow.
func (m *Metrics) RuleErrors(n int) { addPositive(m.ruleErrors, int64(n)) }

// ClientRejectedTLS counts a client that answered the certificate made for it with a TLS alert.
func (m *Metrics) ClientRejectedTLS() { m.rejections.Inc() }

// addPositive keeps a negative count, which would be a mistake of the caller, from a panic.
func addPositive(c prometheus.Counter, n int64) {
	if n > 0 {
		c.Add(float64(n))
	}
}
