package admin

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func newMetrics(t testing.TB, sources Sources) (*Metrics, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	m, err := NewMetrics(registry, sources)
	if err != nil {
		t.Fatal(err)
	}
	return m, registry
}

// useAll brings every metric into being.
func useAll(m *Metrics) {
	m.FlowEnded("block", "blocked", "h2", 30*time.Millisecond, 10, 20)
	m.Refused("destination_ip_prohibited")
	m.Classified(512)
	m.RuleErrors(2)
}

func allSources() Sources {
	return Sources{
		Evidence: func() EvidenceStats {
			return EvidenceStats{Records: 7, Failures: 3, Dropped: 1, Pending: 4, Writable: false}
		},
		Policy: func() PolicyState {
			return PolicyState{Hash: "bbbb", LoadedAt: time.UnixMilli(1700000000500), Reloads: 2, FailedReloads: 1}
		},
		Connections: func() Connections { return Connections{Client: 5, Intercepted: 2, Tunnels: 1, Limited: 1} },
		Jurisdiction: func() []DataState {
			return []DataState{{Name: "GeoLite2-Country", Version: "GeoLite2-Country@2026-06-01#1a2b", Age: time.Hour, Stale: true},
				{Name: "GeoLite2-Country", Version: "asked second"}, {Name: "place", Version: "place@2026-06-17", Refused: true}}
		},
		CertificatesMinted: func() uint64 { return 9 },
		Build:              Build{Version: "1.2.3", Revision: "abc", GoVersion: "go1.26"},
		Process:            true,
	}
}

func TestMetricsSayWhatHappened(t *testing.T) {
	m, registry := newMetrics(t, allSources())
	useAll(m)
	want := `
# HELP borderflow_active_connections Client connections that are open now, by kind.
# TYPE borderflow_active_connections gauge
borderflow_active_connections{kind="client"} 5
borderflow_active_connections{kind="intercepted"} 2
borderflow_active_connections{kind="tunnel"} 1
borderflow_active_connections{kind="websocket"} 0
# HELP borderflow_build_info Always 1; the labels name the build.
# TYPE borderflow_build_info gauge
borderflow_build_info{goversion="go1.26",revision="abc",version="1.2.3"} 1
# HELP borderflow_bytes_total Payload bytes passed on, by direction as the client sees it.
# TYPE borderflow_bytes_total counter
borderflow_bytes_total{direction="received"} 20
borderflow_bytes_total{direction="sent"} 10
# HELP borderflow_certificates_minted_total Leaf certificates minted for intercepted connections.
# TYPE borderflow_certificates_minted_total counter
borderflow_certificates_minted_total 9
# HELP borderflow_classify_bytes_total Payload bytes read by the classifier.
# TYPE borderflow_classify_bytes_total counter
borderflow_classify_bytes_total 512
# HELP borderflow_connections_limited_total Client connections turned away because a limit was reached.
# TYPE borderflow_connections_limited_total counter
borderflow_connections_limited_total 1
# HELP borderflow_evidence_dropped_total Records that were not kept: these flows are not recorded.
# TYPE borderflow_evidence_dropped_total counter
borderflow_evidence_dropped_total 1
# HELP borderflow_evidence_failures_total Attempts to write records that failed.
# TYPE borderflow_evidence_failures_total counter
borderflow_evidence_failures_total 3
# HELP borderflow_evidence_pending Records accepted and not written yet.
# TYPE borderflow_evidence_pending gauge
borderflow_evidence_pending 4
# HELP borderflow_evidence_records_total Records handed to the operating system.
# TYPE borderflow_evidence_records_total counter
borderflow_evidence_records_total 7
# HELP borderflow_evidence_writable 1 while records can be written, else 0.
# TYPE borderflow_evidence_writable gauge
borderflow_evidence_writable 0
# HELP borderflow_flows_total Flows that have ended.
# TYPE borderflow_flows_total counter
borderflow_flows_total{outcome="blocked",protocol="h2",verdict="block"} 1
# HELP borderflow_jurisdiction_data_age_seconds Since the data was published; 0 if it does not say.
# TYPE borderflow_jurisdiction_data_age_seconds gauge
borderflow_jurisdiction_data_age_seconds{name="GeoLite2-Country",version="GeoLite2-Country@2026-06-01#1a2b"} 3600
borderflow_jurisdiction_data_age_seconds{name="place",version="place@2026-06-17"} 0
# HELP borderflow_jurisdiction_data_refused 1 if the file that should replace the data is broken, else 0.
# TYPE borderflow_jurisdiction_data_refused gauge
borderflow_jurisdiction_data_refused{name="GeoLite2-Country"} 0
borderflow_jurisdiction_data_refused{name="place"} 1
# HELP borderflow_jurisdiction_data_stale 1 if the data is older than jurisdiction.maxAge or has no date, else 0.
# TYPE borderflow_jurisdiction_data_stale gauge
borderflow_jurisdiction_data_stale{name="GeoLite2-Country"} 1
borderflow_jurisdiction_data_stale{name="place"} 0
# HELP borderflow_policy_info Always 1; the label names the policy snapshot in force.
# TYPE borderflow_policy_info gauge
borderflow_policy_info{hash="bbbb"} 1
# HELP borderflow_policy_last_reload_success_timestamp_seconds When the policies in force were loaded, Unix time.
# TYPE borderflow_policy_last_reload_success_timestamp_seconds gauge
borderflow_policy_last_reload_success_timestamp_seconds 1.7000000005e+09
# HELP borderflow_policy_last_reload_successful 1 if the last attempt to load the policies succeeded, else 0.
# TYPE borderflow_policy_last_reload_successful gauge
borderflow_policy_last_reload_successful 0
# HELP borderflow_policy_reloads_total Attempts to change the policies, by result.
# TYPE borderflow_policy_reloads_total counter
borderflow_policy_reloads_total{result="failure"} 1
borderflow_policy_reloads_total{result="success"} 2
# HELP borderflow_refused_total Flows refused for another reason than a policy.
# TYPE borderflow_refused_total counter
borderflow_refused_total{reason="destination_ip_prohibited"} 1
# HELP borderflow_rule_errors_total Rules that could not be evaluated for a flow.
# TYPE borderflow_rule_errors_total counter
borderflow_rule_errors_total 2
`
	// The histogram is left out by name here: its native buckets have no text form.
	var names []string
	for _, line := range strings.Split(want, "\n") {
		if fields := strings.Fields(line); len(fields) > 2 && fields[1] == "TYPE" {
			names = append(names, fields[2])
		}
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
}

func TestFlowDurationHasClassicAndNativeBuckets(t *testing.T) {
	m, registry := newMetrics(t, Sources{})
	m.FlowEnded("allow", "completed", "h2", 30*time.Millisecond, 0, 0)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "borderflow_flow_duration_seconds" {
			continue
		}
		h := family.GetMetric()[0].GetHistogram()
		if h.GetSampleCount() != 1 || len(h.GetBucket()) != len(flowSeconds) || len(h.GetPositiveSpan()) == 0 {
			t.Errorf("histogram %v", h)
		}
		return
	}
	t.Error("there is no histogram")
}

func TestMetricsFollowTheConventions(t *testing.T) {
	m, registry := newMetrics(t, allSources())
	useAll(m)
	problems, err := testutil.GatherAndLint(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}

func TestLabelsStayBoundedWhateverComesIn(t *testing.T) {
	m, registry := newMetrics(t, Sources{})
	for i := range 1000 {
		text := fmt.Sprintf("host-%d.example.com", i)
		m.FlowEnded(text, text, text, time.Second, -1, -1)
		m.Refused(text)
		m.Refused("reason_" + strings.Repeat(string(rune('a'+i%26)), 1+i/26))
	}
	for name, limit := range map[string]int{
		"borderflow_flows_total": 1, "borderflow_active_connections": 1,
		"borderflow_refused_total": maxReasons + 1, "borderflow_policy_info": 1,
	} {
		n, err := testutil.GatherAndCount(registry, name)
		if err != nil {
			t.Fatal(err)
		}
		if n > limit {
			t.Errorf("%s has %d series, more than %d", name, n, limit)
		}
	}
}

func TestMetricsAreUsedByManyAtOnce(t *testing.T) {
	m, registry := newMetrics(t, allSources())
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				useAll(m)
				if _, err := registry.Gather(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

func TestMetricsCannotBeRegisteredTwice(t *testing.T) {
	registry := prometheus.NewRegistry()
	if _, err := NewMetrics(registry, Sources{}); err != nil {
		t.Fatal(err)
	}
	if _, err := NewMetrics(registry, Sources{}); err == nil {
		t.Error("no error")
	}
}

func BenchmarkFlowEnded(b *testing.B) {
	m, _ := newMetrics(b, Sources{})
	b.ReportAllocs()
	for b.Loop() {
		m.FlowEnded("allow", "completed", "http/1.1", 12*time.Millisecond, 100, 200)
	}
}
