package answer

import (
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"
)

// Rules, reasons and contacts are written by people, in any language and at any length. What follows
// puts them where the protocols take a line of ASCII, so that none can end a field and begin another.

// Longest texts in headers, in bytes. Servers and clients cap all headers together, often at 8 KiB.
const (
	mostSentence = 1024
	mostName     = 256
)

// proxyStatus is the RFC 9209 field: one structured-field item with this proxy's name.
func (r Refusal) proxyStatus() string {
	status := "borderflow"
	if isToken(r.ProxyError) {
		status += "; error=" + r.ProxyError
	}
	return status + "; details=" + quoted(r.Sentence())
}

// phrase is the reason phrase. Clients hide the body of a refused CONNECT (curl, Chromium), so what
// matters most goes here as well.
func (r Refusal) phrase(status int) string {
	text := http.StatusText(status)
	if text == "" {
		text = "Refused"
	}
	if r.Rule != "" {
		text += " by rule " + printable(r.Rule, mostName)
	}
	return text + " (flow " + printable(r.FlowID, mostName) + ")"
}

// printable renders s in at most most bytes of printable ASCII, with "?" for every other character.
func printable(s string, most int) string {
	var b strings.Builder
	for _, c := range s {
		if b.Len() == most {
			break
		}
		if c < 0x20 || c > 0x7e {
			c = '?'
		}
		b.WriteRune(c)
	}
	return b.String()
}

// quoted renders s as a structured-field string (RFC 8941 section 3.3.3).
func quoted(s string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(printable(s, mostSentence)) + `"`
}

// isToken reports whether s is a structured-field token as RFC 9209 spells its error types: lower
// case letters, digits and underscores.
func isToken(s string) bool {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// uriReference percent-encodes what may not stand in a URI (RFC 3986 section 2), so that s cannot
// leave the angle brackets of a Link field.
func uriReference(s string) string {
	const allowed = "-._~:/?#[]@!$&'()*+,;=%"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		alphanumeric := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if alphanumeric || strings.IndexByte(allowed, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// cut shortens s to at most most bytes without splitting a character.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
