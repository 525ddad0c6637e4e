// Package answer words what a client reads when its flow does not go through: blocked by a policy,
// refused for its destination, or lost to trouble upstream.
//
// One Refusal is rendered for whoever asked: problem details (RFC 9457) for programs, a page for
// browsers, a status for gRPC clients. All carry the flow's id, so that the person at the client
// and the person at the record speak of the same flow, and a Proxy-Status field (RFC 9209), so that
// the two can be told from the origin's own answers. A Refusal holds nothing internal: no address,
// no Go error, no value from the payload.
//
// It leaves deciding to package rules and carrying out to package proxy:
//
//	refusal := answer.Refusal{Status: 403, Reason: "…", FlowID: id}
//	response := refusal.Response(request)
package answer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Names of the header fields that accompany every refusal.
const (
	FlowHeader = "Borderflow-Flow"
	RuleHeader = "Borderflow-Rule"
)

// Refusal is why a flow did not go through, in words that may leave the network.
type Refusal struct {
	Status     int    // HTTP status; 451 is used when LegalBasis is set and Status is 403
	ProxyError string // RFC 9209 section 2.3 error type, e.g. "http_request_denied"
	Title      string // short and the same for every refusal of this kind
	Reason     string // this refusal's own explanation
	FlowID     string

	// The rule that decided; empty for refusals that no rule made.
	Rule       string
	Policy     string
	PolicyHash string
	LegalBasis string
	Contact    string // whom to ask

	Country    string   // where the flow would have gone; "" when unknown
	Categories []string // what was found in it, by category name

	// BlockedBy is the URL of the party that had the flow blocked (RFC 7725 section 4); "" leaves
	// the Link field out.
	BlockedBy  string
	RetryAfter time.Duration // 0 leaves the field out
}

// HTTPStatus returns the status that clients see: 451 (RFC 7725) for a denial with a legal basis.
func (r Refusal) HTTPStatus() int {
	if r.Status == http.StatusForbidden && r.LegalBasis != "" {
		return http.StatusUnavailableForLegalReasons
	}
	return r.Status
}

// problem is the body of RFC 9457 with borderflow's extension members.
type problem struct {
	Type       string   `json:"type"`
	Title      string   `json:"title"`
	Status     int      `json:"status"`
	Detail     string   `json:"detail"`
	Instance   string   `json:"instance"`
	FlowID     string   `json:"flow_id"`
	Reason     string   `json:"reason"`
	Error      string   `json:"error,omitempty"`
	Rule       string   `json:"rule,omitempty"`
	Policy     string   `json:"policy,omitempty"`
	PolicyHash string   `json:"policy_hash,omitempty"`
	LegalBasis string   `json:"legal_basis,omitempty"`
	Contact    string   `json:"contact,omitempty"`
	Country    string   `json:"destination_country,omitempty"`
	Categories []string `json:"categories,omitempty"`
}

// JSON returns the problem details body.
func (r Refusal) JSON() []byte {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	// Strings and integers always encode, and a bytes.Buffer always takes them.
	_ = encoder.Encode(problem{
		Type: "urn:problem-type:borderflow:" + strings.ReplaceAll(strings.ToLower(r.Title), " ", "-"), Title: r.Title, Status: r.HTTPStatus(), Detail: r.Sentence(),
		Instance: "urn:uuid:" + r.FlowID, FlowID: r.FlowID, Reason: r.Reason, Error: r.ProxyError,
		Rule: r.Rule, Policy: r.Policy, PolicyHash: r.PolicyHash, LegalBasis: r.LegalBasis,
		Contact: r.Contact, Country: r.Country, Categories: r.Categories,
	})
	return body.Bytes()
}

// Sentence is the whole refusal on one line, for places that have only a line: reason phrases,
// gRPC messages, WebSocket close frames.
func (r Refusal) Sentence() string {
	var b strings.Builder
	if r.Rule != "" {
		fmt.Fprintf(&b, "rule %s: ", r.Rule)
	}
	b.WriteString(strings.TrimRight(r.Reason, ". "))
	if r.LegalBasis != "" {
		fmt.Fprintf(&b, " (%s)", r.LegalBasis)
	}
	if r.Contact != "" {
		fmt.Fprintf(&b, "; ask %s", r.Contact)
	}
	fmt.Fprintf(&b, "; flow %s", r.FlowID)
	return b.String()
}

// Response renders the refusal as request's client wants to read it. The caller may send it on any
// connection; its body is held in memory.
func (r Refusal) Response(request *http.Request) *http.Response {
	header := r.header()
	status, body := r.HTTPStatus(), []byte(nil)
	switch {
	case IsGRPC(request):
		status = http.StatusOK // gRPC reports failure in grpc-status alone
		header.Set("Content-Type", "application/grpc")
		header.Set("Grpc-Status", strconv.Itoa(r.grpcStatus()))
		header.Set("Grpc-Message", grpcMessage(r.Sentence()))
	case wantsHTML(request):
		header.Set("Content-Type", "text/html; charset=utf-8")
		header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		body = r.page()
	default:
		header.Set("Content-Type", "application/problem+json")
		body = r.JSON()
	}
	if body != nil {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	return &http.Response{
		Status:     strconv.Itoa(status) + " " + r.phrase(status),
		StatusCode: status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        header,
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       request,
	}
}

func (r Refusal) header() http.Header {
	header := http.Header{
		"Cache-Control":          {"no-store"},
		"Proxy-Status":           {r.proxyStatus()},
		FlowHeader:               {printable(r.FlowID, mostName)},
		"X-Content-Type-Options": {"nosniff"},
	}
	if r.Rule != "" {
		header.Set(RuleHeader, printable(r.Rule, mostName))
	}
	if r.BlockedBy != "" && r.HTTPStatus() == http.StatusUnavailableForLegalReasons {
		header.Set("Link", "<"+uriReference(r.BlockedBy)+`>; rel="blocked-by"`)
	}
	if r.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int((r.RetryAfter+time.Second-1)/time.Second)))
	}
	return header
}
