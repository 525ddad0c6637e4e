package jurisdiction

import (
	"crypto/x509"
	"slices"
	"strings"
	"unicode"

	"github.com/borderflow/borderflow/rules/flow"
)

const (
	sourceCertificate = "certificate"
	maxOrganization   = 120 // bytes
)

// WithCertificate returns location with the operator that the subject of the server's certificate
// names, if nothing stronger names it or its home; who registered the network is weaker. It is for the time after the handshake, when the certificate is
// verified: a leaf that is not proves nothing and must not be passed in.
//
// Organisation and country of a subject are what the authority checked about who applied for the
// certificate (CA/Browser Forum Baseline Requirements 3.2.2.1). They say whose law binds the operator
// and nothing about where the machine stands, so the place never changes. Both must be there, once
// each; most certificates have neither. The reach can only grow: what was decided on before the
// handshake stays true after it.
func WithCertificate(location flow.Location, leaf *x509.Certificate) flow.Location {
	if location.Operator != "" || location.OperatorHome != "" && location.HomeSource != sourceRegistrant {
		return location
	}
	if leaf == nil || len(leaf.Subject.Organization) != 1 || len(leaf.Subject.Country) != 1 {
		return location
	}
	organization := printableName(leaf.Subject.Organization[0])
	home, ok := country([]byte(leaf.Subject.Country[0]))
	if !ok || organization == "" {
		return location
	}
	location.Operator, location.OperatorHome, location.HomeSource = organization, home, sourceCertificate
	location.Reach = distinct(append(slices.Clone(location.Reach), home)...)
	claims := append(slices.Clone(location.Jurisdictions), flow.Claim{
		Source: sourceCertificate, Confidence: confidenceCertificate, AsOf: leaf.NotBefore,
		Detail: organization + " of " + home + " is the certificate's subject, which says nothing of the place",
	})
	slices.SortStableFunc(claims, strongestClaim)
	location.Jurisdictions = claims
	return location
}

// printableName bounds a name from a certificate and keeps it fit for a record.
func printableName(name string) string {
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, name))
	if len(name) > maxOrganization {
		name = strings.TrimSpace(strings.ToValidUTF8(name[:maxOrganization], ""))
	}
	return name
}
