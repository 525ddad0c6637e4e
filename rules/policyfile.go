package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules/document"
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/redact"
)

// Mode says whether a rule or policy decides, or only shows what it would decide.
type Mode string

const (
	Enforce Mode = "enforce"
	Shadow  Mode = "shadow" // evaluated and recorded, never enforced
)

// UnmarshalText reads the mode as policy files spell it.
func (m *Mode) UnmarshalText(text []byte) error {
	*m = Mode(text)
	return document.OneOf(string(text), string(Enforce), string(Shadow))
}

// OnError says what an evaluation error or an unavailable attribute means for a rule.
type OnError string

const (
	OnErrorMatch OnError = "match" // as if the condition were true; the default of block and log rules
	OnErrorSkip  OnError = "skip"  // as if it were false; the default of allow rules
)

// UnmarshalText reads the choice as policy files spell it.
func (o *OnError) UnmarshalText(text []byte) error {
	*o = OnError(text)
	return document.OneOf(string(text), string(OnErrorMatch), string(OnErrorSkip))
}

// LargeBody says what happens to a payload that a rule depends on and that is larger than what is
// held in memory until it is decided.
type LargeBody string

const (
	LargeStream LargeBody = "stream" // it leaves while it is read, and is cut off once a block is certain
	LargeHold   LargeBody = "hold"   // it is kept on disk until it has been read whole
	LargeBlock  LargeBody = "block"  // it does not leave
)

// UnmarshalText reads the choice as policy files spell it.
func (l *LargeBody) UnmarshalText(text []byte) error {
	*l = LargeBody(text)
	return document.OneOf(string(text), string(LargeBlock), string(LargeHold), string(LargeStream))
}

// strictest returns the stricter of two choices; "" is none.
func strictest(a, b LargeBody) LargeBody {
	rank := map[LargeBody]int{LargeStream: 1, LargeHold: 2, LargeBlock: 3}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// policyFile is one policy document as it is written.
type policyFile struct {
	APIVersion      apiVersion     `yaml:"apiVersion"`
	Kind            kind           `yaml:"kind"`
	Name            string         `yaml:"name"`
	Description     string         `yaml:"description"`
	Default         finalVerdict   `yaml:"default"`
	Mode            Mode           `yaml:"mode"`
	OnUninspectable finalVerdict   `yaml:"onUninspectable"`
	OnLargeBody     LargeBody      `yaml:"onLargeBody" json:",omitempty"`
	Contact         string         `yaml:"contact"`
	Inspect         []inspectEntry `yaml:"inspect"`
	Rules           []ruleEntry    `yaml:"rules"`
}

type inspectEntry struct {
	When  expression      `yaml:"when"`
	Level inspectionLevel `yaml:"level"`
}

type ruleEntry struct {
	ID          string      `yaml:"id"`
	Description string      `yaml:"description"`
	When        expression  `yaml:"when"`
	Verdict     ruleVerdict `yaml:"verdict"`
	Mode        Mode        `yaml:"mode"`
	OnError     OnError     `yaml:"onError"`
	Reason      string      `yaml:"reason"`
	LegalBasis  string      `yaml:"legalBasis"`
	Purpose     string      `yaml:"purpose"`
	Evidence    string      `yaml:"evidence"`
	Owner       string      `yaml:"owner"`
	Contact     string      `yaml:"contact"`
	ValidFrom   firstMoment `yaml:"validFrom"`
	ValidUntil  lastMoment  `yaml:"validUntil"`

	Redact *redactEntry `yaml:"redact" json:",omitempty"`
}

type redactEntry struct {
	Detectors  []string      `yaml:"detectors"`
	Categories []string      `yaml:"categories"`
	With       redact.Method `yaml:"with"`
	KeepLast   int           `yaml:"keepLast"`
}

type apiVersion string

func (v *apiVersion) UnmarshalText(text []byte) error {
	*v = apiVersion(text)
	return document.OneOf(string(text), "borderflow/v1")
}

type kind string

func (k *kind) UnmarshalText(text []byte) error {
	*k = kind(text)
	return document.OneOf(string(text), policyKind, listKind, exemptionKind, groupKind, detectorKind)
}

// The kinds of document that a policy directory holds.
const (
	policyKind    = "Policy"
	listKind      = "List"
	exemptionKind = "Exemption"
	groupKind     = "Group"
	detectorKind  = "Detector"
)

// expression is the text of a condition. It need not be in quotes where YAML would take it for
// something other than text, as it does true.
type expression string

func (x *expression) UnmarshalText(text []byte) error {
	*x = expression(text)
	if strings.TrimSpace(string(text)) == "" {
		return emptyCondition{}
	}
	return nil
}

type emptyCondition struct{}

func (emptyCondition) Error() string { return "the condition is empty" }

// Hint is read by document.Decode.
func (emptyCondition) Hint() string { return everyFlow }

const everyFlow = "true stands for every flow"

// finalVerdict is a verdict that can end a decision.
type finalVerdict struct{ flow.Verdict }

func (v *finalVerdict) UnmarshalText(text []byte) error {
	return parseVerdict(&v.Verdict, string(text), flow.Allow, flow.Block)
}

type ruleVerdict struct{ flow.Verdict }

func (v *ruleVerdict) UnmarshalText(text []byte) error {
	return parseVerdict(&v.Verdict, string(text), flow.Allow, flow.Block, flow.Log)
}

func parseVerdict(into *flow.Verdict, text string, allowed ...flow.Verdict) error {
	names := make([]string, len(allowed))
	for i, verdict := range allowed {
		if names[i] = verdict.String(); names[i] == text {
			*into = verdict
		}
	}
	return document.OneOf(text, names...)
}

type inspectionLevel struct{ flow.Inspection }

func (l *inspectionLevel) UnmarshalText(text []byte) error {
	var names []string
	for _, level := range []flow.Inspection{flow.InspectFull, flow.InspectSNI, flow.InspectNone} {
		names = append(names, level.String())
		if level.String() == string(text) {
			l.Inspection = level
		}
	}
	return document.OneOf(string(text), names...)
}

// firstMoment is a time, or a date that stands for its first moment in UTC.
type firstMoment struct{ time.Time }

func (m *firstMoment) UnmarshalText(text []byte) (err error) {
	m.Time, _, err = moment(string(text))
	return err
}

// lastMoment is a time, or a date that stands for the moment its day ends in UTC.
type lastMoment struct{ time.Time }

func (m *lastMoment) UnmarshalText(text []byte) error {
	at, date, err := moment(string(text))
	if date {
		at = at.AddDate(0, 0, 1)
	}
	m.Time = at
	return err
}

func moment(text string) (at time.Time, date bool, err error) {
	if at, err = time.Parse(time.DateOnly, text); err == nil {
		return at, true, nil
	}
	if at, err = time.Parse(time.RFC3339, text); err == nil {
		return at, false, nil
	}
	return time.Time{}, false, fmt.Errorf("expected a date or time, for example 2027-01-31 or 2027-01-31T12:00:00Z, found %.40q", text)
}
