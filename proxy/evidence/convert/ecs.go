package convert

import "time"

// ECSVersion is the version of the Elastic Common Schema that events follow
// (https://www.elastic.co/guide/en/ecs/8.17/index.html). What it has no field for stands under
// "borderflow", as its guide to custom fields says.
const ECSVersion = "8.17.0"

var ecsAny = []row{
	{"", "ecs.version", constant(ECSVersion)},
	{"time", "@timestamp", nil},
	{"", "event.id", uid},
	{"", "event.kind", constant("event")},
	{"", "event.module", constant("borderflow")},
	{"", "event.dataset", constant("borderflow.evidence")},
	{"seq", "event.sequence", nil},
	{"", "observer.type", constant("proxy")},
	{"", "observer.vendor", constant("borderflow")},
	{"", "observer.product", constant("borderflow")},
	{"schema", "borderflow.schema", nil},
	{"kind", "borderflow.kind", nil},
}

var ecsFlow = []row{
	{"", "event.category", constant([]string{"network", "web"})},
	{"", "event.type", derived(ecsType)},
	{"outcome", "event.action", nil},
	{"", "event.outcome", derived(ecsOutcome)},
	{"error", "event.reason", nil},
	{"time", "event.start", nil},
	{"duration_ms", "event.end", derived(func(r record) any {
		return r.started().Add(r.duration()).UTC().Format(time.RFC3339Nano)
	})},
	{"duration_ms", "event.duration", derived(func(r record) any { return r.duration().Nanoseconds() })},

	{"source.address", "source.ip", nil},
	{"source.address_hash", "borderflow.source.address_hash", nil},
	{"source.port", "source.port", nil},
	{"source.country", "source.geo.country_iso_code", nil},
	{"source.identity", "user.name", nil},
	{"source.identity_hash", "user.hash", nil},
	{"source.assurance", "borderflow.source.assurance", nil},
	{"bytes.sent", "source.bytes", nil},
	{"bytes.received", "destination.bytes", nil},
	{"bytes", "network.bytes", totalBytes},

	{"destination.host", "destination.domain", nil},
	{"destination.address", "destination.ip", nil},
	{"destination.port", "destination.port", nil},
	{"destination.country", "destination.geo.country_iso_code", nil},
	{"destination.confidence", "borderflow.destination.confidence", nil},
	{"destination.jurisdictions", "borderflow.destination.jurisdictions", nil},
	{"destination.operator", "borderflow.destination.operator", nil},
	{"destination.operator_home", "borderflow.destination.operator_home", nil},
	{"destination.cloud", "borderflow.destination.cloud", nil},
	{"destination.region", "borderflow.destination.region", nil},
	{"destination.conflicts", "borderflow.destination.conflicts", nil},
	{"destination.exemption", "borderflow.destination.exemption", nil},
	{"destination.data_version", "borderflow.destination.data_version", nil},

	{"", "network.direction", constant("outbound")},
	{"", "network.transport", constant("tcp")},
	{"request.protocol", "network.protocol", named(map[string]any{"http/1.1": "http", "h2": "http", "connect": "http"}, nil)},
	{"request.protocol", "borderflow.request.protocol", nil},
	{"request.method", "http.request.method", nil},
	{"id", "http.request.id", nil},
	{"status", "http.response.status_code", nil},
	{"request.scheme", "url.scheme", nil},
	{"destination.host", "url.domain", nil},
	{"destination.port", "url.port", nil},

	{"rule", "rule.id", nil},
	{"policy", "rule.ruleset", nil},
	{"policy_hash", "rule.version", nil},
	{"legal_basis", "rule.description", nil},
	{"trace", "trace.id", traceID},
	{"trace", "span.id", spanID},

	{"data", "borderflow.data", nil},
	{"verdict", "borderflow.verdict", nil},
	{"mechanism", "borderflow.mechanism", nil},
	{"phase", "borderflow.phase", nil},
	{"uninspectable", "borderflow.uninspectable", nil},
	{"policies", "borderflow.policies", nil},
	{"logged", "borderflow.logged", nil},
	{"shadow", "borderflow.shadow", nil},
	{"errors", "borderflow.errors", nil},
	{"exemptions", "borderflow.exemptions", nil},
	{"inspection", "borderflow.inspection", nil},
	{"timings", "borderflow.timings", nil},
	{"parent", "borderflow.parent", nil},
	{"unavailable", "borderflow.unavailable", nil},
	{"truncated", "borderflow.truncated", nil},
}

var ecsLog = []row{
	{"", "event.category", constant([]string{"database"})},
	{"", "event.type", constant([]string{"info"})},
	{"kind", "event.action", nil},
	{"recovery.reason", "event.reason", nil},
	{"recovery", "borderflow.recovery", nil},
}

func (c *Converter) ecs(r record) map[string]any {
	event := map[string]any{}
	fill(event, r, ecsAny)
	if r.ofFlow() {
		fill(event, r, ecsFlow)
	} else {
		fill(event, r, ecsLog)
	}
	put(event, "observer.version", c.producer.Version)
	if c.producer.Hostname != "" {
		put(event, "observer.hostname", c.producer.Hostname)
	}
	return event
}

// ecsType has the allowed values of event.type for the categories network and web.
func ecsType(r record) any {
	types := []string{"connection"}
	if r.text("kind") == "opening" {
		types = append(types, "start")
	} else {
		types = append(types, "end")
	}
	switch {
	case r.text("outcome") == "blocked" || r.text("outcome") == "refused":
		types = append(types, "denied")
	case r.text("verdict") == "allow":
		types = append(types, "allowed")
	}
	return types
}

func ecsOutcome(r record) any {
	switch r.text("outcome") {
	case "":
		return "unknown"
	case "completed":
		return "success"
	}
	return "failure"
}
