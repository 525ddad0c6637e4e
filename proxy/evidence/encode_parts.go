package evidence

import (
	"strconv"

	"github.com/borderflow/borderflow/proxy/evidence/pseudonym"
	"github.com/borderflow/borderflow/rules/flow"
)

// appendTo writes who sent: in clear, or as keyed hashes.
func (s *Source) appendTo(t *text, keys *pseudonym.Keys) {
	addressHash, identityHash := s.AddressHash, s.IdentityHash
	if keys == nil {
		t.addAddress("address", s.Address)
	} else if s.Address.IsValid() {
		addressHash = keys.HashAddress(s.Address)
	}
	t.addString("address_hash", addressHash, maxToken)
	t.addInt("port", int64(s.Port))
	if keys == nil {
		t.addString("identity", s.Identity, maxName)
	} else if s.Identity != "" {
		identityHash = keys.Hash(pseudonym.Identity, s.Identity)
	}
	t.addString("identity_hash", identityHash, maxToken)
	t.addString("assurance", s.Assurance, maxToken)
	t.addString("country", s.Country, maxToken)
}

func (d *Destination) appendTo(t *text) {
	t.addString("host", d.Host, maxHost)
	t.addInt("port", int64(d.Port))
	t.addAddress("address", d.Address)
	t.addString("country", d.Country, maxToken)
	if confidence(d.Confidence) > 0 {
		t.setConfidence("confidence", d.Confidence)
	}
	addStrings(t, "possible", d.Possible, maxClaims, maxToken)
	addStrings(t, "reach", d.Reach, maxClaims, maxToken)
	addList(t, "jurisdictions", d.Jurisdictions, maxClaims, appendClaim)
	t.addString("operator", d.Operator, maxName)
	t.addString("operator_home", d.OperatorHome, maxToken)
	t.addString("parent_home", d.ParentHome, maxToken)
	t.addString("cloud", d.Cloud, maxToken)
	t.addString("region", d.Region, maxToken)
	t.addTrue("anycast", d.Anycast)
	t.addTrue("stale", d.Stale)
	addStrings(t, "conflicts", d.Conflicts, maxConflicts, maxText)
	t.addString("exemption", d.Exemption, maxName)
	t.addString("data_version", d.DataVersion, maxVersion)
}

func appendClaim(t *text, c *flow.Claim) {
	*t = append(*t, '{')
	t.setString("country", c.Country, maxToken)
	t.setString("source", c.Source, maxToken)
	t.setConfidence("confidence", c.Confidence)
	t.addString("detail", c.Detail, maxText)
	t.addTime("as_of", c.AsOf)
	*t = append(*t, '}')
}

func (d *Data) appendTo(t *text) {
	if len(d.Categories) > 0 {
		t.object("categories", func() {
			for i := range first(d.Categories, maxCategories) {
				appendCategory(t, &d.Categories[i])
			}
		})
	}
	appendFindings(t, "findings", d.Findings)
	t.addInt("subjects", int64(d.Subjects))
	t.addString("inspected", d.Inspected, maxToken)
	t.addString("undecodable", d.Undecodable, maxText)
	t.addInt("bytes", d.Bytes)
	t.addTrue("mismatch", d.Mismatch)
}

// appendFindings writes how often each detector found something, if any did.
func appendFindings(t *text, key string, findings []flow.Finding) {
	if len(findings) == 0 {
		return
	}
	t.object(key, func() {
		for _, finding := range first(findings, maxFindings) {
			t.separate()
			t.str(bounded(finding.Detector, maxName))
			*t = append(*t, ':')
			*t = strconv.AppendInt(*t, int64(finding.Count), 10)
		}
	})
}

func appendCategory(t *text, c *flow.Category) {
	t.separate()
	t.str(bounded(c.Name, maxName))
	*t = append(*t, ':', '{')
	t.setInt("count", int64(c.Count))
	if c.Strength >= flow.Weak && c.Strength <= flow.Strong {
		t.setString("strength", c.Strength.String(), maxToken)
	}
	*t = append(*t, '}')
}

// appendRules writes what the policies and their rules said.
func (r *Record) appendRules(t *text) {
	addList(t, "policies", r.Policies, maxRules, func(t *text, v *PolicyVerdict) {
		*t = append(*t, '{')
		t.setString("policy", v.Policy, maxName)
		t.setString("verdict", v.Verdict, maxToken)
		t.addString("rule", v.Rule, maxName)
		t.addTrue("shadow", v.Shadow)
		*t = append(*t, '}')
	})
	addList(t, "logged", r.Logged, maxRules, func(t *text, l *RuleReference) {
		*t = append(*t, '{')
		t.setString("policy", l.Policy, maxName)
		t.addString("rule", l.Rule, maxName)
		*t = append(*t, '}')
	})
	addList(t, "shadow", r.Shadow, maxRules, func(t *text, v *ShadowVerdict) {
		*t = append(*t, '{')
		t.setString("policy", v.Policy, maxName)
		t.addString("rule", v.Rule, maxName)
		t.setString("verdict", v.Verdict, maxToken)
		*t = append(*t, '}')
	})
	addList(t, "errors", r.Errors, maxRules, func(t *text, e *RuleError) {
		*t = append(*t, '{')
		t.setString("policy", e.Policy, maxName)
		t.addString("rule", e.Rule, maxName)
		t.setString("error", e.Error, maxText)
		*t = append(*t, '}')
	})
}

// appendTo writes the recovery as the value of the record's key of that name.
func (r *Recovery) appendTo(t *text) {
	t.setString("segment", r.Segment, maxName)
	t.setString("reason", r.Reason, maxText)
	t.setInt("offset", r.Offset)
	t.addInt("cut_bytes", r.CutBytes)
	for _, number := range [...]struct {
		name  string
		value uint64
	}{{"since", r.Since}, {"until", r.Until}} {
		if number.value != 0 {
			t.key(number.name)
			*t = strconv.AppendUint(*t, number.value, 10)
		}
	}
	t.addString("caused_by", r.CausedBy, maxText)
	t.addTrue("abandoned", r.Abandoned)
}
