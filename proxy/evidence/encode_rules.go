package evidence

import "go.uber.org/zap/zapcore"

func (a *policyArray) MarshalLogArray(enc zapcore.ArrayEncoder) error {
	policies := first(*a, maxRules)
	for i := range policies {
		enc.AppendObject((*policyObject)(&policies[i]))
	}
	return nil
}

func (o *policyObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("policy", bounded(o.Policy, maxName))
	enc.AddString("verdict", bounded(o.Verdict, maxToken))
	addString(enc, "rule", o.Rule, maxName)
	addTrue(enc, "shadow", o.Shadow)
	return nil
}

func (a *loggedArray) MarshalLogArray(enc zapcore.ArrayEncoder) error {
	rules := first(*a, maxRules)
	for i := range rules {
		enc.AppendObject((*loggedObject)(&rules[i]))
	}
	return nil
}

func (o *loggedObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("policy", bounded(o.Policy, maxName))
	addString(enc, "rule", o.Rule, maxName)
	return nil
}

func (a *shadowArray) MarshalLogArray(enc zapcore.ArrayEncoder) error {
	verdicts := first(*a, maxRules)
	for i := range verdicts {
		enc.AppendObject((*shadowObject)(&verdicts[i]))
	}
	return nil
}

func (o *shadowObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("policy", bounded(o.Policy, maxName))
	addString(enc, "rule", o.Rule, maxName)
	enc.AddString("verdict", bounded(o.Verdict, maxToken))
	return nil
}

func (a *errorArray) MarshalLogArray(enc zapcore.ArrayEncoder) error {
	failures := first(*a, maxRules)
	for i := range failures {
		enc.AppendObject((*errorObject)(&failures[i]))
	}
	return nil
}

func (o *errorObject) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("policy", bounded(o.Policy, maxName))
	addString(enc, "rule", o.Rule, maxName)
	enc.AddString("error", bounded(o.Error, maxText))
	return nil
}

func (a *nameArray) MarshalLogArray(enc zapcore.ArrayEncoder) error {
	for _, name := range first(*a, maxRules) {
		enc.AppendString(bounded(name, maxName))
	}
	return nil
}

// MarshalLogObject writes the recovery as the value of the record's key of that name.
func (r *Recovery) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("segment", bounded(r.Segment, maxName))
	enc.AddString("reason", bounded(r.Reason, maxText))
	enc.AddInt64("offset", r.Offset)
	addInt(enc, "cut_bytes", r.CutBytes)
	if r.Since != 0 {
		enc.AddUint64("since", r.Since)
	}
	addString(enc, "caused_by", r.CausedBy, maxText)
	addTrue(enc, "abandoned", r.Abandoned)
	return nil
}
