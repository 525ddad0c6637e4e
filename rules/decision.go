package rules

import (
	"github.com/borderflow/borderflow/rules/flow"
	"github.com/borderflow/borderflow/rules/redact"
)

// Decision is what a policy says about a flow, and why. Its slices and rules are shared with the
// policy and not to be changed.
type Decision struct {
	Verdict flow.Verdict // Allow, Block or Undecided

	// Undecided: which groups of facts would settle it. Both are false when it waits for facts of
	// the connection.
	NeedsRequest, NeedsData bool

	// OnLargeBody is what happens to a payload that is larger than what is held in memory: the strictest
	// choice of the policies that wait for it; "" when none does.
	OnLargeBody LargeBody

	// WantsData means that a log or shadow rule still depends on the payload: it is to be read as
	// it streams by and decided on again, without delaying the flow.
	WantsData bool

	Policy        string // the deciding policy; "" when Undecided
	Rule          *Rule  // the deciding rule; nil when a default, or nothing, decided
	Contact       string // whom a blocked client asks; "" when the policy names nobody
	Uninspectable bool   // decided by onUninspectable, because of what Rule needs
	Phase         flow.Phase

	// Redact is what is to be taken out of the payload before it leaves: what the deciding rule of each
	// policy asks for, together. It is nil unless Verdict is Allow; Allow holds only if it is done, and a
	// payload on which it cannot be done is to be blocked.
	Redact redact.Selection

	Verdicts []PolicyVerdict // what each policy says on its own, sorted by name
	Logged   []Match         // log rules that match
	Shadowed []Match         // what shadow rules and shadow policies would have done
	Errors   []RuleError

	Exemptions []Exempted // that were used
}

// PolicyVerdict is what one policy says on its own.
type PolicyVerdict struct {
	Policy        string
	Verdict       flow.Verdict
	Rule          *Rule // nil when its default, or nothing, decided
	Shadow        bool  // the policy is evaluated and never enforced
	Uninspectable bool  // decided by its onUninspectable
}

// Match is a rule that matched without deciding.
type Match struct {
	Policy  string
	Rule    *Rule        // nil for the default of a shadow policy
	Verdict flow.Verdict // what it says: log, or what it would have done
}

// RuleError is a condition that could not be evaluated. The message never repeats a value.
type RuleError struct {
	Policy  string
	Rule    string
	Message string
}
