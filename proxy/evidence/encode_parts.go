package evidence

import (
	"math"

	"go.uber.org/zap/zapcore"

	"github.com/borderflow/borderflow/rules/flow"
)

// The types of this file are the parts of a record as the encoder sees them. They share the layout
// of the exported types, so that a pointer converts without an allocation.
type (
	sourceObject      line
	destinationObject line
	requestObject     Request
	dataObject        Data
	transferredObject Transferred
	claimObject       flow.Claim
	categoryObject    flow.Category

	claimArray    []flow.Claim
	stringArray   []string
	nameArray     []string
	countryArray  []string
	policyArray   []PolicyVerdict
	policyObject  PolicyVerdict
	loggedArray   []RuleReference
	loggedObject  RuleReference
	shadowArray   []ShadowVerdict
	shadowObject  ShadowVerdict
	errorArray    []RuleError
	errorObject   RuleError
	categoriesMap []flow.Category
	findingsMap   []flow.Finding
)

func (o *sourceObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	s := &o.record.Source
	(*line)(o).addAddress(enc, "address", s.Address)
	addInt(enc, "port", int64(s.Port))
	addString(enc, "identity", s.Identity, maxName)
	addString(enc, "assurance", s.Assurance, maxToken)
	addString(enc, "country", s.Country, maxToken)
	return nil
}

func (o *destinationObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	d := &o.record.Destination
	addString(enc, "host", d.Host, maxHost)
	addInt(enc, "port", int64(d.Port))
	(*line)(o).addAddress(enc, "address", d.Address)
	addString(enc, "country", d.Country, maxToken)
	if c := confidence(d.Confidence); c > 0 {
		enc.AddFloat64("confidence", c)
	}
	if len(d.Possible) > 0 {
		enc.AddArray("possible", (*countryArray)(&d.Possible))
	}
	if len(d.Reach) > 0 {
		enc.AddArray("reach", (*countryArray)(&d.Reach))
	}
	if len(d.Jurisdictions) > 0 {
		enc.AddArray("jurisdictions", (*claimArray)(&d.Jurisdictions))
	}
	addString(enc, "operator", d.Operator, maxName)
	addString(enc, "operator_home", d.OperatorHome, maxToken)
	addString(enc, "parent_home", d.ParentHome, maxToken)
	addString(enc, "cloud", d.Cloud, maxToken)
	addString(enc, "region", d.Region, maxToken)
	addTrue(enc, "anycast", d.Anycast)
	addTrue(enc, "stale", d.Stale)
	if len(d.Conflicts) > 0 {
		enc.AddArray("conflicts", (*stringArray)(&d.Conflicts))
	}
	addString(enc, "exemption", d.Exemption, maxName)
	addString(enc, "data_version", d.DataVersion, maxVersion)
	return nil
}

func (o *claimObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("country", bounded(o.Country, maxToken))
	enc.AddString("source", bounded(o.Source, maxToken))
	enc.AddFloat64("confidence", confidence(o.Confidence))
	addString(enc, "detail", o.Detail, maxText)
	addTime(enc, "as_of", o.AsOf)
	return nil
}

func (a *claimArray) MarshalLogArray(enc zapcore.ArrayEncoder) error {
	claims := first(*a, maxClaims)
	for i := range claims {
		enc.AppendObject((*claimObject)(&claims[i]))
	}
	return nil
}

func (a *countryArray) MarshalLogArray(enc zapcore.ArrayEncoder) error {
	for _, country := range first(*a, maxClaims) {
		enc.AppendString(bounded(country, maxToken))
	}
	return nil
}

func (a *stringArray) MarshalLogArray(enc zapcore.ArrayEncoder) error {
	for _, s := range first(*a, maxConflicts) {
		enc.AppendString(bounded(s, maxText))
	}
	return nil
}

func (o *requestObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	addString(enc, "method", o.Method, maxToken)
	addString(enc, "scheme", o.Scheme, maxToken)
	addString(enc, "protocol", o.Protocol, maxToken)
	return nil
}

func (o *dataObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	if len(o.Categories) > 0 {
		enc.AddObject("categories", (*categoriesMap)(&o.Categories))
	}
	if len(o.Findings) > 0 {
		enc.AddObject("findings", (*findingsMap)(&o.Findings))
	}
	addInt(enc, "subjects", int64(o.Subjects))
	addString(enc, "inspected", o.Inspected, maxToken)
	addString(enc, "undecodable", o.Undecodable, maxText)
	addInt(enc, "bytes", o.Bytes)
	return nil
}

func (m *categoriesMap) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	categories := first(*m, maxCategories)
	for i := range categories {
		enc.AddObject(bounded(categories[i].Name, maxName), (*categoryObject)(&categories[i]))
	}
	return nil
}

func (o *categoryObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddInt("count", o.Count)
	if o.Strength >= flow.Weak && o.Strength <= flow.Strong {
		enc.AddString("strength", o.Strength.String())
	}
	return nil
}

func (m *findingsMap) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	for _, finding := range first(*m, maxFindings) {
		enc.AddInt(bounded(finding.Detector, maxName), finding.Count)
	}
	return nil
}

func (o *transferredObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddInt64("sent", o.Sent)
	enc.AddInt64("received", o.Received)
	return nil
}

// confidence keeps what JSON numbers cannot say, or what is no confidence, out of the record.
func confidence(c float64) float64 {
	if math.IsNaN(c) || c < 0 {
		return 0
	}
	return min(c, 1)
}
