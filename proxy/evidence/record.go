package evidence

import (
	"net/netip"
	"time"

	"github.com/borderflow/borderflow/rules/flow"
)

// Schema names the format of a line. A change that an old reader would misread gets a new number.
const Schema = "borderflow.flow/1"

// Kinds of record. The record of a flow's outcome, which every flow has exactly one of, has no kind.
const (
	KindFlow     = ""
	KindOpening  = "opening"  // a flow that may last has begun; its outcome comes with the same id
	KindRecovery = "recovery" // the log mended itself; Record.Recovery says what and where
)

// Outcome is how a flow ended.
type Outcome string

const (
	Completed Outcome = "completed" // carried out to its end
	Blocked   Outcome = "blocked"   // a policy stopped it
	Refused   Outcome = "refused"   // not admitted for another reason: limits, destination safety, bad request
	Failed    Outcome = "failed"    // the destination could not be reached or broke off
	Aborted   Outcome = "aborted"   // the client went away, or the proxy was stopped
	Redecided Outcome = "redecided" // ended because a new policy would not have allowed it
)

// Record is what is kept of one flow. It holds no path, no query, no header value and no payload.
//
// The zero value is ready to be filled. Strings are cut to the bounds of limits.go and made valid
// UTF-8 when the line is written. A Record belongs to one goroutine; it can be used again after
// Reset once Append has returned.
type Record struct {
	Kind string    `json:"kind"` // KindFlow, KindOpening or KindRecovery
	Seq  uint64    `json:"seq"`  // position in the log, from 1; assigned by the Log, ignored by Append
	Time time.Time `json:"time"` // when the first byte of the request was read
	ID   string    `json:"id"`   // the flow's id, which the client sees in every refusal

	Source      Source      `json:"source"`
	Destination Destination `json:"destination"`
	Request     Request     `json:"request"`
	Data        Data        `json:"data"`

	Verdict       string `json:"verdict"`       // "allow" or "block"; "" when the flow ended undecided
	Rule          string `json:"rule"`          // id of the deciding rule; "" for a policy's default
	Policy        string `json:"policy"`        // name of the deciding policy
	PolicyHash    string `json:"policy_hash"`   // SHA-256 of the policy snapshot, 64 hex digits
	LegalBasis    string `json:"legal_basis"`   // the deciding rule's legal basis; "" when it names none
	Mechanism     string `json:"mechanism"`     // the transfer's legal mechanism that the deciding rule relied on; "" when none
	Phase         string `json:"phase"`         // phase in which the verdict fell: "connect", "headers", "body"
	Uninspectable bool   `json:"uninspectable"` // onUninspectable decided, because the body could not be read

	Policies []PolicyVerdict `json:"policies"` // what each policy said
	Logged   []RuleReference `json:"logged"`   // rules with verdict log that matched
	Shadow   []ShadowVerdict `json:"shadow"`   // what rules in shadow mode would have done
	Errors   []RuleError     `json:"errors"`   // rules that could not be evaluated

	// Exemptions names the exemptions that were used: without them a rule would have stopped or held
	// the flow, or more of it would have been read.
	Exemptions []string `json:"exemptions"`

	// Redacted counts the places in the payload whose values were replaced before it left, by detector.
	Redacted Findings `json:"redacted"`

	Inspection string        `json:"inspection"` // how much of the flow was read: "full", "sni", "none"
	Outcome    Outcome       `json:"outcome"`    // "" in an opening record
	Error      string        `json:"error"`      // proxy error type of RFC 9209 section 2.3, e.g. "dns_error"; "" when none
	Status     int           `json:"status"`     // HTTP status that the client read; 0 when it read none
	Bytes      Transferred   `json:"bytes"`
	Cut        bool          `json:"cut"`         // a rule stopped the request's body when Bytes.Sent of it had left
	Duration   time.Duration `json:"duration_ms"` // from Time to the outcome; kept to the microsecond
	Timings    Timings       `json:"timings"`
	Parent     string        `json:"parent"` // id of the CONNECT flow that this request came through; "" when none
	Trace      string        `json:"trace"`  // traceparent of the request (W3C Trace Context); left out unless it has that form

	// Unavailable names the groups of facts whose lookup failed or that this flow cannot have, as
	// against "looked for, and there is none": "source.identity", "source.country",
	// "destination.address", "destination.location", "request", "data". SetFlow fills it.
	Unavailable []string `json:"unavailable"`
	// Truncated is true when one of the lists was longer than its bound. The Log sets it.
	Truncated bool `json:"truncated"`
	// Recovery is nil except in records of KindRecovery.
	Recovery *Recovery `json:"recovery"`
}

// Source is who sent. A Log that hashes identifiers (Options.Identifiers) keeps AddressHash and
// IdentityHash in the place of Address and Identity.
type Source struct {
	Address      netip.Addr `json:"address"`
	AddressHash  string     `json:"address_hash"` // "<key>:<hash>", see package pseudonym; "" when kept in clear or unknown
	Port         uint16     `json:"port"`
	Identity     string     `json:"identity"`      // authenticated name; "" when not authenticated
	IdentityHash string     `json:"identity_hash"` // "" when kept in clear or not authenticated
	Assurance    string     `json:"assurance"`     // how the identity was established, e.g. "mtls"
	Country      string     `json:"country"`       // ISO 3166-1 alpha-2; "" when unknown
}

// Destination is where the flow went, and under whose law that stands.
type Destination struct {
	Host          string       `json:"host"` // canonical name, or an address
	Port          uint16       `json:"port"`
	Address       netip.Addr   `json:"address"`       // the address decided on and dialled
	Country       string       `json:"country"`       // ISO 3166-1 alpha-2; "" when unknown
	Confidence    float64      `json:"confidence"`    // 0 (no information) to 1
	Possible      []string     `json:"possible"`      // countries it may stand in, when it is not Country alone
	Reach         []string     `json:"reach"`         // countries whose law may take hold of the data
	Jurisdictions []flow.Claim `json:"jurisdictions"` // the route with its provenance: every source's statement, strongest first
	Operator      string       `json:"operator"`
	OperatorHome  string       `json:"operator_home"`
	ParentHome    string       `json:"parent_home"` // of the operator's ultimate owner; "" when unknown
	Cloud         string       `json:"cloud"`       // provider in whose region it is; "" when unknown
	Region        string       `json:"region"`      // that provider's name of the region
	Anycast       bool         `json:"anycast"`     // served from many places at once
	Stale         bool         `json:"stale"`       // data that bore on the answer was older than its limit
	Conflicts     []string     `json:"conflicts"`
	Exemption     string       `json:"exemption"`    // the exemption that permitted the address; "" when none was needed
	DataVersion   string       `json:"data_version"` // version of the jurisdiction data that answered
}

// Timings are moments of the flow, each counted from Record.Time; 0 when it did not come to that.
// They are kept to the microsecond.
type Timings struct {
	Decided   time.Duration `json:"decided_ms"`   // the verdict was known
	Connected time.Duration `json:"connected_ms"` // the destination was reached
	Answered  time.Duration `json:"answered_ms"`  // the first byte of its answer came
}

// Request is what was asked, without path, query and headers.
type Request struct {
	Method   string `json:"method"`
	Scheme   string `json:"scheme"`
	Protocol string `json:"protocol"`
}

// Data is what was found in the payload: names and counts, never a value.
type Data struct {
	Categories  Categories `json:"categories"`
	Findings    Findings   `json:"findings"`
	Subjects    int        `json:"subjects"`    // distinct people
	Inspected   string     `json:"inspected"`   // how much of the payload was read: "none", "partial", "full"
	Undecodable string     `json:"undecodable"` // why a part could not be read; "" when all was
	Bytes       int64      `json:"bytes"`       // payload bytes seen, before decompression
	Mismatch    bool       `json:"mismatch"`    // the application declares what the data is, and more was found
}

// PolicyVerdict is what one policy said about the flow.
type PolicyVerdict struct {
	Policy  string `json:"policy"`
	Verdict string `json:"verdict"`
	Rule    string `json:"rule"`   // "" for the policy's default
	Shadow  bool   `json:"shadow"` // the policy is in shadow mode: recorded, not enforced
}

// RuleReference names a rule.
type RuleReference struct {
	Policy string `json:"policy"`
	Rule   string `json:"rule"`
}

// ShadowVerdict is what a rule in shadow mode would have done.
type ShadowVerdict struct {
	Policy  string `json:"policy"`
	Rule    string `json:"rule"`
	Verdict string `json:"verdict"`
}

// RuleError says that a rule could not be evaluated, and why, without any value of the flow.
type RuleError struct {
	Policy string `json:"policy"`
	Rule   string `json:"rule"`
	Error  string `json:"error"`
}

// Transferred counts payload bytes: Sent left towards the destination, Received came back.
type Transferred struct {
	Sent     int64 `json:"sent"`
	Received int64 `json:"received"`
}

// Recovery says what the log mended. Lost bytes were never confirmed by AppendAndWait.
type Recovery struct {
	Segment   string `json:"segment"`   // file name of the segment that was damaged
	Reason    string `json:"reason"`    // what was found
	Offset    int64  `json:"offset"`    // length of the part of the segment that is whole
	CutBytes  int64  `json:"cut_bytes"` // bytes removed behind it; 0 when the file was left as it was
	Since     uint64 `json:"since"`     // first record that may be missing there; 0 when none can be
	Until     uint64 `json:"until"`     // last record that is missing; 0 when that is not known
	CausedBy  string `json:"caused_by"` // the operating system's error; "" when there was none
	Abandoned bool   `json:"abandoned"` // the segment is not written to again
}

// Reset empties r for its next use and keeps the capacity of its lists.
func (r *Record) Reset() {
	*r = Record{
		Destination: Destination{
			Possible:      r.Destination.Possible[:0],
			Reach:         r.Destination.Reach[:0],
			Jurisdictions: r.Destination.Jurisdictions[:0],
			Conflicts:     r.Destination.Conflicts[:0],
		},
		Data: Data{
			Categories: r.Data.Categories[:0],
			Findings:   r.Data.Findings[:0],
		},
		Policies:    r.Policies[:0],
		Logged:      r.Logged[:0],
		Shadow:      r.Shadow[:0],
		Errors:      r.Errors[:0],
		Exemptions:  r.Exemptions[:0],
		Redacted:    r.Redacted[:0],
		Unavailable: r.Unavailable[:0],
	}
}
