package delivery

import (
	"strconv"
	"strings"
)

// The types below are those of opentelemetry-proto 1.x (collector/logs/v1, logs/v1, common/v1), as its
// JSON mapping has them: names in lowerCamelCase, ids in hex, 64-bit numbers as strings, enumerations
// as numbers.
type (
	exportRequest struct {
		ResourceLogs []resourceLogs `json:"resourceLogs"`
	}
	resourceLogs struct {
		Resource  resourceOf  `json:"resource"`
		ScopeLogs []scopeLogs `json:"scopeLogs"`
	}
	resourceOf struct {
		Attributes []keyValue `json:"attributes"`
	}
	scopeLogs struct {
		Scope      scopeOf     `json:"scope"`
		LogRecords []logRecord `json:"logRecords"`
	}
	scopeOf struct {
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
	}
	logRecord struct {
		TimeUnixNano         string     `json:"timeUnixNano"`
		ObservedTimeUnixNano string     `json:"observedTimeUnixNano"`
		SeverityNumber       int        `json:"severityNumber"`
		SeverityText         string     `json:"severityText"`
		EventName            string     `json:"eventName"`
		Body                 anyValue   `json:"body"`
		Attributes           []keyValue `json:"attributes"`
		Flags                uint32     `json:"flags,omitempty"`
		TraceID              string     `json:"traceId,omitempty"`
		SpanID               string     `json:"spanId,omitempty"`
	}
	keyValue struct {
		Key   string   `json:"key"`
		Value anyValue `json:"value"`
	}
	anyValue struct {
		String *string `json:"stringValue,omitempty"`
		Int    *string `json:"intValue,omitempty"`
	}
)

func text(key, value string) keyValue { return keyValue{key, anyValue{String: &value}} }

func number(key string, value uint64) keyValue {
	digits := strconv.FormatUint(value, 10)
	return keyValue{key, anyValue{Int: &digits}}
}

// newLogRecord puts a message into a log record. log.record.uid is what OpenTelemetry's conventions
// have for telling repeated records apart; the other attributes are for searching, the body has all.
func newLogRecord(m *message, now string) logRecord {
	h := &m.header
	body := strings.ToValidUTF8(string(m.event), "\uFFFD")
	r := logRecord{
		TimeUnixNano: strconv.FormatInt(h.Time.UnixNano(), 10), ObservedTimeUnixNano: now,
		EventName: "borderflow." + h.title(), Body: anyValue{String: &body},
		Attributes: []keyValue{text("log.record.uid", m.uid)},
	}
	switch h.level() { // numbers of the log data model, section Severity
	case alarming:
		r.SeverityNumber, r.SeverityText = 17, "ERROR"
	case notable:
		r.SeverityNumber, r.SeverityText = 13, "WARN"
	default:
		r.SeverityNumber, r.SeverityText = 9, "INFO"
	}
	for _, attribute := range [...]struct{ key, value string }{
		{"borderflow.flow.id", h.ID}, {"borderflow.outcome", h.Outcome}, {"borderflow.verdict", h.Verdict},
		{"borderflow.policy", h.Policy}, {"borderflow.rule", h.Rule}, {"borderflow.destination.country", h.Destination.Country},
		{"server.address", h.Destination.Host}, {"http.request.method", h.Request.Method},
	} {
		if attribute.value != "" {
			r.Attributes = append(r.Attributes, text(attribute.key, attribute.value))
		}
	}
	for _, attribute := range [...]struct {
		key   string
		value uint64
	}{
		{"borderflow.seq", h.Seq}, {"server.port", uint64(h.Destination.Port)}, {"http.response.status_code", uint64(max(h.Status, 0))},
	} {
		if attribute.value != 0 {
			r.Attributes = append(r.Attributes, number(attribute.key, attribute.value))
		}
	}
	r.TraceID, r.SpanID, r.Flags = traceContext(h.Trace)
	return r
}

// traceContext takes a traceparent apart (W3C Trace Context section 3.2.2). An id of zeros alone is
// none.
func traceContext(parent string) (trace, span string, flags uint32) {
	fields := strings.Split(parent, "-")
	if len(fields) != 4 || len(fields[1]) != 32 || len(fields[2]) != 16 || strings.Trim(fields[1], "0") == "" || strings.Trim(fields[2], "0") == "" {
		return "", "", 0
	}
	n, err := strconv.ParseUint(fields[3], 16, 8)
	if err != nil {
		return "", "", 0
	}
	return fields[1], fields[2], uint32(n)
}
