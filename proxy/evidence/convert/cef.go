package convert

import (
	"fmt"
	"strings"
)

// CEFVersion is the version of ArcSight's Common Event Format (implementation standard, revision 25)
// that events follow, as their first field says. It has six strings and three numbers for what it
// has no key for; the log has the rest.
const CEFVersion = 0

// cefFlow names keys of the format's extension dictionary. A custom string or number has its label
// beside it.
var cefFlow = []row{
	{"time", "rt", milliseconds},
	{"", "externalId", uid},
	{"verdict", "act", nil},
	{"outcome", "outcome", nil},
	{"error", "reason", nil},
	{"source.address", "src", nil},
	{"source.port", "spt", nil},
	{"source.identity", "suser", nil},
	{"source.identity_hash", "suid", nil},
	{"source.address_hash", "borderflowSourceAddressHash", nil},
	{"source.country", "borderflowSourceCountry", nil},
	{"destination.address", "dst", nil},
	{"destination.host", "dhost", nil},
	{"destination.port", "dpt", nil},
	{"request.protocol", "app", nil},
	{"request.method", "requestMethod", nil},
	{"", "proto", constant("TCP")},
	{"", "deviceDirection", constant(1)}, // outbound
	{"bytes.sent", "out", nil},
	{"bytes.received", "in", nil},
	{"time", "start", milliseconds},
	{"duration_ms", "end", derived(func(r record) any { return r.started().Add(r.duration()).UnixMilli() })},
	{"", "cs1Label", constant("policy")},
	{"policy", "cs1", nil},
	{"", "cs2Label", constant("rule")},
	{"rule", "cs2", nil},
	{"", "cs3Label", constant("dataCategories")},
	{"data.categories", "cs3", derived(func(r record) any { names, _ := r.categories(); return strings.Join(names, ",") })},
	{"", "cs4Label", constant("destinationCountry")},
	{"destination.country", "cs4", nil},
	{"", "cs5Label", constant("transferMechanism")},
	{"mechanism", "cs5", nil},
	{"", "cs6Label", constant("legalBasis")},
	{"legal_basis", "cs6", nil},
	{"", "cn1Label", constant("people")},
	{"data.subjects", "cn1", nil},
	{"", "cn2Label", constant("sequence")},
	{"seq", "cn2", nil},
	{"", "cn3Label", constant("httpStatus")},
	{"status", "cn3", nil},
}

var cefLog = []row{
	{"time", "rt", milliseconds},
	{"", "externalId", uid},
	{"recovery.reason", "reason", nil},
	{"recovery.segment", "fname", nil},
	{"", "cn1Label", constant("offset")},
	{"recovery.offset", "cn1", nil},
	{"", "cn2Label", constant("sequence")},
	{"seq", "cn2", nil},
}

func (c *Converter) cef(r record) []byte {
	id, name, severity, rows := r.text("kind"), "Evidence log mended", 8, cefLog
	switch {
	case r.ofFlow() && id == "":
		id, severity, rows = "flow-"+r.text("outcome"), cefSeverity(r), cefFlow
		name = "Flow " + r.text("outcome")
	case r.ofFlow():
		name, severity, rows = "Flow begun", 1, cefFlow
	case id == kindUnreadable:
		name = "Evidence record unreadable"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "CEF:%d|borderflow|borderflow|%s|%s|%s|%d|", CEFVersion,
		cefHeader.Replace(c.producer.Version), cefHeader.Replace(id), cefHeader.Replace(name), severity)
	event := map[string]any{}
	fill(event, r, rows)
	separator := ""
	for _, row := range rows {
		v, ok := event[row.to]
		if label, isLabel := strings.CutSuffix(row.to, "Label"); isLabel && event[label] == nil {
			continue // nothing to label
		}
		if ok {
			b.WriteString(separator + row.to + "=" + cefExtension.Replace(fmt.Sprint(v)))
			separator = " "
		}
	}
	return []byte(b.String())
}

// cefSeverity is from 0 to 10.
func cefSeverity(r record) int {
	switch r.text("outcome") {
	case "blocked":
		return 6
	case "refused", "redecided":
		return 5
	case "failed":
		return 3
	}
	return 1
}

// A header field escapes | and \, an extension's value = and \; a line break ends neither.
var (
	cefHeader    = strings.NewReplacer(`\`, `\\`, `|`, `\|`, "\n", " ", "\r", " ")
	cefExtension = strings.NewReplacer(`\`, `\\`, `=`, `\=`, "\n", `\n`, "\r", `\r`)
)
