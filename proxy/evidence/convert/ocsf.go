package convert

import (
	"maps"
	"slices"
	"strings"
)

// OCSFVersion is the version of the Open Cybersecurity Schema Framework that events follow
// (https://schema.ocsf.io/1.5.0): HTTP Activity (4002) for each flow, Data Security Finding (2006)
// for a blocked flow in which protected data was found, Base Event (0) for what the log says about
// itself.
const OCSFVersion = "1.5.0"

// ocsfAny are the attributes of every event.
var ocsfAny = []row{
	{"", "metadata.version", constant(OCSFVersion)},
	{"", "metadata.product.name", constant("borderflow")},
	{"", "metadata.product.vendor_name", constant("borderflow")},
	{"", "metadata.log_name", constant("evidence")},
	{"", "metadata.uid", uid},
	{"schema", "metadata.log_version", nil},
	{"seq", "metadata.sequence", nil},
	{"parent", "metadata.correlation_uid", nil},
	{"time", "time", milliseconds},
	{"kind", "unmapped.kind", nil},
}

// ocsfFlow are the attributes that both classes for a flow have.
var ocsfFlow = []row{
	{"", "metadata.profiles", constant([]string{"security_control"})},

	{"source.address", "src_endpoint.ip", nil},
	{"source.address_hash", "src_endpoint.uid", nil},
	{"source.port", "src_endpoint.port", nil},
	{"source.country", "src_endpoint.location.country", nil},
	{"destination.host", "dst_endpoint.hostname", nil},
	{"destination.address", "dst_endpoint.ip", nil},
	{"destination.port", "dst_endpoint.port", nil},
	{"destination.country", "dst_endpoint.location.country", nil},

	{"verdict", "action_id", named(map[string]any{"allow": 1, "block": 2}, 0)},
	{"verdict", "action", named(map[string]any{"allow": "Allowed", "block": "Denied"}, "Unknown")},
	{"verdict", "disposition_id", named(map[string]any{"allow": 1, "block": 2}, 0)},
	{"verdict", "disposition", named(map[string]any{"allow": "Allowed", "block": "Blocked"}, "Unknown")},
	{"policy", "policy.name", nil},
	{"policy_hash", "policy.uid", nil},
	{"rule", "firewall_rule.uid", nil},
	{"legal_basis", "firewall_rule.desc", ofNamedRule},

	{"duration_ms", "duration", derived(func(r record) any { return r.duration().Milliseconds() })},
	{"time", "start_time", milliseconds},
	{"duration_ms", "end_time", derived(func(r record) any { return r.started().Add(r.duration()).UnixMilli() })},
}

// ocsfHTTP are the attributes of HTTP Activity.
var ocsfHTTP = []row{
	{"", "class_uid", constant(4002)},
	{"", "class_name", constant("HTTP Activity")},
	{"", "category_uid", constant(4)},
	{"", "category_name", constant("Network Activity")},
	{"", "activity_id", derived(func(r record) any { return ocsfMethod(r) })},
	{"", "activity_name", derived(ocsfMethodName)},
	{"", "type_uid", derived(func(r record) any { return 400200 + ocsfMethod(r) })},
	{"", "severity_id", derived(func(r record) any { return ocsfSeverities[ocsfSeverity(r)] })},
	{"", "severity", derived(func(r record) any { return ocsfSeverity(r) })},
	{"outcome", "status_id", named(map[string]any{"completed": 1}, 2)},
	{"outcome", "status", named(map[string]any{"completed": "Success"}, "Failure")},
	{"outcome", "status_code", nil},
	{"error", "status_detail", nil},
	{"", "message", derived(ocsfMessage)},

	{"source.identity", "src_endpoint.owner.name", nil},
	{"source.identity_hash", "src_endpoint.owner.uid", nil},
	{"", "connection_info.direction_id", constant(2)},
	{"", "connection_info.direction", constant("Outbound")},
	{"", "connection_info.protocol_name", constant("tcp")},
	{"", "http_request.uid", uid},
	{"id", "http_request.uid", nil}, // where there is one
	{"request.method", "http_request.http_method", nil},
	{"request.protocol", "http_request.version", named(map[string]any{"http/1.1": "1.1", "h2": "2"}, nil)},
	{"request.scheme", "http_request.url.scheme", nil},
	{"destination.host", "http_request.url.hostname", nil},
	{"destination.port", "http_request.url.port", nil},
	{"status", "http_response.code", nil},
	{"status", "http_status", nil},
	{"bytes.sent", "traffic.bytes_out", nil},
	{"bytes.received", "traffic.bytes_in", nil},
	{"bytes", "traffic.bytes", totalBytes},
}

// ocsfUnmapped is what the classes have no attribute for.
var ocsfUnmapped = []row{
	{"source.assurance", "unmapped.source.assurance", nil},
	{"destination.confidence", "unmapped.destination.confidence", nil},
	{"destination.jurisdictions", "unmapped.destination.jurisdictions", nil},
	{"destination.operator", "unmapped.destination.operator", nil},
	{"destination.operator_home", "unmapped.destination.operator_home", nil},
	{"destination.cloud", "unmapped.destination.cloud", nil},
	{"destination.region", "unmapped.destination.region", nil},
	{"destination.conflicts", "unmapped.destination.conflicts", nil},
	{"destination.exemption", "unmapped.destination.exemption", nil},
	{"destination.data_version", "unmapped.destination.data_version", nil},
	{"request.protocol", "unmapped.request.protocol", nil},
	{"data", "unmapped.data", nil},
	{"verdict", "unmapped.verdict", nil},
	{"legal_basis", "unmapped.legal_basis", nil},
	{"mechanism", "unmapped.mechanism", nil},
	{"phase", "unmapped.phase", nil},
	{"uninspectable", "unmapped.uninspectable", nil},
	{"policies", "unmapped.policies", nil},
	{"logged", "unmapped.logged", nil},
	{"shadow", "unmapped.shadow", nil},
	{"errors", "unmapped.errors", nil},
	{"exemptions", "unmapped.exemptions", nil},
	{"inspection", "unmapped.inspection", nil},
	{"timings", "unmapped.timings", nil},
	{"trace", "unmapped.traceparent", nil},
	{"unavailable", "unmapped.unavailable", nil},
	{"truncated", "unmapped.truncated", nil},
}

// ocsfFinding are the attributes of Data Security Finding.
var ocsfFinding = []row{
	{"", "class_uid", constant(2006)},
	{"", "class_name", constant("Data Security Finding")},
	{"", "category_uid", constant(2)},
	{"", "category_name", constant("Findings")},
	{"", "activity_id", constant(1)},
	{"", "activity_name", constant("Create")},
	{"", "type_uid", constant(200601)},
	{"", "severity_id", constant(ocsfSeverities["Medium"])},
	{"", "severity", constant("Medium")},
	{"", "status_id", constant(1)},
	{"", "status", constant("New")},
	{"", "is_alert", constant(true)},
	{"", "confidence_id", derived(func(r record) any { return ocsfConfidence(r) })},
	{"", "confidence", derived(func(r record) any { return []string{"Unknown", "Low", "Medium", "High"}[ocsfConfidence(r)] })},
	{"", "message", derived(ocsfMessage)},
	{"id", "metadata.uid", derived(func(r record) any { return r.text("id") + "-finding" })},

	{"id", "finding_info.uid", nil},
	{"", "finding_info.title", constant("Outbound transfer of protected data blocked")},
	{"time", "finding_info.created_time", milliseconds},
	{"legal_basis", "finding_info.desc", nil},
	{"data.categories", "finding_info.types", derived(func(r record) any { names, _ := r.categories(); return names })},
	{"id", "finding_info.related_events", derived(func(r record) any {
		return []any{map[string]any{"uid": r.uid(), "type_uid": 400200 + ocsfMethod(r)}}
	})},

	{"source.identity", "actor.user.name", nil},
	{"source.identity_hash", "actor.user.uid", nil},
	{"", "data_security.data_lifecycle_state_id", constant(2)},
	{"", "data_security.data_lifecycle_state", constant("Data in-Transit")},
	{"", "data_security.detection_system_id", constant(5)},
	{"", "data_security.detection_system", constant("Secure Web Gateway")},
	{"data.categories", "data_security.category_id", derived(func(r record) any { return ocsfCategories[ocsfCategory(r)] })},
	{"data.categories", "data_security.category", derived(func(r record) any { return ocsfCategory(r) })},
	{"data.findings", "data_security.discovery_details", derived(ocsfDiscoveries)},
	{"data.categories", "data_security.total", derived(func(r record) any {
		_, counts := r.categories()
		total := int64(0)
		for _, count := range counts {
			total += count
		}
		return total
	})},
	{"data.bytes", "data_security.size", nil},
	{"data.inspected", "data_security.status_id", named(map[string]any{"full": 1, "partial": 2}, 0)},
	{"data.inspected", "data_security.status", named(map[string]any{"full": "Complete", "partial": "Partial"}, "Unknown")},
	{"policy", "data_security.policy.name", nil},
	{"policy_hash", "data_security.policy.uid", nil},
}

// ocsfBase are the attributes of Base Event, for a log that was mended and a line that is no record.
var ocsfBase = []row{
	{"", "class_uid", constant(0)},
	{"", "class_name", constant("Base Event")},
	{"", "category_uid", constant(0)},
	{"", "category_name", constant("Uncategorized")},
	{"", "activity_id", constant(99)},
	{"kind", "activity_name", nil},
	{"", "type_uid", constant(99)},
	{"", "severity_id", constant(ocsfSeverities["High"])},
	{"", "severity", constant("High")},
	{"recovery.reason", "message", func(r record, _ any) any { return "evidence log: " + r.text("recovery.reason") }},
	{"recovery", "unmapped.recovery", nil},
}

func (c *Converter) ocsf(r record) []map[string]any {
	parts := [][]row{ocsfBase}
	if r.ofFlow() {
		parts = [][]row{ocsfFlow, ocsfHTTP, ocsfUnmapped}
	}
	events := []map[string]any{c.ocsfEvent(r, parts...)}
	if _, found := r.categories(); r.ofFlow() && r.text("outcome") == "blocked" && len(found) > 0 {
		events = append(events, c.ocsfEvent(r, ocsfFlow, ocsfUnmapped, ocsfFinding))
	}
	return events
}

func (c *Converter) ocsfEvent(r record, parts ...[]row) map[string]any {
	event := map[string]any{}
	fill(event, r, ocsfAny)
	for _, rows := range parts {
		fill(event, r, rows)
	}
	put(event, "metadata.product.version", c.producer.Version)
	// An endpoint needs one attribute that says which it is: a port or a country alone does not.
	for _, name := range []string{"src_endpoint", "dst_endpoint"} {
		endpoint, _ := event[name].(map[string]any)
		if endpoint["ip"] == nil && endpoint["uid"] == nil && endpoint["hostname"] == nil {
			delete(event, name)
		}
	}
	if r.ofFlow() && event["src_endpoint"] == nil && event["dst_endpoint"] == nil {
		put(event, "src_endpoint.name", "unknown") // the classes need one
	}
	return event
}

func milliseconds(r record, _ any) any { return r.started().UnixMilli() }

// ofNamedRule keeps a description from standing for a rule that has no name.
func ofNamedRule(r record, found any) any {
	if r.text("rule") == "" {
		return nil
	}
	return found
}

var ocsfMethods = []string{"", "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE"}

// ocsfMethod is the activity_id of HTTP Activity: 0 Unknown, 99 Other.
func ocsfMethod(r record) int {
	method := r.text("request.method")
	if n := slices.Index(ocsfMethods, method); n >= 0 {
		return n
	}
	return 99
}

func ocsfMethodName(r record) any {
	method := r.text("request.method")
	switch ocsfMethod(r) {
	case 0:
		return "Unknown"
	case 99:
		return method
	}
	return method[:1] + strings.ToLower(method[1:])
}

var ocsfSeverities = map[string]int{"Informational": 1, "Low": 2, "Medium": 3, "High": 4}

func ocsfSeverity(r record) string {
	switch r.text("outcome") {
	case "", "completed", "aborted":
		return "Informational"
	case "blocked":
		return "Medium"
	}
	return "Low"
}

func ocsfMessage(r record) any {
	outcome := r.text("outcome")
	if outcome == "" {
		outcome = "begun"
	}
	return "flow " + outcome
}

// ocsfConfidence is that of the strongest category: 0 Unknown, 1 Low, 2 Medium, 3 High.
func ocsfConfidence(r record) int {
	found, _ := r.get("data.categories").(map[string]any)
	strongest := 0
	for category := range maps.Values(found) {
		of, _ := category.(map[string]any)
		strength, _ := of["strength"].(string)
		strongest = max(strongest, slices.Index([]string{"", "weak", "medium", "strong"}, strength))
	}
	return strongest
}

var ocsfCategories = map[string]int{"Personal": 1, "Governmental": 2, "Financial": 3, "Business": 4, "Security": 6, "Other": 99}

// ocsfWords has the schema's word for each of our categories.
var ocsfWords = map[string]string{
	"personal": "Personal", "sensitive": "Personal", "contact": "Personal", "health": "Personal", "biometric": "Personal",
	"genetic": "Personal", "location": "Personal", "children": "Personal",
	"government-id": "Governmental", "financial": "Financial", "credential": "Security", "important": "Business",
}

// ocsfCategory is the one name that the schema's classification has for what was found; "Other" when
// it would take several.
func ocsfCategory(r record) string {
	names, _ := r.categories()
	single := ""
	for _, name := range names {
		word, known := ocsfWords[name]
		if !known {
			return "Other"
		}
		// Personal is said of an identity number or a card as well: the narrower word tells more.
		switch {
		case single == "" || single == "Personal" || single == word:
			single = word
		case word != "Personal":
			return "Other"
		}
	}
	return single
}

func ocsfDiscoveries(r record) any {
	found, _ := r.get("data.findings").(map[string]any)
	details := []any{}
	for _, name := range sortedKeys(found) {
		details = append(details, map[string]any{"type": name, "count": found[name]})
	}
	return details
}
