package proxy

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules/flow"
)

// proposeExemption returns the document that would have f's client tunnelled to its destination
// instead of intercepted, for an operator to complete and approve.
func proposeExemption(f *flow.Flow, now time.Time) string {
	const days = 90
	client := f.Source.Address.WithZone("").String()
	return fmt.Sprintf(`apiVersion: borderflow/v1
kind: Exemption
name: %s
inspect: sni
source: {address: %q}
destination: {host: %q}
approvedBy: ""
reason: ""
from: %s
until: %s
`, exemptionName("pinned-"+f.Destination.Host+"-"+client), client, f.Destination.Host,
		now.UTC().Format(time.DateOnly), now.UTC().AddDate(0, 0, days).Format(time.DateOnly))
}

var unfitForNames = regexp.MustCompile(`[^a-z0-9._-]+`)

// exemptionName makes text fit for a name in a policy directory.
func exemptionName(text string) string {
	const longest = 128
	name := unfitForNames.ReplaceAllString(strings.ToLower(text), "-")
	return name[:min(len(name), longest)]
}
