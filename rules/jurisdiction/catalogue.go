package jurisdiction

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/borderflow/borderflow/rules/flow"
)

const sourceCatalogue = "catalogue"

// catalogue answers from what the user declared.
type catalogue struct {
	exact    map[string]*declaration
	below    suffixTable[*declaration]
	networks prefixTable[*declaration]
	ends     []time.Time // when entries expire, ascending
	label    string
}

// declaration is an Entry with its statements prepared.
type declaration struct {
	statements []statement
	expired    statement
	end        time.Time // zero: never
}

// newCatalogue prepares entries that ValidateCatalogue found no fault with.
func newCatalogue(entries []Entry) *catalogue {
	c := &catalogue{exact: map[string]*declaration{}, below: suffixTable[*declaration]{}}
	digest := sha256.New()
	for _, entry := range entries {
		match, _ := parsePattern(entry.Match)
		d := newDeclaration(entry, match)
		switch {
		case match.network.IsValid():
			c.networks.add(match.network, d)
		case match.below:
			c.below[match.host] = d
		default:
			c.exact[match.host] = d
		}
		if !d.end.IsZero() {
			c.ends = append(c.ends, d.end)
		}
		fmt.Fprintf(digest, "%q\n", []string{
			entry.Match, fmt.Sprint(entry.Countries), entry.Operator, entry.OperatorHome,
			entry.Document, entry.ValidUntil, entry.Source,
		})
		if entry.ParentHome != "" {
			fmt.Fprintf(digest, "parent %q\n", entry.ParentHome)
		}
	}
	c.networks.seal()
	slices.SortFunc(c.ends, time.Time.Compare)
	if len(entries) > 0 {
		c.label = sourceCatalogue + "#" + hex.EncodeToString(digest.Sum(nil))[:8]
	}
	return c
}

func newDeclaration(entry Entry, match pattern) *declaration {
	d := &declaration{}
	d.end, _ = parseEnd(entry.ValidUntil)
	var detail string
	switch {
	case match.network.IsValid():
		detail = "network " + match.network.String()
	case match.below:
		detail = "suffix ." + match.host
	default:
		detail = "host " + match.host
	}
	for _, part := range []struct{ label, text string }{
		{"document", entry.Document}, {"source", entry.Source}, {"valid until", entry.ValidUntil},
	} {
		if part.text != "" {
			detail += ", " + part.label + " " + part.text
		}
	}
	for _, code := range entry.Countries {
		d.statements = append(d.statements, statement{
			kind:  declared,
			claim: flow.Claim{Country: code, Source: sourceCatalogue, Confidence: confidenceDeclared, Detail: detail},
		})
	}
	if entry.Operator != "" || entry.OperatorHome != "" || entry.ParentHome != "" {
		d.statements = append(d.statements, statement{
			kind: operated, operator: entry.Operator, operatorHome: entry.OperatorHome, parentHome: entry.ParentHome,
			claim: flow.Claim{Source: sourceCatalogue, Confidence: confidenceDeclared, Detail: detail},
		})
	}
	d.expired = statement{kind: silent, claim: flow.Claim{Source: sourceCatalogue, Detail: "expired: " + detail}}
	return d
}

func (c *catalogue) version() string { return c.label }

func (c *catalogue) statements(to []statement, q query) []statement {
	if q.host != "" {
		to = c.forHost(to, q)
	}
	if q.dialled.IsValid() {
		if _, d, ok := c.networks.longest(q.dialled); ok {
			to = d.appendTo(to, q.now)
		}
	}
	return to
}

func (c *catalogue) forHost(to []statement, q query) []statement {
	if d, ok := c.exact[q.host]; ok {
		return d.appendTo(to, q.now)
	}
	c.below.walk(q.host, func(_, front string, d *declaration) bool {
		if front == "" {
			return false // the name itself is not below itself
		}
		to = d.appendTo(to, q.now)
		return true
	})
	return to
}

// appendTo adds what the declaration says at now. The most specific entry counts even when it has
// expired: a wider one was not written for this destination.
func (d *declaration) appendTo(to []statement, now time.Time) []statement {
	if !d.end.IsZero() && !now.Before(d.end) {
		return append(to, d.expired)
	}
	return append(to, d.statements...)
}

// nextExpiry returns the first moment after now at which an entry expires; zero if none will.
func (c *catalogue) nextExpiry(now time.Time) time.Time {
	for _, end := range c.ends {
		if end.After(now) {
			return end
		}
	}
	return time.Time{}
}
