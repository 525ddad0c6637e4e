package convert

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// What OCSF asks of its classes and objects, by its public schema (github.com/ocsf/ocsf-schema,
// Apache-2.0: events/base_event.json, events/network, events/findings, objects; version 1.5.0).
var (
	ocsfRequired = map[string][]string{
		"Base Event":            {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"},
		"HTTP Activity":         {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"},
		"Data Security Finding": {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid", "finding_info"},
	}
	ocsfObjects = map[string][]string{ // required when the object is there
		"metadata":         {"product", "version"},
		"metadata.product": {"name", "vendor_name"},
		"finding_info":     {"uid", "title"},
		"http_response":    {"code"},
		"connection_info":  {"direction_id"},
	}
	ocsfOneOf = map[string][]string{ // at least one when the object is there
		"src_endpoint":         {"ip", "uid", "name", "hostname", "svc_name", "instance_uid", "interface_uid", "interface_name"},
		"dst_endpoint":         {"ip", "uid", "name", "hostname", "svc_name", "instance_uid", "interface_uid", "interface_name"},
		"src_endpoint.owner":   {"account", "name", "uid"},
		"actor":                {"process", "user", "invoked_by", "session", "app_name", "app_uid"},
		"actor.user":           {"account", "name", "uid"},
		"policy":               {"name", "uid"},
		"firewall_rule":        {"name", "uid"},
		"data_security":        {"data_lifecycle_state_id", "detection_pattern", "detection_system_id", "policy"},
		"data_security.policy": {"name", "uid"},
	}
	ocsfCommon = []string{"activity_id", "activity_name", "category_name", "category_uid", "class_name", "class_uid", "duration", "end_time",
		"message", "metadata", "severity", "severity_id", "start_time", "status", "status_code", "status_detail", "status_id", "time",
		"type_uid", "unmapped"}
	ocsfControl = []string{"action", "action_id", "disposition", "disposition_id", "policy", "firewall_rule"} // profile security_control
	ocsfKnown   = map[string][]string{
		"Base Event": ocsfCommon,
		"HTTP Activity": slices.Concat(ocsfCommon, ocsfControl, []string{"connection_info", "dst_endpoint", "http_request", "http_response",
			"http_status", "src_endpoint", "traffic"}),
		"Data Security Finding": slices.Concat(ocsfCommon, ocsfControl, []string{"actor", "confidence", "confidence_id", "data_security",
			"dst_endpoint", "finding_info", "is_alert", "src_endpoint"}),
	}
)

func TestOCSFEventsHaveWhatTheirClassesRequire(t *testing.T) {
	classes := map[string]int{}
	for i, line := range lines(t) {
		events, err := converter(t, "ocsf").Events(line)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range events {
			event := map[string]any{}
			decoder := json.NewDecoder(strings.NewReader(string(text)))
			decoder.UseNumber()
			if err := decoder.Decode(&event); err != nil {
				t.Fatal(err)
			}
			name, _ := event["class_name"].(string)
			classes[name]++
			checkOCSF(t, i+1, name, event)
		}
	}
	if classes["HTTP Activity"] != 4 || classes["Data Security Finding"] != 1 || classes["Base Event"] != 1 {
		t.Errorf("events by class: %v", classes)
	}
}

func checkOCSF(t *testing.T, n int, class string, event map[string]any) {
	t.Helper()
	for _, attribute := range ocsfRequired[class] {
		if event[attribute] == nil {
			t.Errorf("record %d, %s: %s is required", n, class, attribute)
		}
	}
	for attribute := range event {
		if !slices.Contains(ocsfKnown[class], attribute) {
			t.Errorf("record %d: %s has no attribute %s", n, class, attribute)
		}
	}
	for path, required := range ocsfObjects {
		if object, ok := record(event).get(path).(map[string]any); ok {
			for _, attribute := range required {
				if object[attribute] == nil {
					t.Errorf("record %d, %s: %s.%s is required", n, class, path, attribute)
				}
			}
		}
	}
	for path, choice := range ocsfOneOf {
		if object, ok := record(event).get(path).(map[string]any); ok &&
			!slices.ContainsFunc(choice, func(a string) bool { return object[a] != nil }) {
			t.Errorf("record %d, %s: %s needs one of %v", n, class, path, choice)
		}
	}
	number := func(name string) int64 { return whole(event[name]) }
	if number("type_uid") != number("class_uid")*100+number("activity_id") {
		t.Errorf("record %d, %s: type_uid %d", n, class, number("type_uid"))
	}
	if id := number("class_uid"); id != 0 && id/1000 != number("category_uid") {
		t.Errorf("record %d, %s: category %d", n, class, number("category_uid"))
	}
	if class == "HTTP Activity" {
		if event["http_request"] == nil && event["http_response"] == nil {
			t.Errorf("record %d: neither request nor response", n)
		}
		if event["src_endpoint"] == nil && event["dst_endpoint"] == nil {
			t.Errorf("record %d: neither end point", n)
		}
	}
}

func TestHashesOfIdentifiersStayAsTheyAre(t *testing.T) {
	for _, format := range Formats() {
		events, err := converter(t, format).Events(lines(t)[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, hash := range []string{"2026-03:8f3a52c1d07be944", "2026-03:77aa00bb11cc22dd"} {
			for i, event := range events {
				if i == 0 && !strings.Contains(string(event), hash) {
					t.Errorf("%s: %s is lost", format, hash)
				}
			}
		}
	}
}
