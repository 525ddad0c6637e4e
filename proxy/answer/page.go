package answer

import (
	"bytes"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

// wantsHTML reports whether a person is likely to look at the answer: the client names text/html,
// and prefers it to every JSON type that it names (RFC 9110 section 12.5.1). Programs that accept
// anything get problem details.
func wantsHTML(request *http.Request) bool {
	if request == nil || request.Method == http.MethodConnect {
		return false
	}
	html, json := 0.0, 0.0
	for part := range strings.SplitSeq(strings.Join(request.Header.Values("Accept"), ","), ",") {
		name, parameters, _ := strings.Cut(strings.ToLower(part), ";")
		switch name = strings.TrimSpace(name); {
		case name == "text/html":
			if weight := quality(parameters); weight > json {
				html = max(html, weight)
			}
		case strings.HasPrefix(name, "application/") && strings.HasSuffix(name, "json"):
			json = max(json, quality(parameters))
		}
	}
	return html > 0 && html >= json
}

// quality returns the weight among a media range's parameters (RFC 9110 section 12.4.2), 1 when there
// is none and 0 when it cannot be read.
func quality(parameters string) float64 {
	for parameter := range strings.SplitSeq(parameters, ";") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(parameter), "q="); ok {
			weight, err := strconv.ParseFloat(value, 64)
			if err != nil || !(weight >= 0 && weight <= 1) {
				return 0
			}
			return weight
		}
	}
	return 1
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{.Title}}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem; color: #1d2733; }
h1 { font-size: 1.5rem; }
dt { font-weight: 600; margin-top: .6rem; }
dd { margin: 0; overflow-wrap: anywhere; }
code { background: #eef1f4; padding: .1rem .3rem; border-radius: .2rem; }
</style>
<h1>{{.Title}}</h1>
<p>{{.Reason}}</p>
<dl>
{{- if .Rule}}<dt>Rule</dt><dd><code>{{.Rule}}</code>{{if .Policy}} of policy <code>{{.Policy}}</code>{{end}}</dd>{{end}}
{{- if .LegalBasis}}<dt>Legal basis</dt><dd>{{.LegalBasis}}</dd>{{end}}
{{- if .Country}}<dt>Destination</dt><dd>{{.Country}}</dd>{{end}}
{{- if .Categories}}<dt>Found in the request</dt><dd>{{range $i, $c := .Categories}}{{if $i}}, {{end}}{{$c}}{{end}}</dd>{{end}}
{{- if .Contact}}<dt>Whom to ask</dt><dd>{{.Contact}}</dd>{{end}}
<dt>Flow</dt><dd><code>{{.FlowID}}</code></dd>
</dl>
<p>This answer comes from borderflow, the proxy between you and the site, and not from the site itself.</p>
</html>
`))

func (r Refusal) page() []byte {
	var page bytes.Buffer
	// The template is fixed and its fields are strings, so that it always executes.
	_ = pageTemplate.Execute(&page, r)
	return page.Bytes()
}
