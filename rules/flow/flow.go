// Package flow is the vocabulary that every other room speaks: what is known of one outbound
// request, connection or message, and what was decided about it.
//
// It is plain data. A Flow is built in stages by the data plane (who, where to, what is asked,
// what is in it) and read by the policy, which never changes it. Each group of facts carries a
// State, because "not looked at yet", "there is none" and "the lookup failed" lead to different
// verdicts: a rule must never mistake a failed country lookup for a destination without a country.
//
// It leaves finding the facts to the rooms that are named after them, and serialising them to
// proxy/evidence.
package flow

import (
	"net/http"
	"net/netip"
	"slices"
	"time"
)

// State says how far a group of facts can be relied on.
type State uint8

const (
	Pending     State = iota // not established yet; a later phase may establish it
	Known                    // established
	Absent                   // looked for, and there is none
	Unavailable              // the lookup failed, or the facts cannot be had for this flow
)

// Phase is the stage at which a flow is decided. Each phase knows all that the one before knew.
type Phase uint8

const (
	Connect Phase = iota // source, destination host, address and jurisdiction
	Headers              // the request line and headers as well
	Body                 // the payload's categories as well
)

// String returns the phase's name as records and rule tests spell it.
func (p Phase) String() string { return [...]string{"connect", "headers", "body"}[p] }

// Verdict is what a rule, a policy or the whole set of policies says about a flow.
type Verdict uint8

const (
	Undecided Verdict = iota // a fact that the verdict depends on is still Pending
	Allow
	Log // marks the flow and goes on; never the verdict of a whole policy
	Block
)

// String returns the verdict's name as policy files and records spell it.
func (v Verdict) String() string { return [...]string{"undecided", "allow", "log", "block"}[v] }

// Inspection is how much of a flow borderflow read, or may read.
type Inspection uint8

const (
	InspectFull Inspection = iota // TLS is terminated; every request and its payload can be read
	InspectSNI                    // the TLS ClientHello's server name only; the rest is tunnelled
	InspectNone                   // nothing beyond the CONNECT target
)

// String returns the level's name as policy files and records spell it.
func (i Inspection) String() string { return [...]string{"full", "sni", "none"}[i] }

// Flow is one outbound request, tunnel or WebSocket: everything known of it so far.
//
// A Flow belongs to the goroutine that builds it; it is not safe for concurrent use.
type Flow struct {
	ID          string    // unique, sortable by time; the client sees it in every refusal
	Started     time.Time // when the first byte of the request was read
	Source      Source
	Destination Destination
	Request     Request
	Declared    Declared
	Data        Data
	Inspection  Inspection // what was really read, not what the policy asked for
}

// Source is who sends.
type Source struct {
	Address netip.Addr
	// Pseudonym stands for Address, and for Identity if there is one, in a flow that is read back from a
	// record which keeps their hashes; "" in every other flow.
	Pseudonym     string
	Port          uint16
	Identity      string // authenticated name, e.g. a user or a SPIFFE ID; "" unless IdentityState is Known
	IdentityState State
	Assurance     string // how the identity was established: "mtls", "basic" or ""
	Country       string // jurisdiction the data leaves, ISO 3166-1 alpha-2; "" unless CountryState is Known
	CountryState  State

	// Namespace, ServiceAccount and Labels are the workload's, as its orchestrator knows them; empty
	// unless WorkloadState is Known. Absent: nothing that knows workloads is asked, or the caller is
	// none. Labels are shared and not to be changed.
	Namespace      string
	ServiceAccount string
	Labels         map[string]string
	WorkloadState  State
}

// Destination is where the flow goes.
type Destination struct {
	// Host is canonical: lower-case A-labels without a trailing dot, or an address in the
	// form netip.Addr prints.
	Host          string
	Port          uint16
	Address       netip.Addr // the one address that was decided on and is dialled
	AddressState  State
	Location      Location
	LocationState State // Absent: no source knows a place; Unavailable: a source failed
	// Exemption is the entry of destination.exempt that permitted an otherwise refused address,
	// "" when none was needed.
	Exemption string
}

// Location is under whose law a destination stands, and how that is known. Its slices are shared
// and not to be changed.
type Location struct {
	Country    string  // ISO 3166-1 alpha-2 of the resolved place; "" when unknown
	Confidence float64 // 0 (no information) to 1
	// Possible is every country that the place may be, sorted: the one country when it is resolved, all
	// that the deciding sources name when they disagree or their confidence is too low, none when nothing
	// is known or the destination is served from many places.
	Possible []string
	// Reach is every country whose law may take hold of the data, sorted: Possible, OperatorHome and
	// ParentHome. It is known for many destinations whose place is not.
	Reach         []string
	Jurisdictions []Claim // every source's statement, strongest first
	Operator      string  // who runs the destination; "" when unknown
	OperatorHome  string  // country whose law binds the operator; "" when unknown
	HomeSource    string  // source of OperatorHome, e.g. "catalogue", "operator", "registrant" of the network; "" when unknown
	ParentHome    string  // country whose law binds the operator's ultimate owner; "" when unknown
	Cloud         string  // provider in whose region the destination is, e.g. "aws"; "" when unknown
	Region        string  // that provider's name of the region, e.g. "eu-central-1"; "" when unknown
	Anycast       bool    // the address or the name is served from many places at once
	Stale         bool    // data that bore on the answer was older than its limit
	Conflicts     []string
	DataVersion   string // version of the data that answered, for the record
}

// Claim is one source's statement about a destination.
type Claim struct {
	Country    string    `json:"country"`          // ISO 3166-1 alpha-2; "" when the source cannot say
	Source     string    `json:"source"`           // which source, e.g. "catalogue", "database", "cctld"
	Confidence float64   `json:"confidence"`       // 0 (no information) to 1 (declared under contract)
	AsOf       time.Time `json:"as_of,omitzero"`   // when the source's data was published; zero if unknown
	Detail     string    `json:"detail,omitempty"` // what matched, e.g. "suffix .example.de"
}

// Request is what is asked of the destination. Its State is Pending until the headers are read,
// and Unavailable in a tunnel that is not inspected.
type Request struct {
	State    State
	Method   string
	Scheme   string // "http" or "https"
	Path     string // decoded path without the query
	Query    string // raw query
	Header   http.Header
	Protocol string // "http/1.1", "h2", "grpc", "websocket", "connect"
	Size     int64  // declared payload size in bytes; -1 when not declared
}

// Declared is what the application itself says about the data that it sends. Its State is Pending
// until the headers are read, Absent when nothing was said or nothing that is said is trusted, and
// Unavailable when what a trusted source says cannot be read.
type Declared struct {
	State  State
	Labels []string // e.g. "internal", "pseudonymised"; lower case, sorted, each once
	Covers []string // the categories of data that the labels stand for; sorted, each once
	// Ignored: something was said by a source that is not trusted with it. It is not in Labels.
	Ignored bool
}

// Contradicts reports whether data of category c is more than the labels say. Where nothing is
// declared nothing is contradicted.
func (d *Declared) Contradicts(c Category) bool {
	return d.State == Known && c.Count > 0 && !slices.Contains(d.Covers, c.Name)
}

// Strength says how far a detector's finding can be trusted on its own.
type Strength uint8

const (
	Weak   Strength = iota + 1 // counts only with evidence around it
	Medium                     // a checksum or shape that random data passes in 0.5 to 5 %
	Strong                     // 0.5 % or less
)

// String returns the strength's name as records spell it.
func (s Strength) String() string { return [...]string{"", "weak", "medium", "strong"}[s] }

// Category is one kind of data found in a payload.
type Category struct {
	Name     string // e.g. "personal", "government-id", "financial"
	Count    int    // distinct findings
	Strength Strength
}

// Coverage says how much of a payload the classifier could read.
type Coverage uint8

const (
	CoverageNone Coverage = iota
	CoveragePartial
	CoverageFull
)

// String returns the coverage's name as records spell it.
func (c Coverage) String() string { return [...]string{"none", "partial", "full"}[c] }

// Data is what was found in the payload. Its State is Pending until the payload has been read,
// Known after (an empty payload is Known with no categories), Unavailable when it cannot be read.
type Data struct {
	State       State
	Categories  []Category // sorted by name, each name once
	Findings    []Finding  // sorted by detector, each detector once
	Subjects    int        // distinct people, as far as identifiers tell them apart
	Coverage    Coverage
	Undecodable string // why part of the payload could not be read, e.g. "truncated gzip"; "" when all was
	Bytes       int64  // payload bytes seen, before decompression
	// Entropy is in bits per byte of the first 64 KiB as they arrived, 0 to 8; 0 for an empty payload.
	// Negative: it was not kept, as in a flow that is read back from a record.
	Entropy float64
	// Open: the payload is still being read. What was found stays found, and an Undecodable part stays
	// undecodable; everything else is Pending. A verdict that is reached on an Open payload is certain
	// whatever follows.
	Open bool
	// Oversize: the payload is larger than what may be read before it leaves. Undecodable says so too.
	Oversize bool
}

// EntropyBytes is how much of a payload Data.Entropy is measured on, in bytes.
const EntropyBytes = 64 << 10

// Finding is what one detector found. It never holds the matched value.
type Finding struct {
	Detector string // e.g. "us-ssn"
	Count    int
	Strength Strength
}
