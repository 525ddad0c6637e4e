package rules

import (
	"slices"
	"time"

	"github.com/borderflow/borderflow/rules/flow"
)

// Explanation is one flow's decision with everything that led to it. It repeats values of the flow,
// so it is for whoever asked about that flow, and never for a log.
type Explanation struct {
	Decision Decision
	Policies []PolicyExplanation
	// Changes are the smallest sets of sub-expressions whose value would have to differ for another
	// verdict, everything else being equal. When there is none, Together may still say what
	// would be enough.
	Changes  []VerdictChange
	Together *VerdictChange
	// NotAnalysable says why Changes and Together may be incomplete; "" when they are exact.
	NotAnalysable string
}

// PolicyExplanation is one policy's part in an explanation.
type PolicyExplanation struct {
	Info    Info
	Verdict PolicyVerdict
	Rules   []RuleExplanation // in the order of evaluation
}

// Result is what a rule's condition came to.
type Result string

const (
	ResultMatched       Result = "matched"
	ResultUnmatched     Result = "not matched"
	ResultPending       Result = "waits"             // for a fact that a later phase establishes
	ResultUninspectable Result = "uninspectable"     // it depends on what cannot be read
	ResultFailed        Result = "failed"            // it could not be evaluated; onError says what that means
	ResultNotInForce    Result = "not in force"      // before validFrom, or after validUntil
	ResultExempted      Result = "exempted"          // an exemption keeps it from matching
	ResultNotRecorded   Result = "not in the record" // it depends on what the record does not keep
)

// RuleExplanation is one rule's part in an explanation.
type RuleExplanation struct {
	Rule   *Rule
	Result Result
	Error  string // of ResultFailed, without any value
	// Exemption is the one that keeps the rule from matching, or would; nil if there is none.
	Exemption *Exemption
	Decides   bool // it gives its policy's verdict
	Reached   bool // no rule before it has decided
	// Condition is the condition with the value of every sub-expression.
	Condition Expression
	// Changes are the smallest sets of sub-expressions whose value would turn the result around: from
	// matched to not matched, or the other way. At most eight are given.
	Changes [][]Change
	// NotAnalysable says why Changes is empty; "" otherwise.
	NotAnalysable string

	trace *trace
}

// Expression is one sub-expression of a condition, and the value it has for a flow.
type Expression struct {
	Text   string `json:"text"`   // as CEL writes it
	Line   int    `json:"line"`   // within the condition, from 1
	Column int    `json:"column"` // likewise, in characters
	Value  string `json:"value"`  // e.g. true, "US", 3, or why there is none
	Kind   Kind   `json:"kind"`
	// Operator is &&, ||, ! or ?: of KindOperator, "" otherwise.
	Operator string `json:"operator,omitempty"`
	// Skipped means that an operand before it has settled the operator's value.
	Skipped  bool         `json:"skipped,omitempty"`
	Operands []Expression `json:"operands,omitempty"`
}

// Kind says what a sub-expression is.
type Kind string

const (
	KindOperator Kind = "operator" // &&, ||, ! or ?: with its operands
	KindAtom     Kind = "atom"     // true or false, and read as one; its operands are the facts it reads
	KindFact     Kind = "fact"     // an attribute or function of the flow
	KindConstant Kind = "constant" // the same for every flow
)

// Change is a sub-expression and the value that it would have to have.
type Change struct {
	Text   string `json:"text"`
	Now    string `json:"now"`
	Needed bool   `json:"needed"`
}

// VerdictChange is a set of changes, and the verdict that it would lead to.
type VerdictChange struct {
	Changes []Change
	Rules   []*Rule // whose results they turn around
	Verdict flow.Verdict
	Policy  string // that would decide
	By      *Rule  // that would decide; nil for a default
	// Alone means that other rules read related facts in ways that cannot be worked out: the verdict
	// follows if their results stay as they are.
	Alone bool
}

// Explainer explains decisions of one policy. It compiles each condition a second time, in a form
// that keeps the value of every sub-expression and skips none of them: some 0.5 ms a rule once, and
// ten times as long as a decision for each flow. It is not safe for concurrent use.
type Explainer struct {
	policy  *Policy
	traces  map[string]*trace
	missing map[string]bool
}

// NewExplainer prepares the explanation of p's decisions.
func NewExplainer(p *Policy) *Explainer { return &Explainer{policy: p, traces: map[string]*trace{}} }

// Without names facts that are not known of the flows to come, e.g. "request.path" or
// "request.header". Conditions that depend on them come to ResultNotRecorded.
func (x *Explainer) Without(facts ...string) {
	x.missing = map[string]bool{}
	for _, fact := range facts {
		x.missing[fact] = true
	}
}

// Explain explains p's decision on f at a time; see Explainer for many.
func (p *Policy) Explain(f *flow.Flow, phase flow.Phase, now time.Time) Explanation {
	return NewExplainer(p).Explain(f, phase, now)
}

// Explain explains the decision on f in phase, at a given time.
func (x *Explainer) Explain(f *flow.Flow, phase flow.Phase, now time.Time) Explanation {
	e := x.Trace(f, phase, now)
	if len(x.missing) > 0 {
		// What the decision would be is not known: the rules' own results are all that can be said.
		e.NotAnalysable = "facts are missing from the record"
		return e
	}
	x.changes(&e)
	return e
}

// Trace is Explain without the changes, for coverage.
func (x *Explainer) Trace(f *flow.Flow, phase flow.Phase, now time.Time) Explanation {
	p := x.policy
	e := Explanation{Decision: p.DecideAt(f, phase, now)}
	s := p.scopes.Get().(*scope)
	defer p.scopes.Put(s)
	defer s.forget()
	s.flow, s.final, s.now = f, phase == flow.Body, now.UTC()
	for i, regime := range p.policies {
		explained := PolicyExplanation{Info: regime.info, Verdict: e.Decision.Verdicts[i]}
		reached := true
		for _, rule := range regime.rules {
			r := x.rule(rule, s)
			r.Reached = reached
			r.Decides = explained.Verdict.Rule == &rule.Rule
			if r.Decides && !explained.Verdict.Uninspectable {
				reached = false
			}
			explained.Rules = append(explained.Rules, r)
		}
		e.Policies = append(e.Policies, explained)
	}
	return e
}

// rule explains one rule in s.
func (x *Explainer) rule(rule *compiledRule, s *scope) RuleExplanation {
	r := RuleExplanation{Rule: &rule.Rule, trace: x.traced(rule.condition)}
	result, _, err := rule.condition.evaluate(s)
	r.Result = [...]Result{matched: ResultMatched, unmatched: ResultUnmatched, pending: ResultPending, pendingUnread: ResultPending,
		uninspectable: ResultUninspectable, failed: ResultFailed}[result]
	if err != nil {
		r.Error = reason(err)
	}
	values := r.trace.evaluate(s, x.missing)
	traced := values.truth(r.trace.root)
	r.Condition = values.expression(r.trace.root, false)
	switch {
	case traced == notRecorded:
		r.Result, r.Error = ResultNotRecorded, ""
	case len(x.missing) > 0 && traced <= isTrue:
		r.Result, r.Error = settledResult(traced), ""
	case r.trace.root == nil || traced.outcome() != result:
		r.NotAnalysable = "the condition could not be traced"
	}
	if r.Exemption = rule.liftedBy(s.flow, s.now); r.Exemption != nil {
		r.NotAnalysable = "an exemption keeps the rule from matching"
		if result != unmatched {
			r.Result, r.Error = ResultExempted, ""
		}
	}
	if !rule.appliesAt(s.now) {
		r.Result, r.Error = ResultNotInForce, ""
		r.NotAnalysable = "the rule is not in force at this time"
	}
	r.trace.values = values
	return r
}

func settledResult(t truthValue) Result {
	if t == isTrue {
		return ResultMatched
	}
	return ResultUnmatched
}

// traced returns the trace of a condition.
func (x *Explainer) traced(c *condition) *trace {
	t, ok := x.traces[c.text]
	if !ok {
		t = newTrace(c)
		x.traces[c.text] = t
	}
	return &trace{program: t.program, root: t.root, atoms: t.atoms}
}

// Find returns the explanation of a rule, nil if there is none. policy may be "" if the id is unique.
func (e *Explanation) Find(policy, id string) *RuleExplanation {
	for i := range e.Policies {
		if policy != "" && e.Policies[i].Info.Name != policy {
			continue
		}
		at := slices.IndexFunc(e.Policies[i].Rules, func(r RuleExplanation) bool { return r.Rule.ID == id })
		if at >= 0 {
			return &e.Policies[i].Rules[at]
		}
	}
	return nil
}
