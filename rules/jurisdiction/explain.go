package jurisdiction

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/borderflow/borderflow/rules/flow"
)

// Explanation is a Location with how it came about, for people and for JSON. Its field names are
// kept stable.
type Explanation struct {
	Query         string       `json:"query"`
	Address       string       `json:"address,omitempty"` // the address that was located, if not the query itself
	Aliases       []string     `json:"aliases,omitempty"` // names that the query is an alias of, as resolved
	State         string       `json:"state"`             // "known", "absent" or "unavailable"
	Country       string       `json:"country"`           // "" unless known
	Confidence    float64      `json:"confidence"`
	Possible      []string     `json:"possible"` // every country that the place may be
	Reach         []string     `json:"reach"`    // every country whose law may take hold: possible and both homes
	Jurisdictions []flow.Claim `json:"jurisdictions"`
	Operator      string       `json:"operator"`
	OperatorHome  string       `json:"operator_home"`
	ParentHome    string       `json:"parent_home"`
	Cloud         string       `json:"cloud"`
	Region        string       `json:"region"`
	Anycast       bool         `json:"anycast"`
	Stale         bool         `json:"stale"`
	Conflicts     []string     `json:"conflicts"`
	Reason        string       `json:"reason"`     // one sentence: why the country is what it is
	Statements    []Statement  `json:"statements"` // every source that had something to say, in the order asked
	DataVersion   string       `json:"data_version"`
}

// Statement is what one source said, before it was weighed against the others.
type Statement struct {
	Source   string    `json:"source"`
	About    string    `json:"about"` // "place", "operator", "spread" (served from many places), "none" or "failure"
	Country  string    `json:"country,omitempty"`
	Operator string    `json:"operator,omitempty"`
	AsOf     time.Time `json:"as_of,omitzero"`
	Detail   string    `json:"detail,omitempty"`
}

// Explain locates a destination as Locate does, past the cache, and shows each step.
func (r *Resolver) Explain(host string, address netip.Addr) Explanation {
	return r.ExplainVia(host, nil, address)
}

// ExplainVia locates a destination as LocateVia does, past the cache, and shows each step.
func (r *Resolver) ExplainVia(host string, aliases []string, address netip.Addr) Explanation {
	current := r.current.Load()
	q := newQuery(host, aliases, address, r.now())
	statements := current.ask(nil, q)
	explanation := Explanation{Query: host, Aliases: q.aliases, Statements: []Statement{}, DataVersion: current.version}
	for _, s := range statements { // before they are weighed, which changes them
		explanation.Statements = append(explanation.Statements, publicStatement(s))
	}
	result := combine(statements, r.minimum)
	explanation.Reason = result.reason
	explanation.describe(result.location, result.state)
	if q.dialled.IsValid() && q.dialled.String() != host {
		explanation.Address = q.dialled.String()
	}
	if host == "" {
		explanation.Query, explanation.Address = explanation.Address, ""
	}
	return explanation
}

func (e *Explanation) describe(location flow.Location, state flow.State) {
	e.State = map[flow.State]string{flow.Known: "known", flow.Absent: "absent", flow.Unavailable: "unavailable"}[state]
	e.Country, e.Confidence = location.Country, location.Confidence
	e.Possible = append([]string{}, location.Possible...)
	e.Reach = append([]string{}, location.Reach...)
	e.Jurisdictions = append([]flow.Claim{}, location.Jurisdictions...)
	e.Operator, e.OperatorHome, e.ParentHome = location.Operator, location.OperatorHome, location.ParentHome
	e.Cloud, e.Region = location.Cloud, location.Region
	e.Anycast, e.Stale = location.Anycast, location.Stale
	e.Conflicts = append([]string{}, location.Conflicts...)
}

func publicStatement(s statement) Statement {
	about := map[kind]string{
		silent: "none", declared: "place", named: "place", published: "place", measured: "place", hinted: "place",
		spread: "spread", operated: "operator", failed: "failure",
	}[s.kind]
	shown := Statement{
		Source: s.claim.Source, About: about, Country: s.claim.Country,
		Operator: s.operator, AsOf: s.claim.AsOf, Detail: s.claim.Detail,
	}
	if shown.Country == "" {
		shown.Country = s.operatorHome
	}
	return shown
}

// WriteText writes the explanation for a terminal, beginning with one line that tells the result.
func (e Explanation) WriteText(w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s", e.Query)
	if e.Address != "" {
		fmt.Fprintf(&text, " (%s)", e.Address)
	}
	if e.Country != "" {
		fmt.Fprintf(&text, ": %s %s, confidence %.2f\n", e.Country, CountryName(e.Country), e.Confidence)
	} else {
		fmt.Fprintf(&text, ": no country (%s)\n", e.State)
	}
	fmt.Fprintf(&text, "  because   %s\n", e.Reason)
	e.writeFacts(&text)
	for _, conflict := range e.Conflicts {
		fmt.Fprintf(&text, "  conflict  %s\n", conflict)
	}
	for _, claim := range e.Jurisdictions {
		fmt.Fprintf(&text, "  claim     %-2s %.2f  %s: %s%s\n", orDash(claim.Country), claim.Confidence, claim.Source, claim.Detail, dated(claim.AsOf))
	}
	for _, s := range e.Statements {
		fmt.Fprintf(&text, "  said      %-12s %-8s %-2s %s\n", s.Source, s.About, orDash(s.Country), s.Detail)
	}
	fmt.Fprintf(&text, "  data      %s\n", e.DataVersion)
	_, err := io.WriteString(w, text.String())
	return err
}

// writeFacts writes a line for each fact beside the country that is known.
func (e Explanation) writeFacts(text *strings.Builder) {
	if e.Country == "" && len(e.Possible) > 0 {
		fmt.Fprintf(text, "  possible  %s\n", strings.Join(e.Possible, " "))
	}
	if e.Anycast {
		text.WriteString("  anycast   served from many places\n")
	}
	if e.Stale {
		text.WriteString("  stale     rests on data older than its limit\n")
	}
	if e.Cloud != "" {
		fmt.Fprintf(text, "  cloud     %s\n", strings.TrimSpace(e.Cloud+" "+e.Region))
	}
	if e.Operator != "" || e.OperatorHome != "" || e.ParentHome != "" {
		operator := strings.TrimSpace(e.Operator + " " + parenthesised(e.OperatorHome))
		if e.ParentHome != "" && e.ParentHome != e.OperatorHome {
			operator = strings.TrimSpace(operator + " owned from " + e.ParentHome)
		}
		fmt.Fprintf(text, "  operator  %s\n", operator)
	}
	if len(e.Reach) > 0 {
		fmt.Fprintf(text, "  reach     %s\n", strings.Join(e.Reach, " "))
	}
	if len(e.Aliases) > 0 {
		fmt.Fprintf(text, "  alias of  %s\n", strings.Join(e.Aliases, " "))
	}
}

func parenthesised(text string) string {
	if text == "" {
		return ""
	}
	return "(" + text + ")"
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func dated(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ", of " + t.Format(time.DateOnly)
}
