package proxy

import (
	"io"
	"net/http"
	"time"

	"github.com/borderflow/borderflow/proxy/answer"
	"github.com/borderflow/borderflow/proxy/evidence"
	"github.com/borderflow/borderflow/proxy/upstream"
	"github.com/borderflow/borderflow/rules"
	"github.com/borderflow/borderflow/rules/flow"
)

// The refusals that no rule makes. Their reasons say what to do and name nothing internal.

func badRequest(reason string) *answer.Refusal {
	return &answer.Refusal{Status: http.StatusBadRequest, ProxyError: "http_request_error",
		Title: "Bad request", Reason: reason}
}

func misdirected(reason string) *answer.Refusal {
	return &answer.Refusal{Status: http.StatusMisdirectedRequest, ProxyError: "http_request_denied",
		Title: "Misdirected request", Reason: reason}
}

func internalError() *answer.Refusal {
	return &answer.Refusal{Status: http.StatusInternalServerError, ProxyError: "proxy_internal_error",
		Title: "Proxy failure", Reason: "borderflow could not decide on this request and stopped it; its log has the details under the flow's id"}
}

func unavailable(reason string) *answer.Refusal {
	return &answer.Refusal{Status: http.StatusServiceUnavailable, ProxyError: "proxy_internal_response",
		Title: "Proxy unavailable", Reason: reason, RetryAfter: 5 * time.Second}
}

func tooSlow(reason string) *answer.Refusal {
	return &answer.Refusal{Status: http.StatusRequestTimeout, ProxyError: "http_request_error",
		Title: "Request timeout", Reason: reason}
}

// trouble is the refusal for an error of resolving, dialling or talking to the origin.
func (x *exchange) trouble(err error) *answer.Refusal {
	name, status := upstream.ProxyErrorType(err)
	title := "Origin unreachable"
	outcome := evidence.Failed
	if status == http.StatusForbidden {
		title, outcome = "Destination refused", evidence.Refused
	}
	x.settle(outcome, name)
	return &answer.Refusal{Status: status, ProxyError: name, Title: title,
		Reason: upstream.ClientMessage(err), Country: x.flow.Destination.Location.Country}
}

// blocked is the refusal for a decision to block.
func (x *exchange) blocked(decision rules.Decision) *answer.Refusal {
	x.settle(evidence.Blocked, "http_request_denied")
	x.mutex.Lock()
	data, policy := x.flow.Data, x.policy
	x.mutex.Unlock()
	refusal := &answer.Refusal{
		Status: http.StatusForbidden, ProxyError: "http_request_denied", Title: "Blocked by policy",
		Policy: decision.Policy, PolicyHash: policy.Hash(), Contact: decision.Contact,
		Country: x.flow.Destination.Location.Country, BlockedBy: x.proxy.config.BlockedBy,
		Reason: reason(decision),
	}
	if decision.Rule != nil {
		refusal.Rule, refusal.LegalBasis = decision.Rule.ID, decision.Rule.LegalBasis
	}
	for _, category := range data.Categories {
		refusal.Categories = append(refusal.Categories, category.Name)
	}
	if decision.Uninspectable && x.payload != nil && x.payload.oversize {
		refusal.Status = http.StatusRequestEntityTooLarge
	}
	return refusal
}

// reason explains a decision to block in the words of the rule, or of the policy's default.
func reason(decision rules.Decision) string {
	switch {
	case decision.Uninspectable && decision.Rule != nil:
		return "what this rule depends on cannot be inspected: " + decision.Rule.Reason
	case decision.Uninspectable:
		return "what the policy depends on cannot be inspected"
	case decision.Rule != nil:
		return decision.Rule.Reason
	case decision.Verdict == flow.Undecided:
		return "the policy could not decide on it"
	}
	return "no rule of policy " + decision.Policy + " permits it"
}

// writeResponse sends a response that was rendered in memory.
func writeResponse(w http.ResponseWriter, response *http.Response) {
	header := w.Header()
	for name, values := range response.Header {
		header[name] = values
	}
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body)
}
