package evidence

import (
	"strings"
	"unicode/utf8"
)

// Bounds of what a client, a destination or a policy can put into a record, in bytes after
// conversion to valid UTF-8. A longer string is cut and ends in the mark of a cut, "…".
const (
	maxHost    = 253 // RFC 1035 section 2.3.4, without the final dot
	maxToken   = 64  // methods, protocols, verdicts, ids of countries: short words by nature
	maxName    = 256 // identities, operators, policies, rules, detectors
	maxText    = 512 // reasons, legal bases, details
	maxVersion = 128
)

// Bounds of the lists, in entries. They are far above what one flow needs; a list that is cut sets
// Record.Truncated.
const (
	maxClaims     = 32
	maxConflicts  = 32
	maxCategories = 64
	maxFindings   = 256
	maxRules      = 128 // in each of policies, logged, shadow, errors, exemptions
)

// MaxLine bounds a line, its newline included. No record within the bounds above comes near; a
// reader may refuse longer lines.
const MaxLine = 4 << 20

const (
	cutMark     = "…"
	replacement = "\uFFFD"
)

// bounded returns s as valid UTF-8 of at most limit bytes. Limits are longer than the mark.
func bounded(s string, limit int) string {
	if len(s) <= limit && utf8.ValidString(s) {
		return s
	}
	cut := len(s) > limit
	if cut {
		s = s[:limit]
	}
	s = strings.ToValidUTF8(s, replacement)
	if !cut && len(s) <= limit {
		return s
	}
	end := min(len(s), limit-len(cutMark))
	for end > 0 && end < len(s) && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + cutMark
}

func first[T any](list []T, limit int) []T { return list[:min(len(list), limit)] }

// listsCut reports whether a list of r is longer than a line may hold.
func (r *Record) listsCut() bool {
	return len(r.Destination.Jurisdictions) > maxClaims ||
		len(r.Destination.Possible) > maxClaims || len(r.Destination.Reach) > maxClaims ||
		len(r.Destination.Conflicts) > maxConflicts ||
		len(r.Data.Categories) > maxCategories ||
		len(r.Data.Findings) > maxFindings ||
		len(r.Policies) > maxRules || len(r.Logged) > maxRules ||
		len(r.Shadow) > maxRules || len(r.Errors) > maxRules ||
		len(r.Exemptions) > maxRules || len(r.Redacted) > maxFindings
}
