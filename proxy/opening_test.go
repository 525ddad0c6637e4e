package proxy_test

import (
	"crypto/tls"
	"net/http"
	"testing"

	"github.com/borderflow/borderflow/proxy/evidence"
)

func TestATunnelIsRecordedWhenItOpensAndWhenItEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("tunnel.test", echo)
	w.policy("apiVersion: borderflow/v1\nkind: Policy\nname: test\ndefault: allow\ncontact: c@example.com\n" +
		"inspect: [{when: 'true', level: sni}]\n")
	w.start()
	client, _, response := w.connect("tunnel.test:443")
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
	inner := tls.Client(client, &tls.Config{RootCAs: w.ca.pool(), ServerName: "tunnel.test"})
	must(t, inner.Handshake())
	var opening evidence.Record
	w.eventually("the opening to be recorded", func() bool {
		openings := w.recordsOf(evidence.KindOpening)
		if len(openings) == 1 {
			opening = openings[0]
		}
		return len(openings) > 0
	})
	if len(w.records()) != 0 {
		t.Error("the tunnel has an outcome while it is open")
	}
	if opening.Verdict != "allow" || opening.Destination.Host != "tunnel.test" || opening.Outcome != "" || opening.PolicyHash == "" {
		t.Errorf("%+v", opening)
	}
	must(t, inner.Close())
	outcome := w.flow(opening.ID)
	if outcome.Outcome == "" || outcome.Seq <= opening.Seq || outcome.Timings.Connected == 0 || outcome.Timings.Decided == 0 {
		t.Errorf("%+v", outcome)
	}
}

func TestARequestIsRecordedOnceWithItsTraceAndTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("shop.test", echo)
	w.start()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://shop.test/", nil)
	must(t, err)
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	request.Header.Set("Traceparent", trace)
	response, err := w.client().Do(request)
	must(t, err)
	response.Body.Close()
	record := w.record(func(r evidence.Record) bool { return r.Request.Method == http.MethodGet })
	if record.Trace != trace || record.Timings.Decided == 0 || record.Timings.Answered < record.Timings.Decided {
		t.Errorf("trace %q, timings %+v", record.Trace, record.Timings)
	}
	if record.Source.Address.IsValid() || record.Source.AddressHash == "" {
		t.Errorf("the source is kept in clear: %+v", record.Source)
	}
	if openings := w.recordsOf(evidence.KindOpening); len(openings) != 0 {
		t.Errorf("%d openings of a short request", len(openings))
	}
}
